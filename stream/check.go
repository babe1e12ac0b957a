package stream

import (
	"github.com/comet-stream/comet-stream/stream/internal/pack"
	"github.com/comet-stream/comet-stream/stream/internal/schema"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Limits of the format, FORMAT.md section 2.
const (
	// MaxPoints is the largest number of points in one metrics record.
	MaxPoints = 8192
	// MaxData is the largest number of bytes in one chunk, and in one piece of
	// a text.
	MaxData = 512 << 10
	// MaxKey is the length of the longest experiment key.
	MaxKey = 64

	maxRecord  = 8 << 20
	maxContent = 16 << 20
	maxKind    = 64
	maxRecords = 65536 // in one block
	maxList    = 65536 // elements of a list
)

// The slots of the keys that the grammar looks at.
const (
	slotID schema.Slot = iota + 1 // "id" or "key"
	slotMore
	slotN
	slotData
	slotProject
	slotWorkspace
	slotName
	slotType
	slotPassing
	slotRemote
)

// schemas says how the types of records become msgpack.
var schemas = schema.Format{
	MaxBytes: MaxData, MaxList: maxList, MaxContexts: MaxPoints,
	Slots: map[string]schema.Slot{
		"id": slotID, "key": slotID, "more": slotMore, "n": slotN, "data": slotData, "project": slotProject, "workspace": slotWorkspace,
		"name": slotName, "type": slotType, "passing": slotPassing, "remote": slotRemote,
	},
}

// A view is a checked record: its bytes, and where in them the fields are that
// the grammar needs.
type view struct {
	schema.Layout
	data []byte
	kind Kind
	bit  uint8
}

// body returns a cursor at the body of the record. It is to be freed.
func (v *view) body() *pack.Cursor {
	c := pack.CursorAt(v.data, 1)
	c.Skip()
	return c
}

// has reports whether the field is there and not null.
func (v *view) has(s schema.Slot) bool {
	i := v.At[s]
	return i != 0 && pack.ClassOf[v.data[i]] != pack.ClassNil
}

// str returns a text field, "" where it is absent or null. It aliases the record.
func (v *view) str(s schema.Slot) []byte {
	if !v.has(s) {
		return nil
	}
	return pack.BytesAt(v.data, int(v.At[s]))
}

func (v *view) int(s schema.Slot) int64 {
	if !v.has(s) {
		return 0
	}
	c := pack.CursorAt(v.data, int(v.At[s]))
	defer c.Free()
	return c.Int()
}

func (v *view) bool(s schema.Slot) bool {
	if !v.has(s) {
		return false
	}
	c := pack.CursorAt(v.data, int(v.At[s]))
	defer c.Free()
	return c.Bool()
}

// recordHead is the head of an array of two, which every record begins with.
var recordHead = msgpcode.FixedArrayLow | 2

// checkRecord checks that a record of a stream begins at the start of b, and
// returns the view of it. Bytes may follow it.
func checkRecord(b []byte) (view, error) {
	v := view{data: b, bit: unknownBit, Layout: schema.Layout{Rows: -1}}
	if len(b) == 0 {
		return v, pack.ErrCut
	}
	if b[0] != recordHead {
		return v, fault(ErrCorrupt, "not a record: no array of two")
	}
	end, err := pack.Scan(b, 1, 1)
	if err != nil {
		return v, err
	}
	if pack.ClassOf[b[1]] != pack.ClassStr {
		return v, fault(ErrCorrupt, "not a record: its kind is not a str")
	}
	name := pack.BytesAt(b, 1)
	if len(name) == 0 || len(name) > maxKind {
		return v, fault(ErrLimit, "kind of %d bytes", len(name))
	}
	info := kinds[Kind(name)]
	if info == nil {
		v.kind = Kind(name)
		end, err = checkUnknown(b, end)
	} else {
		v.kind, v.bit = info.kind, info.bit
		end, err = info.schema.Check(b, end, 1, &v.Layout)
	}
	if err == nil && end > maxRecord {
		err = fault(ErrLimit, "record of more than %d bytes", maxRecord)
	}
	if err != nil {
		return v, err
	}
	v.data = b[:end:end]
	return v, v.limits()
}

func checkUnknown(b []byte, i int) (int, error) {
	if i < len(b) && pack.ClassOf[b[i]] != pack.ClassMap {
		return i, fault(ErrCorrupt, "not a record: its body is not a map")
	}
	return pack.Scan(b, i, 1)
}

// limits checks what FORMAT.md says about single fields.
func (v *view) limits() error {
	switch v.kind {
	case KindExperiment:
		if n := len(v.str(slotID)); n < 1 || n > MaxKey {
			return fault(ErrLimit, "experiment key of %d bytes", n)
		}
	case KindMetrics:
		if n := v.int(slotN); n < 1 || n > MaxPoints {
			return fault(ErrLimit, "%d points in one record", n)
		} else if n != int64(v.Rows) {
			return fault(ErrCorrupt, "%d points, and columns of %d", n, v.Rows)
		}
	case KindChunk:
		if len(v.str(slotData)) == 0 {
			return fault(ErrCorrupt, "chunk without data")
		}
	}
	return nil
}
