package config

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// The generic names of the settings, those of Comet's SDK. A side's own name has
// EXPORT_ or IMPORT_ after COMET_.
const (
	nameAPIKey      = "COMET_API_KEY"
	nameURL         = "COMET_URL_OVERRIDE"
	nameWorkspace   = "COMET_WORKSPACE"
	nameProject     = "COMET_PROJECT_NAME"
	nameHeaderName  = "COMET_ALLOW_HEADER_NAME"
	nameHeaderValue = "COMET_ALLOW_HEADER_VALUE"
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

// Resolve finds the endpoint of one side. Its errors are of type [*Error] and
// say what is wrong where.
func Resolve(side Side, flags Flags, places Places) (*Endpoint, error) {
	layers, err := readLayers(places)
	if err != nil {
		return nil, err
	}
	r := resolver{side: side, flags: flags, places: places, layers: layers}
	e := new(Endpoint)
	if err := r.credentials(e); err != nil {
		return nil, err
	}
	if err := r.header(e); err != nil {
		return nil, err
	}
	if e.CAFile = flags.CAFile; e.CAFile == "" {
		e.CAFile = r.find(side.own(nameCAFile)).text
	}
	if e.CAFile != "" {
		e.CAFile = places.path(e.CAFile)
	}
	e.Workspace = r.findBest(nameWorkspace).text
	e.Project = r.findBest(nameProject).text
	return e, nil
}

// resolver holds what the steps of Resolve look at.
type resolver struct {
	side   Side
	flags  Flags
	places Places
	layers []layer
}

// setting is a value and where it was found. The zero setting is none.
type setting struct {
	text string
	from string
}

// find returns the first setting of the given name.
func (r *resolver) find(name string) setting {
	for _, l := range r.layers {
		if s := l.lookup(name); s.text != "" {
			return s
		}
	}
	return setting{}
}

// findBest returns the setting of the side, or the generic one.
func (r *resolver) findBest(name string) setting {
	if s := r.find(r.side.own(name)); s.text != "" {
		return s
	}
	return r.find(name)
}

// findOne returns the setting that goes by either of two names. Two different
// values in one place are an error; else the earlier place decides.
func (r *resolver) findOne(a, b string) (setting, error) {
	for _, l := range r.layers {
		sa, sb := l.lookup(a), l.lookup(b)
		switch {
		case sa.text != "" && sb.text != "" && sa.text != sb.text:
			return setting{}, errorf("%s and %s say different things", sa.from, sb.from)
		case sa.text != "":
			return sa, nil
		case sb.text != "":
			return sb, nil
		}
	}
	return setting{}, nil
}

// credentials fills in address and key by the rules of the package comment.
// What the side does not use may be wrong: it is the other side's, or that of
// another program.
func (r *resolver) credentials(e *Endpoint) error {
	ownKey, err := r.ownKey()
	if err != nil {
		return err
	}
	ownURL, err := r.ownURL()
	if err != nil {
		return err
	}
	if ownKey != nil {
		return r.withOwnKey(e, ownKey, ownURL)
	}
	key, err := r.key(r.find(nameAPIKey))
	if err != nil {
		return err
	}
	if key == nil {
		return r.noKey()
	}
	generic, err := r.url(r.find(nameURL))
	switch {
	case err != nil:
		return err
	case ownURL != nil:
		return r.withOwnURL(e, key, ownURL, generic)
	}
	return r.join(e, key, generic)
}

// withOwnKey joins the key of the side with its address.
func (r *resolver) withOwnKey(e *Endpoint, key *foundKey, ownURL *foundURL) error {
	if generic := r.find(nameURL); ownURL == nil && key.url == nil && generic.text != "" {
		return &Error{
			Message: fmt.Sprintf("the key from %s has no address: %s is generic, and may belong to another key",
				key.from, generic.from),
			Hints: []string{fmt.Sprintf("set %s (or --url) to the instance the key belongs to", r.side.own(nameURL))},
		}
	}
	return r.join(e, key, ownURL)
}

// withOwnURL joins the generic key with the address of the side, unless the key
// is known to belong elsewhere.
func (r *resolver) withOwnURL(e *Endpoint, key *foundKey, ownURL, generic *foundURL) error {
	home, why := generic, "which goes with it"
	if home == nil {
		home, why = key.home(), "which it holds"
	}
	if home != nil && !sameHost(home.url, ownURL.url) {
		return &Error{
			Message: fmt.Sprintf("no key for %s (from %s): the key from %s is for %s, %s",
				address(ownURL.url), ownURL.from, key.from, address(home.url), why),
			Hints: []string{fmt.Sprintf("set %s (or --api-key-file) to a key of %s", r.side.own(nameAPIKey), address(ownURL.url))},
		}
	}
	return r.join(e, key, ownURL)
}

// join puts a key and the address named with it, or the key's own, or Comet's,
// into the endpoint.
func (r *resolver) join(e *Endpoint, key *foundKey, named *foundURL) error {
	at := named
	if at == nil {
		at = key.home()
	}
	if at == nil {
		at = &foundURL{mustParse(DefaultURL), "the default"}
	}
	if key.url != nil && !sameHost(key.url, at.url) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("the key from %s is for %s, and is sent to %s, as %s says",
			key.from, address(key.url), address(at.url), at.from))
	}
	e.APIKey, e.APIKeyFrom = key.key, key.from
	e.URL, e.URLFrom = at.url, at.from
	return nil
}

// noKey is the error when no place has a key, and lists the places.
func (r *resolver) noKey() error {
	looked := []string{"--api-key-file", r.side.own(nameAPIKey), nameAPIKey}
	for _, l := range r.layers {
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
	if r.flags.APIKeyFile != "" {
		if r.flags.APIKeyFile == "-" && r.places.Stdin != nil {
			data, err := readAll(r.places.Stdin, "standard input", maxKeyFile)
			return r.keyIn(data, err, "--api-key-file", "-")
		}
		return r.keyFile(setting{r.flags.APIKeyFile, "--api-key-file"})
	}
	for _, l := range r.layers {
		text, file := l.lookup(r.side.own(nameAPIKey)), l.lookup(r.side.own(nameAPIKeyFile))
		switch {
		case text.text != "" && file.text != "":
			return nil, errorf("%s and %s both say where the key is", text.from, file.from)
		case text.text != "":
			return r.key(text)
		case file.text != "":
			return r.keyFile(file)
		}
	}
	return nil, nil
}

// keyFile reads the file that s names, and nothing but a key may be in.
func (r *resolver) keyFile(s setting) (*foundKey, error) {
	data, err := readFile(r.places.path(s.text), maxKeyFile)
	return r.keyIn(data, err, s.from, s.text)
}

// keyIn reads the contents of a key file, or reports why they could not be read.
func (r *resolver) keyIn(data []byte, err error, setBy, file string) (*foundKey, error) {
	if err != nil {
		return nil, errorf("%s: %v", setBy, err)
	}
	from := fmt.Sprintf("%s %s", setBy, file)
	text := strings.TrimSpace(string(bytes.TrimPrefix(data, byteOrderMark)))
	if text == "" {
		return nil, errorf("%s: the file is empty", from)
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, errorf("%s: the file holds more than one line, and should hold a key alone", from)
	}
	return r.key(setting{text, from})
}

// key reads a setting as a key. Without a setting it returns nil.
func (r *resolver) key(s setting) (*foundKey, error) {
	if s.text == "" {
		return nil, nil
	}
	return parseKey(s)
}

// ownURL returns the address of the side, nil if it has none.
func (r *resolver) ownURL() (*foundURL, error) {
	if r.flags.URL != "" {
		return r.url(setting{r.flags.URL, "--url"})
	}
	s, err := r.findOne(r.side.own(nameURL), r.side.own(nameURLFlag))
	if err != nil {
		return nil, err
	}
	return r.url(s)
}

// url reads a setting as an address. Without a setting it returns nil.
func (r *resolver) url(s setting) (*foundURL, error) {
	if s.text == "" {
		return nil, nil
	}
	u, err := parseURL(s.text)
	if err != nil {
		return nil, withFrom(err, s.from)
	}
	return &foundURL{u, s.from}, nil
}

// header fills in the header for gateways, that of the side if it has one.
func (r *resolver) header(e *Endpoint) error {
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
		return errorf("%s: %q is no name of a header", name.from, name.text)
	case !isPrintable(value.text, ' '):
		return errorf("%s holds a character that no header has", value.from)
	}
	e.HeaderName, e.HeaderValue = name.text, value.text
	return nil
}

// foundURL is an address and where it was found.
type foundURL struct {
	url  *url.URL
	from string
}

// withFrom says where the value that err is about was found.
func withFrom(err error, from string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return errorf("%s: %v", from, err)
	}
	return &Error{Message: from + ": " + e.Message, Hints: e.Hints}
}
