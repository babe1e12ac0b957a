package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// ErrNotAcknowledged says that the answer to a write, although its status is
// one of success, does not say that the write was done. It need not be: a
// gateway may have made it up.
var ErrNotAcknowledged = errors.New("the response does not acknowledge the write")

// Ack makes a call whose answer says no more than that it was done.
//
// A server that has never acknowledged a call is not asked for it in vain again
// and again: the caller has to look in any case.
func (c *Conn) Ack(ctx context.Context, cl *Call) error {
	cl.Want = wantDocument
	cl.Check = func(data []byte) error {
		if !Acknowledges(data, cl.Given) {
			return NotAcknowledged(data)
		}
		return nil
	}
	trait := acknowledges(cl)
	does, known := c.Server.Known(trait)
	cl.silent = known && !does
	resp, err := c.do(ctx, cl)
	switch {
	case err == nil:
		c.Server.Learn(trait, true)
		return resp.Body.Close()
	case !known && errors.Is(err, ErrNotAcknowledged):
		c.Server.Learn(trait, false)
	}
	return err
}

// HasMembers returns a check for a document that has to have all of the members, and
// that must not say that it is an error.
func HasMembers(names ...string) func([]byte) error {
	return func(data []byte) error {
		for _, name := range names {
			if wire.IsNull(wire.Member(data, name)) {
				return fmt.Errorf("%w: it has no %q: %s", ErrNotAcknowledged, name, shown(data))
			}
		}
		if saysError(data) {
			return NotAcknowledged(data)
		}
		return nil
	}
}

// saysError reports whether a document says that it is an error.
func saysError(data []byte) bool {
	says := false
	wire.Members(data, func(name string, v []byte) { says = says || scan.SaysError(name, v) })
	return says
}

// Acknowledges reports whether an answer says that a write was done: by its code,
// by the words of servers that send none, or by what the call gives in return.
func Acknowledges(data []byte, given []string) bool {
	done, refused := false, false
	wire.Members(data, func(name string, v []byte) {
		switch {
		case wire.IsNull(v):
		case scan.SaysError(name, v):
			refused = true
		case name == "code":
			done, refused = true, refused || wire.IntOrZero(v) != http.StatusOK
		case name == "sdk_error_code", name == "sdkErrorCode":
			refused = refused || wire.IntOrZero(v) != 0
		case name == "msg":
			done = done || saysDone(wire.TextOrEmpty(v))
		case slices.Contains(given, name):
			done = true
		}
	})
	return done && !refused
}

func saysDone(msg string) bool {
	switch strings.ToLower(strings.Trim(msg, " .!")) {
	case "saved", "ok", "success", "successful", "done", "created", "updated", "deleted", "archived", "restore", "restored", "stop requested":
		return true
	}
	return false
}

// NotAcknowledged returns an [ErrNotAcknowledged] that quotes the answer.
func NotAcknowledged(data []byte) error {
	return fmt.Errorf("%w: %s", ErrNotAcknowledged, shown(data))
}

// shown returns an answer as an error quotes it.
func shown(data []byte) string {
	const most = 120
	s := clip(string(data))
	switch {
	case s == "":
		return "it is empty"
	case len(s) > most:
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
