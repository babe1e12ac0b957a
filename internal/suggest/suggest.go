// Package suggest finds what somebody who mistyped a name may have meant.
package suggest

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns at most n of names that someone who typed name may have
// meant, the likeliest first. Upper and lower case count as the same.
func Nearest(name string, names []string, n int) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	low := strings.ToLower(name)
	for _, c := range names {
		l := strings.ToLower(c)
		d := Distance(low, l)
		if len(low) > 2 && (strings.Contains(l, low) || len(l) > 2 && strings.Contains(low, l)) {
			d = min(d, 1)
		}
		if d <= max(2, len(low)/3) {
			found = append(found, candidate{c, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.name, b.name))
	})
	var out []string
	for _, c := range found {
		if len(out) < n && !slices.Contains(out, c.name) {
			out = append(out, c.name)
		}
	}
	return out
}

// maxCompared bounds the work on long names; nobody mistypes the end of one.
const maxCompared = 64

// Distance returns how many bytes must be put in, taken out or changed to
// make b of a, as far as the beginnings of long names go.
func Distance(a, b string) int {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
