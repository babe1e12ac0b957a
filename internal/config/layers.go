package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/comet-stream/comet-stream/internal/text"
)

// Limits on what is read: a key, a configuration or certificates are small, and
// a path may lead to something that has no end.
const (
	maxKeyFile = 64 << 10
	maxFile    = 4 << 20
)

// configName is the name of Comet's configuration file.
const configName = ".comet.config"

// path returns the file that a setting names: "~/" is the home directory, and a
// relative path starts from the working directory.
func (p Places) path(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && p.Home != "" {
		return filepath.Join(p.Home, rest)
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Dir, name)
}

// A layer is one place that settings are looked for in.
type layer struct {
	rank int    // 0 for the one that decides first
	path string // of a file, "" for the command: its flags and its environment
	// local marks a file of the working directory. Who wrote it is not known: it
	// may have come with a repository. All other layers are the user's.
	local  bool
	lookup func(name string) setting // the setting of a name, the zero setting if there is none
}

// setting is a value, who may have set it, and what to call that in messages.
// The zero setting is none.
type setting struct {
	text string
	from string
	at   *layer
}

// find returns the layer's setting of a name, without the white space around
// it, as in Comet's SDK.
func (l *layer) find(name string) setting {
	s := l.lookup(name)
	s.text, s.at = strings.TrimSpace(s.text), l
	if s.text == "" {
		return setting{}
	}
	return s
}

// sameOwner reports whether two layers were written by the same person, as far
// as can be known.
func sameOwner(a, b *layer) bool { return a == b || !a.local && !b.local }

// layers are the places that settings are looked for in.
type layers struct {
	all      []*layer
	warnings []string

	// What COMET_CONFIG names may be missing. That is an error where the search
	// comes past the rank it would have: what is found behind it is not what is
	// meant.
	missing     error
	missingRank int
}

// readLayers returns the places, the one that decides first.
func readLayers(places Places) (*layers, error) {
	ls := new(layers)
	env := ls.add("", false, func(name string) setting {
		value, _ := places.LookupEnv(name)
		return setting{text: value, from: name}
	})
	// In the home directory there is nothing but the user's own.
	local := !sameFile(cmp.Or(places.Dir, "."), places.Home)
	if err := ls.addFile(filepath.Join(places.Dir, ".env"), local, parseDotenv); err != nil {
		return nil, err
	}
	named, home := ls.namedConfig(env, places), ""
	if places.Home != "" {
		home = filepath.Join(places.Home, configName)
	}
	if named != "" {
		if err := ls.addFile(named, false, parseINI); err != nil {
			return nil, err
		}
	}
	// One that the user's own place is too counts as that.
	here := filepath.Join(places.Dir, configName)
	if !sameFile(here, named) && !sameFile(here, home) {
		if err := ls.addFile(here, local, parseINI); err != nil {
			return nil, err
		}
	}
	if home != "" {
		if err := ls.addFile(home, false, parseINI); err != nil {
			return nil, err
		}
	}
	return ls, nil
}

// add adds the next layer.
func (ls *layers) add(path string, local bool, lookup func(string) setting) *layer {
	l := &layer{rank: len(ls.all), path: path, local: local, lookup: lookup}
	ls.all = append(ls.all, l)
	return l
}

// namedConfig returns the file that COMET_INI or COMET_CONFIG names, "" for
// none, or for one that is missing.
func (ls *layers) namedConfig(env *layer, places Places) string {
	named := env.find("COMET_INI")
	if named.text == "" {
		named = env.find("COMET_CONFIG")
	}
	if named.text == "" {
		return ""
	}
	path := places.path(named.text)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, configName)
	}
	if _, err := os.Stat(path); err != nil {
		ls.missing, ls.missingRank = errorf("%s: %v", named.from, err), len(ls.all)
		return ""
	}
	return path
}

// beyond returns an error if a search that ended at l, or nowhere if that is
// nil, has come past a file that is missing.
func (ls *layers) beyond(l *layer) error {
	if l == nil || l.rank >= ls.missingRank {
		return ls.missing
	}
	return nil
}

// addFile adds the settings of a file: none if there is no such file, or none
// that this user can see, as with a home directory of someone else.
func (ls *layers) addFile(path string, local bool, parse func(path string, data []byte) (map[string]setting, error)) error {
	var settings map[string]setting
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		if local && !info.Mode().IsRegular() {
			return errorf("%s is not a regular file", path)
		}
		data, err := readFile(path, maxFile)
		if err != nil {
			return errorf("%v", err)
		}
		if settings, err = parse(path, data); err != nil {
			return err
		}
		if w := exposure(path, info, settings); w != "" {
			ls.warnings = append(ls.warnings, w)
		}
	}
	ls.add(path, local, func(name string) setting { return settings[name] })
	return nil
}

// exposure returns a warning if others can change the settings of a file, or
// read a key in it, "" if not.
func exposure(path string, info os.FileInfo, settings map[string]setting) string {
	var comets, keys bool
	for name, s := range settings {
		comets = comets || strings.HasPrefix(name, "COMET_")
		keys = keys || strings.HasPrefix(name, "COMET_") && strings.HasSuffix(name, "_API_KEY") && s.text != ""
	}
	readable, writable := othersMay(info)
	const remedy = "(run chmod 600)"
	switch {
	case writable && comets:
		return fmt.Sprintf("%s can be changed by other users, who can redirect keys %s", path, remedy)
	case readable && keys:
		return fmt.Sprintf("%s holds a key, and can be read by other users %s", path, remedy)
	}
	return ""
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// readFile reads a text file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// readAll reads a text of at most limit bytes.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(text.NewReader(r), limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes", name, limit)
	}
	return data, nil
}
