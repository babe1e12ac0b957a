//go:build !unix

package config

import "os"

// othersMay reports nothing: these systems do not tell it by a mode.
func othersMay(os.FileInfo) (read, change bool) { return false, false }
