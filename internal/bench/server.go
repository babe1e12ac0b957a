package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A server is an embedded server in a process of its own.
type server struct {
	lab  *lab
	name string            // of its profile
	here *comettest.Server // in this process; nil for one of its own
	cmd  *exec.Cmd
	env  map[string]string // what it printed: COMET_URL_OVERRIDE, COMET_API_KEY, URL
}

// serve starts a server with those flags of examples/sandbox.
func (l *lab) serve(ctx context.Context, flags ...string) (*server, error) {
	flags, name := l.profiles.server(flags)
	cmd := exec.CommandContext(ctx, l.sandbox, flags...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{lab: l, name: name, cmd: cmd, env: map[string]string{}}
	lines := bufio.NewScanner(stdout)
	for s.env["URL"] == "" && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		s.env[name] = value
	}
	if s.env["URL"] == "" {
		return nil, fmt.Errorf("the sandbox printed no address (%v)", cmd.Wait())
	}
	return s, nil
}

// stop ends the server and what it holds.
func (s *server) stop() {
	if s.here != nil {
		_ = s.here.Close() // likewise
		return
	}
	if s.cmd.Process.Signal(os.Interrupt) == nil {
		_ = s.cmd.Wait() // its end is all that matters here
		s.lab.profiles.ended(s.name, s.cmd.ProcessState)
	}
}

// stats are the counts that the server itself keeps.
type stats struct {
	Requests  int            `json:"requests"`
	Endpoints map[string]int `json:"endpoints"`
}

func (s *server) stats() (*stats, error) {
	st := &stats{}
	return st, s.control("stats", st)
}

// traffic returns how many requests came in all, and how many of them were refused.
func (s *server) traffic() (requests, refused int, err error) {
	var n struct{ Requests, Refused int }
	err = s.control("network", &n)
	return n.Requests, n.Refused, err
}

// control reads a page of what the server says of itself.
func (s *server) control(page string, into any) error {
	resp, err := http.Get(s.env["URL"] + "_comettest/" + page)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", page, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func (s *server) resetStats() error {
	resp, err := http.Post(s.env["URL"]+"_comettest/stats/reset", "application/json", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reset stats: %s", resp.Status)
	}
	return nil
}

// get returns the body of a call of the REST API. The caller closes it.
func (s *server) get(call string) (io.ReadCloser, error) {
	req, err := http.NewRequest(http.MethodGet, s.env["URL"]+"api/rest/v2/"+call, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", s.env["COMET_API_KEY"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", call, resp.Status)
	}
	return resp.Body, nil
}

// getJSON decodes the answer of a call of the REST API.
func (s *server) getJSON(call string, into any) error {
	body, err := s.get(call)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

// source and destination are the environment of a tool that reads from, or
// writes to, the server.
func (s *server) source() []string { return s.side("EXPORT") }

func (s *server) destination() []string { return s.side("IMPORT") }

func (s *server) side(name string) []string {
	return []string{
		"COMET_" + name + "_API_KEY=" + s.env["COMET_API_KEY"],
		"COMET_" + name + "_URL_OVERRIDE=" + s.env["COMET_URL_OVERRIDE"],
	}
}
