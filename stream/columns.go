package stream

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

func (m *Metrics) packBody(p *packer) {
	extra := m.hasExtra()
	keys := 7
	if extra {
		keys++
	}
	p.mapLen(keys)
	p.str("context")
	m.packContexts(p)
	p.str("epoch")
	m.packInts(p, func(pt *Point) *Int64 { return &pt.Epoch })
	if extra {
		p.str("extra")
		m.packExtra(p)
	}
	p.str("n")
	p.int(int64(len(m.Points)))
	p.str("name")
	p.str(m.Name)
	p.str("step")
	m.packInts(p, func(pt *Point) *Int64 { return &pt.Step })
	p.str("time")
	m.packInts(p, func(pt *Point) *Int64 { return &pt.Time })
	p.str("value")
	p.arrayLen(len(m.Points))
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

func (m *Metrics) packExtra(p *packer) {
	p.arrayLen(len(m.Points))
	for i := range m.Points {
		packDoc(p, m.Points[i].Extra)
	}
}

// packContexts packs null or a str where all points agree, else the dictionary
// in the order of first use, and the indexes.
func (m *Metrics) packContexts(p *packer) {
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
	p.arrayLen(2)
	p.arrayLen(len(order))
	for _, c := range order {
		packContext(p, c)
	}
	p.arrayLen(len(m.Points))
	for i := range m.Points {
		p.int(int64(index[m.Points[i].Context]))
	}
}

func packContext(p *packer, c String) {
	if !c.OK {
		p.null()
		return
	}
	p.str(c.V)
}

// packInts packs the column of one integer of the points.
func (m *Metrics) packInts(p *packer, of func(*Point) *Int64) {
	present := 0
	for i := range m.Points {
		if of(&m.Points[i]).OK {
			present++
		}
	}
	if present == 0 {
		p.null()
		return
	}
	p.arrayLen(2)
	if present < len(m.Points) {
		p.int(flagPlain)
		p.arrayLen(len(m.Points))
		for i := range m.Points {
			if v := of(&m.Points[i]); v.OK {
				p.int(v.V)
			} else {
				p.null()
			}
		}
		return
	}
	p.int(flagDeltas)
	p.arrayLen(len(m.Points))
	last := int64(0)
	for i := range m.Points {
		v := of(&m.Points[i]).V
		p.int(v - last)
		last = v
	}
}

// decode reads the checked body of a record whose columns have so many rows.
func (m *Metrics) decode(c *cursor, rows int) {
	m.Points = make([]Point, rows)
	for range c.mapLen() {
		switch string(c.bytes()) {
		case "context":
			readContexts(c, m.Points)
		case "epoch":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Epoch })
		case "extra":
			readExtra(c, m.Points)
		case "name":
			m.Name = c.str()
		case "step":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Step })
		case "time":
			readInts(c, m.Points, func(p *Point) *Int64 { return &p.Time })
		case "value":
			readValues(c, m.Points)
		default:
			c.skip() // n, which rows is, and unknown keys
		}
	}
}

func readContexts(c *cursor, points []Point) {
	if c.class() != classArray {
		all := readContext(c)
		for i := range points {
			points[i].Context = all
		}
		return
	}
	c.arrayLen()
	dictionary := make([]String, c.arrayLen())
	for i := range dictionary {
		dictionary[i] = readContext(c)
	}
	c.arrayLen()
	for i := range points {
		points[i].Context = dictionary[c.int()]
	}
}

func readContext(c *cursor) String {
	if c.null() {
		return String{}
	}
	return NewString(c.str())
}

func readInts(c *cursor, points []Point, of func(*Point) *Int64) {
	if c.null() {
		return
	}
	c.arrayLen()
	flag := c.int()
	c.arrayLen()
	last := int64(0)
	for i := range points {
		switch {
		case flag == flagDeltas:
			last += c.int()
			*of(&points[i]) = NewInt64(last)
		case !c.null():
			*of(&points[i]) = NewInt64(c.int())
		}
	}
}

func readExtra(c *cursor, points []Point) {
	c.arrayLen()
	for i := range points {
		if !c.null() {
			points[i].Extra = c.skip()
		}
	}
}

func readValues(c *cursor, points []Point) {
	c.arrayLen()
	for i := range points {
		points[i].Value = readValue(c)
	}
}

// The classes of the elements of columns.
var (
	contextClasses = setOf(classNil, classStr)
	deltaClasses   = setOf(classInt)
	plainClasses   = setOf(classNil, classInt)
	extraClasses   = setOf(classNil, classMap)
	valueClasses   = setOf(classNil, classBool, classInt, classFloat, classStr)
)

// checkColumn checks a column of metrics at b[i], and that it is as long as the
// columns before it.
func (f *field) checkColumn(b []byte, i, depth int, v *view) (int, error) {
	switch f.typ {
	case typeContext:
		if classOf[b[i]] != classArray {
			return scan(b, i, depth)
		}
		return f.checkContexts(b, i, depth, v)
	case typeInts:
		if classOf[b[i]] == classNil {
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
func (f *field) checkRows(b []byte, i, depth int, classes classSet, v *view) (int, error) {
	if i < len(b) && classOf[b[i]] != classArray {
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
	if n != 2 || classOf[b[i]] != classArray {
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
	c := cursorAt(b, start)
	defer c.free()
	for range c.arrayLen() {
		if at := c.int(); at < 0 || at >= int64(size) {
			return i, fault(ErrCorrupt, "context %d of a dictionary of %d", at, size)
		}
	}
	return i, nil
}
