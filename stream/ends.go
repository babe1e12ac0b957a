package stream

import "encoding/hex"

func (g *grammar) checkAssetEnd(v *view) error {
	end := v.decode().(*AssetEnd)
	if end.Size != g.bytes {
		return fault(ErrGrammar, "asset of %d bytes, its end says %d", g.bytes, end.Size)
	}
	if !g.hashing {
		return nil
	}
	if sum := hex.EncodeToString(g.hash.Sum(nil)); sum != end.SHA256 {
		return fault(ErrGrammar, "asset has SHA-256 %s, its end says %q", sum, quotable([]byte(end.SHA256)))
	}
	return nil
}

// groupOf has the kind that opens the group of each kind of end.
var groupOf = map[Kind]Kind{KindExperimentEnd: KindExperiment, KindArtifactEnd: KindArtifact, KindModelEnd: KindModel}

func (g *grammar) checkEnd(v *view) error {
	if err := g.checkInside(groupOf[v.kind]); err != nil {
		return err
	}
	if id := v.str(slotID); string(id) != g.groupID {
		return fault(ErrGrammar, "ends %q where %q is open", quotable(id), quotable([]byte(g.groupID)))
	}
	if g.groupUnseen {
		return nil
	}
	is := g.sum.totals()
	switch end := v.decode().(type) {
	case *ExperimentEnd:
		return is.compare(Totals{Counts: end.Counts, Points: end.Points, AssetBytes: end.AssetBytes, Skipped: end.Skipped})
	case *ArtifactEnd:
		return is.compare(Totals{Counts: end.Counts, AssetBytes: end.AssetBytes, Skipped: end.Skipped})
	case *ModelEnd:
		return is.compare(Totals{Counts: end.Counts, Skipped: end.Skipped})
	}
	return nil
}

func (g *grammar) checkTrailer(v *view) error {
	if err := g.checkOutside(); err != nil || g.unseen {
		return err
	}
	t := v.decode().(*Trailer)
	is := g.total.totals()
	if t.Projects != is.Projects || t.Experiments != is.Experiments {
		return fault(ErrGrammar, "announces %d projects and %d experiments, there are %d and %d",
			t.Projects, t.Experiments, is.Projects, is.Experiments)
	}
	return is.compare(Totals{Counts: t.Counts, Points: t.Points, AssetBytes: t.AssetBytes, Skipped: t.Skipped})
}

// compare reports where the totals that an end record announces differ from t.
func (t *Totals) compare(announced Totals) error {
	for _, n := range []struct {
		what     string
		is, says int64
	}{
		{"points", t.Points, announced.Points},
		{"bytes of assets", t.AssetBytes, announced.AssetBytes},
		{"skipped records", t.Skipped, announced.Skipped},
	} {
		if n.is != n.says {
			return fault(ErrGrammar, "announces %d %s, there are %d", n.says, n.what, n.is)
		}
	}
	for k, says := range announced.Counts {
		if t.Counts[k] != says {
			return fault(ErrGrammar, "announces %d records of kind %s, there are %d", says, printable(k), t.Counts[k])
		}
	}
	for k, n := range t.Counts {
		if _, ok := announced.Counts[k]; !ok {
			return fault(ErrGrammar, "announces no records of kind %s, there are %d", printable(k), n)
		}
	}
	return nil
}
