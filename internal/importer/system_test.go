package importer

import (
	"encoding/json"
	"testing"
)

func TestSameJSON(t *testing.T) {
	for _, tt := range []struct {
		want, have string
		same       bool
	}{
		{`1`, `"1"`, true},
		{`1.50`, `1.5`, true},
		{`1`, `2`, false},
		{`null`, ``, true},
		{`{"a":1}`, `{"a":1,"b":null}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":1,"b":2}`, `{"a":1}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`[1]`, `[1,2]`, false},
		{`[{"key":"a","value":1},{"key":"b","value":2}]`, `[{"key":"b","value":2},{"key":"a","value":"1"}]`, true},
		{`[{"key":"a","value":1},{"key":"b","value":2}]`, `[{"key":"a","value":1},{"key":"b","value":2},{"key":"a","value":1},{"key":"b","value":2}]`, true},
		{`[{"key":"a","value":1}]`, `[{"key":"a","value":1},{"key":"a","value":2}]`, false},
		{`[{"name":"A100"}]`, `[{"name":"A100"},{"name":"A100"}]`, false},
		{`[{"name":"A100"}]`, `[{"name":"A100","since":{"x":1}}]`, true},
		{`[{"name":"A100","since":1}]`, `[{"name":"A100"}]`, true},
		{`[{"name":"A100"}]`, `[{"name":"H100","since":1}]`, false},
		{`[{"name":"A100"}]`, `["A100"]`, false},
		{`[{"a":{"b":1}}]`, `[{"a":{"b":1,"c":2}}]`, false},
	} {
		if got := sameJSON(json.RawMessage(tt.want), json.RawMessage(tt.have)); got != tt.same {
			t.Errorf("sameJSON(%s, %s) = %v", tt.want, tt.have, got)
		}
	}
}

func TestForgotten(t *testing.T) {
	have := map[string]json.RawMessage{"later": json.RawMessage("null")}
	for name, want := range map[string]bool{"user": false, "later": false, "muchLater": true} {
		if got := forgotten(name, have); got != want {
			t.Errorf("forgotten(%q) = %v", name, got)
		}
	}
}
