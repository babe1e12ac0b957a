package stream

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
)

// A number is one of those that a record announces which ends a group or the stream.
type number struct {
	what          string
	announced, is *int64
}

// endNumbers returns where such a record has its numbers, and where they are in t.
// counts is nil for a record of another kind.
func endNumbers(rec Record, t *Totals) (counts *Counts, numbers []number) {
	switch end := rec.(type) {
	case *ExperimentEnd:
		return &end.Counts, []number{
			{"points", &end.Points, &t.Points},
			{"bytes of assets", &end.AssetBytes, &t.AssetBytes},
			{"skipped records", &end.Skipped, &t.Skipped},
		}
	case *ArtifactEnd:
		return &end.Counts, []number{{"bytes of assets", &end.AssetBytes, &t.AssetBytes}, {"skipped records", &end.Skipped, &t.Skipped}}
	case *ModelEnd:
		return &end.Counts, []number{{"skipped records", &end.Skipped, &t.Skipped}}
	case *Trailer:
		return &end.Counts, []number{
			{"projects", &end.Projects, &t.Projects},
			{"experiments", &end.Experiments, &t.Experiments},
			{"points", &end.Points, &t.Points},
			{"bytes of assets", &end.AssetBytes, &t.AssetBytes},
			{"skipped records", &end.Skipped, &t.Skipped},
		}
	}
	return nil, nil
}

// Announce makes a record that ends a group or a stream announce these totals, as far as
// it has a place for them.
func (t Totals) Announce(rec Record) {
	counts, numbers := endNumbers(rec, &t)
	*counts = t.Counts
	for _, n := range numbers {
		*n.announced = *n.is
	}
}

// Announced returns the totals that a record announces which ends a group or a stream.
func Announced(rec Record) Totals {
	var t Totals
	counts, numbers := endNumbers(rec, &t)
	t.Counts = *counts
	for _, n := range numbers {
		*n.is = *n.announced
	}
	return t
}

// checkNumbers compares the numbers that such a record announces with what they are.
func checkNumbers(rec Record, t Totals) error {
	announced, numbers := endNumbers(rec, &t)
	for _, n := range numbers {
		if *n.is != *n.announced {
			return fault(ErrGrammar, "announces %d %s, there are %d", *n.announced, n.what, *n.is)
		}
	}
	for k, says := range *announced {
		if t.Counts[k] != says {
			return fault(ErrGrammar, "announces %d records of kind %s, there are %d", says, printable(k), t.Counts[k])
		}
	}
	for k, n := range t.Counts {
		if _, ok := (*announced)[k]; !ok {
			return fault(ErrGrammar, "announces no records of kind %s, there are %d", printable(k), n)
		}
	}
	return nil
}

// groupOf has the kind that opens the group of each kind of end.
var groupOf = map[Kind]Kind{KindExperimentEnd: KindExperiment, KindArtifactEnd: KindArtifact, KindModelEnd: KindModel}

func (g *grammar) checkEnd(v *view) error {
	if err := g.checkInside(groupOf[v.kind]); err != nil {
		return err
	}
	if id := v.str(slotID); string(id) != g.group.id {
		return fault(ErrGrammar, "ends %q where %q is open", quotable(id), quotable([]byte(g.group.id)))
	}
	if g.group.unseen {
		return nil
	}
	return checkNumbers(v.decode(), g.group.sum.totals())
}

func (g *grammar) checkTrailer(v *view) error {
	if err := g.checkOutside(); err != nil || g.unseen {
		return err
	}
	return checkNumbers(v.decode(), g.total.totals())
}

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

// fill completes a record of which the grammar knows more than who writes it.
func (g *grammar) fill(rec Record) {
	switch rec := rec.(type) {
	case *Header:
		rec.Format, rec.Version = formatName, [2]int{majorVersion, minorVersion}
		if rec.ID == "" {
			rec.ID = NewID()
		}
	case *AssetEnd:
		if rec.SHA256 == "" && g.open == KindAsset && g.hashing {
			rec.Size, rec.SHA256 = g.bytes, hex.EncodeToString(g.hash.Sum(nil))
		}
	case *ExperimentEnd:
		rec.Key = cmp.Or(rec.Key, g.group.id)
		g.fillEnd(rec)
	case *ArtifactEnd:
		rec.ID = cmp.Or(rec.ID, g.group.id)
		g.fillEnd(rec)
	case *ModelEnd:
		rec.ID = cmp.Or(rec.ID, g.group.id)
		g.fillEnd(rec)
	case *Trailer:
		if !g.unseen {
			g.total.totals().Announce(rec)
		}
	}
}

func (g *grammar) fillEnd(rec Record) {
	if !g.group.unseen {
		g.group.sum.totals().Announce(rec)
	}
}

// NewID returns a new id for a stream.
func NewID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
