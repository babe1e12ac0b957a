package filter

import "github.com/comet-stream/comet-stream/stream"

// kindSets are what rules mean for kinds, so that the label of a block can tell
// whether its records must be seen.
type kindSets struct {
	dropInside  stream.KindSet // dropped in every experiment
	dropOutside stream.KindSet // dropped wherever they are outside a group
	look        stream.KindSet // to be seen one by one
}

// boundaries are the kinds that change where a sieve is, and those that a filter
// always writes again.
var boundaries = stream.KindSetOf(
	stream.KindHeader, stream.KindPlan, stream.KindProject,
	stream.KindExperiment, stream.KindExperimentEnd,
	stream.KindArtifact, stream.KindArtifactEnd,
	stream.KindModel, stream.KindModelEnd,
	stream.KindTrailer, stream.KindAbort)

// rewritten are the kinds that are written one by one even if there are no rules:
// a block that holds one of them is never copied.
var rewritten = stream.KindSetOf(stream.KindHeader, stream.KindPlan, stream.KindTrailer, stream.KindAbort)

func newKindSets(rules *Rules) kindSets {
	if rules.Empty() {
		return kindSets{look: rewritten}
	}
	k := kindSets{look: boundaries | stream.KindSetOf(stream.KindSkipped)}
	for _, kind := range stream.Kinds() {
		of := kind.Resource()
		if of == 0 {
			continue // always travels
		}
		switch kind {
		case stream.KindArtifact, stream.KindArtifactVersion, stream.KindArtifactEnd,
			stream.KindModel, stream.KindModelVersion, stream.KindModelEnd:
			// Groups of their own: dropped by the record that opens them.
		case stream.KindNotes, stream.KindLink, stream.KindLineage, stream.KindPanel, stream.KindView:
			if rules.Without.Has(of) {
				k.dropOutside |= stream.KindSetOf(kind)
			}
		default:
			if rules.Without.Has(of) {
				k.dropInside |= stream.KindSetOf(kind)
			} else if rules.Without&of != 0 {
				k.look |= stream.KindSetOf(kind) // some of the metrics
			}
		}
	}
	if rules.SelectsExperiments() || !rules.Renames.empty() {
		k.look |= stream.KindSetOf(stream.KindLink, stream.KindLineage, stream.KindView)
	}
	if rules.SelectsExperiments() {
		k.look |= stream.KindSetOf(stream.KindArtifactVersion, stream.KindModelVersion, stream.KindNotes, stream.KindPanel)
	}
	if !rules.Renames.empty() || !rules.Shard.Whole() {
		k.look |= stream.KindSetOf(stream.KindNotes, stream.KindPanel)
	}
	if !rules.Shard.Whole() {
		k.look |= stream.KindSetOf(stream.KindLink, stream.KindLineage, stream.KindView) | unknown
	}
	if rules.Without != 0 || !rules.Selection.Empty() {
		// A skipped record closes a text or an asset that goes on. It must not be
		// dropped then, so the sieve must know.
		k.look |= texts | stream.KindSetOf(stream.KindAsset, stream.KindAssetEnd)
	}
	k.look &^= k.dropInside | k.dropOutside
	return k
}

// unknown stands for the kinds that this version does not know.
var unknown = ^stream.KindSetOf(stream.Kinds()...)

// texts are the kinds that may go on in the next record.
var texts = stream.KindSetOf(stream.TextKinds()...) | stream.KindSetOf(stream.KindNotes, stream.KindPanel)

// A fate is what becomes of a whole block.
type fate uint8

const (
	copyBlock fate = iota
	dropBlock
	openBlock // its records must be seen
)

// foresee tells from the kinds alone, without the records before it, whether the
// records of a block may have to be seen.
func (k *kindSets) foresee(kinds stream.KindSet) bool {
	return kinds.HasAny(k.look) || k.mixed(kinds, k.dropInside) || k.mixed(kinds, k.dropOutside)
}

// mixed reports whether some of the kinds are in dropped and some are not.
func (k *kindSets) mixed(kinds, dropped stream.KindSet) bool {
	return kinds&dropped != 0 && kinds&^dropped != 0
}

// block decides about a whole block, by its kinds and by where the sieve is.
func (s *sieve) block(kinds stream.KindSet) fate {
	if s.rules.Empty() {
		if kinds.HasAny(rewritten) {
			return openBlock
		}
		return copyBlock
	}
	if kinds.HasAny(boundaries) || s.wait.open() && !s.group.dropped {
		return openBlock
	}
	dropped := s.kinds.dropOutside
	switch {
	case s.group.dropped:
		return dropBlock
	case s.group.open == stream.KindExperiment:
		dropped = s.kinds.dropInside
		if s.asset.dropped && kinds.Has(stream.KindChunk) && dropped&kinds == 0 {
			return openBlock // what is dropped of it is counted
		}
	case s.group.version:
		return openBlock // what is dropped of it is counted
	case s.group.open != "":
		dropped = 0
	}
	switch {
	case kinds.HasAny(s.kinds.look) || s.kinds.mixed(kinds, dropped):
		return openBlock
	case kinds&dropped != 0:
		return dropBlock
	}
	return copyBlock
}
