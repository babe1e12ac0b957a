package stream

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A pair is a key of the body of a record and its value.
type pair struct {
	key   string
	value []byte
}

// editBody returns the record with the pairs of its body changed.
func editBody(t testing.TB, rec Record, change func([]pair) []pair) []byte {
	t.Helper()
	raw, err := Encode(rec)
	if err != nil {
		t.Fatal(err)
	}
	c := raw.view.body()
	head := c.Offset()
	list := make([]pair, c.MapLen())
	for i := range list {
		list[i].key = c.Str()
		list[i].value = c.Skip()
	}
	b := bytes.Clone(raw.Data[:head])
	list = change(list)
	b = appendMapLen(b, len(list))
	for _, p := range list {
		b = append(appendStr(b, p.key), p.value...)
	}
	return b
}

func TestCheckMissingKeys(t *testing.T) {
	optional := map[Kind]string{KindProject: "doc public share_links", KindExperiment: "doc tags", KindMetrics: "extra", KindSkipped: "project workspace", KindLineage: "doc", KindModelVersion: "status_configuration", KindPanel: "project", KindView: "chart_template"}
	for kind, rec := range full(t) {
		for key := range strings.FieldsSeq(keysOf[kind]) {
			data := editBody(t, rec, func(list []pair) []pair {
				return slices.DeleteFunc(list, func(p pair) bool { return p.key == key })
			})
			_, err := checkRecord(data)
			if slices.Contains(strings.Fields(optional[kind]), key) {
				if err != nil {
					t.Errorf("%s without %s: %v", kind, key, err)
				}
			} else if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s without %s: %v", kind, key, err)
			}
		}
	}
}

func TestCheckKeyTwice(t *testing.T) {
	for kind, rec := range full(t) {
		data := editBody(t, rec, func(list []pair) []pair { return append(list, list[0]) })
		if _, err := checkRecord(data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A key may be anywhere, and unknown ones between the others.
func TestCheckAnyOrder(t *testing.T) {
	for kind, rec := range full(t) {
		data := editBody(t, rec, func(list []pair) []pair {
			slices.Reverse(list)
			return slices.Insert(list, 1, pair{"novelty", doc(t, `[{"a":1}]`)})
		})
		back, err := Raw{Data: data}.Decode()
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		want, _ := Encode(rec)
		if got, err := Encode(back); err != nil || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s comes back as % x, want % x (%v)", kind, got.Data, want.Data, err)
		}
	}
}

// No field takes a value of another type.
func TestCheckTypes(t *testing.T) {
	values := map[string][]byte{
		"null": {msgpcode.Nil}, "bool": {msgpcode.True}, "int": {5}, "uint64": appendUint(nil, 1<<63), "float": appendFloat(nil, 1.5),
		"str": appendStr(nil, "x"), "bin": appendBin(nil, []byte("x")), "ext": {msgpcode.FixExt1, 7, 0},
		"list of null": {msgpcode.FixedArrayLow | 1, msgpcode.Nil}, "map": {msgpcode.FixedMapLow}, "list of float32": {msgpcode.FixedArrayLow | 1, msgpcode.Float, 0, 0, 0, 0},
	}
	// What each key takes in some kind, or in the one named.
	takes := map[string]string{
		"created": "int", "format": "str", "id": "str", "tool": "str", "project": "str", "workspace": "str", "experiments": "int",
		"project.name": "str", "metrics.name": "str", "skipped.id": "null str", "public": "null bool", "share_links": "int",
		"archived": "bool", "crashed": "null bool", "end": "null int", "start": "null int", "key": "str", "name": "null str", "running": "bool",
		"size": "null int", "asset-end.size": "int", "data": "bin", "more": "bool", "remote": "null str", "type": "null str", "sha256": "str",
		"installed": "null", "os": "null", "counts": "map", "points": "int", "skipped": "int", "asset_bytes": "int", "status": "int",
		"passing": "bool", "reason": "str", "kind": "str", "context": "null str", "epoch": "null", "step": "null", "time": "null",
	}
	for _, kind := range []Kind{KindHeader, KindProject, KindExperiment, KindAsset, KindAssetEnd, KindChunk, KindRequirements, KindExperimentEnd, KindSkipped, KindMetrics} {
		rec := full(t)[kind]
		for key := range strings.FieldsSeq(keysOf[kind]) {
			allowed, ok := takes[string(kind)+"."+key]
			if !ok {
				allowed, ok = takes[key]
			}
			if !ok {
				continue
			}
			for name, value := range values {
				data := editBody(t, rec, func(list []pair) []pair {
					i := slices.IndexFunc(list, func(p pair) bool { return p.key == key })
					list[i].value = value
					return list
				})
				_, err := checkRecord(data)
				wants := slices.Contains(strings.Fields(allowed), name)
				if wants != (err == nil) {
					t.Errorf("%s.%s takes %s: %v, want %v (%v)", kind, key, name, err == nil, wants, err)
				}
			}
		}
	}
}

func TestCheckBadRecords(t *testing.T) {
	kind := func(k string) []byte { return appendStr([]byte{msgpcode.FixedArrayLow | 2}, k) }
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"empty":                  {nil, ErrCorrupt},
		"no array":               {[]byte{msgpcode.FixedMapLow}, ErrCorrupt},
		"array of three":         {[]byte{msgpcode.FixedArrayLow | 3, msgpcode.FixedStrLow, msgpcode.FixedMapLow, msgpcode.Nil}, ErrCorrupt},
		"array in a long form":   {[]byte{msgpcode.Array16, 0, 2, msgpcode.FixedStrLow | 1, 'x', msgpcode.FixedMapLow}, ErrCorrupt},
		"kind of bytes":          {[]byte{msgpcode.FixedArrayLow | 2, msgpcode.Bin8, 1, 'x', msgpcode.FixedMapLow}, ErrCorrupt},
		"kind of nothing":        {append(kind(""), msgpcode.FixedMapLow), ErrLimit},
		"kind of 64":             {append(kind(strings.Repeat("x", 64)), msgpcode.FixedMapLow), nil},
		"kind of 65":             {append(kind(strings.Repeat("x", 65)), msgpcode.FixedMapLow), ErrLimit},
		"kind that is not UTF-8": {append(kind("\xff"), msgpcode.FixedMapLow), ErrCorrupt},
		"cut after kind":         {kind("chunk"), ErrCorrupt},
		"unknown without map":    {append(kind("x"), msgpcode.FixedArrayLow), ErrCorrupt},
		"unknown cut":            {kind("x"), ErrCorrupt},
		"known without map":      {append(kind("chunk"), msgpcode.FixedArrayLow), ErrCorrupt},
		"key no str":             {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.Bin8, 0, 1), ErrCorrupt},
		"key no str, known kind": {append(kind("chunk"), msgpcode.FixedMapLow|1, 1, 1), ErrCorrupt},
		"key not UTF-8":          {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.FixedStrLow|1, 0xff, 1), ErrCorrupt},
		"never used code":        {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.FixedStrLow|1, 'a', codeInvalid), ErrCorrupt},
		"huge array":             {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.FixedStrLow|1, 'a', msgpcode.Array32, 0xff, 0xff, 0xff, 0xff), ErrCorrupt},
		"huge map":               {append(kind("x"), msgpcode.Map32, 0xff, 0xff, 0xff, 0xff), ErrCorrupt},
		"huge map, known kind":   {append(kind("chunk"), msgpcode.Map32, 0xff, 0xff, 0xff, 0xff), ErrCorrupt},
		"huge bin":               {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.FixedStrLow|1, 'a', msgpcode.Bin32, 0xff, 0xff, 0xff, 0xff), ErrCorrupt},
		"huge str":               {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.FixedStrLow|1, 'a', msgpcode.Str32, 0xff, 0xff, 0xff, 0xff), ErrCorrupt},
		"huge ext":               {append(kind("x"), msgpcode.FixedMapLow|1, msgpcode.FixedStrLow|1, 'a', msgpcode.Ext32, 0xff, 0xff, 0xff, 0xff), ErrCorrupt},
		"deep":                   {append(kind("x"), deep(t, 1e6)...), ErrLimit},
	} {
		if _, err := checkRecord(tt.data); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// deep is a map with an array in it, nested n levels deep with itself.
func deep(t testing.TB, n int) []byte {
	t.Helper()
	b := []byte{msgpcode.FixedMapLow | 1, msgpcode.FixedStrLow | 1, 'a'}
	b = append(b, bytes.Repeat([]byte{msgpcode.FixedArrayLow | 1}, n-1)...)
	return append(b, msgpcode.Nil)
}

func TestLimits(t *testing.T) {
	d := func(levels int) Doc {
		return append(bytes.Repeat([]byte{msgpcode.FixedArrayLow | 1}, levels), msgpcode.Nil)
	}
	list := func(n int) []string { return make([]string, n) }
	docs := func(n int) []Doc { return make([]Doc, n) }
	points := func(n int) []Point { return make([]Point, n) }
	for _, tt := range []struct {
		name string
		make func(over int) Record
	}{
		{"depth of a doc", func(over int) Record { return &Document{Of: KindGit, Doc: d(30 + over)} }},
		{"depth of an element", func(over int) Record { return &Values{Of: KindOthers, Values: []Doc{d(29 + over)}} }},
		{"depth of an unknown key", func(over int) Record {
			b := appendStr([]byte{msgpcode.FixedArrayLow | 2}, "x")
			return &Unknown{Of: "x", Data: append(b, deep(t, 31+over)...)}
		}},
		{"chunk", func(over int) Record { return &Chunk{Data: make([]byte, MaxData+over)} }},
		{"text", func(over int) Record { return &Text{Of: KindHTML, Data: make([]byte, MaxData+over)} }},
		{"notes", func(over int) Record { return &Notes{Data: make([]byte, MaxData+over)} }},
		{"panel", func(over int) Record { return &Panel{Data: make([]byte, MaxData+over)} }},
		{"key", func(over int) Record { return &Experiment{Key: strings.Repeat("k", MaxKey+over)} }},
		{"short key", func(over int) Record { return &Experiment{Key: strings.Repeat("k", 1-over)} }},
		{"points", func(over int) Record { return &Metrics{Points: points(MaxPoints + over)} }},
		{"no points", func(over int) Record { return &Metrics{Points: points(1 - over)} }},
		{"tags", func(over int) Record { return &Experiment{Key: "k", Doc: d(0), Tags: list(maxList + over)} }},
		{"values", func(over int) Record { return &Values{Of: KindOthers, Values: docs(maxList + over)} }},
		{"projects", func(over int) Record { return &Plan{Projects: make([]PlannedProject, maxList+over)} }},
		{"record", func(over int) Record {
			head := 1 + 4 + 1 + 4 + 5 // array, kind git, map, key doc, head of the str
			return &Document{Of: KindGit, Doc: appendStr(nil, strings.Repeat("x", maxRecord-head+over))}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Encode(tt.make(0)); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			if _, err := Encode(tt.make(1)); !errors.Is(err, ErrLimit) {
				t.Errorf("over the limit: %v", err)
			}
		})
	}
	if raw, err := Encode(&Document{Of: KindGit, Doc: appendStr(nil, strings.Repeat("x", maxRecord-15))}); err != nil || len(raw.Data) != maxRecord {
		t.Errorf("largest record of %d bytes: %v", len(raw.Data), err)
	}
	if _, err := Encode(&Chunk{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("empty chunk: %v", err)
	}
}
