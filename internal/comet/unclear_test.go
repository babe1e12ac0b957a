package comet

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		}, func(o *Options) {
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
	if err := ask(own, "application/json"); !errors.Is(err, ErrUnclear) {
		t.Error(err)
	}
	if err := ask("<html>nothing to see</html>", "text/html"); !errors.Is(err, ErrUnclear) {
		t.Error(err)
	}
	if err := ask(own, "application/json", "nothing to see"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"GET experiment/html: nothing to see"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
