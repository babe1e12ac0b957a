package exporter

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/stream"
)

// sourceURL returns the address of an instance as headers have it: scheme and
// host alone.
func sourceURL(c *comet.Client) string {
	u, err := url.Parse(c.Root())
	if err != nil {
		return c.Root()
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}

// Partial is the part of a stream that an earlier export has left, and that a
// later one goes on with.
type Partial struct {
	*stream.Partial
	// Skipped are the keys and ids of what is kept as skipped: it is not tried
	// again.
	Skipped map[string]bool
}

// ReadPartial reads what an earlier export has left. Whole groups are kept up
// to the first one that lacks something which a later try may get.
func ReadPartial(rs io.ReadSeeker) (*Partial, error) {
	p := &Partial{Skipped: make(map[string]bool)}
	var behind []string // skipped since the last group, cut off with what follows it
	var err error
	p.Partial, err = stream.ReadPartial(rs, func(g stream.Group) bool {
		switch {
		case g.Passing > 0:
			return true
		case g.Kind == stream.KindSkipped:
			behind = append(behind, g.ID)
			return false
		}
		for _, id := range behind {
			p.Skipped[id] = true
		}
		behind = nil
		return false
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// MismatchError says that a partial stream is not one of the export at hand.
type MismatchError struct{ Has, Wants string }

// Error says what differs.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("it holds an export of %s, not of %s", e.Has, e.Wants)
}

// Match reports, with a *MismatchError, that the partial stream is not one of
// this export.
func (x *Exporter) Match(p *Partial) error {
	scope := x.headerScope()
	has, wants := p.Header.Source.URL, sourceURL(x.client)
	if has == wants {
		has, wants = describe(p.Header.Scope), describe(scope)
	}
	if has != wants {
		return &MismatchError{Has: has, Wants: wants}
	}
	return nil
}

// Report tells o of the experiments of a complete stream, as an export that goes
// on with it would, and returns the sum.
func (p *Partial) Report(o Observer) *Summary {
	sum := &Summary{Projects: int64(len(p.Projects)), Items: p.Totals.Skipped}
	for _, g := range p.Groups {
		if g.Kind == stream.KindExperiment {
			r := &Result{Key: g.ID, Workspace: g.Workspace, Project: g.Project, Result: ResultKept}
			sum.Listed++
			sum.count(r)
			o.Experiment(r)
		}
	}
	return sum
}

// describe returns a scope as it is written on the command line.
func describe(s stream.Scope) string {
	return fmt.Sprintf("%q", strings.Join(slices.Concat(s.Selection, s.Paths, s.Resources), " "))
}

// kept tells what the partial stream has of a project.
type keptPart int

const (
	keptNothing keptPart = iota
	keptBegin            // it ends within the project
	keptAll              // a later project has begun
)

// keptOf tells what the partial stream has of a project.
func (x *Exporter) keptOf(p *find.Project) keptPart {
	projects := x.o.Continue.Projects
	switch i := slices.Index(projects, p.InStream()); {
	case i < 0:
		return keptNothing
	case i < len(projects)-1 || len(x.keptIDs[stream.KindArtifact])+len(x.keptIDs[stream.KindModel]) > 0:
		return keptAll
	}
	return keptBegin
}

// keptID reports whether the partial stream has a group of that kind and id,
// or says that it was skipped.
func (x *Exporter) keptID(kind stream.Kind, id string) bool {
	return x.o.Continue.Skipped[id] || x.keptIDs[kind][id]
}
