package cli

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMainPrintsAndCodes(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"success", nil, 0, ""},
		{"failure", withCode(5, errors.New("no answer"), "run it again"), 5,
			"comet-export: error: no answer\ncomet-export: hint: run it again\n"},
		{"closed pipe", stdoutError(syscall.EPIPE), 141, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			run := func(_ context.Context, _ IO, args []string) error {
				if diff := cmp.Diff([]string{"a", "b"}, args); diff != "" {
					t.Errorf("arguments (-want +got):\n%s", diff)
				}
				return tt.err
			}
			code := Main("comet-export", run, IO{Stderr: &stderr}, []string{"a", "b"})
			if code != tt.code || stderr.String() != tt.want {
				t.Errorf("code %d, stderr %q; want %d, %q", code, &stderr, tt.code, tt.want)
			}
		})
	}
}

func TestWithGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("signal")
		ctx, cancel := context.WithCancelCause(t.Context())
		grace, stop := withGrace(ctx, 10*time.Second)
		defer stop()
		cancel(cause)
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if grace.Err() != nil {
			t.Fatal("work in flight is cancelled before its time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if grace.Err() == nil || context.Cause(grace) != cause {
			t.Errorf("after the time: %v, cause %v", grace.Err(), context.Cause(grace))
		}
	})
}

func TestWithGraceDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, stop := withGrace(ctx, time.Hour)
		cancel()
		stop() // the bubble ends only if nothing waits out the hour
	})
}
