package workspace

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

const (
	kindArtifact = string(stream.KindArtifact)
	kindVersion  = string(stream.KindArtifactVersion)
)

// artifact is an artifact of the stream. The files of a version are written
// concurrently.
type artifact struct {
	*group
	rec *stream.Artifact
	doc artifactDoc

	id       string                           // at the destination, "" if it is new
	existing map[string]comet.ArtifactVersion // by version
	version  *artifactVersion                 // that is open
	incoming []*artifactVersion               // versions of the stream
	aliases  bool                             // those at the destination may be others in the end
	order    versionOrder
	tasks    flow.Tasks
	failure  flow.Failure
}

// artifactDoc is what is used of an artifact's document.
type artifactDoc struct {
	Description document.Text `json:"description"`
	Public      document.Bool `json:"isPublic"`
	Emoji       document.Text `json:"emoji"`
	Tags        []string      `json:"tags"`
}

func (d *artifactDoc) public() *bool {
	if !d.Public.OK || !d.Public.V {
		return nil
	}
	return &d.Public.V
}

// StartArtifact begins the work on an artifact.
func (w *Level) StartArtifact(workCtx context.Context, rec *stream.Artifact) *artifact {
	a := &artifact{group: w.newGroup(stream.KindArtifact, rec.Workspace, rec.Name), rec: rec, tasks: w.r.Tasks()}
	a.start(workCtx, a.work)
	return a
}

func (a *artifact) work(ctx context.Context) error {
	a.failure.Set(a.load(ctx))
	a.failure.Set(a.Each(func(rec stream.Record) error {
		if a.failure.Stops() {
			return nil
		}
		return a.take(ctx, rec)
	}))
	if !a.Complete {
		a.failure.Set(flow.ErrStreamEnds)
	}
	a.failure.Set(a.closeVersion(ctx))
	if !a.failure.Stops() {
		a.failure.Set(a.checkAliases(ctx))
	}
	err := a.failure.Get()
	if err == nil && a.id == "" {
		a.IssueEmpty(a.r.Class(report.Missing))
	}
	return err
}

func (a *artifact) load(ctx context.Context) error {
	if err := document.Read(a.rec.Doc, &a.doc); err != nil {
		return err
	}
	a.existing = make(map[string]comet.ArtifactVersion)
	if a.rec.Name == "" {
		return nil // no destination has one without a name, nor says so when asked
	}
	existing, err := a.get(ctx)
	if answer.Absent(err) || answer.Unsupported(err) {
		return nil
	}
	if err != nil {
		return err
	}
	a.id = existing.ID
	for _, v := range existing.Versions {
		a.existing[v.Version] = v
	}
	s := a.r.subject(&a.Ledger)
	s.Written = nil
	s.Count = func(kind string) {
		a.Wrote(kind)
		a.r.CountWritten(kindArtifact)
	}
	return reconcile.Put(ctx, s, a.item(existing))
}

func (a *artifact) get(ctx context.Context) (*comet.Artifact, error) {
	return a.r.Client.Artifacts.Get(ctx, a.target, a.rec.Name)
}

// item is what is said of an artifact that exists. Its tags are written where it has
// none: an import may have been killed before it came to them.
func (a *artifact) item(existing *comet.Artifact) *reconcile.Item[*comet.Artifact] {
	return &reconcile.Item[*comet.Artifact]{
		Issue:   report.Issue{Kind: "tags", Name: a.rec.Name},
		Known:   func() *comet.Artifact { return existing },
		Read:    a.get,
		Compare: a.compare,
		Write: func(ctx context.Context, _ reconcile.Found[*comet.Artifact]) error {
			return a.r.Client.Artifacts.Update(ctx, a.id, comet.ArtifactUpdate{Tags: a.doc.Tags})
		},
	}
}

// compare tells where an artifact that exists is another one.
func (a *artifact) compare(have *comet.Artifact) (differ []reconcile.Difference) {
	if have == nil {
		have = new(comet.Artifact)
	}
	add := func(what string, free bool, class report.IssueClass, reason string) {
		differ = append(differ, reconcile.Difference{
			Issue: report.Issue{Class: class, Kind: what, Name: a.rec.Name, Reason: reason}, Free: free, Fixed: !free,
		})
	}
	if have.Type != a.rec.Type {
		add("type", false, "", fmt.Sprintf("%q in the stream, %q at the destination", a.rec.Type, have.Type))
	}
	if reason := a.inOtherProject(have); reason != "" {
		add("project", false, report.Noted, reason)
	}
	for _, text := range []struct {
		what       string
		want, have string
	}{
		{"description", a.doc.Description.V, document.Deref(have.Description)},
		{"emoji", a.doc.Emoji.V, document.Deref(have.Emoji)},
	} {
		switch {
		case text.want == "" || text.want == text.have:
		case text.have == "":
			// Not every server takes it, so it is not tried again and again.
			add(text.what, false, report.Noted, "the destination has none")
		default:
			add(text.what, false, "", "the destination has a different one")
		}
	}
	switch lacking := document.Without(a.doc.Tags, have.Tags); {
	case len(lacking) == 0:
	case len(have.Tags) == 0:
		add("tags", true, "", "the destination has none")
	default:
		add("tags", false, "", fmt.Sprintf("the destination lacks %q", lacking))
	}
	return differ
}

func (a *artifact) take(ctx context.Context, rec stream.Record) error {
	v := a.version
	switch rec := rec.(type) {
	case *stream.ArtifactVersion:
		if err := a.closeVersion(ctx); err != nil {
			return err
		}
		return a.openVersion(ctx, rec)
	case *stream.Asset:
		return v.files.begin(ctx, rec)
	case *stream.Chunk:
		return v.files.intake.Chunk(rec)
	case *stream.AssetEnd:
		return v.files.end(ctx, rec)
	case *stream.Skipped:
		a.r.Counters.Skipped.Add(1)
		a.Issue(report.SkippedIssue(rec))
		if v != nil {
			v.files.intake.Drop()
			// The uploads of its other files may be at it too.
			a.Change(func(*report.Outcome) { v.lacks, v.skipped = v.lacks || rec.Passing, true })
		}
	}
	return nil
}

// openVersion finds a version at the destination, or opens a new one.
func (a *artifact) openVersion(ctx context.Context, rec *stream.ArtifactVersion) error {
	v := &artifactVersion{a: a, rec: rec}
	v.files = newVersionFiles(v)
	a.version = v
	a.incoming = append(a.incoming, v)
	if err := document.Read(rec.Doc, &v.doc); err != nil {
		return err
	}
	existing, ok := a.existing[rec.Version]
	if ok && existing.Added != nil {
		v.compareOrder(*existing.Added)
	}
	switch {
	case ok && existing.State == nil:
		// A list of versions need not tell the state, nor the rest of it. One
		// that is open must not be taken for a closed one.
		full, err := v.read(ctx)
		if err != nil {
			return fmt.Errorf("version %q: %w", rec.Version, err)
		}
		return v.continueExisting(ctx, full)
	case ok:
		return v.continueExisting(ctx, &existing)
	case a.r.Mode == reconcile.VerifyOnly:
		v.state = versionLeft
		a.Issue(v.issue(report.Unverified, missing))
		return nil
	}
	if a.mustWait(v.issue("", "")) {
		v.state = versionLeft
		return nil
	}
	err := v.create(ctx)
	if err == nil && v.state != versionLeft {
		v.compareOrder(math.MaxInt64) // it is the last now
	}
	return err
}

// compareOrder reports a version that the destination got, at that time, before one
// which comes before it in the stream.
func (v *artifactVersion) compareOrder(added int64) {
	if late := v.a.order.next(v.rec.Version, added, v.doc.Added); late != "" {
		v.a.Issue(v.issue(v.a.r.Class(report.Differs), fmt.Sprintf("the destination got it before version %s, which precedes it in the stream", late)))
	}
}

// closeVersion ends the version that is open: once all of its files are there,
// and not before, it gets its state.
func (a *artifact) closeVersion(ctx context.Context) error {
	v := a.version
	if v == nil {
		return nil
	}
	a.version = nil
	v.files.intake.Drop()
	if err := v.files.writeRemotes(ctx); err != nil {
		a.failure.Note(err, false)
	}
	a.tasks.Wait()
	if err := a.failure.Get(); err != nil {
		return err
	}
	return v.close(ctx)
}

// checkAliases reports the versions that have other aliases at the destination in
// the end: one that this import has created has taken its own from those before
// it, and the alias "latest" is at the version that servers keep it at.
func (a *artifact) checkAliases(ctx context.Context) error {
	if !a.aliases {
		return nil
	}
	var other []*artifactVersion
	_, err := a.r.AwaitVisible(ctx, func() (bool, error) {
		existing, err := a.get(ctx)
		if err == nil {
			other = a.otherAliases(existing.Versions)
		}
		return len(other) == 0, err
	})
	for _, v := range other {
		a.Issue(v.issue(a.r.Class(report.Differs), "the destination has different aliases"))
	}
	return err
}

// otherAliases returns the versions that have other aliases in a list of those of
// the destination. Where that has its latest version from elsewhere, that of the
// stream is not the latest.
func (a *artifact) otherAliases(existing []comet.ArtifactVersion) (other []*artifactVersion) {
	have := make(map[string][]string)
	latest := "" // at the destination
	for _, v := range existing {
		if have[v.Version] = slices.Concat([]string{}, v.Aliases); isLatest(v.Aliases) {
			latest = v.Version
		}
	}
	grown := latest != "" && !slices.ContainsFunc(a.incoming, func(v *artifactVersion) bool { return v.rec.Version == latest })
	for i, v := range a.incoming {
		want, has := v.rec.Alias, have[v.rec.Version]
		if has == nil {
			continue // it is not there, which is reported
		}
		moved := !keepsLatest(want, has) && !(grown && i == len(a.incoming)-1) && a.r.Mode != reconcile.DryRun
		if moved || !sameSet(ownAliases(want), ownAliases(has)) {
			other = append(other, v)
		}
	}
	return other
}

// projectElsewhere returns the project of an artifact that is new, if that of the
// experiment is another one: it may have been moved since.
func (a *artifact) projectElsewhere(ctx context.Context, producer string) (*string, error) {
	if a.id != "" || a.rec.Project == "" {
		return nil, nil
	}
	e, err := a.w.experiment(ctx, producer)
	if err != nil || e.Project == "" || e.Project == a.ownProject() {
		return nil, err
	}
	return new(a.ownProject()), nil
}

func (a *artifact) ownProject() string {
	return a.r.To.Target(place.Project{Workspace: a.rec.Workspace, Name: a.rec.Project}).Name
}

// inOtherProject says in which other project the destination has the artifact, ""
// if in none.
func (a *artifact) inOtherProject(have *comet.Artifact) string {
	if a.rec.Project == "" || have.Project == "" || have.Project == a.ownProject() {
		return ""
	}
	return fmt.Sprintf("the destination has it in project %q", have.Project)
}

// checkProject looks whether the destination has taken the project.
func (a *artifact) checkProject(ctx context.Context, project *string) error {
	if project == nil {
		return nil
	}
	have, err := a.get(ctx)
	if err != nil {
		return err
	}
	if reason := a.inOtherProject(have); reason != "" {
		a.Issue(report.Issue{Class: report.Noted, Kind: "project", Name: a.rec.Name, Reason: reason})
	}
	return nil
}

// details writes what belongs to the artifact as a whole, while a version of it
// is open that another import would go on with.
func (a *artifact) details(ctx context.Context) error {
	d := &a.doc
	untold := d.Description.V+d.Emoji.V == "" && d.public() == nil
	if untold && len(d.Tags) == 0 || a.r.Dry() {
		return nil
	}
	u := comet.ArtifactUpdate{Description: d.Description.Ptr(), Public: d.public(), Emoji: d.Emoji.Ptr()}
	if len(d.Tags) > 0 {
		u.Tags = d.Tags
	}
	// Of what is written, servers are sure to keep the tags alone; without any, that
	// the artifact can be read is all there is to see.
	err := a.r.Ensure(ctx, func() error { return a.r.Client.Artifacts.Update(ctx, a.id, u) }, func() (bool, error) {
		have, err := a.get(ctx)
		return err == nil && (u.Tags == nil || sameSet(u.Tags, have.Tags)), err
	})
	if answer.Refused(err) {
		a.Issue(report.Issue{Class: report.Missing, Kind: "details", Name: a.rec.Name, Reason: err.Error()})
		return nil
	}
	if err != nil || untold {
		return err
	}
	// No client of its maker writes the rest, and not every server keeps it.
	have, err := a.get(ctx)
	if err != nil {
		return err
	}
	var lost []string
	if d.Description.V != document.Deref(have.Description) {
		lost = append(lost, "description")
	}
	if d.Emoji.V != document.Deref(have.Emoji) {
		lost = append(lost, "emoji")
	}
	if d.public() != nil && have.Public != nil && !*have.Public {
		lost = append(lost, "visibility")
	}
	if len(lost) > 0 {
		a.Issue(report.Issue{Class: report.Noted, Kind: kindArtifact, Name: a.rec.Name, Reason: "the destination does not accept its " + strings.Join(lost, ", ")})
	}
	return nil
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
