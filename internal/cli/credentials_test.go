package cli

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/progress"
)

// A keySource is where credentials may be written, in the order in which they are
// looked for.
type keySource struct {
	name  string
	rank  int
	local bool // somebody else may have written it
	file  string
}

var (
	atFlag    = keySource{"flag", 0, false, ""}
	atEnv     = keySource{"environment", 0, false, ""}
	atDotenv  = keySource{".env", 1, true, "work/.env"}
	atNamed   = keySource{"COMET_CONFIG", 2, false, "named"}
	atWorking = keySource{"./.comet.config", 3, true, "work/.comet.config"}
	atHome    = keySource{"~/.comet.config", 4, false, "home/.comet.config"}

	places = []keySource{atFlag, atEnv, atDotenv, atNamed, atWorking, atHome}
)

// A spot is a keySource and one of the two names that a setting has there.
type spot struct {
	keySource
	own bool // for the side alone
}

func (s spot) String() string {
	if s.own {
		return s.name + " (side)"
	}
	return s.name
}

// same reports whether two spots are one place: whoever gives a command gives
// its flags and its environment.
func (s spot) same(t spot) bool { return s.rank == t.rank }

// spots are all spots. A flag is always for the side.
func spots() (all []spot) {
	for _, p := range places {
		for _, own := range []bool{true, false} {
			if own || p != atFlag {
				all = append(all, spot{p, own})
			}
		}
	}
	return all
}

// host is the address that is written at a spot, pair the one beside a key, and
// held the one in a smart key.
func (s spot) host() string {
	return fmt.Sprintf("said-%d-%t.example", slices.Index(places, s.keySource), s.own)
}

const (
	pairHost    = "pair.example"
	heldHost    = "held.example"
	defaultHost = "www.comet.com"
)

func (s spot) key(smart bool) string {
	key := fmt.Sprintf("key%d%t0123456789", slices.Index(places, s.keySource), s.own)
	if smart {
		key += "*" + base64.StdEncoding.EncodeToString([]byte(`{"baseUrl":"http://`+heldHost+`"}`))
	}
	return key
}

// A credentialCell is one configuration.
type credentialCell struct {
	side  config.Side
	keys  map[spot]string
	hosts map[spot]string
}

// files returns the environment, the files and the flags of a cell.
func (c *credentialCell) files(t *testing.T) (config.Flags, config.Places) {
	t.Helper()
	dir := t.TempDir()
	flags, env, files := config.Flags{}, map[string]string{}, map[string]string{}
	set := func(s spot, setting, value string) {
		section := "comet"
		if s.own {
			section += "_" + string(c.side)
		}
		variable := strings.ToUpper(section + "_" + setting)
		switch s.keySource {
		case atEnv:
			env[variable] = value
		case atDotenv:
			files[s.file] += variable + "=" + value + "\n"
		case atNamed:
			env["COMET_CONFIG"] = filepath.Join(dir, s.file)
			fallthrough
		default:
			// A section may come once: settings outside have their full name.
			files[s.file] += variable + " = " + value + "\n"
		}
	}
	for s, key := range c.keys {
		if s.keySource == atFlag {
			files["key"], flags.APIKeyFile = key, filepath.Join(dir, "key")
			continue
		}
		set(s, "api_key", key)
	}
	for s, host := range c.hosts {
		if s.keySource == atFlag {
			flags.URL = "http://" + host
			continue
		}
		set(s, "url_override", "http://"+host+"/clientlib/")
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return flags, config.Places{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Dir:       filepath.Join(dir, "work"), Home: filepath.Join(dir, "home"),
	}
}

const refused = "nobody"

// receiver returns who gets which key: it makes the first call of a tool and
// looks at the request as it leaves.
func (c *credentialCell) receiver(t *testing.T) (host, key string) {
	t.Helper()
	flags, places := c.files(t)
	endpoint, err := config.Resolve(c.side, flags, places)
	if err != nil {
		if ExitCode(err) != ExitUsage {
			t.Errorf("%v: exit code %d: %v", c, ExitCode(err), err)
		}
		return refused, ""
	}
	cmd := newCommand("comet-export", "", IO{})
	cmd.addServerFlags(c.side)
	report := progress.Start(io.Discard, new(progress.Counters), progress.Options{})
	defer report.Close()
	s := &server{endpoint: endpoint, report: report, trouble: report.NewTrouble(endpoint.Address())}
	defer s.trouble.Close()
	options := cmd.clientOptions(s)
	options.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		if k := r.Header.Get("Authorization"); k != "" {
			host, key = r.URL.Host, k
		}
		body := io.NopCloser(strings.NewReader(`{"userName":"u","defaultWorkspaceName":"u"}`))
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
	})
	client, err := comet.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Account(t.Context()); err != nil {
		t.Errorf("%v: %v", c, err)
	}
	return host, key
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// merged is the receiver if the first key and the first address were put
// together, as Comet's SDK does, and as these tools must not.
func (c *credentialCell) merged() (host, key string) {
	first := func(m map[spot]string) (text string, own bool) {
		for _, own := range []bool{true, false} {
			for _, s := range spots() {
				if s.own == own && m[s] != "" {
					return m[s], own
				}
			}
		}
		return "", false
	}
	key, _ = first(c.keys)
	host, _ = first(c.hosts)
	if host == "" {
		host = defaultHost
	}
	return host, key
}

// allowed says why a host must not get a key, "" if it may.
func (c *credentialCell) allowed(host, key string) string {
	if host == refused {
		return ""
	}
	var k spot
	for s, text := range c.keys {
		if text == key {
			k = s
		}
	}
	// Several spots may name the host; one that may is enough.
	why := "no place says so"
	if host == heldHost && strings.Contains(key, "*") {
		return ""
	}
	if host == defaultHost {
		why = ""
		for s := range c.hosts {
			if s.own || !k.own {
				why = fmt.Sprintf("%v has an address", s)
			}
		}
		return why
	}
	for s, h := range c.hosts {
		switch {
		case h != host:
		case k.own && !s.own:
			why = "the key is of one side, and the address of none"
		case s.same(k), s.rank < k.rank && !s.local:
			return ""
		default:
			why = fmt.Sprintf("%v decides for the key of %v", s, k)
		}
	}
	return why
}

// TestCredentialMatrix puts a key in each place, plain, smart or with an address
// beside it, and another address in each place, and looks who gets the key.
func TestCredentialMatrix(t *testing.T) {
	results := make(map[string]int)
	merged := 0
	for _, side := range []config.Side{config.Export, config.Import} {
		for _, k := range spots() {
			for _, form := range []string{"plain", "smart", "paired"} {
				for _, a := range append(spots(), spot{}) {
					c := &credentialCell{side: side, keys: map[spot]string{k: k.key(form == "smart")}, hosts: map[spot]string{}}
					beside := k
					if k.keySource == atFlag {
						beside.keySource = atEnv
					}
					if form == "paired" {
						c.hosts[beside] = pairHost
					}
					if a.name != "" && !(form == "paired" && a == beside) {
						c.hosts[a] = a.host()
					} else {
						a = spot{}
					}
					want := wantedReceiver(k, form, a)
					got, key := c.receiver(t)
					if got != want {
						t.Errorf("%s: a %s key from %v and an address from %v: %s gets the key, want %s", side, form, k, a, got, want)
					}
					if why := c.allowed(got, key); why != "" {
						t.Errorf("%s: a %s key from %v and an address from %v: %s gets the key: %s", side, form, k, a, got, why)
					}
					if c.allowed(c.merged()) != "" {
						merged++
					}
					switch got {
					case refused, pairHost, heldHost, defaultHost:
						results[got]++
					default:
						results["the other address"]++
					}
				}
			}
		}
	}
	t.Logf("who gets the key: %v; merged as Comet's SDK does, %d of these are wrong", results, merged)
	if merged < 100 {
		t.Errorf("only %d configurations are wrong when merged: the matrix tells too little", merged)
	}
}

// wantedReceiver is who gets the key of k if there is an address at a, which has
// no name if there is none.
func wantedReceiver(k spot, form string, a spot) string {
	home := map[string]string{"plain": "", "smart": heldHost, "paired": pairHost}[form]
	before := a.name != "" && (a.same(k) || a.rank < k.rank && !a.local)
	switch {
	case a.name == "" && home == "":
		return defaultHost
	case a.name == "":
		return home
	case k.own && !a.own && home == "":
		return refused // the address may be of another key
	case k.own && !a.own:
		return home
	case home == "" && before:
		return a.host()
	case home == "":
		return refused
	case k.own != a.own:
		return refused // the side is elsewhere than the key
	case a.same(k) && (form == "smart" || a.keySource == atFlag):
		return a.host()
	case a.same(k), a.rank > k.rank:
		return home
	}
	return refused
}

// TestCredentialWorlds fills places at random.
func TestCredentialWorlds(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("COMET_STREAM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	results := make(map[bool]int)
	merged := 0
	for range 500 {
		c := &credentialCell{side: config.Export, keys: map[spot]string{}, hosts: map[spot]string{}}
		for _, s := range spots() {
			if rng.IntN(4) == 0 {
				c.keys[s] = s.key(rng.IntN(4) == 0)
			}
			if rng.IntN(4) == 0 {
				c.hosts[s] = s.host()
			}
		}
		host, key := c.receiver(t)
		if why := c.allowed(host, key); why != "" {
			t.Errorf("seed %d: keys %v, addresses %v: %s gets %s: %s", seed, c.keys, c.hosts, host, key, why)
		}
		results[host != refused]++
		if c.allowed(c.merged()) != "" {
			merged++
		}
	}
	t.Logf("COMET_STREAM_SEED=%d: %d keys sent, %d configurations refused; merged as Comet's SDK does, %d are wrong", seed, results[true], results[false], merged)
	if results[true] < 50 || merged < 50 {
		t.Errorf("seed %d: %d keys sent, %d wrong when merged: the worlds tell too little", seed, results[true], merged)
	}
}

// The three ways in which a file of a repository once took a key.
func TestCredentialControl(t *testing.T) {
	evil := spot{atWorking, false}
	for _, k := range []spot{{atHome, false}, {atEnv, false}, {atEnv, true}} {
		c := &credentialCell{side: config.Export, keys: map[spot]string{k: k.key(false)}, hosts: map[spot]string{evil: evil.host()}}
		if why := c.allowed(c.merged()); why == "" {
			t.Errorf("a key from %v sent to an address from %v goes unnoticed", k, evil)
		}
		if host, _ := c.receiver(t); host != refused {
			t.Errorf("a key from %v goes to %s, an address from %v", k, host, evil)
		}
	}
}
