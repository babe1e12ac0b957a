// Package filelock locks files against other processes of the same user. A lock
// ends with the process that has it.
package filelock

import "errors"

// ErrLocked says that another process has a file.
var ErrLocked = errors.New("another process is writing it")
