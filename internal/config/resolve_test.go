package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// secret begins every key of these tests, so that a key that leaks is found.
const secret = "s3cret"

// smart returns a smart key for an instance.
func smart(name, baseURL string) string {
	body := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"baseUrl":%q}`, baseURL))
	return secret + name + "*" + body
}

// in16 returns an ASCII text as Windows' Notepad and PowerShell write it.
func in16(s string) string { return "\xff\xfe" + strings.Join(strings.Split(s, ""), "\x00") + "\x00" }

// world is what a test case lets Resolve find. Files are named by their path in
// an otherwise empty folder, in which "work" is the working directory and
// "home" the home directory; DIR in any value is that folder.
type world struct {
	env   map[string]string
	files map[string]string
	flags Flags
	stdin string
}

// resolve resolves one side of w, and puts DIR in place of the folder in what
// comes back.
func (w world) resolve(t *testing.T, side Side) (*Endpoint, func(string) string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range w.files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(s string) string { return strings.ReplaceAll(s, "DIR", dir) }
	out := func(s string) string { return strings.ReplaceAll(s, dir, "DIR") }
	e, err := Resolve(side, Flags{in(w.flags.APIKeyFile), in(w.flags.URL), in(w.flags.CAFile)}, Places{
		LookupEnv: func(name string) (string, bool) {
			value, ok := w.env[name]
			return in(value), ok
		},
		Dir:   filepath.Join(dir, "work"),
		Home:  filepath.Join(dir, "home"),
		Stdin: strings.NewReader(w.stdin),
	})
	return e, out, err
}

// found is the part of an endpoint that most tests look at.
type found struct {
	URL, Key, URLFrom, KeyFrom string
	Warnings                   []string
}

func TestResolve(t *testing.T) {
	const k1, k2, k3 = secret + "1", secret + "2", secret + "3"
	onA, onB := smart("A", "https://a.example"), smart("B", "https://b.example/")
	for _, tt := range []struct {
		name string
		side Side
		world
		want found
	}{
		{
			"generic environment", Export,
			world{env: map[string]string{"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example/clientlib/"}},
			found{"https://a.example/clientlib/", k1, "COMET_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"key alone goes to the default", Export,
			world{env: map[string]string{"COMET_API_KEY": k1}},
			found{DefaultURL, k1, "the default", "COMET_API_KEY", nil},
		},
		{
			"smart key goes to its own address", Export,
			world{env: map[string]string{"COMET_API_KEY": onA}},
			found{"https://a.example/clientlib/", onA, "the key from COMET_API_KEY", "COMET_API_KEY", nil},
		},
		{
			"an address beside a smart key wins, with a warning", Export,
			world{env: map[string]string{"COMET_API_KEY": onA, "COMET_URL_OVERRIDE": "https://b.example"}},
			found{"https://b.example/clientlib/", onA, "COMET_URL_OVERRIDE", "COMET_API_KEY", []string{
				"the key from COMET_API_KEY is for https://a.example/, and is sent to https://b.example/, as COMET_URL_OVERRIDE says",
			}},
		},
		{
			"the same address beside a smart key", Export,
			world{env: map[string]string{"COMET_API_KEY": onA, "COMET_URL_OVERRIDE": "https://A.example:443/clientlib"}},
			found{"https://A.example:443/clientlib/", onA, "COMET_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"a side's environment beats the generic one", Import,
			world{env: map[string]string{
				"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example",
				"COMET_IMPORT_API_KEY": k2, "COMET_IMPORT_URL_OVERRIDE": "https://b.example",
				"COMET_EXPORT_API_KEY": k3, "COMET_EXPORT_URL_OVERRIDE": "https://c.example",
			}},
			found{"https://b.example/clientlib/", k2, "COMET_IMPORT_URL_OVERRIDE", "COMET_IMPORT_API_KEY", nil},
		},
		{
			"a side's section beats the generic environment", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example"},
				files: map[string]string{"home/.comet.config": "[comet_export]\napi_key=" + k2 + "\nurl_override=https://b.example\n"},
			},
			found{"https://b.example/clientlib/", k2, "[comet_export] in DIR/home/.comet.config", "[comet_export] in DIR/home/.comet.config", nil},
		},
		{
			"flags beat all", Export,
			world{
				env: map[string]string{
					"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example",
					"COMET_EXPORT_API_KEY": k2, "COMET_EXPORT_URL_OVERRIDE": "https://b.example",
				},
				files: map[string]string{"key": k3 + "\n"},
				flags: Flags{APIKeyFile: "DIR/key", URL: "http://127.0.0.1:8080"},
			},
			found{"http://127.0.0.1:8080/clientlib/", k3, "--url", "--api-key-file DIR/key", nil},
		},
		{
			"a key from standard input", Export,
			world{stdin: k3 + "\n", flags: Flags{APIKeyFile: "-", URL: "https://a.example"}},
			found{"https://a.example/clientlib/", k3, "--url", "--api-key-file -", nil},
		},
		{
			"order of the places, all", Export,
			world{
				env: map[string]string{"COMET_API_KEY": k1, "COMET_CONFIG": "DIR/named"},
				files: map[string]string{
					"work/.env":          "COMET_API_KEY=" + k2,
					"named":              "[comet]\napi_key=" + k2,
					"work/.comet.config": "[comet]\napi_key=" + k2,
					"home/.comet.config": "[comet]\napi_key=" + k2,
				},
			},
			found{DefaultURL, k1, "the default", "COMET_API_KEY", nil},
		},
		{
			"order of the places, .env first", Export,
			world{
				env: map[string]string{"COMET_CONFIG": "DIR/named"},
				files: map[string]string{
					"work/.env":          "# mine\nexport COMET_API_KEY='" + k1 + "'\n",
					"named":              "[comet]\napi_key=" + k2,
					"work/.comet.config": "[comet]\napi_key=" + k2,
				},
			},
			found{DefaultURL, k1, "the default", "COMET_API_KEY in DIR/work/.env", nil},
		},
		{
			"order of the places, COMET_CONFIG first", Export,
			world{
				env: map[string]string{"COMET_CONFIG": "~/named"},
				files: map[string]string{
					"home/named":         "[comet]\napi_key=" + k1,
					"work/.comet.config": "[comet]\napi_key=" + k2,
				},
			},
			found{DefaultURL, k1, "the default", "[comet] in DIR/home/named", nil},
		},
		{
			"COMET_CONFIG may be a directory", Export,
			world{
				env:   map[string]string{"COMET_CONFIG": "DIR/etc"},
				files: map[string]string{"etc/.comet.config": "[comet]\napi_key=" + k1},
			},
			found{DefaultURL, k1, "the default", "[comet] in DIR/etc/.comet.config", nil},
		},
		{
			"COMET_INI goes before COMET_CONFIG", Export,
			world{
				env:   map[string]string{"COMET_CONFIG": "DIR/b", "COMET_INI": "DIR/a"},
				files: map[string]string{"a": "[comet]\napi_key=" + k1, "b": "[comet]\napi_key=" + k2},
			},
			found{DefaultURL, k1, "the default", "[comet] in DIR/a", nil},
		},
		{
			"order of the places, working directory before home", Export,
			world{files: map[string]string{
				"work/.comet.config": "[comet]\napi_key=" + k1 + "\nurl_override=https://a.example",
				"home/.comet.config": "[comet]\napi_key=" + k2 + "\nurl_override=https://b.example",
			}},
			found{"https://a.example/clientlib/", k1, "[comet] in DIR/work/.comet.config", "[comet] in DIR/work/.comet.config", nil},
		},
		{
			"an address of the environment and a key of the home directory", Export,
			world{
				env:   map[string]string{"COMET_URL_OVERRIDE": "https://a.example"},
				files: map[string]string{"home/.comet.config": "[comet]\napi_key=" + k1},
			},
			found{"https://a.example/clientlib/", k1, "COMET_URL_OVERRIDE", "[comet] in DIR/home/.comet.config", nil},
		},
		{
			"an address of the environment and a key of the same host", Export,
			world{
				env:   map[string]string{"COMET_URL_OVERRIDE": "https://a.example/below/clientlib/"},
				files: map[string]string{"home/.comet.config": "[comet]\napi_key=" + k1 + "\nurl_override=https://a.example"},
			},
			found{"https://a.example/below/clientlib/", k1, "COMET_URL_OVERRIDE", "[comet] in DIR/home/.comet.config", nil},
		},
		{
			"nothing after a whole pair is looked at", Export,
			world{
				env: map[string]string{"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example"},
				files: map[string]string{
					"work/.comet.config": "[comet]\nurl_override=http://evil.example",
					"home/.comet.config": "[comet]\napi_key=" + k2 + "\nurl_override=https://b.example",
				},
			},
			found{"https://a.example/clientlib/", k1, "COMET_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"the default address in a file is that of a key without one", Export,
			world{
				env:   map[string]string{"COMET_EXPORT_API_KEY": k1},
				files: map[string]string{"work/.comet.config": "[comet]\nurl_override=https://www.comet.com/clientlib/"},
			},
			found{DefaultURL, k1, "the default", "COMET_EXPORT_API_KEY", nil},
		},
		{
			"a smart key goes home whatever comes later", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": onA},
				files: map[string]string{"work/.comet.config": "[comet]\nurl_override=http://evil.example"},
			},
			found{"https://a.example/clientlib/", onA, "the key from COMET_API_KEY", "COMET_API_KEY", []string{
				"the key from COMET_API_KEY is sent to https://a.example/, which it holds, and not to http://evil.example/ (from [comet] in DIR/work/.comet.config); " +
					"to send it there, as Comet's SDK would, set COMET_URL_OVERRIDE=http://evil.example/clientlib/",
			}},
		},
		{
			"white space around a key", Export,
			world{env: map[string]string{"COMET_API_KEY": " \t" + k1 + "\r\n", "COMET_URL_OVERRIDE": " https://a.example\n"}},
			found{"https://a.example/clientlib/", k1, "COMET_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"white space alone is no key", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": " \n"},
				files: map[string]string{"home/.comet.config": "[comet]\napi_key=\" " + k1 + " \""},
			},
			found{DefaultURL, k1, "the default", "[comet] in DIR/home/.comet.config", nil},
		},
		{
			"COMET_CONFIG is missing, and the environment has all", Export,
			world{env: map[string]string{"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example", "COMET_CONFIG": "DIR/none"}},
			found{"https://a.example/clientlib/", k1, "COMET_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"COMET_CONFIG is missing, and the key holds its address", Export,
			world{env: map[string]string{"COMET_API_KEY": onA, "COMET_CONFIG": "DIR/none"}},
			found{"https://a.example/clientlib/", onA, "the key from COMET_API_KEY", "COMET_API_KEY", nil},
		},
		{
			"a file of the working directory that COMET_CONFIG names is the user's", Export,
			world{
				env: map[string]string{"COMET_CONFIG": ".comet.config"},
				files: map[string]string{
					"work/.comet.config": "[comet]\nurl_override=https://a.example",
					"home/.comet.config": "[comet]\napi_key=" + k1,
				},
			},
			found{"https://a.example/clientlib/", k1, "[comet] in DIR/work/.comet.config", "[comet] in DIR/home/.comet.config", nil},
		},
		{
			"a side's address and a generic key of the same command", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1},
				files: map[string]string{"home/.comet.config": "[comet]\napi_key=" + k2 + "\nurl_override=https://b.example"},
				flags: Flags{URL: "https://a.example"},
			},
			found{"https://a.example/clientlib/", k1, "--url", "COMET_API_KEY", nil},
		},
		{
			"one file for both sides", Import,
			world{files: map[string]string{"home/.comet.config": "[comet_export]\napi_key=" + k1 + "\nurl_override=https://a.example\n" +
				"[comet_import]\napi_key=" + k2 + "\nurl_override=https://b.example\n"}},
			found{"https://b.example/clientlib/", k2, "[comet_import] in DIR/home/.comet.config", "[comet_import] in DIR/home/.comet.config", nil},
		},
		{
			"empty values count as none", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": "", "COMET_EXPORT_API_KEY": "", "COMET_URL_OVERRIDE": "", "COMET_CONFIG": ""},
				files: map[string]string{"work/.comet.config": "[comet]\napi_key=\n", "home/.comet.config": "[comet]\napi_key=" + k1},
			},
			found{DefaultURL, k1, "the default", "[comet] in DIR/home/.comet.config", nil},
		},
		{
			"a side's smart key is not sent to the generic address", Export,
			world{env: map[string]string{"COMET_EXPORT_API_KEY": onA, "COMET_URL_OVERRIDE": "https://b.example"}},
			found{"https://a.example/clientlib/", onA, "the key from COMET_EXPORT_API_KEY", "COMET_EXPORT_API_KEY", nil},
		},
		{
			"a side's smart key beside an address of the side", Export,
			world{env: map[string]string{"COMET_EXPORT_API_KEY": onB, "COMET_EXPORT_URL": "https://gateway.example"}},
			found{"https://gateway.example/clientlib/", onB, "COMET_EXPORT_URL", "COMET_EXPORT_API_KEY", []string{
				"the key from COMET_EXPORT_API_KEY is for https://b.example/, and is sent to https://gateway.example/, as COMET_EXPORT_URL says",
			}},
		},
		{
			"a side's plain key with no address at all", Export,
			world{env: map[string]string{"COMET_EXPORT_API_KEY": k1}},
			found{DefaultURL, k1, "the default", "COMET_EXPORT_API_KEY", nil},
		},
		{
			"a side's address and a generic key without one", Export,
			world{env: map[string]string{"COMET_API_KEY": k1}, flags: Flags{URL: "https://a.example"}},
			found{"https://a.example/clientlib/", k1, "--url", "COMET_API_KEY", nil},
		},
		{
			"a side's address and a generic key of the same host", Export,
			world{env: map[string]string{
				"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example/clientlib/",
				"COMET_EXPORT_URL_OVERRIDE": "https://a.example/prefix/clientlib/",
			}},
			found{"https://a.example/prefix/clientlib/", k1, "COMET_EXPORT_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"a side's address and a generic smart key of the same host", Export,
			world{env: map[string]string{"COMET_API_KEY": onA, "COMET_EXPORT_URL_OVERRIDE": "https://a.example"}},
			found{"https://a.example/clientlib/", onA, "COMET_EXPORT_URL_OVERRIDE", "COMET_API_KEY", nil},
		},
		{
			"a key file that a variable names", Import,
			world{
				env:   map[string]string{"COMET_IMPORT_API_KEY_FILE": "key", "COMET_IMPORT_URL_OVERRIDE": "https://a.example"},
				files: map[string]string{"work/key": "  " + k1 + "\r\n"},
			},
			found{"https://a.example/clientlib/", k1, "COMET_IMPORT_URL_OVERRIDE", "COMET_IMPORT_API_KEY_FILE key", nil},
		},
		{
			"a key file with a byte order mark", Import,
			world{files: map[string]string{"work/key": "\ufeff" + k1 + "\r\n"}, flags: Flags{APIKeyFile: "key"}},
			found{DefaultURL, k1, "the default", "--api-key-file key", nil},
		},
		{
			"a key file in UTF-16", Import,
			world{
				files: map[string]string{"work/key": in16(k1 + "\r\n")},
				flags: Flags{APIKeyFile: "key"},
			},
			found{DefaultURL, k1, "the default", "--api-key-file key", nil},
		},
		{
			"a configuration file in UTF-16", Export,
			world{files: map[string]string{"home/.comet.config": in16("[comet]\r\napi_key = " + k1 + "\r\n")}},
			found{DefaultURL, k1, "the default", "[comet] in DIR/home/.comet.config", nil},
		},
		{
			"what the side does not use may be wrong", Import,
			world{env: map[string]string{
				"COMET_API_KEY": "_SECRET_-" + secret, "COMET_URL_OVERRIDE": "a.example",
				"COMET_IMPORT_API_KEY": k2, "COMET_IMPORT_URL_OVERRIDE": "https://b.example",
			}},
			found{"https://b.example/clientlib/", k2, "COMET_IMPORT_URL_OVERRIDE", "COMET_IMPORT_API_KEY", nil},
		},
		{
			"a star with nothing after it is dropped", Export,
			world{env: map[string]string{"COMET_API_KEY": k1 + "*"}},
			found{DefaultURL, k1, "the default", "COMET_API_KEY", nil},
		},
		{
			"several stars are part of the key", Export,
			world{env: map[string]string{"COMET_API_KEY": onA + "*x"}},
			found{DefaultURL, onA + "*x", "the default", "COMET_API_KEY", nil},
		},
		{
			"a smart key without padding", Export,
			world{env: map[string]string{"COMET_API_KEY": strings.TrimRight(smart("", "https://padded.example"), "=")}},
			found{"https://padded.example/clientlib/", strings.TrimRight(smart("", "https://padded.example"), "="), "the key from COMET_API_KEY", "COMET_API_KEY", nil},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, out, err := tt.resolve(t, tt.side)
			if err != nil {
				t.Fatal(out(err.Error()))
			}
			for i, w := range e.Warnings {
				e.Warnings[i] = out(w)
			}
			got := found{e.URL.String(), string(e.APIKey), out(e.URLFrom), out(e.APIKeyFrom), e.Warnings}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("endpoint (-want +got):\n%s", diff)
			}
			if strings.Contains(fmt.Sprint(e.Warnings, e.URLFrom, e.APIKeyFrom, e.Address()), secret) {
				t.Error("the key shows")
			}
		})
	}
}

func TestResolveErrors(t *testing.T) {
	const k1, k2 = secret + "1", secret + "2"
	onA := smart("A", "https://a.example")
	for _, tt := range []struct {
		name string
		side Side
		world
		want string
		hint string
	}{
		{
			"no key", Import,
			world{
				env:   map[string]string{"COMET_EXPORT_API_KEY": k1, "COMET_IMPORT_URL_OVERRIDE": "https://a.example"},
				files: map[string]string{"work/.comet.config": "[comet]\nworkspace=w\n"},
			},
			"no API key",
			"set COMET_API_KEY or COMET_IMPORT_API_KEY, or write api_key into section [comet_import] or [comet] of ~/.comet.config\n" +
				"looked at --api-key-file, COMET_IMPORT_API_KEY, COMET_API_KEY, DIR/work/.env, DIR/work/.comet.config, DIR/home/.comet.config",
		},
		{
			"an address of the working directory, a key of the home directory", Export,
			world{files: map[string]string{
				"work/.comet.config": "[comet]\nurl_override=http://evil.example/",
				"home/.comet.config": "[comet]\napi_key=" + k1,
			}},
			"the key from [comet] in DIR/home/.comet.config is not sent to http://evil.example/, the address from [comet] in DIR/work/.comet.config: " + localRule,
			"to send it there, as Comet's SDK would, set COMET_URL_OVERRIDE=http://evil.example/clientlib/\n" +
				"to send it to https://www.comet.com/, set COMET_URL_OVERRIDE=https://www.comet.com/clientlib/",
		},
		{
			"an address of the working directory, a pair of the home directory", Export,
			world{files: map[string]string{
				"work/.comet.config": "[comet]\nurl_override=http://evil.example/",
				"home/.comet.config": "[comet]\napi_key=" + k1 + "\nurl_override=https://a.example",
			}},
			"no key for http://evil.example/ (from [comet] in DIR/work/.comet.config): the key from [comet] in DIR/home/.comet.config is for https://a.example/, which goes with it; " + localRule,
			"set COMET_API_KEY to a key of http://evil.example/ and COMET_URL_OVERRIDE=http://evil.example/clientlib/\n" +
				"to send this key there, as Comet's SDK would, set COMET_API_KEY to it and COMET_URL_OVERRIDE=http://evil.example/clientlib/\n" +
				"to use it at https://a.example/, leave out what [comet] in DIR/work/.comet.config says",
		},
		{
			"an address of the working directory, a key of the environment", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1},
				files: map[string]string{"work/.comet.config": "[comet]\nurl_override=http://evil.example/"},
			},
			"the key from COMET_API_KEY is not sent to http://evil.example/, the address from [comet] in DIR/work/.comet.config: " + localRule, "",
		},
		{
			"an address of the working directory, a key of the side", Export,
			world{
				env:   map[string]string{"COMET_EXPORT_API_KEY": k1},
				files: map[string]string{"work/.comet.config": "[comet_export]\nurl_override=http://evil.example/"},
			},
			"the key from COMET_EXPORT_API_KEY is not sent to http://evil.example/, the address from [comet_export] in DIR/work/.comet.config: " + localRule,
			"to send it there, set COMET_EXPORT_URL_OVERRIDE=http://evil.example/clientlib/\n" +
				"to send it to https://www.comet.com/, set COMET_EXPORT_URL_OVERRIDE=https://www.comet.com/clientlib/",
		},
		{
			"a side's address of the working directory, a generic key", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1},
				files: map[string]string{"work/.comet.config": "[comet_export]\nurl_override=http://evil.example/"},
			},
			"the key from COMET_API_KEY is not sent to http://evil.example/, the address from [comet_export] in DIR/work/.comet.config: " + localRule, "",
		},
		{
			"an address in .env", Export,
			world{files: map[string]string{
				"work/.env":          "COMET_URL_OVERRIDE=http://evil.example/",
				"home/.comet.config": "[comet]\napi_key=" + k1,
			}},
			"the key from [comet] in DIR/home/.comet.config is not sent to http://evil.example/, the address from COMET_URL_OVERRIDE in DIR/work/.env: " + localRule, "",
		},
		{
			"two files of the working directory", Export,
			world{files: map[string]string{
				"work/.env":          "COMET_API_KEY=" + k1,
				"work/.comet.config": "[comet]\nurl_override=http://evil.example/",
			}},
			"the key from COMET_API_KEY in DIR/work/.env is not sent to http://evil.example/, the address from [comet] in DIR/work/.comet.config: " + localRule, "",
		},
		{
			"a key of the environment, an address of the home directory", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1},
				files: map[string]string{"home/.comet.config": "[comet]\nurl_override=https://me:pw@a.example/"},
			},
			"the key from COMET_API_KEY is not sent to https://a.example/, the address from [comet] in DIR/home/.comet.config: it is read after the key, and may belong to another one",
			"to send it there, as Comet's SDK would, set COMET_URL_OVERRIDE=https://a.example/clientlib/\n" +
				"to send it to https://www.comet.com/, set COMET_URL_OVERRIDE=https://www.comet.com/clientlib/",
		},
		{
			"an address of the environment, a pair of the home directory", Export,
			world{
				env:   map[string]string{"COMET_URL_OVERRIDE": "https://b.example"},
				files: map[string]string{"home/.comet.config": "[comet]\napi_key=" + k1 + "\nurl_override=https://a.example"},
			},
			"no key for https://b.example/ (from COMET_URL_OVERRIDE): the key from [comet] in DIR/home/.comet.config is for https://a.example/, which goes with it",
			"set COMET_API_KEY to a key of https://b.example/\n" +
				"to send this key there, as Comet's SDK would, set COMET_API_KEY to it and COMET_URL_OVERRIDE=https://b.example/clientlib/\n" +
				"to use it at https://a.example/, leave out what COMET_URL_OVERRIDE says",
		},
		{
			"a key file that a file of the working directory names elsewhere", Export,
			world{files: map[string]string{
				"work/.comet.config": "[comet_export]\napi_key_file=~/key\nurl=http://evil.example/",
				"home/key":           k1,
			}},
			`[comet_export] in DIR/work/.comet.config: the key file "~/key" is outside the working directory, and a file there can name only files below it`,
			"--api-key-file or COMET_EXPORT_API_KEY_FILE can name any file",
		},
		{
			"certificates of the working directory", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1},
				files: map[string]string{"work/.comet.config": "[comet_export]\nca_file=evil.pem"},
			},
			"the certificates that [comet_export] in DIR/work/.comet.config names are not trusted with the key from COMET_API_KEY: " + localRule,
			"--ca-file or COMET_EXPORT_CA_FILE can name them",
		},
		{
			"a header of the user, an address of the working directory", Export,
			world{
				env:   map[string]string{"COMET_ALLOW_HEADER_NAME": "X-Gate", "COMET_ALLOW_HEADER_VALUE": secret},
				files: map[string]string{"work/.comet.config": "[comet]\napi_key=" + k1 + "\nurl_override=http://evil.example"},
			},
			"the header from COMET_ALLOW_HEADER_NAME is not sent to http://evil.example/ (from [comet] in DIR/work/.comet.config): " + localRule,
			"set the key, the address and the header in one place",
		},
		{
			"a header of the working directory, a pair of the user", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1, "COMET_ALLOW_HEADER_VALUE": secret},
				files: map[string]string{"work/.env": "COMET_ALLOW_HEADER_NAME=Referer"},
			},
			"the header from COMET_ALLOW_HEADER_NAME in DIR/work/.env is not sent to https://www.comet.com/ (from the default): " + localRule, "",
		},
		{
			"COMET_CONFIG is missing, and the address may be in it", Export,
			world{env: map[string]string{"COMET_API_KEY": k1, "COMET_CONFIG": "DIR/none"}},
			"COMET_CONFIG: stat DIR/none: no such file or directory", "",
		},
		{
			"COMET_CONFIG is missing, and a later place has a key", Export,
			world{
				env:   map[string]string{"COMET_URL_OVERRIDE": "https://a.example", "COMET_CONFIG": "DIR/none"},
				files: map[string]string{"home/.comet.config": "[comet]\napi_key=" + k1},
			},
			"COMET_CONFIG: stat DIR/none: no such file or directory", "",
		},
		{
			"COMET_CONFIG is missing, and there is no key", Export,
			world{env: map[string]string{"COMET_CONFIG": "DIR/none"}},
			"COMET_CONFIG: stat DIR/none: no such file or directory", "",
		},
		{
			"a side's plain key beside a generic address", Export,
			world{env: map[string]string{"COMET_EXPORT_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example"}},
			"the key from COMET_EXPORT_API_KEY has no address: COMET_URL_OVERRIDE is for both sides, and may belong to another key",
			"set COMET_EXPORT_URL_OVERRIDE (or --url) to the instance the key belongs to",
		},
		{
			"the same in files", Import,
			world{files: map[string]string{
				"work/.comet.config": "[comet_import]\napi_key=" + k1,
				"home/.comet.config": "[comet]\napi_key=" + k2 + "\nurl_override=https://a.example",
			}},
			"the key from [comet_import] in DIR/work/.comet.config has no address: [comet] in DIR/home/.comet.config is for both sides, and may belong to another key",
			"set COMET_IMPORT_URL_OVERRIDE (or --url) to the instance the key belongs to",
		},
		{
			"a side's address beside a key of another", Export,
			world{
				env:   map[string]string{"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "https://a.example"},
				flags: Flags{URL: "https://b.example"},
			},
			"no key for https://b.example/ (from --url): the key from COMET_API_KEY is for https://a.example/, which goes with it",
			"set COMET_EXPORT_API_KEY (or --api-key-file) to a key of https://b.example/",
		},
		{
			"a side's address beside a smart key of another", Export,
			world{env: map[string]string{"COMET_API_KEY": onA, "COMET_EXPORT_URL_OVERRIDE": "http://a.example"}},
			"no key for http://a.example/ (from COMET_EXPORT_URL_OVERRIDE): the key from COMET_API_KEY is for https://a.example/, which it holds",
			"set COMET_EXPORT_API_KEY (or --api-key-file) to a key of http://a.example/",
		},
		{
			"two addresses of a side", Export,
			world{env: map[string]string{"COMET_EXPORT_URL": "https://a.example", "COMET_EXPORT_URL_OVERRIDE": "https://b.example", "COMET_API_KEY": k1}},
			"COMET_EXPORT_URL_OVERRIDE and COMET_EXPORT_URL differ", "",
		},
		{
			"two keys of a side", Export,
			world{env: map[string]string{"COMET_EXPORT_API_KEY": k1, "COMET_EXPORT_API_KEY_FILE": "f"}},
			"COMET_EXPORT_API_KEY and COMET_EXPORT_API_KEY_FILE both name the key", "",
		},
		{
			"an empty standard input for the key", Export, world{flags: Flags{APIKeyFile: "-"}},
			"--api-key-file -: the file is empty", "",
		},
		{
			"a key file that is not there", Export, world{flags: Flags{APIKeyFile: "DIR/none"}},
			"--api-key-file: open DIR/none: no such file or directory", "",
		},
		{
			"an empty key file", Export, world{files: map[string]string{"key": "\n"}, flags: Flags{APIKeyFile: "DIR/key"}},
			"--api-key-file DIR/key: the file is empty", "",
		},
		{
			"a key file with more in it", Export, world{files: map[string]string{"key": "[comet]\napi_key=" + k1}, flags: Flags{APIKeyFile: "DIR/key"}},
			"--api-key-file DIR/key: the file has more than one line, and must hold only the key", "",
		},
		{
			"a key file without end", Export, world{flags: Flags{APIKeyFile: "/dev/zero"}},
			"--api-key-file: read /dev/zero: more than 65536 bytes", "",
		},
		{
			"a key with a space", Export, world{env: map[string]string{"COMET_API_KEY": secret + " x"}},
			"the key from COMET_API_KEY contains a character that is not allowed in keys, perhaps a space", "",
		},
		{
			"a key with a line break", Export, world{env: map[string]string{"COMET_API_KEY": secret + "\r\nX-Evil: 1"}},
			"the key from COMET_API_KEY contains a character that is not allowed in keys, perhaps a space", "",
		},
		{
			"a secret manager", Export, world{env: map[string]string{"COMET_API_KEY": "_SECRET_-" + secret}},
			"the key from COMET_API_KEY is a reference to a secret manager, and a key itself is expected", "",
		},
		{
			"a smart key that is no base64", Export, world{env: map[string]string{"COMET_API_KEY": secret + "*!" + secret}},
			"the key from COMET_API_KEY is a smart key, and what follows the * is not base64", "",
		},
		{
			"a smart key that is no JSON", Export, world{env: map[string]string{"COMET_API_KEY": secret + "*" + base64.StdEncoding.EncodeToString([]byte(secret))}},
			"the key from COMET_API_KEY is a smart key, and what follows the * is not a JSON object", "",
		},
		{
			"a smart key without address", Export, world{env: map[string]string{"COMET_API_KEY": secret + "*e30="}},
			"the key from COMET_API_KEY is a smart key, and what follows the * has no baseUrl", "",
		},
		{
			"a smart key with a wrong address", Export, world{env: map[string]string{"COMET_API_KEY": smart("", "ftp://"+secret)}},
			`the key from COMET_API_KEY is a smart key, and its baseUrl is wrong: the address has the scheme "ftp", want https or http`, "",
		},
		{
			"a key that is all star", Export, world{env: map[string]string{"COMET_API_KEY": "*e30="}},
			"the key from COMET_API_KEY begins with *", "",
		},
		{
			"an address without scheme", Export, world{env: map[string]string{"COMET_API_KEY": k1, "COMET_URL_OVERRIDE": "a.example/clientlib/"}},
			"COMET_URL_OVERRIDE: the address has no scheme", "write it as https://comet.example.com/clientlib/",
		},
		{
			"an address of a section", Export, world{files: map[string]string{"home/.comet.config": "[comet_export]\nurl=ftp://x\napi_key=" + k1}},
			`[comet_export] in DIR/home/.comet.config: the address has the scheme "ftp", want https or http`, "",
		},
		{
			"COMET_CONFIG is a directory without a file", Export,
			world{env: map[string]string{"COMET_API_KEY": k1, "COMET_CONFIG": "DIR/etc"}, files: map[string]string{"etc/x": ""}},
			"COMET_CONFIG: stat DIR/etc/.comet.config: no such file or directory", "",
		},
		{
			"a header without value", Export, world{env: map[string]string{"COMET_API_KEY": k1, "COMET_ALLOW_HEADER_NAME": "X-Gate"}},
			"COMET_ALLOW_HEADER_NAME is the name of a header, and there is no value for it", "",
		},
		{
			"a header without name", Export, world{env: map[string]string{"COMET_API_KEY": k1, "COMET_ALLOW_HEADER_VALUE": secret}},
			"COMET_ALLOW_HEADER_VALUE is the value of a header, and there is no name for it", "",
		},
		{
			"a header with a bad name", Export,
			world{env: map[string]string{"COMET_API_KEY": k1, "COMET_ALLOW_HEADER_NAME": "X Gate", "COMET_ALLOW_HEADER_VALUE": secret}},
			`COMET_ALLOW_HEADER_NAME: "X Gate" is not the name of a header`, "",
		},
		{
			"a header with a bad value", Export,
			world{env: map[string]string{"COMET_API_KEY": k1, "COMET_ALLOW_HEADER_NAME": "X-Gate", "COMET_ALLOW_HEADER_VALUE": secret + "\nX: y"}},
			"COMET_ALLOW_HEADER_VALUE contains a character that is not allowed in headers", "",
		},
		{
			"a broken file", Export,
			world{env: map[string]string{"COMET_API_KEY": k1}, files: map[string]string{"home/.comet.config": "[comet]\napi_key " + secret + "\n"}},
			"DIR/home/.comet.config:2: want a section, a comment or name = value", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, out, err := tt.resolve(t, tt.side)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error %v, want one of configuration", err)
			}
			if got := out(e.Error()); got != tt.want {
				t.Errorf("error %q, want %q", got, tt.want)
			}
			hints := out(strings.Join(e.Hint(), "\n"))
			if tt.hint != "" && hints != tt.hint {
				t.Errorf("hints %q, want %q", hints, tt.hint)
			}
			if e.ExitCode() != 2 {
				t.Errorf("exit code %d, want 2", e.ExitCode())
			}
			if strings.Contains(e.Error()+hints, secret) {
				t.Error("the key shows")
			}
		})
	}
}

func TestResolveUnseenHome(t *testing.T) {
	// A process without a home of its own, as in many containers.
	e, err := Resolve(Export, Flags{}, Places{
		LookupEnv: func(name string) (string, bool) {
			if name == nameAPIKey {
				return secret, true
			}
			return "", false
		},
		Dir:  t.TempDir(),
		Home: os.DevNull,
	})
	if err != nil || e.URL.String() != DefaultURL {
		t.Errorf("Resolve = %v, %v", e, err)
	}
}

func TestResolveCAFile(t *testing.T) {
	for _, tt := range []struct {
		name string
		world
		want string
	}{
		{"none", world{env: map[string]string{"COMET_IMPORT_CA_FILE": "other"}}, ""},
		{"of the side", world{env: map[string]string{"COMET_EXPORT_CA_FILE": "ca.pem"}}, "DIR/work/ca.pem"},
		{"of its section", world{files: map[string]string{"home/.comet.config": "[comet_export]\nca_file = ~/ca.pem\n"}}, "DIR/home/ca.pem"},
		{"the flag", world{env: map[string]string{"COMET_EXPORT_CA_FILE": "ca.pem"}, flags: Flags{CAFile: "/etc/ca.pem"}}, "/etc/ca.pem"},
		{"as for the SDK", world{env: map[string]string{"REQUESTS_CA_BUNDLE": "requests.pem", "CURL_CA_BUNDLE": "curl.pem"}}, "DIR/work/requests.pem"},
		{"as for curl", world{env: map[string]string{"CURL_CA_BUNDLE": "/etc/curl.pem"}}, "/etc/curl.pem"},
		{"of the side, before the SDK's", world{env: map[string]string{"REQUESTS_CA_BUNDLE": "requests.pem", "COMET_EXPORT_CA_FILE": "ca.pem"}}, "DIR/work/ca.pem"},
		{"the SDK's in a file", world{files: map[string]string{"home/.comet.config": "[requests_ca]\nbundle = evil.pem\n"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.files == nil {
				tt.files = make(map[string]string)
			}
			tt.files["work/.env"] = "COMET_API_KEY=" + secret
			e, out, err := tt.resolve(t, Export)
			if err != nil {
				t.Fatal(err)
			}
			if got := out(e.CAFile); got != tt.want {
				t.Errorf("CAFile = %q, want %q", got, tt.want)
			}
		})
	}
}

// Certificates are checked whatever the configuration of the SDK says, and that
// is told.
func TestResolveCheckTLS(t *testing.T) {
	const variable = "COMET_INTERNAL_CHECK_TLS_CERTIFICATE"
	for value, warned := range map[string]bool{"": false, "true": false, "1": false, "False": true, "0": true, "no": true} {
		e, _, err := world{env: map[string]string{"COMET_API_KEY": secret, variable: value}}.resolve(t, Export)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(e.Warnings, "\n"); strings.HasPrefix(text, variable+" is ignored") != warned {
			t.Errorf("%q: warnings %q", value, text)
		}
	}
}

func TestResolveHeader(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want [2]string
	}{
		{"none", nil, [2]string{}},
		{"generic", map[string]string{"COMET_ALLOW_HEADER_NAME": "X-Gate", "COMET_ALLOW_HEADER_VALUE": "open sesame"}, [2]string{"X-Gate", "open sesame"}},
		{
			"of the side", map[string]string{
				"COMET_ALLOW_HEADER_NAME": "X-Gate", "COMET_ALLOW_HEADER_VALUE": "a",
				"COMET_IMPORT_ALLOW_HEADER_NAME": "X-Door", "COMET_IMPORT_ALLOW_HEADER_VALUE": "b",
			}, [2]string{"X-Door", "b"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := world{env: tt.env, files: map[string]string{"work/.env": "COMET_API_KEY=" + secret}}
			e, _, err := w.resolve(t, Import)
			if err != nil {
				t.Fatal(err)
			}
			if got := [2]string{e.HeaderName, e.HeaderValue}; got != tt.want {
				t.Errorf("header %q, want %q", got, tt.want)
			}
		})
	}
}

// In the home directory a configuration file is the user's, although it is in
// the working directory too.
func TestResolveInHome(t *testing.T) {
	home := t.TempDir()
	for name, data := range map[string]string{
		".comet.config": "[comet]\napi_key=" + secret,
		".env":          "COMET_URL_OVERRIDE=https://a.example",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(home)
	for _, dir := range []string{"", ".", home} {
		e, err := Resolve(Export, Flags{}, Places{LookupEnv: noEnv, Dir: dir, Home: home})
		if err != nil {
			t.Fatalf("working directory %q: %v", dir, err)
		}
		if e.URL.String() != "https://a.example/clientlib/" {
			t.Errorf("working directory %q: the key goes to %s", dir, e.URL)
		}
	}
}

func noEnv(string) (string, bool) { return "", false }

// A file that others may read or change is reported, by its mode.
func TestResolveExposed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode")
	}
	const (
		none    = ""
		read    = " holds a key, and can be read by other users (run chmod 600)"
		changed = " can be changed by other users, who can redirect keys (run chmod 600)"
	)
	for _, tt := range []struct {
		name, data string
		mode       os.FileMode
		want       string
	}{
		{"home/.comet.config", "[comet]\napi_key=" + secret, 0o600, none},
		{"home/.comet.config", "[comet]\napi_key=" + secret, 0o400, none},
		{"home/.comet.config", "[comet]\napi_key=" + secret, 0o640, read},
		{"home/.comet.config", "[comet]\napi_key=" + secret, 0o644, read},
		{"home/.comet.config", "[comet]\napi_key=" + secret, 0o660, changed},
		{"home/.comet.config", "[comet]\nworkspace=w", 0o644, none},
		{"home/.comet.config", "[comet]\nworkspace=w", 0o646, changed},
		{"home/.comet.config", "# nothing", 0o666, none},
		{"work/.comet.config", "[comet_import]\napi_key=" + secret, 0o644, read},
		{"work/.env", "COMET_EXPORT_API_KEY=" + secret, 0o644, read},
		{"work/.env", "OTHER=x", 0o666, none},
	} {
		t.Run(fmt.Sprintf("%s %04o", tt.name, tt.mode), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, tt.name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.data), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			e, err := Resolve(Export, Flags{}, Places{
				LookupEnv: func(name string) (string, bool) {
					return map[string]string{nameAPIKey: secret, nameURL: DefaultURL}[name], true
				},
				Dir: filepath.Join(dir, "work"), Home: filepath.Join(dir, "home"),
			})
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			if tt.want != none {
				want = []string{path + tt.want}
			}
			if diff := cmp.Diff(want, e.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// A pipe would be waited for, and a device read forever.
func TestResolveNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(os.DevNull, filepath.Join(dir, ".comet.config")); err != nil {
		t.Skip(err)
	}
	_, err := Resolve(Export, Flags{}, Places{LookupEnv: noEnv, Dir: dir})
	if err == nil || !strings.HasSuffix(err.Error(), ".comet.config is not a regular file") {
		t.Errorf("a device as configuration gives %v", err)
	}
}

// A file of the working directory names key files below it, and none that a
// symbolic link there leads to.
func TestResolveLocalKeyFile(t *testing.T) {
	dir := t.TempDir()
	work := filepath.Join(dir, "work")
	if err := os.MkdirAll(filepath.Join(work, "keys"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "mine"), filepath.Join(work, "keys", "theirs")} {
		if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "mine"), filepath.Join(work, "link")); err != nil {
		t.Skip(err)
	}
	for name, ok := range map[string]bool{
		"keys/theirs": true, "./keys/../keys/theirs": true, filepath.Join(work, "keys", "theirs"): true,
		"../mine": false, "link": false, "keys/../../mine": false, filepath.Join(dir, "mine"): false, "none": false,
	} {
		config := "[comet_import]\napi_key_file=" + name + "\nurl=http://evil.example"
		if err := os.WriteFile(filepath.Join(work, configName), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Resolve(Import, Flags{}, Places{LookupEnv: noEnv, Dir: work})
		if (err == nil) != ok {
			t.Errorf("api_key_file=%s: error %v, want it taken: %v", name, err, ok)
		}
	}
}
