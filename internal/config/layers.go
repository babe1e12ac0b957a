package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// layer is one place that settings are looked for in.
type layer struct {
	path   string                    // of a file, "" for the environment
	lookup func(name string) setting // the setting of a name, the zero setting if there is none
}

// readLayers returns the places, the one that decides first.
func readLayers(places Places) ([]layer, error) {
	layers := []layer{envLayer(places.LookupEnv)}
	dotenv := filepath.Join(places.Dir, ".env")
	if err := addFile(&layers, dotenv, parseDotenv); err != nil {
		return nil, err
	}
	named, err := namedConfig(layers[0], places)
	if err != nil {
		return nil, err
	}
	paths := []string{filepath.Join(places.Dir, configName)}
	if named != "" {
		paths = append([]string{named}, paths...)
	}
	if places.Home != "" {
		paths = append(paths, filepath.Join(places.Home, configName))
	}
	for _, path := range paths {
		if err := addFile(&layers, path, parseINI); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// envLayer returns the environment as a layer.
func envLayer(lookupEnv func(string) (string, bool)) layer {
	return layer{lookup: func(name string) setting {
		value, _ := lookupEnv(name)
		return setting{value, name}
	}}
}

// namedConfig returns the file that COMET_INI or COMET_CONFIG names, "" for
// none. One that does not exist is an error: a key found elsewhere is not the
// one that is meant.
func namedConfig(env layer, places Places) (string, error) {
	named := env.lookup("COMET_INI")
	if named.text == "" {
		named = env.lookup("COMET_CONFIG")
	}
	if named.text == "" {
		return "", nil
	}
	path := places.path(named.text)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, configName)
	}
	if _, err := os.Stat(path); err != nil {
		return "", errorf("%s: %v", named.from, err)
	}
	return path, nil
}

// addFile adds the settings of a file to layers: none if there is no such file,
// or none that this user can see, as with a home directory of someone else.
func addFile(layers *[]layer, path string, parse func(path string, data []byte) (map[string]setting, error)) error {
	var settings map[string]setting
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		data, err := readFile(path, maxFile)
		if err != nil {
			return errorf("%v", err)
		}
		if settings, err = parse(path, data); err != nil {
			return err
		}
	}
	*layers = append(*layers, layer{path, func(name string) setting { return settings[name] }})
	return nil
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes", name, limit)
	}
	return data, nil
}
