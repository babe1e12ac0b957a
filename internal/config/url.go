package config

import (
	"net/url"
	"strings"
)

// clientlib is the last part of the path that Comet's clients are configured
// with.
const clientlib = "clientlib"

// parseURL reads an address: that of the client library endpoints, as Comet's
// settings have it (https://host/clientlib/), or the root above it
// (https://host). Its errors show no part of an address that may be a password.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case !strings.Contains(s, "://") || err == nil && u.Scheme == "":
		// Parse takes the host of "host:8080" for a scheme, and refuses
		// "127.0.0.1:8080".
		return nil, &Error{
			Message: "the address has no scheme",
			Hints:   []string{"write it as https://comet.example.com/clientlib/"},
		}
	case err != nil:
		return nil, errorf("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errorf("the address has the scheme %q, want https or http", u.Scheme)
	case u.Hostname() == "":
		return nil, errorf("the address has no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errorf("the address has a query or a fragment, which no address of an instance has")
	}
	u.Path = inClientlib(u.Path)
	if u.RawPath != "" {
		u.RawPath = inClientlib(u.RawPath)
	}
	return u, nil
}

// inClientlib makes path end in "/clientlib/".
func inClientlib(path string) string {
	return strings.TrimSuffix(strings.TrimRight(path, "/"), "/"+clientlib) + "/" + clientlib + "/"
}

// mustParse parses an address that is a constant.
func mustParse(s string) *url.URL {
	u, err := parseURL(s)
	if err != nil {
		panic("config: " + err.Error())
	}
	return u
}

// address returns the root of an instance for people to read: without userinfo,
// and without the clientlib that all addresses end in.
func address(u *url.URL) string {
	shown := *u
	shown.User = nil
	shown.Path = strings.TrimSuffix(shown.Path, clientlib+"/")
	shown.RawPath = strings.TrimSuffix(shown.RawPath, clientlib+"/")
	return shown.String()
}

// sameHost reports whether a key of one address may be sent to the other: host,
// port and scheme are the same.
func sameHost(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// port returns the port of an address, that of its scheme if it names none.
func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}
