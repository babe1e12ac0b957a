package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A FaultKind says what goes wrong with a request.
type FaultKind string

// The kinds of faults. "Not done" means that the handler of the server never
// saw the request, "done" that it ran to its end. A reset is a TCP RST, a
// close is an orderly end of the connection.
const (
	// FaultRefuse closes the connection without an answer. Not done.
	FaultRefuse FaultKind = "refuse"
	// FaultReset resets the connection after the request headers and, where
	// Fault.Bytes is set, that many bytes of the request body. Not done.
	FaultReset FaultKind = "reset"
	// FaultResetHead resets the connection between the headers and the body
	// of the answer. Done.
	FaultResetHead FaultKind = "reset-head"
	// FaultResetBody resets the connection in the middle of the answer's
	// body, after Fault.Bytes or half of it. Done.
	FaultResetBody FaultKind = "reset-body"
	// FaultShort closes the connection after Fault.Bytes or half of the
	// answer's body, its length having been declared rightly. Done.
	FaultShort FaultKind = "short"
	// FaultLength declares a Content-Length of Fault.Bytes or half of the
	// body: what arrives looks like a complete answer. Done.
	FaultLength FaultKind = "length"
	// FaultTrickle sends the answer's body Fault.Bytes (1) at a time, with
	// Fault.Delay (1 s) between. Done.
	FaultTrickle FaultKind = "trickle"
	// FaultStall stops in the middle of the answer's body, after Fault.Bytes
	// or half of it, and goes on after Fault.Delay; without Delay it waits
	// until the client gives up. Done.
	FaultStall FaultKind = "stall"
	// FaultHang holds the request for Fault.Delay before it is done and
	// answered as always, perhaps after the client has left. Without Delay, or
	// with Fault.Done, there is no answer at all: after Delay, or when the
	// client gives up, the connection is reset. Not done in that case, unless
	// Fault.Done says so.
	FaultHang FaultKind = "hang"
	// FaultQuota is status 429 for as long as Fault.Requests or Fault.For say;
	// one of them must. Not done.
	FaultQuota FaultKind = "quota"
	// FaultHTML answers 200 with a page of HTML, as a proxy in between would.
	// Not done, unless Fault.Done says so.
	FaultHTML FaultKind = "html"
	// FaultLost resets the connection instead of answering. Done.
	FaultLost FaultKind = "lost"
	// FaultLag answers reads from before the last write; see Fault.Reads.
	FaultLag FaultKind = "lag"
)

// FaultStatus is the kind that answers with a status from 400 to 599: a JSON
// error of the server or, for 502, 503 and 504, the HTML page of a gateway.
// Not done, unless [Fault.Done] says so. In JSON it is the number as a string.
func FaultStatus(code int) FaultKind { return FaultKind(strconv.Itoa(code)) }

// status returns the status that a kind answers with before the handler runs,
// or 0.
func (k FaultKind) status() int {
	if k == FaultQuota {
		return 429
	}
	code, err := strconv.Atoi(string(k))
	if err != nil || code < 400 || code > 599 {
		return 0
	}
	return code
}

func (k FaultKind) known() bool {
	switch k {
	case FaultRefuse, FaultReset, FaultResetHead, FaultResetBody, FaultShort, FaultLength, FaultTrickle,
		FaultStall, FaultHang, FaultQuota, FaultHTML, FaultLost, FaultLag:
		return true
	}
	return k.status() != 0
}

// A Fault is a rule: which requests are struck, and by what.
//
// The requests that match Endpoint and Item are counted per rule, from 1. Of
// these, From, To, Rate and Times select the ones that are struck; a rule that
// sets none of them strikes all. In JSON the names are those of the field
// tags, and durations are texts such as "1.5s".
type Fault struct {
	Kind FaultKind `json:"kind"`

	// Endpoint is a pattern over "METHOD /path", in which * stands for any
	// text, slashes included, and ? for one character. Empty matches every
	// request.
	Endpoint string `json:"endpoint,omitempty"`
	// Item narrows the rule to requests that contain this text in the path, in
	// the query, or in the first 64 KiB of a body that is not multipart: the
	// key of an experiment, the id of an asset.
	Item string `json:"item,omitempty"`

	// From and To are the first and the last request in question. From alone
	// means from there on; the k-th request alone is From and To both k.
	From int `json:"from,omitempty"`
	To   int `json:"to,omitempty"`
	// Rate is the probability that a request is struck, 0 meaning that all
	// are. The draw depends on the seed, the rule, method and URL of the
	// request, and on how often these have been seen before: the order in
	// which different requests arrive does not change it.
	Rate float64 `json:"rate,omitempty"`
	// Times is how often the rule strikes, 0 meaning without limit; or once,
	// for a strike that lasts and has no Rate.
	Times int `json:"times,omitempty"`

	// Requests and For make a strike last: from then on every matching
	// request is struck, until it was so many or so long. With both, the one
	// that is reached first ends it.
	Requests int           `json:"requests,omitempty"`
	For      time.Duration `json:"-"`

	// Bytes is the place or the amount that the kinds speak of, 0 meaning
	// their default.
	Bytes int64 `json:"bytes,omitempty"`
	// Delay is the wait that the kinds speak of.
	Delay time.Duration `json:"-"`
	// Done lets the handler run before a kind that would keep the request
	// from it: a gateway that gave up on a request which the server carried
	// out.
	Done bool `json:"done,omitempty"`

	// RetryAfter is the header of that name in a status answer, as it stands;
	// "auto" is what remains of For, in seconds.
	RetryAfter string `json:"retryAfter,omitempty"`
	// SDKErrorCode is the sdk_error_code of a JSON error.
	SDKErrorCode int `json:"sdkErrorCode,omitempty"`

	// Reads, for FaultLag, is how many reads of one URL after a write are
	// answered with what the server answered before it (1 if not set), and
	// For how long after the first write since that answer this may happen.
	// Only matching GET requests count. A write that names an experiment leaves the URLs of
	// other experiments alone. A URL that has not been read before the write
	// cannot lag, unless Prime names it.
	Reads int `json:"reads,omitempty"`
	// Prime, for FaultLag, lists URLs, path and query, which the middleware
	// itself reads just before each write, with the key of that write.
	// {experimentKey} stands for the experiment that the write names; without
	// one, such a URL is left out.
	Prime []string `json:"prime,omitempty"`
}

// lasts reports whether a strike goes on for more than one request. For
// FaultLag, For has another meaning.
func (f *Fault) lasts() bool {
	return f.Kind != FaultLag && (f.Requests > 0 || f.For > 0)
}

// Check returns what is wrong with the rule. A rule that could never strike is
// wrong: a test would pass because nothing happened.
func (f *Fault) Check() error {
	switch {
	case !f.Kind.known():
		return fmt.Errorf("unknown kind %q", f.Kind)
	case f.Endpoint != "" && f.Endpoint[0] != '*' && !strings.Contains(f.Endpoint, " "):
		return fmt.Errorf("endpoint %q: want a pattern over \"METHOD /path\"", f.Endpoint)
	case f.Rate < 0 || f.Rate > 1:
		return fmt.Errorf("rate %v is not within 0 and 1", f.Rate)
	case f.From < 0 || f.To < 0 || f.To > 0 && f.To < f.From:
		return fmt.Errorf("requests %d to %d: no such range", f.From, f.To)
	case f.Times < 0 || f.Requests < 0 || f.For < 0 || f.Bytes < 0 || f.Delay < 0 || f.Reads < 0:
		return errors.New("negative amount")
	case f.Kind == FaultQuota && !f.lasts():
		return errors.New("a quota needs requests or for")
	case f.RetryAfter != "" && f.Kind.status() == 0:
		return fmt.Errorf("retryAfter is not for kind %q", f.Kind)
	case f.RetryAfter == "auto" && f.For == 0:
		return errors.New(`retryAfter "auto" needs for`)
	case f.Kind != FaultLag && (f.Reads > 0 || len(f.Prime) > 0):
		return fmt.Errorf("reads and prime are not for kind %q", f.Kind)
	}
	for _, target := range f.Prime {
		if u, err := url.Parse(target); err != nil || !strings.HasPrefix(target, "/") || u.Host != "" {
			return fmt.Errorf("prime %q is not a path with a query", target)
		}
	}
	return nil
}

// faultFields has the fields of a Fault without its methods.
type faultFields Fault

// faultJSON is a Fault with its durations as text.
type faultJSON struct {
	faultFields
	For   string `json:"for,omitempty"`
	Delay string `json:"delay,omitempty"`
}

// MarshalJSON returns the rule as UnmarshalJSON reads it.
func (f Fault) MarshalJSON() ([]byte, error) {
	doc := faultJSON{faultFields: faultFields(f)}
	if f.For != 0 {
		doc.For = f.For.String()
	}
	if f.Delay != 0 {
		doc.Delay = f.Delay.String()
	}
	return json.Marshal(doc)
}

// UnmarshalJSON reads a rule. An unknown field is an error.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var doc faultJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return err
	}
	*f = Fault(doc.faultFields)
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"for", doc.For, &f.For}, {"delay", doc.Delay, &f.Delay}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		*d.to = v
	}
	return nil
}

// matchGlob reports whether s matches the pattern as a whole, * standing for
// any text and ? for one byte.
func matchGlob(pattern, s string) bool {
	// After a mismatch the last * takes one byte more; an earlier one never
	// needs to.
	star, retry := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			retry++
			p, i = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
