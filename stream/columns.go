package stream

import (
	"github.com/comet-stream/comet-stream/stream/internal/pack"
	"github.com/comet-stream/comet-stream/stream/internal/schema"
)

// metricColumns describes the body of a metrics record to [schema.Of]. The columns
// are checked by that, but packed and read without reflection.
type metricColumns struct {
	Context schema.ContextColumn `msgpack:"context"`
	Epoch   schema.IntColumn     `msgpack:"epoch"`
	Extra   schema.ExtraColumn   `msgpack:"extra,omitempty"`
	N       int64                `msgpack:"n"`
	Name    string               `msgpack:"name"`
	Step    schema.IntColumn     `msgpack:"step"`
	Time    schema.IntColumn     `msgpack:"time"`
	Value   schema.ValueColumn   `msgpack:"value"`
}

func (m *Metrics) packBody(p *pack.Packer) {
	extra := m.hasExtra()
	keys := 7
	if extra {
		keys++
	}
	p.MapLen(keys)
	p.Str("context")
	m.packContexts(p)
	p.Str("epoch")
	m.packInts(p, func(pt *Point) *Int64 { return &pt.Epoch })
	if extra {
		p.Str("extra")
		p.ArrayLen(len(m.Points))
		for i := range m.Points {
			p.RawOrNull(m.Points[i].Extra)
		}
	}
	p.Str("n")
	p.Int(int64(len(m.Points)))
	p.Str("name")
	p.Str(m.Name)
	p.Str("step")
	m.packInts(p, func(pt *Point) *Int64 { return &pt.Step })
	p.Str("time")
	m.packInts(p, func(pt *Point) *Int64 { return &pt.Time })
	p.Str("value")
	p.ArrayLen(len(m.Points))
	for i := range m.Points {
		m.Points[i].Value.pack(p)
	}
}

func (m *Metrics) hasExtra() bool {
	for i := range m.Points {
		if m.Points[i].Extra != nil {
			return true
		}
	}
	return false
}

// packContexts packs null or a str where all points agree, else the dictionary
// in the order of first use, and the indexes.
func (m *Metrics) packContexts(p *pack.Packer) {
	first := m.Points[0].Context
	same := true
	for i := range m.Points {
		if m.Points[i].Context != first {
			same = false
			break
		}
	}
	if same {
		packContext(p, first)
		return
	}
	index := map[String]int{}
	var order []String
	for i := range m.Points {
		c := m.Points[i].Context
		if _, ok := index[c]; !ok {
			index[c] = len(order)
			order = append(order, c)
		}
	}
	p.ArrayLen(2)
	p.ArrayLen(len(order))
	for _, c := range order {
		packContext(p, c)
	}
	p.ArrayLen(len(m.Points))
	for i := range m.Points {
		p.Int(int64(index[m.Points[i].Context]))
	}
}

func packContext(p *pack.Packer, c String) {
	if !c.OK {
		p.Null()
		return
	}
	p.Str(c.V)
}

// packInts packs the column of one integer of the points.
func (m *Metrics) packInts(p *pack.Packer, of func(*Point) *Int64) {
	present := 0
	for i := range m.Points {
		if of(&m.Points[i]).OK {
			present++
		}
	}
	if present == 0 {
		p.Null()
		return
	}
	p.ArrayLen(2)
	if present < len(m.Points) {
		p.Int(schema.FlagPlain)
		p.ArrayLen(len(m.Points))
		for i := range m.Points {
			if v := of(&m.Points[i]); v.OK {
				p.Int(v.V)
			} else {
				p.Null()
			}
		}
		return
	}
	p.Int(schema.FlagDeltas)
	p.ArrayLen(len(m.Points))
	last := int64(0)
	for i := range m.Points {
		v := of(&m.Points[i]).V
		p.Int(v - last)
		last = v
	}
}

// decode reads the checked body of a record whose columns have so many rows.
func (m *Metrics) decode(c *pack.Cursor, rows int) {
	m.Points = make([]Point, rows)
	for range c.MapLen() {
		switch string(c.Bytes()) {
		case "context":
			readContexts(c, m.Points)
		case "epoch":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Epoch })
		case "extra":
			c.ArrayLen()
			for i := range m.Points {
				if !c.Null() {
					m.Points[i].Extra = c.Skip()
				}
			}
		case "name":
			m.Name = c.Str()
		case "step":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Step })
		case "time":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Time })
		case "value":
			c.ArrayLen()
			for i := range m.Points {
				m.Points[i].Value = readValue(c)
			}
		default:
			c.Skip() // n, which rows is, and unknown keys
		}
	}
}

func readContexts(c *pack.Cursor, points []Point) {
	if c.Class() != pack.ClassArray {
		all := readContext(c)
		for i := range points {
			points[i].Context = all
		}
		return
	}
	c.ArrayLen()
	dictionary := make([]String, c.ArrayLen())
	for i := range dictionary {
		dictionary[i] = readContext(c)
	}
	c.ArrayLen()
	for i := range points {
		points[i].Context = dictionary[c.Int()]
	}
}

func readContext(c *pack.Cursor) String {
	if c.Null() {
		return String{}
	}
	return NewString(c.Str())
}

func readInts(c *pack.Cursor, points []Point, of func(*Point) *Int64) {
	if c.Null() {
		return
	}
	c.ArrayLen()
	flag := c.Int()
	c.ArrayLen()
	last := int64(0)
	for i := range points {
		switch {
		case flag == schema.FlagDeltas:
			last += c.Int()
			*of(&points[i]) = NewInt64(last)
		case !c.Null():
			*of(&points[i]) = NewInt64(c.Int())
		}
	}
}
