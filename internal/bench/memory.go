package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A watch keeps the peak memory of a running process. The figure that the
// system gives after its end will not do: it counts the memory of the process
// that started it.
type watch struct {
	stop chan struct{}
	peak chan int64
}

// watchMemory begins to watch a process.
func watchMemory(pid int) *watch {
	w := &watch{make(chan struct{}), make(chan int64)}
	go func() {
		var peak int64
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			peak = max(peak, peakMemory(pid))
			select {
			case <-ticker.C:
			case <-w.stop:
				w.peak <- peak
				return
			}
		}
	}()
	return w
}

// end returns the peak in bytes, 0 where the system does not tell.
func (w *watch) end() int64 {
	close(w.stop)
	return <-w.peak
}

// peakMemory returns the VmHWM of a process in bytes, 0 once it has ended.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
