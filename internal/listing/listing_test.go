package listing

import (
	"strings"
	"testing"
)

func TestEntry(t *testing.T) {
	ms, yes := int64(1_700_000_000_000), true
	e := Entry{"experiment", []Field{
		{"path", "a/b/k"}, {"start", Time(&ms)}, {"end", Time(nil)}, {"state", State(false, &yes, true)}, {"name", Optional("")}, {"points", int64(7)},
	}}
	same := func(b []byte) []byte { return b }
	for asJSON, want := range map[bool]string{
		false: "A/B/K\t2023-11-14T22:13:20.000Z\t\tCRASHED,ARCHIVED\t\t7",
		true:  `{"kind":"experiment","path":"a/b/k","start":"2023-11-14T22:13:20.000Z","state":"crashed,archived","points":7}`,
	} {
		if got, err := e.Line(asJSON, strings.ToUpper, same); err != nil || got != want {
			t.Errorf("line %q, %v; want %q", got, err, want)
		}
	}
}

func TestState(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		running  bool
		crashed  *bool
		archived bool
		want     string
	}{
		{false, &no, false, "finished"},
		{false, nil, false, "finished"},
		{true, &yes, false, "running"},
		{false, &yes, false, "crashed"},
		{true, nil, true, "running,archived"},
	} {
		got := State(tt.running, tt.crashed, tt.archived)
		if got != tt.want || IsRunning(got) != tt.running {
			t.Errorf("state %q, running %v; want %q", got, IsRunning(got), tt.want)
		}
	}
}
