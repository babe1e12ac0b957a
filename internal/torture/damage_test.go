package torture

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/stream"
)

// hangTime is how long no reading of a damaged stream may take. An import has
// pauses of its own before it believes that a write is lost, and many of them run
// concurrently here.
const (
	hangTime       = 5 * time.Second
	importHangTime = 30 * time.Second
)

// No cut and no flipped bit of a small stream, with something of every kind in
// it, passes comet-filter --check.
func TestEveryCutAndBit(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	text := runFilter(runExport(src, "lab/small").want(t, cli.ExitOK).stdout, "--max-asset-size", "1k").want(t, cli.ExitOK).stdout
	if len(text) > 64<<10 {
		t.Fatalf("the stream has %d bytes", len(text))
	}
	text = inBlocks(t, text, 1<<10)
	runFilter(text, "--check").want(t, cli.ExitOK)
	rng := dice(t)
	cuts, bits := sample(rng, len(text), 100), sample(rng, 8*len(text), 300)
	// Most of a stream is frames: a sample may miss the labels. The first is here.
	for bit := range 8 * labelSize {
		bits = append(bits, bit)
	}
	begin := time.Now()
	sideBySide(cuts, func(n int) { foundByCheck(t, text[:n], fmt.Sprintf("cut at byte %d", n)) })
	sideBySide(bits, func(bit int) { foundByCheck(t, flipped(text, bit), fmt.Sprintf("bit %d of byte %d", bit%8, bit/8)) })
	t.Logf("%d bytes: %d cuts and %d bits in %v", len(text), len(cuts), len(bits), time.Since(begin).Round(time.Millisecond))
}

// Random cuts and flips of a large stream are found, and salvage loses the
// experiments that touch a damaged block, and no others.
func TestRandomDamage(t *testing.T) {
	rng := dice(t)
	src := start(t, nil)
	seedMany(src, rng, either(200, 12))
	text := inBlocks(t, runExport(src, "lab/many").want(t, cli.ExitOK).stdout, 8<<10)
	blocks, whole := blocksOf(t, text), groups(t, text)
	damages := make([]damage, either(10_000, 40))
	for i := range damages {
		damages[i] = damage{at: rng.IntN(len(text)), bit: rng.IntN(16)}
	}
	begin := time.Now()
	sideBySide(damages, func(d damage) {
		bad := d.of(text)
		foundByCheck(t, bad, d.String())
		d.salvaged(t, bad, blocks, whole)
	})
	t.Logf("%d bytes, %d blocks, %d experiments: %d damages in %v", len(text), len(blocks), len(whole), len(damages), time.Since(begin).Round(time.Millisecond))
}

// What is whole before a cut or a flipped bit is imported and finished; the
// whole stream brings the rest.
func TestImportOfDamage(t *testing.T) {
	rng := dice(t)
	src := start(t, nil)
	seedMany(src, rng, 12)
	plain := withoutTrouble(t, src, "many")
	text := inBlocks(t, plain.stream, 2<<10)
	blocks := blocksOf(t, text)
	for i := range either(300, 4) {
		d := damage{at: rng.IntN(len(text)), bit: rng.IntN(16)}
		t.Run(fmt.Sprintf("%d/%v", i, d), func(t *testing.T) {
			t.Parallel()
			dst := start(t, nil)
			if r := runImport(dst, d.of(text)).want(t, cli.ExitInput); r.took > importHangTime {
				t.Errorf("the import took %v", r.took)
			}
			before := d.before(blocks)
			t.Logf("%d experiments stand before it", len(before))
			for _, key := range before {
				if diff := cmp.Diff(experimentOf(plain.state, key), experimentOf(stateOf(dst), key)); diff != "" {
					t.Errorf("experiment %s stands before it (-undisturbed +this):\n%.*s", key, 2000, diff)
				}
			}
			runImport(dst, text).want(t, cli.ExitOK)
			same(t, plain.state, dst)
		})
	}
}

// foundByCheck fails the test unless comet-filter --check refuses a stream.
func foundByCheck(t testing.TB, text []byte, what string) {
	if r := runFilter(text, "--check"); r.code != cli.ExitInput || r.took > hangTime {
		t.Errorf("%s: exit code %d after %v\n%s", what, r.code, r.took, r.stderr)
	}
}

// flipped returns a copy of text with one bit changed.
func flipped(text []byte, bit int) []byte {
	text = bytes.Clone(text)
	text[bit/8] ^= 1 << (bit % 8)
	return text
}

// A damage is a cut before a byte, or a flipped bit of it.
type damage struct {
	at  int
	bit int // from 8 on it is a cut
}

func (d damage) cut() bool { return d.bit >= 8 }

func (d damage) String() string {
	if d.cut() {
		return fmt.Sprintf("cut at byte %d", d.at)
	}
	return fmt.Sprintf("bit %d of byte %d", d.bit, d.at)
}

func (d damage) of(text []byte) []byte {
	if d.cut() {
		return text[:d.at]
	}
	return flipped(text, 8*d.at+d.bit)
}

// touches reports whether a block is not what it was.
func (d damage) touches(b block) bool { return d.at < b.to && (d.cut() || d.at >= b.from) }

// touched returns the experiments of all damaged blocks.
func (d damage) touched(blocks []block) map[string]bool {
	keys := make(map[string]bool)
	for _, b := range blocks {
		if d.touches(b) {
			for _, key := range b.keys {
				keys[key] = true
			}
		}
	}
	return keys
}

// before returns the experiments that are whole before the first damaged block.
func (d damage) before(blocks []block) []string {
	keys := make(map[string]bool)
	for i, b := range blocks {
		for _, key := range b.keys {
			keys[key] = true
		}
		if !d.touches(b) {
			continue
		}
		for _, b := range blocks[i:] {
			for _, key := range b.keys {
				delete(keys, key)
			}
		}
		break
	}
	return slices.Sorted(maps.Keys(keys))
}

// salvaged fails the test if comet-filter --salvage loses or changes what the
// damage has not touched.
func (d damage) salvaged(t testing.TB, bad []byte, blocks []block, whole map[string]string) {
	touched := d.touched(blocks)
	r := runFilter(bad, "--salvage")
	if r.took > hangTime {
		t.Errorf("%v: salvage took %v", d, r.took)
	}
	if r.code == cli.ExitInput && len(r.stdout) == 0 && len(touched) == len(whole) {
		return // there was nothing to be kept
	}
	if r.code != cli.ExitIncomplete {
		t.Errorf("%v: salvage: exit code %d\n%s", d, r.code, r.stderr)
		return
	}
	if check := runFilter(r.stdout, "--check"); check.code != cli.ExitOK {
		t.Errorf("%v: what was salvaged does not pass: %s", d, check.stderr)
		return
	}
	kept := groups(t, r.stdout)
	for key, sum := range whole {
		switch got, ok := kept[key]; {
		case !ok && !touched[key]:
			t.Errorf("%v: experiment %s is lost, which it does not touch\n%s", d, key, r.stderr)
		case ok && got != sum:
			t.Errorf("%v: experiment %s has changed", d, key)
		}
	}
}

// A block is a range of the bytes of a stream, and the experiments that have
// records in it.
type block struct {
	from, to int
	keys     []string
}

// labelSize is the size of what stands before each frame.
const labelSize = 64

func blocksOf(t testing.TB, text []byte) []block {
	t.Helper()
	r := stream.NewBlockReader(bytes.NewReader(text), stream.BlockReaderOptions{})
	defer r.Close()
	var blocks []block
	open := ""
	for {
		b, err := r.Next()
		if err == io.EOF {
			return blocks
		}
		if err != nil {
			t.Fatal(err)
		}
		found := block{from: int(b.Offset), to: int(b.Offset) + labelSize + len(b.Frame)}
		records, err := b.Records()
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range records {
			open = opened(t, raw, open)
			if open != "" && !slices.Contains(found.keys, open) {
				found.keys = append(found.keys, open)
			}
			if raw.Kind == stream.KindExperimentEnd {
				open = ""
			}
		}
		blocks = append(blocks, found)
	}
}

// opened returns the experiment that a record belongs to, where the one before
// it belongs to open.
func opened(t testing.TB, raw stream.Raw, open string) string {
	if raw.Kind != stream.KindExperiment {
		return open
	}
	rec, err := raw.Decode()
	if err != nil {
		t.Fatal(err)
	}
	return rec.(*stream.Experiment).Key
}

// groups returns a hash of the records of each experiment of a complete stream.
func groups(t testing.TB, text []byte) map[string]string {
	r := stream.NewReader(bytes.NewReader(text), stream.ReaderOptions{})
	defer r.Close()
	found := make(map[string]string)
	open, sum := "", sha256.New()
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Errorf("the stream: %v", err)
			return found
		}
		if raw.Kind == stream.KindExperiment {
			sum.Reset()
		}
		open = opened(t, raw, open)
		sum.Write(raw.Data)
		if raw.Kind == stream.KindExperimentEnd {
			found[open] = fmt.Sprintf("%x", sum.Sum(nil))
		}
	}
}

// inBlocks writes a stream again in blocks of a given size.
func inBlocks(t testing.TB, text []byte, size int) []byte {
	t.Helper()
	r := stream.NewReader(bytes.NewReader(text), stream.ReaderOptions{})
	defer r.Close()
	var out bytes.Buffer
	w := stream.NewWriter(&out, stream.WriterOptions{BlockSize: size, Level: 1})
	for {
		raw, err := r.NextRaw()
		if err == io.EOF || err == nil && raw.Kind == stream.KindTrailer {
			break
		}
		if err == nil {
			err = w.WriteRaw(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sample returns the numbers below all, or some of them.
func sample(rng *rand.Rand, all, some int) []int {
	return rng.Perm(all)[:either(all, min(some, all))]
}

// sideBySide calls f for each value, on all processors.
func sideBySide[T any](values []T, f func(T)) {
	queue := make(chan T)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for v := range queue {
				f(v)
			}
		})
	}
	for _, v := range values {
		queue <- v
	}
	close(queue)
	wg.Wait()
}
