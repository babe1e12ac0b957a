package comettest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// artifact is a named, versioned set of files. It and all that hangs on it is
// guarded by the lock of the store.
type artifact struct {
	id          string
	project     *project
	typ         string
	name        string
	description *string
	tags        []string
	public      bool
	emoji       *string
	owner       string
	created     int64
	producer    string             // the experiment that made it
	versions    []*artifactVersion // in order of creation
}

type artifactVersion struct {
	artifact  *artifact
	id        string
	version   string
	owner     string
	metadata  *string
	note      *string
	state     string
	added     int64
	aliases   []string
	tags      []string
	producer  string
	consumers []string
	files     []*asset
}

// The states of an artifact version.
const (
	stateOpen   = "OPEN"
	stateClosed = "CLOSED"
	stateError  = "ERROR"
)

// latestAlias is kept by the server: it is the newest closed version.
const latestAlias = "Latest"

var semantic = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// The methods below want the lock of the store held.

func (w *workspace) artifactNamed(name string) *artifact {
	for _, a := range w.artifacts {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (st *store) artifact(id string) *artifact {
	for _, w := range st.workspaces {
		for _, a := range w.artifacts {
			if a.id == id {
				return a
			}
		}
	}
	return nil
}

func (st *store) artifactVersion(id string) *artifactVersion {
	for _, w := range st.workspaces {
		for _, a := range w.artifacts {
			for _, v := range a.versions {
				if v.id == id {
					return v
				}
			}
		}
	}
	return nil
}

// latest is the newest closed version, nil if there is none.
func (a *artifact) latest() *artifactVersion {
	for _, v := range slices.Backward(a.versions) {
		if v.state == stateClosed {
			return v
		}
	}
	return nil
}

// find returns the version with the given name, alias or either, as the
// parameters of a request say; empty ones do not count.
func (a *artifact) find(version, alias, either string) *artifactVersion {
	for _, v := range a.versions {
		if version != "" && v.version == version || either != "" && v.version == either {
			return v
		}
	}
	for _, name := range []string{alias, either} {
		if strings.EqualFold(name, latestAlias) {
			return a.latest()
		}
		for _, v := range a.versions {
			if name != "" && slices.Contains(v.aliases, name) {
				return v
			}
		}
	}
	return nil
}

// newest is the version created last, nil if there is none.
func (a *artifact) newest() *artifactVersion {
	if len(a.versions) == 0 {
		return nil
	}
	return a.versions[len(a.versions)-1]
}

// nextVersion is the name of a version that was given none: the next major
// one after the greatest.
func (a *artifact) nextVersion() string {
	most := 0
	for _, v := range a.versions {
		major, _, _ := strings.Cut(v.version, ".")
		if n, err := strconv.Atoi(major); err == nil {
			most = max(most, n)
		}
	}
	return strconv.Itoa(most+1) + ".0.0"
}

// setAliases gives v the aliases, which other versions lose.
func (v *artifactVersion) setAliases(aliases []string) {
	aliases = slices.DeleteFunc(slices.Clone(aliases), func(s string) bool { return strings.EqualFold(s, latestAlias) })
	for _, other := range v.artifact.versions {
		other.aliases = slices.DeleteFunc(other.aliases, func(s string) bool { return slices.Contains(aliases, s) })
	}
	v.aliases = unique(aliases)
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// allAliases are those of v, with the one the server keeps.
func (v *artifactVersion) allAliases() []string {
	list := append([]string{}, v.aliases...)
	if v.artifact.latest() == v {
		list = append(list, latestAlias)
	}
	return list
}

func (v *artifactVersion) size() int64 {
	sum := int64(0)
	for _, f := range v.files {
		if f.body != nil {
			sum += f.body.Size
		}
	}
	return sum
}

func (a *artifact) size() int64 {
	sum := int64(0)
	for _, v := range a.versions {
		sum += v.size()
	}
	return sum
}

// addArtifactFile attaches a to the version it names, which must be open. The
// lock of the store is held.
func (c artifactCall) addArtifactFile(a *asset) error {
	v := c.s.store.artifactVersion(a.versionID)
	if v == nil {
		return refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", a.versionID)
	}
	if err := c.allow(v.artifact.project.workspace, RoleOwner, "artifact "+v.artifact.name); err != nil {
		return err
	}
	if v.state != stateOpen {
		return refusal.BadRequest("artifact version %s:%s is %s and immutable", v.artifact.name, v.version, v.state).WithCode(refusal.CodeArtifactClosed)
	}
	v.files = append(v.files, a)
	c.s.store.assets[a.ref()] = a
	return nil
}

// artifactAsset returns a file of the artifact version in the query.
func (c artifactCall) artifactAsset(id string) (*asset, error) {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	v := st.artifactVersion(c.optional("artifactVersionId"))
	if v == nil {
		return nil, refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", c.optional("artifactVersionId"))
	}
	if err := c.readArtifact(v.artifact); err != nil {
		return nil, err
	}
	for _, f := range v.files {
		if f.id == id {
			return f, nil
		}
	}
	return nil, refusal.NotFound("asset %q does not exist in artifact version %q", id, v.id)
}

// readArtifact answers 403 unless the key may read a.
func (c artifactCall) readArtifact(a *artifact) error {
	if a.public {
		return nil
	}
	return c.allow(a.project.workspace, RoleViewer, "artifact "+a.name)
}
