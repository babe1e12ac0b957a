// Package refusal has the errors that a server answers with: a status, a code that
// clients know, and what is wrong in words.
package refusal

import (
	"fmt"
	"net/http"
)

// The values of sdk_error_code that this server gives.
const (
	CodeNoWriteAccess      = 90210
	CodeNoSuchRun          = 90211
	CodeBadKey             = 90212
	CodeNoWorkspace        = 90219
	CodeNoExperimentKey    = 90998
	CodeExperimentExists   = 90999
	CodeNoProjectName      = 98219
	CodeProjectNameTooLong = 1341241
	CodeBadModelVersion    = 42001
	CodeNoRegistryToUpdate = 42006
	CodeNoRegistryModel    = 42008
	CodeArtifactExists     = 90399
	CodeArtifactClosed     = 90401
	CodeArtifactNotReady   = 90402
	CodeArtifactFailed     = 90403
	CodeArtifactState      = 90410
	CodeNoArtifact         = 624522
	CodeNoArtifactVersion  = 624523
	CodeImageLimit         = 7000001
	CodeAssetImmutable     = 7000005
	CodeImageImmutable     = 7000006
	CodeViewOnly           = 7000011
	CodeTooManyExperiments = 7000020
)

// LimitCodes are the codes of uploads beyond the limit of their type.
var LimitCodes = map[string]int{
	"image":         CodeImageLimit,
	"text-sample":   7000012,
	"histogram3d":   7000013,
	"model-element": 7000014,
	"curve":         7000015,
	"notebook":      7000016,
	"embeddings":    7000017,
	"video":         7000018,
}

// Error is an answer other than a success.
type Error struct {
	Status  int
	Code    int
	Msg     string
	Missing bool // nothing of that name: an older server answers 400
}

func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Msg) }

// BadRequest is the answer for a request that no server understands.
func BadRequest(format string, args ...any) *Error {
	return New(http.StatusBadRequest, 0, format, args...)
}

// NotFound is the answer for something that does not exist.
func NotFound(format string, args ...any) *Error {
	e := New(http.StatusNotFound, 0, format, args...)
	e.Missing = true
	return e
}

// NoSuch is the answer for something that does not exist and that has a code
// of its own. A client reads codes only from answers with 400, 403 and 405.
func NoSuch(code int, format string, args ...any) *Error {
	return New(http.StatusBadRequest, code, format, args...)
}

// New returns an answer of any status and code.
func New(status, code int, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Msg: fmt.Sprintf(format, args...)}
}

// WithCode gives e a code, and returns it.
func (e *Error) WithCode(code int) *Error {
	e.Code = code
	return e
}
