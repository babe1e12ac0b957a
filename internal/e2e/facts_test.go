package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/stream"
)

// A fact is one thing that a stream says of its source: that an item is there,
// and with what content.
type fact struct {
	kind  stream.Kind
	owner string // key of the experiment, workspace/project, or workspace
	in    string // the artifact, model or version that it is in
	name  string // of the item, or what of it
	id    string
	sum   string
}

func (f fact) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", f.kind, f.owner, f.in, f.name, f.id))
}

// contents is all that a stream holds: its facts, each with how often it is
// there, and what it says is missing.
type contents struct {
	facts   map[fact]int
	skipped []*stream.Skipped
	aborted bool
	counts  map[string]int64 // experiments of each project, as its record says
}

// contentOf reads a stream to its end.
func contentOf(t testing.TB, data []byte) *contents {
	t.Helper()
	g := &gatherer{contents: contents{facts: make(map[fact]int), counts: make(map[string]int64)}}
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	for {
		rec, err := r.Next()
		switch {
		case err == io.EOF:
			g.flush()
			return &g.contents
		case errors.Is(err, stream.ErrAborted):
			g.text = nil
			g.aborted = true
			return &g.contents
		case err != nil:
			t.Errorf("the stream: %v", err)
			return &g.contents
		}
		g.take(rec)
	}
}

// gatherer reads the facts from the records of a stream.
type gatherer struct {
	contents
	owner, in string // what is open
	workspace string // of the open group
	points    map[string]*bytes.Buffer
	asset     *stream.Asset
	text      *fact // that goes on
	data      bytes.Buffer
}

func (g *gatherer) add(kind stream.Kind, name, id string, content any) {
	g.facts[fact{kind, g.owner, g.in, name, id, fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%v", content)))}]++
}

// piece adds a piece of a text.
func (g *gatherer) piece(kind stream.Kind, name, id string, data []byte, more bool) {
	g.data.Write(data)
	if !more {
		g.add(kind, name, id, g.data.String())
		g.data.Reset()
	}
}

// flush adds the metrics of a group that has ended.
func (g *gatherer) flush() {
	for name, points := range g.points {
		g.add(stream.KindMetrics, name, "", points.String())
	}
	g.points = make(map[string]*bytes.Buffer)
}

func (g *gatherer) take(rec stream.Record) {
	switch r := rec.(type) {
	case *stream.Project:
		g.owner = r.Workspace + "/" + r.Name
		g.counts[g.owner] = r.Experiments
		g.add(stream.KindProject, "metadata", "", r.Doc.String())
		if r.ShareLinks != nil {
			g.add(stream.KindProject, "share links", "", *r.ShareLinks)
		}
	case *stream.Experiment:
		g.flush()
		g.owner = r.Key
		g.add(stream.KindExperiment, "", "", fmt.Sprint(r.Doc, r.Archived, r.Running, text(r.Start), text(r.End), text(r.Crashed), r.Project, r.Workspace))
		g.add(stream.KindOthers, "the name", "", text(r.Name))
		for _, tag := range r.Tags {
			g.add(stream.KindExperiment, "tags", tag, "")
		}
	case *stream.Values:
		for _, doc := range r.Values {
			name, _ := doc.Member("name").Text()
			g.add(r.Of, name, "", doc.String())
		}
	case *stream.Metrics:
		b := g.points[r.Name]
		if b == nil {
			b = new(bytes.Buffer)
			g.points[r.Name] = b
		}
		for _, p := range r.Points {
			fmt.Fprintln(b, p)
		}
	case *stream.Document:
		g.add(r.Of, "", "", r.Doc.String())
	case *stream.Requirements:
		g.add(stream.KindSystem, "requirements", "", fmt.Sprint(r.Installed, r.OS))
	case *stream.Text:
		g.piece(r.Of, "", "", r.Data, r.More)
	case *stream.Asset:
		g.asset = r
	case *stream.Chunk:
		g.data.Write(r.Data)
	case *stream.AssetEnd:
		a := g.asset
		g.add(stream.KindAsset, text(a.Name), a.ID, fmt.Sprint(a.Doc, text(a.Remote), text(a.Size), text(a.Type), g.data.String()))
		g.data.Reset()
	case *stream.ExperimentEnd:
		g.flush()
	case *stream.Notes:
		g.owner = r.Workspace + "/" + r.Project
		g.piece(stream.KindNotes, "", "", r.Data, r.More)
	case *stream.Link:
		g.owner = r.Workspace + "/" + r.Project
		g.add(stream.KindLink, r.Experiment, "", "")
	case *stream.Artifact:
		g.owner, g.in, g.workspace = r.Workspace, r.Name, r.Workspace
		g.add(stream.KindArtifact, r.Name, r.ID, fmt.Sprint(r.Doc, r.Project, r.Type))
	case *stream.ArtifactVersion:
		artifact, _, _ := strings.Cut(g.in, ":")
		g.in = artifact + ":" + r.Version
		g.add(stream.KindArtifactVersion, g.in, r.ID, fmt.Sprint(r.Doc, r.Alias, r.Tags, text(r.State), text(r.Experiment)))
	case *stream.Model:
		g.owner, g.in, g.workspace = r.Workspace, r.Name, r.Workspace
		g.add(stream.KindModel, r.Name, r.ID, fmt.Sprint(r.Doc, text(r.Notes)))
	case *stream.ModelVersion:
		g.add(stream.KindModelVersion, g.in+":"+r.Version, r.ID,
			fmt.Sprint(r.Doc, r.Stages, text(r.Status), text(r.Experiment), text(r.Model), r.Metadata == nil, r.Metadata))
	case *stream.ArtifactEnd, *stream.ModelEnd:
		g.owner, g.in = "", ""
	case *stream.Lineage:
		g.owner, g.in = r.Experiment, r.Workspace
		g.add(stream.KindLineage, r.Artifact+":"+r.Version, "", r.Doc.String())
	case *stream.Panel:
		g.owner, g.in = r.Workspace, ""
		g.piece(stream.KindPanel, r.Name, r.ID, r.Data, r.More)
	case *stream.View:
		g.owner, g.in = r.Workspace+"/"+r.Project, ""
		g.add(stream.KindView, r.Name, text(r.Experiment), fmt.Sprint(r.Doc, r.ChartTemplate))
	case *stream.Skipped:
		// It closes what had begun.
		g.data.Reset()
		delete(g.points, text(r.Name))
		s := *r
		g.skipped = append(g.skipped, &s)
	}
}

// text returns what p points to as a text, "" for nil.
func text[T any](p *T) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}

// covers reports whether a skipped record says that a fact may be missing.
func covers(s *stream.Skipped, f fact) bool {
	key, name, id := text(s.Experiment), text(s.Name), text(s.ID)
	if s.Of == stream.KindExperiment && key != "" && name != "tags" &&
		(f.kind == stream.KindLink && f.name == key || f.kind == stream.KindView && f.id == key) {
		return true // they belong to it
	}
	project := s.Workspace + "/" + s.Project
	named := func() bool { return (name == "" || name == f.name || name == f.in) && (id == "" || id == f.id) }
	switch s.Of {
	case stream.KindProject:
		if name == "share links" || name == "metadata" {
			return f.kind == stream.KindProject && f.owner == project && f.name == name
		}
		// Its experiments are not known.
		return f.owner == project || f.kind != stream.KindProject && !strings.Contains(f.owner, "/")
	case stream.KindExperiment:
		if name == "tags" {
			return f.kind == s.Of && f.owner == key && f.name == name
		}
		return f.owner == key
	case stream.KindArtifact:
		in, _, _ := strings.Cut(f.in, ":")
		return f.owner == s.Workspace && (name == "" || name == in) && (f.kind == stream.KindArtifact || f.kind == stream.KindArtifactVersion || f.kind == stream.KindAsset) ||
			f.kind == stream.KindLineage && name == ""
	case stream.KindArtifactVersion:
		return name == f.in
	case stream.KindModel:
		return f.owner == s.Workspace && (f.kind == stream.KindModel || f.kind == stream.KindModelVersion) && (name == "" || name == f.in)
	case stream.KindModelVersion:
		return f.kind == s.Of && name == f.name
	case stream.KindSystem:
		return f.owner == key && (f.kind == stream.KindSystem)
	case stream.KindAsset:
		return f.kind == s.Of && (f.owner == key || key == "") && named()
	case stream.KindLineage:
		return f.kind == s.Of && (key == "" || f.owner == key)
	case stream.KindNotes:
		return f.kind == s.Of && f.owner == project
	case stream.KindView:
		return f.kind == s.Of && f.owner == project
	case stream.KindPanel:
		return f.kind == s.Of && (s.Workspace == "" || f.owner == s.Workspace) && named()
	}
	return f.kind == s.Of && f.owner == key && named()
}
