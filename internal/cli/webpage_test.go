package cli

import (
	"net/url"
	"testing"
)

func TestPathOfPage(t *testing.T) {
	const key = "d8c19686438ff130c57ce9ed2e205a2a"
	for page, want := range map[string]string{
		"https://www.comet.com/acme":                                       "acme",
		"https://www.comet.com/acme/":                                      "acme",
		"https://www.comet.com/acme/vision/":                               "acme/vision",
		"https://www.comet.com/acme/a%20b%2Fc%25/" + key:                   "acme/a b%2Fc%/" + key,
		"https://www.comet.com/acme/vision/" + key + "?experiment-tab=a/b": "acme/vision/" + key,
		"https://www.comet.com/acme/vision/archive/" + key + "#x":          "acme/vision/" + key,
		"https://www.comet.com/acme/vision/archive":                        "acme/vision",
		"https://www.comet.com/acme/vision/view/new/panels":                "acme/vision",
		"https://www.comet.com/acme/artifacts/digits/2.0.0":                "acme/artifacts/digits/2.0.0",
		"https://www.comet.com/acme/artifacts/digits/2.0.0/assets":         "acme/artifacts/digits/2.0.0",
		"https://www.comet.com/acme/model-registry/cnn":                    "acme/model-registry/cnn",
		"https://www.comet.com/":                                           "",
		"https://www.comet.com/acme/vision/reports/all":                    "",
	} {
		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := pathOfPage(u)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%s is %q, %t, want %q", page, got, ok, want)
		}
	}
}
