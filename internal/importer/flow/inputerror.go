package flow

// InputError says that the stream is damaged, truncated or no stream at all.
// The experiments that came whole before have been imported.
type InputError struct{ Err error }

// Error returns the text of the wrapped error.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap returns the error of package stream.
func (e *InputError) Unwrap() error { return e.Err }

// ExitCode returns 4.
func (e *InputError) ExitCode() int { return 4 }
