package signoff

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// there is a destination that has what the stream has, but for one point.
type there struct{ points []point }

func (d *there) Count(_ context.Context, _, project string) (int64, error) {
	if project == "hidden" {
		return 0, errors.New("GET experiments: 403")
	}
	return 1234, nil
}

func (d *there) ShareLinks(_ context.Context, workspace, project string) ([]string, error) {
	return []string{"https://new.example/" + workspace + "/" + project + "?shareable=abc"}, nil
}

func (d *there) Points(_ context.Context, key, metric string, yield func(bool, int64, int64, float64)) error {
	for i, p := range d.points {
		if key == "other" && i == 0 {
			continue
		}
		yield(true, int64(p.x), 0, p.y)
	}
	return nil
}

// migrated is a stream of two projects with three experiments, and the page of its
// import.
func migrated(t *testing.T, d *there, run Run, change func(*report.Outcome)) string {
	t.Helper()
	var data bytes.Buffer
	w := stream.NewWriter(&data, stream.WriterOptions{})
	write := func(records ...stream.Record) {
		for _, r := range records {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	var points []stream.Point
	for i := range int64(50) {
		v := float64(50-i) / 7
		d.points = append(d.points, point{float64(i), v})
		points = append(points, stream.Point{Value: stream.FloatValue(v), Time: stream.NewInt64(i), Step: stream.NewInt64(i)})
	}
	experiment := func(key, project string) {
		write(&stream.Experiment{Key: key, Workspace: "acme", Project: project, Name: new("<b>" + key + "</b>")},
			&stream.Metrics{Name: "loss & more", Points: points}, &stream.Metrics{Name: "sys.cpu", Points: points}, &stream.ExperimentEnd{Key: key})
	}
	write(&stream.Header{Source: stream.Source{URL: "https://old.example"}}, &stream.Plan{})
	write(&stream.Project{Workspace: "acme", Name: "vision", Experiments: 1500})
	experiment("one", "vision")
	experiment("two", "vision")
	write(&stream.Project{Workspace: "acme", Name: "hidden", Experiments: 1})
	experiment("three", "hidden")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	page := New(run)
	if _, err := io.Copy(io.Discard, page.Read(&data)); err != nil {
		t.Fatal(err)
	}
	page.End()
	sum := new(report.Summary)
	for _, o := range []*report.Outcome{
		{Kind: "experiment", SourceKey: "one", Key: "one", Name: "<b>one</b>", Project: "vision", Result: report.ResultCreated, Verified: true},
		{Kind: "experiment", SourceKey: "two", Key: "other", Name: "<b>two</b>", Project: "vision", Result: report.ResultAlreadyThere, Verified: true},
		{Kind: "experiment", SourceKey: "three", Key: "three", Name: "<b>three</b>", Project: "hidden", Result: report.ResultCreated, Verified: true},
	} {
		o.Workspace = "lab"
		o.SourceURL, o.URL = "https://old.example/acme/"+o.SourceKey, "https://new.example/lab/"+o.Key
		change(o)
		sum.Add(o)
		page.Outcome(o)
	}
	var html bytes.Buffer
	if err := page.Write(t.Context(), &html, sum, nil, d); err != nil {
		t.Fatal(err)
	}
	return html.String()
}

// flat returns the text of a page, without its marks.
func flat(html string) string {
	text := regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`).ReplaceAllString(html, " ")
	return regexp.MustCompile(`\s+`).ReplaceAllString(text, " ")
}

func TestPage(t *testing.T) {
	html := migrated(t, new(there), Run{Tool: "comet-import v1", To: "https://new.example/", Verifies: true}, func(o *report.Outcome) {
		if o.SourceKey == "three" {
			o.Issues = []report.Issue{{Class: report.Noted, Kind: "state", Reason: "nobody minds"}}
		}
	})
	text := flat(html)
	for _, want := range []string{
		"Migration from old.example to new.example",
		"All 3 experiments were read back and are as the source had them",
		"acme/vision lab/vision 1,500 2 1,234 1 created, 1 already there 2 of 2 identical",
		"acme/hidden lab/hidden 1 1 not known 1 created 1 of 1 identical",
		"Nothing that the stream has.",
		"lab/vision https://new.example/lab/vision?shareable=abc",
		"loss &amp; more acme/vision",
		"50 points in the stream, 50 at the destination: the same",
		"50 points in the stream, 49 at the destination: not the same",
		"&lt;b&gt;two&lt;/b&gt; two other already there, verified",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	for _, want := range []string{`<a href="https://old.example/acme/two">`, `<a href="https://new.example/lab/other">`, `class="verdict good"`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	if strings.Contains(text, "sys.cpu") || strings.Contains(text, "nobody minds") || strings.Contains(html, "<b>two") {
		t.Errorf("the page says what it should not:\n%s", html)
	}
	// It needs no network: nothing in it is fetched.
	if load := regexp.MustCompile(`(?i)<(script|link|img|iframe|object)|src=|url\(|@import`).FindString(html); load != "" {
		t.Errorf("the page loads something: %s", load)
	}
}

func TestPageOfLosses(t *testing.T) {
	var ledger report.Ledger
	ledger.Issue(report.Issue{Class: report.Missing, Kind: "asset", Name: "a.bin", Reason: "too large for the destination"})
	html := migrated(t, new(there), Run{Looks: true}, func(o *report.Outcome) {
		switch o.SourceKey {
		case "one":
			kept := *o
			*o = ledger.Out
			o.Kind, o.SourceKey, o.Key, o.Name, o.Workspace, o.Project, o.Result = kept.Kind, kept.SourceKey, kept.Key, kept.Name, kept.Workspace, kept.Project, kept.Result
		case "two":
			o.Result, o.Error = report.ResultFailed, "PUT x: 500"
		}
	})
	text := flat(html)
	for _, want := range []string{
		"Comparison from old.example to an unknown instance",
		"1 item could not be kept or differ, 1 experiment not finished; they are listed below",
		"&lt;b&gt;one&lt;/b&gt; one missing asset a.bin: too large for the destination",
		"&lt;b&gt;two&lt;/b&gt; two not finished PUT x: 500",
		"1 created, 1 failed not asked for",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(html, `class="verdict good"`) {
		t.Error("the page calls that good")
	}
}

// Of a stream that breaks off, or is none, there is a page all the same, and the
// reading does not wait for it.
func TestPageOfBrokenStream(t *testing.T) {
	for _, data := range []string{"", "no stream", strings.Repeat("x", 1<<20)} {
		page := New(Run{})
		n, err := io.Copy(io.Discard, page.Read(strings.NewReader(data)))
		page.End()
		var html bytes.Buffer
		failed := errors.New("it is no stream")
		if err := errors.Join(err, page.Write(t.Context(), &html, new(report.Summary), failed, new(there))); err != nil || n != int64(len(data)) {
			t.Errorf("%d bytes of %d, %v", n, len(data), err)
		}
		if !strings.Contains(html.String(), "The run ended early: it is no stream") {
			t.Error("the page does not tell")
		}
	}
}

func TestLine(t *testing.T) {
	b := boxOf([]point{{0, 0}, {240, 6}})
	if got, want := b.line([]point{{0, 0}, {120, 3}, {120, 6}, {240, 6}}), "0.0,60.0 120.0,30.0 120.0,0.0 240.0,0.0"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	var many []point
	for i := range 100_000 {
		many = append(many, point{float64(i), float64(i % 100)})
	}
	if n := len(strings.Fields(boxOf(many).line(many))); n > 2*241 {
		t.Errorf("%d points are drawn", n)
	}
}

// A browser shows the page: the picture has the colours of both lines and of the
// verdict.
func TestPageInBrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	html := migrated(t, new(there), Run{To: "https://new.example/", Verifies: true}, func(*report.Outcome) {})
	if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(dir, "page.png")
	cmd := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--window-size=1000,1600", "--screenshot="+picture, "file://"+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	seen := colours(t, picture)
	for name, c := range map[string][3]uint8{"the destination's line": {9, 105, 218}, "the verdict": {218, 251, 225}} {
		if !seen[c] {
			t.Errorf("the picture does not show %s", name)
		}
	}
}
