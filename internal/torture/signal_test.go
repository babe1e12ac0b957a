package torture

import (
	"os/exec"
	"syscall"
)

// exitCode returns the exit code of a process, or 128 and the number of the
// signal that ended it.
func exitCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
