package stream

import "github.com/comet-stream/comet-stream/stream/internal/pack"

// The types of the columns of a metrics record, FORMAT.md section 5.
type (
	contextColumn []byte
	intColumn     []byte
	extraColumn   []byte
	valueColumn   []byte
)

// metricColumns describes the body of a metrics record to schemaOf. The columns
// are checked by it, but packed and read without reflection.
type metricColumns struct {
	Context contextColumn `msgpack:"context"`
	Epoch   intColumn     `msgpack:"epoch"`
	Extra   extraColumn   `msgpack:"extra,omitempty"`
	N       int64         `msgpack:"n"`
	Name    string        `msgpack:"name"`
	Step    intColumn     `msgpack:"step"`
	Time    intColumn     `msgpack:"time"`
	Value   valueColumn   `msgpack:"value"`
}

// The flags of an int column.
const (
	flagDeltas = 0
	flagPlain  = 1
)

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
		m.packExtra(p)
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

func (m *Metrics) packExtra(p *pack.Packer) {
	p.ArrayLen(len(m.Points))
	for i := range m.Points {
		packDoc(p, m.Points[i].Extra)
	}
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
		p.Int(flagPlain)
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
	p.Int(flagDeltas)
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
			readExtra(c, m.Points)
		case "name":
			m.Name = c.Str()
		case "step":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Step })
		case "time":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Time })
		case "value":
			readValues(c, m.Points)
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
		case flag == flagDeltas:
			last += c.Int()
			*of(&points[i]) = NewInt64(last)
		case !c.Null():
			*of(&points[i]) = NewInt64(c.Int())
		}
	}
}

func readExtra(c *pack.Cursor, points []Point) {
	c.ArrayLen()
	for i := range points {
		if !c.Null() {
			points[i].Extra = c.Skip()
		}
	}
}

func readValues(c *pack.Cursor, points []Point) {
	c.ArrayLen()
	for i := range points {
		points[i].Value = readValue(c)
	}
}

// The classes of the elements of columns.
var (
	contextClasses = pack.SetOf(pack.ClassNil, pack.ClassStr)
	deltaClasses   = pack.SetOf(pack.ClassInt)
	plainClasses   = pack.SetOf(pack.ClassNil, pack.ClassInt)
	extraClasses   = pack.SetOf(pack.ClassNil, pack.ClassMap)
	valueClasses   = pack.SetOf(pack.ClassNil, pack.ClassBool, pack.ClassInt, pack.ClassFloat, pack.ClassStr)
)

// checkColumn checks a column of metrics at b[i], and that it is as long as the
// columns before it.
func (f *field) checkColumn(b []byte, i, depth int, v *view) (int, error) {
	switch f.typ {
	case typeContext:
		if pack.ClassOf[b[i]] != pack.ClassArray {
			return pack.Scan(b, i, depth)
		}
		return f.checkContexts(b, i, depth, v)
	case typeInts:
		if pack.ClassOf[b[i]] == pack.ClassNil {
			return i + 1, nil
		}
		n, i, err := checkHead(b, i, depth)
		if err != nil {
			return i, err
		}
		if n != 2 || b[i] > flagPlain {
			return i, f.wrong()
		}
		if b[i] == flagDeltas {
			return f.checkRows(b, i+1, depth+1, deltaClasses, v)
		}
		return f.checkRows(b, i+1, depth+1, plainClasses, v)
	case typeExtra:
		return f.checkRows(b, i, depth, extraClasses, v)
	}
	return f.checkRows(b, i, depth, valueClasses, v)
}

// checkRows checks an array that has one element for each point.
func (f *field) checkRows(b []byte, i, depth int, classes pack.ClassSet, v *view) (int, error) {
	if i < len(b) && pack.ClassOf[b[i]] != pack.ClassArray {
		return i, f.wrong()
	}
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	if v.rows < 0 {
		v.rows = n
	}
	if n != v.rows {
		return i, fault(ErrCorrupt, "column %q of %d points, another of %d", f.key, n, v.rows)
	}
	return f.checkRun(b, i, n, depth+1, classes)
}

// checkContexts checks a dictionary and the indexes into it.
func (f *field) checkContexts(b []byte, i, depth int, v *view) (int, error) {
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
	if size > MaxPoints {
		return i, fault(ErrLimit, "dictionary of %d contexts", size)
	}
	if i, err = f.checkRun(b, i, size, depth+2, contextClasses); err != nil {
		return i, err
	}
	start := i
	if i, err = f.checkRows(b, i, depth+1, deltaClasses, v); err != nil {
		return i, err
	}
	c := pack.CursorAt(b, start)
	defer c.Free()
	for range c.ArrayLen() {
		if at := c.Int(); at < 0 || at >= int64(size) {
			return i, fault(ErrCorrupt, "context %d of a dictionary of %d", at, size)
		}
	}
	return i, nil
}
