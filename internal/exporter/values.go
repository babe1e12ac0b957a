package exporter

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// namedDoc is a parameter or an other.
type namedDoc struct {
	name string
	doc  stream.Doc
	err  error // why there is no doc
}

type eachFunc func(ctx context.Context, key string, restart func(), yield func(*comet.Value) error) error

// fetchValues returns a fetch of parameters or others, in the order of their
// names.
func fetchValues(each eachFunc, key string) func(context.Context, *prefetch.Slot) ([]namedDoc, error) {
	return func(ctx context.Context, s *prefetch.Slot) ([]namedDoc, error) {
		var list []namedDoc
		var size int64
		growth := prefetch.NewGrowth(s)
		restart := func() {
			list, size = nil, 0
			growth.Reset()
		}
		err := each(ctx, key, restart, func(v *comet.Value) error {
			doc, err := document(v.Raw)
			if v.Cut {
				doc, err = nil, judge.ItemErrorf("it is %v", comet.ErrTooLarge)
			}
			list = append(list, namedDoc{strings.Clone(v.Name), doc, err})
			size += int64(len(doc)+len(v.Name)) + 64
			return growth.To(ctx, size)
		})
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(list, func(a, b namedDoc) int { return strings.Compare(a.name, b.name) })
		return list, nil
	}
}

// writeValues writes the parameters or others that s fetches, counts them, and gives
// back what held them.
func (u *experimentUnit) writeValues(ctx context.Context, out *output, s *prefetch.Value[[]namedDoc], of stream.Kind, count *int) error {
	if s == nil {
		return nil
	}
	defer s.Leave()
	list, err := s.Get(ctx)
	if err != nil {
		return u.absentOrSkip(ctx, out, of, "", err)
	}
	*count = len(list)
	var docs []stream.Doc
	for _, v := range list {
		if err := out.skip(u.item(of, v.name), v.err); err != nil {
			return err
		}
		if v.err == nil {
			docs = append(docs, v.doc)
		}
	}
	for rec := range stream.SplitValues(of, docs) {
		name, _ := rec.Values[0].Member("name").Text() // of one that is too large, and so is alone
		if err := out.skip(u.item(of, name), out.write(rec)); err != nil {
			return err
		}
	}
	return nil
}

// sortedTags returns the tags in an order that no server decides.
func sortedTags(tags []string) []string {
	sorted := validAll(tags)
	slices.Sort(sorted)
	return sorted
}

// system is what is known of the machine of an experiment.
type system struct {
	doc           stream.Doc // nil if there is nothing in it
	installed, os []string   // nil = null
}

// Members of system details that travel as requirements.
const (
	memberInstalled = "installedPackages"
	memberOS        = "osPackages"
)

func (u *experimentUnit) fetchSystem(ctx context.Context, _ *prefetch.Slot) (*system, error) {
	details, err := u.details.read(ctx, u.x.client, u.l.Key)
	if err != nil {
		return nil, err
	}
	whole, err := document(details.Raw)
	if err != nil {
		return nil, err
	}
	v := &system{
		installed: packages(whole.Member(memberInstalled), details.InstalledPackages),
		os:        packages(whole.Member(memberOS), details.OSPackages),
	}
	if v.doc, err = whole.Without(memberInstalled, memberOS); err != nil {
		return nil, err
	}
	if v.doc.Empty("experimentKey") {
		v.doc = nil
	}
	return v, nil
}

// details are the answer about the machine of an experiment: its system is made
// of it, and it names system metrics where points have to be asked for one by
// one. The first caller asks, and the other waits for the answer.
type details struct {
	mu      sync.Mutex
	wanted  bool          // the system is to be made of it
	answer  *comet.System // until it is
	known   bool
	metrics []string
}

// read returns the answer to the one who makes the system of it.
func (d *details) read(ctx context.Context, c *comet.Client, key string) (*comet.System, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.ask(ctx, c, key)
	s := d.answer
	d.answer = nil
	return s, err
}

// names returns the names of the system metrics.
func (d *details) names(ctx context.Context, c *comet.Client, key string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known {
		return d.metrics, nil
	}
	err := d.ask(ctx, c, key)
	if !d.wanted {
		d.answer = nil
	}
	return d.metrics, err
}

func (d *details) ask(ctx context.Context, c *comet.Client, key string) error {
	if d.answer != nil {
		return nil
	}
	s, err := c.Origins.System(ctx, key)
	if err == nil {
		d.answer, d.known, d.metrics = s, true, s.Metrics
	}
	return err
}

// packages tells a list that is null or absent from an empty one.
func packages(member stream.Doc, list []string) []string {
	if member == nil || member.String() == "null" {
		return nil
	}
	return validAll(list)
}

func (u *experimentUnit) writeSystem(ctx context.Context, out *output) error {
	if u.system == nil {
		return nil
	}
	defer u.system.Leave()
	v, err := u.system.Get(ctx)
	if err != nil {
		return u.absentOrSkip(ctx, out, stream.KindSystem, "", err)
	}
	if u.has(stream.ResourceSystem) && v.doc != nil {
		if err := out.skip(u.item(stream.KindSystem, ""), out.write(&stream.Document{Of: stream.KindSystem, Doc: v.doc})); err != nil {
			return err
		}
	}
	if u.has(stream.ResourceRequirements) && len(v.installed)+len(v.os) > 0 {
		for rec := range stream.SplitRequirements(v.installed, v.os) {
			if err := out.write(rec); err != nil {
				return err
			}
		}
	}
	return nil
}

func fetchDoc(c *comet.Client, key string, read func(context.Context, *comet.Client, string) (json.RawMessage, error)) func(context.Context, *prefetch.Slot) (stream.Doc, error) {
	return func(ctx context.Context, s *prefetch.Slot) (stream.Doc, error) {
		data, err := read(ctx, c, key)
		if err != nil {
			return nil, err
		}
		doc, err := document(data)
		if err != nil || doc.Empty("experimentKey") {
			return nil, err
		}
		return doc, nil
	}
}

func (u *experimentUnit) writeDocs(ctx context.Context, out *output) error {
	for i, d := range docKinds {
		if u.docs[i] == nil {
			continue
		}
		doc, err := u.docs[i].Get(ctx)
		switch {
		case err != nil:
			err = u.absentOrSkip(ctx, out, d.kind, "", err)
		case doc != nil:
			err = out.skip(u.item(d.kind, ""), out.write(&stream.Document{Of: d.kind, Doc: doc}))
		}
		u.docs[i].Leave()
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *experimentUnit) writeTexts(ctx context.Context, out *output) error {
	for i, t := range textKinds {
		if u.texts[i] == nil {
			continue
		}
		err := u.texts[i].Each(ctx, func(data []byte, more bool) error {
			return out.write(&stream.Text{Of: t.kind, Data: data, More: more})
		})
		u.texts[i].Leave()
		if err == nil {
			err = u.skipBeside(out, t.kind, u.texts[i])
		} else {
			err = u.absentOrSkip(ctx, out, t.kind, "", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skipBeside tells what came with a text and is in no stream.
func (u *experimentUnit) skipBeside(out *output, of stream.Kind, t *prefetch.Text) error {
	for _, name := range t.Beside() {
		if err := out.skip(u.item(of, name), judge.ItemErrorf("it is in the zip file of the patch, of which a stream carries only the patch")); err != nil {
			return err
		}
	}
	return nil
}
