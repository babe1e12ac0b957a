package comettest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest/inject"
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
		if got := inject.MatchGlob(test.pattern, test.s); got != test.want {
			t.Errorf("matchGlob(%q, %q) = %v", test.pattern, test.s, got)
		}
	}
}

func TestFaultCheck(t *testing.T) {
	for _, test := range []struct {
		rule inject.Fault
		want string // part of the error, "" for none
	}{
		{inject.Fault{Kind: inject.FaultReset}, ""},
		{inject.Fault{Kind: inject.FaultStatus(418), Endpoint: "* /a"}, ""},
		{inject.Fault{Kind: inject.FaultQuota, For: time.Second, RetryAfter: "auto"}, ""},
		{inject.Fault{}, "unknown kind"},
		{inject.Fault{Kind: "explode"}, "unknown kind"},
		{inject.Fault{Kind: inject.FaultStatus(200)}, "unknown kind"},
		{inject.Fault{Kind: inject.FaultReset, Endpoint: "/api/*"}, "METHOD"},
		{inject.Fault{Kind: inject.FaultReset, Rate: 1.5}, "rate"},
		{inject.Fault{Kind: inject.FaultReset, Rate: -1}, "rate"},
		{inject.Fault{Kind: inject.FaultReset, From: 3, To: 2}, "no such range"},
		{inject.Fault{Kind: inject.FaultReset, Times: -1}, "negative"},
		{inject.Fault{Kind: inject.FaultTrickle, Delay: -1}, "negative"},
		{inject.Fault{Kind: inject.FaultQuota}, "quota"},
		{inject.Fault{Kind: inject.FaultReset, RetryAfter: "1"}, "retryAfter"},
		{inject.Fault{Kind: inject.FaultStatus(429), RetryAfter: "auto"}, "auto"},
		{inject.Fault{Kind: inject.FaultReset, Reads: 1}, "reads"},
		{inject.Fault{Kind: inject.FaultLag, Prime: []string{"%zz"}}, "prime"},
		{inject.Fault{Kind: inject.FaultLag, Prime: []string{"api/x"}}, "prime"},
		{inject.Fault{Kind: inject.FaultLag, Prime: []string{"//host:port/x"}}, "prime"},
		{inject.Fault{Kind: inject.FaultLag, Prime: []string{""}}, "prime"},
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
	inject.NewFaults(1, inject.Fault{Kind: inject.FaultReset}, inject.Fault{Kind: "x"})
}

func TestFaultJSON(t *testing.T) {
	full := inject.Fault{
		Kind: inject.FaultQuota, Endpoint: "GET *", Item: "e1", From: 2, To: 9, Rate: 0.5, Times: 3, Requests: 4,
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
	var back inject.Fault
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full, back); diff != "" {
		t.Error(diff)
	}
	data, err = json.Marshal(inject.Fault{Kind: inject.FaultReset})
	if err != nil || string(data) != `{"kind":"reset"}` {
		t.Errorf("a bare rule is %s (%v)", data, err)
	}
	for _, bad := range []string{`{"kind":"reset","form":3}`, `{"kind":"reset","for":"3"}`, `{"kind":"reset","delay":5}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
