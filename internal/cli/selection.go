package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/comet-stream/comet-stream/internal/exporter"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// selectionFlags are the flags that choose experiments and assets, the same ones
// for comet-export and comet-filter.
type selectionFlags struct {
	keys, names, assetNames []string
	keysFrom, skipKeys      string
	listed                  find.Listed // by keysFrom, where that places all keys
	archived                string
	exclude                 bool
}

// files returns the files that flags name, by flag.
func (f *selectionFlags) files() map[string]string {
	return map[string]string{"--keys-from": f.keysFrom, "--skip-keys-from": f.skipKeys}
}

// addSelectionFlags adds them. Values that need no parsing are stored in s
// directly.
func (c *command) addSelectionFlags(f *selectionFlags, s *selection.Selection) {
	c.ModeVar(&f.exclude, "x", "exclude")
	c.ListVar(&f.keys, "key")
	c.TextVar(&f.keysFrom, "keys-from")
	c.TextVar(&f.skipKeys, "skip-keys-from")
	c.ListVar(&f.names, "name")
	c.ListVar(&s.Tags, "tag")
	c.Func("where", "", func(text string) error {
		condition, err := selection.ParseCondition(text)
		s.Where = append(s.Where, condition)
		return err
	})
	c.TimeVar(&s.Since, &s.SinceText, "since")
	f.archived = string(selection.ArchivedInclude)
	c.Func("shard", "", func(text string) (err error) {
		s.Shard, err = selection.ParseShard(text)
		return err
	})
	c.EnumVar(&f.archived, "archived", string(selection.ArchivedInclude), string(selection.ArchivedExclude), string(selection.ArchivedOnly))
	c.ListVar(&s.AssetTypes, "asset-type")
	c.ListVar(&f.assetNames, "asset-name")
	c.SizeVar(&s.MaxAssetSize, "max-asset-size")
}

// parse completes the selection, and returns the RESOURCEs that are chosen: those
// that are named, or with -x all others.
func (f *selectionFlags) parse(c *command, s *selection.Selection, resources []string, hints ...string) (stream.Resources, error) {
	chosen, err := stream.ParseResources(resources)
	if err != nil {
		return 0, c.usageError(err, hints...)
	}
	if s.Names, err = parseGlobs(f.names); err != nil {
		return 0, c.usagef("--name %w", err)
	}
	if s.AssetNames, err = parseGlobs(f.assetNames); err != nil {
		return 0, c.usagef("--asset-name %w", err)
	}
	listed, err := c.readKeys("--keys-from", f.keysFrom, false)
	if err != nil {
		return 0, err
	}
	done, err := c.readKeys("--skip-keys-from", f.skipKeys, true)
	if err != nil {
		return 0, err
	}
	s.Keys, s.SkipKeys = listed.Keys, done.Keys
	if len(f.keys) == 0 {
		f.listed = listed.Listed
	}
	for _, key := range f.keys {
		if s.Keys == nil {
			s.Keys = make(map[string]bool)
		}
		s.Keys[key] = true
	}
	s.Archived = selection.Archived(f.archived)
	switch {
	case !f.exclude:
		return chosen, nil
	case len(resources) > 0:
		return chosen.Others(), nil
	case s.Chooses():
		s.Invert = true
		return stream.AllResources, nil
	}
	return 0, c.usageError(errors.New("-x without anything to leave out"), "name a RESOURCE, or select experiments or assets by flags")
}

// readKeys reads the list of keys that a flag names, "-" for standard input. It
// returns an empty one if the flag names none. With done, a report gives the
// experiments that came out well.
func (c *command) readKeys(flag, name string, done bool) (*exporter.KeyList, error) {
	if name == "" {
		return new(exporter.KeyList), nil
	}
	r, where := c.stdio.Stdin, "standard input"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, c.usageError(fmt.Errorf("%s: %w", flag, err))
		}
		defer f.Close()
		r, where = f, name
	}
	list, err := exporter.ReadKeys(r, done)
	if err != nil {
		return nil, c.usageError(fmt.Errorf("%s %s: %w", flag, where, err))
	}
	return list, nil
}

func parseGlobs(patterns []string) ([]selection.Glob, error) {
	var globs []selection.Glob
	for _, p := range patterns {
		g, err := selection.ParseGlob(p)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", p, err)
		}
		globs = append(globs, g)
	}
	return globs, nil
}
