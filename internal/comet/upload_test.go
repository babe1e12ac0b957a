package comet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// part is a part of a form as a strict server reads it.
type part struct{ Name, File, Header, Text string }

func parseForm(t *testing.T, s sent) []part {
	t.Helper()
	mt, params, err := mime.ParseMediaType(s.header.Get("Content-Type"))
	if err != nil || mt != "multipart/form-data" {
		t.Fatalf("%s, %v", s.header.Get("Content-Type"), err)
	}
	mr := multipart.NewReader(strings.NewReader(s.body), params["boundary"])
	var parts []part
	for {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(text)})
	}
}

func fromText(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

func TestUpload(t *testing.T) {
	run := &Run{ID: "R", Key: "K", ProjectID: "P"}
	for _, tc := range []struct {
		name  string
		u     Upload
		send  func(*Client, *Upload) error
		line  string
		parts []part
	}{
		{
			name: "asset",
			u: Upload{Run: run, ID: "A", Name: "d/data é.csv", Extension: "csv", Step: new(int64(2)), Context: new("train"),
				Metadata: json.RawMessage(`{"rows":1}`), Open: fromText("a,b\r\n1,2\n"), Size: 9},
			line:  "POST /clientlib/asset/upload?apiKey=KEY&assetId=A&context=train&experimentId=K&extension=csv&fileName=d/data é.csv&overwrite=False&projectId=P&runId=R&step=2",
			parts: []part{{"file", "file", "", "a,b\r\n1,2\n"}, {"metadata", "", "", `{"rows":1}`}},
		},
		{
			name: "model element",
			u: Upload{Run: run, ID: "A", Name: "m/w", Type: "model-element", Model: "cnn", Epoch: new(int64(0)), Overwrite: true,
				SampleRate: new(int64(8000)), ArtifactVersion: "V", Open: fromText(""), Size: 0},
			line: "POST /clientlib/asset/upload?apiKey=KEY&artifactVersionId=V&assetId=A&epoch=0&experimentId=K&fileName=m/w&groupingName=cnn&" +
				"overwrite=True&projectId=P&runId=R&sampleRate=8000&type=model-element",
			parts: []part{{"file", "file", "", ""}},
		},
		{
			name:  "remote",
			u:     Upload{Run: &Run{Key: "K"}, ID: "A", Name: "x", Type: "asset", Link: new("s3://bucket/a?b"), Metadata: json.RawMessage(`{"v":2}`)},
			line:  "POST /clientlib/asset/upload?apiKey=KEY&assetId=A&experimentId=K&fileName=x&isRemote=True&overwrite=False&type=asset",
			parts: []part{{"link", "link", "", "s3://bucket/a?b"}, {"metadata", "", "", `{"v":2}`}},
		},
		{
			name:  "remote with an empty link",
			u:     Upload{Run: &Run{Key: "K"}, ID: "A", Link: new("")},
			line:  "POST /clientlib/asset/upload?apiKey=KEY&assetId=A&experimentId=K&isRemote=True&overwrite=False",
			parts: []part{{"link", "link", "", ""}},
		},
		{
			name: "visualization",
			u: Upload{Run: run, ID: "I", Name: "im.png", Type: "image", Extension: "png", Step: new(int64(2)), FigureCounter: 3,
				Epoch: new(int64(1)), Open: fromText("png"), Size: 3},
			send:  func(c *Client, u *Upload) error { return c.Assets.UploadVisualization(t.Context(), u) },
			line:  "POST /clientlib/visualizations/upload?apiKey=KEY&experimentId=K&extension=png&figCounter=3&figName=im.png&imageId=I&overwrite=False&projectId=P&runId=R&step=2",
			parts: []part{{"file", "file", "", "png"}},
		},
		{
			name: "git patch",
			send: func(c *Client, _ *Upload) error {
				return c.Texts.WriteGitPatch(t.Context(), "K", api.TextContent("diff"))
			},
			line: "POST /api/rest/v2/write/experiment/git/patch?experimentKey=K",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, c := newRecorder(t, savedDoc)
			if tc.send == nil {
				tc.send = func(c *Client, u *Upload) error { return c.Assets.Upload(t.Context(), u) }
			}
			if err := tc.send(c, &tc.u); err != nil {
				t.Fatal(err)
			}
			got := r.got[0]
			if want := strings.Replace(tc.line, "KEY", testKey, 1); got.line != want {
				t.Errorf("got  %s\nwant %s", got.line, want)
			}
			parts := parseForm(t, got)
			if tc.parts == nil {
				text, err := readPatch(reply(nil, 200, ""), []byte(parts[0].Text), true, new(otherFiles))
				if err != nil {
					t.Fatal(err)
				}
				patch, err := io.ReadAll(text)
				if string(patch) != "diff" || err != nil || parts[0].Name != "file" {
					t.Errorf("patch %q, %v", patch, err)
				}
				return
			}
			if diff := cmp.Diff(tc.parts, parts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The form is laid out as in the recorded requests of the Python SDK.
func TestUploadBytes(t *testing.T) {
	r, c := newRecorder(t, savedDoc)
	err := c.Assets.Upload(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A", Metadata: json.RawMessage(`{"rows":1}`), Open: fromText("a,b\n1,2\n"), Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	_, b, _ := strings.Cut(r.got[0].header.Get("Content-Type"), "boundary=")
	want := "--" + b + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\na,b\n1,2\n\r\n--" + b +
		"\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"rows\":1}\r\n--" + b + "--\r\n"
	if diff := cmp.Diff(want, r.got[0].body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An upload that fails for a passing reason opens its content again.
func TestUploadRepeated(t *testing.T) {
	data := testContent(3 << 20)
	var opened, closed, tries atomic.Int32
	var got []byte
	c := newTestClient(t, map[string]http.HandlerFunc{"POST /clientlib/asset/upload": func(w http.ResponseWriter, r *http.Request) {
		switch tries.Add(1) {
		case 1: // broken off in the middle
			io.CopyN(io.Discard, r.Body, 1<<20)
			panic(http.ErrAbortHandler)
		case 2: // answered early, the rest is not read
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case 3: // throttled after all has been read
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		f, _, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		got, _ = io.ReadAll(f)
		answer(savedDoc)(w, r)
	}})
	err := c.Assets.Upload(t.Context(), &Upload{
		Run: &Run{Key: "K"}, ID: "A", Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) {
			opened.Add(1)
			return &closeCounter{Reader: bytes.NewReader(data), n: &closed}, nil
		},
	})
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if tries.Load() != 4 || opened.Load() < 4 || opened.Load() != closed.Load() {
		t.Errorf("%d tries, opened %d times, closed %d times", tries.Load(), opened.Load(), closed.Load())
	}
}

type closeCounter struct {
	io.Reader
	n *atomic.Int32
}

func (c *closeCounter) Close() error { c.n.Add(1); return nil }

// An early answer ends an upload only when its content is no longer read: the
// memory is the caller's again.
func TestUploadWaitsForReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		content := &lateReader{entered: make(chan struct{}), closed: make(chan struct{}), release: make(chan struct{})}
		c := offline(t, nil, func(o *api.Options) { o.Transport = early{content.entered} })
		returned := make(chan error, 1)
		go func() {
			returned <- c.Assets.Upload(t.Context(), &Upload{
				Run: &Run{Key: "K"}, ID: "A", Size: 1000,
				Open: func() (io.ReadCloser, error) { return content, nil },
			})
		}()
		synctest.Wait()
		select {
		case <-content.closed:
		default:
			t.Error("the content is not closed")
		}
		if len(returned) != 0 {
			t.Errorf("returned %v while the content is read", <-returned)
		}
		close(content.release)
		if err := <-returned; !errors.Is(err, api.ErrForbidden) {
			t.Errorf("got %v", err)
		}
	})
}

// lateReader is a content whose Read takes its time.
type lateReader struct{ entered, closed, release chan struct{} }

func (r *lateReader) Read([]byte) (int, error) {
	close(r.entered)
	<-r.release
	return 0, io.EOF
}

func (r *lateReader) Close() error { close(r.closed); return nil }

// early is a network that answers while it reads the request, as net/http
// does.
type early struct{ reading chan struct{} }

func (e early) RoundTrip(req *http.Request) (*http.Response, error) {
	go func() {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}()
	<-e.reading
	return reply(req, 403, `{}`), nil
}

// What is wrong with the content is the caller's error, and not repeated; the
// server never gets a whole request.
func TestUploadBadContent(t *testing.T) {
	bad := errors.New("sha256 differs")
	for name, tc := range map[string]struct {
		open func() (io.ReadCloser, error)
		want error
		text string
	}{
		"does not open": {open: func() (io.ReadCloser, error) { return nil, bad }, want: bad},
		"fails at its end": {open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), failingReader{bad})), nil
		}, want: bad},
		"too short": {open: fromText("x"), want: io.ErrUnexpectedEOF, text: "99999 bytes shorter"},
		"too long":  {open: fromText(strings.Repeat("x", 100_001)), text: "longer than announced"},
	} {
		t.Run(name, func(t *testing.T) {
			var whole, opened atomic.Int32
			c := newTestClient(t, map[string]http.HandlerFunc{"POST /clientlib/asset/upload": func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err == nil {
					whole.Add(1)
				}
			}})
			err := c.Assets.Upload(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A", Size: 100_000, Open: func() (io.ReadCloser, error) {
				opened.Add(1)
				return tc.open()
			}})
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v", err)
			}
			if whole.Load() != 0 || opened.Load() != 1 {
				t.Errorf("the server got %d whole requests, opened %d times", whole.Load(), opened.Load())
			}
		})
	}
}

func TestUploadImmutable(t *testing.T) {
	c := newTestClient(t, map[string]http.HandlerFunc{
		"POST /clientlib/asset/upload":          status(400, `{"msg":"immutable","sdk_error_code":7000005}`),
		"POST /clientlib/visualizations/upload": status(400, `{"msg":"immutable","sdk_error_code":7000006}`),
	})
	u := &Upload{Run: &Run{Key: "K"}, ID: "A", Link: new("https://h/x")}
	if err := c.Assets.Upload(t.Context(), u); !errors.Is(err, api.ErrImmutable) {
		t.Errorf("got %v", err)
	}
	if err := c.Assets.UploadVisualization(t.Context(), u); !errors.Is(err, api.ErrImmutable) {
		t.Errorf("got %v", err)
	}
	if err := c.Assets.Upload(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}); err == nil {
		t.Error("an upload of nothing is sent")
	}
}
