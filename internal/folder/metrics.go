package folder

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// The files of metrics: one for all, or one for each.
const (
	metricsFile  = "metrics.jsonl"
	metricsDir   = "metrics"
	metricsNames = "metric_*.jsonl"
)

// Bounds of what is remembered of the points of an experiment: points that are not
// in order, and runs of lines of one metric.
const (
	maxUnsorted = 1 << 20
	maxExtents  = 2 << 20
)

// A series is where the points of a metric stand: cometx writes them one after the
// other, but nothing says that it must.
type series struct {
	extents []extent
	last    stream.Position // of those that have been seen
	sorted  bool            // they are in the order of the stream
	n       int
}

// An extent is a run of lines of one metric in a file.
type extent struct {
	file       int
	begin, end int64
}

// A point is the place of a point in its series, and in a file.
type point struct {
	stream.Position
	file int
	at   int64
}

// metricsFiles returns the files of metrics that there are.
func (g *group) metricsFiles() []string {
	var names []string
	if _, err := g.root.Lstat(metricsFile); err == nil {
		names = append(names, metricsFile)
	}
	split, _ := fs.Glob(g.root.FS(), path.Join(metricsDir, metricsNames)) // the pattern is good
	return append(names, split...)
}

// writeMetrics writes the metrics of the experiment, in the order of their names. It
// reads the files twice: to know where which points are, and to write them. In
// memory are the points of one record, or of a series that is not in order the times
// and steps.
func (g *group) writeMetrics(ctx context.Context) error {
	files := g.metricsFiles()
	all, err := g.indexMetrics(ctx, files)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return g.skipItem(stream.KindMetrics, "", "", err)
	}
	opened := make([]*os.File, len(files))
	defer func() {
		for _, file := range opened {
			if file != nil {
				_ = file.Close() // only read
			}
		}
	}()
	for i, name := range files {
		if opened[i], _, err = openFile(g.root, name); err != nil {
			return g.skipItem(stream.KindMetrics, "", "", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := g.writeSeries(opened, name, all[name]); err != nil {
			return err
		}
	}
	return nil
}

// indexMetrics finds where the points of each metric are.
func (g *group) indexMetrics(ctx context.Context, files []string) (map[string]*series, error) {
	all := make(map[string]*series)
	var last *series
	var lastName string
	extents := 0
	for i, file := range files {
		last = nil
		err := eachLine(g.root, file, func(line []byte, at int64) error {
			if ctx.Err() != nil {
				return errStop
			}
			name, p, err := parsePoint(line)
			if err != nil {
				return fmt.Errorf("%s at byte %d: %w", file, at, err)
			}
			next := at + int64(len(line))
			if last != nil && name == lastName {
				last.extents[len(last.extents)-1].end = next
			} else {
				if last = all[name]; last == nil {
					last = &series{sorted: true}
					all[name] = last
				}
				if lastName, extents = name, extents+1; extents > maxExtents {
					return fmt.Errorf("%s: its lines are of another metric too often", file)
				}
				last.extents = append(last.extents, extent{i, at, next})
			}
			last.sorted = last.sorted && (last.n == 0 || last.last.Compare(p.Position()) <= 0)
			last.last = p.Position()
			last.n++
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parsePoint reads the line of a point.
func parsePoint(line []byte) (name string, p stream.Point, err error) {
	obj, err := object(line)
	if err != nil {
		return "", p, err
	}
	var extra wire.Object
	wire.Members(obj, func(member string, v []byte) {
		ok := true
		switch member {
		case "metricName":
			name = wire.TextOrEmpty(v)
		case "metricValue":
			p.Value, err = stream.ValueFromJSON(v)
		case "timestamp":
			p.Time, ok = int64Of(v)
		case "step":
			p.Step, ok = int64Of(v)
		case "epoch":
			p.Epoch, ok = int64Of(v)
		case "runContext":
			if ok = wire.IsNull(v) || v[0] == '"'; ok && !wire.IsNull(v) {
				p.Context = stream.NewString(wire.Unquote(v))
			}
		case "offset":
		default:
			ok = false
		}
		if !ok {
			extra.Raw(member, v)
		}
	})
	if err == nil && extra.Len() > 0 {
		p.Extra, err = stream.DocFromJSON(extra.Bytes())
	}
	return name, p, err
}

// int64Of reads a number that may be null. ok is false for what is neither.
func int64Of(v []byte) (n stream.Int64, ok bool) {
	if wire.IsNull(v) {
		return n, true
	}
	if i := wire.IntOf(v); i != nil {
		return stream.NewInt64(*i), true
	}
	return n, false
}

// writeSeries writes the points of a metric.
func (g *group) writeSeries(files []*os.File, name string, s *series) error {
	w := &seriesWriter{g: g, name: name}
	err := s.read(files, w.add)
	if err == nil {
		err = w.flush()
	}
	if w.err != nil {
		return w.err
	}
	if err != nil {
		return g.skipItem(stream.KindMetrics, "", name, err)
	}
	return nil
}

// read yields the points in the order of the stream.
func (s *series) read(files []*os.File, yield func(stream.Point) error) error {
	if s.sorted {
		return s.eachLine(files, func(_ int, _ int64, line []byte) error {
			_, p, err := parsePoint(line)
			if err == nil {
				err = yield(p)
			}
			return err
		})
	}
	if s.n > maxUnsorted {
		return fmt.Errorf("%d points in no order of time are more than can be sorted", s.n)
	}
	points := make([]point, 0, s.n)
	lens := make([]int32, 0, s.n)
	err := s.eachLine(files, func(file int, at int64, line []byte) error {
		_, p, err := parsePoint(line)
		points = append(points, point{p.Position(), file, at})
		lens = append(lens, int32(len(line)))
		return err
	})
	if err != nil {
		return err
	}
	order := make([]int32, len(points))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return points[a].Compare(points[b].Position) })
	var buf []byte
	for _, i := range order {
		buf = slices.Grow(buf[:0], int(lens[i]))[:lens[i]]
		if _, err := files[points[i].file].ReadAt(buf, points[i].at); err != nil {
			return err
		}
		_, p, err := parsePoint(buf)
		if err == nil {
			err = yield(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachLine calls take for the lines of the series, in the order of the files.
func (s *series) eachLine(files []*os.File, take func(file int, at int64, line []byte) error) error {
	buf := make([]byte, 0, 64<<10)
	for _, x := range s.extents {
		for at := x.begin; at < x.end; {
			want := min(max(int64(cap(buf)), 64<<10), x.end-at)
			buf = slices.Grow(buf[:0], int(want))[:want]
			if _, err := files[x.file].ReadAt(buf, at); err != nil {
				return err
			}
			whole := buf
			if at+want < x.end {
				whole = buf[:bytes.LastIndexByte(buf, '\n')+1]
			}
			if len(whole) == 0 { // a line of more than the buffer
				buf = make([]byte, 0, 2*cap(buf))
				continue
			}
			begin := at
			for line := range bytes.Lines(whole) {
				if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
					if err := take(x.file, begin+int64(bytes.Index(line, trimmed)), trimmed); err != nil {
						return err
					}
				}
				begin += int64(len(line))
			}
			at = begin
		}
	}
	return nil
}

// A seriesWriter writes the points of a metric as records.
type seriesWriter struct {
	g      *group
	name   string
	points []stream.Point
	size   int
	err    error // of the stream, which ends it
}

// add adds a point, and writes those before it once they are as many as a record
// holds.
func (w *seriesWriter) add(p stream.Point) error {
	w.points = append(w.points, p)
	w.size += len(p.Value.Text()) + len(p.Extra) + len(p.Context.V)
	if len(w.points) >= stream.MaxPoints || w.size > 1<<20 {
		return w.flush()
	}
	return nil
}

func (w *seriesWriter) flush() error {
	for rec := range stream.SplitMetrics(w.name, w.points) {
		if err := w.g.w.Write(rec); isRefused(err) {
			return err
		} else if err != nil {
			w.err = err
			return err
		}
	}
	clear(w.points)
	w.points, w.size = w.points[:0], 0
	return nil
}
