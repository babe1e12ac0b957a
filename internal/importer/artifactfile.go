package importer

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
	a := &asset{rec: rec}
	v.file = a
	v.a.r.o.Counters.Assets.Add(1)
	if err := document.Read(rec.Doc, &a.doc); err != nil {
		return err
	}
	a.upload = &comet.Upload{
		ID: v.fileID(rec.ID), Name: a.name(), Type: a.typ(), Extension: extension(a.name()),
		Link: deref(rec.Remote), ArtifactVersion: v.id, Step: a.doc.Step.Ptr(),
	}
	if m := a.doc.Metadata.V; json.Valid([]byte(m)) {
		a.upload.Metadata = json.RawMessage(m)
	}
	switch {
	case v.state == versionLeft:
		a.state = assetLeftOut
		return nil
	case v.has(a):
		a.state = assetThereAlready
		return nil
	case v.state == versionFinal:
		a.state = assetLeftOut
		i := a.issue()
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
func (v *artifactVersion) has(a *asset) bool {
	for _, id := range []string{a.upload.ID, v.derivedID(a.rec.ID)} {
		if f, ok := v.have[id]; ok && fits(a, &f) {
			a.upload.ID, v.matched[id] = id, true
			return true
		}
	}
	if v.state != versionFinal && v.a.r.ids.get() != idsAssigned {
		return false
	}
	for id, f := range v.have {
		if !v.matched[id] && f.Name == a.name() && fits(a, &f) {
			a.upload.ID, v.matched[id] = id, true
			return true
		}
	}
	return false
}

// openContent makes a place for the bytes of a file.
func (v *artifactVersion) openContent(ctx context.Context, a *asset) error {
	size := sizeOf(a.rec)
	sp, err := v.a.r.spools.Open(ctx, size)
	if !errors.Is(err, spool.ErrOverBudget) {
		a.content = sp
		if err == nil && sp.OnDisk {
			a.follow(&v.a.tasks, func() error { return v.upload(ctx, a) }, func(err error) { v.written(a, err) })
		}
		return err
	}
	a.through = newPassed()
	a.upload.Size, a.upload.Open = size, a.through.open
	v.a.tasks.Beyond(func() {
		run, err := v.a.w.run(ctx, v.key)
		a.upload.Run = run
		err = a.through.send(ctx, err, func(ctx context.Context) error { return v.put(ctx, a) })
		v.fileDone(a, err)
	})
	return nil
}

// takeChunk takes a piece of the open file.
func (v *artifactVersion) takeChunk(rec *stream.Chunk) error {
	a := v.file
	switch {
	case a == nil || a.state == assetLeftOut:
	case a.through != nil:
		a.through.write(rec.Data)
	case a.content != nil:
		_, err := a.content.Write(rec.Data)
		if errors.Is(err, spool.ErrOverBudget) {
			return fmt.Errorf("%s: %w: raise --temp-max", itemName(a.issue()), err)
		}
		return err
	}
	return nil
}

// takeFileEnd ends the open file and writes it.
func (v *artifactVersion) takeFileEnd(ctx context.Context, rec *stream.AssetEnd) error {
	a := v.file
	v.file = nil
	if a == nil || a.state == assetLeftOut {
		return nil
	}
	a.sha256 = rec.SHA256
	if a.rec.Remote == nil && a.through == nil && a.tail == nil {
		a.upload.Size = rec.Size
	}
	want := &assetSum{a.issue(), a.upload.ID, content.NewSum(rec.Size, rec.SHA256), a.rec.Remote}
	v.want, a.want = append(v.want, want), want
	switch {
	case a.state == assetThereAlready:
	case a.through != nil:
		a.through.End(rec.Size, rec.SHA256)
	case v.a.r.Dry():
		v.fileDone(a, nil)
	case a.rec.Remote != nil:
		v.addRemote(a)
	case a.content.Size != rec.Size || a.content.SHA256() != rec.SHA256:
		a.drop(errDropped)
		return &InputError{Err: fmt.Errorf("%s: %w", itemName(a.issue()), errBadHash)}
	default:
		a.content.Shrink()
		if a.tail != nil {
			a.tail.End(a.upload.Size)
			return nil
		}
		a.upload.Open = a.content.Open
		v.a.tasks.Run(func() {
			defer a.drop(errDropped)
			v.written(a, v.upload(ctx, a))
		})
	}
	return nil
}

// written takes the result of the upload of a file, which may have given it
// another id.
func (v *artifactVersion) written(a *asset, err error) {
	if a.want != nil {
		v.a.Change(func(*report.Outcome) { a.want.id = a.upload.ID })
	}
	v.fileDone(a, err)
}

// upload writes a file under its id, or a derived one where that is taken.
func (v *artifactVersion) upload(ctx context.Context, a *asset) error {
	run, err := v.a.w.run(ctx, v.key)
	if err != nil {
		return err
	}
	a.upload.Run = run
	err = v.put(ctx, a)
	if !errors.Is(err, comet.ErrImmutable) {
		return err
	}
	if ours, err := v.arrived(ctx, a, readingsFor(err)); ours || err != nil {
		return err
	}
	derived := v.derivedID(a.rec.ID)
	if derived == a.upload.ID {
		return v.whyTaken(ctx, a)
	}
	a.upload.ID = derived
	err = v.put(ctx, a)
	if errors.Is(err, comet.ErrImmutable) {
		if ours, err := v.arrived(ctx, a, readingsFor(err)); ours || err != nil {
			return err
		}
		return v.whyTaken(ctx, a)
	}
	return err
}

// whyTaken says why a file is refused under each id.
func (v *artifactVersion) whyTaken(ctx context.Context, a *asset) error {
	files, err := v.files(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(files, func(f comet.Asset) bool { return f.Name == a.name() }) {
		return errFileTaken
	}
	return errIDTaken
}

var errFileTaken = answer.Limitf("the version has another file of its name at the destination, which takes no second one")

// put writes a file once, also where the destination may give it an id of its own.
func (v *artifactVersion) put(ctx context.Context, a *asset) error {
	a.upload.Once = v.a.r.ids.get() != idsKept
	return v.a.r.quotas.Within(v.rooms(), a.upload.Size, func() error {
		return v.a.r.putOnce(ctx, a, func(readings int) (bool, error) { return v.arrived(ctx, a, readings) })
	})
}

// rooms returns what a file takes room of.
func (v *artifactVersion) rooms() []quota.Room { return []quota.Room{{Workspace: v.a.target}} }

// arrived reports whether the version has a file that was, perhaps, written.
func (v *artifactVersion) arrived(ctx context.Context, a *asset, readings int) (bool, error) {
	for n := 1; ; n++ {
		files, err := v.files(ctx)
		if err != nil {
			return false, err
		}
		for i := range files {
			if f := &files[i]; f.ID == a.upload.ID {
				return fits(a, f), nil
			}
		}
		for i := range files {
			if v.isNew(a, &files[i]) {
				a.upload.ID = files[i].ID
				return true, nil
			}
		}
		if n == readings {
			return false, nil
		}
		if err := flow.Pause(ctx, v.a.r.Settle); err != nil {
			return false, err
		}
	}
}

func (v *artifactVersion) files(ctx context.Context) ([]comet.Asset, error) {
	return v.a.r.Client.Artifacts.Files(ctx, v.a.target, v.a.rec.Name, v.rec.Version)
}

// fits reports whether a file of the destination may be one of the stream, as far
// as the list tells.
func fits(a *asset, f *comet.Asset) bool {
	if a.rec.Remote != nil {
		return deref(f.Link) == *a.rec.Remote
	}
	size := a.upload.Size
	if a.rec.Size != nil && a.upload.Open == nil {
		size = *a.rec.Size
	}
	return !f.Remote && (a.rec.Size == nil && a.upload.Open == nil || f.Size == size)
}

// isNew reports whether a file has come under an id of the destination since the
// work on the version began, and stands for no other one of the stream. If so, it
// stands for this one from now on.
func (v *artifactVersion) isNew(a *asset, f *comet.Asset) (ok bool) {
	if _, before := v.have[f.ID]; before || v.a.r.ids.get() == idsKept || f.Name != a.name() || !fits(a, f) {
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
func (v *artifactVersion) fileDone(a *asset, err error) {
	switch {
	case errors.Is(err, errDropped): // it is told where the stream breaks off
	case err == nil:
		v.a.Change(func(o *report.Outcome) {
			o.Written.Assets++
			o.Written.AssetBytes += a.upload.Size
		})
	case answer.Refused(err):
		i := a.issue()
		i.Class, i.Reason = report.Missing, err.Error()
		v.a.Issue(i)
		// Closed without it, the version could never get it. A limit stays as it
		// is, though.
		if _, limit := errors.AsType[*answer.Limit](err); !limit {
			v.a.Change(func(*report.Outcome) { v.lacks = true })
		}
	default:
		v.a.failure.Note(fmt.Errorf("%s: %w", itemName(a.issue()), err), !errors.Is(err, comet.ErrServer))
		v.a.r.ConcernsAll(err)
	}
}

// dropFile forgets the file that is open.
func (v *artifactVersion) dropFile() {
	if v.file != nil {
		v.file.drop(errDropped)
	}
	v.file = nil
}

// addRemote puts a remote file with those that are written together.
func (v *artifactVersion) addRemote(a *asset) {
	f := comet.RemoteFile{ID: a.upload.ID, Name: a.name(), Link: a.upload.Link, Type: a.typ(), Step: a.upload.Step}
	if a.upload.Metadata != nil {
		m := string(a.upload.Metadata)
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
		if errors.Is(err, comet.ErrUnsupported) || errors.Is(err, comet.ErrImmutable) || answer.Uncertain(err) || err != nil && answer.Refused(err) {
			err = v.writeEach(ctx, part)
		} else if err == nil {
			v.a.Change(func(o *report.Outcome) { o.Written.Assets += int64(len(part)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addRemotes writes remote files together, each once. After an answer that was
// lost it looks for them first: all are there, or none.
func (v *artifactVersion) addRemotes(ctx context.Context, part []comet.RemoteFile) error {
	first := v.remote(&part[0])
	_, err := reconcile.Once(ctx, v.a.r.Destination, func() (string, error) {
		return "", v.a.r.Client.Artifacts.AddRemoteFiles(ctx, v.key, v.id, part)
	}, func() (string, error) {
		arrived, err := v.arrived(ctx, first, 1)
		if !arrived {
			return "", err
		}
		return first.upload.ID, err
	})
	return err
}

// remote returns a remote file as an asset to be written.
func (v *artifactVersion) remote(f *comet.RemoteFile) *asset {
	rec := &stream.Asset{ID: f.ID, Name: &f.Name, Type: &f.Type, Remote: &f.Link}
	a := &asset{rec: rec, upload: &comet.Upload{ID: f.ID, Name: f.Name, Type: f.Type, Link: f.Link, ArtifactVersion: v.id, Step: f.Step}}
	if f.Metadata != nil {
		a.upload.Metadata = json.RawMessage(*f.Metadata)
	}
	return a
}

// writeEach writes remote files one by one.
func (v *artifactVersion) writeEach(ctx context.Context, files []comet.RemoteFile) error {
	for i := range files {
		a := v.remote(&files[i])
		v.fileDone(a, v.upload(ctx, a))
	}
	return nil
}
