package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Classes of failure. Test for them with [errors.Is]; the error itself is an
// [*Error] for whatever the server answered.
var (
	// ErrNotFound says that there is no such object: the server's own error
	// says so, in words or by a code. Older servers do with status 400, newer
	// ones with 404; neither status means it by itself. See [Error.Parent].
	ErrNotFound = errors.New("not found")
	// ErrUnclear says that an answer does not say what was asked: it is an error
	// that is not the server's own, or that gives no reason that is known, or a
	// success that lacks what it must have. The call was made again and the
	// answer stayed so. The item may or may not exist.
	ErrUnclear = errors.New("the response is unclear")
	// ErrUnauthorized says that the server does not know the key.
	ErrUnauthorized = errors.New("the server does not accept the API key")
	// ErrForbidden says that the key may not do this with this object.
	ErrForbidden = errors.New("no permission")
	// ErrThrottled says that the server asked to slow down. It reaches the
	// caller only where nothing is repeated; otherwise the client waits.
	ErrThrottled = errors.New("throttled")
	// ErrServer says that a call kept failing until its tries or the retry
	// budget were used up. Without [ErrOutage], other calls succeeded
	// meanwhile: the fault lies with this one object.
	ErrServer = errors.New("the server keeps failing")
	// ErrOutage says that nothing at all succeeded for the whole retry
	// budget. Such an error is an [ErrServer] too.
	ErrOutage = errors.New("the server is out of reach")
	// ErrMisconfigured says that the configuration is at fault: the address or a
	// proxy. No call of the kind, read or write, has succeeded.
	ErrMisconfigured = errors.New("the configuration is wrong")
	// ErrLongWait says that the server asks for a longer wait than is left of the
	// time for it.
	ErrLongWait = errors.New("the server asks for a longer wait than is allowed")
	// ErrUncertain says that a write may or may not have been done. One that
	// must not be done twice has been tried once, and the caller has to look
	// before it repeats it; any other has been tried as often as it is worth,
	// and is an [ErrServer] too.
	ErrUncertain = errors.New("uncertain whether the server did it")
	// ErrLength says that the bytes of an asset are more or fewer than the list
	// says, each time: a part of them, something else, or a list that is wrong.
	ErrLength = errors.New("its length differs from the list")
	// ErrChanged says that a content was another one when the reading of it had
	// to begin again. What was read has to be discarded.
	ErrChanged = errors.New("it changed while it was read")
	// ErrUnsupported says that this server does not have the call.
	ErrUnsupported = errors.New("the server does not have this call")
	// ErrImmutable says that an asset or image with this id, or with this name in
	// this experiment, exists already and was left as it is.
	ErrImmutable = errors.New("exists and is immutable")
	// ErrNotJSON says that something else than the API answered: a page of a
	// gateway or, when it is all that ever comes, of another web site.
	ErrNotJSON = errors.New("the response is not JSON")
	// ErrExists says that the key or name is taken.
	ErrExists = errors.New("exists already")
	// ErrQuota says that the server takes no more of something: of this
	// experiment, or of all of a workspace. To send less is of no use.
	ErrQuota = errors.New("a quota is used up")
	// ErrStorage says that the storage of the server refused a part of a direct
	// upload: the address that it was sent to may have expired.
	ErrStorage = errors.New("refused by the storage")
)

// Values of [Error.SDKCode] that mean something here.
const (
	CodeNoWriteAccess         = 90210
	CodeNoSuchRun             = 90211
	CodeBadAPIKey             = 90212
	CodeNoSuchWorkspace       = 90219
	CodeArtifactVersionExists = 90399
	CodeArtifactVersionClosed = 90401
	CodeStorageFull           = 90501
	CodeExperimentExists      = 90999
	CodeNoSuchArtifact        = 624522
	CodeNoSuchArtifactVersion = 624523
	CodeProjectNameTooLong    = 1341241
	CodeNoModelToUpdate       = 42006
	CodeNoSuchModel           = 42008
	CodeImageLimit            = 7000001
	CodeAssetImmutable        = 7000005
	CodeImageImmutable        = 7000006
	CodeViewOnly              = 7000011
	CodeTextSampleLimit       = 7000012
	CodeVideoLimit            = 7000018
	CodeTooManyExperiments    = 7000020
	CodeServiceAccount        = 7000023
)

// Error is a call that failed: what was asked, and what came of it.
type Error struct {
	Method  string
	Path    string // without the query, which may hold a key
	Status  int    // 0 when no answer came
	SDKCode int    // sdk_error_code of the answer, or 0
	Msg     string // the server's words, or ""
	Err     error  // the cause when it is not the server's answer

	// Repeated is true when an earlier try of the same call may have reached
	// the server: "exists already" may then be of our own making.
	Repeated bool

	// Own is true when the answer is in the form of the server's own errors, and
	// not a page or a text of something in front of it.
	Own bool
	// Parent is true when an [ErrNotFound] speaks of something else than was
	// asked for, which that may belong to: the experiment of an asset.
	Parent bool
	// Named is true when it is the user who said that the words of an
	// [ErrNotFound] mean that, see [Options.AbsentWords].
	Named bool

	absent          bool // says that something does not exist
	page            bool // is one of HTML, which the API never sends
	unclear         bool
	endpointMissing bool  // speaks of the path, not of an object
	lacks           Trait // what the server seems to lack
	storage         bool  // the answer is that of the server's storage
	gaveUp          bool
	outage          bool
	uncertain       bool
	misconfigured   bool
	after           time.Duration // of the answer's Retry-After
}

// Error names the request, the status and the server's words.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Method + " " + e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d", e.Status)
		if s := http.StatusText(e.Status); s != "" {
			b.WriteString(" " + s)
		}
	}
	if e.Msg != "" {
		b.WriteString(": " + e.Msg)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.uncertain {
		b.WriteString(": " + ErrUncertain.Error())
	}
	return b.String()
}

// Unwrap returns the cause, nil when it is the server's answer.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether e is of the class that target stands for.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrServer:
		return e.gaveUp
	case ErrOutage:
		return e.outage
	case ErrUncertain:
		return e.uncertain
	case ErrUnclear:
		return e.unclear
	case ErrMisconfigured:
		return e.misconfigured
	case ErrStorage:
		return e.storage && refused(e)
	case ErrQuota:
		return !e.storage && e.isQuota()
	}
	if e.storage {
		// Its statuses speak of the signature, and not of the key.
		return false
	}
	switch target {
	case ErrUnsupported:
		// A caller that does not know whether a write was done must not make it
		// elsewhere.
		return (e.gaveUp || !e.uncertain) && (e.endpointMissing || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented)
	case ErrNotFound, ErrUnauthorized, ErrForbidden, ErrThrottled, ErrImmutable, ErrExists:
		return e.class() == target
	}
	return false
}

// Denied reports whether the server refuses because of who asks: for the key, for
// what it may do, for what its owner has not paid, or for the law.
func (e *Error) Denied() bool {
	switch {
	case errors.Is(e, ErrUnauthorized), errors.Is(e, ErrForbidden):
		return true
	case e.storage:
		return false
	}
	return e.Status == http.StatusPaymentRequired || e.Status == http.StatusUnavailableForLegalReasons
}

// Refusal returns the error of an uncertain write, that was answered with a refusal
// whenever it was tried and has never been done, as that of a write that was refused.
// Other errors come back as they are.
func Refusal(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.uncertain || e.Status/100 != 4 {
		return err
	}
	refused := *e
	refused.uncertain, refused.unclear = false, false
	return &refused
}

// class finds the one class of an answer. The code is the surest sign, then
// the status, then the words.
func (e *Error) class() error {
	if e.absent || e.Status/100 == 4 && absentCodes[e.SDKCode] != nil {
		return ErrNotFound
	}
	switch e.SDKCode {
	case CodeBadAPIKey:
		// Servers send this code also for a good key without access.
		if e.Status != http.StatusUnauthorized && saysForbidden(e.Msg) {
			return ErrForbidden
		}
		return ErrUnauthorized
	case CodeNoWriteAccess:
		return ErrForbidden
	case CodeViewOnly, CodeServiceAccount:
		return ErrForbidden
	case CodeExperimentExists, CodeArtifactVersionExists:
		return ErrExists
	case CodeAssetImmutable, CodeImageImmutable:
		return ErrImmutable
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		if e.unclear {
			return nil
		}
		return ErrForbidden
	case http.StatusTooManyRequests:
		return ErrThrottled
	}
	switch {
	case !e.Own:
	case e.Status == http.StatusConflict, e.Status == http.StatusBadRequest && saysExists(e.Msg):
		return ErrExists
	case e.Status == http.StatusBadRequest && saysForbidden(e.Msg):
		return ErrForbidden
	}
	return nil
}

// isQuota reports whether an answer is about how much there is already, and not
// about what was sent.
func (e *Error) isQuota() bool {
	switch e.SDKCode {
	case CodeStorageFull, CodeImageLimit, CodeTooManyExperiments:
		return true
	}
	if CodeTextSampleLimit <= e.SDKCode && e.SDKCode <= CodeVideoLimit {
		return true
	}
	switch e.Status {
	case http.StatusPaymentRequired, http.StatusInsufficientStorage:
		return true
	case http.StatusBadRequest, http.StatusForbidden:
		return containsAny(e.Msg, "quota", "payment", "storage is full", "storage full", "full storage",
			"storage limit", "out of storage", "limit of your plan", "upgrade your plan")
	}
	return false
}

func saysNotFound(msg string) bool {
	return containsAny(msg, "not found", "not exist", "n't exist", "no such", "not find", "n't find", "has no ",
		"unknown experiment", "unknown project", "unknown workspace", "unknown asset", "unknown metric")
}

func saysForbidden(msg string) bool {
	return containsAny(msg, "cannot access", "can't access", "no access", "not have access", "n't have access",
		"not allowed", "permission", "view only", "view-only", "not authorized", "forbidden")
}

func saysExists(msg string) bool {
	return strings.HasSuffix(msg, " already") || containsAny(msg, "already exist", "exists already", "already taken", "is taken", "already in use", "already member")
}

// saysNoEndpoint recognises the answers of web frameworks and proxies to a
// path that they do not know. The API's own errors name an object in msg.
func saysNoEndpoint(msg string) bool {
	m := strings.ToLower(strings.TrimRight(strings.TrimSpace(msg), ".!"))
	switch m {
	case "", "not found", "404", "404 not found", "404 page not found", "page not found",
		"resource not found", "the requested resource was not found", "the requested resource could not be found":
		return true
	}
	return namesPath(m)
}

func namesPath(msg string) bool {
	return containsAny(msg, "http 404 not found", "endpoint", "route", "no handler", "cannot get /", "cannot post /", "unknown path", "unknown url", "resource path")
}

// knowsNoPath reports whether it is certain that the server does not have the call:
// its own framework says so.
func (e *Error) knowsNoPath() bool {
	return e.Own && (e.endpointMissing && namesPath(e.Msg) || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented)
}

func containsAny(s string, words ...string) bool {
	s = strings.ToLower(s)
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
