package upload

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/stream"
)

// An Intake takes the bytes of the assets of one thing, one asset after the other,
// and has each written: once it is whole; while its bytes come, where it is large;
// or without being kept, where there is no room for it.
//
// One goroutine uses it. What it calls but Expect runs in others.
type Intake struct {
	Uploads *Uploader
	Spools  *spool.Spooler
	Tasks   *flow.Tasks
	Failure *flow.Failure
	Place   Place

	// Streamable reports whether an asset may be written before it is known what its
	// bytes are.
	Streamable func(context.Context, *Asset) bool
	// Finish writes an asset that is whole.
	Finish func(context.Context, *Asset) error
	// Done takes what has become of an asset.
	Done func(*Asset, error)
	// Expect takes an asset that the destination has, for the verification.
	Expect func(*Asset)

	open  *Asset
	plain sync.WaitGroup // uploads of assets that others may refer to
}

// Begin begins an asset, which is open until its end.
func (in *Intake) Begin(rec *stream.Asset) (*Asset, error) {
	in.open = &Asset{Record: rec}
	return in.open, document.Read(rec.Doc, &in.open.Doc)
}

// Describe says how the asset is written. It reports false where its metadata cannot
// be.
func (a *Asset) Describe(id string) bool {
	m := []byte(a.Doc.Metadata.V)
	a.Doc.Metadata = document.Text{} // it may be long
	a.Upload = &comet.Upload{
		ID: id, Name: a.Name(), Type: a.Type(), Extension: extension(a.Name()), Step: a.Doc.Step.Ptr(), Link: a.Record.Remote,
	}
	if json.Valid(m) {
		a.Upload.Metadata = m
	}
	return len(m) == 0 || a.Upload.Metadata != nil
}

// Keep makes a place for the bytes of the open asset. An import that writes
// nothing needs them only to rewrite references.
func (in *Intake) Keep(ctx context.Context) error {
	a, dry := in.open, in.Uploads.Dry()
	if a.Record.Remote != nil || dry && !a.Refers {
		return nil
	}
	sp, err := in.Spools.Open(ctx, SizeOf(a.Record))
	switch {
	case err == nil:
		a.Content = sp
		if sp.OnDisk && !dry && len(a.Upload.Metadata) < flow.Large && in.Streamable(ctx, a) {
			in.follow(ctx, a)
		}
		return nil
	case !errors.Is(err, spool.ErrOverBudget):
		return err
	case dry:
		return nil
	}
	a.Pipe = newPipe()
	a.Upload.Size, a.Upload.Open = SizeOf(a.Record), a.Pipe.Open
	in.plain.Add(1)
	// It takes no slot of the tasks: those may wait for records that come only
	// after this asset.
	in.Tasks.Beyond(func() {
		defer in.plain.Done()
		in.Done(a, in.Uploads.writePiped(ctx, a, in.Place))
	})
	return nil
}

// follow begins to write an asset while its bytes come, if there is a slot for it.
func (in *Intake) follow(ctx context.Context, a *Asset) {
	a.Tail = a.Content.Follow()
	a.Upload.Size, a.Upload.Open = SizeOf(a.Record), a.Tail.Open
	in.plain.Add(1)
	begun := in.Tasks.Try(func() {
		defer in.plain.Done()
		defer a.Content.Close()
		err := in.Uploads.Write(ctx, a, in.Place)
		// The upload may be over, one way or the other, before the bytes are.
		end := a.Tail.Wait()
		switch {
		case end == spool.ErrOtherSize, end == nil && errors.Is(err, spool.ErrFollowedOnce):
			a.Upload.Size, a.Upload.Open = a.Content.Size, a.Content.Open
			err = in.Uploads.Write(ctx, a, in.Place)
		case end != nil:
			err = end
		}
		in.Done(a, err)
	})
	if !begun {
		a.Tail, a.Content.Tail = nil, nil
		in.plain.Done()
	}
}

// Chunk takes a piece of the open asset.
func (in *Intake) Chunk(rec *stream.Chunk) error {
	a := in.open
	switch {
	case a == nil || a.State == LeftOut:
	case a.Pipe != nil:
		a.Pipe.Write(rec.Data)
	case a.Content != nil:
		_, err := a.Content.Write(rec.Data)
		if errors.Is(err, spool.ErrOverBudget) {
			a.Drop(flow.ErrDropped)
			a.State = LeftOut
			in.Failure.Note(a.Issue().Wrap(err), false)
			return nil
		}
		if err != nil {
			in.Uploads.ConcernsAll(err)
		}
		return err
	}
	return nil
}

// End ends the open asset and writes it, in the background.
func (in *Intake) End(ctx context.Context, rec *stream.AssetEnd) error {
	a := in.open
	in.open = nil
	if a == nil || a.State == LeftOut {
		return nil
	}
	a.SHA256 = rec.SHA256
	switch {
	case a.Pipe != nil:
		a.Pipe.End(rec.Size, rec.SHA256)
		return nil
	case a.Content != nil:
		if a.Content.Size != rec.Size || a.Content.SHA256() != rec.SHA256 {
			a.Drop(flow.ErrDropped)
			return &flow.InputError{Err: a.Issue().Wrap(ErrBadHash)}
		}
		a.Content.Shrink()
		if a.Tail != nil {
			a.Tail.End(a.Upload.Size)
			return nil
		}
		a.Upload.Open = a.Content.Open
	}
	if a.Record.Remote == nil {
		a.Upload.Size = rec.Size
	}
	if a.State == Present {
		in.Expect(a)
		return nil
	}
	return in.finish(ctx, a)
}

func (in *Intake) finish(ctx context.Context, a *Asset) error {
	done := func() {}
	if a.Refers {
		// The ids of the others are settled once they are written. They need
		// slots, so that none is to be taken before.
		in.plain.Wait()
	} else {
		in.plain.Add(1)
		done = in.plain.Done
	}
	err := in.Tasks.RunHolding(ctx, len(a.Upload.Metadata), func() {
		defer a.Drop(flow.ErrDropped)
		defer done()
		in.Done(a, in.Finish(ctx, a))
	})
	if err != nil {
		a.Drop(err)
		done()
	}
	return err
}

// Open returns the asset that is open, nil for none.
func (in *Intake) Open() *Asset { return in.open }

// Drop forgets the asset that is open.
func (in *Intake) Drop() {
	if in.open != nil {
		in.open.Drop(flow.ErrDropped)
	}
	in.open = nil
}
