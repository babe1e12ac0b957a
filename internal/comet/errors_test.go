package comet

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestErrorClasses(t *testing.T) {
	classes := []error{ErrNotFound, ErrUnauthorized, ErrForbidden, ErrThrottled, ErrServer, ErrOutage, ErrUncertain,
		ErrUnsupported, ErrImmutable, ErrExists, ErrUnclear}
	for _, tc := range []struct {
		status int
		body   string
		want   []error
	}{
		{404, `{"msg":"experiment 'x' does not exist","code":404}`, []error{ErrNotFound}},
		{404, `{"msg":"No such project","code":404}`, []error{ErrNotFound}},
		{410, `{"msg":"Tags of this run do not exist any more"}`, []error{ErrNotFound}},
		// These may be of something that stands before the server.
		{404, `{"msg":"Not Found"}`, []error{ErrUnclear, ErrUnsupported}},
		{404, `{"code":404,"message":"HTTP 404 Not Found"}`, []error{ErrUnclear, ErrUnsupported}},
		{404, `404 page not found`, []error{ErrUnclear, ErrUnsupported}},
		{404, `<html>nginx</html>`, []error{ErrUnclear, ErrUnsupported}},
		{404, ``, []error{ErrUnclear, ErrUnsupported}},
		{404, `experiment not found`, []error{ErrUnclear}},
		{404, `{"error":"experiment not found"}`, []error{ErrUnclear, ErrUnsupported}},
		{404, `{"msg":"nothing to show"}`, []error{ErrUnclear}},
		{410, `{}`, []error{ErrUnclear}},
		{405, ``, []error{ErrUnclear, ErrUnsupported}},
		{501, ``, []error{ErrUnclear, ErrUnsupported}},
		{304, ``, []error{ErrUnclear}},
		{500, `{"msg":"experiment not found","sdk_error_code":90211}`, nil},
		{400, `{"msg":"experiment not found"}`, []error{ErrNotFound}},
		{400, `{"msg":"Project doesn't exist, or you have no access to it"}`, []error{ErrNotFound}},
		{400, `{"msg":"no run","sdk_error_code":90211}`, []error{ErrNotFound}},
		{400, `{"msg":"team","sdk_error_code":90219}`, []error{ErrNotFound}},
		{400, `{"msg":"artifact","sdk_error_code":624523}`, []error{ErrNotFound}},
		{400, `{"msg":"malformed"}`, []error{ErrUnclear}},
		{400, `{"msg":"malformed","code":400,"sdk_error_code":12345}`, []error{ErrUnclear}},
		{400, ``, []error{ErrUnclear}},
		{401, ``, []error{ErrUnauthorized}},
		{400, `{"msg":"API key x is not registered","sdk_error_code":90212}`, []error{ErrUnauthorized}},
		{403, `{"msg":"API key x is not registered","sdkErrorCode":90212}`, []error{ErrUnauthorized}},
		// The example of the API's documentation: a good key without access.
		{400, `{"msg":"User: x cannot access experiment y","code":400,"data":null,"sdk_error_code":90212}`, []error{ErrForbidden}},
		{401, `{"msg":"User: x cannot access experiment y","sdk_error_code":90212}`, []error{ErrUnauthorized}},
		{403, `{"msg":"no"}`, []error{ErrForbidden}},
		{403, ``, []error{ErrForbidden}},
		{400, `{"msg":"view only","sdk_error_code":7000011}`, []error{ErrForbidden}},
		{400, `{"msg":"no write access","sdk_error_code":90210}`, []error{ErrForbidden}},
		{400, `{"msg":"experiment not found","sdk_error_code":90210}`, []error{ErrNotFound}},
		{400, `{"msg":"taken","sdk_error_code":90999}`, []error{ErrExists}},
		{403, `{"msg":"taken","sdk_error_code":90999}`, []error{ErrExists}},
		{400, `{"msg":"project already exists"}`, []error{ErrExists}},
		{409, `{"msg":"conflict"}`, []error{ErrExists}},
		{409, `{}`, []error{ErrUnclear}},
		{200, `{}`, []error{ErrUnclear}},
		{200, `[]`, []error{ErrUnclear}},
		{200, `{"tags":[],"code":500}`, []error{ErrUnclear}},
		{200, `{"msg":"no such experiment","code":400,"sdk_error_code":90211}`, []error{ErrUnclear}},
		{400, `{"msg":"immutable","sdk_error_code":7000005}`, []error{ErrImmutable}},
		{400, `{"msg":"immutable","sdk_error_code":7000006}`, []error{ErrImmutable}},
		{402, `{"msg":"payment required"}`, nil},
		{429, `{"msg":"slow down"}`, []error{ErrThrottled}},
		{500, `{"msg":"boom"}`, nil},
	} {
		name := fmt.Sprint(tc.status, " ", tc.body)
		c := offline(t, func(req *http.Request) (*http.Response, error) { return reply(req, tc.status, tc.body), nil }, noRetry)
		_, err := c.Experiments.Tags(t.Context(), "k")
		for _, class := range classes {
			if want := slices.Contains(tc.want, class); errors.Is(err, class) != want {
				t.Errorf("%s: %v is %q: %v, want %v", name, err, class, !want, want)
			}
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, tc := range []struct {
		o    outcome
		want string
	}{
		{answerWith(403, `{"msg":"no access to workspace"}`), "403 Forbidden: no access to workspace"},
		{answerWith(404, ``), "404 Not Found"},
		{answerWith(499, ``), "499"},
		{answerWith(400, `{"msg":"\u001b[31mred\n\u0007"}`), "400 Bad Request: [31mred"},
		{answerWith(400, `{"msg":"`+strings.Repeat("x", 600)+`"}`), "400 Bad Request: " + strings.Repeat("x", 500) + "…"},
		{failWith(errReset), "read tcp: connection reset by peer"},
		{failWith(io.EOF), "EOF"},
		{answerWith(200, `<html>`), "the answer is not JSON"},
		{answerWith(200, `{"tags":`), "the answer is cut short: unexpected EOF"},
	} {
		c := offline(t, tc.o.do, noRetry)
		_, err := c.Experiments.Tags(t.Context(), "k")
		want := "GET /api/rest/v2/experiment/tags: " + tc.want
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	e := &Error{Method: "POST", Path: "/x", Status: 500, uncertain: true}
	if want := "POST /x: 500 Internal Server Error: it is uncertain whether the server has done it"; e.Error() != want {
		t.Errorf("got %s", e)
	}
}

func TestErrorFields(t *testing.T) {
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		return reply(req, 400, `{"msg":"too long","code":400,"sdk_error_code":1341241}`), nil
	})
	_, err := c.Experiments.Start(t.Context(), Handshake{Key: "k", Project: "p"})
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if e.Method != "POST" || e.Path != "/clientlib/logger/add/run" || e.Status != 400 || e.SDKCode != CodeProjectNameTooLong || e.Msg != "too long" {
		t.Errorf("got %+v", e)
	}
}
