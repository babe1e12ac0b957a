package stream

// What a grammar does that has lost its place: that of a Writer which copies
// blocks, and of a Salvager after damage.

// groupLost stands for the kind of a group whose beginning was not seen.
const groupLost Kind = "?"

// copied notes that a block has been copied whose records were not seen.
func (g *grammar) copied(l *Label) {
	g.n += int64(l.Records)
	g.unseen, g.group.unseen, g.lost = true, true, true
	g.open = ""
	if l.Outside {
		g.group.kind = ""
	} else {
		g.group.kind, g.group.id = groupLost, ""
	}
}

// find takes what a record tells about the place where a lost grammar is.
func (g *grammar) find(v *view) {
	switch {
	case v.bit == unknownBit || v.kind == KindSkipped:
	case kindOf[v.bit].rank > 0 || v.kind == KindChunk || v.kind == KindAssetEnd || v.kind == KindArtifactVersion || v.kind == KindModelVersion:
		g.group.kind = groupLost
	default:
		g.group.kind = ""
	}
}

// at tells a lost grammar where the next record is.
func (g *grammar) at(p place) {
	if !g.lost {
		return
	}
	switch {
	case p == placeOutside:
		g.group.kind = ""
	case p == placeInside && g.group.kind == "":
		g.group.kind = groupLost
	}
}
