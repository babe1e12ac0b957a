package comet

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// Words of the server's own that nobody here knows are told once a call, so that a
// user can say what they mean. A page of a gateway is not.
func TestUnclearWords(t *testing.T) {
	var told []string
	ask := func(body, contentType string, absent ...string) error {
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "account-details") {
				return reply(req, 200, `{"userName":"u"}`), nil
			}
			return reply(req, 400, body, "Content-Type", contentType), nil
		}, func(o *api.Options) {
			o.Retry, o.AbsentWords = quickRetry, absent
			o.Unclear = func(call, words string) { told = append(told, call+": "+words) }
		})
		var err error
		for _, key := range []string{"a", "b"} {
			_, err = c.Texts.HTML(context.WithoutCancel(t.Context()), key)
		}
		return err
	}
	const own = `{"msg":"nothing to see","code":400}`
	if err := ask(own, "application/json"); !errors.Is(err, api.ErrUnclear) {
		t.Error(err)
	}
	if err := ask("<html>nothing to see</html>", "text/html"); !errors.Is(err, api.ErrUnclear) {
		t.Error(err)
	}
	if err := ask(own, "application/json", "nothing to see"); !errors.Is(err, api.ErrNotFound) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"GET experiment/html: nothing to see"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// What an answer says of an error counts, whatever else it has; and what is
// answered from another path is not of the call.
func TestAnswersBeside(t *testing.T) {
	const views = "views/get-all"
	for _, test := range []struct {
		name, path, body string
		want             error
	}{
		{"good", "metadata", `{"experimentKey":"k","code":200,"sdk_error_code":0}`, nil},
		{"code", "metadata", `{"experimentKey":"k","code":500}`, api.ErrUnclear},
		{"code of an error", "metadata", `{"experimentKey":"k","sdk_error_code":90501}`, api.ErrUnclear},
		{"cut", "metadata", `{"experimentKey":"k","experimentName":"na`, io.ErrUnexpectedEOF},
		{"good list", views, `[{"templateId":"v"}]`, nil},
		{"list of nothing", views, `[{}]`, api.ErrUnclear},
		{"list of null", views, `[null]`, api.ErrUnclear},
	} {
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, test.path) {
				return reply(req, 200, test.body), nil
			}
			return reply(req, 200, `{"userName":"u","projectId":"p"}`), nil
		}, func(o *api.Options) { o.Retry = quickRetry })
		_, err := c.Experiments.Metadata(t.Context(), "k")
		if test.path == views {
			_, err = c.Views.List(t.Context(), Dashboards, "p", "")
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(req.URL.Path, "/login"):
			return reply(req, 404, `{"msg":"HTTP 404 Not Found","code":404}`), nil
		case strings.HasSuffix(req.URL.Path, views):
			return reply(req, 302, "", "Location", "/login"), nil
		}
		return reply(req, 200, `{"userName":"u","projectId":"p"}`), nil
	}, func(o *api.Options) { o.Retry = quickRetry })
	if _, err := c.Views.List(t.Context(), Dashboards, "p", ""); !errors.Is(err, api.ErrUnclear) {
		t.Errorf("redirected to where nothing is: %v", err)
	}
}

// A refusal that is the page of a gateway says nothing of an object: it is asked
// again, and then unclear. That of a write says that it was not done.
func TestForbiddenPage(t *testing.T) {
	for body, want := range map[string]error{"<html>blocked</html>": ErrUnclear, `{"msg":"no access","code":403}`: ErrForbidden, "": ErrForbidden} {
		asked := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "account-details") {
				return reply(req, 200, `{"userName":"u"}`), nil
			}
			asked++
			kind := "application/json"
			if strings.HasPrefix(body, "<") {
				kind = "text/html"
			}
			return reply(req, 403, body, "Content-Type", kind), nil
		}, func(o *Options) { o.Retry = quickRetry })
		_, err := c.Experiments.Metadata(t.Context(), "k")
		if other := errors.Is(err, ErrForbidden) == errors.Is(err, ErrUnclear); !errors.Is(err, want) || other || asked > 1 != (want == ErrUnclear) {
			t.Errorf("%q: %v, asked %d times", body, err, asked)
		}
		asked = 0
		err = c.Experiments.AddTags(t.Context(), "k", []string{"x"})
		if !errors.Is(err, ErrForbidden) || errors.Is(err, ErrUnclear) || asked != 1 {
			t.Errorf("a write, %q: %v, asked %d times", body, err, asked)
		}
	}
}
