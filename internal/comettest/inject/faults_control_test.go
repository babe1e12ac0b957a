package inject

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFaultsControl(t *testing.T) {
	f := NewFaults(3)
	store := new(okHandler)
	srv := httptest.NewServer(f.Middleware(store))
	defer srv.Close()
	client := srv.Client()
	call := func(method, body string, wantStatus int) FaultsDoc {
		t.Helper()
		got := fetchOutcome(client, method, srv.URL+FaultsPath, body)
		if got.Err != nil || got.Status != wantStatus || got.Type != "application/json" {
			t.Fatalf("%s %s: %+v, want status %d", method, body, got, wantStatus)
		}
		var doc FaultsDoc
		if err := json.Unmarshal([]byte(got.Body), &doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}

	// The control path itself is never struck, although the rule matches.
	doc := call("POST", `{"rules":[{"kind":"500","from":2,"times":1},{"kind":"html","rate":1e-9}]}`, 200)
	rules := []Fault{{Kind: "500", From: 2, Times: 1}, {Kind: FaultHTML, Rate: 1e-9}}
	want := FaultsDoc{Seed: 3, Rules: rules, Injected: []Injection{}, Counts: map[FaultKind]int{}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
	for _, status := range []int{200, 500, 200} {
		if got := fetchOutcome(client, "GET", srv.URL+"/a?x=1", ""); got.Status != status {
			t.Errorf("status %d, want %d", got.Status, status)
		}
	}
	want.Injected = []Injection{{Kind: "500", Request: 2, Method: "GET", Path: "/a", Query: "x=1"}}
	want.Counts = map[FaultKind]int{"500": 1}
	if diff := cmp.Diff(want, call("GET", "", 200)); diff != "" {
		t.Error(diff)
	}

	for _, bad := range []string{``, `{}`, `{"rules":[{"kind":"x"}]}`, `{"rules":[{"kind":"500","form":2}]}`, `{"rule":[]}`} {
		call("POST", bad, http.StatusBadRequest)
	}
	if diff := cmp.Diff(want, call("GET", "", 200)); diff != "" {
		t.Errorf("refused rules changed something:\n%s", diff)
	}
	call("PUT", "", http.StatusMethodNotAllowed)

	if doc := call("POST", `{"seed":9,"rules":[]}`, 200); doc.Seed != 9 || len(doc.Rules) != 0 || len(doc.Injected) != 1 {
		t.Errorf("after other rules: %+v", doc)
	}
	if doc := call("DELETE", "", 200); len(doc.Rules) != 0 || len(doc.Injected) != 0 {
		t.Errorf("after DELETE: %+v", doc)
	}
	if n := store.calls.Load(); n != 2 {
		t.Errorf("%d requests reached the server, want 2", n)
	}
}
