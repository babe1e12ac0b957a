package upload

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/stream"
	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sync/semaphore"
)

func TestDirectPart(t *testing.T) {
	const mib = 1 << 20
	sizes := DirectSizes{From: 50 * mib, Part: 8 * mib}
	got := make(map[int64]int64)
	want := map[int64]int64{50 * mib: 8 * mib, 256e6: 8 * mib, 400 * mib: 12.5 * mib, 20e9: 16 * mib, 1 << 40: 109951163}
	for size := range want {
		got[size] = sizes.part(size)
		if n := (size + got[size] - 1) / got[size]; n > 10_000 {
			t.Errorf("%d bytes in %d parts", size, n)
		}
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("sizes of parts (-want +got):\n%s", d)
	}
}

// cappedStorage is a network on which each request to storage takes the time
// that one connection needs for it.
type cappedStorage struct {
	perSecond int64

	mu          sync.Mutex
	under, most int // parts on their way
}

func (c *cappedStorage) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under += n
	c.most = max(c.most, c.under)
}

func (c *cappedStorage) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	doc, header := `{"msg":"Saved","code":200}`, http.Header{"Content-Type": {"application/json"}}
	switch {
	case req.Method == http.MethodPut:
		c.count(1)
		defer c.count(-1)
		time.Sleep(time.Duration(req.ContentLength * int64(time.Second) / c.perSecond))
		header.Set("ETag", "t")
	case strings.HasSuffix(req.URL.Path, "upload-start"):
		var start struct {
			StartUploadParams struct{ NumOfFileParts int }
		}
		if err := json.NewDecoder(req.Body).Decode(&start); err != nil {
			return nil, err
		}
		urls := strings.Repeat(`,"https://s3.test/o"`, start.StartUploadParams.NumOfFileParts)
		doc = `{"requestId":"R","preSignUrl":[` + urls[1:] + `]}`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(doc)), Request: req}, nil
}

// Whether it is one asset or ten, all connections are used, in virtual time,
// where the processor costs nothing. The stream brings 1 GB/s.
func TestDirectShare(t *testing.T) {
	total := int64(256_000_000)
	const size, connections, perSecond = 256_000_000, 16, 25_000_000
	for _, assets := range []int{1, 10} {
		synctest.Test(t, func(t *testing.T) {
			network := &cappedStorage{perSecond: perSecond}
			c, err := comet.New(comet.Options{URL: "https://comet.test/clientlib/", APIKey: "key", Transport: network, MaxInFlight: connections})
			if err != nil {
				t.Fatal(err)
			}
			u := &Uploader{
				Destination: &reconcile.Destination{Client: c}, Parts: semaphore.NewWeighted(connections),
				Direct: DirectSizes{From: 50 << 20, Part: 8 << 20},
			}
			began := time.Now()
			var uploads sync.WaitGroup
			for n := range assets {
				sp := new(spool.Spool)
				a := &Asset{
					Record: &stream.Asset{ID: fmt.Sprintf("%032x", n), Size: &total}, Content: sp, Tail: sp.Follow(),
					Upload: &comet.Upload{Run: &comet.Run{Key: strings.Repeat("k", 32), Direct: true}, ID: fmt.Sprintf("%032x", n), Size: size},
				}
				uploads.Go(func() {
					if err := u.put(t.Context(), a, nil); err != nil {
						t.Error(err)
					}
				})
				const step = 4_000_000
				for sp.Size < size {
					time.Sleep(step * time.Nanosecond)
					sp.Size += step
					a.Tail.Grow(sp.Size)
				}
				a.Tail.End(size)
			}
			uploads.Wait()
			share := float64(assets*size) / time.Since(began).Seconds() / (connections * perSecond)
			t.Logf("%d assets: %.1f %% of %d connections", assets, 100*share, connections)
			if assets > 1 && share < 0.9 || network.most != connections {
				t.Errorf("%d assets took %v, %.1f %% of what %d connections can do; %d were used",
					assets, time.Since(began), 100*share, connections, network.most)
			}
		})
	}
}
