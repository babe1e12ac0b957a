package comettest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
)

func (l *look) metricStates(e *experiment) []MetricState {
	shown := showingOf(l.moods)
	list := []MetricState{}
	for _, name := range e.names {
		m := e.metrics[name]
		sum := m.summary()
		if !sum.any {
			continue
		}
		x := MetricState{
			Name: name, Points: m.keptLen(shown), Received: m.len(),
			Min: e.stamp(sum.min).state(), Max: e.stamp(sum.max).state(), Current: e.stamp(sum.current(l.moods)).state(),
		}
		if l.Portable {
			x.Received = 0
		}
		x.hash(m, e.contexts, shown, l.Points)
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b MetricState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// hash fills SHA256, and Values if they are wanted.
func (x *MetricState) hash(m *series, contexts []string, shown showing, values bool) {
	points := make([]point, 0, x.Points)
	m.kept(shown, func(p *point) bool {
		points = append(points, *p)
		return true
	})
	slices.SortFunc(points, func(a, b point) int { return a.order(&b, contexts) })
	h := sha256.New()
	var line []byte
	for i := range points {
		line = hashPoint(h, line, &points[i], contexts)
		if !values {
			continue
		}
		p := &points[i]
		x.Values = append(x.Values, PointState{
			Time: p.time, Step: pointer(p.step, p.hasStep), Epoch: pointer(p.epoch, p.hasEpo),
			Context: contextName(contexts, p.context), Value: p.value.String(),
		})
	}
	x.SHA256 = hex.EncodeToString(h.Sum(nil))
}

// order is a total one over all fields of a point.
func (p *point) order(q *point, contexts []string) int {
	if p.before(q) {
		return -1
	}
	if q.before(p) {
		return 1
	}
	if p.hasEpo != q.hasEpo {
		if q.hasEpo {
			return -1
		}
		return 1
	}
	if p.epoch != q.epoch && p.hasEpo {
		return cmp.Compare(p.epoch, q.epoch)
	}
	if p.context != q.context {
		if p.context == 0 || q.context == 0 {
			return cmp.Compare(min(p.context, 1), min(q.context, 1))
		}
		return cmp.Compare(contexts[p.context-1], contexts[q.context-1])
	}
	if p.value.form == q.value.form && p.value.bits == q.value.bits && p.value.text == q.value.text {
		return 0
	}
	return cmp.Compare(p.value.String(), q.value.String())
}

func hashPoint(h hash.Hash, line []byte, p *point, contexts []string) []byte {
	line = strconv.AppendInt(line[:0], p.time, 10)
	line = appendOptional(append(line, ' '), p.step, p.hasStep)
	line = appendOptional(append(line, ' '), p.epoch, p.hasEpo)
	line = append(line, ' ')
	if p.context != 0 {
		line = strconv.AppendQuote(line, contexts[p.context-1])
	}
	line = p.value.appendTo(append(line, ' '))
	line = append(line, '\n')
	h.Write(line)
	return line
}
