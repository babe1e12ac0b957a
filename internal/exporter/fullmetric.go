package exporter

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/packed"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// Servers keep so many points of a metric and drop the rest evenly. Accounts
// with a setting for it have the whole metric in files: zipped CSV without
// contexts, with times that may be in seconds. Each row is matched with the
// points that the server did keep, which are exact, and fills the gaps
// between them.

const (
	// maxFullFile bounds a zip file of a metric, which has to be in memory.
	maxFullFile = 16 << 20
	// maxFullListed bounds the points that the rows of files are matched with: more
	// of a metric than any server keeps that thins them.
	maxFullListed = 100_000
	// maxFullRows bounds the rows of a file.
	maxFullRows = 4 << 20
	// maxFullRow bounds a row.
	maxFullRow = 64 << 10
)

// direct marks requests of the reader itself: they must not queue up behind
// requests that wait for the reader.
func direct(ctx context.Context) context.Context { return transport.WithHead(ctx, closed) }

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// fullFile is a file with points of a metric.
type fullFile struct {
	asset comet.Asset
	part  int
}

var (
	notInFileName = regexp.MustCompile(`[^A-Za-z0-9\-+]+`)
	fullFileName  = regexp.MustCompile(`^(.*)_(\d+)\.csv\.zip$`)
)

// fullFiles returns the files of the metrics of the experiment, by the names
// that metrics have in file names.
func (u *experimentUnit) fullFiles(ctx context.Context) (map[string][]fullFile, error) {
	if u.full != nil || u.fullErr != nil {
		return u.full, u.fullErr
	}
	u.full, u.fullErr = u.listFull(ctx)
	return u.full, u.fullErr
}

func (u *experimentUnit) listFull(ctx context.Context) (map[string][]fullFile, error) {
	files := make(map[string][]fullFile)
	restart := func() { clear(files) }
	err := u.x.client.Assets.Each(direct(ctx), u.l.Key, stream.AssetFullMetric, restart, func(a *comet.Asset) error {
		// Older servers may list other types when they do not know this one.
		m := fullFileName.FindStringSubmatch(a.Name)
		if a.Type != stream.AssetFullMetric || m == nil {
			return nil
		}
		part, err := strconv.Atoi(m[2])
		if err != nil {
			return nil
		}
		f := fullFile{asset: *a, part: part}
		f.asset.Raw = nil
		name := strings.Clone(m[1])
		files[name] = append(files[name], f)
		return nil
	})
	if err != nil && !judge.Absence(stream.KindAsset, err) {
		return nil, err
	}
	for _, list := range files {
		slices.SortStableFunc(list, func(a, b fullFile) int {
			return cmp.Or(cmp.Compare(a.part, b.part), strings.Compare(a.asset.ID, b.asset.ID))
		})
	}
	return files, nil
}

// complete returns the points of a metric together with those that the server
// has dropped from its list, nil if there are no more to be had. lost says why
// points are not among them that files have. A metric that stays as the server has
// thinned it is reported.
func (u *experimentUnit) complete(ctx context.Context, c *packed.Points, name string) (full *packed.Points, lost, err error) {
	files, err := u.fullFiles(ctx)
	if err == nil {
		full, err = u.merge(ctx, c, name, files[notInFileName.ReplaceAllString(name, "_")])
	}
	switch n := c.Series[name].N; {
	case err != nil && judge.Fatal(err):
		return nil, nil, err
	case err != nil:
		return nil, fmt.Errorf("the server lists %d of its points, and the file with the others cannot be read: %w", n, err), nil
	case full == nil && n <= serverCap:
		u.res.Thinned = append(u.res.Thinned, name)
	}
	return full, nil, nil
}

// maxNamed is how many things a warning names; the report has them all.
const maxNamed = 3

// reportThinned reports the metrics of which points are missing at the source.
func (u *experimentUnit) reportThinned(out *output) {
	n := len(u.res.Thinned)
	if n == 0 {
		return
	}
	text := fmt.Sprintf("experiment %q: %s of which the server seems to omit points, by their number or its own summary: %s",
		u.l.Key, progress.Count(int64(n), "metric"), find.QuoteAll(u.res.Thinned[:min(n, maxNamed)]))
	if n > maxNamed {
		text += " and others"
	}
	out.obs.Warn(text)
}

// merge reads files that hold points of a metric. It returns nil if they have
// none that the collection lacks.
func (u *experimentUnit) merge(ctx context.Context, c *packed.Points, name string, files []fullFile) (*packed.Points, error) {
	if len(files) == 0 || c.Series[name].N > maxFullListed {
		return nil, nil
	}
	m := newMerger(c, name)
	for _, f := range files {
		data, err := u.readFull(ctx, f)
		if err != nil {
			return nil, err
		}
		if err := m.addFile(data); err != nil {
			return nil, judge.ItemErrorf("%s: %v", f.asset.Name, err)
		}
	}
	if m.rows == 0 {
		return nil, judge.ItemErrorf("%s: none of the listed points is in it", files[0].asset.Name)
	}
	return m.finish(), nil
}

// readFull reads a file into memory.
func (u *experimentUnit) readFull(ctx context.Context, f fullFile) ([]byte, error) {
	body, err := u.x.client.Assets.Content(direct(ctx), comet.AssetRequest{Key: u.l.Key, ID: f.asset.ID})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var data bytes.Buffer
	data.Grow(int(min(f.asset.Size, maxFullFile)) + bytes.MinRead)
	_, err = data.ReadFrom(io.LimitReader(body, maxFullFile+1))
	if err == nil && data.Len() > maxFullFile {
		err = judge.ItemErrorf("%s: the file is larger than %d MiB", f.asset.Name, maxFullFile>>20)
	}
	return data.Bytes(), err
}

// merger matches rows of files with the points that the server lists.
type merger struct {
	name    string
	points  []stream.Point // as the server lists them
	used    []bool
	index   map[rowKey][]int32
	context stream.String // that all of them have
	full    *packed.Points
	rows    int
	last    int64 // time of the row before
}

// rowKey is what a row of a file and a point of the list have in common.
type rowKey struct {
	step, epoch stream.Int64
	number      uint64 // bits of the value, if it is a number
	text        string // else its text
}

func newMerger(c *packed.Points, name string) *merger {
	s := c.Series[name]
	m := &merger{name: name, full: packed.New(), index: make(map[rowKey][]int32)}
	next := s.All(c)
	for p := next(); p != nil; p = next() {
		q := packed.Own(p)
		if len(m.points) == 0 {
			m.context = q.Context
		} else if q.Context != m.context {
			m.context = stream.String{}
		}
		k := keyOf(&q)
		m.index[k] = append(m.index[k], int32(len(m.points)))
		m.points = append(m.points, q)
	}
	m.used = make([]bool, len(m.points))
	return m
}

func keyOf(p *stream.Point) rowKey {
	k := rowKey{step: p.Step, epoch: p.Epoch}
	if f, ok := p.Value.Float64(); ok {
		k.number = math.Float64bits(f)
	} else {
		k.text = p.Value.Text()
	}
	return k
}

// addFile takes the rows of a file. One that does not go with the points is
// refused: two metrics may have the same name in file names.
func (m *merger) addFile(data []byte) error {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, f := range zr.File {
		if f.FileInfo().IsDir() {
			continue
		}
		unit, err := m.judge(f)
		if err != nil {
			return err
		}
		if unit == 0 {
			continue
		}
		if err := eachRow(f, func(r *row) error { return m.addRow(r, unit) }); err != nil {
			return err
		}
	}
	return nil
}

// judge reads a file and returns the milliseconds in the unit of its times, 0
// if it is not a file of this metric.
func (m *merger) judge(f *zip.File) (unit int64, err error) {
	rows, found := 0, map[int64]int{}
	err = eachRow(f, func(r *row) error {
		rows++
		for _, i := range m.index[keyOf(&r.point)] {
			for _, u := range []int64{1, 1000} {
				if r.at(m.points[i].Time, u) {
					found[u]++
					return nil
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	unit = 1
	if found[1000] > found[1] {
		unit = 1000
	}
	// Of all rows the server keeps len(points), spread evenly: that share of
	// the rows of a file should be found among them, give or take.
	if found[unit] == 0 || rows > 2*len(m.points) && found[unit] < 2 {
		return 0, nil
	}
	return unit, nil
}

// addRow adds the point of a row, as the server lists it if it does.
func (m *merger) addRow(r *row, unit int64) error {
	if m.rows++; m.full.Size > maxCollected {
		return fmt.Errorf("it has more points than fit in memory, after %d", m.rows)
	}
	for _, i := range m.index[keyOf(&r.point)] {
		if !m.used[i] && r.at(m.points[i].Time, unit) {
			m.used[i] = true
			m.last = m.points[i].Time.V
			m.full.Add(m.name, &m.points[i])
			return nil
		}
	}
	p := r.point
	p.Context = m.context
	if !math.IsNaN(r.time) {
		// A file of seconds says no more than that the point lies in this
		// second; if the row before does too, it is not the earlier one.
		t := int64(math.Round(r.time * float64(unit)))
		if t < m.last && m.last < t+unit && r.time == math.Floor(r.time) {
			t = m.last
		}
		p.Time, m.last = stream.NewInt64(t), t
	}
	m.full.Add(m.name, &p)
	return nil
}

// finish adds the points that no row was matched with.
func (m *merger) finish() *packed.Points {
	for i := range m.points {
		if !m.used[i] {
			m.full.Add(m.name, &m.points[i])
		}
	}
	if m.full.Series[m.name].N == len(m.points) {
		return nil
	}
	return m.full
}

// row is one row of a file. Its time is in the unit of the file.
type row struct {
	point stream.Point // without time and context
	time  float64      // NaN if absent
}

// at reports whether the row has the time of a point, as exactly as the file
// tells it.
func (r *row) at(t stream.Int64, unit int64) bool {
	if !t.OK {
		return math.IsNaN(r.time)
	}
	exact := float64(t.V) / float64(unit)
	return r.time == exact || unit > 1 && r.time == math.Floor(exact) || math.Abs(r.time-exact)*float64(unit) < 0.5
}

// eachRow calls fn for each row of a file. The order of the columns is the
// file's.
func eachRow(f *zip.File, fn func(*row) error) error {
	rc, err := f.Open()
	if err != nil {
		return err
	}
	defer rc.Close()
	cr := csv.NewReader(&shortLines{r: rc})
	cr.ReuseRecord = true
	head, err := cr.Read()
	if err != nil {
		return fmt.Errorf("no header: %w", err)
	}
	column := map[string]int{"value": -1, "timestamp": -1, "step": -1, "epoch": -1}
	for i, name := range head {
		column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	if column["value"] < 0 {
		return fmt.Errorf("no column %q", "value")
	}
	for rows := 0; ; rows++ {
		fields, err := cr.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case rows == maxFullRows:
			return fmt.Errorf("it has more than %d rows", maxFullRows)
		}
		get := func(name string) string {
			if i := column[name]; i >= 0 && i < len(fields) {
				return strings.TrimSpace(fields[i])
			}
			return ""
		}
		r := row{time: number(get("timestamp"))}
		r.point.Value = stream.TextValue(strings.Clone(get("value")))
		r.point.Step, r.point.Epoch = integer(get("step")), integer(get("epoch"))
		if err := fn(&r); err != nil {
			return err
		}
	}
}

// shortLines reads a text, and fails where it has a line that is too long to be
// held.
type shortLines struct {
	r io.Reader
	n int // bytes of the last line
}

func (s *shortLines) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for rest := p[:n]; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			s.n += len(rest)
		}
		if s.n+max(i, 0) > maxFullRow {
			return 0, fmt.Errorf("a row of it is longer than %d KiB", maxFullRow>>10)
		}
		if i < 0 {
			return n, err
		}
		s.n, rest = 0, rest[i+1:]
	}
}

// number reads a number; anything else is absent.
func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// integer reads an integer, which programs of statistics write with a
// fraction; anything else is absent.
func integer(s string) stream.Int64 {
	if n, ok := wire.ParseInt([]byte(s)); ok {
		return stream.NewInt64(n)
	}
	return stream.Int64{}
}
