package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"
)

// many is W1's project: 20 metrics of 1,000 points and 10 assets of 100 KB an
// experiment.
const many = "synthetic:experiments=%d,metrics=20,points=1000,assets=10,size=100K"

const (
	crowd  = 200 // experiments of the whole run
	serial = 20  // experiments of the run with one request at a time, which is scaled
	beside = 4   // experiments of cometx, likewise

	inFlight = 16 // requests of a tool at a time
)

// source is the project that every synthetic server has.
const source = "demo/synthetic"

func manyExperiments(ctx context.Context, l *lab) error {
	for _, latency := range []time.Duration{0, 20 * time.Millisecond, 50 * time.Millisecond} {
		if err := l.manyAt(ctx, latency); err != nil {
			return fmt.Errorf("at %v: %w", latency, err)
		}
	}
	return nil
}

func (l *lab) manyAt(ctx context.Context, latency time.Duration) error {
	at := fmt.Sprintf("at %d ms", latency.Milliseconds())
	all, few := l.file("many.comet.zst"), l.file("few.comet.zst")

	slow, err := l.timedExport(ctx, latency, serial, few, "-j", "1")
	if err != nil {
		return err
	}
	fast, err := l.timedExport(ctx, latency, crowd, all)
	if err != nil {
		return err
	}
	slowIn, err := l.timedImport(ctx, latency, few, serial, "-j", "1")
	if err != nil {
		return err
	}
	fastIn, err := l.timedImport(ctx, latency, all, crowd)
	if err != nil {
		return err
	}
	both, err := l.timedMove(ctx, latency)
	if err != nil {
		return err
	}
	down, err := l.download(ctx, beside, fmt.Sprintf(many, beside), latencyFlag(latency))
	if err != nil {
		return err
	}
	up, err := l.copy(ctx, beside, latencyFlag(latency))
	if err != nil {
		return err
	}
	l.manyRows("export", latency, slow, fast, down)
	l.manyRows("import", latency, slowIn, fastIn, up)
	if latency == 50*time.Millisecond {
		l.table.atMost("W1", "export, first byte after the start "+at, fast.first.Seconds(), 1, "s")
	}
	l.table.atMost("W1", "export | import, times the slower of the two alone "+at, both.wall.Seconds()/max(fast.wall, fastIn.wall).Seconds(), 1.15, "×")
	return nil
}

// manyRows adds the rows of one tool: its speed, that over its one-request-at-a-time
// mode, and its memory.
func (l *lab) manyRows(tool string, latency time.Duration, slow, fast *result, other *rival) {
	at := fmt.Sprintf("at %d ms", latency.Milliseconds())
	bound := ""
	if latency > 0 {
		bound = figure(inFlight*crowd/(float64(fast.requests)*latency.Seconds()), "/s")
	} else {
		l.table.beside(other.perExperiment(), "")
		l.table.note("W1", tool+", all requests an experiment", figure(float64(fast.requests)/crowd, ""))
	}
	l.table.beside(other.perSecond(), bound)
	l.table.note("W1", tool+", experiments "+at, figure(crowd/fast.wall.Seconds(), "/s"))
	what := tool + ", speed-up over one request at a time " + at
	speedup := float64(crowd) / serial * slow.wall.Seconds() / fast.wall.Seconds()
	l.table.beside("", figure(inFlight, "×"))
	if latency == 50*time.Millisecond {
		l.table.atLeast("W1", what, speedup, 12, "×")
	} else {
		l.table.note("W1", what, figure(speedup, "×"))
	}
	l.table.beside(other.memory(), "")
	l.table.memory("W1", tool+" "+at, fast.peak...)
}

func latencyFlag(d time.Duration) string { return "-latency=" + d.String() }

// timedExport exports n experiments to a file.
func (l *lab) timedExport(ctx context.Context, latency time.Duration, n int, out string, flags ...string) (*result, error) {
	s, err := l.serve(ctx, "-seed", fmt.Sprintf(many, n), latencyFlag(latency))
	if err != nil {
		return nil, err
	}
	defer s.stop()
	res, err := l.pipe(ctx, "", out, exporter(s, append(flags, source)...))
	if err != nil {
		return nil, err
	}
	st, err := s.stats()
	if err != nil {
		return nil, err
	}
	res.requests = st.Requests
	if len(flags) > 0 || latency > 0 {
		return res, nil
	}
	assets := st.Endpoints["GET /api/rest/v2/experiment/asset/get-asset"]
	// As in the exporter's test of its requests.
	const project = 12
	l.table.atMost("W1", "export, requests per experiment, besides one per asset and 12 per project", float64(st.Requests-assets-project)/float64(n), 8, "")
	return res, nil
}

// timedImport imports a file into a new server, and once more where nothing is
// in the way of counting.
func (l *lab) timedImport(ctx context.Context, latency time.Duration, in string, n int, flags ...string) (*result, error) {
	s, err := l.serve(ctx, "-seed", "empty", "-discard", latencyFlag(latency))
	if err != nil {
		return nil, err
	}
	defer s.stop()
	res, err := l.pipe(ctx, in, "", importer(s, append(flags, source)...))
	if err != nil {
		return nil, err
	}
	st, err := s.stats()
	if err != nil {
		return nil, err
	}
	res.requests = st.Requests
	if len(flags) > 0 || latency > 0 {
		return res, nil
	}
	l.table.atMost("W1", "import, requests per experiment, besides assets, others and batches", float64(st.Requests-counted(st))/float64(n), 16, "")
	if err := s.resetStats(); err != nil {
		return nil, err
	}
	if _, err := l.pipe(ctx, in, "", importer(s, source)); err != nil {
		return nil, err
	}
	if st, err = s.stats(); err != nil {
		return nil, err
	}
	l.table.atMost("W1", "repeated unchanged import, requests per experiment", float64(st.Requests)/float64(n), 3, "")
	return res, nil
}

// counted is the number of requests that the target of an import leaves out.
func counted(st *stats) int {
	n := 0
	for endpoint, times := range st.Endpoints {
		for _, part := range []string{"/asset/upload", "/visualizations/upload", "/log-other", "/batch/"} {
			if strings.Contains(endpoint, part) {
				n += times
			}
		}
	}
	return n
}

func (l *lab) timedMove(ctx context.Context, latency time.Duration) (*result, error) {
	from, err := l.serve(ctx, "-seed", fmt.Sprintf(many, crowd), latencyFlag(latency))
	if err != nil {
		return nil, err
	}
	defer from.stop()
	to, err := l.serve(ctx, "-seed", "empty", "-discard", latencyFlag(latency))
	if err != nil {
		return nil, err
	}
	defer to.stop()
	watched, stop := context.WithCancel(ctx)
	defer stop()
	begun := make(chan int, 1)
	go func() { begun <- requestsBefore(watched, from, to) }()
	res, err := l.pipe(ctx, "", "", exporter(from, source), importer(to, source))
	stop()
	before := <-begun
	if err != nil || latency != 50*time.Millisecond {
		return res, err
	}
	st, err := from.stats()
	if err != nil {
		return nil, err
	}
	l.table.atMost("W1", "export | import, requests of the export before an experiment is complete", 100*float64(before)/float64(st.Requests), 50, "%")
	return res, nil
}

// requestsBefore returns how many requests the source has had when the first
// experiment is complete at the destination: its times, which come last, are
// set.
func requestsBefore(ctx context.Context, from, to *server) int {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		out, err := from.stats()
		in, err2 := to.stats()
		if err == nil && err2 == nil && in.Endpoints["POST /clientlib/status-report/offline-metadata"] > 0 {
			return out.Requests
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return math.MaxInt
		}
	}
}

// largeAssets is W2: ten assets of 256 MB over a wire with a cap.
func largeAssets(ctx context.Context, l *lab) error {
	const total, files = 10 * 256e6, "synthetic:experiments=1,metrics=0,points=0,assets=10,size=256000000"
	// The exports that are measured go nowhere: the disk is none of the wires.
	file := l.file("assets.comet.zst")
	if err := l.fileOf(ctx, files, file); err != nil {
		return err
	}
	for _, wire := range []struct {
		what  string
		flags []string
		// What it carries at most, in bytes a second, 0 for no cap. An export
		// can use 16 connections where ranges are honoured; an import has one
		// for each of the ten assets, but 16 too where they go to storage in
		// parts. A negative number is that of a wire which has been measured.
		out, in, direct float64
	}{
		{"125 MB/s in total", []string{"-bandwidth", "125000000"}, 125e6, 125e6, 125e6},
		{"25 MB/s a connection", []string{"-conn-bandwidth", "25000000", "-moods", `{"ranges":true}`}, 16 * 25e6, 10 * 25e6, 16 * 25e6},
		{"25 MB/s a connection, no ranges", []string{"-conn-bandwidth", "25000000"}, 0, 0, -1},
		{"no cap", nil, 0, 0, 0},
	} {
		from, err := l.serve(ctx, append(wire.flags, "-seed", files)...)
		if err != nil {
			return err
		}
		out, err := l.pipe(ctx, "", "", exporter(from, source))
		curl := ""
		if err == nil {
			curl, err = l.curl(ctx, from, total)
		}
		from.stop()
		if err != nil {
			return err
		}
		down, err := l.download(ctx, 1, files, wire.flags...)
		if err != nil {
			return err
		}
		up, err := l.copy(ctx, 1, wire.flags...)
		if err != nil {
			return err
		}
		in, err := l.largeImport(ctx, file, wire.flags...)
		if err != nil {
			return err
		}
		l.largeRow("export", wire.what, total, wire.out, out, down, curl)
		l.largeRow("import", wire.what, total, wire.in, in, up, "")
		if wire.direct < 0 {
			continue
		}
		direct, err := l.largeImport(ctx, file, append(wire.flags, "-moods", `{"s3Upload":true}`)...)
		if err != nil {
			return err
		}
		l.largeRow("import to storage", wire.what, total, wire.direct, direct, nil, "")
	}
	return os.Remove(file)
}

// largeImport imports a file into a new server with those flags.
func (l *lab) largeImport(ctx context.Context, file string, flags ...string) (*result, error) {
	s, err := l.serve(ctx, append(flags, "-seed", "empty", "-discard")...)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	return l.pipe(ctx, file, "", importer(s, source))
}

// fileOf exports a project of such a seed to a file.
func (l *lab) fileOf(ctx context.Context, seed, file string) error {
	s, err := l.serve(ctx, "-seed", seed)
	if err != nil {
		return err
	}
	defer s.stop()
	_, err = l.pipe(ctx, "", file, exporter(s, source))
	return err
}

// largeRow adds the rows of one tool: its share of the wire where that has a
// cap, else its speed.
func (l *lab) largeRow(tool, wire string, total, most float64, res *result, other *rival, bound string) {
	speed := total / res.wall.Seconds()
	if most > 0 {
		bound = figure(most/1e6, "MB/s")
	}
	l.table.beside(other.show(func(r *rival) string { return figure(total/r.wall.Seconds()/1e6, "MB/s") }), bound)
	if most > 0 {
		l.table.atLeast("W2", tool+", share of the wire: "+wire, 100*speed/most, 90, "%")
	} else {
		l.table.note("W2", tool+", "+wire, figure(speed/1e6, "MB/s"))
	}
	l.table.beside(other.memory(), "")
	l.table.memory("W2", tool+", "+wire, res.peak...)
}

// curl returns how fast curl --parallel downloads the same assets.
func (l *lab) curl(ctx context.Context, s *server, total float64) (string, error) {
	if _, err := exec.LookPath("curl"); err != nil {
		return "curl is missing", nil
	}
	var list struct {
		Experiments []struct {
			ExperimentKey string `json:"experimentKey"`
		} `json:"experiments"`
	}
	if err := s.getJSON("experiments?workspaceName=demo&projectName=synthetic", &list); err != nil {
		return "", err
	}
	key := list.Experiments[0].ExperimentKey
	var assets struct {
		Assets []struct {
			AssetID string `json:"assetId"`
		} `json:"assets"`
	}
	if err := s.getJSON("experiment/asset/list?type=all&experimentKey="+key, &assets); err != nil {
		return "", err
	}
	args := []string{"-sS", "--fail", "--parallel", "-H", "Authorization: " + s.env["COMET_API_KEY"]}
	for _, a := range assets.Assets {
		url := fmt.Sprintf("%sapi/rest/v2/experiment/asset/get-asset?experimentKey=%s&assetId=%s", s.env["URL"], key, a.AssetID)
		args = append(args, "-o", os.DevNull, url)
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, "curl", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("curl: %w", err)
	}
	return "curl: " + figure(total/time.Since(began).Seconds()/1e6, "MB/s"), nil
}

// hugeAsset is W5: one asset of 20 GB, made as it is read and not kept.
func hugeAsset(ctx context.Context, l *lab) error {
	const total = 20e9
	for _, flags := range [][]string{nil, {"--temp-max", "1GB"}} {
		from, err := l.serve(ctx, "-seed", "synthetic:experiments=1,metrics=0,points=0,assets=1,size=20000000000")
		if err != nil {
			return err
		}
		to, err := l.serve(ctx, "-seed", "empty", "-discard")
		if err != nil {
			from.stop()
			return err
		}
		res, err := l.pipe(ctx, "", "", exporter(from, source), importer(to, append(flags, source)...))
		from.stop()
		to.stop()
		if err != nil {
			return err
		}
		what := strings.TrimSpace("export | import of 20 GB " + strings.Join(flags, " "))
		l.table.note("W5", what, figure(total/res.wall.Seconds()/1e6, "MB/s"))
		l.table.memory("W5", what, res.peak...)
	}
	return nil
}
