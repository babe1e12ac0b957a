package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/comet-stream/comet-stream/internal/exporter"
	"github.com/comet-stream/comet-stream/internal/progress"
)

// runDry prints what an export would take.
func (c *exportCommand) runDry(ctx context.Context) error {
	e, err := exporter.DryRun(ctx, c.opts)
	if e == nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdio.Stdout, 0, 0, 2, ' ', 0)
	for _, line := range []struct {
		name  string
		value int64
		note  string
	}{
		{"projects", e.Projects, ""},
		{"experiments", e.Experiments, notes(note(e.Linked, "linked"), note(e.LeftOut, "left out"), note(e.Running, "running"), note(e.Sampled, "sampled"))},
		{"assets", e.Assets, notes(note(e.AssetsLeft, "left out"), within(e, e.AssetsRange, plainly))},
		{"asset-bytes", e.AssetBytes, notes(progress.Bytes(e.AssetBytes), within(e, e.BytesRange, progress.Bytes))},
		{"requests", e.Requests, notes(c.source.pace(e.Requests), within(e, e.RequestsRange, plainly))},
		{"upper-bound", e.UpperBound, progress.Bytes(e.UpperBound) + ", for aws s3 cp --expected-size"},
	} {
		text := strings.TrimSuffix(fmt.Sprintf("%s\t%d\t%s", line.name, line.value, line.note), "\t")
		if _, err := fmt.Fprintln(w, text); err != nil {
			return stdoutError(err)
		}
	}
	if err := w.Flush(); err != nil {
		return stdoutError(err)
	}
	if e.Failed > 0 {
		failed := fmt.Errorf("%d experiments or projects could not be read, and are not counted", e.Failed)
		err = errors.Join(err, withCode(ExitIncomplete, failed))
	}
	return err
}

// within says between which numbers one is likely to be that comes from a sample.
func within(e *exporter.Estimate, r exporter.Range, show func(int64) string) string {
	if e.Sampled == 0 {
		return ""
	}
	return fmt.Sprintf("likely %s to %s", show(r.Low), show(r.High))
}

func plainly(n int64) string { return strconv.FormatInt(n, 10) }

// note says how many of something there are besides, if any.
func note(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, what)
}

// notes joins what there is to say of a line.
func notes(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), ", ")
}
