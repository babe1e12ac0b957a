package folder

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/stream"
)

// ErrNoAsset says that a stream has no asset of an experiment.
var ErrNoAsset = errors.New("no asset of any experiment was selected")

// A ManyError says that a stream has more than one asset where one is wanted.
type ManyError struct{ First, Second string }

// Error names two of them.
func (e *ManyError) Error() string {
	return fmt.Sprintf("more than one asset was selected: %s and %s", e.First, e.Second)
}

// Asset writes the bytes of the one asset that the experiments of the stream r have.
// They have been written before a second asset is found, which is a [*ManyError].
func Asset(ctx context.Context, w io.Writer, r io.Reader) error {
	reader := stream.NewReader(r, stream.ReaderOptions{})
	defer reader.Close()
	var key, found string
	open := false
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rec, err := reader.Next()
		if err == io.EOF {
			if found == "" {
				return ErrNoAsset
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch rec := rec.(type) {
		case *stream.Experiment:
			key = rec.Key
		case *stream.ExperimentEnd:
			key = ""
		case *stream.Asset:
			if key == "" {
				continue // of an artifact
			}
			name := fmt.Sprintf("%q of experiment %q", deref(rec.Name), key)
			switch {
			case found != "":
				return &ManyError{found, name}
			case rec.Remote != nil:
				return fmt.Errorf("%s is not in the stream: it is a remote asset, %s", name, *rec.Remote)
			}
			found, open = name, true
		case *stream.Chunk:
			if open {
				if _, err := w.Write(rec.Data); err != nil {
					return err
				}
			}
		case *stream.AssetEnd:
			open = false
		case *stream.Skipped:
			if open {
				return fmt.Errorf("%s is incomplete in the stream: %s", found, rec.Reason)
			}
		}
	}
}
