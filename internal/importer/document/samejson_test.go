package document

import (
	"encoding/json"
	"testing"
)

func TestSameServerJSON(t *testing.T) {
	for _, tt := range []struct {
		want, have string
		same       bool
	}{
		{`1`, `"1"`, true},
		{`1.50`, `1.5`, true},
		{`"3.10"`, `3.10`, true},
		{`"3.10"`, `"3.1"`, false},
		{`"1e3"`, `"1000"`, false},
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
		{`[{"name":"A100"}]`, `[{"title":"A100"}]`, false},
		{`[{"a":{"b":1}}]`, `[{"a":{"b":1,"c":2}}]`, false},
	} {
		if got := SameServer(json.RawMessage(tt.want), json.RawMessage(tt.have)); got != tt.same {
			t.Errorf("sameServerJSON(%s, %s) = %v", tt.want, tt.have, got)
		}
	}
}

// What somebody has logged counts to the last member and digit.
func TestSameJSON(t *testing.T) {
	for _, tt := range []struct {
		want, have string
		same       bool
	}{
		{`1`, `"1"`, true},
		{`1.0`, `1`, true},
		{`1e2`, `100`, true},
		{`9007199254740993`, `"9007199254740993"`, true},
		{`9007199254740993`, `9007199254740992`, false},
		{`9007199254740992.0`, `9007199254740992`, true},
		{`1e16`, `10000000000000000`, true},
		{`1e16`, `10000000000000001`, false},
		{`true`, `"true"`, true},
		{`{"a":1,"b":null}`, `{"a":1}`, true},
		{`[{"a":1,"b":2}]`, `[{"a":1}]`, false},
		{`[{"a":1}]`, `[{"a":1,"b":2}]`, false},
		{`[{"key":"a"},{"key":"b"}]`, `[{"key":"b"},{"key":"a"}]`, false},
	} {
		if got := Same(json.RawMessage(tt.want), json.RawMessage(tt.have)); got != tt.same {
			t.Errorf("sameJSON(%s, %s) = %v", tt.want, tt.have, got)
		}
	}
}
