package metric

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Digest returns the points that t leaves, sorted by all their fields, and the SHA-256
// of them, which depends on the exact text of the values.
func (s *Series) Digest(t Thinning, contexts []string) (points []Point, sum string) {
	s.EachKept(t, func(p *Point) bool {
		points = append(points, *p)
		return true
	})
	slices.SortFunc(points, func(a, b Point) int { return a.order(&b, contexts) })
	h := sha256.New()
	var line []byte
	for i := range points {
		line = points[i].appendLine(line[:0], contexts)
		h.Write(line)
	}
	return points, hex.EncodeToString(h.Sum(nil))
}

// order is a total one over all fields of a point.
func (p *Point) order(q *Point, contexts []string) int {
	if c := cmp.Or(p.byTime(q), compareOptional(p.Epoch, p.HasEpoch, q.Epoch, q.HasEpoch), compareContexts(p.Context, q.Context, contexts)); c != 0 {
		return c
	}
	if p.Value == q.Value {
		return 0
	}
	return strings.Compare(p.Value.String(), q.Value.String())
}

func compareContexts(a, b uint32, contexts []string) int {
	if a == b || a == 0 || b == 0 {
		return cmp.Compare(a, b)
	}
	return strings.Compare(contexts[a-1], contexts[b-1])
}

func (p *Point) appendLine(line []byte, contexts []string) []byte {
	line = strconv.AppendInt(line, p.Time, 10)
	line = appendOptional(append(line, ' '), p.Step, p.HasStep)
	line = appendOptional(append(line, ' '), p.Epoch, p.HasEpoch)
	line = append(line, ' ')
	if p.Context != 0 {
		line = strconv.AppendQuote(line, contexts[p.Context-1])
	}
	return append(p.Value.appendTo(append(line, ' ')), '\n')
}
