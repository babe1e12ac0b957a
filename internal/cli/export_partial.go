package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/comet-stream/comet-stream/internal/exporter"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// openStream returns the writer of the stream: of a new one, or of the partial
// one that an earlier run has left. It returns nil if that one was complete.
func (c *exportCommand) openStream(out *output) (*stream.Writer, error) {
	options := stream.WriterOptions{Level: c.level}
	if out.Partial() != "" {
		f, err := os.OpenFile(out.Partial(), os.O_RDWR, 0)
		switch {
		case err == nil:
			if err := claim(f, out.Partial()); err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return c.continueStream(out, f, options)
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		}
	}
	return stream.NewWriter(c.counters.CountWriter(out), options), nil
}

// continueStream goes on with a partial stream.
func (c *exportCommand) continueStream(out *output, f *os.File, options stream.WriterOptions) (w *stream.Writer, err error) {
	defer func() {
		if w == nil {
			_ = f.Close() // only read
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p, err := exporter.ReadPartial(f)
	if err != nil {
		if _, path := errors.AsType[*os.PathError](err); path {
			return nil, err
		}
		if info.Size() > 0 && !errors.Is(err, stream.ErrTruncated) && !errors.Is(err, stream.ErrAborted) {
			return nil, c.foreignPartial(out, err)
		}
		// It was left before it held anything.
		return stream.NewWriter(c.counters.CountWriter(out), options), f.Close()
	}
	if err := exporter.New(c.opts).Match(p); err != nil {
		return nil, c.foreignPartial(out, err)
	}
	c.opts.Continue = p
	if p.Complete {
		out.Keep(info.Size())
		return nil, nil
	}
	c.reporter.Info("continuing %s, which has %s", out.Partial(), progress.Count(int64(len(p.Keys)), "experiment"))
	c.counters.Bytes.Store(p.Size)
	out.f = f
	return p.Continue(&countedFile{f, &c.counters}, options)
}

func (c *exportCommand) foreignPartial(out *output, err error) error {
	return withCode(ExitUsage, fmt.Errorf("%s: %w", out.Partial(), err), "remove that file, or choose another one with -o")
}

// countedFile counts what is written to a file.
type countedFile struct {
	*os.File
	counters *progress.Counters
}

func (f *countedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.counters.Bytes.Add(int64(n))
	return n, err
}
