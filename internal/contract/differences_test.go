package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readAnswers reads what read.py has written, as texts by where they are. Root is
// the address that texts may hold.
func readAnswers(t *testing.T, path, root string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	dec := json.NewDecoder(strings.NewReader(strings.ReplaceAll(string(data), root, "ROOT/")))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	leaves := make(map[string]string)
	flatten(leaves, "", tree)
	return leaves
}

func flatten(leaves map[string]string, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		leaves[at+" members"] = strings.Join(slices.Sorted(maps.Keys(v)), " ")
		for name, m := range v {
			flatten(leaves, strings.TrimPrefix(at+" "+name, " "), m)
		}
	case []any:
		leaves[at+" length"] = fmt.Sprint(len(v))
		for i, m := range v {
			flatten(leaves, fmt.Sprintf("%s [%d]", at, i), m)
		}
	default:
		leaves[at] = fmt.Sprint(v)
	}
}

// differing returns where two readings differ though no list says that they may.
func differing(src, dst map[string]string) []string {
	places := maps.Clone(src)
	maps.Copy(places, dst)
	var list []string
	for at := range places {
		a, inSrc := src[at]
		b, inDst := dst[at]
		if (a != b || inSrc != inDst) && !slices.ContainsFunc(differences, func(d difference) bool { return d.matches(at, src) }) {
			list = append(list, fmt.Sprintf("%s: %q at the source, %q at the destination", at, a, b))
		}
	}
	slices.Sort(list)
	return list
}

func (d *difference) matches(at string, src map[string]string) bool {
	if !regexp.MustCompile(`(?s)(^|[ .])` + d.match + `$`).MatchString(at) {
		return false
	}
	place, value, _ := strings.Cut(d.when, " ")
	return d.when == "" || src[at[:strings.LastIndex(at, " ")+1]+place] == value
}

// The list of differences says nothing that docs/fidelity.md does not.
func TestDifferences(t *testing.T) {
	doc, err := os.ReadFile("../../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		if !strings.Contains(string(doc), d.fidelity) {
			t.Errorf("docs/fidelity.md does not say %q, for which %s may differ", d.fidelity, d.match)
		}
	}
}
