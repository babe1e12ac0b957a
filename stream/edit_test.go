package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// later is a project record of a later version: it has keys that this one does
// not know, before, between and after those it does.
func later(t *testing.T) Raw {
	t.Helper()
	b := appendStr([]byte{msgpcode.FixedArrayLow | 2}, "project")
	b = appendMapLen(b, 8)
	b = appendInt(appendStr(b, "aaa"), 1)
	b = append(appendStr(b, "doc"), doc(t, `{"x":1.0}`)...)
	b = appendInt(appendStr(b, "experiments"), 3)
	b = appendBin(appendStr(b, "mmm"), []byte{0, 1, 2})
	b = appendStr(appendStr(b, "name"), "p")
	b = appendBool(appendStr(b, "public"), true)
	b = appendStr(appendStr(b, "workspace"), "ws")
	b = append(appendStr(b, "zzz"), doc(t, `{"y":[null]}`)...)
	r := Raw{Kind: KindProject, Data: b, place: placeOutside}
	if _, err := r.checked(); err != nil {
		t.Fatal(err)
	}
	return r
}

func fieldNames(r Raw) []string {
	var names []string
	for name := range r.Fields() {
		names = append(names, name)
	}
	return names
}

func TestRawWith(t *testing.T) {
	r := later(t)
	rec, err := r.Decode()
	if err != nil {
		t.Fatal(err)
	}
	same, err := r.With(rec)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(same.Data, r.Data) {
		t.Errorf("unchanged record: %x, want %x", same.Data, r.Data)
	}

	p := rec.(*Project)
	p.Workspace, p.Doc, p.Public = "ws2", nil, nil
	changed, err := r.With(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"aaa", "experiments", "mmm", "name", "workspace", "zzz"}, fieldNames(changed)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if changed.place != r.place {
		t.Error("the place of the record is lost")
	}
	for _, key := range []string{"aaa", "mmm", "zzz"} {
		if !bytes.Equal(changed.Field(key), r.Field(key)) {
			t.Errorf("key %q: %x, want %x", key, changed.Field(key), r.Field(key))
		}
	}
	if name, _ := changed.Field("workspace").Text(); name != "ws2" {
		t.Errorf("workspace %q", name)
	}
}

func TestRawWithNested(t *testing.T) {
	plan, err := Encode(&Plan{Projects: []PlannedProject{{Project: "p", Workspace: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	// The one project gets a key more: its map of three becomes one of four.
	old := append(appendStr([]byte{msgpcode.FixedMapLow | 3}, "experiments"), msgpcode.Nil)
	more := append([]byte{msgpcode.FixedMapLow | 4}, old[1:]...)
	more = appendInt(appendStr(more, "later"), 7)
	plan = Raw{Kind: KindPlan, Data: bytes.Replace(plan.Data, old, more, 1)}
	changed, err := plan.With(&Plan{Projects: []PlannedProject{{Project: "p", Workspace: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := changed.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"projects":[{"experiments":null,"later":7,"project":"p","workspace":"b"}],"workspaces":[]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRawWithAllKinds(t *testing.T) {
	for _, rec := range sample(t) {
		raw, err := Encode(rec)
		if err != nil {
			t.Fatal(err)
		}
		same, err := raw.With(rec)
		if raw.Kind == KindMetrics {
			if err == nil {
				t.Error("metrics were changed")
			}
			continue
		}
		if err != nil || !bytes.Equal(same.Data, raw.Data) {
			t.Errorf("%s: %v\n%x\n%x", raw.Kind, err, same.Data, raw.Data)
		}
	}
	link, _ := Encode(&Link{})
	if _, err := link.With(&Notes{}); err == nil {
		t.Error("a link became notes")
	}
}

func TestRawAppendJSON(t *testing.T) {
	for _, rec := range sample(t) {
		raw, err := Encode(rec)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := raw.AppendJSON(nil); err != nil || !json.Valid(text) {
			t.Errorf("%s: %v: %s", raw.Kind, err, text)
		}
	}
	odd := appendStr([]byte{msgpcode.FixedArrayLow | 2}, "odd")
	odd = appendArrayLen(appendStr(appendMapLen(odd, 1), "v"), 8)
	odd = append(odd, msgpcode.Double, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1) // NaN
	odd = append(odd, msgpcode.Double, 0xff, 0xf0, 0, 0, 0, 0, 0, 0) // -Infinity
	odd = append(odd, msgpcode.Float, 0x3f, 0xc0, 0, 0)              // 1.5
	odd = append(odd, msgpcode.FixExt1, 0xff, 0x41)
	odd = appendLiteral(odd, []byte("1.00"))
	odd = appendLiteral(odd, []byte("no number"))
	odd = appendBin(odd, []byte("hi"))
	odd = appendUint(odd, 1<<63)
	want := `{"v":["NaN","-Infinity",1.5,{"ext":-1,"data":"QQ=="},1.00,{"ext":1,"data":"bm8gbnVtYmVy"},"aGk=",9223372036854775808]}`
	raw := Raw{Kind: "odd", Data: odd}
	if text, err := raw.AppendJSON(nil); err != nil || string(text) != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
	if text, err := raw.Field("v").AppendLooseJSON(nil); err != nil || fmt.Sprintf(`{"v":%s}`, text) != want {
		t.Errorf("value alone: %v: %s", err, text)
	}
}

func TestDocMembers(t *testing.T) {
	var names []string
	for name, value := range doc(t, `{"b":1,"a":{"c":2},"":null}`).Members() {
		names = append(names, name+"="+value.String())
	}
	if diff := cmp.Diff([]string{"=null", `a={"c":2}`, "b=1"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range doc(t, `[1]`).Members() {
		t.Error("a list has members")
	}
}

// A writer that has copied blocks does not know whether a group is open. Its
// abort is good all the same.
func TestAbortBehindCopies(t *testing.T) {
	records := sample(t)
	data := write(t, WriterOptions{BlockSize: 1, FlushAfter: -1}, records...)
	for n := 3; n < len(records); n++ {
		var out bytes.Buffer
		w := NewWriter(&out, WriterOptions{})
		blocks := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
		for i := range n {
			b, err := blocks.Next()
			if err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				err = w.Write(records[i])
			} else {
				err = w.WriteBlock(b)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		blocks.Close()
		if err := w.Abort("input", "broken"); err != nil {
			t.Fatal(err)
		}
		got, err := readAll(&out)
		if !errors.Is(err, ErrAborted) || len(got) != n {
			t.Errorf("%d blocks: %d records, %v", n, len(got), err)
		}
	}
}

// The notes of a project are its first ones, whatever a writer that has copied
// the project knows of the one before.
func TestNotesBehindCopies(t *testing.T) {
	records := []Record{
		&Header{}, &Plan{},
		&Project{Name: "p", Workspace: "w"}, &Notes{Project: "p", Workspace: "w"},
		&Project{Name: "q", Workspace: "w"}, &Experiment{Key: "k", Project: "q", Workspace: "w"}, &ExperimentEnd{Key: "k"},
		&Notes{Project: "q", Workspace: "w"},
	}
	blocks := NewBlockReader(bytes.NewReader(write(t, WriterOptions{BlockSize: 1, FlushAfter: -1}, records...)), BlockReaderOptions{})
	defer blocks.Close()
	w := NewWriter(io.Discard, WriterOptions{})
	defer w.Stop()
	for i, rec := range records {
		b, err := blocks.Next()
		if err != nil {
			t.Fatal(err)
		}
		if i == 4 {
			err = w.WriteBlock(b)
		} else {
			err = w.Write(rec)
		}
		if err != nil {
			t.Fatalf("record %d (%s): %v", i, rec.Kind(), err)
		}
	}
}
