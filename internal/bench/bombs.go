package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/comet-stream/comet-stream/internal/bombs"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// serveHere starts a server inside this process, for answers that no flag of the
// sandbox asks for.
func (l *lab) serveHere(o comettest.Options) (*server, *comettest.Server, error) {
	o.Workspaces = append(o.Workspaces, "lab")
	srv, err := comettest.New(o)
	if err != nil {
		return nil, nil, err
	}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		return nil, nil, errors.Join(err, srv.Close())
	}
	return &server{lab: l, here: srv, env: map[string]string{
		"URL": srv.URL(), "COMET_URL_OVERRIDE": srv.ClientlibURL(), "COMET_API_KEY": comettest.DefaultAPIKey,
	}}, srv, nil
}

// incomplete drops the error of a pipe that has reported what it left out.
func incomplete(res *result, err error) (*result, error) {
	if err != nil && strings.Contains(err.Error(), "exit status 3") {
		err = nil
	}
	return res, err
}

// bombMemory is W8: the memory of what someone sends to fill it.
func bombMemory(ctx context.Context, l *lab) error {
	unlimited := comettest.Limits{BodyMB: -1, UploadMB: -1}
	if err := l.texts(ctx, "five texts of 300 MB", bombs.Log(300e6), unlimited, "import of ", "repeated import of "); err != nil {
		return err
	}
	// The server refuses most of these: as JSON each is six times as large. What it
	// takes it gives back as a bomb, which a repeated import does not read.
	if err := l.texts(ctx, "1.3 GB of zeros in five texts", make([]byte, 256<<20), comettest.Limits{}, "import of "); err != nil {
		return err
	}
	const n = 100 << 20
	for _, c := range []struct {
		what    string
		answers map[string]http.HandlerFunc
	}{
		{"a zip file of 3 MB with a patch of 3 GB, 16 at a time", map[string]http.HandlerFunc{"experiment/git/patch": bombs.Patch(3 << 30)}},
		{"a document of 100 MB, 16 at a time", map[string]http.HandlerFunc{"experiment/system-details": bombs.Document(`{"hostname":"x","env":"`, `"}`, n)}},
		{"a parameter of 100 MB, 16 at a time", map[string]http.HandlerFunc{"experiment/parameters": bombs.Document(`{"values":[{"name":"p","valueCurrent":"`, `"}]}`, n)}},
		{"a list of 100,000 assets", map[string]http.HandlerFunc{"experiment/asset/list": bombs.AssetList(100_000)}},
	} {
		if err := l.bombSource(ctx, c.what, c.answers, strings.HasPrefix(c.what, "a list")); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	return nil
}

// texts imports a text as each kind, as often as there are names for it, and exports it.
func (l *lab) texts(ctx context.Context, what string, text []byte, limits comettest.Limits, imports ...string) error {
	file := l.file("texts.comet.zst")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	key := strings.Repeat("c", 32)
	if err := errors.Join(bombs.Texts(f, key, text, stream.TextKinds()...), f.Close()); err != nil {
		return err
	}
	s, _, err := l.serveHere(comettest.Options{Limits: limits})
	if err != nil {
		return err
	}
	defer s.stop()
	for _, when := range imports {
		res, err := incomplete(l.pipe(ctx, file, "", importer(s, "lab/texts")))
		if err != nil {
			return err
		}
		l.table.memory("W8", when+what, res.peak...)
	}
	res, err := incomplete(l.pipe(ctx, "", "", exporter(s, "lab/texts")))
	if err != nil {
		return err
	}
	l.table.memory("W8", "export of "+what, res.peak...)
	return os.Remove(file)
}

// bombSource exports 16 experiments, or one, from a server that gives these
// answers.
func (l *lab) bombSource(ctx context.Context, what string, answers map[string]http.HandlerFunc, one bool) error {
	s, srv, err := l.serveHere(comettest.Options{Middleware: bombs.Replaced(answers)})
	if err != nil {
		return err
	}
	defer s.stop()
	n := 16
	if one {
		n = 1
	}
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "lab", Project: "bombs", Experiments: n, Metrics: 5, Points: 100, Parameters: 5, Seed: 1})
	res, err := incomplete(l.pipe(ctx, "", "", exporter(s, "lab/bombs")))
	if err != nil {
		return err
	}
	l.table.memory("W8", "export of "+what, res.peak...)
	return nil
}
