package inject

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMatchGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "GET /a/b", true},
		{"GET /a", "GET /a", true},
		{"GET /a", "GET /ab", false},
		{"GET /a*", "GET /a/b/c", true},
		{"GET *asset*", "GET /api/rest/v2/experiment/asset/list", true},
		{"POST *asset*", "GET /api/rest/v2/experiment/asset/list", false},
		{"* */list", "GET /asset/list", true},
		{"* */list", "GET /asset/list2", false},
		{"*ab*ab", "xabab", true},
		{"*ab*ab", "xab", false},
		{"*aab", "aaab", true},
		{"GET /?", "GET /a", true},
		{"GET /?", "GET /", false},
		{"a**", "a", true},
	} {
		if got := matchGlob(test.pattern, test.s); got != test.want {
			t.Errorf("matchGlob(%q, %q) = %v", test.pattern, test.s, got)
		}
	}
}

func TestFaultCheck(t *testing.T) {
	for _, test := range []struct {
		rule Fault
		want string // part of the error, "" for none
	}{
		{Fault{Kind: FaultReset}, ""},
		{Fault{Kind: FaultStatus(418), Endpoint: "* /a"}, ""},
		{Fault{Kind: FaultQuota, For: time.Second, RetryAfter: "auto"}, ""},
		{Fault{}, "unknown kind"},
		{Fault{Kind: "explode"}, "unknown kind"},
		{Fault{Kind: FaultStatus(200)}, "unknown kind"},
		{Fault{Kind: FaultReset, Endpoint: "/api/*"}, "METHOD"},
		{Fault{Kind: FaultReset, Rate: 1.5}, "rate"},
		{Fault{Kind: FaultReset, Rate: -1}, "rate"},
		{Fault{Kind: FaultReset, From: 3, To: 2}, "no such range"},
		{Fault{Kind: FaultReset, Times: -1}, "negative"},
		{Fault{Kind: FaultTrickle, Delay: -1}, "negative"},
		{Fault{Kind: FaultQuota}, "quota"},
		{Fault{Kind: FaultReset, RetryAfter: "1"}, "retryAfter"},
		{Fault{Kind: FaultStatus(429), RetryAfter: "auto"}, "auto"},
		{Fault{Kind: FaultReset, Reads: 1}, "reads"},
		{Fault{Kind: FaultLag, Prime: []string{"%zz"}}, "prime"},
		{Fault{Kind: FaultLag, Prime: []string{"api/x"}}, "prime"},
		{Fault{Kind: FaultLag, Prime: []string{"//host:port/x"}}, "prime"},
		{Fault{Kind: FaultLag, Prime: []string{""}}, "prime"},
	} {
		err := test.rule.Check()
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%+v: %v", test.rule, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%+v: error %v, want one about %q", test.rule, err, test.want)
		}
	}
}

func TestNewFaultsPanics(t *testing.T) {
	defer func() {
		if got, want := recover(), `comettest: fault rule 1: unknown kind "x"`; got != want {
			t.Errorf("panic %v, want %v", got, want)
		}
	}()
	NewFaults(1, Fault{Kind: FaultReset}, Fault{Kind: "x"})
}

func TestFaultJSON(t *testing.T) {
	full := Fault{
		Kind: FaultQuota, Endpoint: "GET *", Item: "e1", From: 2, To: 9, Rate: 0.5, Times: 3, Requests: 4,
		For: 90 * time.Second, Bytes: 7, Delay: 1500 * time.Millisecond, Done: true, RetryAfter: "auto", SDKErrorCode: 90212,
		Reads: 2, Prime: []string{"/x?experimentKey={experimentKey}"},
	}
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"for":"1m30s"`, `"delay":"1.5s"`, `"kind":"quota"`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("%s is not in %s", part, data)
		}
	}
	var back Fault
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full, back); diff != "" {
		t.Error(diff)
	}
	data, err = json.Marshal(Fault{Kind: FaultReset})
	if err != nil || string(data) != `{"kind":"reset"}` {
		t.Errorf("a bare rule is %s (%v)", data, err)
	}
	for _, bad := range []string{`{"kind":"reset","form":3}`, `{"kind":"reset","for":"3"}`, `{"kind":"reset","delay":5}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
