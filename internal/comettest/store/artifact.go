package store

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Artifact is a named, versioned set of files. It and all that hangs on it is
// guarded by the lock of the store.
type Artifact struct {
	ID          string
	Project     *Project
	Type        string
	Name        string
	Description *string
	Tags        []string
	Public      bool
	Emoji       *string
	Owner       string
	Created     int64
	Producer    string             // the experiment that made it
	Versions    []*ArtifactVersion // in order of creation
}

// ArtifactVersion is a version of an artifact: its files, and who made and used them.
type ArtifactVersion struct {
	Artifact  *Artifact
	ID        string
	Version   string
	Owner     string
	Metadata  *string
	Note      *string
	State     string
	Added     int64
	aliases   []string
	Tags      []string
	Producer  string
	Consumers []string
	Files     []*Asset
}

// The states of an artifact version.
const (
	StateOpen   = "OPEN"
	StateClosed = "CLOSED"
	StateError  = "ERROR"
)

// LatestAlias is kept by the server: it is the newest closed version.
const LatestAlias = "Latest"

// Semantic is the form of the name of a version.
var Semantic = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// ArtifactNamed returns the artifact of a name, nil if there is none.
func (w *Workspace) ArtifactNamed(name string) *Artifact {
	return first(w.Artifacts, func(a *Artifact) bool { return a.Name == name })
}

// Artifact returns the artifact of an id, nil if there is none.
func (st *Store) Artifact(id string) *Artifact {
	for _, w := range st.Workspaces {
		if a := first(w.Artifacts, func(a *Artifact) bool { return a.ID == id }); a != nil {
			return a
		}
	}
	return nil
}

// artifactVersions are those of all artifacts.
func (st *Store) artifactVersions(yield func(*ArtifactVersion) bool) {
	for _, w := range st.Workspaces {
		for _, a := range w.Artifacts {
			for _, v := range a.Versions {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// ArtifactVersion returns the version of an id, nil if there is none.
func (st *Store) ArtifactVersion(id string) *ArtifactVersion {
	for v := range st.artifactVersions {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// Latest is the newest closed version, nil if there is none.
func (a *Artifact) Latest() *ArtifactVersion {
	for _, v := range slices.Backward(a.Versions) {
		if v.State == StateClosed {
			return v
		}
	}
	return nil
}

// Find returns the version with the given name, alias or either, as the
// parameters of a request say; empty ones do not count.
func (a *Artifact) Find(version, alias, either string) *ArtifactVersion {
	for _, v := range a.Versions {
		if version != "" && v.Version == version || either != "" && v.Version == either {
			return v
		}
	}
	for _, name := range []string{alias, either} {
		if strings.EqualFold(name, LatestAlias) {
			return a.Latest()
		}
		for _, v := range a.Versions {
			if name != "" && slices.Contains(v.aliases, name) {
				return v
			}
		}
	}
	return nil
}

// Newest is the version created last, nil if there is none.
func (a *Artifact) Newest() *ArtifactVersion {
	if len(a.Versions) == 0 {
		return nil
	}
	return a.Versions[len(a.Versions)-1]
}

// NextVersion is the name of a version that was given none: the next major
// one after the greatest.
func (a *Artifact) NextVersion() string {
	most := 0
	for _, v := range a.Versions {
		major, _, _ := strings.Cut(v.Version, ".")
		if n, err := strconv.Atoi(major); err == nil {
			most = max(most, n)
		}
	}
	return strconv.Itoa(most+1) + ".0.0"
}

// SetAliases gives v the aliases, which other versions lose.
func (v *ArtifactVersion) SetAliases(aliases []string) {
	aliases = slices.DeleteFunc(slices.Clone(aliases), func(s string) bool { return strings.EqualFold(s, LatestAlias) })
	for _, other := range v.Artifact.Versions {
		other.aliases = slices.DeleteFunc(other.aliases, func(s string) bool { return slices.Contains(aliases, s) })
	}
	v.aliases = Unique(aliases)
}

// Unique is a copy of a list without what it holds twice.
func Unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// AllAliases are those of v, with the one the server keeps.
func (v *ArtifactVersion) AllAliases() []string {
	list := append([]string{}, v.aliases...)
	if v.Artifact.Latest() == v {
		list = append(list, LatestAlias)
	}
	return list
}

// Size is the number of bytes of the files.
func (v *ArtifactVersion) Size() int64 {
	sum := int64(0)
	for _, f := range v.Files {
		if f.Body != nil {
			sum += f.Body.Size
		}
	}
	return sum
}

// Size is the number of bytes of all versions.
func (a *Artifact) Size() int64 {
	sum := int64(0)
	for _, v := range a.Versions {
		sum += v.Size()
	}
	return sum
}

// EachLink calls f for the versions that the experiment produced and then for
// those that it consumed.
func (st *Store) EachLink(key string, f func(v *ArtifactVersion, direction string)) {
	var inputs []*ArtifactVersion
	for v := range st.artifactVersions {
		if v.Producer == key {
			f(v, "output")
		}
		if slices.Contains(v.Consumers, key) {
			inputs = append(inputs, v)
		}
	}
	for _, v := range inputs {
		f(v, "input")
	}
}
