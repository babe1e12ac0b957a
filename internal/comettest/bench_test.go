package comettest_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// discard is an answer nobody reads.
type discard struct {
	header http.Header
	n      int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return len(p), nil
}

func benchServer(b *testing.B, opts comettest.Options) (*comettest.Server, string) {
	b.Helper()
	opts.Dir = b.TempDir()
	srv, err := comettest.New(opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { srv.Close() })
	return srv, srv.SeedExperiment("alice", "p", comettest.ExperimentSpec{})
}

func BenchmarkMetricBatch(b *testing.B) {
	srv, key := benchServer(b, comettest.Options{})
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"experimentKey":%q,"values":[`, key)
	for i := range 1000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"metricName":"loss","metricValue":%v,"step":%d,"epoch":%d,"context":"train","timestamp":%d}`, 1/float64(i+1), i, i/10, 1700000000000+int64(i))
	}
	body.WriteString("]}")
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequest("POST", "/clientlib/batch/logger/experiment/metric", bytes.NewReader(body.Bytes()))
		req.Header.Set("Authorization", comettest.DefaultAPIKey)
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		if rec.Code != 200 {
			b.Fatal(rec.Body)
		}
	}
}

func BenchmarkGetAll(b *testing.B) {
	for _, gzip := range []string{"", "gzip"} {
		b.Run("encoding="+gzip, func(b *testing.B) {
			srv, _ := benchServer(b, comettest.Options{})
			key := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "alice", Project: "p", Experiments: 1, Metrics: 20, Points: 15000})[0]
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequest("GET", "/api/rest/v2/experiment/metrics/get-all?experimentKey="+key, nil)
				req.Header.Set("Authorization", comettest.DefaultAPIKey)
				req.Header.Set("Accept-Encoding", gzip)
				w := &discard{header: make(http.Header)}
				srv.ServeHTTP(w, req)
				b.SetBytes(w.n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300_000, "ns/point")
		})
	}
}

func BenchmarkUpload(b *testing.B) {
	for _, discardBodies := range []bool{false, true} {
		b.Run(fmt.Sprintf("discard=%v", discardBodies), func(b *testing.B) {
			srv, key := benchServer(b, comettest.Options{DiscardBodies: discardBodies})
			var body bytes.Buffer
			mw := multipart.NewWriter(&body)
			part, err := mw.CreateFormFile("file", "file")
			if err != nil {
				b.Fatal(err)
			}
			part.Write(bytes.Repeat([]byte("0123456789abcdef"), 4<<20))
			mw.Close()
			b.SetBytes(int64(body.Len()))
			for b.Loop() {
				req := httptest.NewRequest("POST", "/clientlib/asset/upload?overwrite=true&fileName=x&experimentId="+key+"&apiKey="+comettest.DefaultAPIKey, bytes.NewReader(body.Bytes()))
				req.Header.Set("Content-Type", mw.FormDataContentType())
				rec := httptest.NewRecorder()
				srv.ServeHTTP(rec, req)
				if rec.Code != 200 {
					b.Fatal(rec.Body)
				}
			}
		})
	}
}

func BenchmarkDownload(b *testing.B) {
	srv, key := benchServer(b, comettest.Options{})
	id := srv.SeedAsset(key, comettest.AssetSpec{Name: "x", Size: 256 << 20})
	b.SetBytes(256 << 20)
	for b.Loop() {
		req := httptest.NewRequest("GET", "/api/rest/v2/experiment/asset/get-asset?experimentKey="+key+"&assetId="+id, nil)
		req.Header.Set("Authorization", comettest.DefaultAPIKey)
		srv.ServeHTTP(&discard{header: make(http.Header)}, req)
	}
}
