//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import (
	"errors"
	"os"
)

// publish gives f, the file from, the name to, and closes it. It is locked until
// it has that name, so that no other process takes it for a partial file.
func publish(f *os.File, from, to string) error {
	return errors.Join(os.Rename(from, to), f.Close())
}
