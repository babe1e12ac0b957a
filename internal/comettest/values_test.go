package comettest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// awkwardValues are metric values as JSON, and the text under which each must
// be read back.
var awkwardValues = []struct{ sent, read string }{
	{`0.5`, "0.5"}, {`1`, "1"}, {`1.0`, "1.0"}, {`1.0E-5`, "1.0E-5"}, {`1e-05`, "1e-05"}, {`0.00001`, "0.00001"}, {`1e-9`, "1e-9"}, {`1e-09`, "1e-09"},
	{`-0`, "-0"}, {`-0.0`, "-0.0"}, {`5e-324`, "5e-324"}, {`9007199254740993`, "9007199254740993"},
	{`9223372036854775807`, "9223372036854775807"}, {`-9223372036854775808`, "-9223372036854775808"}, {`9223372036854775808`, "9223372036854775808"},
	{`1e400`, "1e400"}, {`3.1415926535897932384626433832795028841971`, "3.1415926535897932384626433832795028841971"},
	{`1e22`, "1e22"}, {`1e+22`, "1e+22"}, {`100000000000000000000000`, "100000000000000000000000"},
	{`"NaN"`, "NaN"}, {`"Infinity"`, "Infinity"}, {`"-Infinity"`, "-Infinity"}, {`"0.10"`, "0.10"}, {`"text"`, "text"}, {`""`, ""},
	{`"a\"\\\n\u00e9\ud83d\ude00"`, "a\"\\\né😀"}, {`true`, "true"}, {`false`, "false"}, {`"True"`, "True"}, {`" 1"`, " 1"}, {`"0x10"`, "0x10"}, {`"1_000"`, "1_000"},
}

// Every value comes back to the letter, by each way in and each way out.
func TestMetricValues(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	var want, values []string
	for i, v := range awkwardValues {
		want = append(want, v.read)
		values = append(values, fmt.Sprintf(`{"metricName":"batch","metricValue":%s,"timestamp":%d,"step":null}`, v.sent, i))
		server.post(restBase+"write/experiment/metric", fmt.Sprintf(
			`{"experimentKey":%q,"metricName":"rest","metricValue":%s,"timestamp":%d,"step":null}`, freeKey, v.sent, i))
	}
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+freeKey+`","values":[`+strings.Join(values, ",")+`]}`)
	for _, name := range []string{"batch", "rest"} {
		doc := server.get(restBase + "experiment/metrics/get-metric?experimentKey=" + freeKey + "&metricName=" + name)
		var got []string
		for _, p := range doc["metrics"].([]any) {
			got = append(got, p.(map[string]any)["metricValue"].(string))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	state := server.experiment(freeKey)
	if state.Metrics[0].SHA256 != state.Metrics[1].SHA256 {
		t.Errorf("the two ways in differ")
	}
}

// Absent, null, zero and empty stay four different things.
func TestMetricFields(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	points := []string{
		`{"metricName":"m/ \"é","metricValue":"1","timestamp":5,"step":0,"epoch":0,"context":""}`,
		`{"metricName":"m/ \"é","metricValue":"1","timestamp":5,"step":null,"epoch":null,"context":null}`,
		`{"metricName":"m/ \"é","metricValue":"1","timestamp":5,"step":null,"epoch":null,"context":null}`,
		`{"metricName":"m/ \"é","metricValue":"1","timestamp":-9223372036854775808,"step":-1,"epoch":4294967297,"context":"a\u0000b"}`,
		`{"metricName":"m/ \"é","metricValue":"1","timestamp":9223372036854775807,"step":9223372036854775807,"epoch":null,"context":"train"}`,
	}
	server.post(lib+"batch/logger/experiment/metric", "\n { \"values\" : [ "+strings.Join(points, " , ")+" ] ,\t\"experimentKey\" : \""+freeKey+"\", \"more\": {\"a\":[\"]}\"]} } ")
	doc := server.get(restBase + "experiment/metrics/get-all?experimentKey=" + freeKey)
	for i, p := range doc["metrics"].([]any) {
		var want map[string]any
		dec := json.NewDecoder(strings.NewReader(points[i]))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		want["runContext"] = want["context"]
		delete(want, "context")
		want["offset"] = json.Number(strconv.FormatInt(-227196944980285897+int64(i), 10)) // grows with each that comes
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("point %d (-want +got):\n%s", i, diff)
		}
	}
	server.srv.SetMoods(comettest.Moods{MergeDuplicates: true})
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+freeKey+`","values":[`+strings.Join(points, ",")+`]}`)
	if got := server.experiment(freeKey).Metrics[0].Points; got != 5 {
		t.Errorf("%d points after the same again, want 5", got)
	}
}

// Scripts log steps like 2.0 and 2.5: no write is lost for that, and what
// follows the point is dropped.
func TestFractionalSteps(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+freeKey+`","values":[
		{"metricName":"m","metricValue":1,"timestamp":1,"step":2.0,"epoch":2.5},
		{"metricName":"m","metricValue":2,"timestamp":2,"step":-2.7,"epoch":1e3}]}`)
	server.post(restBase+"write/experiment/metric",
		`{"experimentKey":"`+freeKey+`","metricName":"m","metricValue":3,"timestamp":3,"step":7.9,"epoch":0.1}`)
	server.post(lib+"batch/logger/experiment/parameter",
		`{"experimentKey":"`+freeKey+`","values":[{"parameterName":"p","parameterValue":1,"step":3.5}]}`)
	server.upload(freeKey, "asset", "&fileName=f&step=4.5&epoch=1.0", []byte("x"))

	var got []any
	for _, p := range server.get(restBase + "experiment/metrics/get-all?experimentKey=" + freeKey)["metrics"].([]any) {
		point := p.(map[string]any)
		got = append(got, point["step"], point["epoch"])
	}
	parameters := server.get(restBase + "experiment/parameters?experimentKey=" + freeKey)["values"].([]any)
	assets := server.get(restBase + "experiment/asset/list?type=all&experimentKey=" + freeKey)["assets"].([]any)
	got = append(got, parameters[0].(map[string]any)["stepCurrent"], assets[0].(map[string]any)["step"])
	want := []any{json.Number("2"), json.Number("2"), json.Number("-2"), json.Number("1000"), json.Number("7"), json.Number("0"), json.Number("3"), json.Number("4")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps and epochs (-want +got):\n%s", diff)
	}

	for _, step := range []string{`"2"`, `1e19`, `true`} {
		rec := server.request("POST", lib+"batch/logger/experiment/metric",
			`{"experimentKey":"`+freeKey+`","values":[{"metricName":"m","metricValue":1,"step":`+step+`}]}`)
		if rec.Code != http.StatusBadRequest {
			t.Errorf("step %s is answered %d", step, rec.Code)
		}
	}
}

func TestMetricSummary(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+freeKey+`","values":[
		{"metricName":"m","metricValue":"NaN","timestamp":1,"step":9},
		{"metricName":"m","metricValue":3,"timestamp":30,"step":3,"context":"train"},
		{"metricName":"m","metricValue":10,"timestamp":20,"step":2},
		{"metricName":"m","metricValue":-2.5,"timestamp":10,"step":1,"epoch":1},
		{"metricName":"m","metricValue":10,"timestamp":40},
		{"metricName":"n","metricValue":"NaN","timestamp":1}]}`)
	doc := server.get(restBase + "experiment/metrics/summary?experimentKey=" + freeKey)
	m := doc["values"].([]any)[0].(map[string]any)
	want := map[string]any{
		"name": "m", "editable": false,
		"valueMin": "-2.5", "timestampMin": json.Number("10"), "stepMin": json.Number("1"), "runContextMin": nil,
		"valueMax": "10", "timestampMax": json.Number("20"), "stepMax": json.Number("2"), "runContextMax": nil,
		"valueCurrent": "NaN", "timestampCurrent": json.Number("1"), "stepCurrent": json.Number("9"), "runContextCurrent": nil,
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("summary of m (-want +got):\n%s", diff)
	}
	if n := doc["values"].([]any)[1].(map[string]any); n["valueMin"] != "NaN" || n["valueMax"] != "NaN" {
		t.Errorf("summary of n: %v", n)
	}
}

// Which value is the least and which the greatest does not depend on the order in
// which they arrive, whatever they are.
func TestValueSummary(t *testing.T) {
	values := []string{"NaN", "-1.5", "10", "9", "5x", "", "Infinity"}
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	for i := range values {
		for j := range values {
			for k, v := range append([]string{values[i], values[j]}, values...) {
				server.post(lib+"batch/logger/experiment/parameter", fmt.Sprintf(
					`{"experimentKey":%q,"values":[{"parameterName":"%d %d","parameterValue":%q,"timestamp":%d}]}`, freeKey, i, j, v, k))
			}
		}
	}
	list := server.get(restBase + "experiment/parameters?experimentKey=" + freeKey)["values"].([]any)
	if len(list) != len(values)*len(values) {
		t.Fatalf("%d parameters", len(list))
	}
	for _, v := range list {
		if v := v.(map[string]any); v["valueMin"] != "-1.5" || v["valueMax"] != "Infinity" {
			t.Errorf("%v: from %q to %q", v["name"], v["valueMin"], v["valueMax"])
		}
	}
}

func TestParametersAndOthers(t *testing.T) {
	server := newTester(t, comettest.Options{})
	generated := server.handshake(freeKey)["name"].(string)
	current := func(call string) map[string]string {
		got := make(map[string]string)
		for _, v := range server.get(restBase + "experiment/" + call + "?experimentKey=" + freeKey)["values"].([]any) {
			got[v.(map[string]any)["name"].(string)] = v.(map[string]any)["valueCurrent"].(string)
		}
		return got
	}
	if got := current("log-other")["Name"]; got != generated {
		t.Errorf("generated name is %q among the others, %q in the handshake", got, generated)
	}
	server.post(lib+"batch/logger/experiment/parameter", `{"experimentKey":"`+freeKey+`","values":[
		{"parameterName":"list","parameterValue":[1,2.50,"x, y",[true,null]],"source":"manual","timestamp":7,"step":3,"context":"train"},
		{"parameterName":"text","parameterValue":"[1,2]"},{"parameterName":"null","parameterValue":null},
		{"parameterName":"empty","parameterValue":""},{"parameterName":"float","parameterValue":1e-05},{"parameterName":"bool","parameterValue":true},
		{"parameterName":"lr","parameterValue":10,"timestamp":1},{"parameterName":"lr","parameterValue":9,"timestamp":2},{"parameterName":"lr","parameterValue":"9.5","timestamp":3}]}`)
	server.post(restBase+"write/experiment/parameter", `{"experimentKey":"`+freeKey+`","parameterName":"dict","parameterValue":{"a":[1,2]}}`)
	want := map[string]string{
		"dict": `{"a": [1, 2]}`, "list": `[1, 2.50, "x, y", [true, null]]`, "text": "[1,2]", "null": "null", "empty": "", "float": "1e-05", "bool": "true", "lr": "9.5",
	}
	if diff := cmp.Diff(want, current("parameters")); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	for _, p := range server.experiment(freeKey).Parameters {
		if p.Name == "lr" && (p.Min.Value != "9" || p.Min.Time != 2 || p.Max.Value != "10" || p.Max.Time != 1) {
			t.Errorf("lr: %+v", p)
		}
		if p.Name == "list" && (*p.Current.Step != 3 || *p.Current.Context != "train" || p.Source != "manual") {
			t.Errorf("list: %+v", p)
		}
	}
	server.post(restBase+"write/experiment/log-other", `{"experimentKey":"`+freeKey+`","key":"Name","value":"mine","timestamp":4}`)
	server.post(restBase+"write/experiment/log-other", `{"experimentKey":"`+freeKey+`","key":"d","value":{"a":[1,2]}}`)
	if diff := cmp.Diff(map[string]string{"Name": "mine", "d": `{"a": [1, 2]}`}, current("log-other")); diff != "" {
		t.Errorf("others (-want +got):\n%s", diff)
	}
	if got := server.get(restBase + "experiment/metadata?experimentKey=" + freeKey)["experimentName"]; got != "mine" {
		t.Errorf("experimentName is %v", got)
	}
	server.post(restBase+"write/experiments/parameters/delete", `[{"experimentKey":"`+freeKey+`","parameterName":"lr"}]`)
	if _, ok := current("parameters")["lr"]; ok {
		t.Errorf("lr is still there")
	}
}

func TestTexts(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	k := `{"experimentKey":"` + freeKey + `",`
	server.post(restBase+"write/experiment/html", k+`"html":"a","timestamp":1592593124000000}`)
	server.post(restBase+"write/experiment/html", k+`"html":"b","override":false}`)
	server.post(altBase+"write/experiment/output", k+`"outputLines":[{"output":"two","offset":7},{"output":"three\n","offset":9,"stderr":true}]}`)
	server.post(restBase+"write/experiment/output", k+`"outputLines":[{"output":"one ","offset":2,"localTimestamp":6018964}]}`)
	server.post(restBase+"write/experiment/tags", k+`"addedTags":["b","a","b"]}`)
	server.post(lib+"tags/add-tags-to-experiment", k+`"apiKey":"`+ownerKey+`","addedTags":["c"]}`)
	server.post(restBase+"write/experiment/tags/delete", k+`"tags":["a"]}`)
	server.post(altBase+"write/experiment/system-details", k+`"pid":1,"logAdditionalSystemInfoList":[{"key":"k","value":1},{"key":"l","value":"x"}]}`)
	server.post(restBase+"write/experiment/system-details", k+`"pid":null,"os":"Linux","logAdditionalSystemInfoList":[{"key":"k","value":2}]}`)
	server.post(restBase+"write/experiment/git/metadata", k+`"user":"u","root":null,"repo_name":"r"}`)
	e := server.experiment(freeKey)
	if e.HTML.Text != "ab" || e.Output.Text != "one twothree\n" || e.Code != nil {
		t.Errorf("html %q, output %q, code %v", e.HTML.Text, e.Output.Text, e.Code)
	}
	if diff := cmp.Diff([]string{"b", "c"}, e.Tags); diff != "" {
		t.Errorf("tags: %s", diff)
	}
	doc := server.get(restBase + "experiment/system-details?experimentKey=" + freeKey)
	info, err := json.Marshal(doc["logAdditionalSystemInfoList"])
	if err != nil {
		t.Fatal(err)
	}
	if string(info) != `[{"key":"k","value":2},{"key":"l","value":"x"}]` || doc["pid"] != json.Number("1") || doc["os"] != "Linux" || doc["env"] != nil {
		t.Errorf("system details: %v", doc)
	}
	if git := server.get(restBase + "experiment/git/metadata?experimentKey=" + freeKey); git["user"] != "u" || git["root"] != nil || len(git) != 5 {
		t.Errorf("git: %v", git)
	}
	if patch := server.get(restBase + "experiment/git/patch?experimentKey=" + freeKey); !strings.HasPrefix(patch["msg"].(string), "No git patch") {
		t.Errorf("no patch: %v", patch)
	}
	server.ok(server.form(lib+"git-patch/upload?experimentId="+freeKey+"&apiKey="+ownerKey, nil, []byte("PK\x03\x04patch")))
	if rec := server.request("GET", restBase+"experiment/git/patch?experimentKey="+freeKey, ""); rec.Body.String() != "PK\x03\x04patch" || rec.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("patch: %q", rec.Body)
	}
	server.post(restBase+"write/experiment/html", k+`"html":"c","override":true}`)
	if e := server.experiment(freeKey); e.HTML.Text != "c" {
		t.Errorf("html after override: %q", e.HTML.Text)
	}
}

// Of a point that comes late, a server may take the value for the current one,
// or may not, by its step.
func TestCurrentValue(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	for _, step := range []int{1, 9, 4} {
		server.post(restBase+"write/experiment/metric", fmt.Sprintf(
			`{"experimentKey":%q,"metricName":"m","metricValue":%d,"timestamp":5,"step":%d}`, freeKey, step, step))
	}
	for last, want := range map[bool]string{false: "9", true: "4"} {
		server.srv.SetMoods(comettest.Moods{CurrentIsLast: last})
		values := server.get(restBase + "experiment/metrics/summary?experimentKey=" + freeKey)["values"].([]any)
		if got := values[0].(map[string]any)["valueCurrent"]; got != want {
			t.Errorf("CurrentIsLast %t: current value %v, want %s", last, got, want)
		}
		if got := server.experiment(freeKey).Metrics[0].Current.Value; got != want {
			t.Errorf("CurrentIsLast %t: state has %v, want %s", last, got, want)
		}
	}
}

// Python writes some floats bare into JSON.
func TestPythonNumbers(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	for _, v := range []string{"NaN", "-Infinity", `[NaN, "NaN \\\" Infinity", Infinity]`} {
		server.post(restBase+"write/experiment/parameter", `{"experimentKey":"`+freeKey+`","parameterName":"p","parameterValue":`+v+`}`)
	}
	// The SDK does so in the values of a batch that are lists in lists.
	server.post(lib+"batch/logger/experiment/parameter", `{"experimentKey":"`+freeKey+`","values":[{"parameterName":"q","parameterValue":[[-Infinity]]}]}`)
	server.post(restBase+"write/experiment/metric", `{"experimentKey":"`+freeKey+`","metricName":"NaN","metricValue":NaN}`)
	e := server.experiment(freeKey)
	if p := e.Parameters[0]; p.Current.Value != `["NaN", "NaN \\\" Infinity", "Infinity"]` || p.Min.Value != "-Infinity" {
		t.Errorf("parameter: %+v", p)
	}
	if p := e.Parameters[1]; p.Current.Value != `[["-Infinity"]]` {
		t.Errorf("parameter of a batch: %+v", p)
	}
	if m := e.Metrics[0]; m.Name != "NaN" || m.Current.Value != "NaN" {
		t.Errorf("metric: %+v", m)
	}
}
