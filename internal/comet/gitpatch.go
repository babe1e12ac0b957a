package comet

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// patchName is the entry that holds the patch in the zip files in which it
// travels.
const patchName = "git_diff.patch"

// GitPatch returns the patch of uncommitted changes of an experiment: the
// patch itself, not the zip file in which newer servers wrap it.
func (c Texts) GitPatch(ctx context.Context, key string) (*api.Text, error) {
	cl := readGitPatch.Call(api.Query("experimentKey", key))
	cl.Want = api.WantBytes
	empty := 0
	beside := new(otherFiles)
	text, err := c.conn.OpenText(ctx, cl, func(resp *http.Response) (io.Reader, error) {
		beside.names = nil
		head, whole, err := readHead(resp)
		if err == nil && len(head) == 0 && resp.StatusCode == http.StatusOK {
			// That is one of the ways to say that there is no patch. It is also what
			// is left of one that was lost on the way, so it is asked twice.
			if empty++; empty > 1 {
				return nil, nil
			}
		}
		if err != nil {
			return nil, err
		}
		return readPatch(resp, head, whole, beside)
	})
	if err == nil {
		beside.of = text
		beside.report()
	}
	return text, err
}

// otherFiles gathers the other files of the zip file of a patch.
type otherFiles struct {
	of    *api.Text // nil until there is one
	names []string
}

func (b *otherFiles) report() {
	if b.of != nil {
		b.of.Beside = b.names
	}
}

// smallFile is the size up to which a zip file is read whole before it is
// looked at.
const smallFile = 1 << 20

// readHead reads the beginning of an answer that is not a page of HTML, all of it if
// that is not much.
func readHead(resp *http.Response) (head []byte, whole bool, err error) {
	if api.IsHTML(resp, nil) {
		return nil, false, api.ErrNotJSON
	}
	head, err = io.ReadAll(io.LimitReader(resp.Body, smallFile+1))
	return head, len(head) <= smallFile, err
}

// readPatch finds the patch in what a server answers to the request for it, of
// which head is the beginning: nil where it says that there is none.
func readPatch(resp *http.Response, head []byte, whole bool, beside *otherFiles) (io.Reader, error) {
	switch {
	case api.IsHTML(resp, head):
		return nil, api.ErrNotJSON
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		if whole {
			return unzipPatch(head, beside)
		}
		return streamPatch(io.MultiReader(bytes.NewReader(head), resp.Body), beside)
	case isPatch(head):
		return io.MultiReader(bytes.NewReader(head), resp.Body), nil
	}
	if json.Valid(head) && saysNoPatch(head) {
		return nil, nil
	}
	return nil, api.OtherAnswer(resp, head, "the response is neither a patch nor says that there is none")
}

// saysNoPatch reports whether an answer of status 200 says that there is no
// patch, which servers do in the form of an acknowledgement or of an error.
func saysNoPatch(data []byte) bool {
	msg := wire.TextOrEmpty(wire.Member(data, "msg"))
	code := wire.IntOrZero(wire.Member(data, "sdk_error_code"))
	absent, parent := api.SaysAbsent(int(code), msg, readGitPatch.About)
	return msg != "" && (absent && !parent || code == 0 && wire.IntOrZero(wire.Member(data, "code")) == http.StatusOK)
}

// isPatch reports whether a text has the look of a patch, as very old runs have
// it without a zip file around it.
func isPatch(data []byte) bool {
	from, to := false, false
	for line := range bytes.Lines(data) {
		from = from || bytes.HasPrefix(line, []byte("--- "))
		to = to || bytes.HasPrefix(line, []byte("+++ "))
		if from && to || bytes.HasPrefix(line, []byte("diff --")) || bytes.HasPrefix(line, []byte("@@ -")) {
			return true
		}
	}
	return false
}

func unzipPatch(data []byte, beside *otherFiles) (io.Reader, error) {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zip file of the patch: %w", err)
	}
	var patch *zip.File
	for _, f := range zr.File {
		if patch == nil && (f.Name == patchName || len(zr.File) == 1) {
			patch = f
		} else {
			beside.names = append(beside.names, f.Name)
		}
	}
	if patch == nil {
		return nil, errors.New("zip file of the patch: it holds no " + patchName)
	}
	rc, err := patch.Open()
	if err != nil {
		return nil, err
	}
	return unpack.Bounded(rc, int64(len(data))), nil
}

// streamPatch finds the patch in a zip file as it comes.
func streamPatch(r io.Reader, beside *otherFiles) (io.Reader, error) {
	z := unpack.NewZip(r)
	name, entry, err := z.Next()
	if name != patchName && err == nil {
		// The only entry may have another name.
		return io.MultiReader(entry, &lastEntry{z}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("zip file of the patch: %w", err)
	}
	return io.MultiReader(entry, &otherEntries{z, beside}), nil
}

// otherEntries is an end of a text that gathers the names of what follows.
type otherEntries struct {
	z      *unpack.Zip
	beside *otherFiles
}

func (o *otherEntries) Read([]byte) (int, error) {
	for {
		name, _, err := o.z.Next()
		if err == io.EOF {
			o.beside.report()
		}
		if err != nil {
			return 0, err
		}
		o.beside.names = append(o.beside.names, name)
	}
}

// lastEntry is an end of a text, if no other entry follows.
type lastEntry struct{ z *unpack.Zip }

func (l *lastEntry) Read([]byte) (int, error) {
	_, _, err := l.z.Next()
	if err == nil {
		err = errors.New("zip file of the patch: its first entry is not " + patchName)
	}
	return 0, err
}

// WriteGitPatch sets the patch of uncommitted changes, wrapped in a zip file
// as servers want it.
func (c Texts) WriteGitPatch(ctx context.Context, key string, patch api.Content) error {
	file, err := zipPatch(patch)
	if err != nil {
		return err
	}
	form := &api.Form{File: file.Open, Size: file.Size}
	return c.conn.Ack(ctx, &api.Call{
		Method: http.MethodPost,
		Path:   "write/experiment/git/patch",
		Query:  api.Query("experimentKey", key),
		Body:   form.Body(),
	})
}

// zipPatch wraps a patch as servers want it: in memory where there is little of
// it, else again each time. The same patch gives the same bytes.
func zipPatch(patch api.Content) (api.Content, error) {
	write := func(w io.Writer) error {
		zw := zip.NewWriter(w)
		entry, err := zw.Create(patchName)
		if err != nil {
			return err
		}
		if err := api.CopyTo(entry, patch, func(r io.Reader) io.Reader { return r }); err != nil {
			return err
		}
		return zw.Close()
	}
	kept := &firstBytes{max: smallFile}
	if err := write(kept); err != nil {
		return api.Content{}, err
	}
	if kept.n <= kept.max {
		return api.TextContent(kept.b.String()), nil
	}
	return api.Content{Size: kept.n, Open: func() (io.ReadCloser, error) { return api.ReadWritten(write), nil }}, nil
}

// firstBytes counts what is written to it, and keeps it while it is not too
// much.
type firstBytes struct {
	b      strings.Builder
	n, max int64
}

func (f *firstBytes) Write(p []byte) (int, error) {
	if f.n += int64(len(p)); f.n <= f.max {
		f.b.Write(p)
	} else {
		f.b.Reset()
	}
	return len(p), nil
}
