package filter

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/stream"
)

// Beside experiments, these have a sum each, under a name that begins with their
// kind: the document of a project and how many share links it has, its notes, an
// artifact and each of its versions with its files, a registry model and each of
// its versions, a link, an input of an experiment (lineage), a panel, a view, and
// what is skipped outside of experiments. They go without ids of the instance: a
// view names the panels in it, and a panel is the entries of its zip, however they
// are packed.

// outside takes a record that is about something else than an experiment. It
// reports false for one that goes on with what is open.
func (s *summer) outside(r stream.Raw, rec stream.Record) bool {
	switch rec := rec.(type) {
	case *stream.Header:
		s.drop()
		clear(s.panels)
		s.source = rec.Source.URL
	case *stream.Experiment:
		s.experiment(r, rec)
	case *stream.Project:
		s.project(r, rec)
	case *stream.Notes:
		s.notes(rec)
	case *stream.Artifact:
		s.start("artifact " + rec.Name)
		s.group = rec.Name
		s.begin("type").add(rec.Type).put()
		s.document(r, rec.Doc)
	case *stream.ArtifactVersion:
		s.artifactVersion(r, rec)
	case *stream.Model:
		s.start("model " + rec.Name)
		s.group = rec.Name
		s.begin("notes").add(deref(rec.Notes)).put()
		s.document(r, rec.Doc)
	case *stream.ModelVersion:
		s.modelVersion(r, rec)
	case *stream.Link:
		s.single("link " + rec.Experiment)
	case *stream.Lineage:
		s.single("lineage " + rec.Experiment + " " + rec.Artifact + ":" + rec.Version)
	case *stream.Panel:
		s.panel(r, rec)
	case *stream.View:
		s.view(r, rec)
	case *stream.ArtifactEnd, *stream.ModelEnd:
		s.finish()
	case *stream.Skipped:
		return s.skippedOutside(rec)
	case *stream.Unknown:
		return s.group == ""
	default:
		return false
	}
	return true
}

// single makes the sum of a thing that is nothing but its name.
func (s *summer) single(name string) {
	s.start(name)
	s.finish()
}

func (s *summer) project(r stream.Raw, rec *stream.Project) {
	if rec.Doc == nil {
		return
	}
	s.start("project")
	if rec.Public != nil && *rec.Public {
		s.begin("public").put()
	}
	s.document(r, rec.Doc)
	p := openProject{Place{rec.Workspace, rec.Name}, s.items}
	links := s.projects[p]
	if rec.ShareLinks != nil {
		links = max(links, *rec.ShareLinks)
	}
	s.projects[p] = links
	s.drop()
}

// An openProject is a project that is in one or several streams of the input, such
// as the shards of an export, of which one alone has the number of share links.
type openProject struct {
	place Place
	items multiset // all else
}

// closeProjects makes the sums of the projects.
func (s *summer) closeProjects() {
	for p, links := range s.projects {
		s.start("project")
		s.items = p.items
		if links > 0 { // none is as none that is known
			s.begin("share links").add(fmt.Sprint(links)).put()
		}
		s.finish()
	}
	clear(s.projects)
}

func (s *summer) notes(rec *stream.Notes) {
	if !s.open {
		s.start("notes")
	}
	s.text.Write(rec.Data)
	s.textSize += int64(len(rec.Data))
	switch {
	case rec.More:
	case s.textSize == 0:
		s.drop() // none
	default:
		s.begin("notes").add(string(s.text.Sum(nil))).put()
		s.finish()
	}
}

// version begins the sum of a version of the open artifact or model.
func (s *summer) version(kind stream.Kind, version string) {
	group := s.group
	s.start(string(kind) + " " + group + ":" + version)
	s.group = group
}

func (s *summer) artifactVersion(r stream.Raw, rec *stream.ArtifactVersion) {
	s.version(r.Kind, rec.Version)
	s.begin("of").add(deref(rec.Experiment), deref(rec.State)).put()
	s.list("alias", rec.Alias)
	s.list("tag", rec.Tags)
	s.document(r, rec.Doc)
}

func (s *summer) modelVersion(r stream.Raw, rec *stream.ModelVersion) {
	s.version(r.Kind, rec.Version)
	s.begin("of").add(deref(rec.Experiment), deref(rec.Model), deref(rec.Status)).put()
	s.list("stage", rec.Stages)
	for _, entry := range rec.Metadata {
		s.begin("metadata").add(textOf(entry)).put()
	}
	s.configuration(rec.StatusConfiguration)
	s.document(r, rec.Doc)
}

// configuration adds the rule for a status. The pairs in it have no order.
func (s *summer) configuration(rule stream.Doc) {
	for name, value := range rule.Members() {
		if name == "statusConfiguration" {
			var pairs []json.RawMessage
			if json.Unmarshal([]byte(textOf(value)), &pairs) != nil {
				pairs = []json.RawMessage{json.RawMessage(textOf(value))}
			}
			for _, pair := range pairs {
				s.begin("status configuration pair").add(string(pair)).put()
			}
		} else if text := textOf(value); !blank(text) {
			s.begin("status configuration").add(name, text).put()
		}
	}
}

// maxZip is how much of a panel is kept to look into it. One that is larger
// counts as its bytes.
const maxZip = 16 << 20

func (s *summer) panel(r stream.Raw, rec *stream.Panel) {
	if !s.open {
		s.start("panel " + rec.Name)
		s.zip = s.zip[:0]
		s.panels[rec.ID] = rec.Name
		s.document(r, rec.Doc)
	}
	s.text.Write(rec.Data)
	s.textSize += int64(len(rec.Data))
	s.zip = append(s.zip, rec.Data[:min(len(rec.Data), maxZip-len(s.zip))]...)
	if rec.More {
		return
	}
	if !s.entries() {
		s.begin("data").add(string(s.text.Sum(nil))).put()
	}
	s.finish()
}

// entries adds the entries of the open panel's zip. It reports false where it is
// none.
func (s *summer) entries() bool {
	if int64(len(s.zip)) < s.textSize {
		return false
	}
	zr, err := zip.NewReader(bytes.NewReader(s.zip), s.textSize)
	if err != nil {
		return false
	}
	for _, f := range zr.File {
		s.begin("entry").add(f.Name, fmt.Sprintf("%08x %d", f.CRC32, f.UncompressedSize64)).put()
	}
	return true
}

// view adds a view, in which panels and the project go by name.
func (s *summer) view(r stream.Raw, rec *stream.View) {
	name := "view " + rec.Name
	if rec.Experiment != nil {
		name += " of " + *rec.Experiment
	}
	s.start(name)
	if rec.ChartTemplate {
		s.begin("chart template").put()
	}
	named := s.names(rec.Doc)
	for name, value := range rec.Doc.Members() {
		if text := textOf(withoutKey(value, deref(rec.Experiment))); s.counts(r, name, text) {
			s.begin("doc").add(name, named.Replace(text)).put()
		}
	}
	s.finish()
}

// withoutKey returns a state of a view without the key of its experiment, which
// servers put into it.
func withoutKey(state stream.Doc, key string) stream.Doc {
	const member = "experimentKey"
	if own, ok := state.Member(member).Text(); !ok || own != key || key == "" {
		return state
	}
	rest, err := state.Without(member)
	if err != nil {
		return state // it is not an object
	}
	return rest
}

// minID is the length of the shortest id that is looked for in a view: shorter
// ones could be anything.
const minID = 8

// names returns what puts names in the place of the ids of panels, and of the
// view's project.
func (s *summer) names(view stream.Doc) *strings.Replacer {
	var pairs []string
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(s.panels))) { // an id before those that it begins with
		if len(id) >= minID {
			pairs = append(pairs, id, "panel "+s.panels[id])
		}
	}
	for name, value := range view.Members() {
		if id, ok := value.Text(); ok && name == "projectId" && len(id) >= minID {
			pairs = append(pairs, id, "project")
		}
	}
	return strings.NewReplacer(pairs...)
}

// skippedOutside adds what is missing from the stream outside of experiments,
// as something of its own where it is no file of an artifact version.
func (s *summer) skippedOutside(rec *stream.Skipped) bool {
	if s.group != "" && rec.Of == stream.KindAsset {
		return false
	}
	if s.group == "" {
		s.drop() // it takes the place of what has begun
	}
	group := s.group
	name := "skipped " + string(rec.Of)
	for _, of := range []*string{rec.Experiment, rec.Name} {
		if of != nil {
			name += " " + *of
		}
	}
	s.single(name)
	s.group = group
	return true
}

// inOrder returns the JSON of a member of a document, with the elements of a set
// of names sorted: servers give them in any order.
func inOrder(name, text string) string {
	var set []string
	switch name {
	case "alias", "stages", "tags":
		if json.Unmarshal([]byte(text), &set) != nil {
			return text
		}
	default:
		return text
	}
	slices.Sort(set)
	return strings.Join(set, "\n")
}
