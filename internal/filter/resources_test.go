package filter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream"
)

func TestParseResources(t *testing.T) {
	for _, tt := range []struct {
		names string
		want  Resources
	}{
		{"", allResources},
		{"metrics", userMetrics | systemMetrics},
		{"system-metrics", systemMetrics},
		{"project", projectMetadata | projectNotes},
		{"run", code | git | output | graph | requirements},
		{"metadata parameters metadata", metadata | parameters},
	} {
		got, err := ParseResources(strings.Fields(tt.names))
		if err != nil || got != tt.want {
			t.Errorf("%q: %b, %v, want %b", tt.names, got, err, tt.want)
		}
		if got&got.Others() != 0 || got|got.Others() != allResources {
			t.Errorf("%q: its others are %b", tt.names, got.Others())
		}
	}
	_, err := ParseResources([]string{"metrics", "metric"})
	if err == nil || !strings.Contains(err.Error(), `"metric"`) {
		t.Fatalf("unknown name: %v", err)
	}
	for _, name := range ResourceNames() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not list %s: %v", name, err)
		}
		if _, err := ParseResources([]string{name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResourcesNames(t *testing.T) {
	for _, tt := range []struct {
		set  Resources
		want []string
	}{
		{allResources, []string{}},
		{metadata | code, []string{"code", "metadata"}},
		{userMetrics | systemMetrics, []string{"metrics"}},
		{userMetrics, []string{"metrics"}},
		{systemMetrics, []string{"system-metrics"}},
		{projectMetadata | projectNotes, []string{"project_metadata", "project_notes"}},
	} {
		if diff := cmp.Diff(tt.want, tt.set.names()); diff != "" {
			t.Errorf("%b (-want +got):\n%s", tt.set, diff)
		}
	}
}

// Every kind that is neither structure nor an end belongs to a resource, or a
// selection by RESOURCE would keep it whatever is named.
func TestResourceOfEveryKind(t *testing.T) {
	structure := stream.KindSetOf(
		stream.KindHeader, stream.KindPlan, stream.KindProject, stream.KindExperiment, stream.KindExperimentEnd,
		stream.KindSkipped, stream.KindTrailer, stream.KindAbort)
	var selected int
	for _, r := range read(t, write(t, stream.WriterOptions{}, sample(t)...)) {
		if !r.Kind.Known() || structure.Has(r.Kind) {
			continue
		}
		selected++
		if resourceOf[r.Kind] == 0 {
			t.Errorf("%s belongs to no resource", r.Kind)
		}
	}
	if selected == 0 {
		t.Fatal("the sample has no records")
	}
}
