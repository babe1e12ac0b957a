package scan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// A Lack is what is wrong with an answer of status 200: it has not what was asked
// for.
type Lack struct {
	Status int
	Why    string
	Words  string // of the server, or the answer itself where it is short
	Own    bool
}

func (l *Lack) Error() string { return l.Why }

// check holds the members of an answer against what its call wants, one by one
// as they come.
type check struct {
	wants Wants
	found bool
	code  int64
	sdk   int64 // the code of an error
	words string
	says  string // the member that says that the answer is an error
	n     int
}

// minds reports whether a member that is not wanted says something of the answer.
func (k *check) minds(name string) bool {
	switch name {
	case "code", "msg", "message", "sdk_error_code", "sdkErrorCode", "error", "errors", "success", "status":
		return true
	}
	return false
}

// SaysError reports whether a member of an answer says that this is an error, in
// one of the forms that gateways and libraries use. Codes and words are no matter
// of it.
func SaysError(name string, value []byte) bool {
	switch name {
	case "error", "errors":
		switch string(value) {
		case "", "null", "false", "0", `""`, "[]", "{}":
			return false
		}
		return true
	case "success":
		b := wire.BoolOf(value)
		return b != nil && !*b
	case "status":
		// Those of the versions of models are what users call them: no other words.
		word := strings.ToLower(wire.TextOrEmpty(value))
		return word == "error" || word == "fail" || word == "failure"
	}
	return false
}

// member takes a member. Of a list that is wanted the first byte will do.
func (k *check) member(name string, value []byte) {
	k.n++
	switch {
	case name == "code" && wire.IsNumber(value) && (k.code == 0 || k.code == ok):
		k.code = wire.IntOrZero(value) // also where the source code has that name
	case name == "sdk_error_code", name == "sdkErrorCode":
		k.sdk = cmp.Or(k.sdk, wire.IntOrZero(value))
	case slices.Contains(k.wants.Names, name):
		k.found = k.found || k.wants.takes(value)
	case SaysError(name, value):
		k.says = fmt.Sprintf("%q: %s", name, value[:min(len(value), maxShown)])
	case k.minds(name) && k.words == "" && len(value) > 0 && value[0] == '"':
		k.words = wire.TextOrEmpty(value)
	}
}

// takes reports whether a value is of the kind that is wanted.
func (w Wants) takes(value []byte) bool {
	switch w.kind {
	case wantedList:
		return wire.IsNull(value) || value[0] == '['
	case wantedArray:
		return len(value) > 0 && value[0] == '['
	case wantedValue:
		return !wire.IsNull(value)
	}
	return true
}

// end returns a [*Lack] if something was missing.
func (k *check) end() error {
	l := &Lack{Status: ok, Words: k.words, Own: k.words != ""}
	switch {
	case k.wants.Names == nil:
		return nil
	case k.code != 0 && k.code != ok:
		l.Why = fmt.Sprintf("the response says code %d", k.code)
	case k.sdk != 0:
		l.Why = fmt.Sprintf("the response has the code %d of an error", k.sdk)
	case k.says != "":
		l.Why = "the response says " + k.says
	case !k.found:
		l.Why = "the response lacks " + k.wants.String()
	default:
		return nil
	}
	if k.n == 0 {
		l.Words = "{}"
	}
	return l
}

// ok is the code of a success, where a document has one.
const ok = 200

// maxShown is the longest answer that an error shows for want of words.
const maxShown = 100

// Holds reports with a [*Lack] whether a document has what is wanted.
func (w Wants) Holds(data []byte) error {
	k := check{wants: w}
	if i := wire.SkipSpace(data, 0); data[i] == '[' {
		bare := data[i:]
		if w.Bare && bare[wire.SkipSpace(bare, 1)] != ']' || w.Names == nil {
			return nil
		}
		l := k.end().(*Lack)
		l.Words = string(bare[:min(len(bare), maxShown)])
		return l
	}
	wire.Members(data, k.member)
	err := k.end()
	if l, ok := err.(*Lack); ok && k.words == "" && len(data) < maxShown {
		l.Words = string(data)
	}
	return err
}
