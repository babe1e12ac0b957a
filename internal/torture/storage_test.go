package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// silentStorage answers uploads of assets in a way of its own, until the test is
// over.
func silentStorage(answer func(http.ResponseWriter, *http.Request), over <-chan struct{}) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/bucket/") || strings.HasSuffix(r.URL.Path, "/asset/upload") {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				go func() {
					select {
					case <-over:
						cancel()
					case <-ctx.Done():
					}
				}()
				answer(w, r.WithContext(ctx))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// storageTime is how long storage may hold an import of one asset at most, where
// the retries of an item may take ten seconds: these, ten seconds for the request
// that is under way then, and as much for the readings that look for what may have
// arrived.
const storageTime = time.Minute

// Storage that does not answer, or takes a byte a second, holds an import for a
// bounded time, and the asset is named.
func TestSlowStorage(t *testing.T) {
	src := start(t, nil)
	src.SeedExperiment("lab", "slow", comettest.ExperimentSpec{
		Key: strings.Repeat("b", 32), Start: epoch, End: epoch + 1,
		Assets: []comettest.AssetSpec{{ID: assetID(1), Name: "weights.bin", Size: 60 << 20, Seed: 3}},
	})
	stream := runExport(src, "lab/slow").want(t, cli.ExitOK).stdout
	t.Log("four storages, with and without parts; nothing random")
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"never answers": func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"takes nothing": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a byte a second": func(_ http.ResponseWriter, r *http.Request) {
			slowly(r, func() bool { _, err := io.CopyN(io.Discard, r.Body, 1); return err == nil })
		},
		"answers a byte a second": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			slowly(r, func() bool { _, err := w.Write([]byte(" ")); w.(http.Flusher).Flush(); return err == nil })
		},
	} {
		for _, moods := range []comettest.Moods{{}, takesParts} {
			if !long() && (name != "never answers" || moods.S3Upload) {
				continue // each waits for twenty seconds
			}
			t.Run(fmt.Sprintf("%s/parts %v", name, moods.S3Upload), func(t *testing.T) {
				t.Parallel()
				over := make(chan struct{})
				dst := startWith(t, comettest.Options{Moods: moods, Middleware: silentStorage(answer, over)})
				t.Cleanup(func() { close(over) }) // before the server waits for its answers
				r := runImport(dst, bytes.Clone(stream), "--retry-max-elapsed", "10s").want(t, cli.ExitServer, cli.ExitIncomplete)
				r.says(t, "weights.bin")
				t.Logf("exit code %d after %v", r.code, r.took.Round(time.Second))
				if r.took > storageTime {
					t.Errorf("it took %v", r.took)
				}
			})
		}
	}
}

// slowly calls f once a second, until it returns false or nobody waits for the
// answer any more.
func slowly(r *http.Request, f func() bool) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for f() {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
