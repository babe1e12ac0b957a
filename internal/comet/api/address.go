package api

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// DefaultURL is the address of the public instance.
const DefaultURL = "https://www.comet.com/clientlib/"

// Family tells which of the server's address spaces a path belongs to.
type Family int

// The address spaces of a server.
const (
	FamilyREST   Family = iota // api/rest/v2/
	familyAlt                  // clientlib/rest/v2/, where the Python SDK sends a few writes
	FamilyClient               // clientlib/ itself
)

// address holds the base URLs that follow from the configured one. All end in
// a slash.
type address struct {
	root      string // scheme and host
	clientlib string
	alt       string
	rest      string
	// restPrefixed is the REST base below the path prefix of an instance
	// that does not sit at the root of its host, or "". The Python SDK drops
	// the prefix for REST calls, so which of the two exists is the server's
	// choice.
	restPrefixed string
	host         string
	scheme       string
}

// parseAddress derives the bases from the URL that COMET_URL_OVERRIDE holds,
// as the Python SDK does. An address without a path, which no client could
// use, is taken to mean the usual clientlib/ below it.
func parseAddress(clientlib, restBase string) (address, error) {
	if clientlib == "" {
		clientlib = DefaultURL
	}
	u, err := parseBase(clientlib)
	if err != nil {
		return address{}, err
	}
	if u.Path == "/" {
		u.Path = "/clientlib/"
	}
	root := u.Scheme + "://" + u.Host + "/"
	a := address{
		root:      root,
		clientlib: u.String(),
		alt:       root + "clientlib/rest/v2/",
		rest:      root + "api/rest/v2/",
		host:      u.Host,
		scheme:    u.Scheme,
	}
	prefix := strings.TrimSuffix(strings.TrimSuffix(u.EscapedPath(), "clientlib/"), "/")
	if prefix != "" && strings.HasSuffix(u.Path, "/clientlib/") {
		a.restPrefixed = strings.TrimSuffix(root, "/") + prefix + "/api/rest/v2/"
		a.alt = a.clientlib + "rest/v2/"
	}
	if restBase != "" {
		r, err := parseBase(restBase)
		if err != nil {
			return address{}, err
		}
		a.rest, a.restPrefixed = r.String(), ""
		if r.Host != a.host || r.Scheme != a.scheme {
			// Two hosts would mean that a key goes to a host that was not
			// named beside it.
			return address{}, fmt.Errorf("comet: the REST address is on %s, the other one on %s", r.Host, a.host)
		}
	}
	return a, nil
}

// parseBase checks one configured URL and gives it a final slash. User
// information, query and fragment are dropped: the Authorization header is
// Comet's own.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		// The parse error quotes the text, which may hold a password.
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, fmt.Errorf("comet: server address: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("comet: server address %q is not of the form https://host/clientlib/", u.Redacted())
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment = nil, "", "", ""
	u.ForceQuery = false
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return u, nil
}
