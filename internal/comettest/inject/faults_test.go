package inject

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// okHandler answers {} and counts.
type okHandler struct{ calls atomic.Int64 }

func (h *okHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.calls.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "{}")
}

// statuses sends n equal requests through a handler and returns the statuses.
func statuses(h http.Handler, n int, method, target string) []int {
	var got []int
	for range n {
		got = append(got, send(h, method, target, "").Code)
	}
	return got
}

func send(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func TestFaultsSelection(t *testing.T) {
	const bad = 503
	for _, test := range []struct {
		name string
		rule Fault
		want []int
	}{
		{"every request", Fault{}, []int{bad, bad, bad, bad, bad, bad}},
		{"request k alone", Fault{From: 3, To: 3}, []int{200, 200, bad, 200, 200, 200}},
		{"from k on", Fault{From: 4}, []int{200, 200, 200, bad, bad, bad}},
		{"up to k", Fault{To: 2}, []int{bad, bad, 200, 200, 200, 200}},
		{"times", Fault{From: 2, Times: 2}, []int{200, bad, bad, 200, 200, 200}},
		{"outage of three requests", Fault{From: 2, Requests: 3}, []int{200, bad, bad, bad, 200, 200}},
		{"outage that comes back", Fault{From: 2, Requests: 2, Times: 2}, []int{200, bad, bad, bad, bad, 200}},
		{"endpoint", Fault{Endpoint: "GET *b"}, []int{bad, bad, bad, bad, bad, bad}},
		{"other endpoint", Fault{Endpoint: "GET *c"}, []int{200, 200, 200, 200, 200, 200}},
		{"other method", Fault{Endpoint: "POST *"}, []int{200, 200, 200, 200, 200, 200}},
		{"item in the query", Fault{Item: "key 1"}, []int{bad, bad, bad, bad, bad, bad}},
		{"item in the path", Fault{Item: "/a/"}, []int{bad, bad, bad, bad, bad, bad}},
		{"other item", Fault{Item: "key 2"}, []int{200, 200, 200, 200, 200, 200}},
		{"secret is no item", Fault{Item: "secretkey"}, []int{200, 200, 200, 200, 200, 200}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Kind = FaultStatus(bad)
			f := NewFaults(1, test.rule)
			got := statuses(f.Middleware(new(okHandler)), 6, "GET", "/a/b?k=key+1&apiKey=secretkey")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			struck := 0
			for _, code := range got {
				if code == bad {
					struck++
				}
			}
			if n := len(f.Injected()); n != struck {
				t.Errorf("%d requests were struck, %d are in the log", struck, n)
			}
		})
	}
}

func TestFaultsItemInBody(t *testing.T) {
	var got string
	f := NewFaults(1, Fault{Kind: FaultStatus(403), Item: "exp2"})
	h := f.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(body)
	}))

	// A body longer than what the rules look at arrives whole.
	long := `{"experimentKey":"exp1"}` + strings.Repeat(" ", 3*maxPeek)
	if code := send(h, "POST", "/x", long).Code; code != 200 || got != long {
		t.Errorf("status %d, %d bytes arrived, want 200 and %d", code, len(got), len(long))
	}
	if code := send(h, "POST", "/x", `{"experimentKey":"exp2"}`).Code; code != 403 {
		t.Errorf("item in the body: status %d, want 403", code)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, `{"experimentKey":"exp2"}`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/x", &zipped)
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 403 {
		t.Errorf("item in a compressed body: status %d, want 403", w.Code)
	}
}

// A body that breaks while the rules look at it breaks for the handler too.
func TestFaultsBrokenBody(t *testing.T) {
	var head []byte
	var err error
	h := NewFaults(1, Fault{Kind: FaultStatus(403), Item: "exp2"}).Middleware(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) { head, err = io.ReadAll(r.Body) }))
	body := iotest.TimeoutReader(strings.NewReader("head")) // it fails once
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/x", body))
	if string(head) != "head" || !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("the handler read %q and %v", head, err)
	}
}

// Requests are counted by every rule they match; the first that selects wins.
func TestFaultsSeveralRules(t *testing.T) {
	f := NewFaults(1,
		Fault{Kind: FaultStatus(500), From: 2, To: 2, Endpoint: "GET *"},
		Fault{Kind: FaultStatus(502), From: 2, To: 3},
		Fault{Kind: FaultStatus(504), From: 1, To: 1, Endpoint: "POST *"})
	h := f.Middleware(new(okHandler))
	got := statuses(h, 4, "GET", "/a?apiKey=secretkey&z=1&b=2")
	got = append(got, statuses(h, 2, "POST", "/w")...)
	if diff := cmp.Diff([]int{200, 500, 502, 200, 504, 200}, got); diff != "" {
		t.Error(diff)
	}
	want := []Injection{
		{Rule: 0, Kind: "500", Request: 2, Method: "GET", Path: "/a", Query: "b=2&z=1"},
		{Rule: 1, Kind: "502", Request: 3, Method: "GET", Path: "/a", Query: "b=2&z=1"},
		{Rule: 2, Kind: "504", Request: 1, Method: "POST", Path: "/w"},
	}
	if diff := cmp.Diff(want, f.Injected()); diff != "" {
		t.Error(diff)
	}
	if got, want := f.Injected()[0].String(), "rule 0: 500: GET /a?b=2&z=1 (its request 2)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if diff := cmp.Diff(map[FaultKind]int{"500": 1, "502": 1, "504": 1}, f.Counts()); diff != "" {
		t.Error(diff)
	}
}

// struckBy sends requests in the given order, twice, and returns which are
// struck by what the first and the second time.
func struckBy(seed uint64, order []string) (rounds [2]map[string]int) {
	f := NewFaults(seed, Fault{Kind: FaultStatus(503), Rate: 0.2}, Fault{Kind: FaultStatus(502), Rate: 0.1})
	h := f.Middleware(new(okHandler))
	for i := range rounds {
		rounds[i] = make(map[string]int)
		for _, target := range order {
			if code := send(h, "GET", target, "").Code; code != 200 {
				rounds[i][target] = code
			}
		}
	}
	return rounds
}

func TestFaultsRateIsSeeded(t *testing.T) {
	var order []string
	for i := range 2000 {
		order = append(order, fmt.Sprintf("/x?experimentKey=e%d", i))
	}
	reverse := slices.Clone(order)
	slices.Reverse(reverse)

	got := struckBy(7, order)
	if diff := cmp.Diff(got, struckBy(7, reverse)); diff != "" {
		t.Errorf("another order of requests changes the faults:\n%s", diff)
	}
	if cmp.Equal(got, struckBy(8, order)) {
		t.Error("another seed gives the same faults")
	}
	if cmp.Equal(got[0], got[1]) {
		t.Error("a repeated request meets the same fault again")
	}
	// 0.2 + 0.8 × 0.1 = 0.28 of 4000, with a deviation of 28.
	if n := len(got[0]) + len(got[1]); n < 1000 || n > 1240 {
		t.Errorf("%d of %d requests struck, want about 1120", n, 2*len(order))
	}
}

func TestFaultsQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaults(1, Fault{Kind: FaultQuota, From: 3, For: time.Hour, RetryAfter: "auto"})
		h := f.Middleware(new(okHandler))
		if diff := cmp.Diff([]int{200, 200, 429, 429}, statuses(h, 4, "GET", "/")); diff != "" {
			t.Error(diff)
		}
		time.Sleep(59*time.Minute + 58500*time.Millisecond)
		w := send(h, "GET", "/", "")
		if got := w.Header().Get("Retry-After"); w.Code != 429 || got != "2" {
			t.Errorf("1.5 s before the end: status %d, Retry-After %q, want 429 and 2", w.Code, got)
		}
		time.Sleep(1500 * time.Millisecond)
		if diff := cmp.Diff([]int{200, 200}, statuses(h, 2, "GET", "/")); diff != "" {
			t.Error(diff)
		}
	})
}

// Whichever of Requests and For is reached first ends a strike.
func TestFaultsLastingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := Fault{Kind: FaultStatus(500), Requests: 2, For: time.Minute}
		h := NewFaults(1, rule).Middleware(new(okHandler))
		if diff := cmp.Diff([]int{500, 500, 200}, statuses(h, 3, "GET", "/")); diff != "" {
			t.Error(diff)
		}
		h = NewFaults(1, rule).Middleware(new(okHandler))
		got := statuses(h, 1, "GET", "/")
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]int{500, 200}, append(got, statuses(h, 1, "GET", "/")...)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFaultsSetStartsAnew(t *testing.T) {
	f := NewFaults(1, Fault{Kind: FaultStatus(500), From: 2, To: 2})
	h := f.Middleware(new(okHandler))
	statuses(h, 2, "GET", "/")
	if err := f.Set(1, Fault{Kind: FaultStatus(502), From: 2, To: 2}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{200, 502}, statuses(h, 2, "GET", "/")); diff != "" {
		t.Error(diff)
	}
	if err := f.Set(1, Fault{Kind: "503", Rate: 2}); err == nil {
		t.Error("a rate of 2 was accepted")
	}
	if diff := cmp.Diff([]Fault{{Kind: "502", From: 2, To: 2}}, f.Rules()); diff != "" {
		t.Errorf("rules after a refused Set:\n%s", diff)
	}
	if n := len(f.Injected()); n != 2 {
		t.Errorf("%d faults in the log, want 2", n)
	}
	f.Reset()
	if diff := cmp.Diff([]int{200, 200}, statuses(h, 2, "GET", "/")); diff != "" {
		t.Error(diff)
	}
	if n := len(f.Injected()); n != 0 {
		t.Errorf("%d faults in the log after Reset", n)
	}
}

// The middleware is used by many requests while rules change.
func TestFaultsConcurrent(t *testing.T) {
	f := NewFaults(1)
	h := f.Middleware(new(okHandler))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				send(h, "GET", fmt.Sprintf("/r?experimentKey=e%d", j), "")
				send(h, "POST", "/w", `{"experimentKey":"e1"}`)
				if i == 0 && j%10 == 0 {
					if err := f.Set(uint64(j), Fault{Kind: FaultStatus(500), Rate: 0.5, Item: "e1"}, Fault{Kind: FaultLag}); err != nil {
						t.Error(err)
					}
				}
				f.Injected()
			}
		})
	}
	wg.Wait()
	if f.Counts()["500"] == 0 {
		t.Error("nothing was struck")
	}
}
