package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/comet-stream/comet-stream/internal/filter"
	"github.com/comet-stream/comet-stream/internal/folder"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// openInputOrFolder opens the stream that -i names, or makes one of the folder of
// `cometx download` that the flag of that name does. The caller closes it.
func (c *command) openInputOrFolder(ctx context.Context, path, flag, dir string) (*input, error) {
	switch {
	case dir == "":
		return c.openInput(path)
	case path != "":
		return nil, c.usagef("-i and %s exclude each other", flag)
	}
	in := &input{name: dir}
	f, err := folder.Open(dir, folder.Options{Tool: c.name + " " + version(), Warn: func(text string) {
		in.warnings = append(in.warnings, text)
	}})
	switch {
	case errors.Is(err, folder.ErrNone):
		return nil, withCode(ExitInput, err)
	case err != nil && !isFolder(dir):
		return nil, withCode(ExitUsage, err)
	case err != nil:
		return nil, withCode(ExitInput, err)
	}
	in.folder = newFolderReader(ctx, f)
	in.Reader, in.closer = in.folder, in.folder
	return in, nil
}

// folderHint says how a folder is read.
func (c *command) folderHint() []string {
	for _, name := range []string{"d", "from-dir"} {
		if c.Lookup(name) != nil {
			return []string{dashed(name) + " reads a folder of cometx download"}
		}
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// extractFrom writes the files of what the rules leave: into a folder, or those of
// the one asset to out.
func (c *filterCommand) extractFrom(ctx context.Context, in *input, out io.Writer) error {
	pr, pw := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := filter.Copy(ctx, pw, in, c.opts)
		_ = pw.Close()
		copied <- err
	}()
	err := c.extractStream(ctx, pr, out)
	_ = pr.Close()
	inputErr := <-copied
	_, bad := errors.AsType[*stream.Error](err)
	switch {
	// The reader of the input reports its errors better, unless the error is in a
	// block that is copied without being read.
	case err == nil, inputErr != nil && !errors.Is(inputErr, io.ErrClosedPipe) && (bad || errors.Is(err, stream.ErrAborted)):
		return inputErr
	case errors.Is(err, folder.ErrNoAsset):
		return withCode(ExitIncomplete, fmt.Errorf("%s: %w", in.name, err), "comet-filter --json assets lists the assets")
	}
	if many, ok := errors.AsType[*folder.ManyError](err); ok {
		return withCode(ExitFailed, fmt.Errorf("%s: %w", in.name, many), "only the first was written; choose one by --key, --asset-name or --asset-type")
	}
	return withCode(ExitCode(err), err)
}

func (c *filterCommand) extractStream(ctx context.Context, r io.Reader, out io.Writer) error {
	if c.extract == "-" {
		return folder.Asset(ctx, out, r)
	}
	sum, err := folder.Extract(ctx, c.extract, r)
	if left := sum.LeftOut(); left != "" {
		c.reporter.Warn("not extracted, since a folder cannot hold it: %s", left)
	}
	c.reporter.Info("%s and %s of %d bytes written to %s", progress.Count(sum.Experiments, "experiment"), progress.Count(sum.Assets, "asset"), sum.AssetBytes, c.extract)
	if err == nil && sum.Skipped > 0 {
		return withCode(ExitIncomplete, fmt.Errorf("%s missing from the stream", progress.Count(sum.Skipped, "item")),
			"comet-filter --json lists them: records of kind skipped")
	}
	return err
}

// A folderReader reads a folder as a stream, from the first Read on.
type folderReader struct {
	*io.PipeReader
	begin func()
	done  chan struct{}

	// Once done is closed:
	skipped int64
	err     error
}

func newFolderReader(ctx context.Context, f *folder.Folder) *folderReader {
	pr, pw := io.Pipe()
	r := &folderReader{PipeReader: pr, done: make(chan struct{})}
	r.begin = sync.OnceFunc(func() {
		go func() {
			defer close(r.done)
			r.skipped, r.err = f.Stream(ctx, pw)
			r.err = errors.Join(r.err, f.Close())
			_ = pw.Close()
		}()
	})
	return r
}

func (r *folderReader) Read(p []byte) (int, error) {
	r.begin()
	return r.PipeReader.Read(p)
}

// Close waits until the folder is left alone.
func (r *folderReader) Close() error {
	err := r.PipeReader.Close()
	r.begin()
	<-r.done
	return err
}

// incomplete returns an error for what a folder has lost, once it has been read.
func (in *input) incomplete() error {
	if in.folder == nil {
		return nil
	}
	<-in.folder.done
	if n := in.folder.skipped; n > 0 {
		return withCode(ExitIncomplete, fmt.Errorf("%s: %s missing from the stream (recorded there as skipped)", in.name, progress.Count(n, "item")))
	}
	return nil
}
