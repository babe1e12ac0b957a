package filter

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/stream"
)

// A summer makes a sum of each experiment of a stream, and of each other thing in
// it (see sumworkspace.go): a SHA-256 that is the same wherever the same content
// is, however it is cut into records and blocks.
//
// The content of an experiment is a multiset of items: a tag, a parameter, a
// metric point, a text, an asset. Each item is hashed by itself, and the sum is a
// hash of the multiset, whatever the order of the items: a server gives neither
// tags nor points of one time in a stable order. Left out are the names of
// workspaces and projects, what is on the list of [Assigned], and how the content
// is cut. A member of a document that is null, false, or an empty text, list or
// object counts as absent, for servers of different ages answer one or the other;
// in the elements of parameters and others, where an empty text is a value, null
// alone does. So does an empty text of an experiment. Members of a document that
// repeat fields of its record do not count: see restated. The files of a model
// count by their names in its folder. The content of an asset that refers to
// others counts without the address of its instance, which import rewrites.
type summer struct {
	sums []subjectSum

	name string // of what is open: an experiment or another thing
	open bool
	itemSet

	key         string            // of the open experiment
	displayName string            // its name
	group       string            // name of the open artifact or model
	panels      map[string]string // ids of the stream's panels: names
	zip         []byte            // of the open panel, as far as it is kept

	projects map[openProject]int64 // their share links

	text     hash.Hash // of the text that goes on
	textSize int64
	of       *stream.Asset // the open asset
	asset    []byte        // its item without its bytes
	derived  bool          // the open asset is one that servers make
	// histograms are the names of those of single steps that the open experiment
	// has, combined what it has of all steps: it counts where the others are not.
	histograms map[string]bool
	combined   []combinedSum
	content    *referenceHash // of the open asset, if it refers to others
	// file says of which model the open asset is a file, and whether its name begins
	// with the folder of that. The folder counts where other files of the model,
	// which are in plain, do not have it: see [stream.Asset.ModelFile].
	file struct {
		model      string
		folded, is bool
	}
	whole  []byte // its item with the folder
	plain  map[string]bool
	folded []foldedSum
	source string // the address that the open stream came from
}

// A combinedSum is a histogram of all steps.
type combinedSum struct {
	name string
	sum  [sha256.Size]byte
}

// A foldedSum is a file of a model whose name begins with the folder of that.
type foldedSum struct {
	model           string
	relative, whole [sha256.Size]byte // without and with it
}

// A subjectSum is one line of the result.
type subjectSum struct {
	name string
	sum  [sha256.Size]byte
}

func newSummer() *summer {
	return &summer{text: sha256.New(), panels: make(map[string]string), projects: make(map[openProject]int64)}
}

// start begins the sum of a thing, and ends that of the one before.
func (s *summer) start(name string) {
	s.finish()
	s.name, s.open, s.items = name, true, multiset{}
	s.histograms, s.combined = make(map[string]bool), nil
	s.plain, s.folded = make(map[string]bool), nil
	s.endText()
}

// finish ends the sum of what is open.
func (s *summer) finish() {
	if s.open {
		for _, c := range s.combined {
			if !s.histograms[c.name] {
				s.items.add(c.sum)
			}
		}
		for _, f := range s.folded {
			if s.plain[f.model] {
				s.items.add(f.whole)
			} else {
				s.items.add(f.relative)
			}
		}
		s.sums = append(s.sums, subjectSum{s.name, s.items.sum()})
	}
	s.drop()
}

// drop forgets what is open.
func (s *summer) drop() { s.open, s.key, s.group = false, "", "" }

// record takes the next record of a stream that is checked elsewhere.
func (s *summer) record(r stream.Raw) error {
	rec, err := r.Decode()
	if err != nil {
		return err
	}
	if s.key == "" && s.outside(r, rec) {
		return nil
	}
	if s.open {
		s.inside(r, rec)
	}
	return nil
}

// inside takes a record that belongs to what is open.
func (s *summer) inside(r stream.Raw, rec stream.Record) {
	switch rec := rec.(type) {
	case *stream.Values:
		for _, v := range rec.Values {
			s.value(rec.Of, v)
		}
	case *stream.Document:
		s.document(r, rec.Doc)
	case *stream.Requirements:
		s.list("installed", rec.Installed)
		s.list("os", rec.OS)
	case *stream.Metrics:
		for i := range rec.Points {
			s.point(rec.Name, &rec.Points[i])
		}
	case *stream.Text:
		s.piece(rec)
	case *stream.Asset:
		s.beginAsset(r, rec)
	case *stream.Chunk: // else its asset's end has the hash of it
		if s.content != nil {
			s.content.write(rec.Data)
		}
	case *stream.AssetEnd:
		s.endAsset(rec)
	case *stream.Skipped:
		s.skipped(rec)
	case *stream.ExperimentEnd:
		s.finish()
	case *stream.Unknown:
		s.begin(string(rec.Of)).add(string(rec.Data)).put()
	}
}

func (s *summer) experiment(r stream.Raw, e *stream.Experiment) {
	s.start(e.Key)
	s.key = e.Key
	for name, value := range r.Fields() {
		switch name {
		case "key", "workspace", "project", "doc", "tags":
			continue
		}
		if text := textOf(value); !blank(text) && !isAssigned(r.Kind, name) {
			s.begin("experiment").add(name, text).put()
		}
	}
	s.displayName = deref(e.Name)
	s.list("tag", e.Tags)
	s.document(r, e.Doc)
}

// document adds the members of the document of a record, each as an item.
func (s *summer) document(r stream.Raw, doc stream.Doc) {
	for name, value := range doc.Members() {
		if text := textOf(value); s.counts(r, name, text) {
			s.begin("doc").add(string(r.Kind), name, inOrder(name, text)).put()
		}
	}
}

// restated are the members of documents that say what a field of their record says:
// a server has them, and a stream from elsewhere need not.
var restated = map[stream.Kind]map[string]string{
	stream.KindExperiment: {
		"experimentName": "name", "startTimeMillis": "start", "endTimeMillis": "end", "archived": "archived", "hasCrashed": "crashed",
	},
	stream.KindAsset: {"assetId": "id", "fileName": "name", "fileSize": "size", "link": "remote"},
}

// counts reports whether a member of a document is content.
func (s *summer) counts(r stream.Raw, name, text string) bool {
	kind := r.Kind
	if field := restated[kind][name]; field != "" && textOf(r.Field(field)) == text {
		return false
	}
	switch {
	case blank(text) || slices.Contains(placed, name) || kind == stream.KindArtifact && name == "project":
		return false
	case name == "experimentKey" && text == strconv.Quote(s.key):
		return false // says nothing but whose document it is
	case name == "dir" && strings.HasPrefix(text, `"models/`):
		return true // the name of a model, which nothing else tells
	}
	return !isAssigned(kind, "doc."+name)
}

// value adds an element of parameters or others.
func (s *summer) value(kind stream.Kind, v stream.Doc) {
	s.begin(string(kind))
	display := kind == stream.KindOthers && isDisplayName(v)
	if current, ok := v.Member("valueCurrent").Text(); display && ok && current == s.displayName {
		return // the record of the experiment has it
	}
	object := false
	for name, value := range v.Members() {
		object = true
		if display && name != "name" && name != "valueCurrent" {
			continue
		}
		if text := textOf(value); text != "null" && !isAssigned(kind, "values."+name) {
			s.add(name, text)
		}
	}
	if !object {
		s.add(textOf(v))
	}
	s.put()
}

// isDisplayName reports whether an other is the name of its experiment. Servers
// make one up for each new experiment, which may stay the least or the greatest
// value, and later than what is written after it: only the current one counts.
func isDisplayName(v stream.Doc) bool {
	for name, value := range v.Members() {
		if name == "name" {
			return textOf(value) == `"Name"`
		}
	}
	return false
}

// piece adds to the text that goes on.
func (s *summer) piece(t *stream.Text) {
	s.text.Write(t.Data)
	s.textSize += int64(len(t.Data))
	if t.More {
		return
	}
	if s.textSize > 0 {
		s.begin(string(t.Of)).add(string(s.text.Sum(nil))).put()
	}
	s.endText()
}

func (s *summer) endText() {
	s.text.Reset()
	s.textSize = 0
}

func (s *summer) beginAsset(r stream.Raw, a *stream.Asset) {
	s.of, s.derived, s.content = a, deref(a.Type) == stream.AssetFullMetric, nil
	if stream.RefersToAssets(deref(a.Type)) && a.Remote == nil {
		s.content = newReferenceHash(s.source)
	}
	s.file.model, _, s.file.folded, s.file.is = a.ModelFile()
	folder := ""
	if s.file.folded {
		folder = textOf(a.Doc.Member("dir"))
		folder = folder[1:len(folder)-1] + "/"
		s.whole = append(s.whole[:0], s.describe(r, a, "")...)
	}
	s.asset = append(s.asset[:0], s.describe(r, a, folder)...)
}

// describe returns the item of an asset without its bytes. A folder, as it is in
// JSON, is no part of its name.
func (s *summer) describe(r stream.Raw, a *stream.Asset, folder string) []byte {
	cut := func(name, text string) string {
		if name != "name" && name != "fileName" || folder == "" {
			return text
		}
		if rest, ok := strings.CutPrefix(text, `"`+folder); ok {
			return `"` + rest
		}
		return text
	}
	s.begin("asset").add(assetType(deref(a.Type)))
	for name, value := range r.Fields() {
		if name == "doc" || name == "type" || isAssigned(r.Kind, name) || name == "size" && s.content != nil {
			continue
		}
		if text := textOf(value); !blank(text) {
			s.add(name, cut(name, text))
		}
	}
	s.add("doc")
	for name, value := range a.Doc.Members() {
		if text := textOf(value); name != "type" && !(name == "remote" && a.Remote != nil) && s.counts(r, name, text) && (name != "fileSize" || s.content == nil) {
			s.add(name, cut(name, text))
		}
	}
	return s.item
}

func (s *summer) endAsset(end *stream.AssetEnd) {
	if s.derived {
		return
	}
	s.item = append(s.item[:0], s.asset...)
	sum := end.SHA256
	if s.content != nil {
		sum = s.content.sum()
	}
	s.add(sum)
	name, combined, ok := s.of.Histogram()
	switch {
	case combined && s.key != "":
		s.combined = append(s.combined, combinedSum{name, sha256.Sum256(s.item)})
		return
	case ok:
		s.histograms[name] = true
	case s.file.folded:
		whole := sha256.Sum256(append(s.whole, s.item[len(s.asset):]...))
		s.folded = append(s.folded, foldedSum{s.file.model, sha256.Sum256(s.item), whole})
		return
	case s.file.is:
		s.plain[s.file.model] = true
	}
	s.put()
}

// skipped adds that something is missing, in place of what had come of it.
func (s *summer) skipped(rec *stream.Skipped) {
	s.endText()
	s.begin("skipped").add(string(rec.Of), deref(rec.ID), deref(rec.Name)).put()
}

// textOf returns the JSON of a value.
func textOf(d stream.Doc) string {
	text, err := d.JSON()
	if err != nil {
		return string(d) // a value that JSON has not: its msgpack
	}
	return string(text)
}

// blank reports whether a member of a document counts as absent, by its JSON.
func blank(text string) bool {
	switch text {
	case "null", "false", `""`, "[]", "{}":
		return true
	}
	return false
}

// write prints the sums, sorted by name, tab-separated.
func (s *summer) write(w io.Writer) error {
	s.closeProjects()
	slices.SortFunc(s.sums, func(a, b subjectSum) int {
		return cmp.Or(strings.Compare(a.name, b.name), bytes.Compare(a.sum[:], b.sum[:]))
	})
	for _, line := range s.sums {
		if _, err := fmt.Fprintf(w, "%s\t%s\n", quoted(line.name), hex.EncodeToString(line.sum[:])); err != nil {
			return err
		}
	}
	return nil
}
