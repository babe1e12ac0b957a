package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// series is W3's project.
const series = "synthetic:experiments=5,metrics=200,points=15000,assets=0,parameters=0"

// longSeries is W3: the size of a stream of metric points beside that of the
// same points as the server gives them, one JSON object a line.
func longSeries(ctx context.Context, l *lab) error {
	file := l.file("series.comet.zst")
	s, err := l.serve(ctx, "-seed", series)
	if err != nil {
		return err
	}
	defer s.stop()
	out, err := l.pipe(ctx, "", file, exporter(s, source, "metrics"))
	if err != nil {
		return err
	}
	lines, points, err := compressedLines(s)
	if err != nil {
		return err
	}
	other, err := l.download(ctx, 1, "synthetic:experiments=1,metrics=20,points=15000,assets=0,parameters=0")
	if err != nil {
		return err
	}
	l.table.atMost("W3", "stream of metrics, share of the points as JSON lines under zstd -3", 100*float64(out.output)/float64(lines), 60, "%")
	l.table.beside(other.show(func(r *rival) string { return figure(20*15000/r.wall.Seconds()/1e6, "Mpoints/s") }), "")
	l.table.note("W3", "export", figure(float64(points)/out.wall.Seconds()/1e6, "Mpoints/s"))
	l.table.beside(other.memory(), "")
	l.table.memory("W3", "export", out.peak...)
	for _, format := range []string{"csv", "jsonl"} {
		rows, err := l.pipe(ctx, file, "", filter("--points", "--format", format))
		if err != nil {
			return err
		}
		what := "filter --points, as " + format
		l.table.atLeast("W3", what, float64(points)/rows.wall.Seconds()/1e6, 5, "Mpoints/s")
		l.table.memory("W3", what, rows.peak...)
	}
	to, err := l.serve(ctx, "-seed", "empty")
	if err != nil {
		return err
	}
	defer to.stop()
	in, err := l.pipe(ctx, file, "", importer(to, source))
	if err != nil {
		return err
	}
	l.table.note("W3", "import", figure(float64(points)/in.wall.Seconds()/1e6, "Mpoints/s"))
	l.table.memory("W3", "import", in.peak...)
	again, err := l.pipe(ctx, file, "", importer(to, source))
	if err != nil {
		return err
	}
	l.table.memory("W3", "repeated unchanged import", again.peak...)
	return nil
}

// compressedLines returns the size of all points of the project as JSON lines
// under zstd at level 3, and their number.
func compressedLines(s *server) (size int64, points int, err error) {
	var list struct {
		Experiments []struct {
			ExperimentKey string `json:"experimentKey"`
		} `json:"experiments"`
	}
	if err := s.getJSON("experiments?workspaceName=demo&projectName=synthetic", &list); err != nil {
		return 0, 0, err
	}
	count := &sink{w: io.Discard}
	enc, err := zstd.NewWriter(count, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)))
	if err != nil {
		return 0, 0, err
	}
	for _, e := range list.Experiments {
		n, err := writeLines(enc, s, e.ExperimentKey)
		if err != nil {
			return 0, 0, err
		}
		points += n
	}
	if err := enc.Close(); err != nil {
		return 0, 0, err
	}
	return count.n, points, nil
}

func writeLines(w io.Writer, s *server, key string) (points int, err error) {
	body, err := s.get("experiment/metrics/get-all?experimentKey=" + key)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	dec := json.NewDecoder(body)
	for range 3 { // {, "metrics", [
		if _, err := dec.Token(); err != nil {
			return 0, err
		}
	}
	var line bytes.Buffer
	for dec.More() {
		var point json.RawMessage
		if err := dec.Decode(&point); err != nil {
			return 0, err
		}
		line.Reset()
		if err := json.Compact(&line, point); err != nil {
			return 0, err
		}
		line.WriteByte('\n')
		if _, err := w.Write(line.Bytes()); err != nil {
			return 0, err
		}
		points++
	}
	return points, nil
}

// filterSpeed is W6: 2 GB of content, half metrics, half incompressible assets.
func filterSpeed(ctx context.Context, l *lab) error {
	file, content, err := l.mixed(ctx)
	if err != nil {
		return err
	}
	packed, err := size(file)
	if err != nil {
		return err
	}
	copied, err := l.pipe(ctx, file, "", step{args: []string{"cat"}})
	if err != nil {
		return err
	}
	plain := float64(packed) / copied.wall.Seconds()
	coded, err := l.zstdSpeed(ctx, file, content)
	if err != nil {
		return err
	}
	bounds := map[string]string{"filter, nothing touched, compressed bytes": "cat: " + figure(plain/1e6, "MB/s"), "filter, every block encoded again, content": coded}
	for _, m := range []struct {
		what   string
		step   step
		bytes  float64
		target float64
	}{
		{"filter, nothing touched, compressed bytes", filter(), float64(packed), 1000},
		{"filter --check, content", filter("--check"), content, 500},
		{"filter, every block encoded again, content", filter("--asset-name", "*", "--rename", "demo/synthetic=demo/other"), content, 150},
		{"filter metrics, content", filter("metrics"), content, 0},
		{"filter -x metrics, content", filter("-x", "metrics"), content, 0},
	} {
		res, err := l.pipe(ctx, file, "", m.step)
		if err != nil {
			return err
		}
		l.table.beside("", bounds[m.what])
		speed := m.bytes / res.wall.Seconds() / 1e6
		if m.target > 0 {
			l.table.atLeast("W6", m.what, speed, m.target, "MB/s")
		} else {
			l.table.note("W6", m.what, figure(speed, "MB/s"))
		}
		l.table.memory("W6", m.what, res.peak...)
	}
	return nil
}

// mixed makes the file of W6 out of four equal streams, one after the other, and
// returns the size of its content.
func (l *lab) mixed(ctx context.Context) (file string, content float64, err error) {
	// 40 experiments have about 250 MB of points and 250 MB of assets.
	s, err := l.serve(ctx, "-seed", "synthetic:experiments=40,metrics=30,points=15000,assets=1,size=6400000")
	if err != nil {
		return "", 0, err
	}
	defer s.stop()
	one := l.file("mixed-one.comet.zst")
	if _, err := l.pipe(ctx, "", one, exporter(s, source)); err != nil {
		return "", 0, err
	}
	plain, err := contentSize(one)
	if err != nil {
		return "", 0, err
	}
	times := int(2e9/plain) + 1
	file = l.file("mixed.comet.zst")
	return file, plain * float64(times), concat(file, slices.Repeat([]string{one}, times)...)
}

// contentSize returns the size of what a file is when it is decompressed.
func contentSize(name string) (float64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	dec, err := zstd.NewReader(f)
	if err != nil {
		return 0, err
	}
	defer dec.Close()
	n, err := io.Copy(io.Discard, dec)
	return float64(n), err
}

// zstdSpeed returns what zstd takes to decode a file and to encode it again.
func (l *lab) zstdSpeed(ctx context.Context, file string, content float64) (string, error) {
	if _, err := exec.LookPath("zstd"); err != nil {
		return "zstd is missing", nil
	}
	res, err := l.pipe(ctx, file, "", step{args: []string{"zstd", "-dcq"}}, step{args: []string{"zstd", "-cq"}})
	if err != nil {
		return "", err
	}
	return "zstd -dc | zstd: " + figure(content/res.wall.Seconds()/1e6, "MB/s"), nil
}

// crowdedMemory is W7: the memory of what is hard to keep flat.
func crowdedMemory(ctx context.Context, l *lab) error {
	for _, c := range []struct {
		what, seed string
		beside     bool // cometx does not take hours
	}{
		{"16 experiments of 200 × 15,000 points", "synthetic:experiments=16,metrics=200,points=15000,assets=0", false},
		{"50,000 parameters", "synthetic:experiments=4,metrics=1,points=1,assets=0,parameters=50000", true},
		{"a metric of 1,000,000 points", "synthetic:experiments=1,metrics=1,points=1000000,assets=0", true},
	} {
		if err := l.crowded(ctx, c.what, c.seed, c.beside); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	return nil
}

func (l *lab) crowded(ctx context.Context, what, seed string, beside bool) error {
	file := l.file("crowded.comet.zst")
	s, err := l.serve(ctx, "-seed", seed, "-latency", (20 * time.Millisecond).String())
	if err != nil {
		return err
	}
	out, err := l.pipe(ctx, "", file, exporter(s, source))
	s.stop()
	if err != nil {
		return err
	}
	to, err := l.serve(ctx, "-seed", "empty")
	if err != nil {
		return err
	}
	defer to.stop()
	in, err := l.pipe(ctx, file, "", importer(to, source))
	if err != nil {
		return err
	}
	again, err := l.pipe(ctx, file, "", importer(to, source))
	if err != nil && !strings.Contains(err.Error(), "exit status 3") {
		return err
	}
	if beside {
		other, err := l.download(ctx, 1, seed)
		if err != nil {
			return err
		}
		l.table.beside(other.memory(), "")
	}
	l.table.memory("W7", "export of "+what, out.peak...)
	l.table.memory("W7", "import of "+what, in.peak...)
	l.table.memory("W7", "repeated unchanged import of "+what, again.peak...)
	return os.Remove(file)
}
