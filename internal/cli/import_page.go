package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/internal/signoff"
)

// checkPage finds out before anything is read whether --html-report can be written.
func (c *importCommand) checkPage() error {
	if c.htmlReport == "" {
		return nil
	}
	if c.htmlReport == "-" {
		return c.usagef("--html-report -: a page goes to a file")
	}
	out, err := fileOutput(c.htmlReport)
	if err != nil {
		return c.usagef("--html-report: %w", err)
	}
	out.mode = 0o600
	c.pageFile = out
	return nil
}

// startPage returns the reader of the stream, which the page of --html-report looks
// at on the way if there is to be one.
func (c *importCommand) startPage(in io.Reader, user string) io.Reader {
	if c.htmlReport == "" {
		return in
	}
	c.page = signoff.New(signoff.Run{
		Tool: c.name + " " + version(), To: c.target.endpoint.Address(), User: user,
		Looks: c.opts.Mode != importer.Write, Verifies: c.opts.Verify || c.opts.Mode == importer.VerifyOnly,
	})
	return c.page.Read(in)
}

// writePage writes the page, if there is to be one. It may hold the codes of share
// links, and so is for its owner alone.
func (c *importCommand) writePage(ctx context.Context, sum *report.Summary, failed error) error {
	if c.page == nil {
		return nil
	}
	c.page.End()
	defer c.pageFile.Close()
	err := c.page.Write(ctx, c.pageFile, sum, failed, destination{c.target})
	if err == nil {
		err = c.pageFile.Commit()
	}
	if err != nil {
		return fmt.Errorf("--html-report: %w", err)
	}
	return nil
}

// A destination answers the questions of the page.
type destination struct{ *server }

func (d destination) Count(ctx context.Context, workspace, project string) (n int64, err error) {
	for _, err := range d.Experiments.List(ctx, comet.Listing{Workspace: workspace, Project: project}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (d destination) ShareLinks(ctx context.Context, workspace, project string) ([]string, error) {
	p, err := d.Projects.Get(ctx, workspace, project)
	if err != nil {
		return nil, err
	}
	codes, err := d.Projects.ShareCodes(ctx, p.ID)
	if errors.Is(err, comet.ErrUnsupported) || errors.Is(err, comet.ErrForbidden) {
		return nil, nil
	}
	var links []string
	for _, code := range codes {
		links = append(links, d.Root()+url.PathEscape(workspace)+"/"+url.PathEscape(project)+"?shareable="+url.QueryEscape(code))
	}
	return links, err
}

func (d destination) Points(ctx context.Context, key, metric string, yield func(hasStep bool, step, time int64, value float64)) error {
	return d.Metrics.Points(ctx, key, metric, nil, func(p *comet.Point) error {
		if v, err := strconv.ParseFloat(string(p.Value), 64); err == nil {
			yield(p.Step.OK, p.Step.N, p.Time.N, v)
		}
		return nil
	})
}
