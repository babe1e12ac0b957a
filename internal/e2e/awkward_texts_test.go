package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// awkwardTexts are texts of every kind, large ones left to their own test.
func awkwardTexts() map[string]string {
	return map[string]string{
		"one byte": "x", "newline": "\n", "no line end": "a\nb", "windows line ends": "a\r\nb\r\n", "old line ends": "a\rb\r", "blank lines": "\n\n\n",
		"control": "\x00\x07\x1b[2K\rprogress 10%\rprogress 100%\n", "unicode": "ümläut 東京 🚀 e\u0301\n", "separators": "a\u2028b\u2029c\u0085d\n",
		"markup": "<html>&amp;\"'</html>", "json": `{"a":[1,2,{"b":null}]}`, "json number": "1.0", "json null": "null", "json string": `"text"`, "json list": "[1]",
		"of one chunk": strings.Repeat("0123456789abcdef", 1<<15), "of one chunk and a byte": strings.Repeat("0123456789abcdef", 1<<15) + "x",
		"cut in a character": "x" + strings.Repeat("ü", 300_000), "one long line": strings.Repeat("l", 90_000), "short lines": strings.Repeat("l\n", 20_000),
	}
}

func textCases() []awkward {
	var cases []awkward
	for name, text := range awkwardTexts() {
		spec := comettest.ExperimentSpec{Output: []string{text}, HTML: &text, Code: &text, Graph: &text, GitPatch: patchZip(text)}
		if underRace && len(text) > 100_000 {
			spec = comettest.ExperimentSpec{Output: []string{text}, HTML: &text}
		}
		cases = append(cases, awkward{"text/" + name, spec})
	}
	empty := ""
	cases = append(cases, awkward{"text/empty", comettest.ExperimentSpec{HTML: &empty, Code: &empty, Graph: &empty}},
		awkward{"output/raw writes", comettest.ExperimentSpec{Output: []string{"hello\nwor", "ld", "", "\n", "end"}}})
	cases = append(cases, gitCases()...)
	return append(cases, systemCases()...)
}

func gitCases() []awkward {
	patch := "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-ü\n+\x00\xff\n"
	return []awkward{
		{"git/one field", comettest.ExperimentSpec{Git: &comettest.GitSpec{Branch: new("main")}}},
		{"git/empty fields", comettest.ExperimentSpec{Git: &comettest.GitSpec{User: new(""), Root: new(""), Branch: new(""), Parent: new(""), Origin: new("")}}},
		{"git/strange fields", comettest.ExperimentSpec{Git: &comettest.GitSpec{User: new("ü <a@b>"), Origin: new("git@h:x y.git#\"'")}}},
		{"git/patch", comettest.ExperimentSpec{GitPatch: patchZip(patch)}},
	}
}

// patchZip is a git patch as clients upload it.
func patchZip(patch string) []byte {
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	w, err := zw.Create("git_diff.patch")
	if err == nil {
		_, err = w.Write([]byte(patch))
	}
	if err != nil || zw.Close() != nil {
		panic("a zip in memory cannot be written")
	}
	return buf.Bytes()
}

func systemCases() []awkward {
	packages := make([]string, 3000)
	for i := range packages {
		packages[i] = fmt.Sprintf("package-%d==1.%d", i, i)
	}
	fields := map[string]any{
		"command as text":      map[string]any{"command": "python train.py --lr \"0.1\""},
		"command as list":      map[string]any{"command": []string{"python", "", "a b", "ü"}},
		"empty lists":          map[string]any{"user": "a", "command": []string{}, "networkInterfaceIps": []string{}},
		"env":                  map[string]any{"env": map[string]string{"PATH": "/bin", "ÜMLAUT": "ü", "EMPTY": "", "MULTI": "a\nb", "metadata": "x"}},
		"env empty":            map[string]any{"env": map[string]string{}, "user": "a"},
		"empty text":           map[string]any{"processor": "", "hostname": ""},
		"pid":                  map[string]any{"pid": 0, "user": "a"},
		"large numbers":        map[string]any{"pid": int64(9007199254740993), "totalRam": json.RawMessage("1.0E+30")},
		"additional":           map[string]any{"logAdditionalSystemInfoList": []map[string]any{{"key": "k", "value": "v"}, {"key": "n", "value": 3}, {"key": "", "value": 1.5}, {"key": "ü", "value": nil}}},
		"gpus":                 map[string]any{"gpuStaticInfoList": []map[string]any{{"gpuIndex": 0, "name": "A100", "uuid": "u", "totalMemory": int64(42505273344), "powerLimit": 400000}, {"gpuIndex": 1}}},
		"packages":             map[string]any{"installedPackages": packages, "osPackages": []string{"bash=5", "ü=1:2+b"}},
		"packages that repeat": map[string]any{"installedPackages": []string{"b", "a", "b", ""}},
		"os packages alone":    map[string]any{"osPackages": []string{"zsh=5"}},
	}
	var cases []awkward
	for name, doc := range fields {
		cases = append(cases, awkward{"system/" + name, comettest.ExperimentSpec{System: doc.(map[string]any)}})
	}
	return cases
}
