package inject

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tallies counts the writes of each experiment. Reads answer the count, or the
// sum where they name no experiment.
type tallies struct {
	mu     sync.Mutex
	counts map[string]int
	reads  int
	keys   []string // that reads came with
}

func (s *tallies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "/write/") {
		s.reads++
		s.keys = append(s.keys, r.Header.Get("Authorization"))
		key := r.URL.Query().Get("experimentKey")
		if key == "new" && s.counts[key] == 0 {
			http.Error(w, "missing", http.StatusNotFound)
			return
		}
		n := s.counts[key]
		if key == "" { // a listing
			for _, more := range s.counts {
				n += more
			}
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"n":%d}`, n)
		return
	}
	body, _ := io.ReadAll(r.Body)
	key := r.URL.Query().Get("experimentKey")
	if m := regexp.MustCompile(`"experimentKey":"(\w+)"`).FindSubmatch(body); m != nil {
		key = string(m[1])
	}
	s.counts[key]++
}

// lagSteps runs "r KEY" reads and "w KEY" writes and returns the counts read.
func lagSteps(h http.Handler, steps ...string) []string {
	var got []string
	for _, step := range steps {
		verb, key, _ := strings.Cut(step, " ")
		switch verb {
		case "r":
			w := send(h, "GET", "/read?metricName=a%2Fb&experimentKey="+key, "")
			got = append(got, strings.Trim(w.Body.String(), "{}\":n\n"))
		case "w":
			send(h, "POST", "/write", `{"experimentKey":"`+key+`","apiKey":"secretkey"}`)
		case "get": // a GET that writes
			send(h, "GET", "/api/write/experiment/archive?experimentKey="+key, "")
		}
	}
	return got
}

func TestFaultsLag(t *testing.T) {
	for _, test := range []struct {
		name  string
		rule  Fault
		steps string
		want  string
	}{
		{"one read", Fault{}, "r a,w a,r a,r a,r a", "0 0 1 1"},
		{"two reads", Fault{Reads: 2}, "r a,w a,r a,r a,r a", "0 0 0 1"},
		{"every write anew", Fault{}, "r a,w a,r a,r a,w a,r a,r a", "0 0 1 1 2"},
		{"writes in a row", Fault{}, "r a,w a,w a,w a,r a,r a", "0 0 3"},
		{"not read before", Fault{}, "w a,r a,r a", "1 1"},
		{"another experiment", Fault{}, "r b,w b,r b,w a,r b", "0 0 1"},
		{"no experiment", Fault{}, "r a,w ,r a,w a,r a", "0 0 0"},
		{"a listing", Fault{}, "r ,w a,r ,r ", "0 0 1"},
		{"an error is not kept", Fault{}, "r new,w new,r new", "missing 1"},
		{"not every read lags", Fault{From: 3}, "r a,w a,r a,r a,r a", "0 1 0 1"},
		{"a GET that writes", Fault{}, "r a,get a,r a,r a", "0 0 1"},
		{"no match", Fault{Endpoint: "GET /other*"}, "r a,w a,r a", "0 1"},
		{"times", Fault{Times: 1}, "r a,w a,r a,r a,w a,r a", "0 0 1 2"},
		{"first read only", Fault{To: 2}, "r a,w a,r a,w a,r a", "0 0 2"},
		{"primed", Fault{Prime: []string{"/read?experimentKey={experimentKey}&metricName=a%2Fb"}}, "w a,w a,r a,r a", "1 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Kind = FaultLag
			store := &tallies{counts: make(map[string]int)}
			f := NewFaults(1, test.rule)
			got := lagSteps(f.Middleware(store), strings.Split(test.steps, ",")...)
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsLagReplaysWholeAnswer(t *testing.T) {
	store := &tallies{counts: make(map[string]int)}
	f := NewFaults(1, Fault{Kind: FaultLag, Endpoint: "GET /read"})
	srv := httptest.NewServer(f.Middleware(store))
	defer srv.Close()
	client := freshConns(t)
	before := fetchOutcome(client, "GET", srv.URL+"/read?experimentKey=a&b=1", "")
	fetchOutcome(client, "POST", srv.URL+"/write", `{"experimentKey":"a"}`)
	// The order of the query and the key do not make another URL.
	stale := fetchOutcome(client, "GET", srv.URL+"/read?b=1&apiKey=secretkey&experimentKey=a", "")
	if diff := cmp.Diff(before, stale); diff != "" {
		t.Error(diff)
	}
	if store.reads != 1 {
		t.Errorf("%d reads reached the store, want 1", store.reads)
	}
	want := []Injection{{Kind: FaultLag, Request: 2, Method: "GET", Path: "/read", Query: "b=1&experimentKey=a"}}
	if diff := cmp.Diff(want, f.Injected()); diff != "" {
		t.Error(diff)
	}
}

// What the middleware reads itself carries the key of the write.
func TestFaultsLagPrimeAuthorizes(t *testing.T) {
	store := &tallies{counts: make(map[string]int)}
	h := NewFaults(1, Fault{Kind: FaultLag, Prime: []string{"/list", "/read?experimentKey={experimentKey}"}}).Middleware(store)
	send(h, "POST", "/write", `{"experimentKey":"a","apiKey":"in the body"}`)
	send(h, "POST", "/upload?experimentId=a&apiKey=in+the+query", "")
	r := httptest.NewRequest("POST", "/upload", nil) // names no experiment
	r.Header.Set("Authorization", "in the header")
	h.ServeHTTP(httptest.NewRecorder(), r)
	want := []string{"in the body", "in the body", "in the query", "in the query", "in the header"}
	if diff := cmp.Diff(want, store.keys); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsLagEndsAfterTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tallies{counts: make(map[string]int)}
		h := NewFaults(1, Fault{Kind: FaultLag, Reads: 9, For: time.Minute}).Middleware(store)
		got := lagSteps(h, "r a", "w a", "r a")
		time.Sleep(time.Minute)
		got = append(got, lagSteps(h, "r a")...)
		if diff := cmp.Diff([]string{"0", "0", "1"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// More writes do not make an answer live longer.
func TestFaultsLagIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tallies{counts: make(map[string]int)}
		h := NewFaults(1, Fault{Kind: FaultLag, Reads: 9, For: time.Minute}).Middleware(store)
		got := lagSteps(h, "r a", "w a")
		time.Sleep(40 * time.Second)
		got = append(got, lagSteps(h, "w a", "r a")...)
		time.Sleep(20 * time.Second)
		got = append(got, lagSteps(h, "r a", "w a", "r a")...)
		if diff := cmp.Diff([]string{"0", "0", "2", "2"}, got); diff != "" {
			t.Error(diff)
		}
	})
}
