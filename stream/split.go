package stream

import "iter"

// splitSize is the size at which SplitValues and SplitRequirements end a record,
// and splitLen the number of elements at which they do.
const (
	splitSize = 1 << 20
	splitLen  = 8192
)

// cut takes what fits a record off the front of a list, at least one element.
func cut[T ~string | ~[]byte](list []T) (front, rest []T) {
	size := 0
	for i, v := range list {
		if size += len(v) + 5; i > 0 && (size > splitSize || i == splitLen) {
			return list[:i:i], list[i:]
		}
	}
	return list, list[len(list):]
}

// SplitValues yields parameters or others, in the order in which they occur, as
// records that keep the limits of the format, unless one of them is too large for
// any record. No values give no record.
func SplitValues(of Kind, values []Doc) iter.Seq[*Values] {
	return func(yield func(*Values) bool) {
		for len(values) > 0 {
			rec := &Values{Of: of}
			rec.Values, values = cut(values)
			if !yield(rec) {
				return
			}
		}
	}
}

// SplitRequirements yields both lists together in as many records as they need,
// at least one. A list that is nil is null in the first of them.
func SplitRequirements(installed, os []string) iter.Seq[*Requirements] {
	return func(yield func(*Requirements) bool) {
		for first := true; first || len(installed)+len(os) > 0; first = false {
			rec := &Requirements{}
			rec.Installed, installed = cut(installed)
			rec.OS, os = cut(os)
			if !yield(rec) {
				return
			}
		}
	}
}

// Empty reports whether all members of an object but the one named are null, or
// empty lists or objects: servers return such documents for what they have no
// data of.
func (d Doc) Empty(but string) bool {
	for name, v := range d.Members() {
		if name == but {
			continue
		}
		switch v.String() {
		case "null", "[]", "{}":
		default:
			return false
		}
	}
	return true
}
