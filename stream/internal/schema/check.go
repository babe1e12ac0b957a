package schema

import "github.com/comet-stream/comet-stream/stream/internal/pack"

// Check checks that b[i], which is nested in depth arrays and maps, begins a map
// with the keys of the schema and values of their types, and returns the index after
// it. Unknown keys may occur in it. A layout, where one is given, is filled in.
func (s *Schema) Check(b []byte, i, depth int, l *Layout) (int, error) {
	if i < len(b) && pack.ClassOf[b[i]] != pack.ClassMap {
		return i, pack.Corrupt("not a record: no map where one belongs")
	}
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	depth++
	var seen uint32
	next := 0
	for range n {
		if i < len(b) && pack.ClassOf[b[i]] != pack.ClassStr {
			return i, pack.ErrKeyType
		}
		key := i
		if i, err = pack.Scan(b, i, depth); err != nil {
			return i, err
		}
		k := s.find(pack.BytesAt(b, key), next)
		if k < 0 {
			if i, err = pack.Scan(b, i, depth); err != nil {
				return i, err
			}
			continue
		}
		f := &s.fields[k]
		if seen&(1<<k) != 0 {
			return i, pack.Corrupt("key %q occurs twice", f.key)
		}
		seen |= 1 << k
		next = k + 1
		value := i
		if i, err = f.check(b, i, depth, l); err != nil {
			return i, err
		}
		if l != nil {
			l.At[f.slot] = uint32(value)
		}
	}
	for k := range s.fields {
		if seen&(1<<k) == 0 && !s.fields[k].optional {
			return i, pack.Corrupt("key %q is missing", s.fields[k].key)
		}
	}
	return i, nil
}

// check checks the value of one field at b[i].
func (f *field) check(b []byte, i, depth int, l *Layout) (int, error) {
	if i >= len(b) {
		return i, pack.ErrCut
	}
	if pack.ClassOf[b[i]] == pack.ClassNil && f.null {
		return i + 1, nil
	}
	if !classesOf[f.typ].value.Has(b[i]) {
		return i, f.wrong()
	}
	switch f.typ {
	case typeStruct:
		return f.sub.Check(b, i, depth, nil)
	case typePair, typeStrs, typeDocs, typeCounts, typeStructs:
		return f.checkList(b, i, depth)
	case typeContext:
		return f.checkContexts(b, i, depth, l)
	case typeInts:
		return f.checkInts(b, i, depth, l)
	case typeExtra, typeValues:
		return f.checkRows(b, i, depth, classesOf[f.typ].element, l)
	}
	end, err := pack.Scan(b, i, depth)
	if err != nil {
		return i, err
	}
	if f.typ == typeInt && pack.OverInt64(b, i) {
		return i, f.wrong()
	}
	if f.max > 0 {
		if n, _ := pack.LengthOf(b, i); n > f.max {
			return i, pack.TooLarge("%s of %d bytes, more than %d", f.key, n, f.max)
		}
	}
	return end, nil
}

func (f *field) wrong() error {
	return pack.Corrupt("value of key %q is of another type", f.key)
}

// checkList checks an array, or the map of typeCounts, and its elements.
func (f *field) checkList(b []byte, i, depth int) (int, error) {
	n, i, err := checkHead(b, i, depth)
	if err != nil {
		return i, err
	}
	depth++
	if n > f.max {
		return i, pack.TooLarge("list %q of %d elements, more than %d", f.key, n, f.max)
	}
	switch {
	case f.typ == typePair && n != 2:
		return i, f.wrong()
	case f.typ == typeStructs:
		for range n {
			if i, err = f.sub.Check(b, i, depth, nil); err != nil {
				return i, err
			}
		}
		return i, nil
	case f.typ == typeCounts:
		for range n {
			if i, err = f.checkRun(b, i, 1, depth, strs); err != nil {
				return i, err
			}
			if i, err = f.checkRun(b, i, 1, depth, ints); err != nil {
				return i, err
			}
		}
		return i, nil
	}
	return f.checkRun(b, i, n, depth, classesOf[f.typ].element)
}

// checkHead reads the head of the array or map at b[i], which is nested in depth
// others, and returns the number of its elements and the index of the first.
func checkHead(b []byte, i, depth int) (n, next int, err error) {
	if i >= len(b) || i+int(pack.HeadSize[b[i]]) > len(b) {
		return 0, i, pack.ErrCut
	}
	if depth >= pack.MaxDepth {
		return 0, i, pack.ErrTooDeep
	}
	n, head := pack.LengthOf(b, i)
	i += head
	least := n // bytes that so many elements take
	if pack.ClassOf[b[i-head]] == pack.ClassMap {
		least = 2 * n
	}
	if least > len(b)-i {
		return 0, i, pack.ErrLength
	}
	return n, i, nil
}

// checkRun checks n values of the given classes, integers in the range of int64.
func (f *field) checkRun(b []byte, i, n, depth int, classes pack.ClassSet) (int, error) {
	for range n {
		if i >= len(b) {
			return i, pack.ErrCut
		}
		head := b[i]
		if !classes.Has(head) {
			return i, f.wrong()
		}
		if size := int(pack.FixedSize[head]); size > 0 {
			if i+size > len(b) {
				return i, pack.ErrCut
			}
			if pack.OverInt64(b, i) && f.typ != typeDocs {
				return i, f.wrong()
			}
			i += size
			continue
		}
		var err error
		if i, err = pack.Scan(b, i, depth); err != nil {
			return i, err
		}
	}
	return i, nil
}
