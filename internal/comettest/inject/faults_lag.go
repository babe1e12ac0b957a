package inject

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Reads lags behind writes without the store knowing: the answers to matching GET
// requests are kept by URL, a write marks those that it may outdate, and marked
// ones are replayed.

// maxLagAnswer is the size up to which an answer is kept. Larger ones never
// lag.
const maxLagAnswer = 4 << 20

// A lagAnswer is what a URL answered last. Faults.mu guards left and until;
// the rest does not change.
type lagAnswer struct {
	experiment string // whose URL it is, "" if it names none
	header     http.Header
	body       []byte

	left  int       // replays to come
	until time.Time // end of the replays, zero if they have none
}

// replay answers with it.
func (a *lagAnswer) replay(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	// A client that has left needs no answer.
	_, _ = w.Write(a.body)
}

// stale returns the outdated answer that the rule has for a request, or nil.
func (r *faultRule) stale(c *faultCall, now time.Time) *lagAnswer {
	a := r.answers[c.url()]
	if a == nil || a.over(now) {
		return nil
	}
	return a
}

// over reports whether an answer has been replayed as often, or is as old, as it
// may be.
func (a *lagAnswer) over(now time.Time) bool {
	return a.left == 0 || !a.until.IsZero() && !now.Before(a.until)
}

// keep stores an answer. An answer that is still being replayed stays: the new
// one may come from after the write.
func (r *faultRule) keep(url string, a *lagAnswer, now time.Time) {
	if old := r.answers[url]; old != nil && !old.over(now) {
		return
	}
	if r.answers == nil {
		r.answers = make(map[string]*lagAnswer)
	}
	r.answers[url] = a
}

// outdate marks the answers that a write may change.
func (r *faultRule) outdate(experiment string, now time.Time) {
	for _, a := range r.answers {
		if experiment != "" && a.experiment != "" && a.experiment != experiment {
			continue
		}
		a.left = max(1, r.Reads)
		// A later write makes an answer no younger.
		if r.For > 0 && a.until.IsZero() {
			a.until = now.Add(r.For)
		}
	}
}

// beforeWrite prepares the lag rules for a request that may be a write.
func (f *Faults) beforeWrite(c *faultCall, next http.Handler) {
	if !c.write {
		return
	}
	var rules []*faultRule
	f.mu.Lock()
	for _, r := range f.rules {
		if r.Kind == FaultLag {
			rules = append(rules, r)
		}
	}
	f.mu.Unlock()
	if len(rules) == 0 {
		return
	}
	experiment := c.experiment()
	for _, r := range rules {
		for _, target := range r.Prime {
			if experiment == "" && strings.Contains(target, "{experimentKey}") {
				continue
			}
			f.prime(r, strings.ReplaceAll(target, "{experimentKey}", url.QueryEscape(experiment)), c, next)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, r := range rules {
		r.outdate(experiment, now)
	}
}

// prime reads a URL on behalf of the sender of a write.
func (f *Faults) prime(rule *faultRule, target string, write *faultCall, next http.Handler) {
	r, err := http.NewRequestWithContext(write.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		panic("comettest: " + err.Error()) // Fault.check has parsed it
	}
	r.Host, r.RemoteAddr, r.RequestURI = write.Host, write.RemoteAddr, target
	r.Header = write.Header.Clone()
	for _, name := range []string{"Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Range"} {
		r.Header.Del(name)
	}
	if key := write.apiKey(); key != "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", key)
	}
	c := f.newCall(r)
	tee := &teeWriter{ResponseWriter: newDiscardWriter()}
	next.ServeHTTP(tee, r)
	a := tee.answer(c)
	if a == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(rule.answers, c.url())
	rule.keep(c.url(), a, time.Now())
}

// serveRead serves a request that no fault strikes and keeps the answer for
// the lag rules that want it.
func (f *Faults) serveRead(w http.ResponseWriter, c *faultCall, rules []*faultRule, next http.Handler) {
	if len(rules) == 0 {
		next.ServeHTTP(w, c.Request)
		return
	}
	tee := &teeWriter{ResponseWriter: w}
	next.ServeHTTP(tee, c.Request)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rules {
		// Each rule counts its own replays.
		if a := tee.answer(c); a != nil {
			r.keep(c.url(), a, time.Now())
		}
	}
}

// A teeWriter passes an answer on and keeps it.
type teeWriter struct {
	http.ResponseWriter
	status int
	header http.Header
	body   []byte
	large  bool
}

func (t *teeWriter) WriteHeader(status int) {
	if status >= 200 && t.status == 0 {
		t.status, t.header = status, t.Header().Clone()
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *teeWriter) Write(p []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	switch {
	case t.large:
	case len(t.body)+len(p) > maxLagAnswer:
		t.large, t.body = true, nil
	default:
		t.body = append(t.body, p...)
	}
	return t.ResponseWriter.Write(p)
}

// Unwrap lets the handler flush.
func (t *teeWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// answer returns what was kept, or nil if there is nothing to replay.
func (t *teeWriter) answer(c *faultCall) *lagAnswer {
	if t.large || t.status != http.StatusOK {
		return nil
	}
	return &lagAnswer{experiment: c.experiment(), header: t.header, body: t.body}
}

// isWrite reports whether a request may change the server. Comet has GET
// requests that do.
func isWrite(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return strings.Contains(r.URL.Path, "/write/")
	}
	return true
}

// url identifies the answer to a request.
func (c *faultCall) url() string { return c.URL.Path + "?" + c.query }

var (
	experimentField = regexp.MustCompile(`"experimentKey"\s*:\s*"([^"\\]+)"`)
	apiKeyField     = regexp.MustCompile(`"apiKey"\s*:\s*"([^"\\]+)"`)
)

// experiment returns the key of the experiment that the request names, or "".
func (c *faultCall) experiment() string {
	query := c.URL.Query()
	// Uploads of the client libraries call it an id.
	for _, name := range []string{"experimentKey", "experimentId"} {
		if key := query.Get(name); key != "" {
			return key
		}
	}
	return firstGroup(experimentField, c.body)
}

// apiKey returns the API key from where it may stand besides the headers.
func (c *faultCall) apiKey() string {
	if key := c.URL.Query().Get("apiKey"); key != "" {
		return key
	}
	return firstGroup(apiKeyField, c.body)
}

func firstGroup(re *regexp.Regexp, text []byte) string {
	if m := re.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// maxPeek is how much of a request body the rules see.
const maxPeek = 64 << 10

// peekBody returns the beginning of a request body that is not multipart,
// decompressed, and leaves the whole body to be read.
func peekBody(r *http.Request) []byte {
	if r.Body == nil || r.Body == http.NoBody || strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxPeek))
	var rest io.Reader = r.Body
	if err != nil {
		rest = failingReader{err}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), r.Body}
	if r.Header.Get("Content-Encoding") != "gzip" {
		return head
	}
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	// The beginning of a gzip stream ends too early; what comes out of it
	// until then is what is wanted.
	plain, _ := io.ReadAll(io.LimitReader(z, maxPeek))
	return plain
}

// A failingReader gives the error of a body that broke while it was looked at
// to the handler that reads it.
type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
