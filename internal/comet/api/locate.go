package api

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// An AddressError says that the client library's API is not where the address of
// an instance leads, so that nothing could be written there.
type AddressError struct {
	Address string // of that API, as the configured address has it
	Found   string // where it answers, "" if nowhere near
}

// Error names both.
func (e *AddressError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("the client library's API does not answer at %s", e.Address)
	}
	return fmt.Sprintf("the client library's API does not answer at %s, but at %s", e.Address, e.Found)
}

// CheckAddress makes sure that the client library's API is where the address of
// the instance leads: the REST API, whose place follows from the host alone, may
// answer all the same. It returns an [*AddressError] if it is elsewhere, or
// nowhere while the path is not the usual one. Where the server does not tell its
// version at all, a usual path is taken for right.
func (s *Server) CheckAddress(ctx context.Context) error {
	v := &s.version
	_, known := s.Version(ctx)
	v.mu.Lock()
	at, asked := v.base, v.asked
	v.mu.Unlock()
	configured := s.addr.clientlib
	switch {
	case known && at == configured, !asked:
		return nil // !asked: it is in trouble, which whatever comes next will tell
	case known:
		return &AddressError{configured, at}
	}
	found := s.FindAddress(ctx)
	if found == configured || found == "" && strings.HasSuffix(configured, "/clientlib/") {
		return nil
	}
	return &AddressError{configured, found}
}

// FindAddress returns the address, the configured one or one near it, at which the
// client library's API tells its version, "" if there is none.
func (s *Server) FindAddress(ctx context.Context) string {
	for _, base := range s.addr.candidates() {
		if ctx.Err() != nil {
			break
		}
		if _, known, _ := s.askVersion(s.conn.retry.briefly(ctx), base); known {
			return base
		}
	}
	return ""
}

// candidates returns the configured address of the client library, and those that it may
// have been meant for: below each folder of its path, the root included.
func (a *address) candidates() []string {
	list := []string{a.clientlib}
	u, err := url.Parse(a.clientlib)
	if err != nil {
		return list
	}
	for folder := u.EscapedPath(); ; {
		base := strings.TrimSuffix(a.root, "/") + folder + "clientlib/"
		if base != a.clientlib && !strings.HasSuffix(folder, "/clientlib/") {
			list = append(list, base)
		}
		if folder == "/" || len(list) > maxCandidates {
			return list
		}
		folder = folder[:strings.LastIndexByte(strings.TrimSuffix(folder, "/"), '/')+1]
	}
}

// maxCandidates bounds how many addresses are tried.
const maxCandidates = 8
