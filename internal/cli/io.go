package cli

import (
	"io"
	"io/fs"
	"os"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer"
	"golang.org/x/term"
)

// IO is what a command reads from and writes to. Stdout carries data and
// nothing else; all talk goes to Stderr.
//
// Whether one of them is a terminal or a pipe is asked of the *os.File behind
// it; any other reader or writer is neither.
type IO struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	// Client, if not nil, changes how a server is spoken to, and Import how an
	// import goes.
	Client func(*comet.Options)
	Import func(*importer.Options)
}

// isTerminal reports whether v, one end of an IO, is a terminal.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isPipe reports whether v, one end of an IO, leads to another process: a pipe,
// or the socket that sshd and some shells use in place of one.
func isPipe(v any) bool {
	return modeOf(v)&(fs.ModeNamedPipe|fs.ModeSocket) != 0
}

// isRegular reports whether v is an ordinary file.
func isRegular(v any) bool { return modeOf(v) == 0 }

// modeOf returns the type of a file, [fs.ModeIrregular] of what is none.
func modeOf(v any) fs.FileMode {
	f, ok := v.(*os.File)
	if !ok {
		return fs.ModeIrregular
	}
	info, err := f.Stat()
	if err != nil {
		return fs.ModeIrregular
	}
	return info.Mode().Type()
}
