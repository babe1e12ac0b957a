package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// What an answer means is decided here. That something is absent is said by the
// server, in its own form of an error, for what was asked; a gateway in front of
// the server says nothing of it, whatever its status. An answer that says neither
// that nor what was asked for is unclear: it is asked for again, and never taken
// for an absence or an empty list.

// judge reads from the answer to a call that failed what it says.
func (e *Error) judge(cl *Call, named []string) {
	if e.Status/100 == 5 && e.Status != http.StatusNotImplemented && e.Status != http.StatusHTTPVersionNotSupported {
		return // not of the object
	}
	words := e.Msg
	e.endpointMissing = e.Status == http.StatusNotFound && e.SDKCode == 0 && saysNoEndpoint(words)
	switch e.Status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return
	}
	switch e.Named = isNamed(words, named); {
	case e.Named:
		e.absent, e.endpointMissing = true, false
	case e.Own && !e.endpointMissing:
		e.absent, e.Parent = SaysAbsent(e.SDKCode, words, cl.About)
	}
	e.unclear = !e.definite(cl)
}

// definite reports whether an answer that is not a success says why.
func (e *Error) definite(cl *Call) bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusProxyAuthRequired,
		http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
		http.StatusRequestedRangeNotSatisfiable, http.StatusExpectationFailed, http.StatusRequestHeaderFieldsTooLarge,
		http.StatusUnavailableForLegalReasons:
		return true
	case http.StatusForbidden:
		// A gateway says nothing of what the key may read, nor of whether the server
		// behind it has done a write.
		if cl.Unsafe {
			return e.Own
		}
		return !e.page || cl.write()
	}
	switch {
	case e.endpointMissing, errors.Is(e, ErrUnsupported):
		return false
	case e.class() != nil:
		return true
	}
	// If the server refuses a read for an unknown reason, the item may exist. A
	// write that it refuses is not done.
	return e.Own && cl.write()
}

// isNamed reports whether the user has said that these words mean absence.
func isNamed(words string, named []string) bool {
	return words != "" && slices.ContainsFunc(named, func(n string) bool { return containsAny(words, strings.ToLower(n)) })
}

// absentCodes are the codes that say that something does not exist, and what.
var absentCodes = map[int][]string{
	CodeNoSuchRun:             {"experiment", "run"},
	CodeNoSuchWorkspace:       {"workspace", "team"},
	CodeNoSuchArtifact:        {"artifact"},
	CodeNoSuchArtifactVersion: {"version", "alias"},
	CodeNoModelToUpdate:       {"model", "item"},
	CodeNoSuchModel:           {"model", "version", "item"},
}

// absentObjects are what servers say of that it does not exist.
var absentObjects = []string{
	"experiment", "run", "project", "workspace", "team", "artifact", "version", "alias", "model", "item", "stage", "asset", "image", "file",
	"metric", "parameter", "template", "panel", "view", "upload", "user",
}

// SaysAbsent reports whether the server's own error says that something is not
// there. With parent it is not the thing that the call is about, but another one,
// which that may belong to.
func SaysAbsent(code int, words string, about []string) (absent, parent bool) {
	if of := absentCodes[code]; of != nil {
		return true, !slices.ContainsFunc(of, func(s string) bool { return slices.Contains(about, s) })
	}
	said := plainWords(words)
	of := func(names []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(said, n) })
	}
	switch {
	case code == CodeNoWriteAccess:
		return saysNotFound(words), true
	case code != 0 || saysExists(words):
		return false, false
	case !saysNotFound(words):
		// "No git patch was found", "experiment has no code"
		for i := 1; i < len(said); i++ {
			if said[i-1] == "no" && slices.Contains(about, said[i]) && !saysForbidden(words) {
				return true, false
			}
		}
		return false, false
	case of(about):
		return true, false
	}
	return of(absentObjects), true
}

// plainWords returns the words of a message in lower case and in the singular,
// without names that it quotes.
func plainWords(s string) []string {
	var plain strings.Builder
	var quote rune
	before := ' '
	for _, r := range strings.ToLower(s) {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
		case r == '"' || r == '`' || r == '\'' && !unicode.IsLetter(before):
			quote = r
		default:
			plain.WriteRune(r)
		}
		before = r
	}
	text := plain.String()
	for _, phrase := range []string{"error code", "status code", "http code"} {
		text = strings.ReplaceAll(text, phrase, "")
	}
	list := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range list {
		list[i] = strings.TrimSuffix(w, "s")
	}
	return list
}

// lacking returns the error of an answer that lacks something.
func (j *judge) lacking(cl *Call, l *scan.Lack) *Error {
	e := &Error{
		Method: cl.Method, Path: j.shownPath(cl), Status: l.Status, Own: l.Own,
		Msg: j.secrets.hide(clip(l.Words)), Err: l, unclear: true,
	}
	if isNamed(e.Msg, j.absentWords) {
		e.Named, e.absent, e.unclear = true, true, false
	}
	return e
}

// OtherAnswer returns the error of a success that is something else than was asked
// for, with what it says if the server itself says something.
func OtherAnswer(resp *http.Response, data []byte, why string) error {
	l := &scan.Lack{Status: resp.StatusCode, Why: why}
	if json.Valid(data) {
		l.Own = isOwn(data)
		l.Words, _ = serverWords(resp, data)
	}
	return l
}

// isOwn reports whether the body of a failure is in the form in which the API
// reports its errors: an object with words or a code of its own.
func isOwn(data []byte) bool {
	own := false
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "msg", "message", "logMsg":
			own = own || len(v) > 2 && v[0] == '"'
		case "code", "sdk_error_code", "sdkErrorCode":
			own = own || wire.IsNumber(v) && wire.IntOrZero(v) != 0
		}
	})
	return own && json.Valid(data)
}

// unclearWords reports words of the server that nobody here knows, once for each
// call.
type unclearWords struct {
	report   func(call, words string)
	reported sync.Map // of paths
}

// note takes the error that a call is given up with.
func (u *unclearWords) note(cl *Call, err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || u.report == nil || !e.unclear || !e.Own || e.Msg == "" || cl.write() || e.endpointMissing {
		return
	}
	if _, reported := u.reported.LoadOrStore(cl.Path, true); !reported {
		u.report(cl.Method+" "+cl.Path, e.Msg)
	}
}
