package comet

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// quietServer returns a server that does not log what goes wrong on purpose.
func quietServer(t *testing.T, tls bool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if tls {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

// alertServer answers whatever it is sent with an alert of TLS, and returns its
// address.
func alertServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 1024))
			conn.Write([]byte("\x15\x03\x01\x00\x02\x02\x16"))
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// proxyTo lets a client use a proxy for all that it asks.
func proxyTo(address string) func(*api.Options) {
	return func(o *api.Options) {
		o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(address) }
	}
}

// What the way to a server says about a wrong configuration is told after one
// request, with what to do.
func TestMisconfigured(t *testing.T) {
	plain := quietServer(t, false, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, workspacesDoc) })
	secure := quietServer(t, true, plain.Config.Handler.ServeHTTP)
	moved := quietServer(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+"/comet"+r.URL.Path+"?secret=1", http.StatusMovedPermanently)
	})
	login := quietServer(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://login.example/sso?return=x", http.StatusFound)
	})
	locked := quietServer(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	})
	forbids := quietServer(t, false, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
	nginx := quietServer(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "<html><center>The plain HTTP request was sent to HTTPS port</center></html>")
	})
	host := func(srv *httptest.Server) string { return strings.TrimPrefix(srv.URL, "http://") }
	for name, tc := range map[string]struct {
		url    string
		change func(*api.Options)
		want   string
	}{
		"plain HTTP to TLS":           {strings.Replace(secure.URL, "https", "http", 1), nil, "the address must begin with https://"},
		"plain HTTP to nginx":         {nginx.URL, nil, "the address must begin with https://"},
		"plain HTTP to OpenSSL":       {alertServer(t), nil, "the address must begin with https://"},
		"TLS to plain HTTP":           {strings.Replace(plain.URL, "http", "https", 1), nil, "the address must begin with http://"},
		"moved":                       {moved.URL, nil, "set its address to " + plain.URL + "/comet/)"},
		"log in":                      {login.URL, nil, "redirected to https://login.example/sso (is the address right"},
		"a proxy that wants a login":  {"http://comet.test", proxyTo("http://u:secretpw@" + host(locked)), "407 Proxy Authentication Required"},
		"a CONNECT likewise":          {"https://comet.test", proxyTo("http://u:secretpw@" + host(locked)), "http://user:password@" + host(locked)},
		"a CONNECT that is forbidden": {"https://comet.test", proxyTo(forbids.URL), "the proxy " + host(forbids) + " answers 403 Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			var counters transport.Counters
			o := api.Options{URL: tc.url, APIKey: testKey, Counters: &counters}
			if tc.change != nil {
				tc.change(&o)
			}
			c, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdle()
			_, err = c.Workspaces.List(t.Context())
			if !errors.Is(err, api.ErrMisconfigured) || !strings.Contains(fmt.Sprint(err), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "secret") || strings.Contains(text, testKey) {
				t.Errorf("a secret is in %q", text)
			}
			if n := counters.Retries.Load(); n != 0 {
				t.Errorf("%d retries", n)
			}
		})
	}
}

// The same from a server that has worked is trouble of a gateway, which passes,
// or an outage.
func TestMisconfiguredLater(t *testing.T) {
	for name, o := range map[string]outcome{
		"redirect":    answerWith(302, "", "Location", "https://login.example/sso"),
		"proxy":       failWith(&transport.ProxyError{Host: "proxy.test", Status: 407}),
		"plain proxy": answerWith(407, ""),
		"scheme":      failWith(http.ErrSchemeMismatch),
		"page":        answerWith(200, "<html>", "Content-Type", "text/html"),
	} {
		for _, lasts := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " lasts ", lasts), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					requests := 0
					c := offline(t, func(req *http.Request) (*http.Response, error) {
						if requests++; requests == 2 || lasts && requests > 2 {
							return o.do(req)
						}
						return reply(req, 200, workspacesDoc), nil
					})
					if _, err := c.Workspaces.List(t.Context()); err != nil {
						t.Fatal(err)
					}
					start := time.Now()
					_, err := c.Workspaces.List(t.Context())
					if !lasts && err != nil {
						t.Errorf("got %v", err)
					}
					if lasts && (!errors.Is(err, api.ErrOutage) || errors.Is(err, api.ErrMisconfigured) || time.Since(start) < 15*time.Minute) {
						t.Errorf("got %v after %v", err, time.Since(start))
					}
				})
			})
		}
	}
}

// Where reads work and writes are redirected, the first write tells.
func TestMisconfiguredWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodGet {
				return reply(req, 200, workspacesDoc), nil
			}
			tries++
			return reply(req, 307, "", "Location", "https://new.example"+req.URL.Path), nil
		})
		if _, err := c.Workspaces.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := c.Experiments.AddTags(t.Context(), "k", []string{"a"})
		if !errors.Is(err, api.ErrMisconfigured) || tries != 1 || !strings.Contains(err.Error(), "set its address to https://new.example/)") {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
}

// A document comes from the server itself, contents may be in storage.
func TestRedirects(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		document bool // it is followed for one
	}{
		{"https://comet.test/", "https://comet.test/other", true},
		{"https://comet.test/", "https://comet.test:443/other", true},
		{"https://comet.test/", "https://COMET.test/other", true},
		{"http://comet.test/", "https://comet.test/other", false},
		{"https://comet.test/", "https://comet.test:8443/other", false},
		{"https://comet.test/", "https://www.comet.test/other", false},
		{"https://comet.test/", "http://comet.test/other", false},
	} {
		t.Run(tc.from+" to "+tc.to, func(t *testing.T) {
			first := true
			c := offline(t, func(req *http.Request) (*http.Response, error) {
				if first {
					first = false
					return reply(req, 302, "", "Location", tc.to), nil
				}
				return reply(req, 200, workspacesDoc), nil
			}, func(o *api.Options) { o.URL = tc.from })
			_, err := c.Workspaces.List(t.Context())
			if errors.Is(err, api.ErrMoved) == tc.document || !tc.document != (err != nil) {
				t.Errorf("document: %v", err)
			}
			first = true
			if _, _, err := readAsset(t, c, api.AssetRequest{ID: "a"}); err != nil {
				t.Errorf("contents: %v", err)
			}
		})
	}
}

// A server that has never answered is given up after half a minute, however it
// fails, and however slow each try is.
func TestNeverReached(t *testing.T) {
	for name, network := range map[string]fake{
		"refused": func(*http.Request) (*http.Response, error) { return nil, errRefused },
		"reset":   func(*http.Request) (*http.Response, error) { return nil, errReset },
		"silent":  hanging,
		"a firewall": func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(20 * time.Second):
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		},
	} {
		for _, prefix := range []string{"", "/comet/clientlib/"} {
			t.Run(name+prefix, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := offline(t, network, func(o *api.Options) { o.URL = "https://comet.test" + prefix })
					start := time.Now()
					_, err := c.Workspaces.List(t.Context())
					if !errors.Is(err, api.ErrOutage) {
						t.Errorf("got %v", err)
					}
					if d := time.Since(start); d < 20*time.Second || d > 45*time.Second {
						t.Errorf("given up after %v", d)
					}
				})
			})
		}
	}
}

// A server that says that it is not well has answered.
func TestReachedWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if time.Since(start) < 5*time.Minute {
				return reply(req, 503, ""), nil
			}
			return reply(req, 200, workspacesDoc), nil
		})
		if _, err := c.Workspaces.List(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
