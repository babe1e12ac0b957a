package comettest

import (
	"io"
	"maps"
	"net/http"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
)

// Stats counts what a server was asked.
type Stats struct {
	// Requests is the number of requests to the API.
	Requests int `json:"requests"`
	// Endpoints counts them by method and path from the root of the
	// instance, as "GET /api/rest/v2/experiments". Ids in a path are written
	// {id}; requests the server has no call for count as "unknown", and Unknown
	// counts them by method and path as they came.
	Endpoints map[string]int `json:"endpoints"`
	Unknown   map[string]int `json:"unknown"`
	// Statuses counts the answers.
	Statuses map[int]int `json:"statuses"`
	// InFlight is the number of requests that are in work now, MaxInFlight
	// the most that were at once.
	InFlight    int `json:"inFlight"`
	MaxInFlight int `json:"maxInFlight"`
	// BytesIn and BytesOut count bodies as they travelled.
	BytesIn  int64 `json:"bytesIn"`
	BytesOut int64 `json:"bytesOut"`
}

// Request is one request the server remembers.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Query has the value of apiKey taken out.
	Query  string `json:"query"`
	Status int    `json:"status"`
}

type stats struct {
	mu       sync.Mutex
	sum      Stats
	inFlight int
	log      []Request
	keep     int
}

// Stats returns the counts since the start or the last ResetStats.
func (st *stats) Stats() Stats {
	st.mu.Lock()
	defer st.mu.Unlock()
	sum := st.sum
	sum.InFlight = st.inFlight
	sum.Endpoints, sum.Unknown = maps.Clone(sum.Endpoints), maps.Clone(sum.Unknown)
	sum.Statuses = maps.Clone(sum.Statuses)
	return sum
}

// Counts returns the number of requests per endpoint; see [Stats.Endpoints].
func (st *stats) Counts() map[string]int { return st.Stats().Endpoints }

// Requests returns the latest requests, oldest first, as many as
// Options.RequestLog says.
func (st *stats) Requests() []Request {
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]Request(nil), st.log...)
}

// ResetStats sets all counts to zero and forgets the requests.
func (st *stats) ResetStats() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.sum = Stats{MaxInFlight: st.inFlight}
	st.log = nil
}

func (st *stats) begin(r *http.Request, endpoint string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sum.Endpoints == nil {
		st.sum.Endpoints, st.sum.Unknown = make(map[string]int), make(map[string]int)
		st.sum.Statuses = make(map[int]int)
	}
	st.sum.Requests++
	st.sum.Endpoints[endpoint]++
	if endpoint == unknownEndpoint {
		st.sum.Unknown[r.Method+" "+r.URL.Path]++
	}
	st.inFlight++
	st.sum.MaxInFlight = max(st.sum.MaxInFlight, st.inFlight)
}

func (st *stats) end(r *http.Request, w *countingWriter, in *countingBody) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.inFlight--
	st.sum.BytesIn += in.n
	st.sum.BytesOut += w.n
	if st.sum.Statuses != nil {
		st.sum.Statuses[w.status]++
	}
	if st.keep == 0 {
		return
	}
	q := r.URL.Query()
	if q.Has("apiKey") {
		q.Set("apiKey", "")
	}
	st.log = append(st.log, Request{Method: r.Method, Path: r.URL.Path, Query: q.Encode(), Status: w.status})
	if len(st.log) > st.keep {
		st.log = st.log[len(st.log)-st.keep:]
	}
}

// counted counts the requests that go to h, by the endpoint that they are for.
func (st *stats) counted(h http.Handler, endpoint func(*http.Request) (api.Endpoint, bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := unknownEndpoint
		if e, ok := endpoint(r); ok {
			name = e.String()
		}
		st.begin(r, name)
		cw := &countingWriter{ResponseWriter: w, status: http.StatusOK}
		body := &countingBody{ReadCloser: r.Body}
		r.Body = body
		defer st.end(r, cw, body)
		h.ServeHTTP(cw, r)
	})
}

const unknownEndpoint = "unknown"

type countingWriter struct {
	http.ResponseWriter
	status int
	n      int64
}

func (w *countingWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n += int64(n)
	return n, err
}

// ReadFrom keeps the short way from a file to the connection open.
func (w *countingWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.n += n
	return n, err
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type countingBody struct {
	io.ReadCloser
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}
