package comet

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

func TestErrorClasses(t *testing.T) {
	classes := []error{api.ErrNotFound, api.ErrUnauthorized, api.ErrForbidden, api.ErrThrottled, api.ErrServer, api.ErrOutage, api.ErrUncertain,
		api.ErrUnsupported, api.ErrImmutable, api.ErrExists, api.ErrUnclear}
	for _, tc := range []struct {
		status int
		body   string
		want   []error
	}{
		{404, `{"msg":"experiment 'x' does not exist","code":404}`, []error{api.ErrNotFound}},
		{404, `{"msg":"No such project","code":404}`, []error{api.ErrNotFound}},
		{410, `{"msg":"Tags of this run do not exist any more"}`, []error{api.ErrNotFound}},
		// These may be of something in front of the server.
		{404, `{"msg":"Not Found"}`, []error{api.ErrUnclear, api.ErrUnsupported}},
		{404, `{"code":404,"message":"HTTP 404 Not Found"}`, []error{api.ErrUnclear, api.ErrUnsupported}},
		{404, `404 page not found`, []error{api.ErrUnclear, api.ErrUnsupported}},
		{404, `<html>nginx</html>`, []error{api.ErrUnclear, api.ErrUnsupported}},
		{404, ``, []error{api.ErrUnclear, api.ErrUnsupported}},
		{404, `experiment not found`, []error{api.ErrUnclear}},
		{404, `{"error":"experiment not found"}`, []error{api.ErrUnclear, api.ErrUnsupported}},
		{404, `{"msg":"nothing to show"}`, []error{api.ErrUnclear}},
		{410, `{}`, []error{api.ErrUnclear}},
		{405, ``, []error{api.ErrUnclear, api.ErrUnsupported}},
		{501, ``, []error{api.ErrUnclear, api.ErrUnsupported}},
		{304, ``, []error{api.ErrUnclear}},
		{500, `{"msg":"experiment not found","sdk_error_code":90211}`, nil},
		{400, `{"msg":"experiment not found"}`, []error{api.ErrNotFound}},
		{400, `{"msg":"Project doesn't exist, or you have no access to it"}`, []error{api.ErrNotFound}},
		{400, `{"msg":"no run","sdk_error_code":90211}`, []error{api.ErrNotFound}},
		{400, `{"msg":"team","sdk_error_code":90219}`, []error{api.ErrNotFound}},
		{400, `{"msg":"artifact","sdk_error_code":624523}`, []error{api.ErrNotFound}},
		{400, `{"msg":"malformed"}`, []error{api.ErrUnclear}},
		{400, `{"msg":"malformed","code":400,"sdk_error_code":12345}`, []error{api.ErrUnclear}},
		{400, ``, []error{api.ErrUnclear}},
		{401, ``, []error{api.ErrUnauthorized}},
		{400, `{"msg":"API key x is not registered","sdk_error_code":90212}`, []error{api.ErrUnauthorized}},
		{403, `{"msg":"API key x is not registered","sdkErrorCode":90212}`, []error{api.ErrUnauthorized}},
		// The example of the API's documentation: a good key without access.
		{400, `{"msg":"User: x cannot access experiment y","code":400,"data":null,"sdk_error_code":90212}`, []error{api.ErrForbidden}},
		{401, `{"msg":"User: x cannot access experiment y","sdk_error_code":90212}`, []error{api.ErrUnauthorized}},
		{403, `{"msg":"no"}`, []error{api.ErrForbidden}},
		{403, ``, []error{api.ErrForbidden}},
		{400, `{"msg":"view only","sdk_error_code":7000011}`, []error{api.ErrForbidden}},
		{400, `{"msg":"no write access","sdk_error_code":90210}`, []error{api.ErrForbidden}},
		{400, `{"msg":"experiment not found","sdk_error_code":90210}`, []error{api.ErrNotFound}},
		{400, `{"msg":"taken","sdk_error_code":90999}`, []error{api.ErrExists}},
		{403, `{"msg":"taken","sdk_error_code":90999}`, []error{api.ErrExists}},
		{400, `{"msg":"project already exists"}`, []error{api.ErrExists}},
		{409, `{"msg":"conflict"}`, []error{api.ErrExists}},
		{409, `{}`, []error{api.ErrUnclear}},
		{200, `{}`, []error{api.ErrUnclear}},
		{200, `[]`, []error{api.ErrUnclear}},
		{200, `{"tags":[],"code":500}`, []error{api.ErrUnclear}},
		{200, `{"msg":"no such experiment","code":400,"sdk_error_code":90211}`, []error{api.ErrUnclear}},
		{400, `{"msg":"immutable","sdk_error_code":7000005}`, []error{api.ErrImmutable}},
		{400, `{"msg":"immutable","sdk_error_code":7000006}`, []error{api.ErrImmutable}},
		{402, `{"msg":"payment required"}`, nil},
		{429, `{"msg":"slow down"}`, []error{api.ErrThrottled}},
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
		{answerWith(200, `<html>`), "the response is not JSON"},
		{answerWith(200, `{"tags":`), "the response is cut short: unexpected EOF"},
	} {
		c := offline(t, tc.o.do, noRetry)
		_, err := c.Experiments.Tags(t.Context(), "k")
		want := "GET /api/rest/v2/experiment/tags: " + tc.want
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestErrorFields(t *testing.T) {
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		return reply(req, 400, `{"msg":"too long","code":400,"sdk_error_code":1341241}`), nil
	})
	_, err := c.Experiments.Start(t.Context(), Handshake{Key: "k", Project: "p"})
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if e.Method != "POST" || e.Path != "/clientlib/logger/add/run" || e.Status != 400 || e.SDKCode != api.CodeProjectNameTooLong || e.Msg != "too long" {
		t.Errorf("got %+v", e)
	}
}
