package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// fileID returns the id that a file has at the destination: its own, but on the
// source itself.
func (v *artifactVersion) fileID(id string) string {
	if v.a.w.source.Same {
		return v.derivedID(id)
	}
	return id
}

func (v *artifactVersion) derivedID(id string) string {
	return place.DeriveAsset(id, place.Project{Workspace: v.a.target, Name: v.a.rec.Name})
}

// takeFile begins a file of the version.
func (v *artifactVersion) takeFile(ctx context.Context, rec *stream.Asset) error {
	a := &upload.Asset{Record: rec}
	v.file = a
	v.a.r.Counters.Assets.Add(1)
	if err := document.Read(rec.Doc, &a.Doc); err != nil {
		return err
	}
	a.Upload = &comet.Upload{
		ID: v.fileID(rec.ID), Name: a.Name(), Type: a.Type(), Extension: upload.Extension(a.Name()),
		Link: document.Deref(rec.Remote), ArtifactVersion: v.id, Step: a.Doc.Step.Ptr(),
	}
	if m := a.Doc.Metadata.V; json.Valid([]byte(m)) {
		a.Upload.Metadata = json.RawMessage(m)
	}
	switch {
	case v.state == versionLeft:
		a.State = upload.LeftOut
		return nil
	case v.has(a):
		a.State = upload.Present
		return nil
	case v.state == versionFinal:
		a.State = upload.LeftOut
		i := a.Issue()
		i.Class, i.Reason = v.a.r.DiffersClass(), fmt.Sprintf("version %s at the destination has no such file of this size, and is closed", v.rec.Version)
		v.a.Issue(i)
		return nil
	case rec.Remote != nil || v.a.r.Dry():
		return nil
	}
	return v.openContent(ctx, a)
}

// has reports whether the destination has the file: under its id, under the
// derived one, or, in a version that is closed or at a destination that gives
// ids of its own, another of its name and size.
func (v *artifactVersion) has(a *upload.Asset) bool {
	for _, id := range []string{a.Upload.ID, v.derivedID(a.Record.ID)} {
		if f, ok := v.have[id]; ok && fits(a, &f) {
			a.Upload.ID, v.matched[id] = id, true
			return true
		}
	}
	if v.state != versionFinal && v.a.r.Uploads.IDs.Get() != upload.IDsAssigned {
		return false
	}
	for id, f := range v.have {
		if !v.matched[id] && f.Name == a.Name() && fits(a, &f) {
			a.Upload.ID, v.matched[id] = id, true
			return true
		}
	}
	return false
}

// openContent makes a place for the bytes of a file.
func (v *artifactVersion) openContent(ctx context.Context, a *upload.Asset) error {
	size := upload.SizeOf(a.Record)
	sp, err := v.a.r.Spools.Open(ctx, size)
	if !errors.Is(err, spool.ErrOverBudget) {
		a.Content = sp
		if err == nil && sp.OnDisk {
			a.Follow(&v.a.tasks, func() error { return v.upload(ctx, a) }, func(err error) { v.written(a, err) })
		}
		return err
	}
	a.Pipe = upload.NewPipe()
	a.Upload.Size, a.Upload.Open = size, a.Pipe.Open
	v.a.tasks.Beyond(func() {
		run, err := v.a.w.run(ctx, v.key)
		a.Upload.Run = run
		err = a.Pipe.Send(ctx, err, func(ctx context.Context) error { return v.put(ctx, a) })
		v.fileDone(a, err)
	})
	return nil
}

// takeChunk takes a piece of the open file.
func (v *artifactVersion) takeChunk(rec *stream.Chunk) error {
	a := v.file
	switch {
	case a == nil || a.State == upload.LeftOut:
	case a.Pipe != nil:
		a.Pipe.Write(rec.Data)
	case a.Content != nil:
		_, err := a.Content.Write(rec.Data)
		if errors.Is(err, spool.ErrOverBudget) {
			return fmt.Errorf("%s: %w", a.Issue().Item(), err)
		}
		return err
	}
	return nil
}

// takeFileEnd ends the open file and writes it.
func (v *artifactVersion) takeFileEnd(ctx context.Context, rec *stream.AssetEnd) error {
	a := v.file
	v.file = nil
	if a == nil || a.State == upload.LeftOut {
		return nil
	}
	a.SHA256 = rec.SHA256
	if a.Record.Remote == nil && a.Pipe == nil && a.Tail == nil {
		a.Upload.Size = rec.Size
	}
	want := &upload.Expected{Issue: a.Issue(), ID: a.Upload.ID, Sum: content.NewSum(rec.Size, rec.SHA256), Remote: a.Record.Remote}
	v.want, a.Want = append(v.want, want), want
	switch {
	case a.State == upload.Present:
	case a.Pipe != nil:
		a.Pipe.End(rec.Size, rec.SHA256)
	case v.a.r.Dry():
		v.fileDone(a, nil)
	case a.Record.Remote != nil:
		v.addRemote(a)
	case a.Content.Size != rec.Size || a.Content.SHA256() != rec.SHA256:
		a.Drop(flow.ErrDropped)
		return &flow.InputError{Err: fmt.Errorf("%s: %w", a.Issue().Item(), upload.ErrBadHash)}
	default:
		a.Content.Shrink()
		if a.Tail != nil {
			a.Tail.End(a.Upload.Size)
			return nil
		}
		a.Upload.Open = a.Content.Open
		v.a.tasks.Run(func() {
			defer a.Drop(flow.ErrDropped)
			v.written(a, v.upload(ctx, a))
		})
	}
	return nil
}

// written takes the result of the upload of a file, which may have given it
// another id.
func (v *artifactVersion) written(a *upload.Asset, err error) {
	if a.Want != nil {
		v.a.Change(func(*report.Outcome) { a.Want.ID = a.Upload.ID })
	}
	v.fileDone(a, err)
}

// upload writes a file under its id, or a derived one where that is taken.
func (v *artifactVersion) upload(ctx context.Context, a *upload.Asset) error {
	run, err := v.a.w.run(ctx, v.key)
	if err != nil {
		return err
	}
	a.Upload.Run = run
	err = v.put(ctx, a)
	if !errors.Is(err, comet.ErrImmutable) {
		return err
	}
	if ours, err := v.arrived(ctx, a, upload.ReadingsFor(err)); ours || err != nil {
		return err
	}
	derived := v.derivedID(a.Record.ID)
	if derived == a.Upload.ID {
		return v.whyTaken(ctx, a)
	}
	a.Upload.ID = derived
	err = v.put(ctx, a)
	if errors.Is(err, comet.ErrImmutable) {
		if ours, err := v.arrived(ctx, a, upload.ReadingsFor(err)); ours || err != nil {
			return err
		}
		return v.whyTaken(ctx, a)
	}
	return err
}

// whyTaken says why a file is refused under each id.
func (v *artifactVersion) whyTaken(ctx context.Context, a *upload.Asset) error {
	files, err := v.files(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(files, func(f comet.Asset) bool { return f.Name == a.Name() }) {
		return errFileTaken
	}
	return upload.ErrIDTaken
}

var errFileTaken = answer.Limitf("the version has another file of its name at the destination, which takes no second one")

// put writes a file once, also where the destination may give it an id of its own.
func (v *artifactVersion) put(ctx context.Context, a *upload.Asset) error {
	a.Upload.Once = v.a.r.Uploads.IDs.Get() != upload.IDsKept
	return v.a.r.Uploads.Quotas.Within(v.rooms(), a.Upload.Size, func() error {
		return v.a.r.Uploads.PutOnce(ctx, a, func(ctx context.Context, readings int) (bool, error) { return v.arrived(ctx, a, readings) })
	})
}

// rooms returns what a file takes room of.
func (v *artifactVersion) rooms() []quota.Room { return []quota.Room{{Workspace: v.a.target}} }

// arrived reports whether the version has a file that was, perhaps, written.
func (v *artifactVersion) arrived(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	return reconcile.Settle(ctx, v.a.r.Pause, readings, func(int) (ours, listed bool, err error) {
		files, err := v.files(ctx)
		for i := range files {
			if f := &files[i]; f.ID == a.Upload.ID {
				return fits(a, f), true, err
			}
		}
		for i := range files {
			if v.isNew(a, &files[i]) {
				a.Upload.ID = files[i].ID
				return true, true, err
			}
		}
		return false, false, err
	})
}

func (v *artifactVersion) files(ctx context.Context) ([]comet.Asset, error) {
	return v.a.r.Client.Artifacts.Files(ctx, v.a.target, v.a.rec.Name, v.rec.Version)
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

// isNew reports whether a file has come under an id of the destination since the
// work on the version began, and stands for no other one of the stream. If so, it
// stands for this one from now on.
func (v *artifactVersion) isNew(a *upload.Asset, f *comet.Asset) (ok bool) {
	if _, before := v.have[f.ID]; before || v.a.r.Uploads.IDs.Get() == upload.IDsKept || f.Name != a.Name() || !fits(a, f) {
		return false
	}
	v.a.Change(func(*report.Outcome) {
		if ok = !v.come[f.ID]; ok {
			if v.come == nil {
				v.come = make(map[string]bool)
			}
			v.come[f.ID] = true
		}
	})
	return ok
}

// fileDone takes the result of the work on a file.
func (v *artifactVersion) fileDone(a *upload.Asset, err error) {
	switch {
	case errors.Is(err, flow.ErrDropped): // it is reported where the stream breaks off
	case err == nil:
		v.a.Change(func(o *report.Outcome) {
			o.Written.Assets++
			o.Written.AssetBytes += a.Upload.Size
		})
	case answer.Refused(err):
		i := a.Issue()
		i.Class, i.Reason = report.Missing, err.Error()
		v.a.Issue(i)
		// Closed without it, the version could never get it. A limit stays as it
		// is, though.
		if _, limit := errors.AsType[*answer.Limit](err); !limit {
			v.a.Change(func(*report.Outcome) { v.lacks = true })
		}
	default:
		v.a.failure.Note(fmt.Errorf("%s: %w", a.Issue().Item(), err), !errors.Is(err, comet.ErrServer))
		v.a.r.ConcernsAll(err)
	}
}

// dropFile forgets the file that is open.
func (v *artifactVersion) dropFile() {
	if v.file != nil {
		v.file.Drop(flow.ErrDropped)
	}
	v.file = nil
}

// addRemote puts a remote file with those that are written together.
func (v *artifactVersion) addRemote(a *upload.Asset) {
	f := comet.RemoteFile{ID: a.Upload.ID, Name: a.Name(), Link: a.Upload.Link, Type: a.Type(), Step: a.Upload.Step}
	if a.Upload.Metadata != nil {
		m := string(a.Upload.Metadata)
		f.Metadata = &m
	}
	v.remotes = append(v.remotes, f)
}

// writeRemotes writes the remote files, many in a request where the server
// takes that.
func (v *artifactVersion) writeRemotes(ctx context.Context) error {
	files := v.remotes
	v.remotes = nil
	for part := range slices.Chunk(files, comet.MaxBatch) {
		err := v.addRemotes(ctx, part)
		switch {
		case err == nil:
			v.a.Change(func(o *report.Outcome) { o.Written.Assets += int64(len(part)) })
		case errors.Is(err, comet.ErrUnsupported), errors.Is(err, comet.ErrImmutable), answer.Uncertain(err), answer.Refused(err):
			v.writeEach(ctx, part)
		default:
			return err
		}
	}
	return nil
}

// addRemotes writes remote files together, each once. After an answer that was
// lost it looks for them first: all are there, or none.
func (v *artifactVersion) addRemotes(ctx context.Context, part []comet.RemoteFile) error {
	first := v.remote(&part[0])
	_, err := reconcile.Once(ctx, v.a.r.Destination, func(ctx context.Context) (string, error) {
		return "", v.a.r.Client.Artifacts.AddRemoteFiles(ctx, v.key, v.id, part)
	}, func() (string, error) {
		arrived, err := v.arrived(ctx, first, 1)
		if !arrived {
			return "", err
		}
		return first.Upload.ID, err
	})
	return err
}

// remote returns a remote file as an asset to be written.
func (v *artifactVersion) remote(f *comet.RemoteFile) *upload.Asset {
	rec := &stream.Asset{ID: f.ID, Name: &f.Name, Type: &f.Type, Remote: &f.Link}
	a := &upload.Asset{Record: rec, Upload: &comet.Upload{ID: f.ID, Name: f.Name, Type: f.Type, Link: f.Link, ArtifactVersion: v.id, Step: f.Step}}
	if f.Metadata != nil {
		a.Upload.Metadata = json.RawMessage(*f.Metadata)
	}
	return a
}

// writeEach writes remote files one by one.
func (v *artifactVersion) writeEach(ctx context.Context, files []comet.RemoteFile) {
	for i := range files {
		a := v.remote(&files[i])
		v.fileDone(a, v.upload(ctx, a))
	}
}
