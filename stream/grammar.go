package stream

import (
	"crypto/sha256"
	"hash"
)

// A grammar follows the records of one stream, refuses those that may not come
// next, and counts. Reader and Writer use the same one.
type grammar struct {
	stage   stage
	n       int64 // records so far, which is the number of the next
	planned int64 // experiments that the plan announces, -1 where it does not know

	project, workspace string // of the last project record
	inProject, noted   bool   // a project has begun, its notes have

	group group

	open      Kind   // kind of the asset or text that goes on, "" where none does
	openID    string // of the panel that goes on
	remote    bool   // the open asset is remote
	bytes     int64  // in the chunks of the open asset
	hash      hash.Hash
	hashing   bool // chunks go into hash
	lastWhole *string

	total sums
	keys  idSet // of the experiments
	ids   idSet // of the assets of the group, or of its version

	// A Writer that copies blocks does not see their records. lost says that it
	// does not know where it is; unseen, that it cannot know the totals, and takes
	// them as given.
	lost, unseen bool
}

// A group is what a grammar knows of the group that is open.
type group struct {
	kind    Kind   // of the record that opened it, "" outside, groupLost where not known
	id      string // its key or id
	version bool   // an artifact version has begun in it
	rank    int    // of the last item of the experiment
	refers  bool   // an asset that refers to others has come
	sum     sums
	unseen  bool // likewise, the totals of the group
}

type stage uint8

const (
	stageHeader stage = iota
	stagePlan
	stageProjects
	stageWorkspace
	stageDone
)

// alwaysOutside are the kinds of records outside any group.
var alwaysOutside = KindSetOf(KindHeader, KindPlan, KindProject, KindExperiment, KindNotes, KindLink,
	KindArtifact, KindLineage, KindModel, KindPanel, KindView, KindTrailer)

func newGrammar(hashing bool) *grammar {
	return &grammar{planned: -1, hash: sha256.New(), hashing: hashing}
}

// outside reports whether the next record is outside any group.
func (g *grammar) outside() bool { return g.group.kind == "" }

func (g *grammar) place() place {
	if g.outside() {
		return placeOutside
	}
	return placeInside
}

// next checks that the record may come next, and takes it.
func (g *grammar) next(v *view) error {
	if err := g.check(v); err != nil {
		return locate(err, g.n, v.kind, -1)
	}
	g.take(v)
	return nil
}

// check reports why the record may not come next. It changes nothing but the sets
// of keys and ids.
func (g *grammar) check(v *view) error {
	switch {
	case g.stage == stageDone:
		return fault(ErrGrammar, "record after the end of the stream")
	case g.stage == stageHeader && v.kind != KindHeader:
		return fault(ErrGrammar, "stream does not begin with its header")
	case g.stage != stageHeader && v.kind == KindHeader:
		return fault(ErrGrammar, "second header")
	case v.bit == unknownBit:
		if len(g.total.unknown) >= maxUnknownKinds && g.total.unknown[v.kind] == 0 {
			return fault(ErrLimit, "more than %d unknown kinds", maxUnknownKinds)
		}
		return nil
	case v.kind == KindHeader:
		return checkHeader(v.decode().(*Header))
	case v.kind == KindAbort:
		return nil
	case g.stage == stagePlan && v.kind != KindPlan && !g.lost:
		return fault(ErrGrammar, "header is not followed by the plan")
	case g.stage != stagePlan && v.kind == KindPlan:
		return fault(ErrGrammar, "second plan")
	case g.lost:
		return nil
	}
	if err := g.checkOpen(v); err != nil {
		return err
	}
	switch v.kind {
	case KindPlan, KindChunk, KindSkipped:
		return nil
	case KindAssetEnd:
		return g.checkAssetEnd(v)
	case KindProject, KindExperiment, KindNotes:
		return g.checkProjectLevel(v)
	case KindLink, KindArtifact, KindLineage, KindModel, KindPanel, KindView:
		return g.checkOutside()
	case KindArtifactVersion:
		return g.checkInside(KindArtifact)
	case KindModelVersion:
		return g.checkInside(KindModel)
	case KindExperimentEnd, KindArtifactEnd, KindModelEnd:
		return g.checkEnd(v)
	case KindTrailer:
		return g.checkTrailer(v)
	}
	return g.checkItem(v)
}

// checkOpen checks that the record may come where an asset is open or a text goes
// on, and that the parts of one occur nowhere else.
func (g *grammar) checkOpen(v *view) error {
	switch {
	case v.kind == KindChunk || v.kind == KindAssetEnd:
		if g.open != KindAsset {
			return fault(ErrGrammar, "no asset is open")
		}
		if g.remote && v.kind == KindChunk {
			return fault(ErrGrammar, "chunk of a remote asset")
		}
	case g.open == "" || v.kind == KindSkipped:
	case g.open == KindAsset:
		return fault(ErrGrammar, "asset has not ended")
	case v.kind != g.open || v.kind == KindPanel && string(v.str(slotID)) != g.openID:
		return fault(ErrGrammar, "%s has not ended", g.open)
	}
	return nil
}

func (g *grammar) checkOutside() error {
	if !g.outside() {
		return fault(ErrGrammar, "%s %q has not ended", g.group.kind, g.group.id)
	}
	return nil
}

func (g *grammar) checkInside(kind Kind) error {
	if g.group.kind != kind {
		return fault(ErrGrammar, "stands in no %s", kind)
	}
	return nil
}

func (g *grammar) checkProjectLevel(v *view) error {
	if err := g.checkOutside(); err != nil {
		return err
	}
	if g.stage != stageProjects {
		return fault(ErrGrammar, "comes after what belongs to the workspace")
	}
	if v.kind == KindProject {
		return nil
	}
	project, workspace := v.str(slotProject), v.str(slotWorkspace)
	if !g.inProject || string(project) != g.project || string(workspace) != g.workspace {
		return fault(ErrGrammar, "is of project %q, which is not that of the last project record", quotable(workspace)+"/"+quotable(project))
	}
	if v.kind == KindNotes && g.noted && g.open == "" {
		return fault(ErrGrammar, "notes of a project a second time")
	}
	if key := v.str(slotID); v.kind == KindExperiment && !g.keys.add(key) {
		return fault(ErrGrammar, "experiment %q a second time", key)
	}
	return nil
}

// quotable cuts a text from outside to a length that fits a message.
func quotable(b []byte) string { return string(b[:min(len(b), 100)]) }

// checkItem checks an item of an experiment, or an asset of an artifact version.
func (g *grammar) checkItem(v *view) error {
	info := kindOf[v.bit]
	switch {
	case v.kind == KindAsset && g.group.kind == KindArtifact:
		if !g.group.version {
			return fault(ErrGrammar, "asset of no artifact version")
		}
	case g.group.kind != KindExperiment:
		return fault(ErrGrammar, "stands in no experiment")
	case info.rank < g.group.rank:
		return fault(ErrGrammar, "comes too late in its experiment")
	case info.rank == g.group.rank && g.open == "" && !info.repeats:
		return fault(ErrGrammar, "a second time in its experiment")
	}
	if v.kind != KindAsset {
		return nil
	}
	if g.group.refers && g.group.kind == KindExperiment && !RefersToAssets(string(v.str(slotType))) {
		return fault(ErrGrammar, "asset after those that refer to others")
	}
	if id := v.str(slotID); !g.ids.add(id) {
		return fault(ErrGrammar, "asset %q a second time", quotable(id))
	}
	return nil
}

// take moves on after a record that has been checked.
func (g *grammar) take(v *view) {
	g.n++
	if g.lost && g.stage == stagePlan {
		g.stage = stageProjects // the plan is among what was not seen
	}
	if groupOf[v.kind] != "" {
		g.total.add(v)
		g.endGroup(v)
		return
	}
	if opensGroup.Has(v.kind) && v.bit != unknownBit {
		g.openGroup(v)
	}
	g.total.add(v)
	if !g.outside() {
		g.group.sum.add(v)
	}
	switch v.kind {
	case KindHeader:
		g.stage = stagePlan
	case KindPlan:
		g.stage, g.planned = stageProjects, plannedExperiments(v.decode().(*Plan))
	case KindProject:
		g.project, g.workspace, g.inProject = string(v.str(slotName)), string(v.str(slotWorkspace)), true
		g.group.kind, g.lost, g.noted = "", false, false
	case KindNotes:
		g.noted = true
	case KindLink, KindArtifact, KindLineage, KindModel, KindPanel, KindView:
		g.stage = stageWorkspace
	case KindTrailer, KindAbort:
		g.stage = stageDone
	case KindArtifactVersion:
		g.group.version = true
		g.forgetIDs()
	case KindChunk:
		data := v.str(slotData)
		g.bytes += int64(len(data))
		if g.hashing {
			g.hash.Write(data)
		}
	}
	if g.lost {
		g.find(v)
		return
	}
	g.takeOpen(v)
	if rank := kindOf[v.bit].rank; rank > 0 {
		g.group.rank = rank
	}
}

// takeOpen notes whether an asset or a text goes on.
func (g *grammar) takeOpen(v *view) {
	switch v.kind {
	case KindAsset:
		g.remote, g.open, g.bytes = v.has(slotRemote), KindAsset, 0
		g.group.refers = g.group.refers || RefersToAssets(string(v.str(slotType)))
		if g.hashing {
			g.hash.Reset()
		}
	case KindChunk:
	default:
		if v.bit == unknownBit {
			return
		}
		g.open = ""
		if v.bool(slotMore) {
			g.open, g.openID = v.kind, string(v.str(slotID))
		}
	}
}

var opensGroup = KindSetOf(KindExperiment, KindArtifact, KindModel)

func (g *grammar) openGroup(v *view) {
	if g.lost && v.kind == KindExperiment {
		g.project, g.workspace, g.inProject = string(v.str(slotProject)), string(v.str(slotWorkspace)), true
		g.noted = false // the notes that were seen may be those of another project
	}
	g.group = group{kind: v.kind, id: string(v.str(slotID))}
	g.lost, g.open = false, ""
	g.forgetIDs()
}

// forgetIDs begins a new set of the ids of assets.
func (g *grammar) forgetIDs() {
	if len(g.ids) > 1<<10 {
		g.ids = nil // clear would keep the memory of the largest group forever
	}
	clear(g.ids)
}

func (g *grammar) endGroup(v *view) {
	if v.kind == KindExperimentEnd {
		key := string(v.str(slotID))
		g.lastWhole = &key
	}
	g.group.kind, g.group.id, g.open = "", "", ""
}

func plannedExperiments(p *Plan) int64 {
	var n int64
	for _, project := range p.Projects {
		if project.Experiments == nil {
			return -1
		}
		n += *project.Experiments
	}
	return n
}

// An idSet remembers ids of any length in little space.
type idSet map[[16]byte]struct{}

// add adds an id and reports whether it was new.
func (s *idSet) add(id []byte) bool {
	if *s == nil {
		*s = idSet{}
	}
	sum := sha256.Sum256(id)
	digest := [16]byte(sum[:])
	if _, ok := (*s)[digest]; ok {
		return false
	}
	(*s)[digest] = struct{}{}
	return true
}
