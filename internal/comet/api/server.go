package api

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Server is one instance of Comet: where its APIs are, and what has been learnt of it.
//
// The addresses of its APIs follow from the configured one; which of two
// candidates the REST API answers at is found out by asking (rest), and so is the
// version (version.go) and whether the client library's API is where the address
// leads (locate.go). Other differences between servers, including calls that
// older ones lack, are its [Traits]: found out by the first call that shows them,
// and not asked again.
//
// All of it holds as long as the connection. How its endpoints do at the moment is
// known to the retrier (health.go), and how fast it may be asked to package gate.
type Server struct {
	Traits
	conn    *Conn // asks
	addr    address
	rest    restBase
	version versionCache
}

// restBase remembers which of two candidate bases the REST API answers on.
type restBase struct {
	mu   sync.Mutex
	base string
}

// known returns the base that has been found, or def.
func (b *restBase) known(def string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.base != "" {
		return b.base
	}
	return def
}

// Clientlib returns the client library's address that all others follow from.
func (s *Server) Clientlib() string { return s.addr.clientlib }

// Root returns the address of the instance: scheme and host, with a slash.
func (s *Server) Root() string { return s.addr.root }

// restURL returns the base of the REST API. Where the instance sits below a
// path prefix it asks which of the two forms exists, until one of them answers.
func (s *Server) restURL(ctx context.Context) string {
	if s.addr.restPrefixed == "" {
		return s.addr.rest
	}
	s.rest.mu.Lock()
	defer s.rest.mu.Unlock()
	if s.rest.base != "" {
		return s.rest.base
	}
	for _, base := range []string{s.addr.rest, s.addr.restPrefixed} {
		if s.answersREST(ctx, base) {
			s.rest.base = base
			return base
		}
	}
	return s.addr.rest
}

// answersREST reports whether the REST API is at base. A key that is refused,
// say, is refused by the API.
func (s *Server) answersREST(ctx context.Context, base string) bool {
	cl := ReadAccount.Call(nil)
	cl.base = base
	_, err := s.conn.Try(s.conn.retry.briefly(ctx), cl)
	return err == nil || refused(err)
}

// answers reports whether the server answers at all now.
func (s *Server) answers(ctx context.Context) bool {
	ctx = s.conn.retry.briefly(ctx)
	return s.answersREST(ctx, s.restURL(ctx))
}

// answersWell reports whether a read that was answered well still is, as far as the
// first of its bytes tell.
func (s *Server) answersWell(ctx context.Context, cl *Call) bool {
	resp, err := s.conn.Try(s.conn.retry.briefly(ctx), cl)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.CopyN(io.Discard, resp.Body, enoughProgress)
	return err == nil || err == io.EOF
}

// Lacks reports whether the server is known to lack a call.
func (s *Server) Lacks(f Feature) bool {
	has, known := s.Known(f.trait())
	return known && !has
}

// Leave notes that a call is not to be made any more, and why.
func (s *Server) Leave(f Feature, words string, why error) {
	if s.Learn(f.trait(), false) {
		s.conn.log.Debug(words, "cause", why)
	}
}

// NotDone tells the client that an uncertain write was not done, as its caller
// has found. Where several were answered as by a server that does not have the
// call, the client makes it in another way from then on.
func (s *Server) NotDone(err error) {
	e, ok := errors.AsType[*Error](err)
	if ok && e.lacks != "" {
		s.doubt(e.lacks)
	}
}
