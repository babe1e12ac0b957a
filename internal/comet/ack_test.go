package comet

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// oddAnswers are what no server of the API answers to a write that it has done,
// by what is odd about them.
var oddAnswers = map[string]func(*http.Request) *http.Response{
	"empty":          func(r *http.Request) *http.Response { return reply(r, 200, "") },
	"no content":     func(r *http.Request) *http.Response { return reply(r, 204, "") },
	"empty object":   func(r *http.Request) *http.Response { return reply(r, 200, `{}`) },
	"list":           func(r *http.Request) *http.Response { return reply(r, 200, `[]`) },
	"null":           func(r *http.Request) *http.Response { return reply(r, 200, `null`) },
	"error":          func(r *http.Request) *http.Response { return reply(r, 200, `{"msg":"Internal error","code":500}`) },
	"error in words": func(r *http.Request) *http.Response { return reply(r, 200, `{"msg":"Internal error"}`) },
	"error code": func(r *http.Request) *http.Response {
		return reply(r, 200, `{"msg":"Saved","code":200,"sdk_error_code":90210}`)
	},
	"code of text": func(r *http.Request) *http.Response { return reply(r, 200, `{"msg":"Saved","code":"403"}`) },
	"other API":    func(r *http.Request) *http.Response { return reply(r, 200, `{"error":"oops","status":"fail"}`) },
	"page":         func(r *http.Request) *http.Response { return reply(r, 200, "<html>wait</html>") },
	"page by type": func(r *http.Request) *http.Response { return reply(r, 200, savedDoc, "Content-Type", "text/html") },
	"text":         func(r *http.Request) *http.Response { return reply(r, 200, "OK", "Content-Type", "text/plain") },
	"other type":   func(r *http.Request) *http.Response { return reply(r, 200, savedDoc, "Content-Type", "text/plain") },
	"cut":          func(r *http.Request) *http.Response { return reply(r, 200, savedDoc[:30]) },
}

// TestOddAnswersToWrites has every write answered oddly: once, and always. It is
// done again where that is harmless, and never taken for done.
func TestOddAnswersToWrites(t *testing.T) {
	all := append(append(writes[:len(writes):len(writes)], workspaceWrites...), uploads...)
	cells := 0
	for _, tc := range all {
		for name, odd := range oddAnswers {
			cells += 2
			tries, always := 0, false
			c := offline(t, func(req *http.Request) (*http.Response, error) {
				path := req.URL.Path
				if strings.HasSuffix(path, "isAlive/ver") || strings.HasSuffix(path, "account-details") {
					return reply(req, 200, `{"userName":"u","version":"9.9.9"}`), nil
				}
				if tries++; tries == 1 || always {
					return odd(req), nil
				}
				return reply(req, 200, savedDoc), nil
			}, func(o *api.Options) { o.Retry = quickRetry })
			switch err := tc.do(t.Context(), c); {
			case err == nil && tries == 2:
			case tries == 1 && errors.Is(err, api.ErrUncertain) && !errors.Is(err, api.ErrServer):
			default:
				t.Errorf("%s, once %s: %v after %d tries", tc.name, name, err, tries)
			}
			tries, always = 0, true
			if err := tc.do(t.Context(), c); !errors.Is(err, api.ErrUncertain) || tries > 1 && !errors.Is(err, api.ErrServer) {
				t.Errorf("%s, always %s: %v after %d tries", tc.name, name, err, tries)
			}
		}
	}
	t.Logf("%d cells: %d writes × %d answers × {once, always}", cells, len(all), len(oddAnswers))
}

// uploads are the writes that are no JSON.
var uploads = append([]write{
	{name: "git patch", do: func(ctx context.Context, c *Client) error {
		return c.Texts.WriteGitPatch(ctx, "K", api.TextContent("diff"))
	}},
	{name: "panel", do: func(ctx context.Context, c *Client) error {
		_, err := c.Panels.Upload(ctx, "w", "", api.TextContent(""))
		return err
	}},
}, func() (list []write) {
	for name, send := range map[string]func(Assets, context.Context, *Upload) error{
		"asset": Assets.Upload, "image": Assets.UploadVisualization,
	} {
		list = append(list, write{name: name, do: func(ctx context.Context, c *Client) error {
			return send(c.Assets, ctx, &Upload{Run: &Run{Key: "K"}, ID: "A", Open: fromText("data"), Size: 4})
		}})
	}
	return list
}()...)

// A call that this server has never acknowledged is tried once from then on;
// one that it has is tried as often as any.
func TestSilentServer(t *testing.T) {
	tries, acknowledge := 0, false
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "account-details") {
			return reply(req, 200, `{"userName":"u"}`), nil
		}
		tries++
		if acknowledge {
			return reply(req, 200, savedDoc), nil
		}
		return reply(req, 200, `{}`), nil
	}, func(o *api.Options) { o.Retry = quickRetry })
	for i, want := range []int{4, 1, 1, 4} {
		tries, acknowledge = 0, i == 2
		err := c.Experiments.AddTags(t.Context(), "K", []string{"a"})
		if tries != want || acknowledge != (err == nil) || err != nil && !errors.Is(err, api.ErrUncertain) {
			t.Errorf("write %d: %v after %d tries, want %d", i+1, err, tries, want)
		}
	}
}

// A handshake is one for the experiment that was asked for, or none.
func TestHandshakeOfAnother(t *testing.T) {
	for name, doc := range map[string]string{
		"no run":      `{"experimentKey":"K","code":200}`,
		"null run":    `{"runId":null,"experimentKey":"K","code":200}`,
		"empty run":   `{"runId":"","experimentKey":"K","code":200}`,
		"no key":      `{"runId":"R","code":200}`,
		"another key": `{"runId":"R","experimentKey":"K2","code":200}`,
	} {
		answers := []string{doc, `{"msg":"taken","code":400,"sdk_error_code":90999}`}
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			doc, status := answers[0], 200
			if len(answers) == 1 {
				status = 400
			} else {
				answers = answers[1:]
			}
			return reply(req, status, doc), nil
		}, func(o *api.Options) { o.Retry = quickRetry })
		_, err := c.Experiments.Start(t.Context(), Handshake{Key: "K"})
		e, ok := errors.AsType[*api.Error](err)
		if !ok || !errors.Is(err, api.ErrExists) || !e.Repeated {
			t.Errorf("%s: %v, want that it exists, perhaps by this very call", name, err)
		}
	}
}
