package api

import (
	"context"
	"errors"
	"net/http"
)

// Feature is a call that older servers lack.
type Feature struct {
	Path  string
	Since Version
	// Replaced says that others can do the same in its place: nothing is lost where
	// it is taken to be missing and is not.
	Replaced bool
}

// trait returns the trait of servers that have the call.
func (f Feature) trait() Trait { return Trait(f.Path) }

// Gated runs a call that older servers lack. It answers [ErrUnsupported] without
// asking when the version or an earlier answer says so. When an answer may mean
// both a missing call and a missing object, exists finds out which; where it is
// nil, only an answer that speaks of the path means the call. For a call without
// a replacement the server itself has to say that it is missing.
func (c *Conn) Gated(ctx context.Context, f Feature, method string, exists func() bool, run func() error) error {
	missing := c.Missing(&Call{Method: method, Path: f.Path})
	has, known := c.Server.Known(f.trait())
	if known && !has {
		return missing
	}
	if !known && f.Since != (Version{}) {
		if v, ok := c.Server.Version(ctx); ok && v.Less(f.Since) {
			return missing
		}
	}
	err := run()
	if err == nil {
		c.Server.Learn(f.trait(), true)
		return nil
	}
	e, isAnswer := errors.AsType[*Error](err)
	switch {
	case !isAnswer || known:
		return err
	case e.uncertain && !e.gaveUp:
		if f.Replaced {
			e.seemsToLack(f.trait())
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
		c.Server.Learn(f.trait(), false)
		return missing
	}
	e.endpointMissing = false
	return err
}

// Missing is the error of a call that the server lacks.
func (c *Conn) Missing(cl *Call) *Error {
	return &Error{Method: cl.Method, Path: c.judge.shownPath(cl), Err: ErrUnsupported, endpointMissing: true}
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
func (e *Error) seemsToLack(trait Trait) {
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		e.lacks = trait
	}
}
