package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// proxyFromEnv returns what finds the proxy of a request in the environment, as
// curl and Comet's SDK do: HTTPS_PROXY and HTTP_PROXY, in place of one that is not
// set ALL_PROXY, and NO_PROXY for hosts that need none. Names in lower case go
// first.
func proxyFromEnv() (func(*http.Request) (*url.URL, error), error) {
	c := httpproxy.FromEnvironment()
	all := cmp.Or(os.Getenv("all_proxy"), os.Getenv("ALL_PROXY"))
	for _, p := range []struct {
		name  string
		proxy *string
	}{{"HTTPS_PROXY", &c.HTTPSProxy}, {"HTTP_PROXY", &c.HTTPProxy}} {
		if *p.proxy == "" {
			*p.proxy, p.name = all, "ALL_PROXY"
		}
		if err := checkProxy(*p.proxy); err != nil {
			return nil, withCode(ExitUsage, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	find := c.ProxyFunc()
	return func(req *http.Request) (*url.URL, error) { return find(req.URL) }, nil
}

// checkProxy returns what is wrong with the address of a proxy. It does not quote
// it: it may hold a password.
func checkProxy(text string) error {
	if text == "" {
		return nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return errors.New("it is not the address of a proxy, such as http://proxy.example.com:3128")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return nil
	}
	return fmt.Errorf("no proxies of the kind %q: want http, https, socks5 or socks5h", u.Scheme)
}
