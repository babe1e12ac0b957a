package comet

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/bombs"
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// cutter serves a document and breaks off after another part of it each time.
func cutter(doc string, cuts ...int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
		if len(cuts) == 0 {
			io.WriteString(w, doc)
			return
		}
		cut := cuts[0]
		cuts = cuts[1:]
		io.WriteString(w, doc[:cut])
	}
}

// A text goes on where it broke off.
func TestTextResumes(t *testing.T) {
	text := strings.Repeat("0123456789é\n", 50_000)
	doc := `{"output":` + string(wire.Quote(text)) + `}`
	c := newTestClient(t, map[string]http.HandlerFunc{
		// The last cut but one is before what has been read already.
		"/api/rest/v2/experiment/output": cutter(doc, 5, 100_000, 300_000, 1000, len(doc)-1),
	})
	r, err := c.Texts.Output(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != text {
		t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
	}
}

// A text that shrinks too much on its way is asked for as it is. A server that packs it
// all the same is not believed.
func TestTextOfZeros(t *testing.T) {
	const size = 513 << 20 // one more than is unpacked at any ratio
	write := func(w io.Writer) {
		io.WriteString(w, `{"output":"`)
		for piece, left := bytes.Repeat([]byte{'0'}, 1<<20), size; left > 0; left -= len(piece) {
			w.Write(piece[:min(left, len(piece))])
		}
		io.WriteString(w, `"}`)
	}
	packed := bombs.Packed(write)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"asks": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") == "identity" {
				write(w)
				return
			}
			packed(w, r)
		}, nil},
		"packs always": {packed, unpack.ErrRatio},
	} {
		c := newTestClient(t, map[string]http.HandlerFunc{"/api/rest/v2/experiment/output": tt.answer})
		r, err := c.Texts.Output(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		r.Close()
		if !errors.Is(err, tt.want) || err == nil && n != size {
			t.Errorf("%s: %d bytes of %d, %v, want %v", name, n, size, err, tt.want)
		}
	}
}

// A text that changes between two tries is not put together from both.
func TestTextChanged(t *testing.T) {
	for name, second := range map[string]string{
		"other text": `{"output":"` + strings.Repeat("b", 300_000) + `"}`,
		"shorter":    `{"output":"aaa"}`,
		"null":       `{"output":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			first := cutter(`{"output":"`+strings.Repeat("a", 300_000)+`"}`, 200_000)
			tries := 0
			c := newTestClient(t, map[string]http.HandlerFunc{
				"/api/rest/v2/experiment/output": func(w http.ResponseWriter, r *http.Request) {
					if tries++; tries == 1 {
						first(w, r)
						return
					}
					answer(second)(w, r)
				},
			})
			r, err := c.Texts.Output(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := io.Copy(io.Discard, r); !errors.Is(err, api.ErrChanged) || tries != 2 {
				t.Errorf("%d tries, %v", tries, err)
			}
			// The error stays.
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, api.ErrChanged) {
				t.Errorf("then %v", err)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	for name, path := range map[string]string{"html": "experiment/html", "code": "experiment/code", "output": "experiment/output",
		"graph": "experiment/graph", "notes": "project/notes"} {
		c := newTestClient(t, map[string]http.HandlerFunc{
			"GET /api/rest/v2/" + path: func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if key := q.Get("experimentKey") + q.Get("projectId"); key == "gone" {
					status(http.StatusNotFound, `{"msg":"`+name+` does not exist","code":404}`)(w, r)
				} else {
					answer(`{"`+name+`":"text of `+key+`"}`)(w, r)
				}
			},
		})
		read := map[string]func(string) (*api.Text, error){
			"html":   func(k string) (*api.Text, error) { return c.Texts.HTML(t.Context(), k) },
			"code":   func(k string) (*api.Text, error) { return c.Texts.Code(t.Context(), k) },
			"output": func(k string) (*api.Text, error) { return c.Texts.Output(t.Context(), k) },
			"graph":  func(k string) (*api.Text, error) { return c.Texts.Graph(t.Context(), k) },
			"notes":  func(k string) (*api.Text, error) { return c.Projects.Notes(t.Context(), k) },
		}[name]
		r, err := read("K")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if string(got) != "text of K" || err != nil || r.Close() != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := read("gone"); !errors.Is(err, api.ErrNotFound) || errors.Is(err, api.ErrUnclear) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
}

func zipOf(t *testing.T, names ...string) string {
	t.Helper()
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, n := range names {
		w, err := zw.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "content of "+n)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func readContent(t *testing.T, c api.Content) string {
	t.Helper()
	rc, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil || int64(len(data)) != c.Size {
		t.Fatalf("%d bytes of %d, %v", len(data), c.Size, err)
	}
	return string(data)
}

func TestGitPatch(t *testing.T) {
	long := strings.Repeat("+é\n", 100_000)
	whole, err := zipPatch(api.TextContent(long))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, body, want string
		null, fails      bool
		beside           []string
	}{
		{name: "zip", body: zipOf(t, "x", "git_diff.patch", "y"), want: "content of git_diff.patch", beside: []string{"x", "y"}},
		{name: "own zip", body: readContent(t, whole), want: long},
		{name: "zip with one entry", body: zipOf(t, "other.patch"), want: "content of other.patch"},
		{name: "zip without a patch", body: zipOf(t, "a", "b"), fails: true},
		{name: "broken zip", body: zipOf(t, "git_diff.patch")[:60], fails: true},
		{name: "text", body: "diff --git a/x b/x\n", want: "diff --git a/x b/x\n"},
		{name: "none", body: `{"msg":"No git patch was found"}`, null: true},
		{name: "none, fields in another order", body: `{"code":200,"data":null,"msg":"No git patch was found"}`, null: true},
		{name: "empty", body: "", null: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newTestClient(t, map[string]http.HandlerFunc{
				"GET /api/rest/v2/experiment/git/patch": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, tc.body) },
			})
			r, err := c.Texts.GitPatch(t.Context(), "k")
			if (err != nil) != tc.fails {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil || string(got) != tc.want || r.Null != tc.null || !utf8.Valid(got) {
				t.Errorf("%.40q, null %v, %v", got, r.Null, err)
			}
			if !slices.Equal(r.Beside, tc.beside) {
				t.Errorf("beside it %q, want %q", r.Beside, tc.beside)
			}
		})
	}
}

// A zip file that is read as it comes tells its other files too, once it ends.
func TestStreamedPatchBeside(t *testing.T) {
	b := &otherFiles{of: new(api.Text)}
	patch, err := streamPatch(iotest.HalfReader(strings.NewReader(zipOf(t, "git_diff.patch", "x", "y"))), b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(patch)
	if want := []string{"x", "y"}; err != nil || string(got) != "content of git_diff.patch" || !slices.Equal(b.of.Beside, want) {
		t.Errorf("%q, beside it %q, %v", got, b.of.Beside, err)
	}
}
