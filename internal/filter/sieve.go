package filter

import (
	"github.com/comet-stream/comet-stream/stream"
)

// A sieve applies rules to the records of one stream, one after the other, and
// keeps account of what it drops. It sees either a record or the label of a whole
// block, in the order of the stream.
type sieve struct {
	rules *Rules
	kinds kindSets

	group groupState
	asset assetState
	text  bool          // a text goes on that is kept
	other bool          // a text goes on that belongs to another shard
	lost  stream.Totals // of the stream

	found    *matches
	kept     int64           // experiments that were not
	wait     waiting         // what is not decided yet
	ready    []stream.Raw    // what has been decided since
	gone     map[Place]bool  // projects that went with their experiments, by their new names
	last     *string         // the last whole experiment that was kept
	sourceOf map[Place]Place // new places, and which project went there
}

// A groupState is the group that the next record is in, if any.
type groupState struct {
	open    stream.Kind // KindExperiment, KindArtifact or KindModel; "" outside
	key     string      // of the experiment
	dropped bool
	version bool          // a version of an artifact or a model that is dropped
	lost    stream.Totals // of this group
}

// An assetState is the asset that is open, if any.
type assetState struct {
	open, dropped bool
}

// A verdict is what becomes of a record.
type verdict uint8

const (
	keep verdict = iota
	change
	drop
)

// newSieve returns a sieve for one stream, with the rules that found is about.
func newSieve(found *matches) *sieve {
	return &sieve{rules: found.rules, kinds: newKindSets(found.rules), found: found, sourceOf: make(map[Place]Place)}
}

// record decides about the next record, and returns it as it goes on. Before it
// go those of released; one that waits counts as dropped until it is among them.
func (s *sieve) record(r stream.Raw) (stream.Raw, verdict, error) {
	switch {
	case s.rules.Empty():
		return r, keep, nil
	case !s.rules.SelectsExperiments():
		return s.decide(r)
	}
	if err := s.settleProject(r.Kind); err != nil {
		return r, drop, err
	}
	out, v, err := s.decide(r)
	if r.Kind == stream.KindAbort {
		s.wait = waiting{}
	}
	if err != nil || v == drop || r.Kind == stream.KindAbort || s.group.open == stream.KindExperiment && r.Kind != stream.KindExperiment {
		return out, v, err
	}
	switch r.Kind {
	case stream.KindProject:
		s.wait.hold(out)
		listed, _ := r.Field("experiments").JSON()
		s.wait.bare = string(listed) == "0"
		return out, drop, nil
	case stream.KindArtifact, stream.KindModel:
		s.wait.hold(out)
		return out, drop, nil
	}
	if s.waits(out) {
		return out, drop, nil
	}
	return out, v, nil
}

func (s *sieve) decide(r stream.Raw) (stream.Raw, verdict, error) {
	switch r.Kind {
	case stream.KindAbort: // it may be in a group
		return s.abort(r)
	case stream.KindExperiment, stream.KindArtifact, stream.KindModel:
		return s.openGroup(r)
	case stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd:
		return s.closeGroup(r)
	}
	switch {
	case s.group.dropped:
		return r, drop, nil // its end has the counts
	case s.group.open == stream.KindExperiment:
		return s.item(r)
	case s.group.open != "":
		return s.ofVersion(r)
	}
	return s.outside(r)
}

// openGroup decides about a group by the record that opens it.
func (s *sieve) openGroup(r stream.Raw) (stream.Raw, verdict, error) {
	s.asset, s.text = assetState{}, false
	s.group = groupState{open: r.Kind, dropped: s.rules.Without&r.Kind.Resource() != 0}
	if r.Kind == stream.KindExperiment {
		return s.openExperiment(r)
	}
	if s.group.dropped = s.group.dropped || s.nothing() || !s.rules.Shard.Has(text(r, "name")); s.group.dropped {
		return r, drop, nil
	}
	return s.renamed(r)
}

// ofVersion decides about a record inside an artifact or a registry model. A
// version goes with the experiment that it comes from, and its files with it.
func (s *sieve) ofVersion(r stream.Raw) (stream.Raw, verdict, error) {
	if r.Kind == stream.KindArtifactVersion || r.Kind == stream.KindModelVersion {
		from := text(r, "experiment")
		s.group.version = from != "" && s.rules.SelectsExperiments() && s.found.search.Gone(from)
	} else if r.Kind == stream.KindSkipped && text(r, "kind") != string(stream.KindAsset) {
		s.group.version = false // a version that is missing
	}
	if !s.group.version {
		return s.renamed(r)
	}
	s.wait.dropped = true
	return r, drop, count(&s.group.lost, r)
}

func (s *sieve) openExperiment(r stream.Raw) (stream.Raw, verdict, error) {
	e, err := stream.DecodeAs[*stream.Experiment](r)
	if err != nil {
		return r, drop, err
	}
	s.group.key = e.Key
	kept, err := s.rules.experiment(e, s.found.search)
	if err != nil {
		return r, drop, err
	}
	if !kept {
		s.group.dropped, s.wait.dropped = true, true
		return r, drop, nil
	}
	s.kept++
	if s.group.dropped = !s.rules.Shard.Has(e.Key); s.group.dropped {
		s.release() // the project is kept, if only for another shard
		return r, drop, nil
	}
	place := s.place(Place{e.Workspace, e.Project})
	bare := s.rules.Without&stream.ResourceMetadata != 0 && e.Doc != nil
	if !bare && place == (Place{e.Workspace, e.Project}) {
		return r, keep, nil
	}
	if bare {
		e.Doc, e.Tags = nil, nil
	}
	e.Workspace, e.Project = place.Workspace, place.Project
	return edited(r, e)
}

// closeGroup brings the counts in the end of a group in line with what is left
// of it.
func (s *sieve) closeGroup(r stream.Raw) (stream.Raw, verdict, error) {
	group := s.group
	s.group, s.asset, s.text = groupState{}, assetState{}, false
	if group.open == stream.KindExperiment && !group.dropped {
		s.last = &group.key
	}
	rec, err := r.Decode()
	if err != nil {
		return r, drop, err
	}
	before := stream.Announced(rec)
	if group.open != stream.KindExperiment && s.wait.open() {
		if s.wait.dropped {
			group.dropped, s.wait = true, waiting{}
		} else {
			s.release() // it had no versions
		}
	}
	if group.dropped {
		s.lost.Add(before)
		if group.open == stream.KindExperiment {
			s.lost.Experiments++
		}
		return r, drop, nil
	}
	after := before.Minus(group.lost)
	if group.open == stream.KindExperiment {
		dropResources(&after, s.rules.Without)
	}
	if before.Equal(after) {
		return r, keep, nil
	}
	s.lost.Add(before.Minus(after))
	after.Announce(rec)
	return edited(r, rec)
}

// item decides about a record inside an experiment that is kept.
func (s *sieve) item(r stream.Raw) (stream.Raw, verdict, error) {
	gone, err := s.itemGone(r)
	if texts.Has(r.Kind) {
		s.text = !gone && r.More()
	}
	switch {
	case err != nil:
		return r, drop, err
	case gone && !s.kinds.dropInside.Has(r.Kind):
		return r, drop, count(&s.group.lost, r)
	case gone:
		return r, drop, nil // what is dropped wholesale is not counted one by one
	case r.Kind == stream.KindSkipped:
		return s.renamed(r)
	}
	return r, keep, nil
}

func (s *sieve) itemGone(r stream.Raw) (bool, error) {
	wasAsset := s.asset
	switch r.Kind {
	case stream.KindSkipped:
		closes := s.text || wasAsset.open
		s.asset, s.text = assetState{}, false
		if closes {
			return wasAsset.dropped, nil // it goes with what it closes, whatever it names
		}
		rec, err := stream.DecodeAs[*stream.Skipped](r)
		if err != nil {
			return false, err
		}
		return s.skippedGone(rec), nil
	case stream.KindMetrics:
		return s.metricGone(r), nil
	case stream.KindAsset:
		return s.openAsset(r)
	case stream.KindChunk:
		return s.asset.dropped || s.rules.Without&stream.ResourceAssets != 0, nil
	case stream.KindAssetEnd:
		s.asset = assetState{}
		return wasAsset.dropped || s.rules.Without&stream.ResourceAssets != 0, nil
	}
	return s.rules.Without&r.Kind.Resource() != 0, nil
}

func (s *sieve) metricGone(r stream.Raw) bool {
	switch s.rules.Without & stream.ResourceMetrics {
	case 0:
		return false
	case stream.ResourceMetrics:
		return true
	}
	name, _ := r.Field("name").Text()
	return s.rules.Without.Has(stream.ResourceOfMetric(name))
}

// openAsset decides about an asset.
func (s *sieve) openAsset(r stream.Raw) (gone bool, err error) {
	if s.rules.Without&stream.ResourceAssets != 0 {
		return true, nil // and its end may pass unseen
	}
	if s.rules.SelectsAssets() {
		a, err := stream.DecodeAs[*stream.Asset](r)
		if err != nil {
			return false, err
		}
		gone = !s.found.search.Asset(a.Type, a.Name, a.Size)
	}
	s.asset = assetState{open: true, dropped: gone}
	return gone, nil
}

// skippedGone reports whether the word that something is missing goes with what
// is missing.
func (s *sieve) skippedGone(rec *stream.Skipped) bool {
	set := rec.Of.Resource()
	if rec.Of == stream.KindMetrics && rec.Name != nil {
		set = stream.ResourceOfMetric(*rec.Name)
	}
	if set != 0 && s.rules.Without.Has(set) {
		return true
	}
	return rec.Of == stream.KindAsset && s.group.open == stream.KindExperiment && !s.rules.AbsentAsset(rec.Name)
}

// outside decides about a record outside any group.
func (s *sieve) outside(r stream.Raw) (stream.Raw, verdict, error) {
	gone, err := s.outsideGone(r)
	if r.Kind == stream.KindSkipped && s.text {
		gone = false // it closes what goes on
	}
	if r.Kind.Known() {
		s.text = !gone && texts.Has(r.Kind) && r.More()
	}
	switch {
	case err != nil:
		return r, drop, err
	case gone && !s.kinds.dropOutside.Has(r.Kind):
		return r, drop, count(&s.lost, r)
	case gone:
		return r, drop, nil
	}
	switch r.Kind {
	case stream.KindHeader:
		return s.header(r)
	case stream.KindPlan:
		return s.plan(r)
	case stream.KindProject:
		return s.project(r)
	case stream.KindTrailer:
		return s.trailer(r)
	}
	return s.renamed(r)
}

func (s *sieve) outsideGone(r stream.Raw) (bool, error) {
	in := s.inShard(r)
	gone, err := s.unwanted(r)
	if r.Kind.Known() {
		s.other = !gone && !in && texts.Has(r.Kind) && r.More()
	}
	if err != nil || gone || in {
		return gone, err
	}
	if r.Kind == stream.KindSkipped && text(r, "kind") != string(stream.KindProject) {
		s.release() // as by an experiment of another shard
	}
	return true, nil
}

// unwanted is outsideGone for all shards.
func (s *sieve) unwanted(r stream.Raw) (bool, error) {
	if s.rules.Without&r.Kind.Resource() != 0 {
		return true, nil
	}
	switch r.Kind {
	case stream.KindSkipped:
		rec, err := stream.DecodeAs[*stream.Skipped](r)
		if err != nil {
			return false, err
		}
		return s.absentGone(r, rec), nil
	case stream.KindLink:
		rec, err := stream.DecodeAs[*stream.Link](r)
		return err == nil && (s.found.search.Gone(rec.Experiment) || s.projectGone(r) || s.nothing()), err
	case stream.KindLineage:
		rec, err := stream.DecodeAs[*stream.Lineage](r)
		return err == nil && (s.found.search.Gone(rec.Experiment) || s.nothing()), err
	case stream.KindView:
		rec, err := stream.DecodeAs[*stream.View](r)
		return err == nil && (rec.Experiment != nil && s.found.search.Gone(*rec.Experiment) || s.projectGone(r) || s.nothing()), err
	case stream.KindNotes:
		return s.projectGone(r), nil
	case stream.KindPanel:
		return s.projectGone(r) || s.nothing(), nil
	}
	return false, nil
}

// absentGone is outsideGone for the word that something is missing.
func (s *sieve) absentGone(r stream.Raw, rec *stream.Skipped) bool {
	if rec.Experiment != nil {
		s.found.key(*rec.Experiment)
	}
	switch {
	case rec.Of == stream.KindExperiment:
		kept := s.rules.AbsentExperiment(rec.Experiment, rec.Name)
		if kept {
			s.kept++
			s.found.search.Match()
		}
		return !kept
	case s.skippedGone(rec), rec.Experiment != nil && s.found.search.Gone(*rec.Experiment):
		return true
	}
	return s.projectGone(r) || ofWorkspace.Has(rec.Of) && s.nothing()
}

// ofWorkspace are the kinds that come after all projects.
var ofWorkspace = stream.KindSetOf(
	stream.KindLink, stream.KindArtifact, stream.KindArtifactVersion, stream.KindLineage,
	stream.KindModel, stream.KindModelVersion, stream.KindPanel, stream.KindView)

func (s *sieve) header(r stream.Raw) (stream.Raw, verdict, error) {
	flags := s.rules.HeaderFlags()
	if s.rules.Without == 0 && flags == nil {
		return r, keep, nil
	}
	h, err := stream.DecodeAs[*stream.Header](r)
	if err != nil {
		return r, drop, err
	}
	scope, err := stream.ParseResources(h.Scope.Resources)
	if err != nil {
		// A later version knows more names; which of them are left is not for
		// this one to say.
		return r, keep, nil
	}
	left := scope & s.rules.Without.Others()
	if left == scope && flags == nil {
		return r, keep, nil
	}
	h.Scope.Resources = left.Names()
	h.Scope.Selection = append(h.Scope.Selection, flags...)
	return edited(r, h)
}

func (s *sieve) trailer(r stream.Raw) (stream.Raw, verdict, error) {
	t, err := stream.DecodeAs[*stream.Trailer](r)
	if err != nil {
		return r, drop, err
	}
	before := stream.Announced(t)
	after := before.Minus(s.lost)
	for kind := range before.Counts {
		if s.kinds.dropOutside.Has(kind) {
			delete(after.Counts, kind)
		}
	}
	if before.Equal(after) {
		return r, keep, nil
	}
	after.Announce(t)
	return edited(r, t)
}

func (s *sieve) abort(r stream.Raw) (stream.Raw, verdict, error) {
	a, err := stream.DecodeAs[*stream.Abort](r)
	if err != nil {
		return r, drop, err
	}
	if a.Last == nil || !s.found.search.Dropped(*a.Last) {
		return r, keep, nil
	}
	a.Last = s.last
	return edited(r, a)
}

// count adds a record that is dropped to totals that ends of groups and trailers announce.
// They do not have the number of all records.
func count(t *stream.Totals, r stream.Raw) error {
	err := t.Count(r)
	t.Records = 0
	return err
}

// dropResources takes what belongs to some resources out of the totals of an experiment.
func dropResources(t *stream.Totals, set stream.Resources) {
	for kind := range t.Counts {
		if of := kind.Resource(); of != 0 && set.Has(of) {
			delete(t.Counts, kind)
		}
	}
	if set.Has(stream.KindMetrics.Resource()) {
		t.Points = 0
	}
	if set.Has(stream.KindAsset.Resource()) {
		t.AssetBytes = 0
	}
}

// edited returns the changed record, with the keys of the old one that this
// version does not know.
func edited(r stream.Raw, rec stream.Record) (stream.Raw, verdict, error) {
	out, err := r.With(rec)
	return out, change, err
}
