package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// versionFiles are the files of a version of an artifact, which is a place for
// assets.
type versionFiles struct {
	*artifactVersion
	intake upload.Intake

	have     map[string]comet.Asset // at the destination, by id
	matched  map[string]bool        // those of them that the stream has too
	uploaded map[string]bool        // those that have come since under ids of the destination
	remotes  []*upload.Asset        // that wait to be written
	want     []expectedFile         // for a verification
}

// expectedFile is a file that a verification has to find.
type expectedFile struct {
	issue  report.Issue
	id     string // at the destination
	sum    content.Sum
	remote *string
}

func newVersionFiles(v *artifactVersion) *versionFiles {
	a := v.a
	f := &versionFiles{artifactVersion: v}
	f.intake = upload.Intake{
		Uploads: a.r.Uploads, Spools: a.r.Spools, Tasks: &a.tasks, Failure: &a.failure, Place: f,
		Streamable: func(context.Context, *upload.Asset) bool { return true },
		Finish:     f.finish, Done: f.done, Expect: f.expect,
	}
	return f
}

func (f *versionFiles) begin(ctx context.Context, rec *stream.Asset) error {
	f.a.r.Counters.Assets.Add(1)
	a, err := f.intake.Begin(rec)
	if err != nil {
		return err
	}
	id := rec.ID
	if f.a.w.source.Same {
		id = f.derived(rec.ID)
	}
	if !a.Describe(id) {
		f.a.Issue(a.BadMetadata())
	}
	a.Upload.ArtifactVersion = f.id
	switch {
	case f.state == versionLeft:
		a.State = upload.LeftOut
		return nil
	case f.has(a):
		a.State = upload.Present
		return nil
	case f.state == versionFinal:
		a.State = upload.LeftOut
		i := a.Issue()
		i.Class, i.Reason = f.a.r.Class(report.Differs), fmt.Sprintf("version %s at the destination is closed, without a file of this name and size", f.rec.Version)
		f.a.Issue(i)
		return nil
	}
	return f.intake.Keep(ctx)
}

// end ends the open file and writes it. Remote ones are written together.
func (f *versionFiles) end(ctx context.Context, rec *stream.AssetEnd) error {
	if a := f.intake.Open(); a != nil && a.State == 0 && a.Record.Remote != nil && !f.a.r.Dry() {
		f.intake.Drop()
		f.remotes = append(f.remotes, a)
		return nil
	}
	return f.intake.End(ctx, rec)
}

// derived returns the id that a file gets where its own is taken, or on the source
// itself.
func (f *versionFiles) derived(id string) string {
	return place.DeriveAsset(id, place.Project{Workspace: f.a.target, Name: f.a.rec.Name})
}

// has reports whether the destination has the file: under its id, under the
// derived one, or, in a version that is closed or at a destination that gives
// ids of its own, another of its name and size.
func (f *versionFiles) has(a *upload.Asset) bool {
	for _, id := range []string{a.Upload.ID, f.derived(a.Record.ID)} {
		if x, ok := f.have[id]; ok && fits(a, &x) {
			a.Upload.ID, f.matched[id] = id, true
			return true
		}
	}
	if f.state != versionFinal && !f.a.r.Uploads.AssignsIDs() {
		return false
	}
	for id, x := range f.have {
		if !f.matched[id] && x.Name == a.Name() && fits(a, &x) {
			a.Upload.ID, f.matched[id] = id, true
			return true
		}
	}
	return false
}

// fits reports whether a file of the destination may be one of the stream, as far
// as the list tells.
func fits(a *upload.Asset, f *comet.Asset) bool {
	if a.Record.Remote != nil {
		return document.Deref(f.Link) == *a.Record.Remote
	}
	size := a.Upload.Size
	if a.Record.Size != nil && a.Upload.Open == nil {
		size = *a.Record.Size
	}
	return !f.Remote && (a.Record.Size == nil && a.Upload.Open == nil || f.Size == size)
}

func (f *versionFiles) finish(ctx context.Context, a *upload.Asset) error {
	if f.a.r.Dry() {
		return f.Wrote(ctx, a)
	}
	return f.a.r.Uploads.Write(ctx, a, f)
}

func (f *versionFiles) done(a *upload.Asset, err error) {
	switch {
	case errors.Is(err, flow.ErrDropped): // it is reported where the stream breaks off
	case err == nil:
		f.expect(a)
	case answer.Refused(err):
		i := a.Issue()
		i.Class, i.Reason = report.Missing, err.Error()
		f.a.Issue(i)
		// Closed without it, the version could never get it. A limit stays as it
		// is, though.
		if _, limit := errors.AsType[*answer.Limit](err); !limit {
			f.a.Change(func(*report.Outcome) { f.lacks = true })
		}
	default:
		f.a.failure.Note(a.Issue().Wrap(err), !errors.Is(err, comet.ErrServer))
		f.a.r.ConcernsAll(err)
	}
}

func (f *versionFiles) expect(a *upload.Asset) {
	x := expectedFile{a.Issue(), a.Upload.ID, content.Sum{Size: a.Upload.Size, SHA256: a.SHA256}, a.Record.Remote}
	f.a.Change(func(*report.Outcome) { f.want = append(f.want, x) })
}

// Check has nothing to check: no server announces limits for artifacts.
func (f *versionFiles) Check(context.Context, *upload.Asset) error { return nil }

func (f *versionFiles) Run(ctx context.Context) (*comet.Run, error) { return f.a.w.run(ctx, f.key) }

func (f *versionFiles) QuotaScopes(*upload.Asset) []quota.Scope {
	return []quota.Scope{{Workspace: f.a.target}}
}

func (f *versionFiles) Put(_ context.Context, _ *upload.Asset, put func() error) error { return put() }

func (f *versionFiles) Derive(a *upload.Asset) bool {
	derived := f.derived(a.Record.ID)
	before := a.Upload.ID
	a.Upload.ID = derived
	return before != derived
}

func (f *versionFiles) Wrote(_ context.Context, a *upload.Asset) error {
	f.a.Change(func(o *report.Outcome) {
		o.Written.Assets++
		o.Written.AssetBytes += a.Upload.Size
	})
	return nil
}

var errFileTaken = answer.Limitf("the version has a different file with this name at the destination, which allows only one")

func (f *versionFiles) NameTaken(ctx context.Context, a *upload.Asset) error {
	list, err := f.list(ctx)
	if slices.ContainsFunc(list, func(x comet.Asset) bool { return x.Name == a.Name() }) {
		return cmp.Or(err, errFileTaken)
	}
	return cmp.Or(err, upload.ErrIDTaken)
}

func (f *versionFiles) Arrived(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	return reconcile.Settle(ctx, f.a.r.Pause, readings, func(int) (ours, listed bool, err error) {
		list, err := f.list(ctx)
		for i := range list {
			if list[i].ID == a.Upload.ID {
				return fits(a, &list[i]), true, err
			}
		}
		for i := range list {
			if f.isNew(a, &list[i]) {
				a.Upload.ID = list[i].ID
				return true, true, err
			}
		}
		return false, false, err
	})
}

func (f *versionFiles) list(ctx context.Context) ([]comet.Asset, error) {
	return f.a.r.Client.Artifacts.Files(ctx, f.a.target, f.a.rec.Name, f.rec.Version)
}

// isNew reports whether a file has come under an id of the destination since the
// work on the version began, and stands for no other one of the stream. If so, it
// stands for this one from now on.
func (f *versionFiles) isNew(a *upload.Asset, x *comet.Asset) (ok bool) {
	if _, before := f.have[x.ID]; before || f.a.r.Uploads.KeepsIDs() || x.Name != a.Name() || !fits(a, x) {
		return false
	}
	f.a.Change(func(*report.Outcome) {
		if ok = !f.uploaded[x.ID]; ok {
			if f.uploaded == nil {
				f.uploaded = make(map[string]bool)
			}
			f.uploaded[x.ID] = true
		}
	})
	return ok
}

// writeRemotes writes the remote files, many in a request where the server
// takes that.
func (f *versionFiles) writeRemotes(ctx context.Context) error {
	files := f.remotes
	f.remotes = nil
	for part := range slices.Chunk(files, comet.MaxBatch) {
		err := f.addRemotes(ctx, part)
		each := errors.Is(err, comet.ErrUnsupported) || errors.Is(err, comet.ErrImmutable) || answer.Uncertain(err) || answer.Refused(err)
		if err != nil && !each {
			return err
		}
		for _, a := range part {
			switch {
			case each:
				f.done(a, f.a.r.Uploads.Write(ctx, a, f))
			default:
				f.done(a, f.Wrote(ctx, a))
			}
		}
	}
	return nil
}

// addRemotes writes remote files together, each once. After an answer that was
// lost it looks for them first: all are there, or none.
func (f *versionFiles) addRemotes(ctx context.Context, part []*upload.Asset) error {
	files := make([]comet.RemoteFile, len(part))
	for i, a := range part {
		files[i] = comet.RemoteFile{ID: a.Upload.ID, Name: a.Name(), Link: document.Deref(a.Upload.Link), Type: a.Type(), Step: a.Upload.Step}
		if a.Upload.Metadata != nil {
			m := string(a.Upload.Metadata)
			files[i].Metadata = &m
		}
	}
	return f.a.r.Once(ctx, func(ctx context.Context) error {
		return f.a.r.Client.Artifacts.AddRemoteFiles(ctx, f.key, f.id, files)
	}, func() (bool, error) { return f.Arrived(ctx, part[0], 1) })
}

// check reads back what the files of the version at the destination are not, and
// those that the stream lacks.
func (f *versionFiles) check(ctx context.Context) (found []report.Issue, err error) {
	list, err := f.list(ctx)
	if err != nil && !answer.Absent(err) {
		return nil, err
	}
	have := make(map[string]*comet.Asset)
	for i := range list {
		have[list[i].ID] = &list[i]
	}
	for i := range f.want {
		want := &f.want[i]
		i, x := want.issue, f.fileOf(want, have, list)
		if x == nil {
			i.Reason = missing
		} else if i.Reason, err = f.other(ctx, want, x); err != nil {
			return nil, err
		}
		if i.Reason != "" {
			found = append(found, i)
		}
		if x != nil {
			delete(have, x.ID)
		}
	}
	if f.state == versionFinal || f.skipped {
		return found, nil // those of a closed one are reported without reading back
	}
	for _, x := range list {
		if have[x.ID] != nil {
			found = append(found, report.Issue{Kind: string(stream.KindAsset), Name: x.Name, ID: x.ID, Reason: upload.ReasonExtra})
		}
	}
	return found, nil
}

// fileOf returns the file of the destination that stands for one of the stream,
// nil for none. Where ids may not be kept it is known by name and size.
func (f *versionFiles) fileOf(want *expectedFile, have map[string]*comet.Asset, list []comet.Asset) *comet.Asset {
	if x := have[want.id]; x != nil || f.a.r.Uploads.KeepsIDs() {
		return x
	}
	for i := range list {
		x := &list[i]
		if have[x.ID] != nil && x.Name == want.issue.Name && x.Remote == (want.remote != nil) && (x.Remote || x.Size == want.sum.Size) {
			return x
		}
	}
	return nil
}

// other says in what a file of the destination is another one, "" if it is not.
func (f *versionFiles) other(ctx context.Context, want *expectedFile, x *comet.Asset) (string, error) {
	if want.remote != nil {
		if document.Deref(x.Link) != *want.remote {
			return "the destination has a different link", nil
		}
		return "", nil
	}
	got, err := f.a.r.ReadSum(ctx, func() (io.ReadCloser, error) {
		return f.a.r.Client.Artifacts.FileContent(ctx, comet.AssetRequest{Key: f.key, ID: x.ID, ArtifactVersion: f.id})
	})
	if err == nil && got != want.sum {
		return "SHA-256 mismatch: the bytes differ from those in the stream", nil
	}
	return "", err
}
