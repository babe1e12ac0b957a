package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	for _, tc := range []struct {
		name, url, rest string
		want            address
	}{
		{"default", "", "", address{root: "https://www.comet.com/", clientlib: "https://www.comet.com/clientlib/",
			alt: "https://www.comet.com/clientlib/rest/v2/", rest: "https://www.comet.com/api/rest/v2/"}},
		{"no final slash", "http://h:81/clientlib", "", address{root: "http://h:81/", clientlib: "http://h:81/clientlib/",
			alt: "http://h:81/clientlib/rest/v2/", rest: "http://h:81/api/rest/v2/"}},
		{"no path", " https://h ", "", address{root: "https://h/", clientlib: "https://h/clientlib/",
			alt: "https://h/clientlib/rest/v2/", rest: "https://h/api/rest/v2/"}},
		{"prefix", "https://h/a%2Fb/comet/clientlib/", "", address{root: "https://h/", clientlib: "https://h/a%2Fb/comet/clientlib/",
			alt: "https://h/a%2Fb/comet/clientlib/rest/v2/", rest: "https://h/api/rest/v2/", restPrefixed: "https://h/a%2Fb/comet/api/rest/v2/"}},
		{"prefix and REST address", "https://h/comet/clientlib/", "https://h/comet/api/rest/v2", address{root: "https://h/",
			clientlib: "https://h/comet/clientlib/", alt: "https://h/comet/clientlib/rest/v2/", rest: "https://h/comet/api/rest/v2/"}},
		{"other path", "https://h/x/", "", address{root: "https://h/", clientlib: "https://h/x/",
			alt: "https://h/clientlib/rest/v2/", rest: "https://h/api/rest/v2/"}},
		{"credentials and query", "https://u:p@h/clientlib/?q=1#f", "", address{root: "https://h/", clientlib: "https://h/clientlib/",
			alt: "https://h/clientlib/rest/v2/", rest: "https://h/api/rest/v2/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseAddress(tc.url, tc.rest)
			if err != nil {
				t.Fatal(err)
			}
			got.host, got.scheme = "", ""
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(address{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAddressBad(t *testing.T) {
	for _, s := range []string{"comet.example.com", "ftp://h/", "https://", "/clientlib/", "http://u:hunter2@h:x/", "https://u:hunter2@/"} {
		_, err := parseAddress(s, "")
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", s, err)
		}
	}
	// A key must not go to a host that was not named with it.
	if _, err := parseAddress("https://h/", "https://other/api/rest/v2/"); err == nil {
		t.Error("a REST address on another host is taken")
	}
}
