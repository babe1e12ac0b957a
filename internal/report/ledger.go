package report

import "sync"

// A Ledger collects the outcome of one thing from all that work on it at the
// same time.
type Ledger struct {
	mu  sync.Mutex
	Out Outcome
}

// Change runs f on the outcome.
func (l *Ledger) Change(f func(*Outcome)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.Out)
}

// Issue adds an issue, and counts it by its class.
func (l *Ledger) Issue(i Issue) {
	i.Name, i.ID, i.Reason = CutText(i.Name), CutText(i.ID), CutText(i.Reason)
	n := 1 + i.more
	l.Change(func(o *Outcome) {
		switch i.Class {
		case Missing:
			o.missing += n
		case Differs:
			o.differing += n
		case Unverified:
			o.unverified += n
		case Skipped:
			o.skipped += n
		}
		if len(o.Issues) < MaxIssues {
			o.Issues = append(o.Issues, i)
			n--
		}
		o.MoreIssues += n
	})
}

// Wrote notes that a single item was written.
func (l *Ledger) Wrote(kind string) {
	l.Change(func(o *Outcome) { o.Written.Items = append(o.Written.Items, kind) })
}

// SetVerified notes that the thing was read back, and equal unless something was
// found.
func (l *Ledger) SetVerified() { l.Change(func(o *Outcome) { o.Verified = o.unverified == 0 }) }

// IssueEmpty reports an artifact or registry model that the destination lacks,
// unless something has been told or written of its versions.
func (l *Ledger) IssueEmpty(class IssueClass) {
	if len(l.Out.Issues) == 0 && !l.Out.Written.Any() {
		l.Issue(Issue{Class: class, Kind: l.Out.Kind, Name: l.Out.Name, Reason: "it has no version, and is created with its first one"})
	}
}
