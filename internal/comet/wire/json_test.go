package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTolerantScalars(t *testing.T) {
	type got struct {
		Text *string
		Int  *int64
		Bool *bool
	}
	for raw, want := range map[string]got{
		`null`:                              {},
		`"a\u00e9"`:                         {Text: new("aé")},
		`""`:                                {Text: new("")},
		`12`:                                {Text: new("12"), Int: new(int64(12))},
		`"12"`:                              {Text: new("12"), Int: new(int64(12))},
		`1.0`:                               {Text: new("1.0"), Int: new(int64(1))},
		`1.5e3`:                             {Text: new("1.5e3"), Int: new(int64(1500))},
		`1.5`:                               {Text: new("1.5")},
		`9223372036854775807`:               {Text: new("9223372036854775807"), Int: new(int64(9223372036854775807))},
		`9223372036854775808`:               {Text: new("9223372036854775808")},
		`9007199254740993.0`:                {Text: new("9007199254740993.0"), Int: nil},
		`-0`:                                {Text: new("-0"), Int: new(int64(0))},
		`"+5"`:                              {Text: new("+5")},
		`true`:                              {Text: new("true"), Bool: new(true)},
		`"False"`:                           {Text: new("False"), Bool: new(false)},
		`1`:                                 {Text: new("1"), Int: new(int64(1)), Bool: new(true)},
		`{"a":[1]}`:                         {Text: new(`{"a":[1]}`)},
		`"` + strings.Repeat("1", 40) + `"`: {Text: new(strings.Repeat("1", 40))},
	} {
		v := []byte(raw)
		if diff := cmp.Diff(want, got{TextOf(v), IntOf(v), BoolOf(v)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
	if TextOf(nil) != nil || IntOf(nil) != nil || BoolOf(nil) != nil {
		t.Error("an absent member has a value")
	}
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte(` { "a\"" : [1, {"b":"]"}, "\\" ] , "c":-1.5e3,"a\"":null } `))
	f.Add([]byte(`[[],{},"",1,null, true ]`))
	f.Add([]byte(`{"":"\ud83d\ude00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Nothing may panic; on valid JSON the result is that of encoding/json.
		var gotMembers, gotElements []string
		Members(data, func(name string, v []byte) { gotMembers = append(gotMembers, name, string(v)) })
		Elements(data, func(v []byte) { gotElements = append(gotElements, string(v)) })
		if !json.Valid(data) {
			return
		}
		var wantMembers, wantElements []string
		if bytes.TrimSpace(data)[0] == '{' {
			eachMember(data, func(name string, v json.RawMessage) { wantMembers = append(wantMembers, name, string(v)) })
		}
		var list []json.RawMessage
		if json.Unmarshal(data, &list) == nil {
			for _, v := range list {
				wantElements = append(wantElements, string(v))
			}
		}
		if diff := cmp.Diff(wantMembers, gotMembers); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantElements, gotElements); diff != "" {
			t.Errorf("elements (-want +got):\n%s", diff)
		}
	})
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c\n\r\t\x00\x1f\x7f", "é😀\u2028", "\xff\xc3", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, q := range [][]byte{Quote(s), AppendQuoted(nil, []byte(s))} {
			var got string
			if err := json.Unmarshal(q, &got); err != nil || !utf8.Valid(q) {
				t.Fatalf("%q gives %s: %v", s, q, err)
			}
			std, _ := json.Marshal(s)
			var want string
			json.Unmarshal(std, &want)
			if got != want {
				t.Errorf("%q comes back as %q, with encoding/json as %q", s, got, want)
			}
		}
	})
}

func FuzzIsNumber(f *testing.F) {
	for _, s := range []string{"", "0", "-0", "01", "1.", ".5", "1e5", "1E+05", "-", "NaN", "1.0E-5", "123456789012345678901234567890"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var n json.Number
		want := len(b) > 0 && bytes.IndexByte([]byte("-0123456789"), b[0]) >= 0 && !bytes.ContainsAny(b, " \t\r\n") && json.Unmarshal(b, &n) == nil
		if got := IsNumber(b); got != want {
			t.Errorf("%q: %v, want %v", b, got, want)
		}
	})
}

// eachMember finds the members of an object by way of encoding/json.
func eachMember(data []byte, fn func(string, json.RawMessage)) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.Token()
	for dec.More() {
		name, _ := dec.Token()
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return
		}
		fn(name.(string), v)
	}
}
