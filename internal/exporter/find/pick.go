package find

// A pick is what paths select of the artifacts, registry models or panels of a
// workspace.
type pick struct {
	All   bool
	names map[string][]string // versions, aliases or stages of each; nil: all of them
}

// Add adds what a path names.
func (k *pick) Add(p *Path) {
	if p.Name == "" {
		k.All = true
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

// Empty reports whether nothing is selected.
func (k *pick) Empty() bool { return !k.All && len(k.names) == 0 }

// has reports whether something of a name is selected, and which versions of it;
// nil means all of them.
func (k *pick) has(name string) (versions []string, ok bool) {
	if k.All {
		return nil, true
	}
	versions, ok = k.names[name]
	return versions, ok
}
