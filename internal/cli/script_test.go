package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// TestMain makes the three tools commands of the scripts.
func TestMain(m *testing.M) {
	tool := func(name string, run func(context.Context, IO, []string) error) func() {
		return func() {
			stdio := IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
			os.Exit(Main(name, run, stdio, os.Args[1:]))
		}
	}
	testscript.Main(m, map[string]func(){
		"comet-export": tool("comet-export", Export),
		"comet-filter": tool("comet-filter", Filter),
		"comet-import": tool("comet-import", Import),
	})
}

// TestScripts runs the scripts in testdata/script. Each has two servers of its
// own: the source, with a workspace demo, is that of COMET_URL_OVERRIDE and of
// comet-export; the destination, with an empty workspace lab, that of
// comet-import. $WEB is a web site that is no Comet instance, $STREAMS the folder
// of golden streams. Beside the commands of
// testscript there are
//
//	exits CODE COMMAND [ARG ...]   run a command, which is to end with that code
//	cut FILE N                     keep the first N bytes; -N drops the last N
//	flip FILE N                    flip a bit of byte N; -N counts from the end
func TestScripts(t *testing.T) {
	streams, err := filepath.Abs("../../stream/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setUpScript(env, streams) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits,
			"cut":   scriptCut,
			"flip":  scriptFlip,
		},
	})
}

func setUpScript(env *testscript.Env, streams string) error {
	source, err := scriptServer(env)
	if err != nil {
		return err
	}
	source.SeedDemo("demo")
	destination, err := scriptServer(env)
	if err != nil {
		return err
	}
	destination.SeedWorkspace("lab")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>The shop</title>")
	}))
	env.Defer(web.Close)
	for name, value := range map[string]string{
		"WEB":                       web.URL,
		"STREAMS":                   streams,
		"TMPDIR":                    env.Cd,
		"COMET_URL_OVERRIDE":        source.ClientlibURL(),
		"COMET_API_KEY":             comettest.DefaultAPIKey,
		"COMET_IMPORT_URL_OVERRIDE": destination.ClientlibURL(),
		"COMET_IMPORT_API_KEY":      comettest.DefaultAPIKey,
	} {
		env.Setenv(name, value)
	}
	return nil
}

// scriptServer starts a server that stops with its script.
func scriptServer(env *testscript.Env) (*comettest.Server, error) {
	s, err := comettest.New(comettest.Options{})
	if err != nil {
		return nil, err
	}
	env.Defer(func() { s.Close() })
	return s, s.Listen("127.0.0.1:0")
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	ts.Logf("[exit code %d]", code)
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// scriptByte reads the arguments FILE and N, and returns the file, its contents
// and N counted from the beginning.
func scriptByte(ts *testscript.TestScript, args []string) (path string, data []byte, n int) {
	if len(args) != 2 {
		ts.Fatalf("want FILE and N")
	}
	path = ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	n, err = strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 {
		n += len(data)
	}
	if n < 0 || n >= len(data) {
		ts.Fatalf("byte %s of %d", args[1], len(data))
	}
	return path, data, n
}

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	path, data, n := scriptByte(ts, args)
	ts.Check(os.WriteFile(path, data[:n], 0o644))
}

func scriptFlip(ts *testscript.TestScript, _ bool, args []string) {
	path, data, n := scriptByte(ts, args)
	data[n] ^= 1
	ts.Check(os.WriteFile(path, data, 0o644))
}
