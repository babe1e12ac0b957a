package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"crypto/sha256"
	"encoding/hex"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// An expectation is what a verification has to find of an experiment. It holds
// hashes in place of contents.
type expectation struct {
	mu         sync.Mutex
	parameters map[uint64]uint64 // hash of the name: hash of the current value
	others     map[uint64]uint64
	metrics    map[string]*metricSum
	texts      map[stream.Kind]sum
	assets     map[string]assetSum // by their ids at the source
	tags       []string
	name       *string
	filePath   string
	system     map[string]json.RawMessage
	git        *gitDoc
}

// metricSum stands for the points of a metric: for all of them, and for those
// that are left where equal ones are merged.
type metricSum struct {
	all, unique digest
	thinned     bool // at the destination, which was told
}

// sum stands for a text.
type sum struct {
	size   int64
	sha256 string
}

// assetSum stands for an asset.
type assetSum struct {
	issue  Issue
	id     string // at the destination
	sum    sum
	remote *string
}

func newExpectation() *expectation {
	return &expectation{
		parameters: make(map[uint64]uint64), others: make(map[uint64]uint64),
		metrics: make(map[string]*metricSum), texts: make(map[stream.Kind]sum),
		assets: make(map[string]assetSum),
	}
}

// note changes what is expected.
func (x *expectation) note(f func(*expectation)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f(x)
}

func (x *expectation) metric(name string) *metricSum {
	m := x.metrics[name]
	if m == nil {
		m = new(metricSum)
		x.metrics[name] = m
	}
	return m
}

// point adds a point; again says that an equal one came before.
func (x *expectation) point(metric string, h pointHash, again bool) {
	m := x.metric(metric)
	m.all.add(h)
	if !again {
		m.unique.add(h)
	}
}

func (x *expectation) text(kind stream.Kind, text string) {
	h := sha256.Sum256([]byte(text))
	x.texts[kind] = sum{int64(len(text)), hex.EncodeToString(h[:])}
}

func (x *expectation) asset(a *asset) {
	x.assets[a.rec.ID] = assetSum{a.issue(), a.upload.ID, sum{a.upload.Size, a.sha256}, a.rec.Remote}
}

// verify reads the experiment back and tells where it is not what the stream
// says.
func (e *experiment) verify(ctx context.Context) error {
	if e.there == nil && e.r.o.Mode == VerifyOnly {
		e.unverified(Issue{Kind: kindExperiment, Reason: "the destination does not have it"})
		return nil
	}
	if e.r.o.Mode == DryRun {
		return nil
	}
	v := &verification{e: e, x: e.verified}
	for _, check := range []func(context.Context) error{
		v.metadata, v.tags, v.values, v.system, v.git, v.texts, v.points, v.assets,
	} {
		// What was written a moment ago may not show yet, so that a finding
		// counts when it is found again.
		if err := v.twice(ctx, check); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	e.change(func(o *Outcome) { o.Verified = o.unverified == 0 })
	return nil
}

func (e *experiment) unverified(i Issue) {
	i.Class = Unverified
	e.issue(i)
}

// verification is a verification under way.
type verification struct {
	e     *experiment
	x     *expectation
	found []Issue
}

// twice runs a check, and once more after a pause if it finds anything in what
// has just been written.
func (v *verification) twice(ctx context.Context, check func(context.Context) error) error {
	v.found = nil
	err := check(ctx)
	if err == nil && len(v.found) > 0 && v.e.r.o.Mode == Write {
		v.found = nil
		if err = v.e.settle(ctx); err == nil {
			err = check(ctx)
		}
	}
	if err != nil {
		return err
	}
	for _, i := range v.found {
		i.Class = Unverified
		v.e.issue(i)
	}
	return nil
}

func (v *verification) finds(kind, name, reason string, args ...any) {
	v.found = append(v.found, Issue{Kind: kind, Name: name, Reason: fmt.Sprintf(reason, args...)})
}

func (v *verification) metadata(ctx context.Context) error {
	e := v.e
	there, err := e.r.c.Metadata(ctx, e.key)
	if err != nil {
		return err
	}
	if e.rec.Start != nil && !equal(e.rec.Start, there.Start) {
		v.finds("start time", "", "%d in the stream, %s at the destination", *e.rec.Start, timeText(there.Start))
	}
	if e.rec.End != nil && !equal(e.rec.End, there.End) && !e.runsThere(there) {
		v.finds("end time", "", "%d in the stream, %s at the destination", *e.rec.End, timeText(there.End))
	}
	if there.Archived != e.rec.Archived {
		v.finds("archived", "", "%v in the stream, %v at the destination", e.rec.Archived, there.Archived)
	}
	crashed := e.rec.Crashed != nil && *e.rec.Crashed
	if there.Running && !e.rec.Running || there.Crashed != nil && e.rec.Crashed != nil && *there.Crashed != crashed {
		v.finds("state", "", "%s in the stream, %s at the destination", state(false, &crashed), state(there.Running, there.Crashed))
	}
	if n := v.x.name; n != nil && deref(there.Name) != *n {
		v.finds("name", *n, "the destination has %q", deref(there.Name))
	}
	if p := v.x.filePath; p != "" && deref(there.FilePath) != p {
		v.finds("file path", p, "the destination has %q", deref(there.FilePath))
	}
	return nil
}

func (v *verification) tags(ctx context.Context) error {
	if len(v.x.tags) == 0 {
		return nil
	}
	have, err := v.e.r.c.Tags(ctx, v.e.key)
	if err != nil && !isAbsent(err) {
		return err
	}
	for _, t := range without(v.x.tags, have) {
		v.finds("tags", t, "the destination has it not")
	}
	return nil
}

func (v *verification) values(ctx context.Context) error {
	c := v.e.r.c
	if err := v.table(ctx, stream.KindParameters, v.x.parameters, c.EachParameter); err != nil {
		return err
	}
	return v.table(ctx, stream.KindOthers, v.x.others, c.EachOther)
}

// table compares parameters or others. Of those that are missing only the
// number is known: their names were not kept.
func (v *verification) table(ctx context.Context, kind stream.Kind, want map[uint64]uint64,
	each func(context.Context, string, func(), func(*comet.Value) error) error,
) error {
	if len(want) == 0 {
		return nil
	}
	found, differ := 0, []string(nil)
	err := each(ctx, v.e.key, func() { found, differ = 0, nil }, func(x *comet.Value) error {
		value, ok := want[hashText(x.Name)]
		if !ok {
			return nil
		}
		found++
		if value != hashValue(textOf(x.Current.Value)) && len(differ) < maxIssues {
			differ = append(differ, x.Name)
		}
		return nil
	})
	if err != nil && !isAbsent(err) {
		return err
	}
	for _, name := range differ {
		v.finds(string(kind), name, "the destination has another value")
	}
	if n := len(want) - found; n > 0 {
		v.finds(string(kind), "", "%d of %d are missing at the destination", n, len(want))
	}
	return nil
}

func (v *verification) system(ctx context.Context) error {
	if len(v.x.system) == 0 {
		return nil
	}
	have, err := v.e.systemThere(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(v.x.system)) {
		if !sameJSON(v.x.system[name], have[name]) && !forgotten(name, have) {
			v.finds(string(stream.KindSystem), name, "the destination has another value")
		}
	}
	return nil
}

func (v *verification) git(ctx context.Context) error {
	if v.x.git == nil {
		return nil
	}
	have, err := v.e.r.c.GitMetadata(ctx, v.e.key)
	if err != nil && !isAbsent(err) {
		return err
	}
	if have == nil || !gitDocOf(have).is(v.x.git) {
		v.finds(string(stream.KindGit), "", "the destination has other values")
	}
	return nil
}

func (v *verification) texts(ctx context.Context) error {
	for _, kind := range slices.Sorted(maps.Keys(v.x.texts)) {
		read := (*comet.Client).Output
		if k, ok := textKinds[kind]; ok {
			read = k.read
		}
		have, err := v.e.r.readSum(ctx, func() (io.ReadCloser, error) { return read(v.e.r.c, ctx, v.e.key) })
		switch want := v.x.texts[kind]; {
		case err != nil:
			return err
		case have != want:
			v.finds(string(kind), "", "%d bytes in the stream, %d other ones at the destination", want.size, have.size)
		}
	}
	return nil
}

// readSum reads a content to its end. One that is absent is empty.
func (r *run) readSum(ctx context.Context, open func() (io.ReadCloser, error)) (s sum, err error) {
	err = r.steady(ctx, func() (err error) {
		s, err = sumOf(open)
		return err
	})
	return s, err
}

func sumOf(open func() (io.ReadCloser, error)) (sum, error) {
	h := sha256.New()
	rc, err := open()
	switch {
	case err == nil:
	case isAbsent(err):
		return sum{0, hex.EncodeToString(h.Sum(nil))}, nil
	default:
		return sum{}, err
	}
	defer rc.Close()
	n, err := io.CopyBuffer(h, onlyReader{rc}, make([]byte, 64<<10))
	return sum{n, hex.EncodeToString(h.Sum(nil))}, err
}

type onlyReader struct{ io.Reader }

// points compares the multiset of points of each metric. Points beyond those
// of the stream are found too, as they are when something was written twice.
func (v *verification) points(ctx context.Context) error {
	if len(v.x.metrics) == 0 {
		return nil
	}
	have := make(map[string]*digest)
	for name := range v.x.metrics {
		have[name] = new(digest)
	}
	h := newHasher("")
	take := func(p *comet.Point) error {
		if d := have[p.Name]; d != nil {
			h.use(p.Name)
			d.add(h.there(p))
		}
		return nil
	}
	err := v.e.eachPoint(ctx, "", func() {
		for name := range have {
			*have[name] = digest{}
		}
	}, take)
	if isUnsupported(err) {
		err = nil
		for name := range have {
			if err = v.e.eachPoint(ctx, name, func() { *have[name] = digest{} }, take); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		v.compareMetric(name, v.x.metrics[name], *have[name])
	}
	return nil
}

func (v *verification) compareMetric(name string, want *metricSum, have digest) {
	kind := string(stream.KindMetrics)
	switch {
	case have == want.all || have == want.unique:
	case have.n < want.all.n && have.n >= v.e.r.o.SeriesCap:
		if !want.thinned {
			want.thinned = true
			v.e.issue(thinned(name, have.n, want.all.n))
		}
	case have.n == want.all.n:
		v.finds(kind, name, "%d points, but not those of the stream", have.n)
	default:
		v.finds(kind, name, "%d points in the stream, %d at the destination", want.all.n, have.n)
	}
}

// assets compares the list, and the bytes of each asset.
func (v *verification) assets(ctx context.Context) error {
	if len(v.x.assets) == 0 {
		return nil
	}
	if err := v.e.settleIDs(ctx); err != nil {
		return err
	}
	have, err := v.e.readAssets(ctx)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(v.x.assets)) {
		want := v.x.assets[id]
		if now, ok := v.e.assets.idOf(id); ok {
			want.id = now // which may have come to light since it was written
		}
		t, ok := have[want.id]
		switch {
		case !ok:
			v.finds(want.issue.Kind, itemTitle(want.issue), "the destination has it not")
		case t.remote != (want.remote != nil):
			v.finds(want.issue.Kind, itemTitle(want.issue), "remote is %v in the stream, %v at the destination", want.remote != nil, t.remote)
		case t.linksElsewhere(want.remote):
			v.finds(want.issue.Kind, itemTitle(want.issue), otherLink)
		case t.remote:
		case t.size != want.sum.size:
			v.finds(want.issue.Kind, itemTitle(want.issue), "%d bytes in the stream, %d at the destination", want.sum.size, t.size)
		default:
			if err := v.bytes(ctx, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func itemTitle(i Issue) string {
	if i.Name != "" {
		return i.Name
	}
	return i.ID
}

// bytes compares the content of an asset.
func (v *verification) bytes(ctx context.Context, want assetSum) error {
	have, err := v.e.r.readAssetSum(ctx, v.e.key, want.id)
	if err != nil {
		return err
	}
	if have != want.sum {
		v.finds(want.issue.Kind, itemTitle(want.issue), "its bytes are not those of the stream")
	}
	return nil
}

// readAssetSum reads an asset of the destination to its end.
func (r *run) readAssetSum(ctx context.Context, key, id string) (sum, error) {
	return r.readSum(ctx, func() (io.ReadCloser, error) { return r.c.OpenAsset(ctx, comet.AssetRequest{Key: key, ID: id}) })
}
