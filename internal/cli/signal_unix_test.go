//go:build unix

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

func TestMainSignal(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		result func(context.Context) error
		code   int
		want   string
	}{
		{"SIGINT", syscall.SIGINT,
			func(ctx context.Context) error {
				return withCode(5, fmt.Errorf("GET /x: %w", ctx.Err()), "run it again")
			},
			130, "t: error: stopped by a signal: interrupt\nt: hint: run it again\n"},
		{"SIGTERM", syscall.SIGTERM, context.Cause, 143, "t: error: stopped by a signal: terminated\n"},
		{"SIGHUP", syscall.SIGHUP, context.Cause, 129, "t: error: stopped by a signal: hangup\n"},
		{"another error came first", syscall.SIGTERM,
			func(context.Context) error { return withCode(6, errors.New("bad key")) }, 143, "t: error: bad key\n"},
		{"done all the same", syscall.SIGINT, func(context.Context) error { return nil }, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			run := func(ctx context.Context, _ IO, _ []string) error {
				if err := syscall.Kill(os.Getpid(), tt.signal); err != nil {
					return err
				}
				<-ctx.Done()
				return tt.result(ctx)
			}
			code := Main("t", run, IO{Stderr: &stderr}, nil)
			if code != tt.code || stderr.String() != tt.want {
				t.Errorf("code %d, stderr %q; want %d, %q", code, &stderr, tt.code, tt.want)
			}
		})
	}
}

// TestSecondSignal runs itself as a process that does not react to the first
// signal, and sends a second one.
func TestSecondSignal(t *testing.T) {
	const inChild = "COMET_STREAM_TEST_CHILD"
	if os.Getenv(inChild) != "" {
		code := Main("t", func(ctx context.Context, _ IO, _ []string) error {
			fmt.Println("ready")
			<-ctx.Done()
			fmt.Println("first")
			select {}
		}, IO{Stderr: io.Discard}, nil)
		os.Exit(code)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSecondSignal$")
	cmd.Env = append(os.Environ(), inChild+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ready", "first"} {
		var line string
		if _, err := fmt.Fscanln(out, &line); err != nil || line != want {
			t.Fatalf("the process said %q, %v; want %q", line, err, want)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	err = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("the process ended with %v, want it ended by SIGINT", err)
	}
}

// Under nohup the end of the terminal is not that of the tool.
func TestMainSignalIgnored(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer func() { // Reset alone leaves it ignored
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGHUP)
		signal.Stop(c)
	}()
	code := Main("t", func(ctx context.Context, _ IO, _ []string) error {
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}, IO{Stderr: io.Discard}, nil)
	if code != ExitTerminated {
		t.Errorf("code %d after SIGHUP and SIGTERM, want %d", code, ExitTerminated)
	}
}
