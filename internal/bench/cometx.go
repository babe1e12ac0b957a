package main

import (
	"context"
	"os"
	"path/filepath"
)

// A rival is what cometx took for a project of n experiments; nil where COMETX does not
// name its executable.
type rival struct {
	*result
	n int
}

// show returns a figure of a rival, "" of none.
func (r *rival) show(figure func(*rival) string) string {
	if r == nil {
		return ""
	}
	return figure(r)
}

func (r *rival) memory() string {
	return r.show(func(r *rival) string { return figure(float64(r.peak[0])/1e6, "MB") })
}

func (r *rival) perExperiment() string {
	return r.show(func(r *rival) string { return figure(float64(r.requests)/float64(r.n), "") })
}

func (r *rival) perSecond() string {
	return r.show(func(r *rival) string { return figure(float64(r.n)/r.wall.Seconds(), "/s") })
}

// folder is where cometx leaves what it downloads, for its copy.
func (l *lab) folder() string { return l.file("cometx") }

// download lets cometx download the project of a seed, which has n experiments, from a
// server with those flags.
func (l *lab) download(ctx context.Context, n int, seed string, flags ...string) (*rival, error) {
	if err := os.RemoveAll(l.folder()); err != nil {
		return nil, err
	}
	return l.cometx(ctx, n, append(flags, "-seed", seed), "download", "--output", l.folder(), source)
}

// copy lets cometx copy what it has downloaded to a new server with those flags.
func (l *lab) copy(ctx context.Context, n int, flags ...string) (*rival, error) {
	return l.cometx(ctx, n, append(flags, "-seed", "empty", "-discard"), "copy", "--path", l.folder(), source, source)
}

func (l *lab) cometx(ctx context.Context, n int, flags []string, args ...string) (*rival, error) {
	program := os.Getenv("COMETX")
	if program == "" {
		return nil, nil
	}
	s, err := l.serve(ctx, flags...)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	home := l.file("home") // it writes there
	if err := os.MkdirAll(home, 0o777); err != nil {
		return nil, err
	}
	program, err = filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	res, err := l.pipe(ctx, "", "", step{append([]string{program}, args...), []string{"HOME=" + home,
		"COMET_API_KEY=" + s.env["COMET_API_KEY"], "COMET_URL_OVERRIDE=" + s.env["COMET_URL_OVERRIDE"]}, home})
	if err != nil {
		return nil, err
	}
	st, err := s.stats()
	if err != nil {
		return nil, err
	}
	res.requests = st.Requests
	return &rival{res, n}, nil
}
