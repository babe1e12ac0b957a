package comet

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
)

// ErrTooLarge says that an answer, or one thing in a list, is larger than what is
// held in memory.
var ErrTooLarge = scan.ErrTooLarge

// A Reserve takes note of n more bytes that are held of answers, or waits until
// they may be. An error of it ends the call, and is returned as it is.
type Reserve = scan.Reserve

// WithReserve returns a context for calls of whose answers somebody keeps a
// budget. Without one, large answers are held one at a time.
func WithReserve(ctx context.Context, r Reserve) context.Context { return scan.WithReserve(ctx, r) }
