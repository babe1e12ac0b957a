package signoff

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// A Run is what is known of an import before it begins.
type Run struct {
	Tool string
	To   string // address of the destination
	User string
	// Looks is true of a run that writes nothing, Verifies of one that reads
	// everything back.
	Looks, Verifies bool
}

// A Destination is asked for what it has, once the import is done.
type Destination interface {
	// Count returns how many experiments a project lists.
	Count(ctx context.Context, workspace, project string) (int64, error)
	// ShareLinks returns the addresses of a project for those who are given them.
	ShareLinks(ctx context.Context, workspace, project string) ([]string, error)
	// Points calls yield with the points of a metric, in any order.
	Points(ctx context.Context, key, metric string, yield func(hasStep bool, step, time int64, value float64)) error
}

// A Page collects what the page will say. Outcome may be called by one goroutine at
// a time.
type Page struct {
	run      Run
	began    time.Time
	sample   sample
	passing  io.Closer
	looking  chan struct{}
	outcomes []*report.Outcome
	more     int64 // outcomes that are not kept
}

// maxOutcomes bounds what is kept: a page with more lines is of no use to anyone.
const maxOutcomes = 50_000

// New returns an empty page.
func New(run Run) *Page { return &Page{run: run, began: time.Now()} }

// Outcome takes what became of an experiment, or of another thing.
func (p *Page) Outcome(o *report.Outcome) {
	if len(p.outcomes) >= maxOutcomes {
		p.more++
		return
	}
	kept := *o
	kept.Written, kept.Rewritten = report.Written{}, nil
	p.outcomes = append(p.outcomes, &kept)
}

//go:embed page.html
var files embed.FS

var page = template.Must(template.New("page.html").Funcs(template.FuncMap{"count": count, "plural": plural}).ParseFS(files, "page.html"))

// count returns a number as people write it.
func count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural returns a number of things in words. Templates have numbers of two types.
func plural(n any, what string) string {
	number, ok := n.(int64)
	if !ok {
		number = int64(n.(int))
	}
	if number != 1 {
		what += "s"
	}
	return count(number) + " " + what
}

// Write writes the page. The page says what the destination does not report.
func (p *Page) Write(ctx context.Context, w io.Writer, sum *report.Summary, failed error, to Destination) error {
	v := p.view(ctx, sum, to)
	if failed != nil {
		v.Failed = failed.Error()
	}
	return page.Execute(w, v)
}

// A view is what the template shows.
type view struct {
	Run
	From, When, Took string
	Sum              *report.Summary
	Failed           string
	Lost             int64 // items that are missing, different, or not as the stream says
	Projects         []*projectView
	Drawn            []*drawing
	ShareLinks       []shareLink
	Others           []*report.Outcome // with something to tell, that are not experiments
	More             int64
}

// Good reports whether there is nothing to hold against the migration.
func (v *view) Good() bool {
	return v.Failed == "" && v.Lost == 0 && v.Sum.Failed == 0 && v.Sum.Elsewhere == 0
}

type projectView struct {
	From, To           string
	Listed, Read       int64  // experiments that the source had, and the stream has
	Destination        int64  // at the destination
	Uncounted          string // why that is not known
	Verified           int64
	Experiments        []*report.Outcome
	results            map[report.Result]int64
	workspace, project string
}

// order is that of results in a line.
var order = []report.Result{report.ResultCreated, report.ResultCompleted, report.ResultAlreadyThere, report.ResultElsewhere, report.ResultFailed}

// Results says how many experiments have which result.
func (v *projectView) Results() string {
	var parts []string
	for _, r := range order {
		if n := v.results[r]; n > 0 {
			parts = append(parts, count(n)+" "+string(r))
		}
	}
	if parts == nil {
		return "no experiments"
	}
	return strings.Join(parts, ", ")
}

// Bad reports whether some experiments are not where they should be.
func (v *projectView) Bad() bool {
	return v.results[report.ResultElsewhere]+v.results[report.ResultFailed] > 0
}

type shareLink struct{ Project, URL, Error string }

func (p *Page) view(ctx context.Context, sum *report.Summary, to Destination) *view {
	v := &view{
		Run: p.run, From: p.sample.url, Sum: sum, More: p.more,
		When: p.began.UTC().Format("2 January 2006, 15:04 UTC"), Took: time.Since(p.began).Round(time.Second).String(),
		Lost: sum.Missing + sum.Differing + sum.Unverified + sum.Skipped,
	}
	for _, in := range p.sample.order {
		v.Projects = append(v.Projects, p.projectView(in))
	}
	keys := make(map[string]string) // at the destination
	for _, o := range p.outcomes {
		if o.Kind != report.KindExperiment {
			if len(o.Issues) > 0 || o.Error != "" {
				v.Others = append(v.Others, o)
			}
			continue
		}
		keys[o.SourceKey] = o.Key
		if i := slices.Index(p.sample.order, p.sample.of[o.SourceKey]); i >= 0 {
			v.Projects[i].add(o)
		}
	}
	linked := make(map[string]bool)
	for _, project := range v.Projects {
		project.ask(ctx, to)
		if project.To != "" && !linked[project.To] {
			linked[project.To] = true
			v.ShareLinks = append(v.ShareLinks, shareLinks(ctx, to, project)...)
		}
	}
	for _, s := range p.sample.series {
		if len(s.points) >= leastDrawnPoints && !s.tooLong {
			v.Drawn = append(v.Drawn, draw(ctx, s, keys[s.key], to))
		}
	}
	return v
}

func (p *Page) projectView(in stream.ProjectName) *projectView {
	return &projectView{From: in.String(), Listed: p.sample.listed[in], Read: p.sample.read[in], results: make(map[report.Result]int64)}
}

func (v *projectView) add(o *report.Outcome) {
	v.workspace, v.project, v.To = o.Workspace, o.Project, o.Workspace+"/"+o.Project
	v.Experiments = append(v.Experiments, o)
	if o.Verified {
		v.Verified++
	}
	v.results[o.Result]++
}

// ask counts what the destination has.
func (v *projectView) ask(ctx context.Context, to Destination) {
	if v.To == "" {
		return
	}
	n, err := to.Count(ctx, v.workspace, v.project)
	v.Destination = n
	if err != nil {
		v.Uncounted = err.Error()
	}
}

func shareLinks(ctx context.Context, to Destination, p *projectView) []shareLink {
	urls, err := to.ShareLinks(ctx, p.workspace, p.project)
	if err != nil {
		return []shareLink{{Project: p.To, Error: err.Error()}}
	}
	var links []shareLink
	for _, url := range urls {
		links = append(links, shareLink{Project: p.To, URL: url})
	}
	return links
}

// Title is what the page is called.
func (v *view) Title() string {
	verb := "Migration"
	if v.Looks {
		verb = "Comparison"
	}
	return fmt.Sprintf("%s from %s to %s", verb, host(v.From), host(v.To))
}

func host(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if rest = strings.Trim(rest, "/"); rest != "" {
		return rest
	}
	return "an unknown instance"
}
