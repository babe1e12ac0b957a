package stream

// The columns of a metrics record as they stand in it, FORMAT.md section 5.
type (
	contextColumn []byte
	intColumn     []byte
	extraColumn   []byte
	valueColumn   []byte
)

// metricColumns is the body of a metrics record.
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

func (m *Metrics) appendBody(b []byte) ([]byte, error) {
	n := len(m.Points)
	if n < 1 || n > MaxPoints {
		return b, fault(ErrLimit, "metrics record of %d points", n)
	}
	extra := m.hasExtra()
	keys := 7
	if extra {
		keys++
	}
	b = appendMapLen(b, keys)
	b = m.appendContexts(appendStr(b, "context"))
	b = m.appendInts(appendStr(b, "epoch"), func(p *Point) *Int64 { return &p.Epoch })
	if extra {
		b = m.appendExtra(appendStr(b, "extra"))
	}
	b = appendInt(appendStr(b, "n"), int64(n))
	b = appendStr(appendStr(b, "name"), m.Name)
	b = m.appendInts(appendStr(b, "step"), func(p *Point) *Int64 { return &p.Step })
	b = m.appendInts(appendStr(b, "time"), func(p *Point) *Int64 { return &p.Time })
	b = appendArrayLen(appendStr(b, "value"), n)
	for i := range m.Points {
		b = m.Points[i].Value.appendMsgpack(b)
	}
	return b, nil
}

func (m *Metrics) hasExtra() bool {
	for i := range m.Points {
		if m.Points[i].Extra != nil {
			return true
		}
	}
	return false
}

func (m *Metrics) appendExtra(b []byte) []byte {
	b = appendArrayLen(b, len(m.Points))
	for i := range m.Points {
		b = appendDoc(b, m.Points[i].Extra)
	}
	return b
}

// appendContexts writes null or a str where all points agree, else the dictionary
// in the order of first use, and the indexes.
func (m *Metrics) appendContexts(b []byte) []byte {
	first := m.Points[0].Context
	same := true
	for i := range m.Points {
		if m.Points[i].Context != first {
			same = false
			break
		}
	}
	if same {
		return appendContext(b, first)
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
	b = appendArrayLen(appendArrayLen(b, 2), len(order))
	for _, c := range order {
		b = appendContext(b, c)
	}
	b = appendArrayLen(b, len(m.Points))
	for i := range m.Points {
		b = appendInt(b, int64(index[m.Points[i].Context]))
	}
	return b
}

func appendContext(b []byte, c String) []byte {
	if !c.OK {
		return appendNil(b)
	}
	return appendStr(b, c.V)
}

// appendInts writes the column of one integer of the points.
func (m *Metrics) appendInts(b []byte, of func(*Point) *Int64) []byte {
	present := 0
	for i := range m.Points {
		if of(&m.Points[i]).OK {
			present++
		}
	}
	if present == 0 {
		return appendNil(b)
	}
	b = appendArrayLen(b, 2)
	if present < len(m.Points) {
		b = appendArrayLen(append(b, flagPlain), len(m.Points))
		for i := range m.Points {
			if v := of(&m.Points[i]); v.OK {
				b = appendInt(b, v.V)
			} else {
				b = appendNil(b)
			}
		}
		return b
	}
	b = appendArrayLen(append(b, flagDeltas), len(m.Points))
	last := int64(0)
	for i := range m.Points {
		v := of(&m.Points[i]).V
		b = appendInt(b, v-last)
		last = v
	}
	return b
}

// points fills m from checked columns.
func (w *metricColumns) points(m *Metrics) {
	m.Name = w.Name
	m.Points = make([]Point, w.N)
	w.readContexts(m.Points)
	readInts(w.Epoch, m.Points, func(p *Point) *Int64 { return &p.Epoch })
	readInts(w.Step, m.Points, func(p *Point) *Int64 { return &p.Step })
	readInts(w.Time, m.Points, func(p *Point) *Int64 { return &p.Time })
	if w.Extra != nil {
		c := cursor{b: w.Extra}
		c.size()
		for i := range m.Points {
			if !c.null() {
				m.Points[i].Extra = c.skip()
			}
		}
	}
	c := cursor{b: w.Value}
	c.size()
	for i := range m.Points {
		m.Points[i].Value = readValue(&c)
	}
}

func (w *metricColumns) readContexts(points []Point) {
	c := cursor{b: w.Context}
	if classOf[c.peek()] != classArray {
		all := readContext(&c)
		for i := range points {
			points[i].Context = all
		}
		return
	}
	c.size()
	dictionary := make([]String, c.size())
	for i := range dictionary {
		dictionary[i] = readContext(&c)
	}
	c.size()
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

func readInts(column intColumn, points []Point, of func(*Point) *Int64) {
	c := cursor{b: column}
	if c.null() {
		return
	}
	c.size()
	flag := c.int()
	c.size()
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
		if b[i] == codeNil {
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
	c := cursor{b: b, i: start}
	for range c.size() {
		if at := c.int(); at < 0 || at >= int64(size) {
			return i, fault(ErrCorrupt, "context %d of a dictionary of %d", at, size)
		}
	}
	return i, nil
}
