package comet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/google/go-cmp/cmp"
)

// fake is a network whose every answer is the test's. It obeys the rules of a
// RoundTripper: bodies are read and closed.
type fake func(*http.Request) (*http.Response, error)

func (f fake) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, err := io.Copy(io.Discard, req.Body)
		req.Body.Close()
		if err == nil {
			err = req.Context().Err()
		}
		if err != nil {
			return nil, err
		}
	}
	return f(req)
}

// reply returns an answer of a fake network.
func reply(req *http.Request, status int, body string, headers ...string) *http.Response {
	resp := &http.Response{
		StatusCode:    status,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}
	for i := 0; i+1 < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// offline returns a client of a fake network.
func offline(t *testing.T, f fake, change ...func(*api.Options)) *Client {
	t.Helper()
	o := api.Options{URL: "https://comet.test/clientlib/", APIKey: testKey, Transport: f}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
)

const workspacesDoc = `{"workspaceNames":["a"]}`

// wellDoc answers several kinds of calls at once.
const wellDoc = `{"workspaceNames":["a"],"userName":"u","tags":[],"values":[]}`

// outcome is what a fake network does with one request.
type outcome struct {
	name string
	err  error
	resp func(*http.Request) *http.Response
}

func failWith(err error) outcome { return outcome{name: err.Error(), err: err} }

func answerWith(status int, body string, headers ...string) outcome {
	name := http.StatusText(status) + " " + body
	return outcome{name: name, resp: func(r *http.Request) *http.Response { return reply(r, status, body, headers...) }}
}

func (o outcome) do(req *http.Request) (*http.Response, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.resp(req), nil
}

// cutShort is an answer that ends before its announced length.
func cutShort(status int) outcome {
	return outcome{name: fmt.Sprint(status, " cut short"), resp: func(r *http.Request) *http.Response {
		resp := reply(r, status, "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(workspacesDoc[:9]), failingReader{io.ErrUnexpectedEOF}))
		return resp
	}}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

var passingOutcomes = []outcome{
	failWith(errRefused), failWith(errReset), failWith(io.EOF), cutShort(200), cutShort(400), cutShort(404),
	answerWith(408, `{}`), answerWith(425, `{}`), answerWith(429, `{}`), answerWith(500, `{"msg":"x"}`), answerWith(502, `<html>`),
	answerWith(503, ``), answerWith(504, ``), answerWith(520, ``),
	answerWith(200, `<html>welcome</html>`, "Content-Type", "text/html"),
	answerWith(200, `<!doctype html>`), answerWith(200, `busy`), answerWith(200, ``), answerWith(200, workspacesDoc[:9]),
	answerWith(403, `{"msg":"no`),
}

// A read is repeated after every failure that may pass.
func TestRetryReads(t *testing.T) {
	for _, o := range passingOutcomes {
		t.Run(o.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					if tries++; tries <= 3 {
						return o.do(req)
					}
					return reply(req, 200, workspacesDoc), nil
				})
				got, err := c.Workspaces.List(t.Context())
				if err != nil || len(got) != 1 {
					t.Fatalf("%v, %v", got, err)
				}
				if tries != 4 {
					t.Errorf("%d tries, want 4", tries)
				}
			})
		})
	}
}

// What will not pass is told at once.
func TestRetryNot(t *testing.T) {
	for _, o := range []outcome{
		answerWith(400, `{"msg":"no such workspace"}`), answerWith(400, `{"msg":"no access"}`), answerWith(401, `{}`), answerWith(402, `{}`),
		answerWith(403, `{}`), answerWith(413, ``), cutShort(401), failWith(&net.DNSError{Err: "no such host", IsNotFound: true}),
	} {
		t.Run(o.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c := offline(t, func(req *http.Request) (*http.Response, error) { tries++; return o.do(req) })
				if _, err := c.Workspaces.List(t.Context()); err == nil || tries != 1 {
					t.Errorf("%d tries, %v", tries, err)
				}
			})
		})
	}
}

// A write that must not be done twice is repeated only when it has certainly
// not been done.
func TestRetryUnsafeWrites(t *testing.T) {
	for _, tc := range []struct {
		outcome outcome
		repeat  bool
	}{
		{failWith(errRefused), true},
		{failWith(&net.DNSError{Err: "try again", IsTemporary: true}), true},
		{answerWith(429, `{}`), true},
		{answerWith(425, `{}`), true},
		{failWith(errReset), false},
		{failWith(io.EOF), false},
		{answerWith(408, `{}`), false},
		{answerWith(500, `{}`), false},
		{answerWith(503, ``), false},
		{answerWith(200, `<html>`), false},
		{cutShort(200), false}, {cutShort(404), false},
	} {
		t.Run(tc.outcome.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					if tries++; tries == 1 {
						return tc.outcome.do(req)
					}
					return reply(req, 200, `{"msg":"saved"}`), nil
				})
				var b Batch
				b.AddMetric(&MetricValue{Name: "m", Value: []byte("1")})
				for name, write := range map[string]func() error{
					"metrics": func() error { return c.Metrics.Write(t.Context(), "k", &b) },
					"output":  func() error { return c.Texts.WriteOutput(t.Context(), "k", []OutputLine{{Text: "x"}}) },
					"html":    func() error { return c.Texts.WriteHTML(t.Context(), "k", api.TextContent("x"), false, nil) },
					"upload":  func() error { return c.Assets.Upload(t.Context(), &Upload{Run: &Run{Key: "k"}, Link: new("s3://b/k")}) },
				} {
					tries = 0
					err := write()
					if tc.repeat && (err != nil || tries != 2) {
						t.Errorf("%s: %d tries, %v", name, tries, err)
					}
					if !tc.repeat && (!errors.Is(err, api.ErrUncertain) || tries != 1) {
						t.Errorf("%s: %d tries, %v, want uncertain", name, tries, err)
					}
				}
			})
		})
	}
}

// A write that is safe to repeat tells when an earlier try may have done it.
func TestRetrySafeWriteSaysRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if tries++; tries == 1 {
				return nil, errReset
			}
			return reply(req, 400, `{"msg":"exists","sdk_error_code":90999}`), nil
		})
		_, err := c.Experiments.Start(t.Context(), Handshake{Key: "k"})
		e, ok := errors.AsType[*api.Error](err)
		if !ok || !errors.Is(err, api.ErrExists) || !e.Repeated {
			t.Errorf("got %v", err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		name, header string
		date         bool
		want         time.Duration
	}{
		{"seconds", "17", false, 17 * time.Second},
		{"date", "Sat, 01 Jan 2000 00:00:40 GMT", false, 40 * time.Second},
		// The server's clock is 30 s after ours.
		{"date and clock", "Sat, 01 Jan 2000 00:00:10 GMT", true, 40 * time.Second},
		{"nothing", "soon", false, 0},
		{"the past", "Fri, 31 Dec 1999 23:59:30 GMT", false, 0},
	} {
		for _, status := range []int{429, 503} {
			t.Run(tc.name+" "+http.StatusText(status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now() // synctest begins at 2000-01-01 00:00 UTC
					tries := 0
					c := offline(t, func(req *http.Request) (*http.Response, error) {
						if tries++; tries > 1 {
							return reply(req, 200, workspacesDoc), nil
						}
						resp := reply(req, status, `{}`, "Retry-After", tc.header)
						if tc.date {
							resp.Header.Set("Date", "Fri, 31 Dec 1999 23:59:30 GMT")
						}
						return resp, nil
					})
					if _, err := c.Workspaces.List(t.Context()); err != nil {
						t.Fatal(err)
					}
					got := time.Since(start)
					// Failures may also wait for their own backoff, throttled calls
					// that are told no time do.
					if got < tc.want || got > tc.want+2*time.Second {
						t.Errorf("waited %v, want %v", got, tc.want)
					}
				})
			})
		}
	}
}

// A server that throttles is waited for as long as a quota an hour takes, and no
// longer than the time for that.
func TestRetryThrottled(t *testing.T) {
	for name, tc := range map[string]struct {
		lasts, most, want time.Duration
		err               error
	}{
		"a quota an hour":    {65 * time.Minute, 0, 65 * time.Minute, nil},
		"for ever":           {1000 * time.Hour, 0, 90 * time.Minute, api.ErrOutage},
		"a bound of its own": {1000 * time.Hour, 10 * time.Second, 10 * time.Second, api.ErrOutage},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var counters transport.Counters
				start := time.Now()
				c := offline(t, func(req *http.Request) (*http.Response, error) {
					if time.Since(start) < tc.lasts {
						return reply(req, 429, `{}`), nil
					}
					return reply(req, 200, workspacesDoc), nil
				}, func(o *api.Options) {
					o.Retry.MaxElapsed, o.Retry.MaxThrottled, o.Counters = time.Minute, tc.most, &counters
				})
				if _, err := c.Workspaces.List(t.Context()); !errors.Is(err, tc.err) {
					t.Fatalf("got %v, want %v", err, tc.err)
				}
				if d := time.Since(start); d < tc.want || d > tc.want+time.Minute {
					t.Errorf("ended after %v, want %v", d, tc.want)
				}
				if n := counters.Throttled.Load(); n > 1000 {
					t.Errorf("%d tries", n)
				}
			})
		})
	}
}

// While others succeed, a call that is throttled again and again is waited for.
func TestRetryThrottledAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(req.URL.Path, "/tags") {
				return reply(req, 200, wellDoc), nil
			}
			if tries++; tries < 12 {
				return reply(req, 429, `{}`), nil
			}
			return reply(req, 200, `{"tags":["x"]}`), nil
		}, func(o *api.Options) { o.Retry.MaxElapsed, o.Retry.MaxThrottled = time.Second, time.Minute })
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				ValuesOf(c.Parameters.Each)(ctx, "k")
				time.Sleep(time.Second / 2)
			}
		})
		if _, err := c.Experiments.Tags(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		stop()
		wg.Wait()
	})
}

// A wait that the server asks for and that is longer than the time for it ends
// the run at once, or the one call where others succeed.
func TestRetryAfterTooLong(t *testing.T) {
	for _, status := range []int{429, 503} {
		for _, header := range []string{"Retry-After", "Retry-After-Custom"} {
			for _, value := range []string{"86400", "1e300", "Sat, 01 Jan 2050 00:00:40 GMT"} {
				for _, others := range []bool{false, true} {
					t.Run(fmt.Sprint(status, header, value, others), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							start := time.Now()
							c := offline(t, func(req *http.Request) (*http.Response, error) {
								if others && !strings.HasSuffix(req.URL.Path, "/workspaces") {
									return reply(req, 200, wellDoc), nil
								}
								return reply(req, status, `{"msg":"slow down"}`, header, value), nil
							})
							_, err := c.Workspaces.List(t.Context())
							if !errors.Is(err, api.ErrServer) || errors.Is(err, api.ErrOutage) == others {
								t.Errorf("got %v", err)
							}
							most := time.Duration(0)
							if others {
								most = 5 * time.Minute
							} else if !errors.Is(err, api.ErrLongWait) {
								t.Errorf("got %v", err)
							}
							if d := time.Since(start); d > most {
								t.Errorf("ended after %v", d)
							}
						})
					})
				}
			}
		}
	}
}

// The time of throttling does not count for the failures around it either.
func TestRetryThrottledBetweenFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			switch tries++; tries {
			case 1, 3:
				return nil, errReset
			case 2:
				return reply(req, 429, `{}`, "Retry-After", "3600"), nil
			}
			return reply(req, 200, workspacesDoc), nil
		}, func(o *api.Options) { o.Retry.MaxElapsed = time.Minute })
		if _, err := c.Workspaces.List(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// down lets a fake network fail with an error once it has worked.
func down(t *testing.T, err error, change ...func(*api.Options)) *Client {
	t.Helper()
	worked := false
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		if worked {
			return nil, err
		}
		worked = true
		return reply(req, 200, workspacesDoc), nil
	}, change...)
	if _, err := c.Workspaces.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// An outage ends a call when no request has succeeded for the whole budget.
func TestRetryOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := down(t, errReset)
		start := time.Now()
		_, err := c.Workspaces.List(t.Context())
		if !errors.Is(err, api.ErrOutage) || !errors.Is(err, api.ErrServer) {
			t.Fatalf("got %v", err)
		}
		if d := time.Since(start); d < 15*time.Minute || d > 16*time.Minute {
			t.Errorf("gave up after %v", d)
		}
	})
}

// The budget counts from the last success of anything, not from a time when
// nothing was asked.
func TestRetryBudgetBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if down {
				return nil, errReset
			}
			return reply(req, 200, workspacesDoc), nil
		})
		if _, err := c.Workspaces.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		down = true
		start := time.Now()
		if _, err := c.Workspaces.List(t.Context()); !errors.Is(err, api.ErrOutage) {
			t.Fatalf("got %v", err)
		}
		if d := time.Since(start); d < 15*time.Minute {
			t.Errorf("gave up after %v", d)
		}
	})
}

// An object that keeps failing while others succeed is no outage. When
// nothing else is under way, the server is asked something else.
func TestRetryBrokenObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries, probes int
		start := time.Now()
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/account-details") {
				probes++
				return reply(req, 200, `{"userName":"u"}`), nil
			}
			tries++
			return reply(req, 500, `{"msg":"NullPointerException"}`), nil
		})
		_, err := c.Experiments.Tags(t.Context(), "k")
		if !errors.Is(err, api.ErrServer) || errors.Is(err, api.ErrOutage) {
			t.Fatalf("got %v", err)
		}
		if tries != 12 || probes != 1 {
			t.Errorf("%d tries, %d probes", tries, probes)
		}
		if d := time.Since(start); d > 5*time.Minute {
			t.Errorf("gave up after %v", d)
		}
	})
}

// While others succeed, a long row of failures of one kind does not end in an
// outage.
func TestRetryOthersSucceed(t *testing.T) {
	for budget, want := range map[time.Duration]error{time.Hour: nil, 20 * time.Second: api.ErrServer} {
		t.Run(budget.String(), func(t *testing.T) { testOthersSucceed(t, budget, want) })
	}
}

func testOthersSucceed(t *testing.T, budget time.Duration, want error) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/workspaces") {
				return reply(req, 200, workspacesDoc), nil
			}
			if tries++; tries < 10 {
				return nil, errReset
			}
			return reply(req, 200, `{"tags":["x"]}`), nil
		}, func(o *api.Options) { o.Retry.MaxElapsed = budget; o.Retry.Base = 10 * time.Second })
		start := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				c.Workspaces.List(ctx)
				time.Sleep(10 * time.Second)
			}
		})
		tags, err := c.Experiments.Tags(t.Context(), "k")
		took := time.Since(start)
		stop()
		wg.Wait()
		if !errors.Is(err, want) || errors.Is(err, api.ErrOutage) || err == nil && len(tags) != 1 {
			t.Errorf("%v, %v", tags, err)
		}
		if want != nil && took > budget+time.Minute {
			t.Errorf("given up after %v", took)
		}
	})
}

// A web site that is no Comet server is told from an outage within seconds.
func TestRetryWrongAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/workspaces") {
				tries++
			}
			return reply(req, 200, "<html>", "Content-Type", "text/html"), nil
		})
		start := time.Now()
		_, err := c.Workspaces.List(t.Context())
		if !errors.Is(err, api.ErrOutage) || !errors.Is(err, api.ErrNotJSON) || tries != 4 || time.Since(start) > 5*time.Second {
			t.Errorf("%d tries in %v, %v", tries, time.Since(start), err)
		}
	})
}

// Pages of a gateway are an outage for every kind of call, however many come.
func TestRetryPagesAreAnOutage(t *testing.T) {
	for name, read := range map[string]func(context.Context, *Client) error{
		"document": func(ctx context.Context, c *Client) error { _, err := c.Experiments.Tags(ctx, "k"); return err },
		"text":     func(ctx context.Context, c *Client) error { _, err := c.Texts.Output(ctx, "k"); return err },
		"points": func(ctx context.Context, c *Client) error {
			return c.Metrics.Points(ctx, "k", "m", nil, func(*Point) error { return nil })
		},
		"asset": func(ctx context.Context, c *Client) error {
			_, err := c.Assets.Content(ctx, api.AssetRequest{ID: "a", Size: new(int64(5))})
			return err
		},
		"patch": func(ctx context.Context, c *Client) error { _, err := c.Texts.GitPatch(ctx, "k"); return err },
		"panel": func(ctx context.Context, c *Client) error { _, err := c.Panels.File(ctx, "k"); return err },
	} {
		for _, header := range []string{"text/html", "application/json"} {
			if header != "text/html" && (name == "asset" || name == "patch") {
				continue // these may be anything: only the header tells a page
			}
			t.Run(name+" "+header, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					well := true
					c := offline(t, func(req *http.Request) (*http.Response, error) {
						if well {
							return reply(req, 200, workspacesDoc), nil
						}
						return reply(req, 200, "\n<html>busy</html>", "Content-Type", header), nil
					})
					if _, err := c.Workspaces.List(t.Context()); err != nil {
						t.Fatal(err)
					}
					well = false
					if err := read(t.Context(), c); !errors.Is(err, api.ErrOutage) {
						t.Errorf("got %v", err)
					}
				})
			})
		}
	}
}

// The question whether the server is well is answered by a refusal too.
func TestRetryProbeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/account-details") {
				return reply(req, 403, `{"msg":"service accounts have none"}`), nil
			}
			return reply(req, 500, `{}`), nil
		})
		if _, err := c.Experiments.Tags(t.Context(), "k"); !errors.Is(err, api.ErrServer) || errors.Is(err, api.ErrOutage) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRetrySwitchedOff(t *testing.T) {
	for _, o := range passingOutcomes {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := offline(t, func(req *http.Request) (*http.Response, error) { tries++; return o.do(req) },
				func(o *api.Options) { o.Retry.MaxElapsed = -1 })
			if _, err := c.Workspaces.List(t.Context()); err == nil || tries != 1 {
				t.Errorf("%s: %d tries, %v", o.name, tries, err)
			}
		})
	}
}

func TestRetryCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := down(t, errReset)
		cause := errors.New("interrupted")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, cause)
		defer cancel()
		start := time.Now()
		if _, err := c.Workspaces.List(ctx); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("ended after %v", d)
		}
	})
}

func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []api.Trouble
		var counters transport.Counters
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			switch tries++; tries {
			case 1:
				return reply(req, 429, `{"msg":"slow down"}`, "Retry-After", "3"), nil
			case 2:
				return reply(req, 503, `{"msg":"busy"}`, "Retry-After", "40"), nil
			}
			return reply(req, 200, workspacesDoc), nil
		}, func(o *api.Options) { o.Counters, o.Notify = &counters, func(t api.Trouble) { told = append(told, t) } })
		start := time.Now()
		if _, err := c.Workspaces.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range told {
			told[i].Err = errors.New(told[i].Err.Error())
			// Throttled calls wait a bit longer than they are asked to, not all the same.
			told[i].Since, told[i].Wait = told[i].Since.Truncate(time.Second), told[i].Wait.Truncate(time.Second)
		}
		path := "/api/rest/v2/workspaces"
		want := []api.Trouble{
			{Method: "GET", Path: path, Throttled: true, Try: 1, Since: start, Wait: 3 * time.Second,
				Err: errors.New("GET " + path + ": 429 Too Many Requests: slow down")},
			{Method: "GET", Path: path, Try: 2, Since: start.Add(3 * time.Second), Wait: 40 * time.Second,
				Err: errors.New("GET " + path + ": 503 Service Unavailable: busy")},
		}
		text := cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() })
		if diff := cmp.Diff(want, told, text); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := counters.Retries.Load(); n != 2 {
			t.Errorf("%d retries counted", n)
		}
	})
}

// An error that has ended the context of several calls is left as it is by each
// of them.
func TestRetrySharedCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	shared := &api.Error{Method: "GET", Path: "other", Status: 400}
	tries := 0
	c := offline(t, func(req *http.Request) (*http.Response, error) {
		if tries++; tries > 1 {
			cancel(shared)
			return nil, context.Cause(req.Context())
		}
		return nil, errReset
	})
	if _, err := c.Experiments.Metadata(ctx, "k"); !errors.Is(err, shared) || shared.Repeated {
		t.Errorf("%v after %d tries, marked %v", err, tries, shared.Repeated)
	}
}
