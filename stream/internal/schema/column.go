package schema

import "github.com/comet-stream/comet-stream/stream/internal/pack"

// The columns of points, FORMAT.md section 5.
type (
	// ContextColumn is null, or the text that all points have, or a dictionary of
	// such and an index into it for each point.
	ContextColumn []byte
	// IntColumn is null, or a flag and an integer for each point.
	IntColumn []byte
	// ExtraColumn is a map or null for each point.
	ExtraColumn []byte
	// ValueColumn is a number, text, boolean or null for each point.
	ValueColumn []byte
)

// The flags of an [IntColumn].
const (
	FlagDeltas = 0 // the first value, and differences that wrap
	FlagPlain  = 1 // the values; null where a point has none
)

// checkInts checks an [IntColumn] at b[i].
func (f *field) checkInts(b []byte, i, depth int, l *Layout) (int, error) {
	if pack.ClassOf[b[i]] == pack.ClassNil {
		return i + 1, nil
	}
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	if n != 2 || b[i] > FlagPlain {
		return i, f.wrong()
	}
	elements := classesOf[typeInts].element
	if b[i] == FlagDeltas {
		elements = ints
	}
	return f.checkRows(b, i+1, depth+1, elements, l)
}

// checkRows checks an array that has one element for each point: as many as the
// columns before it.
func (f *field) checkRows(b []byte, i, depth int, elements pack.ClassSet, l *Layout) (int, error) {
	if i < len(b) && pack.ClassOf[b[i]] != pack.ClassArray {
		return i, f.wrong()
	}
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	if l.Rows < 0 {
		l.Rows = n
	}
	if n != l.Rows {
		return i, pack.Corrupt("column %q of %d points, another of %d", f.key, n, l.Rows)
	}
	return f.checkRun(b, i, n, depth+1, elements)
}

// checkContexts checks a [ContextColumn] at b[i].
func (f *field) checkContexts(b []byte, i, depth int, l *Layout) (int, error) {
	if pack.ClassOf[b[i]] != pack.ClassArray {
		return pack.Scan(b, i, depth)
	}
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	if n != 2 || pack.ClassOf[b[i]] != pack.ClassArray {
		return i, f.wrong()
	}
	size, i, err := checkHead(b, i, depth+1)
	if err != nil {
		return i, err
	}
	if size > f.max {
		return i, pack.TooLarge("dictionary of %d contexts", size)
	}
	if i, err = f.checkRun(b, i, size, depth+2, classesOf[typeContext].element); err != nil {
		return i, err
	}
	indexes := i
	if i, err = f.checkRows(b, i, depth+1, ints, l); err != nil {
		return i, err
	}
	c := pack.CursorAt(b, indexes)
	defer c.Free()
	for range c.ArrayLen() {
		if at := c.Int(); at < 0 || at >= int64(size) {
			return i, pack.Corrupt("context %d of a dictionary of %d", at, size)
		}
	}
	return i, nil
}
