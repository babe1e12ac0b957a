package comet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

const getAsset = "GET /api/rest/v2/experiment/asset/get-asset"

// content returns n bytes that compress badly.
func testContent(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// abort ends a connection without its answer being whole.
func abort(w http.ResponseWriter) {
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func readAsset(t *testing.T, c *Client, ar api.AssetRequest) (*api.Body, []byte, error) {
	t.Helper()
	b, err := c.Assets.Content(t.Context(), ar)
	if err != nil {
		return nil, nil, err
	}
	defer b.Close()
	data, err := io.ReadAll(b)
	return b, data, err
}

func TestOpenAsset(t *testing.T) {
	data := testContent(300_000)
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RawQuery; got != "artifactVersionId=v&assetId=a&experimentKey=k" {
			t.Errorf("query %s", got)
		}
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding %q", got)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}})
	for _, tc := range []struct {
		offset, length int64
		want           []byte
	}{
		{0, 0, data}, {100, 0, data[100:]}, {100, 50, data[100:150]}, {0, 1, data[:1]}, {299_999, 10, data[299_999:]},
	} {
		b, got, err := readAsset(t, c, api.AssetRequest{Key: "k", ID: "a", ArtifactVersion: "v", Offset: tc.offset, Length: tc.length})
		if err != nil {
			t.Fatal(err)
		}
		partial := tc.offset > 0 || tc.length > 0
		if !bytes.Equal(got, tc.want) || b.Size != int64(len(tc.want)) || b.Total != int64(len(data)) || b.Partial != partial {
			t.Errorf("%d+%d: %d bytes, size %d of %d, partial %v", tc.offset, tc.length, len(got), b.Size, b.Total, b.Partial)
		}
	}
}

// A server without ranges sends the whole, and the body says so.
func TestOpenAssetRangeIgnored(t *testing.T) {
	data := testContent(1000)
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) { w.Write(data) }})
	b, got, err := readAsset(t, c, api.AssetRequest{ID: "a", Offset: 500, Length: 100})
	if err != nil || !bytes.Equal(got, data) || b.Partial || b.Size != 1000 {
		t.Errorf("%d bytes, size %d, partial %v, %v", len(got), b.Size, b.Partial, err)
	}
}

// TestAssetResumes breaks off a download again and again.
func TestAssetResumes(t *testing.T) {
	data := testContent(1 << 20)
	for _, ranges := range []bool{true, false} {
		for _, length := range []bool{true, false} {
			for _, part := range []bool{false, true} {
				if part && !ranges {
					continue
				}
				t.Run(fmt.Sprintf("ranges %v, length %v, part %v", ranges, length, part), func(t *testing.T) {
					var asked []string
					c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
						asked = append(asked, r.Header.Get("Range"))
						from, to := 0, len(data)
						w.Header().Set("Etag", `"v1"`)
						if rg := r.Header.Get("Range"); ranges && rg != "" {
							var last int
							if n, _ := fmt.Sscanf(rg, "bytes=%d-%d", &from, &last); n == 2 {
								to = last + 1
							}
							w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(data)))
							if len(asked) > 1 && r.Header.Get("If-Range") != `"v1"` {
								t.Errorf("If-Range %q", r.Header.Get("If-Range"))
							}
						}
						if length {
							w.Header().Set("Content-Length", strconv.Itoa(to-from))
						}
						if w.Header().Get("Content-Range") != "" {
							w.WriteHeader(http.StatusPartialContent)
						}
						if len(asked) < 4 {
							// Without ranges each try must get further to be of use.
							cut := from + 100_000
							if !ranges {
								cut *= len(asked)
							}
							w.Write(data[from:cut])
							abort(w)
						}
						w.Write(data[from:to])
					}})
					ar, want := api.AssetRequest{ID: "a"}, data
					if part {
						ar.Offset, ar.Length = 1000, 500_000
						want = data[1000:501_000]
					}
					_, got, err := readAsset(t, c, ar)
					if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
						t.Errorf("%d bytes, %v", len(got), err)
					}
					if len(asked) != 4 {
						t.Errorf("asked %d times", len(asked))
					}
					if last := asked[3]; last == "" || last == "bytes=0-" {
						t.Errorf("ranges asked for: %q", asked)
					}
				})
			}
		}
	}
}

// An asset that changes while it is read is not put together from two.
func TestAssetChanged(t *testing.T) {
	data := testContent(300_000)
	other := bytes.Clone(data)
	other[10]++
	for name, second := range map[string]http.HandlerFunc{
		"other bytes": func(w http.ResponseWriter, r *http.Request) { w.Write(other) },
		"range of another": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 200000-399999/400000")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(data[:200_000])
		},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
				if tries++; tries > 1 {
					w.Header().Set("Content-Type", "application/octet-stream")
					second(w, r)
					return
				}
				w.Header().Set("Content-Length", "300000")
				w.Write(data[:200_000])
				abort(w)
			}})
			if _, _, err := readAsset(t, c, api.AssetRequest{ID: "a"}); !errors.Is(err, api.ErrChanged) || tries != 2 {
				t.Errorf("%d tries, %v", tries, err)
			}
		})
	}
}

// Answers that cannot be the asset are asked for again.
func TestAssetOddAnswers(t *testing.T) {
	data := testContent(300_000)
	whole := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data)
	}
	half := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)/2))
		w.Write(data[:len(data)/2])
	}
	broken := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:200_000])
		abort(w)
	}
	brokenOfAnyLength := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.(http.Flusher).Flush()
		w.Write(data[:200_000])
		abort(w)
	}
	page := status(200, `<html>log in</html>`)
	htmlPage := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, `<html>log in</html>`)
	}
	pageOfAnyLength := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.(http.Flusher).Flush()
		io.WriteString(w, `<html>log in</html>`)
	}
	unannounced := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.(http.Flusher).Flush()
			w.Write(data[:n])
		}
	}
	size := int64(len(data))
	for _, tc := range []struct {
		name    string
		size    *int64
		answers []http.HandlerFunc
		want    []byte
	}{
		{"page first", &size, []http.HandlerFunc{htmlPage, htmlPage, whole}, data},
		{"page and half first", &size, []http.HandlerFunc{htmlPage, half, whole}, data},
		{"page after a break", nil, []http.HandlerFunc{broken, htmlPage, whole}, data},
		{"page of any length after a break", nil, []http.HandlerFunc{brokenOfAnyLength, pageOfAnyLength, whole}, data},
		{"half after a break", nil, []http.HandlerFunc{broken, half, broken, whole}, data},
		{"unannounced", &size, []http.HandlerFunc{unannounced(len(data))}, data},
		{"unannounced half first", &size, []http.HandlerFunc{unannounced(len(data) / 2), whole}, data},
		{"an asset that is a page", new(int64(19)), []http.HandlerFunc{htmlPage}, []byte("<html>log in</html>")},
		{"an empty asset", new(int64(0)), []http.HandlerFunc{page, func(http.ResponseWriter, *http.Request) {}}, []byte{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tries := 0
			c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
				tries++
				tc.answers[min(tries, len(tc.answers))-1](w, r)
			}}, func(o *api.Options) { o.Retry.Tries = 12 })
			_, got, err := readAsset(t, c, api.AssetRequest{ID: "a", Size: tc.size})
			if err != nil || !bytes.Equal(got, tc.want) || tries != len(tc.answers) {
				t.Errorf("%d bytes after %d tries, %v", len(got), tries, err)
			}
		})
	}
	// What is always of another length than the list says is not the asset, whether
	// the answers announce it or not.
	for name, tc := range map[string]struct {
		size   int64
		answer http.HandlerFunc
	}{
		"more": {7, whole}, "half": {size, half}, "half unannounced": {size, unannounced(len(data) / 2)}, "more unannounced": {7, unannounced(len(data))},
	} {
		tries := 0
		c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
			tries++
			tc.answer(w, r)
		}}, func(o *api.Options) { o.Retry.Tries = 12 })
		if _, got, err := readAsset(t, c, api.AssetRequest{ID: "a", Size: &tc.size}); !errors.Is(err, api.ErrLength) || tries > 5 {
			t.Errorf("%s: %d bytes after %d tries, %v", name, len(got), tries, err)
		}
	}
	// What is always a page of another length is not the asset.
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: htmlPage, "GET /api/rest/v2/account-details": answer(`{"userName":"u"}`)})
	if _, _, err := readAsset(t, c, api.AssetRequest{ID: "a", Size: &size}); !errors.Is(err, api.ErrServer) || !errors.Is(err, api.ErrPage) {
		t.Errorf("got %v", err)
	}
}

// Where the size is not known, an error in the place of the asset still shows.
func TestAssetErrorInstead(t *testing.T) {
	for name, odd := range map[string]http.HandlerFunc{
		"error": answer(`{"msg":"Internal error","code":500}`), "no content": status(204, ""),
	} {
		c := newTestClient(t, map[string]http.HandlerFunc{getAsset: odd})
		if _, _, err := readAsset(t, c, api.AssetRequest{ID: "a"}); !errors.Is(err, api.ErrUnclear) {
			t.Errorf("%s of unknown size: %v", name, err)
		}
	}
	const doc = `{"msg":"an asset","code":200}`
	if _, got, err := readAsset(t, newTestClient(t, map[string]http.HandlerFunc{getAsset: answer(doc)}), api.AssetRequest{ID: "a"}); string(got) != doc || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// An answer without a length that breaks off at its very end has no rest.
func TestAssetBreaksOffAtEnd(t *testing.T) {
	data := testContent(100_000)
	tries := 0
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries > 1 {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			return
		}
		w.(http.Flusher).Flush()
		w.Write(data)
		abort(w)
	}})
	_, got, err := readAsset(t, c, api.AssetRequest{ID: "a"})
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Content that a server compresses all the same is what it was.
func TestAssetGzip(t *testing.T) {
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(gzipped("content"))
	}})
	b, got, err := readAsset(t, c, api.AssetRequest{ID: "a"})
	if err != nil || string(got) != "content" || b.Size != -1 {
		t.Errorf("%q, size %d, %v", got, b.Size, err)
	}
}

func TestAssetGivesUp(t *testing.T) {
	c := newTestClient(t, map[string]http.HandlerFunc{
		getAsset: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.Write([]byte("12345"))
			abort(w)
		},
		"GET /api/rest/v2/account-details": answer(`{"userName":"u"}`),
	})
	_, got, err := readAsset(t, c, api.AssetRequest{ID: "a"})
	if !errors.Is(err, api.ErrServer) || string(got) != "12345" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAssetMissing(t *testing.T) {
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"msg":"asset does not exist"}`)
	}})
	if _, _, err := readAsset(t, c, api.AssetRequest{ID: "a"}); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestAssets(t *testing.T) {
	const full = `{"assetId":"3f1c","experimentKey":"K","fileName":"fig/loss.png","fileSize":21113,"type":"image","dir":"assets","step":10,` +
		`"runContext":"train","createdAt":1565898755830,"metadata":"{\"a\":1}","remote":false,"link":"https://h/x","new":[1]}`
	const odd = `{"assetId":7,"fileName":null,"fileSize":"12","type":null,"step":"3","metadata":{"a":1},"remote":"True"}`
	var query string
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/experiment/asset/list": func(w http.ResponseWriter, r *http.Request) {
			query = r.URL.RawQuery
			answer(`{"assets":[`+full+`,`+odd+`]}`)(w, r)
		},
	})
	got, err := AssetsOf(c)(t.Context(), "K", "")
	if err != nil || query != "experimentKey=K&type=all" {
		t.Fatalf("%s: %v", query, err)
	}
	want := []Asset{
		{Raw: []byte(full), ID: "3f1c", Key: "K", Name: "fig/loss.png", Size: 21113, Type: "image", Dir: "assets", Step: new(int64(10)),
			Context: new("train"), Created: new(int64(1565898755830)), Metadata: new(`{"a":1}`), Link: new("https://h/x")},
		{Raw: []byte(odd), ID: "7", Size: 12, Step: new(int64(3)), Metadata: new(`{"a":1}`), Remote: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := AssetsOf(c)(t.Context(), "K", "ASSET_TYPE_FULL_METRIC"); err != nil || query != "experimentKey=K&type=ASSET_TYPE_FULL_METRIC" {
		t.Errorf("%s: %v", query, err)
	}
}
