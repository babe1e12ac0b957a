package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseINI(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       map[string]string
	}{
		{"empty", "", map[string]string{}},
		{"as Comet's SDK writes it", "# Config file for Comet.ml\n\n[comet]\napi_key = abc\n# workspace = ...\n\n[comet_timeout]\nhttp = 20\n",
			map[string]string{"COMET_API_KEY": "abc", "COMET_TIMEOUT_HTTP": "20"}},
		{"case and space", "[ Comet ]\n  API_Key  =  aBc  \n", map[string]string{"COMET_API_KEY": "aBc"}},
		{"line ends", "[comet]\r\napi_key=abc\r\n", map[string]string{"COMET_API_KEY": "abc"}},
		{"old line ends", "[comet]\rapi_key=abc\r", map[string]string{"COMET_API_KEY": "abc"}},
		{"no line end at the end", "[comet]\napi_key=abc", map[string]string{"COMET_API_KEY": "abc"}},
		{"comments", "; a\n[comet] # b\nk1=v # c\nk2=v ; d\nk3=a#b;c\nk4=# e\n", map[string]string{
			"COMET_K1": "v", "COMET_K2": "v", "COMET_K3": "a#b;c", "COMET_K4": ""}},
		{"quotes", "[comet]\nk1=\"a # b\"\nk2='a\"b' ; c\nk3=a'b\nk4=\"\"\n", map[string]string{
			"COMET_K1": "a # b", "COMET_K2": `a"b`, "COMET_K3": "a'b", "COMET_K4": ""}},
		{"percent signs and equal signs are nothing special", "[comet]\nk=%(x)s%%=\\n$y\n", map[string]string{"COMET_K": `%(x)s%%=\n$y`}},
		{"a variable's own name outside sections", "COMET_API_KEY=abc\n", map[string]string{"COMET_API_KEY": "abc"}},
		{"sections in sections", "[comet]\na=1\n[[timeout]]\nhttp=2\n[comet]\nb=3\n", map[string]string{
			"COMET_A": "1", "COMET_TIMEOUT_HTTP": "2", "COMET_B": "3"}},
		{"what others put there", "[tool]\nanything=x y z\n", map[string]string{"TOOL_ANYTHING": "x y z"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings, err := parseINI("f", []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, texts(settings)); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// texts returns the values of settings alone.
func texts(settings map[string]setting) map[string]string {
	m := make(map[string]string)
	for name, s := range settings {
		m[name] = s.text
	}
	return m
}

func TestParseINIErrors(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"no equal sign", "[comet]\n\nsecret\n", "f:3: want a section, a comment or name = value"},
		{"no name", "= secret\n", "f:1: want a section, a comment or name = value"},
		{"a section that does not end", "[comet\n", "f:1: not a section, want [name]"},
		{"a section without name", "[]\n", "f:1: not a section, want [name]"},
		{"something after a section", "[comet] api_key=secret\n", "f:1: not a section, want [name]"},
		{"a section too deep", "[[x]]\n", "f:1: not a section, want [name]"},
		{"a quote that does not end", "[comet]\napi_key=\"secret\n", `f:2: the value of "api_key" has a quote that does not end`},
		{"something after a quote", "[comet]\napi_key='secret' secret\n", `f:2: the value of "api_key" has a quote that does not end`},
		{"twice", "[comet]\napi_key=a\napi_key=secret\n", `f:3: "api_key" is set twice`},
		{"twice, in two ways", "[comet_export]\napi_key=a\n[comet]\nexport_api_key=secret\n", `f:4: "export_api_key" is set twice`},
		{"misspelt in a section of ours", "[comet_import]\napikey=secret\n", `f:2: section [comet_import] has no setting "apikey"`},
		{"misspelt in a section of ours within another", "[comet]\n[[import]]\napikey=secret\n", `f:3: section [comet_import] has no setting "apikey"`},
		{"a section of ours that is misspelt", "[comet-import]\napi_key=secret\n", `f:1: there is no section [comet-import]`},
		{"a section of ours with two letters in the wrong order", "[comet]\napi_key=secret\n[comet_exprot]\nurl=x\n", `f:3: there is no section [comet_exprot]`},
		{"a section of ours without its prefix", "[Import]\napi_key=secret\n", `f:1: there is no section [import]`},
		{"a section of ours that is misspelt within another", "[comet]\n[[improt]]\napi_key=secret\n", `f:2: there is no section [improt]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings, err := parseINI("f", []byte(tt.data))
			if err == nil || err.Error() != tt.want {
				t.Errorf("parseINI = %v, %v; want the error %q", settings, err, tt.want)
			}
		})
	}
}

func TestParseDotenv(t *testing.T) {
	data := "# comment\nexport COMET_API_KEY='abc'\nCOMET_URL_OVERRIDE = https://a.example\n" +
		"OTHER=x\nnot a line\ncomet_workspace=low\nCOMET_EMPTY=\nCOMET_WORKSPACE=\"my team\"\r\n"
	settings, err := parseDotenv("f", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"COMET_API_KEY": "abc", "COMET_URL_OVERRIDE": "https://a.example", "COMET_EMPTY": "", "COMET_WORKSPACE": "my team",
	}
	if diff := cmp.Diff(want, texts(settings)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}
