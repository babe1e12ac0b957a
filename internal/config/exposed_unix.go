//go:build unix

package config

import (
	"os"
	"syscall"
)

// othersMay reports whether users other than this one may read or change a
// file: by its mode, or because it is theirs. The administrator counts as this
// one.
func othersMay(info os.FileInfo) (read, change bool) {
	mode := info.Mode().Perm()
	theirs := false
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		theirs = st.Uid != 0 && int(st.Uid) != os.Geteuid()
	}
	return mode&0o044 != 0 || theirs, mode&0o022 != 0 || theirs
}
