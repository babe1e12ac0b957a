package exporter

import "context"

// A pick is what paths select of the artifacts, registry models or panels of a
// workspace.
type pick struct {
	all   bool
	names map[string][]string // versions, aliases or stages of each; nil: all of them
}

// add adds what a path names.
func (k *pick) add(p *Path) {
	if p.Name == "" {
		k.all = true
		return
	}
	if k.names == nil {
		k.names = make(map[string][]string)
	}
	versions, named := k.names[p.Name]
	switch {
	case p.Version == "":
		k.names[p.Name] = nil
	case !named || versions != nil:
		k.names[p.Name] = append(versions, p.Version)
	}
}

// empty reports whether nothing is selected.
func (k *pick) empty() bool { return !k.all && len(k.names) == 0 }

// has reports whether something of a name is selected, and which versions of it;
// nil means all of them.
func (k *pick) has(name string) (versions []string, ok bool) {
	if k.all {
		return nil, true
	}
	versions, ok = k.names[name]
	return versions, ok
}

// eachPicked calls f for what is picked of the list of a workspace, with the
// versions of it that are.
func eachPicked[T any](ctx context.Context, w *workspaceScope, picked *pick, list func(context.Context, *Path) ([]T, error),
	name func(*T) string, f func(of *T, versions []string) error) error {
	if picked.empty() {
		return nil
	}
	all, err := list(ctx, &Path{Workspace: w.name})
	if err != nil {
		return err
	}
	for i := range all {
		if versions, ok := picked.has(name(&all[i])); ok {
			if err := f(&all[i], versions); err != nil {
				return err
			}
		}
	}
	return nil
}
