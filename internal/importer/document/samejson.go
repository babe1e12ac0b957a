package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Same compares a JSON value that somebody has logged with what a server made
// of it: numbers may become texts and texts numbers, and null and absent members
// are one.
func Same(want, have json.RawMessage) bool { return sameAs(want, have, sameList) }

// SameServer is Same for a value whose form is the server's own: lists of
// key-value pairs have no order, and objects in a list count by the members that
// both know, since a newer server adds some and an older one drops some.
func SameServer(want, have json.RawMessage) bool { return sameAs(want, have, sameServerList) }

func sameAs(want, have json.RawMessage, lists func(a, b []any) bool) bool {
	var x, y any
	return decodeJSON(want, &x) == nil && decodeJSON(have, &y) == nil && sameValue(x, y, lists)
}

func decodeJSON(data json.RawMessage, v *any) error {
	if len(data) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

// sameValue compares two decoded values, and lists in them by the function.
func sameValue(a, b any, lists func(a, b []any) bool) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return false
		}
		for name := range y {
			if _, ok := x[name]; !ok && y[name] != nil {
				return false
			}
		}
		for name, v := range x {
			if !sameValue(v, y[name], lists) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		return ok && lists(x, y)
	case nil:
		return b == nil
	case string:
		if y, ok := b.(string); ok {
			return x == y // "3.10" is not "3.1"
		}
	}
	return plain(a) == plain(b)
}

func sameList(a, b []any) bool {
	return slices.EqualFunc(a, b, func(x, y any) bool { return sameValue(x, y, sameList) })
}

func sameServerList(a, b []any) bool { return slices.EqualFunc(byKey(a), byKey(b), sameElement) }

// Doubled returns how many elements of a list at the destination are there more
// often than in the stream.
func Doubled(want, have json.RawMessage) int {
	var a, b any
	if decodeJSON(want, &a) != nil || decodeJSON(have, &b) != nil {
		return 0
	}
	x, _ := a.([]any)
	y, _ := b.([]any)
	n := 0
	for i, v := range y {
		is := func(other any) bool { return sameElement(v, other) }
		if slices.ContainsFunc(y[:i], is) && count(y[:i+1], is) > count(x, is) {
			n++
		}
	}
	return n
}

func count(list []any, is func(any) bool) int {
	n := 0
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}

// sameElement compares two elements of a list of the server.
func sameElement(a, b any) bool {
	x, ok := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if !ok || !ok2 {
		return sameValue(a, b, sameServerList)
	}
	shared := len(x) == 0 || len(y) == 0
	for name, v := range x {
		have, known := y[name]
		if known && !sameValue(v, have, sameServerList) {
			return false
		}
		shared = shared || known
	}
	return shared
}

// byKey orders a list of key-value pairs by their keys, equal ones once: a server
// may append what it is sent again. Other lists stay.
func byKey(list []any) []any {
	keys := make([]string, len(list))
	for i, v := range list {
		pair, ok := v.(map[string]any)
		key, isText := pair["key"].(string)
		if !ok || !isText {
			return list
		}
		keys[i] = key
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	var sorted []any
	first := 0 // of those with the same key
	for i, j := range order {
		if i > 0 && keys[j] != keys[order[i-1]] {
			first = len(sorted)
		}
		if !slices.ContainsFunc(sorted[first:], func(v any) bool { return sameElement(v, list[j]) }) {
			sorted = append(sorted, list[j])
		}
	}
	return sorted
}

// plain returns what a scalar is compared by: a number by its value, whatever it
// is written like.
func plain(v any) string {
	text := fmt.Sprint(v)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return text
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// Empty reports whether a value says no more than a missing one.
func Empty(v json.RawMessage) bool {
	switch string(v) {
	case "", "null", "[]", "{}", `""`:
		return true
	}
	return false
}
