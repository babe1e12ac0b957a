package stream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// word makes the record that a word of a test stands for. What follows a colon
// is its key, id or name.
func word(t testing.TB, text string) Record {
	t.Helper()
	name, arg, _ := strings.Cut(text, ":")
	d := doc(t, `{}`)
	switch name {
	case "header":
		return &Header{}
	case "plan":
		return &Plan{}
	case "project":
		return &Project{Name: arg, Workspace: "w"}
	case "experiment":
		key, project, found := strings.Cut(arg, "@")
		if !found {
			project = "p"
		}
		return &Experiment{Key: key, Project: project, Workspace: "w"}
	case "parameters", "others":
		return &Values{Of: Kind(name)}
	case "system", "git":
		return &Document{Of: Kind(name), Doc: d}
	case "requirements":
		return &Requirements{}
	case "code", "output", "graph", "html", "git-patch":
		return &Text{Of: Kind(name), More: arg == "more"}
	case "metrics":
		return &Metrics{Name: arg, Points: make([]Point, 1)}
	case "asset":
		id, typ, _ := strings.Cut(arg, "@")
		return &Asset{ID: id, Type: &typ}
	case "remote":
		return &Asset{ID: arg, Remote: new("s3://b/k")}
	case "chunk":
		return &Chunk{Data: []byte(arg)}
	case "asset-end":
		return &AssetEnd{}
	case "experiment-end":
		return &ExperimentEnd{Key: arg}
	case "skipped":
		return &Skipped{Of: KindAsset}
	case "notes":
		return &Notes{Project: "p", Workspace: "w", More: arg == "more"}
	case "link":
		return &Link{}
	case "artifact":
		return &Artifact{ID: arg}
	case "artifact-version":
		return &ArtifactVersion{ID: arg}
	case "artifact-end":
		return &ArtifactEnd{ID: arg}
	case "lineage":
		return &Lineage{}
	case "model":
		return &Model{ID: arg}
	case "model-version":
		return &ModelVersion{ID: arg}
	case "model-end":
		return &ModelEnd{ID: arg}
	case "panel":
		id, more, _ := strings.Cut(arg, "@")
		return &Panel{ID: id, More: more == "more"}
	case "view":
		return &View{}
	case "trailer":
		return &Trailer{}
	case "abort":
		return &Abort{Class: "server"}
	}
	return &Unknown{Of: Kind(name), Data: append(appendStr([]byte{msgpcode.FixedArrayLow | 2}, name), msgpcode.FixedMapLow)}
}

func TestGrammar(t *testing.T) {
	const begin, in, end = "header plan project:p ", "header plan project:p experiment:k ", " experiment-end:k trailer"
	for _, tt := range []struct {
		words string
		bad   string // the word that is refused, "" where none is
	}{
		{"header plan trailer", ""},
		{"plan", "plan"},
		{"trailer", "trailer"},
		{"header project:p", "project:p"},
		{"header trailer", "trailer"},
		{"header abort", ""},
		{"header header", "header"},
		{"header plan plan", "plan"},
		{"header plan trailer trailer", "trailer"},
		{"header plan abort trailer", "trailer"},
		{"novelty header", "novelty"},
		{"header novelty plan novelty trailer", ""},
		{"header plan trailer novelty", "novelty"},

		{begin + "project:q project:p trailer", ""},
		{"header plan experiment:k", "experiment:k"},
		{begin + "experiment:k@q", "experiment:k@q"},
		{begin + "project:q experiment:k", "experiment:k"},
		{"header plan notes", "notes"},
		{begin + "notes trailer", ""},
		{begin + "notes notes", "notes"},
		{begin + "notes:more notes:more notes trailer", ""},
		{begin + "notes:more project:q", "project:q"},
		{begin + "notes:more trailer", "trailer"},
		{begin + "notes:more skipped project:q trailer", ""},
		{begin + "notes:more skipped notes", "notes"},
		{begin + "notes project:p notes trailer", ""},
		{begin + "skipped skipped trailer", ""},
		{begin + "parameters", "parameters"},
		{begin + "asset:a", "asset:a"},
		{begin + "chunk:x", "chunk:x"},
		{begin + "asset-end", "asset-end"},
		{begin + "experiment-end:k", "experiment-end:k"},

		{in + "experiment-end:k experiment:l experiment-end:l notes trailer", ""},
		{in + "experiment:l", "experiment:l"},
		{in + "project:q", "project:q"},
		{in + "trailer", "trailer"},
		{in + "abort", ""},
		{in + "asset:a chunk:x abort", ""},
		{in + "experiment-end:l", "experiment-end:l"},
		{in + "experiment-end:k experiment:k", "experiment:k"},
		{in + "notes", "notes"},
		{in + "link", "link"},
		{in + "artifact-end:k", "artifact-end:k"},
		{in + "artifact-version:v", "artifact-version:v"},
		{in + "model-version:v", "model-version:v"},
		{in + "parameters parameters others others system requirements requirements git git-patch code graph html output metrics:a metrics:b asset:a asset-end" + end, ""},
		{in + "system system", "system"},
		{in + "system skipped system", "system"},
		{in + "git git", "git"},
		{in + "others parameters", "parameters"},
		{in + "metrics:a output", "output"},
		{in + "git-patch git", "git"},
		{in + "asset:a asset-end metrics:a", "metrics:a"},
		{in + "parameters skipped parameters skipped others" + end, ""},
		{in + "code:more code:more code" + end, ""},
		{in + "code code", "code"},
		{in + "code:more graph", "graph"},
		{in + "code:more" + end, "experiment-end:k"},
		{in + "code:more skipped graph" + end, ""},
		{in + "code:more skipped code", "code"},
		{in + "code:more novelty code" + end, ""},
		{in + "html:more asset:a", "asset:a"},

		{in + "asset:a chunk:x chunk:y asset-end asset:b asset-end" + end, ""},
		{in + "asset:a asset:b", "asset:b"},
		{in + "asset:a" + end, "experiment-end:k"},
		{in + "asset:a skipped asset:b skipped" + end, ""},
		{in + "asset:a skipped chunk:x", "chunk:x"},
		{in + "asset:a chunk:x skipped asset-end", "asset-end"},
		{in + "asset:a novelty chunk:x novelty asset-end" + end, ""},
		{in + "asset:a asset-end asset:a", "asset:a"},
		{in + "asset:a skipped asset:a", "asset:a"},
		{in + "asset:a asset-end experiment-end:k experiment:l asset:a asset-end experiment-end:l trailer", ""},
		{in + "remote:a asset-end" + end, ""},
		{in + "remote:a chunk:x", "chunk:x"},
		{in + "chunk:x", "chunk:x"},
		{in + "asset-end", "asset-end"},
		{in + "asset:a@image asset-end asset:b@embeddings asset-end asset:c@datagrid asset-end" + end, ""},
		{in + "asset:b@confusion-matrix asset-end asset:a@image", "asset:a@image"},
		{in + "asset:b@embeddings skipped asset:a@image", "asset:a@image"},

		{begin + "link artifact:a artifact-end:a lineage model:m model-end:m panel:p view skipped link trailer", ""},
		{begin + "link project:q", "project:q"},
		{begin + "link experiment:k", "experiment:k"},
		{begin + "view notes", "notes"},
		{"header plan artifact:a artifact-version:v asset:a chunk:x asset-end asset:b skipped artifact-version:w asset:a asset-end skipped artifact-end:a trailer", ""},
		{"header plan artifact:a asset:a", "asset:a"},
		{"header plan artifact:a artifact-version:v asset:a asset-end asset:a", "asset:a"},
		{"header plan artifact:a artifact-version:v metrics:a", "metrics:a"},
		{"header plan artifact:a artifact-version:v model-version:v", "model-version:v"},
		{"header plan artifact:a artifact:b", "artifact:b"},
		{"header plan artifact:a artifact-end:b", "artifact-end:b"},
		{"header plan artifact:a trailer", "trailer"},
		{"header plan artifact:a artifact-version:v asset:a artifact-version:w", "artifact-version:w"},
		{"header plan artifact-version:v", "artifact-version:v"},
		{"header plan model:m model-version:v skipped model-version:w model-end:m trailer", ""},
		{"header plan model:m asset:a", "asset:a"},
		{"header plan model:m experiment-end:m", "experiment-end:m"},
		{"header plan panel:p@more panel:p@more panel:p panel:q trailer", ""},
		{"header plan panel:p@more panel:q", "panel:q"},
		{"header plan panel:p@more view", "view"},
		{"header plan panel:p@more skipped view trailer", ""},
	} {
		w := NewWriter(io.Discard, WriterOptions{FlushAfter: -1, KeepAlive: -1, Workers: 1})
		bad := ""
		var err error
		for i, text := range strings.Fields(tt.words) {
			if err = w.Write(word(t, text)); err != nil {
				bad = text
				if place := fmt.Sprintf("record %d (%s): ", i, word(t, text).Kind()); !strings.HasPrefix(err.Error(), place) && !errors.Is(err, ErrClosed) {
					t.Errorf("%s: %v has no place", tt.words, err)
				}
				break
			}
		}
		w.Stop()
		if bad != tt.bad {
			t.Errorf("%s: refused %q, want %q (%v)", tt.words, bad, tt.bad, err)
		}
		if err != nil && !errors.Is(err, ErrGrammar) && !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", tt.words, err)
		}
	}
}

// Totals that do not hold are found, each of them.
func TestGrammarTotals(t *testing.T) {
	before := "header plan project:p experiment:k metrics:m skipped asset:a chunk:xyz asset-end "
	for name, tt := range map[string]struct {
		before string
		end    Record
		ok     bool
	}{
		"right":          {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 1, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, true},
		"zeros":          {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 1, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1, "html": 0}}, true},
		"bytes":          {before, &ExperimentEnd{Key: "k", AssetBytes: 4, Points: 1, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, false},
		"points":         {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 2, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, false},
		"skipped":        {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 1, Skipped: 0, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, false},
		"a kind more":    {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 1, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1, "html": 1}}, false},
		"a kind less":    {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 1, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1}}, false},
		"ends counted":   {before, &ExperimentEnd{Key: "k", AssetBytes: 3, Points: 1, Skipped: 1, Counts: Counts{"experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1, "asset-end": 1}}, false},
		"artifact":       {"header plan artifact:a artifact-version:v asset:x chunk:xy asset-end ", &ArtifactEnd{ID: "a", AssetBytes: 2, Counts: Counts{"artifact": 1, "artifact-version": 1, "asset": 1, "chunk": 1}}, true},
		"artifact bytes": {"header plan artifact:a artifact-version:v asset:x chunk:xy asset-end ", &ArtifactEnd{ID: "a", AssetBytes: 1, Counts: Counts{"artifact": 1, "artifact-version": 1, "asset": 1, "chunk": 1}}, false},
		"model":          {"header plan model:m skipped model-version:v ", &ModelEnd{ID: "m", Skipped: 1, Counts: Counts{"model": 1, "model-version": 1, "skipped": 1}}, true},
		"model versions": {"header plan model:m skipped model-version:v ", &ModelEnd{ID: "m", Skipped: 1, Counts: Counts{"model": 1, "model-version": 2, "skipped": 1}}, false},
		"trailer":        {before + "experiment-end:k novelty ", &Trailer{AssetBytes: 3, Points: 1, Skipped: 1, Projects: 1, Experiments: 1, Counts: Counts{"project": 1, "experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1, "novelty": 1}}, true},
		"experiments":    {before + "experiment-end:k ", &Trailer{AssetBytes: 3, Points: 1, Skipped: 1, Projects: 1, Experiments: 2, Counts: Counts{"project": 1, "experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, false},
		"projects":       {before + "experiment-end:k ", &Trailer{AssetBytes: 3, Points: 1, Skipped: 1, Projects: 0, Experiments: 1, Counts: Counts{"project": 1, "experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, false},
		"unknown kinds":  {before + "experiment-end:k novelty ", &Trailer{AssetBytes: 3, Points: 1, Skipped: 1, Projects: 1, Experiments: 1, Counts: Counts{"project": 1, "experiment": 1, "metrics": 1, "skipped": 1, "asset": 1, "chunk": 1}}, false},
	} {
		w := NewWriter(io.Discard, WriterOptions{})
		for text := range strings.FieldsSeq(tt.before) {
			if err := w.Write(word(t, text)); err != nil {
				t.Fatalf("%s: %s: %v", name, text, err)
			}
		}
		raw, err := Encode(tt.end)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteRaw(raw); tt.ok != (err == nil) || err != nil && !errors.Is(err, ErrGrammar) {
			t.Errorf("%s: %v", name, err)
		}
		w.Stop()
	}
}

func TestGrammarAssets(t *testing.T) {
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of abc
	other := strings.Replace(sum, "b", "c", 1)
	for name, tt := range map[string]struct {
		end  AssetEnd
		skip bool
		ok   bool
	}{
		"right":        {AssetEnd{SHA256: sum, Size: 3}, false, true},
		"size":         {AssetEnd{SHA256: sum, Size: 4}, false, false},
		"sum":          {AssetEnd{SHA256: other, Size: 3}, false, false},
		"upper case":   {AssetEnd{SHA256: strings.ToUpper(sum), Size: 3}, false, false},
		"left out":     {AssetEnd{}, false, true},
		"unchecked":    {AssetEnd{SHA256: other, Size: 3}, true, true},
		"size checked": {AssetEnd{SHA256: other, Size: 4}, true, false},
	} {
		w := NewWriter(io.Discard, WriterOptions{SkipSHA256: tt.skip})
		for text := range strings.FieldsSeq("header plan project:p experiment:k asset:a chunk:ab chunk:c") {
			if err := w.Write(word(t, text)); err != nil {
				t.Fatal(err)
			}
		}
		err := w.Write(&tt.end)
		if tt.ok != (err == nil) || err != nil && !errors.Is(err, ErrGrammar) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && !tt.skip && tt.end != (AssetEnd{SHA256: sum, Size: 3}) {
			t.Errorf("%s: filled in as %+v", name, tt.end)
		}
		w.Stop()
	}
}

func TestGrammarHeader(t *testing.T) {
	const id = "000102030405060708090a0b0c0d0e0f"
	good := Header{Format: "comet-stream", ID: id, Version: [2]int{1, 0}}
	for name, tt := range map[string]struct {
		change func(*Header)
		want   error
	}{
		"good":            {func(*Header) {}, nil},
		"minor version":   {func(h *Header) { h.Version[1] = 9 }, nil},
		"major version":   {func(h *Header) { h.Version[0] = 2 }, ErrVersion},
		"unknown feature": {func(h *Header) { h.Requires = []string{"novelty"} }, ErrVersion},
		"another format":  {func(h *Header) { h.Format = "stream" }, ErrCorrupt},
		"short id":        {func(h *Header) { h.ID = id[1:] }, ErrCorrupt},
		"long id":         {func(h *Header) { h.ID = id + "0" }, ErrCorrupt},
		"upper case id":   {func(h *Header) { h.ID = strings.ToUpper(id) }, ErrCorrupt},
		"no hex":          {func(h *Header) { h.ID = strings.Replace(id, "f", "g", 1) }, ErrCorrupt},
	} {
		h := good
		tt.change(&h)
		raw, err := Encode(&h)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter(io.Discard, WriterOptions{})
		if err := w.WriteRaw(raw); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		w.Stop()
	}
}

// A hostile stream cannot make the totals remember kinds without end.
func TestGrammarUnknownKinds(t *testing.T) {
	w := NewWriter(io.Discard, WriterOptions{})
	defer w.Stop()
	for _, text := range []string{"header", "plan"} {
		if err := w.Write(word(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxUnknownKinds + 1 {
		err := w.Write(word(t, fmt.Sprint("kind", i)))
		if i < maxUnknownKinds && err != nil || i == maxUnknownKinds && !errors.Is(err, ErrLimit) {
			t.Fatalf("kind %d: %v", i, err)
		}
	}
	if err := w.Write(word(t, "kind7")); err != nil {
		t.Errorf("a kind that has come before: %v", err)
	}
}
