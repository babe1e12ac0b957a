package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
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
func (c *Conn) Version(ctx context.Context) (Version, bool) {
	c.version.mu.Lock()
	defer c.version.mu.Unlock()
	if c.version.asked {
		return c.version.v, c.version.known
	}
	bases := []string{c.addr.clientlib}
	if c.addr.clientlib != c.addr.root+"clientlib/" {
		bases = append(bases, c.addr.root+"clientlib/")
	}
	for _, base := range bases {
		v, known, err := c.askVersion(ctx, base)
		if known {
			c.version.asked, c.version.v, c.version.known, c.version.base = true, v, true, base
			return v, true
		}
		// Only an answer is remembered; after an outage it is worth another try.
		if err != nil && (passing(err) && !isNoAnswer(err) || ctx.Err() != nil) {
			return Version{}, false
		}
	}
	c.version.asked = true
	return Version{}, false
}

func (c *Conn) askVersion(ctx context.Context, base string) (Version, bool, error) {
	cl := readVersion.Call(nil)
	cl.Family, cl.base, cl.rateless = FamilyClient, base, true
	e := c.retry.begin(cl)
	for {
		resp, err := c.Try(e.start(ctx, nil), cl)
		if err == nil {
			c.retry.answered(e.began)
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

// Feature is a call that older servers lack.
type Feature struct {
	Path  string
	Since Version
	// replaced says that others can do the same in its place: nothing is lost where
	// it is taken to be missing and is not.
	Replaced bool
}

// features remembers what the server has shown to have and to lack.
type features struct {
	mu  sync.Mutex
	has map[string]bool
	// doubts are how often a write by a call was not done whose answer looked like
	// that of a server without the call.
	doubts map[string]int
}

// doubt notes one more of them.
func (f *features) doubt(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.doubts == nil {
		f.doubts = make(map[string]int)
	}
	f.doubts[path]++
	if _, known := f.has[path]; !known && f.doubts[path] >= unclearTries {
		f.put(path, false)
	}
}

// learn reports whether it is news.
func (f *features) learn(path string, has bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.put(path, has)
}

func (f *features) put(path string, has bool) (news bool) {
	old, known := f.has[path]
	if f.has == nil {
		f.has = make(map[string]bool)
	}
	f.has[path] = has
	return !known || old != has
}

func (f *features) known(path string) (has, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	has, known = f.has[path]
	return has, known
}

// Gated runs a call that older servers lack. It answers [ErrUnsupported]
// without asking when the version or an earlier answer says so. When an answer
// may mean both a missing call and a missing object, exists finds out which;
// where it is nil, only an answer that speaks of the path means the call. Of a
// call that nothing replaces, the server itself has to say that it is missing.
func (c *Conn) Gated(ctx context.Context, f Feature, method string, exists func() bool, run func() error) error {
	missing := c.Missing(&Call{Method: method, Path: f.Path})
	has, known := c.features.known(f.Path)
	if known && !has {
		return missing
	}
	if !known && f.Since != (Version{}) {
		if v, ok := c.Version(ctx); ok && v.Less(f.Since) {
			return missing
		}
	}
	err := run()
	if err == nil {
		c.features.learn(f.Path, true)
		return nil
	}
	e, isAnswer := errors.AsType[*Error](err)
	switch {
	case !isAnswer || known:
		return err
	case e.uncertain && !e.gaveUp:
		if f.Replaced {
			e.seemsToLack(f.Path)
		}
		return err
	case !mayBeMissing(e):
		return err
	}
	if !f.Replaced && !e.knowsNoPath() {
		e.endpointMissing = false
		return err
	}
	certain := e.Status != http.StatusNotFound && errors.Is(e, ErrUnsupported)
	switch {
	case certain, exists != nil && exists(), exists == nil && errors.Is(e, ErrUnsupported):
		c.features.learn(f.Path, false)
		return missing
	}
	e.endpointMissing = false
	return err
}

// Missing is the error of a call that the server lacks.
func (c *Conn) Missing(cl *Call) *Error {
	return &Error{Method: cl.Method, Path: c.judge.shownPath(cl), Err: ErrUnsupported, endpointMissing: true}
}

// Lacks reports whether the server is known to lack a call.
func (c *Conn) Lacks(f Feature) bool {
	has, known := c.features.known(f.Path)
	return known && !has
}

// Leave notes that a call is not to be made any more, and why.
func (c *Conn) Leave(f Feature, words string, why error) {
	if c.features.learn(f.Path, false) {
		c.log.Debug(words, "cause", why)
	}
}

// mayBeMissing reports whether an answer may be that of an old server to a
// call it does not know. It has come several times, while others were good. One
// with a code, or that names something that does not exist, is the API's.
func mayBeMissing(e *Error) bool {
	if e.SDKCode != 0 || errors.Is(e, ErrOutage) {
		return false
	}
	return errors.Is(e, ErrUnsupported) || e.unclear && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound)
}

// seemsToLack notes what an uncertain answer to a write says of the server, if it
// is not made up on the way.
func (e *Error) seemsToLack(path string) {
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		e.lacks = path
	}
}

// NotDone tells the client that an uncertain write was not done, as its caller
// has found. Where several were answered as by a server that does not have the
// call, the client makes it in another way from then on.
func (c *Conn) NotDone(err error) {
	e, ok := errors.AsType[*Error](err)
	if ok && e.lacks != "" {
		c.features.doubt(e.lacks)
	}
}

// What is no version is no answer of Comet's, and as good as none.
var readVersion = Read{Path: "isAlive/ver"}
