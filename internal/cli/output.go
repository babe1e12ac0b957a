package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/comet-stream/comet-stream/internal/filelock"
)

// partialSuffix is what a file is called by, after its name, until it is whole.
const partialSuffix = ".partial"

// output is where a command writes its stream: standard output, or a file that
// has its name only once it is whole.
//
// A file is opened at the first byte, so that a run that fails early leaves no
// file. It is written as FILE.partial, which Commit renames; one that is not
// committed stays, for the next run to go on from. A target that is not a regular
// file, as /dev/null or a named pipe, is written in place.
type output struct {
	name  string // for messages: "standard output" or the path
	path  string // where the bytes go, "" for standard output
	final string // what Commit renames path to, "" if it is written in place
	w     io.Writer
	f     *os.File // nil until the first byte, and after Close
	mode  fs.FileMode
	keep  int64 // bytes of an existing partial file to keep, -1 for none
	done  bool

	written int64 // bytes
}

// openOutput prepares the stream output that -o names: a path, "" for standard
// output, or "-" for standard output even if it is a terminal.
func (c *command) openOutput(path string) (*output, error) {
	switch path {
	case "":
		if isTerminal(c.stdio.Stdout) {
			return nil, withCode(ExitUsage, errors.New("standard output is a terminal, and a stream is binary"),
				"name a file with -o, or pipe the stream into comet-import; -o - writes it to the terminal")
		}
		fallthrough
	case "-":
		if f, ok := c.stdio.Stdout.(*os.File); ok && maybeClosed(f) {
			c.warnings = append(c.warnings, "standard output is closed or "+os.DevNull+": the stream is discarded")
		}
		return c.stdoutOutput(), nil
	}
	return fileOutput(path)
}

// stdoutOutput is the output to standard output, whatever that leads to.
func (c *command) stdoutOutput() *output {
	return &output{name: "standard output", w: c.stdio.Stdout, keep: -1}
}

// fileOutput prepares the output to the file path.
func fileOutput(path string) (*output, error) {
	o := &output{name: path, mode: 0o666, keep: -1}
	target := path
	// Through a symbolic link, the file it leads to is replaced, not the link.
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		target = resolved
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && info.IsDir():
		return nil, withCode(ExitUsage, &fs.PathError{Op: "write", Path: path, Err: syscall.EISDIR})
	case err == nil && !info.Mode().IsRegular():
		o.path = target
	case err == nil || errors.Is(err, fs.ErrNotExist):
		o.path, o.final = target+partialSuffix, target
		// A folder that is not there is reported now, not after the first
		// requests.
		if _, err := os.Stat(filepath.Dir(target)); err != nil {
			return nil, withCode(ExitUsage, err)
		}
	default:
		return nil, withCode(ExitUsage, err)
	}
	return o, nil
}

// Partial returns the path of the file that an earlier run may have left
// unfinished, "" if this output cannot have one.
func (o *output) Partial() string {
	if o.final == "" {
		return ""
	}
	return o.path
}

// left reports whether there is a file that this run or an earlier one has left
// unfinished.
func (o *output) left() bool {
	if o.final == "" {
		return false
	}
	_, err := os.Stat(o.path)
	return err == nil
}

// Keep makes the output go on from an existing partial file: its first n bytes
// stay, the rest is cut off before the first byte is written. It must be called
// before the first Write.
func (o *output) Keep(n int64) { o.keep = n }

// Write writes p. The errors of a file name its path; a standard output that
// nobody reads any more gives an error with [ExitBrokenPipe].
func (o *output) Write(p []byte) (n int, err error) {
	defer func() { o.written += int64(n) }()
	if o.path == "" {
		n, err = o.w.Write(p)
		return n, stdoutError(err)
	}
	if err := o.open(); err != nil {
		return 0, err
	}
	return o.f.Write(p)
}

// open opens the file if it is not open yet.
func (o *output) open() error {
	if o.f != nil {
		return nil
	}
	if o.done {
		return &fs.PathError{Op: "write", Path: o.path, Err: fs.ErrClosed}
	}
	flags := os.O_WRONLY
	if o.final != "" {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(o.path, flags, o.mode)
	if err != nil {
		return err
	}
	if o.final != "" {
		// An existing file is truncated only after it has been locked.
		err := claim(f, o.path)
		if err == nil {
			err = cutAt(f, max(o.keep, 0))
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	o.f = f
	return nil
}

// claim makes f, the partial file at path, ours alone until it is closed: two
// runs that write one file would leave a mixture of both.
func claim(f *os.File, path string) error {
	if err := filelock.Try(f); err != nil {
		return withCode(ExitFailed, fmt.Errorf("%s: %w", path, err), "wait until it is done, or write to another file with -o")
	}
	ours, err := f.Stat()
	if err != nil {
		return err
	}
	// One that was finished just now has another name, and is not ours.
	if now, err := os.Stat(path); err != nil || !os.SameFile(ours, now) {
		return fmt.Errorf("%s: another process has just finished it", path)
	}
	return nil
}

// cutAt cuts f off after n bytes and goes there.
func cutAt(f *os.File, n int64) error {
	if err := f.Truncate(n); err != nil {
		return err
	}
	_, err := f.Seek(n, io.SeekStart)
	return err
}

// Commit says that the output is whole: a file is brought to the disk, closed and
// given its name; standard output is closed. An error of the system at that late
// point is returned.
func (o *output) Commit() error {
	if o.done {
		return nil
	}
	if o.path == "" {
		o.done = true
		if closer, ok := o.w.(io.Closer); ok {
			return stdoutError(closer.Close())
		}
		return nil
	}
	// An output without bytes is a file without bytes.
	if err := o.open(); err != nil {
		return err
	}
	f := o.f
	o.f, o.done = nil, true
	if o.final == "" {
		return f.Close()
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := publish(f, o.path, o.final); err != nil {
		return err
	}
	return syncDir(filepath.Dir(o.final))
}

// syncDir brings the names in a directory to the disk. File systems that
// cannot do it, or not for a directory, are left alone.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	if err := d.Sync(); err != nil && errors.Is(err, syscall.EIO) {
		return err
	}
	return nil
}

// Close ends an output that is not whole. The partial file stays. After Commit
// it does nothing.
func (o *output) Close() error {
	o.done = true
	if o.f == nil {
		return nil
	}
	f := o.f
	o.f = nil
	return f.Close()
}

// stdoutError says what failed, and marks a pipe that nobody reads any more. A
// process whose own standard output that is has already been ended by SIGPIPE.
func stdoutError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return withCode(ExitBrokenPipe, fmt.Errorf("standard output: %w", err))
	}
	return withCode(ExitFailed, fmt.Errorf("standard output: %w", err))
}
