package comet

import (
	"context"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// How a call is made, what it brings and how it fails is defined by package api.
// These are the names for it of all who know this package alone.

type (
	// Options configure a [Client].
	Options = api.Options
	// Rate is how many requests to the instance may begin.
	Rate = transport.Rate
	// Retry bounds how long and how often a call is repeated.
	Retry = api.Retry
	// Trouble is a failed try that will be repeated.
	Trouble = api.Trouble
	// Wait is a wait of more than ten seconds.
	Wait = api.Wait
	// Version is the version of a server.
	Version = api.Version
	// Error is a call that failed: what was asked, and what came of it.
	Error = api.Error
	// AddressError says that the client library's API is elsewhere.
	AddressError = api.AddressError
	// Content is something to be written that may be too long for memory.
	Content = api.Content
	// Text is a long text, read as a stream.
	Text = api.Text
	// Body is the content of an asset, read as a stream.
	Body = api.Body
	// AssetRequest names the bytes of an asset.
	AssetRequest = api.AssetRequest
)

// What servers do differently, and an import finds out.
const (
	RefusesTakenKeys = api.RefusesTakenKeys
	KeepsLatestName  = api.KeepsLatestName
	KeepsIDs         = api.KeepsIDs
	HonoursRanges    = api.HonoursRanges
)

// Classes of failure, to be tested for with [errors.Is].
var (
	ErrNotFound        = api.ErrNotFound
	ErrUnclear         = api.ErrUnclear
	ErrUnauthorized    = api.ErrUnauthorized
	ErrForbidden       = api.ErrForbidden
	ErrServer          = api.ErrServer
	ErrOutage          = api.ErrOutage
	ErrMisconfigured   = api.ErrMisconfigured
	ErrLongWait        = api.ErrLongWait
	ErrUncertain       = api.ErrUncertain
	ErrNotAcknowledged = api.ErrNotAcknowledged
	ErrChanged         = api.ErrChanged
	ErrUnsupported     = api.ErrUnsupported
	ErrImmutable       = api.ErrImmutable
	ErrNotJSON         = api.ErrNotJSON
	ErrExists          = api.ErrExists
	ErrQuota           = api.ErrQuota
	ErrStorage         = api.ErrStorage
	ErrTooLarge        = scan.ErrTooLarge
)

// Values of [Error.SDKCode] that callers tell from others.
const (
	CodeExperimentExists      = api.CodeExperimentExists
	CodeArtifactVersionClosed = api.CodeArtifactVersionClosed
	CodeStorageFull           = api.CodeStorageFull
)

// Refusal is [api.Refusal].
func Refusal(err error) error { return api.Refusal(err) }

// ValidText returns a text with each byte that is not UTF-8 replaced by U+FFFD,
// as in every text that is sent. If invalid is not nil, it counts those bytes.
func ValidText(r io.Reader, invalid *int64) io.Reader { return api.ValidText(r, invalid) }

// ReadWritten returns a reader of what write writes. Close ends the writing and
// waits for it.
func ReadWritten(write func(io.Writer) error) io.ReadCloser { return api.ReadWritten(write) }

// NotUnicode is called for each answer that has text which is not Unicode, by the path
// of the call and its query. Several goroutines may call it.
type NotUnicode = api.NotUnicode

// WithNotUnicode returns a context whose calls tell f of text that is not Unicode.
// A byte that is not UTF-8, and half a surrogate pair, become U+FFFD and their
// number in hexadecimal digits, so that names which differ stay so.
func WithNotUnicode(ctx context.Context, f NotUnicode) context.Context {
	return api.WithNotUnicode(ctx, f)
}

// A Reserve notes n more bytes that are held of answers, or waits until they may
// be. An error of it ends the call, and is returned as it is.
type Reserve = scan.Reserve

// WithReserve returns a context for calls of whose answers somebody keeps a
// budget. Without one, large answers are held one at a time.
func WithReserve(ctx context.Context, r Reserve) context.Context { return scan.WithReserve(ctx, r) }
