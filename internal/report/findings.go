package report

import (
	"slices"
	"strings"
)

// Findings are what a reading has found wrong: the first of it, and how much more
// there is.
type Findings struct {
	list []Issue
	more int
}

// Add adds a finding.
func (f *Findings) Add(i Issue) {
	if len(f.list) < MaxIssues {
		f.list = append(f.list, i)
		return
	}
	f.more++
}

// Len returns how many are kept.
func (f *Findings) Len() int { return len(f.list) }

// Sort sorts those from the n-th on by their names.
func (f *Findings) Sort(n int) {
	slices.SortFunc(f.list[n:], func(a, b Issue) int { return strings.Compare(a.Name, b.Name) })
}

// Issues returns those that are kept, the last of which stands for the rest too.
func (f *Findings) Issues() []Issue {
	if f.more > 0 {
		f.list[len(f.list)-1].more = f.more
	}
	return f.list
}
