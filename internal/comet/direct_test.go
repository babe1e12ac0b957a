package comet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

const (
	signature = "c0ffee5ecretc0ffee"
	twoParts  = `{"code":200,"requestId":"R1","preSignUrl":["https://s3.test/b/o.1?X-Amz-Signature=a&x=%2F","https://s3.test/b/o.2?X-Amz-Signature=b"]}`
)

// A direct upload says what a plain one says, as fields of a document.
func TestDirectUpload(t *testing.T) {
	run := &Run{ID: "R", Key: "K", ProjectID: "P", Direct: true}
	u := &Upload{Run: run, ID: "A", Name: "d/é", Type: "model-element", Model: "cnn", Extension: "bin", Step: new(int64(2)), Epoch: new(int64(0)),
		Context: new("train"), ArtifactVersion: "V", Metadata: json.RawMessage(`{"q":1}`), Overwrite: true}
	for name, tc := range map[string]struct {
		start func(*Client) (*DirectUpload, error)
		path  string
		body  string
	}{
		"asset": {func(c *Client) (*DirectUpload, error) { return c.Assets.Start(t.Context(), u, 2) }, "asset/",
			`{"apiKey":"KEY","artifactVersionId":"V","assetId":"A","context":"train","epoch":0,"experimentId":"K","extension":"bin","fileName":"d/é",` +
				`"groupingName":"cnn","overwrite":true,"projectId":"P","runId":"R","step":2,"type":"model-element"`},
		"visualization": {func(c *Client) (*DirectUpload, error) { return c.Assets.StartVisualization(t.Context(), u, 2) }, "visualizations/",
			`{"apiKey":"KEY","context":"train","experimentId":"K","extension":"bin","figCounter":0,"figName":"d/é","imageId":"A","overwrite":true,` +
				`"projectId":"P","runId":"R","step":2`},
	} {
		t.Run(name, func(t *testing.T) {
			r, c := newRecorder(t, twoParts)
			up, err := tc.start(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := up.Complete(t.Context(), 7); err != nil {
				t.Error(err)
			}
			if err := up.Abandon(t.Context()); err != nil {
				t.Error(err)
			}
			for i, want := range []struct{ call, body string }{
				{"upload-start", tc.body + `,"metadata":"{\"q\":1}","startUploadParams":{"cloudType":"AWS","preSignUrlTimeoutSec":10800,"numOfFileParts":2}}`},
				{"upload-complete", `{"requestId":"R1","succeed":true,"fileSize":7,"apiKey":"KEY","uploadedFileParts":[{"ETag":"","PartNumber":1},{"ETag":"","PartNumber":2}]}`},
				{"upload-complete", `{"requestId":"R1","succeed":false,"fileSize":-1,"apiKey":"KEY"}`},
			} {
				if line := "POST /clientlib/" + tc.path + want.call; r.got[i].line != line {
					t.Errorf("got %s, want %s", r.got[i].line, line)
				}
				if text := strings.Replace(want.body, "KEY", testKey, 1); r.got[i].body != text {
					t.Errorf("got  %s\nwant %s", r.got[i].body, text)
				}
			}
		})
	}
}

// bucket is a storage that refuses a credential beside the signature. respond,
// if not nil, may answer the n-th request of all instead.
type bucket struct {
	t       *testing.T
	respond func(n int, w http.ResponseWriter, r *http.Request) bool

	mu    sync.Mutex
	n     int
	parts map[string]string // bodies by path
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	for name, v := range r.Header {
		switch name {
		case "User-Agent", "Accept-Encoding", "Content-Length":
		default:
			b.t.Errorf("storage got %s %q", name, v)
		}
	}
	if r.Method != http.MethodPut || r.URL.RawQuery != "X-Amz-Signature="+signature+"&x=%2F" {
		b.t.Errorf("storage got %s %s", r.Method, r.URL)
	}
	if b.respond != nil && b.respond(b.n, w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	b.parts[r.URL.EscapedPath()] = string(body)
	w.Header().Set("ETag", fmt.Sprintf(`"tag-%s"`, body))
}

// directTo begins a direct upload whose two parts go to the addresses that
// address gives for them.
func directTo(t *testing.T, address func(object string) string, change ...func(*api.Options)) *DirectUpload {
	t.Helper()
	urls, err := json.Marshal([]string{address("o%201"), address("o.2")})
	if err != nil {
		t.Fatal(err)
	}
	c := newTestClient(t, map[string]http.HandlerFunc{
		"POST /clientlib/asset/upload-start": answer(fmt.Sprintf(`{"requestId":"R1","preSignUrl":%s}`, urls)),
		"GET /api/rest/v2/account-details":   answer(`{"userName":"u"}`),
	}, change...)
	up, err := c.Assets.Start(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return up
}

func signed(base string) func(object string) string {
	return func(object string) string { return base + "/b/" + object + "?X-Amz-Signature=" + signature + "&x=%2F" }
}

func putBoth(ctx context.Context, up *DirectUpload) error {
	content := strings.NewReader("firstlast")
	return errors.Join(up.PutPart(ctx, 0, content, 0, 5), up.PutPart(ctx, 1, content, 5, 4))
}

// A part is asked for again after what passes, and goes where storage sends it.
func TestPutPart(t *testing.T) {
	status := func(s int) func(int, http.ResponseWriter, *http.Request) bool {
		return func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				w.WriteHeader(s)
			}
			return n == 1
		}
	}
	for name, respond := range map[string]func(int, http.ResponseWriter, *http.Request) bool{
		"well": nil, "408": status(408), "429": status(429), "500": status(500), "503": status(503),
		"reset": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				panic(http.ErrAbortHandler)
			}
			return false
		},
		"redirect": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
			}
			return n == 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bucket{t: t, respond: respond, parts: make(map[string]string)}
			srv := httptest.NewServer(b)
			defer srv.Close()
			up := directTo(t, signed(srv.URL), func(o *api.Options) { o.AllowHeaderName, o.AllowHeaderValue = "X-Gate", "open sesame" })
			if err := putBoth(t.Context(), up); err != nil {
				t.Fatal(err)
			}
			if b.parts["/b/o%201"] != "first" || b.parts["/b/o.2"] != "last" || up.parts[0].tag != `"tag-first"` || up.parts[1].tag != `"tag-last"` {
				t.Errorf("stored %q, tags %v", b.parts, up.parts)
			}
		})
	}
}

// A storage on the host of the server gets no key either.
func TestPutPartAtHome(t *testing.T) {
	b := &bucket{t: t, parts: make(map[string]string)}
	var home string
	c := newTestClient(t, map[string]http.HandlerFunc{
		"/b/": b.ServeHTTP,
		"POST /clientlib/asset/upload-start": func(w http.ResponseWriter, r *http.Request) {
			answer(fmt.Sprintf(`{"requestId":"R1","preSignUrl":[%q]}`, signed(home)("o")))(w, r)
		},
	})
	home = strings.TrimSuffix(c.Root(), "/")
	up, err := c.Assets.Start(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := up.PutPart(t.Context(), 0, strings.NewReader("x"), 0, 1); err != nil || b.parts["/b/o"] != "x" {
		t.Errorf("stored %q, %v", b.parts, err)
	}
}

// What storage refuses is not asked for again, and says nothing of the key. A
// storage that is out of reach is no outage of the server.
func TestPutPartFails(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	xml := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>Request has expired: %s</Message></Error>", r.URL)
		}
	}
	for name, tc := range map[string]struct {
		storage http.HandlerFunc
		class   error
		tries   int32
		text    string
	}{
		"expired":      {xml(403), api.ErrStorage, 1, "/b/o%201: 403 Forbidden: AccessDenied"},
		"unauthorized": {xml(401), api.ErrStorage, 1, "401"},
		"no upload":    {xml(404), api.ErrStorage, 1, "404"},
		"failing":      {xml(500), api.ErrServer, 4, "500"},
		"no tag":       {func(http.ResponseWriter, *http.Request) {}, api.ErrNoTag, 1, "ETag"},
		"a page":       {func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "<html>%s", r.URL) }, api.ErrNotJSON, 4, ""},
		"moved": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/x?"+r.URL.RawQuery, http.StatusSeeOther)
		},
			api.ErrMoved, 1, ""},
		"garbage": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(conn, "what %s\r\n\r\n", r.URL)
			conn.Close()
		}, api.ErrServer, 4, "[hidden]"},
		"gone": {nil, api.ErrServer, 4, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			base := gone.URL
			if tc.storage != nil {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					tries.Add(1)
					io.Copy(io.Discard, r.Body)
					tc.storage(w, r)
				}))
				defer srv.Close()
				base = srv.URL
			}
			var log, told bytes.Buffer
			up := directTo(t, signed(base), func(o *api.Options) {
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				o.Notify = func(x api.Trouble) { fmt.Fprintf(&told, "%v %+v\n", x.Err, x) }
			})
			err := up.PutPart(t.Context(), 0, strings.NewReader("first"), 0, 5)
			host, _ := url.Parse(base)
			if !errors.Is(err, tc.class) || !strings.HasPrefix(err.Error(), "PUT "+host.Host+"/b/o%201: ") || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %v", err, tc.class)
			}
			for _, class := range []error{api.ErrUnauthorized, api.ErrForbidden, api.ErrNotFound, api.ErrOutage, api.ErrUncertain} {
				if errors.Is(err, class) {
					t.Errorf("%v is %v", err, class)
				}
			}
			if tc.storage != nil && tries.Load() != tc.tries {
				t.Errorf("%d tries, want %d", tries.Load(), tc.tries)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&told, "%v %+v\n", err, err)
			}
			if text := told.String() + log.String(); strings.Contains(text, signature) {
				t.Errorf("the signature is told:\n%s", text)
			}
		})
	}
}

// Nothing succeeding at storage for the whole budget ends nothing but this, as
// long as the server answers.
func TestStorageOutOfReach(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	up := directTo(t, signed(gone.URL), func(o *api.Options) { o.Retry = api.Retry{MaxElapsed: time.Millisecond, Base: time.Millisecond} })
	if err := up.PutPart(t.Context(), 0, strings.NewReader("first"), 0, 5); !errors.Is(err, api.ErrServer) || errors.Is(err, api.ErrOutage) {
		t.Errorf("got %v, want %v", err, api.ErrServer)
	}
}

// A storage that was never reached is given up sooner than one that was.
func TestStorageNeverReached(t *testing.T) {
	dials := func(reached bool) int {
		b := &bucket{t: t, parts: make(map[string]string)}
		srv := httptest.NewServer(b)
		defer srv.Close()
		n := 0
		up := directTo(t, signed(srv.URL), func(o *api.Options) { o.Notify = func(api.Trouble) { n++ } })
		if reached {
			if err := up.PutPart(t.Context(), 0, strings.NewReader("first"), 0, 5); err != nil {
				t.Fatal(err)
			}
		}
		srv.Close()
		if err := up.PutPart(t.Context(), 0, strings.NewReader("first"), 0, 5); !errors.Is(err, api.ErrServer) || errors.Is(err, api.ErrOutage) {
			t.Errorf("got %v, want %v", err, api.ErrServer)
		}
		return n + 1
	}
	if never, once := dials(false), dials(true); never != 3 || once <= never {
		t.Errorf("%d tries of one that was never reached, %d of one that was", never, once)
	}
}

// An answer to the beginning that cannot be used is asked for again, and then an
// error.
func TestDirectOddStart(t *testing.T) {
	for name, doc := range map[string]string{
		"empty": `{}`, "no id": strings.Replace(twoParts, "R1", "", 1), "one address": `{"requestId":"R","preSignUrl":["https://s3.test/x"]}`,
		"no address": `{"requestId":"R","preSignUrl":["https://s3.test/x","/y"]}`, "other scheme": `{"requestId":"R","preSignUrl":["https://s3.test/x","file://h/y"]}`,
		"null": `{"requestId":"R","preSignUrl":null}`,
	} {
		r, c := newRecorder(t, doc)
		_, err := c.Assets.Start(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}, 2)
		if !errors.Is(err, api.ErrNotAcknowledged) || len(r.got) != 5 { // and whether the server is well
			t.Errorf("%s: got %v after %d requests", name, err, len(r.got))
		}
	}
}

// Once they were found not to work, direct uploads are not begun, and that is
// said once.
func TestLeaveDirect(t *testing.T) {
	var log bytes.Buffer
	r, c := newRecorder(t, twoParts, func(o *api.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for range 2 {
		c.Assets.LeaveDirect(errors.New("no storage"))
	}
	if _, err := c.Assets.StartVisualization(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}, 2); !errors.Is(err, api.ErrUnsupported) || len(r.got) > 0 {
		t.Errorf("got %v, %d requests", err, len(r.got))
	}
	if n := strings.Count(log.String(), "no storage"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// A completion whose answer was lost is not repeated.
func TestCompleteLost(t *testing.T) {
	var tries atomic.Int32
	c := newTestClient(t, map[string]http.HandlerFunc{
		"POST /clientlib/asset/upload-start": answer(twoParts),
		"POST /clientlib/asset/upload-complete": func(w http.ResponseWriter, r *http.Request) {
			tries.Add(1)
			panic(http.ErrAbortHandler)
		},
	})
	up, err := c.Assets.Start(t.Context(), &Upload{Run: &Run{Key: "K"}, ID: "A"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Complete(t.Context(), 9); !errors.Is(err, api.ErrUncertain) || tries.Load() != 1 {
		t.Errorf("got %v after %d tries", err, tries.Load())
	}
}
