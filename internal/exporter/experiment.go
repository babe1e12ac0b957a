package exporter

import (
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// The items of an experiment in the order in which they are fetched. It is that
// of the stream, but for the others: they hold the name, which is in the first
// record.
const (
	itemMetadata = iota
	itemTags
	itemOthers
	itemParameters
	itemSystem
	itemGit
	itemPatch
	itemCode
	itemGraph
	itemHTML
	itemOutput
	itemMetrics
	itemAssets
)

// metadata is what the metadata of an experiment say.
type metadata struct {
	comet.Experiment
	doc stream.Doc
}

// experimentUnit carries one experiment.
type experimentUnit struct {
	x *Exporter
	p *find.Project
	l *find.Experiment
	n int
	// late is true when the stream has left the project behind: the experiment
	// may be a link, or is too new.
	late bool

	metadata   *prefetch.Value[*metadata]
	tags       *prefetch.Value[[]string]
	others     *prefetch.Value[[]namedDoc]
	parameters *prefetch.Value[[]namedDoc]
	system     *prefetch.Value[*system]
	details    details
	docs       [len(docKinds)]*prefetch.Value[stream.Doc]
	texts      [len(textKinds)]*prefetch.Text
	metrics    *metricsFetch
	assets     *assetsFetch
	slots      []*prefetch.Slot // all of them but those of metrics and assets

	res       Result
	existence existence
	// full are the full-metric files, fullErr why they are not known; both are nil
	// until they are asked for.
	full    map[string][]fullFile
	fullErr error
	// summaries are what the server knows of its metrics, nil until they are asked for.
	summaries map[string]summary
}

// A call is a beginning of the paths of calls, and what their answers hold.
type call struct {
	path, name string
	of         stream.Kind
	asked      stream.Resources // of an experiment: it is made for any of them
}

// experimentCalls are the calls for an experiment, the longer ones first.
var experimentCalls = []call{
	{"experiment/metadata", "metadata", stream.KindExperiment, stream.AllResources},
	{"experiment/tags", "tags", stream.KindExperiment, stream.ResourceMetadata},
	{"experiment/parameters", "", stream.KindParameters, stream.ResourceParameters},
	{"experiment/log-other", "", stream.KindOthers, stream.ResourceOthers},
	{"experiment/metrics/", "", stream.KindMetrics, stream.ResourceMetrics},
	{"experiment/system-details", "", stream.KindSystem, stream.ResourceSystem | stream.ResourceRequirements},
	{"experiment/git/metadata", "", stream.KindGit, stream.ResourceGit},
	{"experiment/git/patch", "", stream.KindGitPatch, stream.ResourceGit},
	{"experiment/code", "", stream.KindCode, stream.ResourceCode},
	{"experiment/graph", "", stream.KindGraph, stream.ResourceGraph},
	{"experiment/html", "", stream.KindHTML, stream.ResourceHTML},
	{"experiment/output", "", stream.KindOutput, stream.ResourceOutput},
	{"experiment/asset/", "", stream.KindAsset, stream.ResourceAssets},
}

// docKinds are the documents of an experiment that are one answer each, in the order
// of the stream: between the system and the texts.
var docKinds = [...]struct {
	kind     stream.Kind
	resource stream.Resources
	item     int
	read     func(ctx context.Context, c *comet.Client, key string) (json.RawMessage, error)
}{
	{stream.KindGit, stream.ResourceGit, itemGit, func(ctx context.Context, c *comet.Client, key string) (json.RawMessage, error) {
		g, err := c.Origins.Git(ctx, key)
		if err != nil {
			return nil, err
		}
		return g.Raw, nil
	}},
}

// textKinds are the kinds of texts of an experiment, in the order of the
// stream, and the resources they belong to.
var textKinds = [...]struct {
	kind     stream.Kind
	resource stream.Resources
	item     int
	open     func(comet.Texts, context.Context, string) (*comet.Text, error)
}{
	{stream.KindGitPatch, stream.ResourceGit, itemPatch, comet.Texts.GitPatch},
	{stream.KindCode, stream.ResourceCode, itemCode, comet.Texts.Code},
	{stream.KindGraph, stream.ResourceGraph, itemGraph, comet.Texts.Graph},
	{stream.KindHTML, stream.ResourceHTML, itemHTML, comet.Texts.HTML},
	{stream.KindOutput, stream.ResourceOutput, itemOutput, comet.Texts.Output},
}

// begin implements unit.
func (u *experimentUnit) begin(q *prefetch.Queue, n int) {
	u.n = n
	u.metadata = prefetch.NewValue(q, u.at(itemMetadata), u.fetchMetadata)
	u.push(q, u.metadata.Slot)
	if u.late {
		return
	}
	c, key := u.x.client, u.l.Key
	if u.has(stream.ResourceMetadata) {
		u.tags = prefetch.NewValue(q, u.at(itemTags), func(ctx context.Context, s *prefetch.Slot) ([]string, error) { return c.Experiments.Tags(ctx, key) })
		u.push(q, u.tags.Slot)
	}
	if u.has(stream.ResourceOthers) {
		u.others = prefetch.NewValue(q, u.at(itemOthers), fetchValues(c.Others.Each, key))
		u.push(q, u.others.Slot)
	}
	if u.has(stream.ResourceParameters) {
		u.parameters = prefetch.NewValue(q, u.at(itemParameters), fetchValues(c.Parameters.Each, key))
		u.push(q, u.parameters.Slot)
	}
	if u.has(stream.ResourceSystem | stream.ResourceRequirements) {
		u.details.wanted = true
		u.system = prefetch.NewValue(q, u.at(itemSystem), u.fetchSystem)
		u.push(q, u.system.Slot)
	}
	for i, d := range docKinds {
		if u.has(d.resource) {
			u.docs[i] = prefetch.NewValue(q, u.at(d.item), fetchDoc(c, key, d.read))
			u.push(q, u.docs[i].Slot)
		}
	}
	for i, t := range textKinds {
		if u.has(t.resource) {
			u.texts[i] = prefetch.NewText(q, u.at(t.item), func(ctx context.Context) (*comet.Text, error) { return t.open(c.Texts, ctx, key) })
			u.push(q, u.texts[i].Slot)
		}
	}
	if u.has(stream.ResourceMetrics) {
		u.metrics = u.newMetricsFetch(q)
		u.push(q, u.metrics.Slot)
	}
	if u.has(stream.ResourceAssets) {
		u.assets = u.x.newAssetsFetch(q, u.at(itemAssets), func(ctx context.Context, restart func(), yield func(*comet.Asset) error) error {
			return c.Assets.Each(ctx, key, "", restart, yield)
		})
		u.assets.key = key
		u.push(q, u.assets.Slot)
	}
}

func (u *experimentUnit) at(item int) prefetch.Position {
	return prefetch.Position{Unit: u.n, Item: item}
}

func (u *experimentUnit) has(r stream.Resources) bool { return u.x.o.Resources.HasAny(r) }

func (u *experimentUnit) push(q *prefetch.Queue, s *prefetch.Slot) {
	u.slots = append(u.slots, s)
	q.Push(s)
}

// end implements unit.
func (u *experimentUnit) end() {
	for _, s := range u.slots {
		s.Leave()
	}
	if u.metrics != nil {
		u.metrics.end()
	}
	if u.assets != nil {
		u.assets.Leave()
	}
}

func (u *experimentUnit) fetchMetadata(ctx context.Context, _ *prefetch.Slot) (*metadata, error) {
	e, err := u.x.client.Experiments.Metadata(ctx, u.l.Key)
	if err != nil {
		return nil, err
	}
	m := &metadata{Experiment: *e}
	if m.doc, err = document(e.Raw); err != nil {
		return nil, err
	}
	m.Raw = nil
	return m, nil
}

// write implements unit.
func (u *experimentUnit) write(ctx context.Context, out *output) error {
	u.res = Result{
		Key: u.l.Key, Name: u.l.Name, Workspace: u.p.Workspace, Project: u.p.Name,
		Archived: u.l.Archived, Running: u.l.Running,
	}
	out.res = &u.res
	err := u.writeAny(ctx, out)
	out.res = nil
	if err != nil || u.res.Result == "" {
		return err // settleVisitors says what becomes of it
	}
	u.x.finish(&u.res)
	return nil
}

// writeAny writes the group of the experiment, or what stands in its place.
func (u *experimentUnit) writeAny(ctx context.Context, out *output) error {
	m, err := u.metadata.Get(ctx)
	if err != nil {
		return u.skipAll(out, err)
	}
	if u.linked(m) {
		u.link(m)
		return nil
	}
	switch {
	case u.late:
		u.res.Result = ResultTooNew
		out.warn("experiment %q was added to %q after the export began, and is not in the stream", u.l.Key, u.p.Path())
		return nil
	case !u.has(stream.ExperimentResources):
		// Only the links were asked for.
		u.res.Result = ResultUnasked
		return nil
	}
	return u.writeGroup(ctx, out, m)
}

// writeGroup writes the group of the experiment.
func (u *experimentUnit) writeGroup(ctx context.Context, out *output, m *metadata) error {
	if err := u.writeHead(ctx, out, m); err != nil {
		return u.skipAll(out, err)
	}
	for _, part := range []struct {
		kind  stream.Kind
		write func(context.Context, *output) error
	}{
		{stream.KindParameters, func(ctx context.Context, out *output) error {
			return u.writeValues(ctx, out, u.parameters, stream.KindParameters, &u.res.Parameters)
		}},
		{stream.KindOthers, func(ctx context.Context, out *output) error {
			return u.writeValues(ctx, out, u.others, stream.KindOthers, &u.res.Others)
		}},
		{stream.KindSystem, u.writeSystem},
		{stream.KindGit, u.writeDocs},
		{stream.KindCode, u.writeTexts},
		{stream.KindMetrics, u.writeMetrics},
		{stream.KindAsset, u.writeAssets},
	} {
		if err := out.skip(u.item(part.kind, ""), part.write(ctx, out)); err != nil {
			return err
		}
	}
	u.res.Result = ResultExported
	u.reportThinned(out)
	if err := u.x.notUnicode.skip(out, u.l.Key); err != nil {
		return err
	}
	return out.write(&stream.ExperimentEnd{Key: u.l.Key})
}

// skipAll writes that the whole experiment is missing.
func (u *experimentUnit) skipAll(out *output, err error) error {
	if judge.Missing(err) && !judge.Fatal(err) {
		when := "it was deleted after it was listed"
		if u.p.ByList {
			when = "it is in the list of keys, and not at the source"
		}
		err = judge.ItemErrorf("%s: %w", when, err)
	}
	u.res.Result = ResultSkipped
	u.x.missing[u.l.Key] = struct{}{}
	i := u.item(stream.KindExperiment, u.l.Name)
	i.Workspace, i.Project = u.p.Workspace, u.p.Name
	return out.skip(i, err)
}

// linked reports whether the experiment belongs to another project than the one
// in whose listing it is, or has been exported with another one. One that a path
// names is exported where the path says.
func (u *experimentUnit) linked(m *metadata) bool {
	if _, ok := u.x.seen[u.l.Key]; ok {
		return true
	}
	if _, named := u.p.Named[u.l.Key]; named {
		return false
	}
	switch {
	case m.ProjectID != "" && u.p.ID != "":
		return m.ProjectID != u.p.ID
	case m.Workspace != "" && m.Project != "":
		return m.Workspace != u.p.Workspace || m.Project != u.p.Name
	}
	return false
}

// existence remembers whether an experiment still exists.
type existence struct {
	asked bool
	err   error
}

// item names something of the experiment.
func (u *experimentUnit) item(kind stream.Kind, name string) judge.Item {
	return judge.Item{Kind: kind, Experiment: u.l.Key, Name: name}
}

// absentOrSkip handles an item that err, if it is not nil, keeps from us. If the
// experiment exists, one that the server calls absent is not lost: then it has none.
func (u *experimentUnit) absentOrSkip(ctx context.Context, out *output, of stream.Kind, name string, err error) error {
	if judge.Missing(err) && !judge.Fatal(err) {
		if !u.existence.asked {
			_, e := u.x.client.Experiments.Metadata(direct(ctx), u.l.Key)
			u.existence = existence{asked: true, err: e}
		}
		switch {
		case u.existence.err == nil && judge.Absence(of, err):
			return nil
		case u.existence.err == nil:
			err = judge.Contradictionf("although the experiment exists: %w", err)
		case judge.Fatal(u.existence.err):
			return u.existence.err
		case judge.Missing(u.existence.err):
			err = judge.ItemErrorf("the experiment was deleted while it was read")
		}
	}
	return out.skip(u.item(of, name), err)
}

// finish counts and reports the result of an experiment.
func (x *Exporter) finish(r *Result) {
	x.sum.count(r)
	x.o.Observer.Experiment(r)
}

// count adds the result of an experiment.
func (s *Summary) count(r *Result) {
	switch r.Result {
	case ResultExported:
		s.Exported++
	case ResultKept:
		s.Kept++
	case ResultLinked:
		s.Linked++
	case ResultTooNew, ResultUnasked:
		s.LeftOut++
	case ResultSkipped:
		s.Skipped++
	case ResultNotFound:
		s.NotFound++
	case ResultGone:
		s.Gone++
	}
	if r.Running {
		s.Running++
	}
	s.Thinned += int64(len(r.Thinned))
	s.AssetsLeft += int64(r.LeftOut)
	s.AssetsBytes += r.LeftOutBytes
}
