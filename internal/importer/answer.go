package importer

import (
	"errors"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// refused reports whether an error is the destination's definite answer to one
// request, or a limit of its own: to try again would change nothing.
func refused(err error) bool {
	if _, ok := errors.AsType[*limitError](err); ok || isUnsupported(err) {
		return true
	}
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status >= 400 && (ce.Status < 500 || errors.Is(err, comet.ErrQuota)) &&
		!errors.Is(err, comet.ErrServer) && !errors.Is(err, comet.ErrUnauthorized) && !errors.Is(err, comet.ErrUncertain)
}

// limitError says that an item is over a limit that the destination has
// announced.
type limitError struct{ reason string }

func (e *limitError) Error() string { return e.reason }

// isAbsent reports whether an answer says that there is no such thing: older
// servers answer so for data that an experiment has not.
func isAbsent(err error) bool { return errors.Is(err, comet.ErrNotFound) }

// isUnsupported reports whether it is certain that the destination does not have
// a call.
func isUnsupported(err error) bool {
	return errors.Is(err, comet.ErrUnsupported) && !errors.Is(err, comet.ErrUnclear) && !errors.Is(err, comet.ErrUncertain)
}

func isUncertain(err error) bool { return errors.Is(err, comet.ErrUncertain) }

// isHidden reports whether an answer says that an experiment cannot be read.
func isHidden(err error) bool {
	return errors.Is(err, comet.ErrNotFound) || errors.Is(err, comet.ErrForbidden)
}

// isUnexplained reports whether a request was refused without a reason.
func isUnexplained(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == http.StatusBadRequest && ce.SDKCode == 0 &&
		!isHidden(err) && !errors.Is(err, comet.ErrExists) && !errors.Is(err, comet.ErrServer)
}
