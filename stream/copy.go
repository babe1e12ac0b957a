package stream

// WriteBlock adds a block of another stream as it is, without decompressing it;
// only its label is written again. The Writer takes the block over. The first and
// the last block of a stream are refused.
//
// The Writer does not see the records of the block. From then on it does not
// check the numbers in the end of the group that the block left open, nor those
// of the trailer, and the trailer has to be given to WriteRaw before Close.
func (w *Writer) WriteBlock(b *Block) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	if b.Label.Kinds.HasAny(KindSetOf(KindHeader, KindPlan, KindTrailer, KindAbort)) {
		return fault(ErrGrammar, "a block with the begin or the end of a stream cannot be copied")
	}
	if w.g.stage == stageHeader || w.g.stage == stagePlan {
		return fault(ErrGrammar, "a block cannot be copied before header and plan")
	}
	if !w.g.lost && b.Label.Outside != w.g.outside() {
		return fault(ErrGrammar, "a block from inside of a group cannot be copied to a place outside, nor the other way round")
	}
	w.closeBlock()
	l := b.Label
	l.Sequence, l.Stream = uint64(w.g.n), w.id
	w.taking.Lock()
	w.g.copied(&l)
	w.taking.Unlock()
	w.out.copy(l, b.Frame)
	return nil
}
