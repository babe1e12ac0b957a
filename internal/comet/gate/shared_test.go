package gate

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/comet-stream/comet-stream/internal/filelock"
)

// fill gives each field below v a value other than zero, whether exported or not.
func fill(t *testing.T, v reflect.Value, n *int64) {
	t.Helper()
	*n++
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = epoch.Add(time.Duration(*n))
	case *bool:
		*x = true
	case *float64:
		*x = float64(*n)
	case *int:
		*x = int(*n)
	case *time.Duration:
		*x = time.Duration(*n)
	default:
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(t, v.Field(i), n)
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			for i := range v.Len() {
				fill(t, v.Index(i), n)
			}
		default:
			t.Fatalf("a field of type %v", v.Type())
		}
	}
}

// All of a pace is in the file, and comes back as it was, but for where times are.
func TestCoded(t *testing.T) {
	var p, got pace
	var n int64
	fill(t, reflect.ValueOf(&p).Elem(), &n)
	if !decode(encode(&p), &got, epoch) {
		t.Fatal("what was written is refused")
	}
	if string(encode(&got)) != string(encode(&p)) {
		t.Errorf("got %+v\nwant %+v", got, p)
	}
	var zero pace
	a, b := encode(&zero), encode(&p)
	differ := 0
	for i := 8; i < len(a); i += 8 {
		if string(a[i:i+8]) != string(b[i:i+8]) {
			differ++
		}
	}
	if fields := int(n) - 4 - 2; differ != fields+1 { // the structs and the slice are none, its length is one
		t.Errorf("%d words for %d fields", differ, fields)
	}
	full := pace{taken: history{marks: make([]mark, fullHistory)}}
	if len(encode(&full)) != codedSize {
		t.Errorf("%d bytes, want %d", len(encode(&full)), codedSize)
	}
}

// What makes no sense is refused: of another time, not a number, cut off, damaged.
func TestCodedRefused(t *testing.T) {
	good := func() *pace { return &pace{limited: true, rate: 2, learnt: 1, due: epoch, shut: epoch} }
	var got pace
	if !decode(encode(good()), &got, epoch) {
		t.Fatal("a good one is refused")
	}
	for name, spoil := range map[string]func(p *pace){
		"due in a year":        func(p *pace) { p.due = epoch.AddDate(1, 0, 0) },
		"shut for a century":   func(p *pace) { p.shut = epoch.AddDate(100, 0, 0) },
		"begun tomorrow":       func(p *pace) { p.began = epoch.AddDate(0, 0, 1) },
		"a mark of tomorrow":   func(p *pace) { p.taken.marks = []mark{{epoch.AddDate(0, 0, 1), 1}} },
		"no rate":              func(p *pace) { p.rate = 0 },
		"a negative rate":      func(p *pace) { p.rate = -1 },
		"a rate that is none":  func(p *pace) { p.rate = math.NaN() },
		"an infinite best":     func(p *pace) { p.best = math.Inf(1) },
		"a negative count":     func(p *pace) { p.run = -1 },
		"a negative wait":      func(p *pace) { p.rest = -1 },
		"too large a total":    func(p *pace) { p.taken.total = math.MaxInt32; p.taken.total++ },
		"a mark before all":    func(p *pace) { p.taken.marks = []mark{{epoch, -1}} },
		"an infinite run size": func(p *pace) { p.climb.usual = math.Inf(1) },
	} {
		p := good()
		if spoil(p); decode(encode(p), &got, epoch) {
			t.Errorf("%s is taken", name)
		}
	}
	b := encode(good())
	for _, cut := range [][]byte{nil, b[:8], b[:len(b)-1], append(b, 0)} {
		if decode(cut, &got, epoch) {
			t.Errorf("%d bytes are taken", len(cut))
		}
	}
	b[len(b)/2] ^= 1
	if decode(b, &got, epoch) {
		t.Error("a flipped bit is taken")
	}
}

func needLocks(t *testing.T) {
	t.Helper()
	if !filelock.Supported {
		t.Skip("this system has no locks for it")
	}
}

// shuts reports whether a gate with a file waits for what another has been refused.
func shuts(g *Gate) bool { return time.Until(g.Opens()) > time.Minute }

// Gates with one file are as one from the first refusal on, and before there is none.
// It is for its owner alone. What it says counts while one of them lives.
func TestGateFile(t *testing.T) {
	needLocks(t)
	dir := filepath.Join(t.TempDir(), "cache")
	file := filepath.Join(dir, "gate")
	one, two, other := New(time.Hour, file), New(time.Hour, file), New(time.Hour, filepath.Join(dir, "other"))
	for _, g := range []*Gate{one, two} {
		if err := g.Wait(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		g.Taken(time.Now())
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Fatalf("there is something before a refusal: %v", err)
	}
	one.Refused(time.Now(), 10*time.Minute)
	two.shared.looked = time.Time{} // as after a while
	if !shuts(one) || !shuts(two) || shuts(other) {
		t.Errorf("shut: %v %v, of another server %v", shuts(one), shuts(two), shuts(other))
	}
	if n := two.pace.taken.total; n != 2 {
		t.Errorf("%d are known to be taken, want 2", n)
	}
	for name, mode := range map[string]os.FileMode{dir: 0o700, file: 0o600, file + ".users": 0o600} {
		if info, err := os.Lstat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want mode %v", name, info, err, mode)
		}
	}
	hasty := New(time.Minute, file)
	if shuts(hasty) {
		t.Error("a gate waits longer than it is to")
	}
	if hasty.Refused(time.Now(), 10*time.Minute); !shuts(two) {
		t.Error("a gate that does not wait opens the others")
	}
	one.shared.quit()
	if late := New(time.Hour, file); !shuts(late) {
		t.Error("what one that lives knows is lost")
	} else {
		late.shared.quit()
	}
	two.shared.quit()
	if late := New(time.Hour, file); shuts(late) {
		t.Error("what the dead knew counts")
	}
}

// A cache folder that is hostile, damaged or of no use leaves each gate to itself.
func TestGateFileUseless(t *testing.T) {
	needLocks(t)
	write := func(t *testing.T, name string, b []byte, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(name, b, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, prepare := range map[string]func(t *testing.T, dir, file string){
		"a link": func(t *testing.T, dir, file string) {
			write(t, file+"x", nil, 0o600)
			if err := os.Symlink(file+"x", file); err != nil {
				t.Fatal(err)
			}
		},
		"a link in place of the folder": func(t *testing.T, dir, file string) {
			if err := os.Rename(dir, dir+"x"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(dir+"x", dir); err != nil {
				t.Fatal(err)
			}
		},
		"a folder": func(t *testing.T, dir, file string) {
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"open to others": func(t *testing.T, dir, file string) { write(t, file, nil, 0o644) },
		"a folder that others write to": func(t *testing.T, dir, file string) {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		},
		"a file in place of the folder": func(t *testing.T, dir, file string) {
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			write(t, dir, nil, 0o600)
		},
		"read-only": func(t *testing.T, dir, file string) {
			if os.Geteuid() == 0 {
				t.Skip("root writes everywhere")
			}
			if err := os.Chmod(dir, 0o500); err != nil {
				t.Fatal(err)
			}
		},
		"of another user": func(t *testing.T, dir, file string) {
			write(t, file, nil, 0o600)
			if err := os.Chown(file, 12345, 12345); err != nil {
				t.Skip(err)
			}
		},
		"a folder of another user": func(t *testing.T, dir, file string) {
			if err := os.Chown(dir, 12345, 12345); err != nil {
				t.Skip(err)
			}
		},
		"a link in place of the users": func(t *testing.T, dir, file string) {
			if err := os.Symlink(file, file+".users"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "gate")
			prepare(t, dir, file)
			one, two := New(time.Hour, file), New(time.Hour, file)
			one.Refused(time.Now(), 10*time.Minute)
			if !shuts(one) || shuts(two) {
				t.Errorf("shut: %v, the other %v", shuts(one), shuts(two))
			}
			if one.shared.name != "" {
				t.Error("the file is still looked at")
			}
		})
	}
}

// What is damaged or huge counts for nothing: each gate keeps what it knows, and the
// first that comes shares it again.
func TestGateFileDamaged(t *testing.T) {
	needLocks(t)
	for name, content := range map[string][]byte{
		"garbage": []byte("garbage"), "huge": make([]byte, 10<<20), "zeros": make([]byte, codedSize), "random": []byte(strings.Repeat("x", codedSize)),
	} {
		file := filepath.Join(t.TempDir(), "cache", "gate")
		one, two := New(time.Hour, file), New(time.Hour, file)
		one.Refused(time.Now(), 10*time.Minute)
		if !shuts(two) {
			t.Fatal("the gates share nothing")
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if late := New(time.Hour, file); shuts(late) {
			t.Errorf("%s counts", name)
		}
		if !shuts(one) || !shuts(two) {
			t.Errorf("%s: shut %v, %v", name, shuts(one), shuts(two))
		}
		if late := New(time.Hour, file); !shuts(late) {
			t.Errorf("%s is not replaced", name)
		}
	}
}

// When the clock is set back, nobody waits for a time of before, and the rate that has
// been learnt stays.
func TestGateFileClockSetBack(t *testing.T) {
	needLocks(t)
	for name, set := range map[string]time.Duration{"seconds": 5 * time.Second, "an hour": time.Hour} {
		file := filepath.Join(t.TempDir(), "gate")
		one, two := New(time.Hour, file), New(time.Hour, file)
		one.Refused(time.Now(), 0)
		one.mu.Lock()
		before := time.Now().Add(set)
		one.pace = pace{limited: true, rate: 40, best: 40, learnt: 3, run: 9, began: before, previous: before, ended: before, due: before}
		if one.shared.lock(false, time.Now()) || !one.shared.held {
			t.Fatal("the file can't be locked")
		}
		one.shared.unlock(&one.pace)
		one.mu.Unlock()
		for i, g := range []*Gate{one, two} {
			if wait := time.Until(g.Opens()); wait > 0 {
				t.Errorf("%s: gate %d is shut for %v", name, i, wait)
			}
		}
		one.mu.Lock()
		if wait := time.Until(one.pace.next()); wait > 0 || one.pace.rate != 40 || one.pace.learnt != 3 {
			t.Errorf("%s: the next request in %v, at %g a second", name, wait, one.pace.rate)
		}
		one.mu.Unlock()
		two.mu.Lock()
		if two.pace.rate != 40 {
			t.Errorf("%s: the other has a rate of %g", name, two.pace.rate)
		}
		two.mu.Unlock()
	}
}

// A lock of a process that has been stopped is waited for a while, and then no more.
// What came meanwhile is not lost.
func TestGateFileLocked(t *testing.T) {
	needLocks(t)
	file := filepath.Join(t.TempDir(), "gate")
	one, two := New(time.Hour, file), New(time.Hour, file)
	one.Refused(time.Now(), 10*time.Minute)
	one.mu.Lock()
	if one.shared.lock(false, time.Now()) || !one.shared.held {
		t.Fatal("the file can't be locked")
	}
	one.mu.Unlock()
	two.shared.lock(false, time.Now()) // others have it
	two.shared.busy = time.Now().Add(-lockPatience)
	if err := two.Wait(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	two.Refused(time.Now(), 20*time.Minute)
	if two.shared.name != "" || !shuts(two) {
		t.Error("a gate waits for a file that stays locked")
	}
}

// Many gates with one file count each request of all.
func TestGateFileCounts(t *testing.T) {
	needLocks(t)
	file := filepath.Join(t.TempDir(), "gate")
	first := New(time.Hour, file)
	first.pace = pace{limited: true, rate: 1e4, learnt: 20, burst: 1}
	first.update(true)
	var gates sync.WaitGroup
	const n, each = 4, 25
	for range n {
		g := New(time.Hour, file)
		gates.Go(func() {
			for range each {
				if err := g.Wait(t.Context(), nil); err != nil {
					t.Error(err)
				}
				g.Taken(time.Now())
			}
			for g.mu.Lock(); len(g.untold) > 0; g.mu.Lock() {
				g.quiet = time.Time{}
				g.update(false)
				g.mu.Unlock()
			}
			g.mu.Unlock()
		})
	}
	gates.Wait()
	if first.Opens(); first.pace.run != n*each || first.pace.taken.total != n*each {
		t.Errorf("%d sent, %d taken, want %d", first.pace.run, first.pace.taken.total, n*each)
	}
}
