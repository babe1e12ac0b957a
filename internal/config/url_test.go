package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct{ in, want, address string }{
		{"https://host", "https://host/clientlib/", "https://host/"},
		{"https://host/", "https://host/clientlib/", "https://host/"},
		{"https://host/clientlib", "https://host/clientlib/", "https://host/"},
		{"https://host/clientlib/", "https://host/clientlib/", "https://host/"},
		{"https://host//clientlib//", "https://host//clientlib/", "https://host//"},
		{" https://host/clientlib/\n", "https://host/clientlib/", "https://host/"},
		{"HTTPS://Host:8443", "https://Host:8443/clientlib/", "https://Host:8443/"},
		{"http://127.0.0.1:80/comet", "http://127.0.0.1:80/comet/clientlib/", "http://127.0.0.1:80/comet/"},
		{"https://host/a%2Fb/clientlib/", "https://host/a%2Fb/clientlib/", "https://host/a%2Fb/"},
		{"https://host/myclientlib", "https://host/myclientlib/clientlib/", "https://host/myclientlib/"},
		{"http://[::1]:8080", "http://[::1]:8080/clientlib/", "http://[::1]:8080/"},
		{"https://me:s3cret@host", "https://me:s3cret@host/clientlib/", "https://host/"},
	} {
		u, err := parseURL(tt.in)
		if err != nil {
			t.Errorf("parseURL(%q): %v", tt.in, err)
			continue
		}
		if u.String() != tt.want || address(u) != tt.address {
			t.Errorf("parseURL(%q) = %q, shown as %q; want %q, %q", tt.in, u, address(u), tt.want, tt.address)
		}
	}
}

func TestParseURLErrors(t *testing.T) {
	for in, want := range map[string]string{
		"host":                        "no scheme",
		"host:8080":                   "no scheme",
		"127.0.0.1:8080/clientlib":    "no scheme",
		"//host":                      "no scheme",
		"https:host":                  "no scheme",
		"/clientlib":                  "no scheme",
		"ftp://host":                  `scheme "ftp"`,
		"file:///etc/passwd":          `scheme "file"`,
		"https://":                    "no host",
		"https:///clientlib":          "no host",
		"https://:8080":               "no host",
		"https://host/?x=1":           "query or a fragment",
		"https://host/?":              "query or a fragment",
		"https://host/#x":             "query or a fragment",
		"https://ho st":               "not a URL",
		"https://me:s3cr/et@host":     "not a URL",
		"https://me:s3cret@host:port": "not a URL",
		"":                            "no scheme",
	} {
		_, err := parseURL(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseURL(%q) gives %v, want %q", in, err, want)
		} else if strings.Contains(err.Error(), "s3cr") {
			t.Errorf("parseURL(%q) shows the password: %v", in, err)
		}
	}
}

func TestAPIKeyDoesNotShow(t *testing.T) {
	key := APIKey("s3cret")
	e := Endpoint{APIKey: key}
	var logged strings.Builder
	log := slog.New(slog.NewTextHandler(&logged, nil))
	log.Info("x", "key", key, "endpoint", e)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "key", key, "endpoint", e)
	asJSON, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(key, e, &e) + fmt.Sprintf("%v %+v %#v %q %s %x %d", key, e, e, key, key, key, key) +
		fmt.Sprintf("%#v", e.APIKey) + logged.String() + string(asJSON)
	if strings.Contains(shown, "s3cret") || strings.Contains(shown, fmt.Sprintf("%x", "s3cret")) {
		t.Errorf("the key shows in %s", shown)
	}
	if string(key) != "s3cret" {
		t.Errorf("string(key) = %q", string(key))
	}
}
