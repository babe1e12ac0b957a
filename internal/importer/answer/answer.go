package answer

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// Refused reports whether an error is the destination's definite answer to one
// request, or a limit of its own: to try again would change nothing.
func Refused(err error) bool {
	if _, ok := errors.AsType[*Limit](err); ok || Unsupported(err) {
		return true
	}
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status >= 400 && (ce.Status < 500 || errors.Is(err, comet.ErrQuota)) &&
		!errors.Is(err, comet.ErrServer) && !errors.Is(err, comet.ErrUnauthorized) && !errors.Is(err, comet.ErrUncertain)
}

// Limit says that an item is over a limit that the destination has
// announced.
type Limit struct{ reason string }

// Limitf returns a [*Limit].
func Limitf(format string, args ...any) error { return &Limit{fmt.Sprintf(format, args...)} }

func (e *Limit) Error() string { return e.reason }

// Absent reports whether an answer says that there is no such thing: older
// servers answer so for data that an experiment lacks.
func Absent(err error) bool { return errors.Is(err, comet.ErrNotFound) }

// Unsupported reports whether it is certain that the destination does not have
// a call.
func Unsupported(err error) bool {
	return errors.Is(err, comet.ErrUnsupported) && !errors.Is(err, comet.ErrUnclear) && !errors.Is(err, comet.ErrUncertain)
}

// Uncertain reports whether nobody can say if a write was done.
func Uncertain(err error) bool { return errors.Is(err, comet.ErrUncertain) }

// Hidden reports whether an answer says that an experiment cannot be read.
func Hidden(err error) bool {
	return errors.Is(err, comet.ErrNotFound) || errors.Is(err, comet.ErrForbidden)
}

// Unexplained reports whether a request was refused without a reason.
func Unexplained(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == http.StatusBadRequest && ce.SDKCode == 0 &&
		!Hidden(err) && !errors.Is(err, comet.ErrExists) && !errors.Is(err, comet.ErrServer)
}
