package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// The generic names of the settings, those of Comet's SDK. A side's own name has
// EXPORT_ or IMPORT_ after COMET_.
const (
	nameAPIKey      = "COMET_API_KEY"
	nameURL         = "COMET_URL_OVERRIDE"
	nameHeaderName  = "COMET_ALLOW_HEADER_NAME"
	nameHeaderValue = "COMET_ALLOW_HEADER_VALUE"
	nameCheckTLS    = "COMET_INTERNAL_CHECK_TLS_CERTIFICATE"
)

// Names that only a side has. They are those of the flags.
const (
	nameAPIKeyFile = "COMET_API_KEY_FILE"
	nameURLFlag    = "COMET_URL"
	nameCAFile     = "COMET_CA_FILE"
)

// own returns the name that belongs to the side alone.
func (s Side) own(name string) string {
	return "COMET_" + strings.ToUpper(string(s)) + "_" + strings.TrimPrefix(name, "COMET_")
}

// Variables returns the names of the environment variables that Resolve reads for
// a side, the generic ones first. (COMET_INI is the former name for COMET_CONFIG.)
func Variables(side Side) []string {
	names := []string{"COMET_CONFIG", nameAPIKey, nameURL, nameHeaderName, nameHeaderValue, nameCheckTLS}
	for _, name := range []string{nameAPIKey, nameAPIKeyFile, nameURL, nameURLFlag, nameCAFile, nameHeaderName, nameHeaderValue} {
		names = append(names, side.own(name))
	}
	return names
}

// Resolve finds the endpoint of one side. Its errors are of type [*Error] and
// say what is wrong where.
func Resolve(side Side, flags Flags, places Places) (*Endpoint, error) {
	layers, err := readLayers(places)
	if err != nil {
		return nil, err
	}
	r := resolver{layers, side, flags, places}
	key, u, err := r.credentials()
	if err != nil {
		return nil, err
	}
	e := &Endpoint{
		URL: u.url, URLFrom: u.from, APIKey: key.key, APIKeyFrom: key.from,
		Warnings: append(layers.warnings, u.warnings...),
	}
	if e.CAFile, e.CAFileFrom, err = r.caFile(key); err != nil {
		return nil, err
	}
	if s := r.find(nameCheckTLS); s.text != "" && isFalse(s.text) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("%s is ignored: certificates are always checked; --ca-file adds certificates to trust", s.from))
	}
	if err := r.header(e, u); err != nil {
		return nil, err
	}
	return e, nil
}

// resolver holds what the steps of Resolve look at.
type resolver struct {
	*layers
	side   Side
	flags  Flags
	places Places
}

// flag returns the value of a flag as a setting. Flags and environment are one
// place: whoever gives the command gives both.
func (r *resolver) flag(name, value string) setting {
	if value == "" {
		return setting{}
	}
	return setting{value, "--" + name, r.all[0]}
}

// find returns the first setting of the given name.
func (r *resolver) find(name string) setting {
	for _, l := range r.all {
		if s := l.find(name); s.text != "" {
			return s
		}
	}
	return setting{}
}

// oneOf returns the layer's setting that goes by one of several names. Two
// different values are an error.
func (l *layer) oneOf(names []string) (found setting, err error) {
	for _, name := range names {
		s := l.find(name)
		if found.text != "" && s.text != "" && found.text != s.text {
			return setting{}, errorf("%s and %s differ", found.from, s.from)
		}
		if found.text == "" {
			found = s
		}
	}
	return found, nil
}

// noKey is the error when no place has a key, and lists the places.
func (r *resolver) noKey() error {
	looked := []string{"--api-key-file", r.side.own(nameAPIKey), nameAPIKey}
	for _, l := range r.all {
		if l.path != "" {
			looked = append(looked, l.path)
		}
	}
	return &Error{
		Message: "no API key",
		Hints: []string{
			fmt.Sprintf("set %s or %s, or write api_key into section [comet_%s] or [comet] of ~/.comet.config",
				nameAPIKey, r.side.own(nameAPIKey), r.side),
			"looked at " + strings.Join(looked, ", "),
		},
	}
}

// ownKey returns the key of the side, nil if it has none.
func (r *resolver) ownKey() (*foundKey, error) {
	if s := r.flag("api-key-file", r.flags.APIKeyFile); s.text != "" {
		return r.keyFile(s)
	}
	for _, l := range r.all {
		key, file := l.find(r.side.own(nameAPIKey)), l.find(r.side.own(nameAPIKeyFile))
		switch {
		case key.text != "" && file.text != "":
			return nil, errorf("%s and %s both name the key", key.from, file.from)
		case key.text != "":
			return parseKey(key)
		case file.text != "":
			return r.keyFile(file)
		}
	}
	return nil, nil
}

// keyFile reads the file that s names, and nothing but a key may be in. The key
// counts as one of the place that names the file.
func (r *resolver) keyFile(s setting) (*foundKey, error) {
	var data []byte
	var err error
	if s.text == "-" && s.at.path == "" && r.places.Stdin != nil {
		data, err = readAll(r.places.Stdin, "standard input", maxKeyFile)
	} else {
		path := r.places.path(s.text)
		if s.at.local && !inside(filepath.Dir(s.at.path), path) {
			return nil, &Error{
				Message: fmt.Sprintf("%s: the key file %q is outside the working directory, and a file there can name only files below it", s.from, s.text),
				Hints:   []string{fmt.Sprintf("--api-key-file or %s can name any file", r.side.own(nameAPIKeyFile))},
			}
		}
		data, err = readFile(path, maxKeyFile)
	}
	if err != nil {
		return nil, errorf("%s: %v", s.from, err)
	}
	from := fmt.Sprintf("%s %s", s.from, s.text)
	text := strings.TrimSpace(string(data))
	if text == "" {
		return nil, errorf("%s: the file is empty", from)
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, errorf("%s: the file has more than one line, and must hold only the key", from)
	}
	return parseKey(setting{text, from, s.at})
}

// inside reports whether a file is below a directory once symbolic links are
// followed.
func inside(dir, path string) bool {
	dir, errDir := filepath.EvalSymlinks(dir)
	path, errPath := filepath.EvalSymlinks(path)
	if errDir != nil || errPath != nil {
		return false
	}
	dir, errDir = filepath.Abs(dir)
	path, errPath = filepath.Abs(path)
	if errDir != nil || errPath != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// ownURL returns the address of the side, nil if it has none.
func (r *resolver) ownURL() (*foundURL, error) {
	if s := r.flag("url", r.flags.URL); s.text != "" {
		return parseFoundURL(s)
	}
	for _, l := range r.all {
		if s, err := l.oneOf(r.urlNames()); err != nil || s.text != "" {
			if err != nil {
				return nil, err
			}
			return parseFoundURL(s)
		}
	}
	return nil, nil
}

// urlNames are the names of the side's address.
func (r *resolver) urlNames() []string { return []string{r.side.own(nameURL), r.side.own(nameURLFlag)} }

// caFile returns the file of certificates to trust, "" for none, and where it was
// named. Certificates decide who gets a key as an address does. The variables that
// Comet's SDK follows are not settings of Comet: only the environment has them.
func (r *resolver) caFile(key *foundKey) (file, from string, err error) {
	s := r.flag("ca-file", r.flags.CAFile)
	if s.text == "" {
		s = r.find(r.side.own(nameCAFile))
	}
	for _, name := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
		if s.text == "" {
			s = r.all[0].find(name)
		}
	}
	if s.text == "" {
		return "", "", nil
	}
	if s.at.local && s.at != key.at {
		return "", "", &Error{
			Message: fmt.Sprintf("the certificates that %s names are not trusted with the key from %s: %s", s.from, key.from, localRule),
			Hints:   []string{fmt.Sprintf("--ca-file or %s can name them", r.side.own(nameCAFile))},
		}
	}
	return r.places.path(s.text), s.from, nil
}

// isFalse reports whether Comet's SDK reads a text as false.
func isFalse(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "false", "f", "no", "n", "off", "0":
		return true
	}
	return false
}

// header fills in the header for gateways, that of the side if it has one. Its
// value is a secret of those who own the address.
func (r *resolver) header(e *Endpoint, u *foundURL) error {
	name, value := r.find(r.side.own(nameHeaderName)), r.find(r.side.own(nameHeaderValue))
	if name.text == "" && value.text == "" {
		name, value = r.find(nameHeaderName), r.find(nameHeaderValue)
	}
	switch {
	case name.text == "" && value.text == "":
		return nil
	case name.text == "":
		return errorf("%s is the value of a header, and there is no name for it", value.from)
	case value.text == "":
		return errorf("%s is the name of a header, and there is no value for it", name.from)
	case !isToken(name.text):
		return errorf("%s: %q is not the name of a header", name.from, name.text)
	case !isPrintable(value.text, ' '):
		return errorf("%s contains a character that is not allowed in headers", value.from)
	}
	for _, s := range []setting{name, value} {
		if !sameOwner(s.at, u.at) {
			return &Error{
				Message: fmt.Sprintf("the header from %s is not sent to %s (from %s): %s", s.from, address(u.url), u.from, localRule),
				Hints:   []string{"set the key, the address and the header in one place"},
			}
		}
	}
	e.HeaderName, e.HeaderValue = name.text, value.text
	return nil
}

// foundURL is an address and where it was found.
type foundURL struct {
	url      *url.URL
	from     string
	at       *layer
	held     bool     // by the key, if it is a smart one
	warnings []string // for those who use it
}

// parseFoundURL reads a setting as an address. Without a setting it returns nil.
func parseFoundURL(s setting) (*foundURL, error) {
	if s.text == "" {
		return nil, nil
	}
	u, err := parseURL(s.text)
	if err != nil {
		return nil, withFrom(err, s.from)
	}
	return &foundURL{url: u, from: s.from, at: s.at}, nil
}

// withFrom says where the value that err is about was found.
func withFrom(err error, from string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return errorf("%s: %v", from, err)
	}
	return &Error{Message: from + ": " + e.Message, Hints: e.Hints}
}
