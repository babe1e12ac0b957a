package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Version is the version of a server.
type Version struct {
	Major, Minor, Patch int
	Text                string // as the server gave it
}

// Less reports whether v is older than w.
func (v Version) Less(w Version) bool {
	return slices.Compare([]int{v.Major, v.Minor, v.Patch}, []int{w.Major, w.Minor, w.Patch}) < 0
}

// String returns the version as the server gave it.
func (v Version) String() string {
	if v.Text != "" {
		return v.Text
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

func parseVersion(s string) (Version, bool) {
	v := Version{Text: s}
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 3 {
		return Version{}, false
	}
	// A suffix such as -rc1 does not matter.
	if i := strings.IndexFunc(parts[2], func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		parts[2] = parts[2][:i]
	}
	for i, n := range []*int{&v.Major, &v.Minor, &v.Patch} {
		x, err := strconv.Atoi(parts[i])
		if err != nil || x < 0 {
			return Version{}, false
		}
		*n = x
	}
	return v, true
}

type versionCache struct {
	mu    sync.Mutex
	asked bool
	known bool
	v     Version
	base  string // of the client library, where it was told
}

// Version returns the version of the server, and false when it does not tell.
// The server is asked once.
func (s *Server) Version(ctx context.Context) (Version, bool) {
	s.version.mu.Lock()
	defer s.version.mu.Unlock()
	if s.version.asked {
		return s.version.v, s.version.known
	}
	bases := []string{s.addr.clientlib}
	if s.addr.clientlib != s.addr.root+"clientlib/" {
		bases = append(bases, s.addr.root+"clientlib/")
	}
	for _, base := range bases {
		v, known, err := s.askVersion(ctx, base)
		if known {
			s.version.asked, s.version.v, s.version.known, s.version.base = true, v, true, base
			return v, true
		}
		// Only an answer is remembered; after an outage it is worth another try.
		if err != nil && (isTransient(err) && !isNoAnswer(err) || ctx.Err() != nil) {
			return Version{}, false
		}
	}
	s.version.asked = true
	return Version{}, false
}

func (s *Server) askVersion(ctx context.Context, base string) (Version, bool, error) {
	cl := readVersion.Call(nil)
	cl.Family, cl.base = FamilyClient, base
	e := s.conn.retry.begin(ctx, cl)
	for {
		resp, err := s.conn.Try(e.start(ctx, nil), cl)
		if err == nil {
			s.conn.retry.answered(e.began)
			data, err := readWhole(resp, nil)
			v, ok := parseVersion(wire.TextOrEmpty(wire.Member(data, "version")))
			return v, ok, err
		}
		// A page instead of JSON, or an error that is not the API's, may be that of
		// a server without this endpoint: it is asked twice. And a version is no
		// reason to spend the whole budget.
		if isNoAnswer(err) && e.failures >= 1 || e.failures >= 3 {
			return Version{}, false, err
		}
		if err := e.failed(ctx, err); err != nil {
			return Version{}, false, err
		}
	}
}

// isNoAnswer reports whether something else than the API has answered.
func isNoAnswer(err error) bool { return errors.Is(err, ErrNotJSON) || errors.Is(err, ErrUnclear) }

// An answer that is not a version does not come from Comet, and counts as no
// answer.
var readVersion = Read{Path: "isAlive/ver"}
