package comettest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

func TestStatusConfiguration(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "m1", "&fileName=w.bin&type=model-element&groupingName=cnn", []byte("w"))
	id := server.post(restBase+"write/registry-model/item/create",
		`{"experimentKey":"`+freeKey+`","experimentModelName":"cnn","registryModelName":"net","version":"1.0.0","tags":[]}`)["registryModelItemId"].(string)
	path := restBase + "registry-model/item/" + id + "/status-configuration"
	if doc := server.get(path); len(doc) != 0 {
		t.Errorf("of a version that has none: %v", doc)
	}
	body := `{"status":"Production","isReviewRequired":true,"statusConfiguration":[{"key":"k","value":"v"}],"comment":"why"}`
	write := restBase + "write/registry-model/item/" + id + "/status-configuration"
	server.post(write, body)
	want := map[string]any{
		"modelItemId": id, "status": "Production", "isReviewRequired": true, "comment": "why",
		"statusConfiguration": []any{map[string]any{"key": "k", "value": "v"}},
	}
	if diff := cmp.Diff(want, server.get(path)); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	version := func() comettest.RegistryItemState {
		return server.srv.State().Workspace("team").RegistryModels[0].Versions[0]
	}
	if v := version(); v.Status != "None" {
		t.Errorf("the status has become %s", v.Status)
	}
	server.srv.SetMoods(comettest.Moods{ConfigurationSetsStatus: true})
	server.post(write, body)
	if v := version(); v.Status != "Production" {
		t.Errorf("the status has remained %s", v.Status)
	}
	allowed := server.get(restBase + "registry-model/allowed_status_values?workspaceName=team")["allowedStatus"].([]any)
	if len(allowed) != len(comettest.DefaultStatuses) {
		t.Errorf("allowed: %v", allowed)
	}
	runErrors(t, server, []errorCase{
		{name: "status not allowed", method: "POST", path: write, body: `{"status":"Best"}`, status: 400},
		{name: "item without value", method: "POST", path: write, body: `{"status":"None","statusConfiguration":[{"key":"k"}]}`, status: 400},
		{name: "unknown version", method: "GET", path: restBase + "registry-model/item/x/status-configuration", status: 400, code: 42008},
	})
	server.srv.SetMoods(comettest.Moods{Version: "4.20.476"})
	runErrors(t, server, []errorCase{{name: "older server", method: "GET", path: path, status: 404}})
}

func TestUpdateOwner(t *testing.T) {
	keys := []comettest.Key{
		{Key: ownerKey, User: "alice", Admin: true},
		{Key: "second", User: "bob"},
		{Key: viewerKey, User: "vic", Role: comettest.RoleViewer},
	}
	server := newTester(t, comettest.Options{Keys: keys})
	server.srv.SeedProject("team", "p", comettest.ProjectSpec{})
	id := server.get(restBase + "project?workspaceName=team&projectName=p")["projectId"].(string)
	path := restBase + "write/project/update-owner"
	server.post(path, `{"projectId":"`+id+`","userName":"bob"}`)
	if owner := server.get(restBase + "project?projectId=" + id)["ownerUserName"]; owner != "bob" {
		t.Errorf("owner is %v", owner)
	}
	runErrors(t, server, []errorCase{
		{name: "unknown user", method: "POST", path: path, body: `{"projectId":"` + id + `","userName":"nobody"}`, status: 400},
		{name: "viewer", method: "POST", path: path, body: `{"projectId":"` + id + `","userName":"vic"}`, status: 400},
		{name: "no user", method: "POST", path: path, body: `{"projectId":"` + id + `"}`, status: 400},
		{name: "by no admin", key: "second", method: "POST", path: path, body: `{"projectId":"` + id + `","userName":"alice"}`, status: 403},
	})
	server.srv.SetMoods(comettest.Moods{Version: "4.34.9"})
	runErrors(t, server, []errorCase{
		{name: "older server", method: "POST", path: path, body: `{"projectId":"` + id + `","userName":"alice"}`, status: 404},
	})
}

// A version that is given no number is the first.
func TestRegistryDefaultVersion(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "m1", "&fileName=w.bin&type=model-element&groupingName=cnn", []byte("w"))
	server.post(restBase+"write/registry-model/item/create",
		`{"experimentKey":"`+freeKey+`","experimentModelName":"cnn","registryModelName":"net","version":null,"tags":[]}`)
	if v := server.srv.State().Workspace("team").RegistryModels[0].Versions[0].Version; v != "1.0.0" {
		t.Errorf("version %q", v)
	}
}
