package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/comet-stream/comet-stream/stream"
)

// input is the stream a command reads.
type input struct {
	io.Reader
	name     string // for messages: "standard input" or the path
	closer   io.Closer
	folder   *folderReader // of a folder, else nil
	warnings []string      // what to report of it
}

// Close closes the file. It leaves standard input open.
func (in *input) Close() error {
	if in.closer == nil {
		return nil
	}
	return in.closer.Close()
}

// size returns how many bytes are left to read, 0 where that is not known.
func (in *input) size() int64 {
	f, ok := in.Reader.(*os.File)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return info.Size() - at
}

// openInput opens the stream that -i names: a path, or "" or "-" for standard
// input, which must not be a terminal. The caller closes it.
func (c *command) openInput(path string) (*input, error) {
	if path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, withCode(ExitUsage, err)
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			_ = f.Close()
			return nil, withCode(ExitUsage, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}, c.folderHint()...)
		}
		if isTerminal(f) {
			_ = f.Close()
			return nil, terminalInput(path)
		}
		return &input{Reader: f, name: path, closer: f}, nil
	}
	if isTerminal(c.stdio.Stdin) {
		return nil, terminalInput("standard input")
	}
	return &input{Reader: c.stdio.Stdin, name: "standard input"}, nil
}

// abortHint says where to read why a stream was aborted, and what to do.
const abortHint = "see the error of the tool that wrote the stream; then run the whole pipeline again"

// emptyHints returns what to say of an input that err finds to be no stream, of
// which so many bytes have been read, if it is empty.
func (in *input) emptyHints(read int64, err error) []string {
	if read > 0 || !errors.Is(err, stream.ErrNotStream) {
		return nil
	}
	if in.closer != nil {
		return []string{"the file is empty: export it again"}
	}
	return []string{"the command before the pipe wrote nothing: see its error"}
}

// fileArgument returns hints for arguments of which one looks like the file that
// is to be read.
func fileArgument(args []string) []string {
	for _, arg := range args {
		if info, err := os.Stat(arg); strings.HasSuffix(arg, ".zst") || err == nil && info.Mode().IsRegular() {
			return []string{"use -i to read a file: -i " + arg}
		}
	}
	return nil
}

// terminalInput is the answer to a terminal where a stream is read.
func terminalInput(name string) error {
	return withCode(ExitUsage, errors.New(name+" is a terminal, not a stream"),
		"name a file with -i, or pipe a stream into the tool: comet-export … | comet-import …")
}
