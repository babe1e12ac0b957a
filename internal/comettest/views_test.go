package comettest_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// viewNames are the names of the views in an answer, sorted.
func viewNames(doc map[string]any) []string {
	names := []string{}
	for _, v := range doc["views"].([]any) {
		names = append(names, v.(map[string]any)["templateName"].(string))
	}
	slices.Sort(names)
	return names
}

// Views of experiments have a table of their own, which the listing of the
// views of a project does not show.
func TestViewsOfExperiments(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.handshake("a" + freeKey)
	server.srv.SeedProject("team", "q", comettest.ProjectSpec{})
	server.srv.SeedExperimentView("team", "q", "", "elsewhere", nil)
	id := server.get(restBase + "project?workspaceName=team&projectName=p")["projectId"].(string)
	upsert := func(fields string) map[string]any {
		return server.post(restBase+"write/chart-templates/upsert", `{"projectId":"`+id+`",`+fields+`}`)
	}
	first := upsert(`"templateName":"first","experimentKey":"` + freeKey + `","v2":{"panels":[1]},"dashboardChartState":"{}"`)
	upsert(`"templateName":"other","experimentKey":"a` + freeKey + `","v2":{"experimentKey":"said"}`)
	upsert(`"templateName":"renamed","templateId":"` + first["templateId"].(string) + `"`)
	server.post(restBase+"write/views/upsert", `{"projectId":"`+id+`","templateName":"project"}`)
	for path, want := range map[string][]string{
		"views/get-all?projectId=" + id:                                                      {"project"},
		"views/get-all?projectId=" + id + "&experimentKey=" + freeKey:                        {},
		"views/chart-templates?projectId=" + id:                                              {"other", "renamed"},
		"views/chart-templates?projectId=" + id + "&experimentKey=" + freeKey:                {"renamed"},
		"views/chart-templates?projectId=" + id + "&includeWorkspaceViews=true":              {"elsewhere", "other", "renamed"},
		"views/chart-templates?workspaceName=team&projectName=q&includeWorkspaceViews=False": {"elsewhere"},
	} {
		if diff := cmp.Diff(want, viewNames(server.get(restBase+path))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if first["viewSource"] != "chart_template" || first["experimentKey"] != freeKey {
		t.Errorf("view of an experiment: %v", first)
	}
	var got []string
	for _, v := range server.srv.State().Project("team", "p").Views {
		got = append(got, v.Name+" "+v.Experiment+" "+string(v.Fields["v2"]))
	}
	want := []string{
		"other a" + freeKey + ` {"experimentKey":"said"}`,
		"project  ",
		"renamed " + freeKey + ` {"experimentKey":"` + freeKey + `","panels":[1]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored views (-want +got):\n%s", diff)
	}
	runErrors(t, server, []errorCase{
		{name: "id of the other table", method: "POST", path: restBase + "write/views/upsert", status: 404,
			body: `{"projectId":"` + id + `","templateId":"` + first["templateId"].(string) + `"}`},
		{name: "unknown experiment", method: "POST", path: restBase + "write/chart-templates/upsert", status: 404, code: 90211,
			body: `{"projectId":"` + id + `","templateName":"x","experimentKey":"none"}`},
	})
}
