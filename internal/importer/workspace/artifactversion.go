package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// artifactVersion is the version of an artifact whose records come.
type artifactVersion struct {
	a     *artifact
	rec   *stream.ArtifactVersion
	doc   versionDoc
	state versionState

	id  string // at the destination
	key string // of the experiment that it comes from, there

	files   *versionFiles
	skipped bool // the stream lacks a file of it
	lacks   bool // it lacks a file that another import may bring
}

// versionState says what is to be done with a version.
type versionState int

const (
	versionOpen  versionState = iota // files can be added
	versionFinal                     // it is closed: to compare
	versionLeft                      // nothing can be done
)

// versionDoc is what is used of the details of a version.
type versionDoc struct {
	Metadata document.Text `json:"metadata"`
	Note     document.Text `json:"note"`
	Added    document.Int  `json:"added"`
}

// A versionOrder compares the order in which a destination got the versions of
// an artifact with that of the stream.
type versionOrder struct {
	last   string // of the versions so far the one that the destination got last
	added  int64
	source document.Int // when the source got it
}

// next takes the next version of the stream, and when destination and source got
// it. It returns the one that the destination got later and the source did not,
// "" for none.
func (o *versionOrder) next(version string, added int64, source document.Int) (late string) {
	if o.last == "" || added >= o.added {
		o.last, o.added, o.source = version, added, source
		return ""
	}
	if source.OK && o.source.OK && source.V < o.source.V {
		return ""
	}
	return o.last
}

func (v *artifactVersion) issue(class report.IssueClass, reason string) report.Issue {
	return report.Issue{Class: class, Kind: kindVersion, Name: v.a.rec.Name + ":" + v.rec.Version, Reason: reason}
}

// read reads the version at the destination, with what lists of versions leave out.
func (v *artifactVersion) read(ctx context.Context) (*comet.ArtifactVersion, error) {
	return v.a.r.Client.Artifacts.Version(ctx, comet.VersionQuery{Workspace: v.a.target, Name: v.a.rec.Name, Version: v.rec.Version})
}

// leaveOut leaves the version out for a reason that another try would not mend.
func (v *artifactVersion) leaveOut(err error) error {
	if answer.Refused(err) {
		v.state = versionLeft
	}
	return v.a.leaveOut(v.rec.Version, v.issue("", ""), err)
}

// final is the state that the version has in the end, "" to leave it open.
func (v *artifactVersion) final() string {
	switch s := document.Deref(v.rec.State); s {
	case "":
		return comet.ArtifactClosed
	case comet.ArtifactOpen:
		return ""
	default:
		return s
	}
}

func (v *artifactVersion) create(ctx context.Context) error {
	a := v.a
	key, err := a.w.producer(ctx, v.rec.Experiment, a.target)
	if err != nil {
		return v.leaveOut(err)
	}
	v.key = key
	a.Wrote(kindVersion + " " + v.rec.Version)
	a.r.CountWritten(kindVersion)
	if a.id == "" {
		a.Out.Result = report.ResultCreated
	}
	if a.r.Dry() {
		return nil
	}
	a.aliases = true
	project, err := a.projectElsewhere(ctx, *v.rec.Experiment)
	if err != nil {
		return err
	}
	opened, existing, err := v.open(ctx, project)
	switch {
	case err != nil || v.state == versionLeft:
		return err
	case existing != nil:
		if a.id == "" && existing.Artifact != nil {
			a.id = existing.Artifact.ID
		}
		return v.continueExisting(ctx, existing)
	}
	v.id = opened.ID
	if a.id == "" {
		a.id = opened.ArtifactID
		if err := a.details(ctx); err != nil {
			return err
		}
		if err := a.checkProject(ctx, project); err != nil {
			return err
		}
	}
	return v.checkNote(ctx)
}

// open opens the version, unless it is left out, and returns the one that exists
// where another try has opened it. A destination that refuses the project makes the
// artifact in that of the experiment.
func (v *artifactVersion) open(ctx context.Context, project *string) (opened *comet.OpenedVersion, existing *comet.ArtifactVersion, err error) {
	a := v.a
	shows := func() (bool, error) {
		var err error
		existing, err = v.read(ctx)
		if answer.Absent(err) {
			return false, nil
		}
		return err == nil, err
	}
	var refusal error
	err = a.r.Ensure(ctx, func() error {
		n := comet.NewArtifactVersion{
			Key: v.key, Name: a.rec.Name, Type: a.rec.Type, Version: v.rec.Version, Metadata: v.doc.Metadata.Ptr(),
			Aliases: ownAliases(v.rec.Alias), Tags: v.rec.Tags,
			Description: a.doc.Description.Ptr(), Public: a.doc.public(), Emoji: a.doc.Emoji.Ptr(), Note: v.doc.Note.Ptr(), Project: project,
		}
		opened, refusal = a.r.Client.Artifacts.OpenVersion(ctx, n)
		if project != nil && answer.Refused(refusal) && !errors.Is(refusal, comet.ErrExists) {
			n.Project = nil
			opened, refusal = a.r.Client.Artifacts.OpenVersion(ctx, n)
		}
		return refusal
	}, shows)
	switch {
	case errors.Is(err, comet.ErrExists):
		// A listing that lags behind, or an answer that was lost before.
		if found, unread := a.r.AwaitVisible(ctx, shows); found || unread != nil {
			err = unread
		}
	case err == refusal: // and no failure to read
		err = v.leaveOut(err)
	}
	return opened, existing, err
}

// ownAliases returns the aliases without the one that servers keep by
// themselves.
func ownAliases(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.EqualFold(s, "latest") })
}

func isLatest(list []string) bool { return len(ownAliases(list)) < len(list) }

// keepsLatest reports whether a version that has it at the source has it at the
// destination, too. The destination may give it to a version of its own choice.
func keepsLatest(want, has []string) bool { return !isLatest(want) || isLatest(has) }

// checkNote looks whether the destination has the note of the version. Not every
// server takes it, since no client of its maker writes it, and lists of versions
// are without.
func (v *artifactVersion) checkNote(ctx context.Context) error {
	if v.doc.Note.V == "" {
		return nil
	}
	existing, err := v.read(ctx)
	switch {
	case err != nil:
		return err
	case document.Deref(existing.Note) == "":
		v.a.Issue(v.issue(report.Noted, "its note is missing at the destination"))
	case *existing.Note != v.doc.Note.V:
		v.a.Issue(v.issue(v.a.r.Class(report.Differs), "the destination has a different note"))
	}
	return nil
}

// continueExisting goes on with a version that exists: one that is open takes the
// files that it lacks, another one is only compared.
func (v *artifactVersion) continueExisting(ctx context.Context, existing *comet.ArtifactVersion) error {
	a := v.a
	v.id, v.state = existing.ID, versionFinal
	open := document.Deref(existing.State) == comet.ArtifactOpen
	if open && a.r.Mode != reconcile.VerifyOnly {
		key, err := a.w.producer(ctx, v.rec.Experiment, a.target)
		if err != nil {
			return v.leaveOut(err)
		}
		v.key, v.state = key, versionOpen
		if v.final() != "" {
			// Another import has not come to its end.
			if err := a.details(ctx); err != nil {
				return err
			}
		}
	}
	f := v.files
	list, err := f.list(ctx)
	if err != nil && !answer.Absent(err) {
		return fmt.Errorf("list files of version %q: %w", v.rec.Version, err)
	}
	f.have, f.matched = make(map[string]comet.Asset), make(map[string]bool)
	for _, x := range list {
		f.have[x.ID] = x
	}
	v.compare(existing)
	return v.checkNote(ctx)
}

// compare tells where a version that exists is another one.
func (v *artifactVersion) compare(existing *comet.ArtifactVersion) {
	var other []string
	want, have := cmp.Or(document.Deref(v.rec.State), comet.ArtifactClosed), cmp.Or(document.Deref(existing.State), comet.ArtifactClosed)
	if v.state == versionFinal && want != have {
		other = append(other, "state")
	}
	if !sameJSONText(v.doc.Metadata.V, document.Deref(existing.Metadata)) {
		other = append(other, "metadata")
	}
	if !sameSet(v.rec.Tags, existing.Tags) {
		other = append(other, "tags")
	}
	if !keepsLatest(v.rec.Alias, existing.Aliases) || !sameSet(ownAliases(v.rec.Alias), ownAliases(existing.Aliases)) {
		v.a.aliases = true
	}
	if len(other) > 0 {
		v.a.Issue(v.issue(v.a.r.Class(report.Differs), "the destination has different "+strings.Join(other, ", ")))
	}
}

// sameJSONText compares two texts that hold JSON; none is like an empty one.
func sameJSONText(a, b string) bool {
	return a == b || document.Same([]byte(a), []byte(b))
}

func (v *artifactVersion) close(ctx context.Context) error {
	a := v.a
	switch v.state {
	case versionLeft:
		return nil
	case versionFinal:
		if n := len(v.files.have) - len(v.files.matched); n > 0 {
			a.Issue(v.issue(a.r.Class(report.Differs), fmt.Sprintf("the destination has %d files that are not in the stream", n)))
		}
		return v.verify(ctx)
	}
	state := v.final()
	if state == "" || v.lacks {
		if v.lacks {
			a.Issue(v.issue(report.Noted, "left open, since one of its files is missing"))
		}
		return v.verify(ctx)
	}
	if v.files.have != nil {
		a.Wrote(kindVersion + " " + v.rec.Version + " state")
		a.r.CountWritten(kindVersion)
	}
	if a.r.Dry() {
		return nil
	}
	shows := func() (bool, error) {
		existing, err := v.read(ctx)
		return err == nil && document.Deref(existing.State) == state, err
	}
	err := a.r.Ensure(ctx, func() error { return a.r.Client.Artifacts.SetState(ctx, v.id, v.key, state) }, shows)
	if ce, ok := errors.AsType[*comet.Error](err); ok && ce.SDKCode == comet.CodeArtifactVersionClosed {
		// The answer to an earlier try was lost.
		if done, unread := shows(); done || unread != nil {
			err = unread
		}
	}
	if err != nil {
		return v.leaveOut(fmt.Errorf("set state: %w", err))
	}
	return v.verify(ctx)
}

func (v *artifactVersion) verify(ctx context.Context) error {
	s := v.a.r.subject(&v.a.Ledger)
	if v.a.r.Mode == reconcile.VerifyOnly {
		return s.Find(ctx, v.files.check)
	}
	return s.ReadBack(ctx, v.files.check)
}
