package torture

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/bombs"
	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// hostile is a destination that becomes hostile once the switch is on.
type hostile struct {
	on      atomic.Bool
	answers map[string]http.HandlerFunc
}

func (h *hostile) middleware(next http.Handler) http.Handler {
	bad := bombs.Replaced(h.answers)(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.on.Load() {
			bad.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fixed answers with a document.
func fixed(doc string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, doc) }
}

// Lists of a hundred thousand entries of each of four experiments are compared in
// little memory.
func TestMemoryLists(t *testing.T) {
	const n = 100_000
	lists := []hostileAnswers{
		{"assets", map[string]http.HandlerFunc{"experiment/asset/list": bombs.AssetList(n)}},
		{"parameters", map[string]http.HandlerFunc{"experiment/parameters": bombs.ValueList(n)}},
		{"others", map[string]http.HandlerFunc{"experiment/log-other": bombs.ValueList(n)}},
		{"metrics", map[string]http.HandlerFunc{"experiment/metrics/get-all": bombs.Points(n), "experiment/metrics/summary": bombs.ValueList(n)}},
	}
	hostileDestination(t, lists[:either(len(lists), 2)])
}

// What a destination answers, when an import compares with it what it has, takes
// little memory, and comes to an end that says what is wrong.
func TestMemoryDestination(t *testing.T) {
	n := either(100<<20, 64<<20)
	hostileDestination(t, []hostileAnswers{
		{"huge metadata", map[string]http.HandlerFunc{"experiment/metadata": bombs.Document(`{"experimentKey":"k","junk":"`, `"}`, n)}},
		{"huge tags", map[string]http.HandlerFunc{"experiment/tags": bombs.Document(`{"tags":["`, `"]}`, n)}},
		{"huge system", map[string]http.HandlerFunc{"experiment/system-details": bombs.Document(`{"hostname":"x","env":{"A":"`, `"}}`, n)}},
		{"huge parameter", map[string]http.HandlerFunc{"experiment/parameters": bombs.Document(`{"values":[{"name":"p","valueCurrent":"`, `"}]}`, n)}},
		{"huge asset list", map[string]http.HandlerFunc{"experiment/asset/list": bombs.Document(`{"assets":[{"assetId":"a","metadata":"`, `"}]}`, n)}},
		{"bomb for a patch", map[string]http.HandlerFunc{"experiment/git/patch": bombs.Patch(int64(n) << 5)}},
		{"types", map[string]http.HandlerFunc{
			"experiment/parameters": fixed(`{"values":{"name":"p"}}`), "experiment/log-other": fixed(`{"values":"none"}`),
			"experiment/asset/list": fixed(`{"assets":7}`), "experiment/tags": fixed(`{"tags":true}`),
		}},
		{"types in lists", map[string]http.HandlerFunc{
			"experiment/parameters": fixed(`{"values":[7,"p",null,[],{"name":{}}]}`), "experiment/log-other": fixed(`{"values":[true,{"name":["a"]}]}`),
			"experiment/asset/list": fixed(`{"assets":["a",{"assetId":{},"fileSize":"many"},null]}`), "experiment/tags": fixed(`{"tags":[{},7]}`),
			"experiment/metrics/get-all": fixed(`{"metrics":["loss",{"metricName":7,"metricValue":{}}]}`),
		}},
	})
}

// hostileAnswers are answers of a destination by the paths of the calls.
type hostileAnswers struct {
	name    string
	answers map[string]http.HandlerFunc
}

// hostileDestination imports four experiments into a destination that then begins to
// answer in each of the ways, and again.
func hostileDestination(t *testing.T, moods []hostileAnswers) {
	measurable(t)
	src := start(t, nil)
	seedCrowd(src, 4)
	stream := filepath.Join(t.TempDir(), "crowd.comet.zst")
	runExport(src, "-o", stream, "lab/crowd").want(t, cli.ExitOK)
	codes, most := make(map[int]int), int64(0)
	for _, tt := range moods {
		t.Run(tt.name, func(t *testing.T) {
			h := &hostile{answers: tt.answers}
			dst := startWith(t, comettest.Options{Middleware: h.middleware})
			runImport(dst, read(t, stream)).want(t, cli.ExitOK)
			h.on.Store(true)
			args := append(dst.flags, "--retry-max-elapsed", "2s")
			for _, mode := range [][]string{nil, {"--verify-only"}} {
				m := runMeasured(t, "comet-import", openFile(t, stream), io.Discard, append(args, mode...)...)
				m.want(t, cli.ExitOK, cli.ExitFailed, cli.ExitIncomplete, cli.ExitServer, cli.ExitDiffers)
				if m.code != cli.ExitOK && !strings.Contains(m.stderr, "warning: experiment") {
					t.Errorf("exit code %d, and no experiment is named:\n%s", m.code, m.stderr)
				}
				printable(t, m.result, m.stderr)
				codes[m.code]++
				most = max(most, m.peak)
			}
		})
	}
	t.Logf("%d answers, nothing random: %d MB at most, exit codes %v", len(moods), most/1e6, codes)
}

// Texts that are larger than all that may be spooled on disk are written all the
// same, or named with what to do, and take no more memory for it.
func TestMemoryTextsOverTempMax(t *testing.T) {
	measurable(t)
	text := bombs.Log(either(100_000_000, 20<<20))
	key := strings.Repeat("c", 32)
	file := textStream(t, key, text)
	for _, most := range []string{"1M", "64K", "30M"} {
		t.Run(most, func(t *testing.T) {
			dst := startWith(t, comettest.Options{Limits: comettest.Limits{BodyMB: -1, UploadMB: -1}})
			args := append(dst.flags, "--temp-dir", t.TempDir(), "--temp-max", most, "lab/texts")
			m := runMeasured(t, "comet-import", openFile(t, file), io.Discard, args...).want(t, cli.ExitOK, cli.ExitFailed, cli.ExitIncomplete)
			sum := fmt.Sprintf("%x", sha256.Sum256(text))
			e := experimentOf(stateOf(dst), key)
			for kind, have := range map[string]*comettest.TextState{"html": e.HTML, "code": e.Code, "graph": e.Graph, "output": e.Output} {
				if have != nil && have.SHA256 == sum {
					continue
				}
				if m.code == cli.ExitOK || !strings.Contains(m.stderr, "--temp-max") {
					t.Errorf("%s is missing, and it is not said why: exit code %d\n%s", kind, m.code, m.stderr)
				}
			}
			args = append(dst.flags, "--temp-dir", t.TempDir(), "--verify", "lab/texts")
			runMeasured(t, "comet-import", openFile(t, file), io.Discard, args...).want(t, cli.ExitOK)
		})
	}
}
