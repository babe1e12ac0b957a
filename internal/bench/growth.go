package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// small is the project of the growth table and of the shards: what an experiment
// costs beside its points and assets.
const small = "synthetic:experiments=%d,metrics=2,points=10,assets=1,size=1000,parameters=4"

// grownTools are the tools of the growth table, in the order in which they run.
var grownTools = []string{"list", "export", "export of its last tenth", "unchanged export (--changed-from)", "import", "repeated unchanged import"}

// A share is what an experiment takes of a tool, and what all of them take.
type share struct{ requests, ms, peak float64 }

// growth is W4: the cost grows with the number of experiments alone. The requests and
// the processor time of one stay as they are, and the memory of all of them.
func growth(ctx context.Context, l *lab) error {
	var rows [][]string
	var first, last []share
	for text := range strings.SplitSeq(l.sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-sizes %q: want numbers of experiments, separated by commas", l.sizes)
		}
		if last, err = l.grown(ctx, n); err != nil {
			return fmt.Errorf("%d experiments: %w", n, err)
		}
		if first == nil {
			first = last
		}
		row := []string{thousands(n)}
		for _, s := range last {
			row = append(row, strings.Join([]string{figure(s.requests, ""), figure(s.ms, "ms"), figure(s.peak, "MB")}, ", "))
		}
		progress(row)
		rows = append(rows, row)
	}
	down, err := l.download(ctx, 20, fmt.Sprintf(small, 20))
	if err != nil {
		return err
	}
	up, err := l.copy(ctx, 20)
	if err != nil {
		return err
	}
	rivals := []*rival{nil, down, nil, nil, up, nil}
	for i, what := range grownTools {
		l.table.beside(rivals[i].perExperiment(), "")
		l.table.note("W4", what+", requests an experiment", figure(last[i].requests, ""))
		l.table.beside(rivals[i].show(func(r *rival) string { return figure(r.cpu[0].Seconds()*1e3/20, "ms") }), "")
		l.table.note("W4", what+", processor of an experiment", figure(last[i].ms, "ms"))
		l.table.atMost("W4", what+", processor of an experiment of "+rows[len(rows)-1][0]+" over that of "+rows[0][0], last[i].ms/first[i].ms, 1.2, "×")
		l.table.beside(rivals[i].memory(), "")
		l.table.atMost("W4", "peak memory: "+what+" of "+rows[len(rows)-1][0]+" experiments", last[i].peak, 150, "MB")
	}
	return l.section("growth", "For each tool: requests per experiment, CPU time per experiment, peak resident memory.",
		slices.Concat([]string{"experiments"}, grownTools), rows)
}

// grown measures the tools with a project of n experiments.
func (l *lab) grown(ctx context.Context, n int) (all []share, err error) {
	file := l.file("grown.comet.zst")
	from, err := l.serve(ctx, "-seed", fmt.Sprintf(small, n))
	if err != nil {
		return nil, err
	}
	defer from.stop()
	to, err := l.serve(ctx, "-seed", "empty", "-discard", "-project-max", strconv.Itoa(max(n, 25_000)))
	if err != nil {
		return nil, err
	}
	defer to.stop()
	for i, tool := range []step{
		exporter(from, "-l", source), exporter(from, "-o", file, source), exporter(from, "-o", file+".2", source),
		exporter(from, "--changed-from", file, "-o", file+".2", source),
		importer(to, source), importer(to, source),
	} {
		s, in := from, ""
		if i > 3 {
			s, in = to, file
		}
		err := s.resetStats()
		if i == 2 {
			err = errors.Join(err, cut(file, file+".2.partial"))
		}
		if err != nil {
			return nil, err
		}
		res, err := l.pipe(ctx, in, "", tool)
		if err != nil {
			return nil, err
		}
		st, err := s.stats()
		if err != nil {
			return nil, err
		}
		all = append(all, share{float64(st.Requests) / float64(n), res.cpu[0].Seconds() * 1e3 / float64(n), float64(res.peak[0]) / 1e6})
	}
	return all, errors.Join(os.Remove(file), os.Remove(file+".2"))
}

// cut copies the first nine tenths of a file, as an export leaves them that was ended.
func cut(from, to string) error {
	if err := concat(to, from); err != nil {
		return err
	}
	n, err := size(to)
	if err != nil {
		return err
	}
	return os.Truncate(to, n/10*9)
}
