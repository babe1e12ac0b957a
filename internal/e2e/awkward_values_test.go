package e2e

import (
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// loggedValues are texts of parameters and others.
func loggedValues() map[string]string {
	return map[string]string{
		"empty": "", "space": " ", "null": "null", "None": "None", "NaN": "NaN", "Infinity": "Infinity", "true": "true", "True": "True",
		"one": "1", "one as float": "1.0", "exponent": "1.0E-5", "2^53+1": "9007199254740993", "40 digits": strings.Repeat("1234567890", 4),
		"list": "[1, 2.5, 'x', None]", "JSON list": `[1, 2.5, "x", null]`, "nested list": "[[1, 2], [3]]",
		"nested": `{"a": {"b": [1, {"c": null}]}}`, "Python dict": "{'a': 1}", "empty object": "{}", "empty list": "[]", "quoted": `"quoted"`,
		"newlines": "a\nb\r\nc\n", "unicode": "ünïcödé 東京 🚀", "combining": "e\u0301", "control": "\x00\x1b[31m", "separators": "\u2028\u2029",
		"long": strings.Repeat("long value ", 5000), "truncated": strings.Repeat("x", 1000) + " [truncated]", "markup": "<script>&amp;",
	}
}

func valueCases() []awkward {
	var cases []awkward
	for name, text := range loggedValues() {
		v := []comettest.Value{{Name: "v", Value: text, Time: epoch + 3}}
		cases = append(cases, awkward{"value/" + name, comettest.ExperimentSpec{Parameters: v, Others: v}})
	}
	for name, text := range awkwardNames() {
		v := []comettest.Value{{Name: text, Value: "1", Time: epoch + 3}}
		cases = append(cases, awkward{"name/" + name, comettest.ExperimentSpec{
			Name: text, Tags: []string{text, "plain"}, FilePath: text, Parameters: v, Others: v,
			Points: []comettest.MetricPoint{{Metric: text, Value: "1", Time: epoch, Context: &text}},
			Assets: []comettest.AssetSpec{
				{Name: text, Body: []byte("a"), Context: &text}, {Name: text, Type: "image", Image: true, Body: []byte("b")},
				{Name: text, Type: "model-element", Model: "m " + text, Body: []byte("c")},
			},
		}})
	}
	cases = append(cases, historyCases()...)
	return append(cases, experimentCases()...)
}

// historyCases have values that were logged more than once.
func historyCases() []awkward {
	logged := func(values ...comettest.Value) []comettest.Value { return values }
	step := func(n int64) *int64 { return &n }
	history := logged(
		comettest.Value{Name: "lr", Value: "0.5", Time: epoch + 1, Step: step(1)},
		comettest.Value{Name: "lr", Value: "0.001", Time: epoch + 2, Step: step(2), Context: new("train")},
		comettest.Value{Name: "lr", Value: "10", Time: epoch + 3, Step: step(3)},
		comettest.Value{Name: "lr", Value: "0.1", Time: epoch + 4, Step: step(4), Context: new("")},
		comettest.Value{Name: "mode", Value: "b", Time: epoch + 1},
		comettest.Value{Name: "mode", Value: "a", Time: epoch + 2},
		comettest.Value{Name: "again", Value: "1", Time: epoch + 1},
		comettest.Value{Name: "again", Value: "1", Time: epoch + 9},
		comettest.Value{Name: "backwards", Value: "1", Time: epoch + 9},
		comettest.Value{Name: "backwards", Value: "2", Time: epoch + 1})
	return []awkward{
		{"parameter/history", comettest.ExperimentSpec{Parameters: history}},
		{"parameter/steps", comettest.ExperimentSpec{Parameters: logged(
			comettest.Value{Name: "a", Value: "1", Time: epoch, Step: step(-1)},
			comettest.Value{Name: "b", Value: "1", Time: epoch, Step: step(1 << 40)},
			comettest.Value{Name: "c", Value: "1", Time: epoch, Step: step(0), Context: new("validate")})}},
		{"parameter/2500 of them", comettest.ExperimentSpec{Parameters: parameters(2500)}},
		{"other/150 of them", comettest.ExperimentSpec{Others: parameters(150)}},
		{"other/Name and not", comettest.ExperimentSpec{Name: "display", Others: logged(
			comettest.Value{Name: "name", Value: "lower", Time: epoch}, comettest.Value{Name: "Name ", Value: "space", Time: epoch},
			comettest.Value{Name: "Created from", Value: "test", Time: epoch}, comettest.Value{Name: "Notes", Value: "# n", Time: epoch})}},
		{"other/renamed later", comettest.ExperimentSpec{Name: "first", Others: logged(
			comettest.Value{Name: "Name", Value: "second", Time: epoch + 500})}},
		{"other/time of the future", comettest.ExperimentSpec{Others: logged(comettest.Value{Name: "o", Value: "1", Time: epoch * 1000})}},
	}
}

// experimentCases are about the experiment itself.
func experimentCases() []awkward {
	return []awkward{
		{"experiment/nothing but a name", comettest.ExperimentSpec{}},
		{"experiment/archived", comettest.ExperimentSpec{Archived: true, Name: "old"}},
		{"experiment/crashed", comettest.ExperimentSpec{Crashed: true}},
		{"experiment/crashed and archived", comettest.ExperimentSpec{Crashed: true, Archived: true}},
		{"experiment/ends when it starts", comettest.ExperimentSpec{Start: epoch, End: epoch}},
		{"experiment/ends before it starts", comettest.ExperimentSpec{Start: epoch, End: epoch - 1000}},
		{"experiment/from 1970", comettest.ExperimentSpec{Start: 1, End: 2}},
		{"experiment/from the future", comettest.ExperimentSpec{Start: 1 << 45, End: 1<<45 + 1}},
		{"experiment/key of 50 characters", comettest.ExperimentSpec{Key: "K" + strings.Repeat("aZ09bY18c", 5) + "dX27"}},
		{"experiment/key in capitals", comettest.ExperimentSpec{Key: "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"}},
		{"experiment/windows path", comettest.ExperimentSpec{FilePath: `C:\Users\alice\train.py`}},
		{"experiment/200 tags", comettest.ExperimentSpec{Tags: manyTags(200)}},
		{"experiment/empty tag", comettest.ExperimentSpec{Tags: []string{""}}},
	}
}

func manyTags(n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprintf("tag %d", i)
	}
	return tags
}
