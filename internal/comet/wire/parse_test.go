package wire

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type parsed struct {
	Raw   json.RawMessage `wire:"."`
	Name  string          `wire:"name title"`
	Text  *string         `wire:"text"`
	Size  int64           `wire:"size"`
	Width int             `wire:"width"`
	Step  *int64          `wire:"step"`
	Done  bool            `wire:"done"`
	Flag  *bool           `wire:"flag"`
	Tags  []string        `wire:"tags"`
	Value json.RawMessage `wire:"value"`
	Of    *parsed         `wire:"of"`
	Items []parsed        `wire:"items"`
	Other int
}

// Values are read leniently, and what is null or of no use leaves its field alone.
func TestParse(t *testing.T) {
	text, step, flag := "5", int64(7), false
	for doc, want := range map[string]parsed{
		`{}`:                         {},
		`[1]`:                        {},
		`{"name":"a","title":null}`:  {Name: "a"},
		`{"name":"a","title":"b"}`:   {Name: "b"},
		`{".":1,"Other":2,"text":5}`: {Text: &text},
		`{"size":"12","width":3.0,"step":7,"done":"True","flag":0}`: {Size: 12, Width: 3, Step: &step, Done: true, Flag: &flag},
		`{"size":"many","step":null,"done":2,"tags":null}`:          {},
		`{"tags":["a",1],"value":{"x":[]}}`:                         {Tags: []string{"a", "1"}, Value: json.RawMessage(`{"x":[]}`)},
		`{"of":{"name":"x"},"items":[{"size":1},{"size":2}]}`: {
			Of:    &parsed{Raw: json.RawMessage(`{"name":"x"}`), Name: "x"},
			Items: []parsed{{Raw: json.RawMessage(`{"size":1}`), Size: 1}, {Raw: json.RawMessage(`{"size":2}`), Size: 2}},
		},
		`{"of":null,"items":{}}`: {},
	} {
		want.Raw = json.RawMessage(doc)
		if diff := cmp.Diff(want, Parse[parsed]([]byte(doc))); diff != "" {
			t.Errorf("%s: -want +got: %s", doc, diff)
		}
	}
}
