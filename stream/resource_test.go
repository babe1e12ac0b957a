package stream

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseResources(t *testing.T) {
	for _, tt := range []struct {
		names string
		want  Resources
	}{
		{"", AllResources},
		{"metrics", ResourceUserMetrics | ResourceSystemMetrics},
		{"system-metrics", ResourceSystemMetrics},
		{"project", ResourceProjectMetadata | ResourceProjectNotes},
		{"run", ResourceCode | ResourceGit | ResourceOutput | ResourceGraph | ResourceRequirements},
		{"metadata parameters metadata", ResourceMetadata | ResourceParameters},
	} {
		got, err := ParseResources(strings.Fields(tt.names))
		if err != nil || got != tt.want {
			t.Errorf("%q: %b, %v, want %b", tt.names, got, err, tt.want)
		}
		if got&got.Others() != 0 || got|got.Others() != AllResources {
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
		{AllResources, []string{}},
		{ResourceMetadata | ResourceCode, []string{"code", "metadata"}},
		{ResourceUserMetrics | ResourceSystemMetrics, []string{"metrics"}},
		{ResourceUserMetrics, []string{"metrics"}},
		{ResourceSystemMetrics, []string{"system-metrics"}},
		{ResourceProjectMetadata | ResourceProjectNotes, []string{"project_metadata", "project_notes"}},
	} {
		if diff := cmp.Diff(tt.want, tt.set.Names()); diff != "" {
			t.Errorf("%b (-want +got):\n%s", tt.set, diff)
		}
	}
}

// Every kind that is neither structure nor an end belongs to a resource, or a
// selection by RESOURCE would keep it whatever is named.
func TestResourceOfEveryKind(t *testing.T) {
	structure := KindSetOf(
		KindHeader, KindPlan, KindProject, KindExperiment, KindExperimentEnd,
		KindSkipped, KindTrailer, KindAbort)
	for _, kind := range Kinds() {
		if belongs := kind.Resource() != 0; belongs == structure.Has(kind) {
			t.Errorf("%s belongs to a resource: %v", kind, belongs)
		}
	}
	if Kind("later").Resource() != 0 {
		t.Error("a kind of a later version belongs to a resource")
	}
}
