package e2e

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// epoch is the time at which the experiments of the tests begin.
const epoch = int64(1700000000000)

// An awkward case is an experiment that must survive as it is.
type awkward struct {
	name string
	spec comettest.ExperimentSpec
}

// awkwardNames are names that break what joins, splits or escapes names.
func awkwardNames() map[string]string {
	return map[string]string{
		"what Python calls nothing": "None",
		"slash":                     "a/b/c",
		"dots":                      "../../etc/passwd",
		"space":                     " two  spaces ",
		"percent":                   "100%25 & more=1?x#y",
		"plus":                      "a+b",
		"quote":                     `say "hi" 'there'`,
		"backslash":                 `C:\runs\n`,
		"newline":                   "line\nbreak\r\n\ttab",
		"nul":                       "nul\x00byte",
		"emoji":                     "🚀 run 👩‍🔬",
		"combining":                 "e\u0301 is not \u00e9",
		"rtl":                       "עברית\u202e",
		"angle":                     "<b>&amp;</b>\u2028",
		"escape":                    "\x1b[31mred",
		"dollar":                    "$HOME `id` $(id)",
		"long":                      strings.Repeat("name ", 200),
		"number":                    "12",
		"json":                      `{"name": null}`,
		"sys":                       "sys.cpu.percent.avg",
		"underscore":                "train_loss",
		"pipe":                      "model|layers|0|size",
		"comma":                     "a,b;c",
	}
}

// metricValues are texts of values of metric points.
func metricValues() map[string]string {
	return map[string]string{
		"NaN": "NaN", "infinity": "Infinity", "minus infinity": "-Infinity", "nan in lower case": "nan",
		"zero": "0", "minus zero": "-0", "minus zero float": "-0.0",
		"least denormal": "5e-324", "greatest float": "1.7976931348623157e+308", "beyond every float": "1e400",
		"2^53-1": "9007199254740991", "2^53": "9007199254740992", "2^53+1": "9007199254740993",
		"greatest int64": "9223372036854775807", "least int64": "-9223372036854775808", "2^63": "9223372036854775808",
		"below int64": "-9223372036854775809", "2^64": "18446744073709551616",
		"40 digits": "1234567890123456789012345678901234567890", "40 decimals": "3.1415926535897932384626433832795028841971",
		"exponent": "1.0E-5", "small exponent": "1e-5", "large exponent": "1E+5", "one as float": "1.0", "one": "1", "trailing zeros": "0.500",
		"plus sign": "+1", "leading zero": "01", "no digits before": ".5", "no digits after": "1.", "hexadecimal": "0x1F", "underscores": "1_000",
		"space before": " 1", "empty": "", "true": "true", "python true": "True", "null": "null", "text": "diverged", "quoted": `"0.5"`, "list": "[1, 2]",
		"long text": strings.Repeat("value ", 500),
	}
}

func pointCases() []awkward {
	var cases []awkward
	add := func(name string, points ...comettest.MetricPoint) {
		cases = append(cases, awkward{"points/" + name, comettest.ExperimentSpec{Points: points}})
	}
	values, together := []comettest.MetricPoint{}, []comettest.MetricPoint{}
	for name, text := range metricValues() {
		values = append(values, comettest.MetricPoint{Metric: name, Value: text, Time: epoch, Step: new(int64(1))},
			comettest.MetricPoint{Metric: name, Value: "0.25", Time: epoch + 1, Step: new(int64(2))})
		together = append(together, comettest.MetricPoint{Metric: "m", Value: text, Time: epoch})
	}
	add("every value", values...)
	add("every value in one metric at one time", together...)
	cases = append(cases, stepCases()...)
	cases = append(cases, contextCases()...)
	return append(cases, countCases()...)
}

// series returns n points that f completes.
func series(n int, f func(i int, p *comettest.MetricPoint)) []comettest.MetricPoint {
	points := make([]comettest.MetricPoint, n)
	for i := range points {
		points[i] = comettest.MetricPoint{Metric: "m", Value: strconv.Itoa(i), Time: epoch + int64(i)}
		f(i, &points[i])
	}
	return points
}

func stepCases() []awkward {
	integers := []int64{0, 1, -1, 1 << 32, 1<<32 + 1, -1 << 40, 1 << 53, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, 7}
	kinds := map[string]func(i int, p *comettest.MetricPoint){
		"steps absent":           func(i int, p *comettest.MetricPoint) {},
		"steps all the same":     func(i int, p *comettest.MetricPoint) { p.Step = new(int64(5)) },
		"steps in pairs":         func(i int, p *comettest.MetricPoint) { p.Step = new(int64(i / 2)) },
		"steps unsorted":         func(i int, p *comettest.MetricPoint) { p.Step = new(int64(i * 7 % 10)) },
		"steps negative":         func(i int, p *comettest.MetricPoint) { p.Step = new(int64(-i)) },
		"steps above 2^32":       func(i int, p *comettest.MetricPoint) { p.Step = new(int64(1)<<32 + int64(i)) },
		"steps at the ends":      func(i int, p *comettest.MetricPoint) { p.Step = &integers[i%len(integers)] },
		"steps here and there":   func(i int, p *comettest.MetricPoint) { p.Step = some(i%3 == 0, int64(i)) },
		"epochs alone":           func(i int, p *comettest.MetricPoint) { p.Epoch = new(int64(i / 3)) },
		"epochs here and there":  func(i int, p *comettest.MetricPoint) { p.Step, p.Epoch = new(int64(i)), some(i%2 == 0, int64(i)) },
		"epochs at the ends":     func(i int, p *comettest.MetricPoint) { p.Epoch = &integers[i%len(integers)] },
		"epochs that are times":  func(i int, p *comettest.MetricPoint) { p.Epoch = new(int64(1700000000) + int64(i)) },
		"time zero":              func(i int, p *comettest.MetricPoint) { p.Time, p.Step = 0, new(int64(i)) },
		"times before 1970":      func(i int, p *comettest.MetricPoint) { p.Time = -int64(i) * 86400_000 },
		"times all the same":     func(i int, p *comettest.MetricPoint) { p.Time, p.Step = epoch, new(int64(i)) },
		"times backwards":        func(i int, p *comettest.MetricPoint) { p.Time, p.Step = epoch-int64(i), new(int64(i)) },
		"times in microseconds":  func(i int, p *comettest.MetricPoint) { p.Time = epoch*1000 + int64(i) },
		"times at the ends":      func(i int, p *comettest.MetricPoint) { p.Time = integers[i%len(integers)] },
		"exact duplicates":       func(i int, p *comettest.MetricPoint) { p.Value, p.Time, p.Step = "1", epoch, new(int64(1)) },
		"duplicates but a value": func(i int, p *comettest.MetricPoint) { p.Time, p.Step = epoch, new(int64(1)) },
		"equal floats, two texts": func(i int, p *comettest.MetricPoint) {
			p.Value, p.Time = []string{"1", "1.0", "1e0"}[i%3], epoch
		},
	}
	var cases []awkward
	for name, f := range kinds {
		cases = append(cases, awkward{"points/" + name, comettest.ExperimentSpec{Points: series(30, f)}})
	}
	return cases
}

// some returns v where there is one.
func some(have bool, v int64) *int64 {
	if !have {
		return nil
	}
	return &v
}

func contextCases() []awkward {
	names := []string{"train", "", "validate", "träin 🚀", "train"}
	kinds := map[string]func(i int, p *comettest.MetricPoint){
		"one context":             func(i int, p *comettest.MetricPoint) { p.Context = new("train") },
		"empty context":           func(i int, p *comettest.MetricPoint) { p.Context = new("") },
		"contexts here and there": func(i int, p *comettest.MetricPoint) { p.Context = someText(i%2 == 0, "train") },
		"contexts mixed": func(i int, p *comettest.MetricPoint) {
			p.Time, p.Step, p.Context = epoch, new(int64(1)), someText(i%7 != 3, names[i%len(names)])
		},
	}
	var cases []awkward
	for name, f := range kinds {
		cases = append(cases, awkward{"points/" + name, comettest.ExperimentSpec{Points: series(30, f)}})
	}
	many := series(8192, func(i int, p *comettest.MetricPoint) { p.Context = new(fmt.Sprintf("context %d", i)) })
	long := series(40, func(i int, p *comettest.MetricPoint) { p.Context = new(strings.Repeat("c", 30_000) + strconv.Itoa(i)) })
	return append(cases, awkward{"points/8192 contexts", comettest.ExperimentSpec{Points: many}},
		awkward{"points/long contexts", comettest.ExperimentSpec{Points: long}})
}

func someText(have bool, v string) *string {
	if !have {
		return nil
	}
	return &v
}

func countCases() []awkward {
	var cases []awkward
	for _, n := range []int{1, 8192, 8193, 15001} {
		cases = append(cases, awkward{fmt.Sprintf("points/%d of them", n), comettest.ExperimentSpec{
			Synthetic: []comettest.SyntheticMetric{{Name: "m", Seed: uint64(n), N: n, Start: epoch}},
		}})
	}
	names := make([]comettest.MetricPoint, 600)
	for i := range names {
		names[i] = comettest.MetricPoint{Metric: fmt.Sprintf("metric %d", i), Value: "0.5", Time: epoch}
	}
	return append(cases, awkward{"points/600 metrics of one point", comettest.ExperimentSpec{Points: names}})
}
