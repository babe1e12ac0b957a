package exporter

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/exporter/packed"
	"github.com/comet-stream/comet-stream/stream"
	"github.com/google/go-cmp/cmp"
)

// pointsOf returns all points of a metric in a stream.
func pointsOf(all []stream.Record, name string) []stream.Point {
	var points []stream.Point
	for _, m := range of[*stream.Metrics](all) {
		if m.Name == name {
			points = append(points, m.Points...)
		}
	}
	return points
}

// long is a number of points that a server does not keep, in more than one
// file.
const long = 20_050

func seedLong(t *testing.T, moods comettest.Moods) *comettest.Server {
	t.Helper()
	srv := comettest.Start(t, comettest.Options{Moods: moods})
	srv.SeedExperiment("w", "p", comettest.ExperimentSpec{
		Key: strings.Repeat("k", 32), Start: 1,
		Synthetic: []comettest.SyntheticMetric{
			{Name: "a/long one", Seed: 1, N: long, Start: 1_700_000_000_123},
			{Name: "short", Seed: 2, N: 10, Start: 1_700_000_000_123},
		},
	})
	return srv
}

// Where the account has whole metrics in files, nothing is missing; and what
// the server keeps is exact, also where the files are not.
func TestFullMetrics(t *testing.T) {
	whole := seedLong(t, comettest.Moods{})
	want := pointsOf(records(t, mustExport(t, Options{Client: newClient(t, whole), Paths: paths(t, "w/p")})), "a/long one")
	if len(want) != long {
		t.Fatalf("%d points without a cap, want %d", len(want), long)
	}
	for _, moods := range []comettest.Moods{
		{FullMetricFiles: "listed", FullMetricMillis: true},
		{FullMetricFiles: "typed", NoGetAll: true},
	} {
		moods.MetricCap = comettest.DefaultMetricCap
		t.Run(fmt.Sprintf("%s,millis=%v,old=%v", moods.FullMetricFiles, moods.FullMetricMillis, moods.NoGetAll), func(t *testing.T) {
			srv := seedLong(t, moods)
			obs := new(recorder)
			data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p"), Observer: obs})
			if err != nil || sum.Thinned != 0 || sum.Items != 0 {
				t.Fatalf("error %v, summary %+v, warnings %q", err, sum, obs.warnings)
			}
			all := records(t, data)
			got := pointsOf(all, "a/long one")
			if len(got) != long {
				t.Fatalf("%d points, want %d", len(got), long)
			}
			exact := 0
			for i := range got {
				g, w := got[i], want[i]
				if g.Value != w.Value || g.Step != w.Step {
					t.Fatalf("point %d: got %+v, want %+v", i, g, w)
				}
				if g.Time == w.Time {
					exact++
				} else if !moods.FullMetricMillis && g.Time.V >= w.Time.V/1000*1000 && g.Time.V < w.Time.V {
					continue
				} else {
					t.Fatalf("point %d: time %d, want %d", i, g.Time.V, w.Time.V)
				}
			}
			if exact < comettest.DefaultMetricCap {
				t.Errorf("%d points have their exact time, want at least %d", exact, comettest.DefaultMetricCap)
			}
			files := 0
			for _, a := range of[*stream.Asset](all) {
				if a.Type != nil && *a.Type == stream.AssetFullMetric {
					files++
				}
			}
			if listed := moods.FullMetricFiles == "listed"; listed != (files > 0) {
				t.Errorf("%d full-metric files in the stream", files)
			}
		})
	}
}

// Without files the metric stays as it is, and that is told.
func TestFullMetricsMissing(t *testing.T) {
	srv := seedLong(t, comettest.Moods{MetricCap: comettest.DefaultMetricCap})
	obs := new(recorder)
	data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p"), Observer: obs})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pointsOf(records(t, data), "a/long one")); n != comettest.DefaultMetricCap {
		t.Errorf("%d points", n)
	}
	if sum.Thinned != 1 || len(obs.warnings) != 1 || !strings.Contains(obs.warnings[0], "a/long one") {
		t.Errorf("thinned %d, warnings %q", sum.Thinned, obs.warnings)
	}
	if diff := cmp.Diff([]string{"a/long one"}, obs.results[0].Thinned); diff != "" {
		t.Errorf("thinned in the report (-want +got):\n%s", diff)
	}
}

// A source that shows fewer points than there are is reported, whatever its limit
// is; and points that are far apart because they were logged so are not.
func TestThinned(t *testing.T) {
	const n = 40_000
	for _, test := range []struct {
		name  string
		moods comettest.Moods
		every int64 // step that is logged
		n     int
		want  int64
	}{
		{"each third", comettest.Moods{MetricStride: 3}, 1, n, 1},
		{"each seventh", comettest.Moods{MetricStride: 7}, 1, n, 1},
		{"limit of 1,000", comettest.Moods{MetricCap: 1000}, 1, n, 1},
		{"limit of 10,000", comettest.Moods{MetricCap: 10_000}, 1, n, 1},
		{"limit of 14,999", comettest.Moods{MetricCap: 14_999}, 1, n, 1},
		{"limit of 5,000, old", comettest.Moods{MetricCap: 5000, NoGetAll: true}, 1, n, 1},
		{"all", comettest.Moods{}, 1, n, 0},
		{"logged at each tenth step", comettest.Moods{}, 10, 10_000, 0},
		{"logged at each step", comettest.Moods{}, 1, 10_000, 0},
		{"the limit is not reached", comettest.Moods{MetricCap: 15_000}, 3, 12_345, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := comettest.Start(t, comettest.Options{Moods: test.moods})
			random := rand.New(rand.NewPCG(1, 2))
			spec := comettest.ExperimentSpec{Key: strings.Repeat("k", 32), Start: 1, End: 2}
			for i := range test.n {
				step := int64(i) * test.every
				spec.Points = append(spec.Points, comettest.MetricPoint{Metric: "loss", Value: strconv.FormatFloat(random.Float64(), 'g', -1, 64), Step: &step, Time: int64(1000 * i)})
			}
			srv.SeedExperiment("w", "p", spec)
			obs := new(recorder)
			_, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p"), Observer: obs})
			if err != nil || sum.Thinned != test.want || int64(len(obs.warnings)) != test.want {
				t.Errorf("thinned %d, want %d; warnings %q; %v", sum.Thinned, test.want, obs.warnings, err)
			}
		})
	}
}

func zipCSV(t *testing.T, csv string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	w, err := zw.Create("m_0.csv")
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(csv))
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func listedPoints(values ...string) *packed.Points {
	c := packed.New()
	for i, v := range values {
		c.Add("m", &stream.Point{
			Value: stream.TextValue(v), Time: stream.NewInt64(int64(5000 + 1001*i)), Step: stream.NewInt64(int64(i)),
			Context: stream.NewString("train"),
		})
	}
	return c
}

func dump(c *packed.Points, name string) []string {
	var out []string
	c.Records(name, func(m *stream.Metrics) error {
		for _, p := range m.Points {
			out = append(out, fmt.Sprintf("%v@%d/%d/%s", p.Value, p.Time.V, p.Step.V, p.Context.V))
		}
		return nil
	})
	return out
}

func TestMerger(t *testing.T) {
	for _, test := range []struct {
		name, csv string
		want      []string // nil: refused
	}{
		{"seconds", "value,timestamp,step,epoch\n1,5,0,\n1.5,5,7,\n2,6,1,\n", []string{"1@5000/0/train", "1.5@5000/7/train", "2@6001/1/train"}},
		{"milliseconds", "value,timestamp,step,epoch\n1,5000,0,\n1.5,5500,7,\n2,6001,1,\n", []string{"1@5000/0/train", "1.5@5500/7/train", "2@6001/1/train"}},
		{"fractions of seconds", "value,timestamp,step,epoch\n1,5.0,0,\n1.5,5.5,7,\n2,6.001,1,\n", []string{"1@5000/0/train", "1.5@5500/7/train", "2@6001/1/train"}},
		{"other columns", "\ufeffStep, epoch,Timestamp,value,x\n0.0,,5,1.0,9\n7,,5,1.5,9\n1,,6,2,9\n", []string{"1@5000/0/train", "1.5@5000/7/train", "2@6001/1/train"}},
		{"point without a row", "value,timestamp,step,epoch\n1,5,0,\n8,5,1,\n", []string{"1@5000/0/train", "8@5000/1/train", "2@6001/1/train"}},
		{"nothing new", "value,timestamp,step,epoch\n1,5,0,\n2,6,1,\n", nil},
		{"another metric", "value,timestamp,step,epoch\n3,5,0,\n4,6,1,\n", nil},
		{"no rows", "value,timestamp,step,epoch\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMerger(listedPoints("1", "2"), "m")
			if err := m.addFile(zipCSV(t, test.csv)); err != nil {
				t.Fatal(err)
			}
			var got []string
			if full := m.finish(); full != nil {
				got = dump(full, "m")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("points (-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range [][]byte{[]byte("no zip"), zipCSV(t, ""), zipCSV(t, "a,b\n1,2\n"), zipCSV(t, "value,timestamp\n\"1,2\n")} {
		if err := newMerger(listedPoints("1"), "m").addFile(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

// Two metrics may have one name in file names; each takes its own rows.
func TestFullMetricsSharedName(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Moods: comettest.Moods{MetricCap: comettest.DefaultMetricCap, FullMetricFiles: "typed"}})
	var metrics []comettest.SyntheticMetric
	for i, name := range []string{"a b", "a/b"} {
		metrics = append(metrics, comettest.SyntheticMetric{Name: name, Seed: uint64(i + 1), N: 15_010 + i, Start: 1_700_000_000_000})
	}
	srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Start: 1, Synthetic: metrics})
	all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
	for i, m := range metrics {
		if n := len(pointsOf(all, m.Name)); n != 15_010+i {
			t.Errorf("%s points of %q, want %d", strconv.Itoa(n), m.Name, 15_010+i)
		}
	}
}
