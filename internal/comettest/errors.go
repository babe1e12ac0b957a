package comettest

import (
	"fmt"
	"net/http"
)

// The sdk_error_code values this server gives.
const (
	codeNoWriteAccess        = 90210
	codeNoSuchRun            = 90211
	codeBadKey               = 90212
	codeNoWorkspace          = 90219
	codeNoExperimentKey      = 90998
	codeExperimentExists     = 90999
	codeNoProjectName        = 98219
	codeProjectNameTooLong   = 1341241
	codeBadModelVersion      = 42001
	codeNoRegistryToUpdate   = 42006
	codeNoRegistryModel      = 42008
	codeArtifactExists       = 90399
	codeArtifactClosed       = 90401
	codeArtifactNotReady     = 90402
	codeArtifactFailed       = 90403
	codeArtifactState        = 90410
	codeNoArtifact           = 624522
	codeNoArtifactVersion    = 624523
	codeImageLimit           = 7000001
	codeAssetImmutable       = 7000005
	codeImageImmutable       = 7000006
	codeViewOnly             = 7000011
	codeTooManyExperiments   = 7000020
	codeArtifactVersionReuse = 7000019
)

// limitCodes are the codes of uploads beyond the limit of their type.
var limitCodes = map[string]int{
	"image":         codeImageLimit,
	"text-sample":   7000012,
	"histogram3d":   7000013,
	"model-element": 7000014,
	"curve":         7000015,
	"notebook":      7000016,
	"embeddings":    7000017,
	"video":         7000018,
}

// apiError is an answer that is not a success.
type apiError struct {
	status  int
	code    int
	msg     string
	missing bool // an older server answers 400
}

func (e *apiError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.msg) }

func badRequest(format string, args ...any) *apiError {
	return sdkError(http.StatusBadRequest, 0, format, args...)
}

func notFound(format string, args ...any) *apiError {
	e := sdkError(http.StatusNotFound, 0, format, args...)
	e.missing = true
	return e
}

// unknownThing is the answer for something that does not exist and that has a code
// of its own. A client reads codes only from answers with 400, 403 and 405.
func unknownThing(code int, format string, args ...any) *apiError {
	return sdkError(http.StatusBadRequest, code, format, args...)
}

func sdkError(status, code int, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, msg: fmt.Sprintf(format, args...)}
}

func (e *apiError) withCode(code int) *apiError {
	e.code = code
	return e
}
