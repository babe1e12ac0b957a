package main

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-simulate" {
		main() // as a process of scale
		return
	}
	os.Exit(m.Run())
}

// The whole of bench-scale, with few experiments.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tools")
	}
	t.Chdir("../..")
	l, err := newLab(t.Context(), options{experiments: 60, shards: []int{1, 3}, seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	}()
	defer func(dir string) { toolDir = dir }(toolDir)
	toolDir = l.dir
	for _, name := range []string{"comet-export", "comet-filter", "comet-import"} {
		if _, err := l.build(t.Context(), "./cmd/"+name); err != nil {
			t.Fatal(err)
		}
	}
	_, rows, err := l.scaled(t.Context())
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		t.Log(row)
		if same := row[len(row)-1]; same != "yes" {
			t.Errorf("%v: the sums are not those of one export", row)
		}
	}
}

// sumsOf returns what several streams hold together.
func sumsOf(t *testing.T, files []string) string {
	t.Helper()
	var in []io.Reader
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in = append(in, f)
	}
	var out, talk bytes.Buffer
	if err := cli.Filter(t.Context(), cli.IO{Stdin: io.MultiReader(in...), Stdout: &out, Stderr: &talk}, []string{"-q", "--sum"}); err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	return out.String()
}

// Shards have together what one export has, in little more than the time that the
// server allows, and from one listing, also when a third of them is interrupted.
func TestShared(t *testing.T) {
	s := &shared{experiments: 300, latency: 20 * time.Millisecond, requests: 1500, burst: 50}
	one := s.simulate(t, t.TempDir(), 1, 0, 0, 1)
	want := sumsOf(t, one.files)
	for _, c := range []struct{ shards, interrupts int }{{4, 0}, {6, 2}} {
		out := s.simulate(t, t.TempDir(), c.shards, c.interrupts, time.Second, 1)
		if sumsOf(t, out.files) != want {
			t.Errorf("%+v: the shards have not together what one export has", c)
		}
		if out.Listings != one.Listings || out.Interrupted != c.interrupts {
			t.Errorf("%+v: %d pages listed, %d by one export; %d interrupted", c, out.Listings, one.Listings, out.Interrupted)
		}
		t.Logf("%+v: %v, ideal %v, %+v", c, out.Wall, s.ideal(out.Requests-out.Refused, c.shards), out)
	}
}
