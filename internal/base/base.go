// Package base knows what earlier archives hold, so that an export can leave out
// what has not changed since:
//
//	held := base.New(scope)       // of the export
//	_, err := held.Add(archive)   // one stream, or several, one after the other
//	if !held.Listed(&base.Experiment{Key: key, …}) {
//		… // it is new, or not what it was
//	}
//
// It keeps about a hundred bytes of each experiment and of each version of an
// artifact, and looks into no block that has neither.
package base

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/comet-stream/comet-stream/stream"
)

// An Experiment is what the listing of a server reports an experiment.
type Experiment struct {
	Key, Workspace, Project string
	Name                    string  // "" where the listing has none
	Path                    *string // of its main file; nil where the listing has none
	Start, End              *int64
	Archived, Running       bool
	Crashed                 *bool // nil where the listing does not say
}

// A Base is what streams hold. A nil Base holds nothing.
type Base struct {
	experiments map[string]held
	versions    map[string]bool // ids of whole versions of artifacts
	ids         hash.Hash       // of the streams
	created     int64           // when the newest of the streams was
	wanted      stream.Scope
}

// held is one experiment; the newest of several streams counts.
type held struct {
	Experiment
	tags      []string // sorted; nil where the stream leaves them out
	created   int64    // when its stream was
	whole     bool     // nothing of it was skipped, or is left out of its stream
	knowsPath bool
}

// New returns the base of an export of that scope. It holds nothing yet.
func New(wanted stream.Scope) *Base {
	return &Base{
		experiments: make(map[string]held), versions: make(map[string]bool), ids: sha256.New(), wanted: wanted,
	}
}

// Add reads the streams in r, which are newer than those before. For a stream
// that was cut off or aborted it returns the error, since an export could leave
// out data that the archive does not have. It returns how many experiments stand
// in streams that leave out part of what is wanted: a filter has taken their
// assets, for instance.
func (b *Base) Add(r io.Reader) (partial int, err error) {
	blocks := stream.NewBlockReader(r, stream.BlockReaderOptions{
		Decode: func(l *stream.Label) bool { return l.Kinds.HasAny(looked) },
	})
	defer blocks.Close()
	in := &reader{Base: b}
	for {
		block, err := blocks.Next()
		switch {
		case err == io.EOF:
			return in.partial, nil
		case err != nil:
			return 0, err
		case !block.Label.Kinds.HasAny(looked):
			continue
		}
		records, err := block.Records()
		if err != nil {
			return 0, err
		}
		for _, record := range records {
			if !looked.Has(record.Kind) {
				continue
			}
			rec, err := record.Decode()
			if err == nil {
				err = in.take(rec)
			}
			if err != nil {
				return 0, err
			}
		}
	}
}

// looked are the kinds that a base is made from.
var looked = stream.KindSetOf(stream.KindHeader, stream.KindExperiment, stream.KindExperimentEnd,
	stream.KindArtifactVersion, stream.KindArtifactEnd, stream.KindAbort)

// A reader takes the records of a base in their order.
type reader struct {
	*Base
	at       int64 // when the stream that is read was created
	narrow   bool  // it leaves out part of what is wanted
	partial  int   // experiments in such streams
	open     *stream.Experiment
	versions []string // of the artifact that is open
}

func (b *reader) take(rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Header:
		_, _ = io.WriteString(b.ids, rec.ID)
		b.at, b.created, b.narrow = rec.Created, max(b.created, rec.Created), !b.covers(&rec.Scope)
	case *stream.Experiment:
		b.open = rec
	case *stream.ExperimentEnd:
		if e := b.open; e != nil && e.Key == rec.Key {
			b.experiments[e.Key] = held{experimentOf(e), tagsOf(e), b.at, rec.Skipped == 0 && !b.narrow, e.Doc.Member("filePath") != nil}
			if b.narrow {
				b.partial++
			}
		}
		b.open = nil
	case *stream.ArtifactVersion:
		if rec.ID != "" && isFinal(rec.State) {
			b.versions = append(b.versions, rec.ID)
		}
	case *stream.ArtifactEnd:
		for _, id := range b.versions {
			b.Base.versions[id] = b.Base.versions[id] || rec.Skipped == 0
		}
		b.versions = nil
	case *stream.Abort:
		return &stream.AbortedError{Class: rec.Class, Message: rec.Message, Last: rec.Last, Record: -1, Offset: -1}
	}
	return nil
}

// isFinal reports whether a version of an artifact in this state takes no more files.
// Old servers give no state.
func isFinal(state *string) bool {
	return state == nil || *state == "CLOSED" || *state == "ERROR"
}

// covers reports whether a stream of that scope has all that is wanted of its
// experiments.
func (b *Base) covers(s *stream.Scope) bool {
	has := s.Whole()
	if all, err := stream.ParseResources(s.Resources); err == nil && s.SelectsAssets() == b.wanted.SelectsAssets() {
		has = all
	}
	wanted, err := stream.ParseResources(b.wanted.Resources)
	return err == nil && has.Has(wanted&stream.ExperimentResources)
}

func experimentOf(e *stream.Experiment) Experiment {
	x := Experiment{
		Key: e.Key, Workspace: e.Workspace, Project: e.Project, Start: e.Start, End: e.End,
		Archived: e.Archived, Running: e.Running, Crashed: e.Crashed,
	}
	if e.Name != nil {
		x.Name = *e.Name
	}
	if path, ok := e.Doc.Member("filePath").Text(); ok {
		x.Path = &path
	}
	return x
}

// tagsOf returns the tags of an experiment in order, nil where its stream leaves
// them out.
func tagsOf(e *stream.Experiment) []string {
	if e.Doc == nil {
		return nil
	}
	tags := append([]string{}, e.Tags...)
	slices.Sort(tags)
	return tags
}

// ID stands for the streams that were read.
func (b *Base) ID() string { return hex.EncodeToString(b.ids.Sum(nil)[:8]) }

// Has reports whether a whole experiment of that key is in the base.
func (b *Base) Has(key string) bool {
	if b == nil {
		return false
	}
	_, ok := b.experiments[key]
	return ok
}

// HasVersion reports whether the base has the version of an artifact with that id,
// and all of its files. One that was still open has got more since.
func (b *Base) HasVersion(id string) bool { return b != nil && b.versions[id] }

// Listed reports whether the listing still says of an experiment what the base has.
// One that was running has gone on since, and one of which something was skipped is
// worth another try. A listing that leaves out the end says nothing.
func (b *Base) Listed(e *Experiment) bool {
	if b == nil {
		return false
	}
	h, ok := b.experiments[e.Key]
	return ok && h.whole && !h.Running && (e.End != nil || h.End == nil) &&
		h.Workspace == e.Workspace && h.Project == e.Project && (e.Name == "" || h.Name == e.Name) &&
		(!h.knowsPath || same(h.Path, e.Path)) && same(h.Start, e.Start) && same(h.End, e.End) &&
		!e.Running && h.Archived == e.Archived && (e.Crashed == nil || *e.Crashed == (h.Crashed != nil && *h.Crashed))
}

// Tagged reports whether the base has the experiment of a key with these tags, as far
// as it knows them. No listing tells them.
func (b *Base) Tagged(key string, tags []string) bool {
	h := b.experiments[key]
	return h.tags == nil || slices.Equal(h.tags, slices.Sorted(slices.Values(tags)))
}

// same compares what the base has with what a listing may leave out.
func same[T comparable](held, listed *T) bool {
	return listed == nil || held != nil && *held == *listed
}

// Due returns those of the keys whose turn it is to be read again, whatever the
// listing says: so many of a hundred of them, rounded up, those first that the
// base has from the oldest streams. An experiment that is read again is then in a
// newer stream, so all others have their turn before it. Where one stream has all
// of them, the day of the newest stream decides instead. The same base and keys
// have the same turn.
func (b *Base) Due(keys []string, percent float64) map[string]bool {
	due := make(map[string]bool)
	if b == nil || len(keys) == 0 || percent <= 0 {
		return due
	}
	type turn struct {
		key     string
		created int64
		place   [sha256.Size]byte // among those of one stream
	}
	turns := make([]turn, len(keys))
	for i, key := range keys {
		turns[i] = turn{key, b.experiments[key].created, sha256.Sum256([]byte(key))}
	}
	slices.SortFunc(turns, func(x, y turn) int {
		return cmp.Or(cmp.Compare(x.created, y.created), bytes.Compare(x.place[:], y.place[:]))
	})
	n, first := min(int(math.Ceil(percent*float64(len(keys))/100)), len(keys)), 0
	if turns[0].created == turns[len(turns)-1].created {
		const day = 24 * 60 * 60 * 1000
		first = int(max(b.created/day, 0) * int64(n) % int64(len(keys)))
	}
	for i := range n {
		due[turns[(first+i)%len(turns)].key] = true
	}
	return due
}

// Gone returns the experiments of the projects that in accepts that seen does not
// have, sorted by key.
func (b *Base) Gone(in func(workspace, project string) bool, seen func(key string) bool) []Experiment {
	var gone []Experiment
	for _, key := range slices.Sorted(maps.Keys(b.experiments)) {
		if h := b.experiments[key]; in(h.Workspace, h.Project) && !seen(key) {
			gone = append(gone, h.Experiment)
		}
	}
	return gone
}
