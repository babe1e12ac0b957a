package comettest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// scenePart sends a part of a scene as clients do.
func (t *tester) scenePart(method, path, params, file string, content []byte) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	mw := multipart.NewWriter(&body)
	if err := mw.WriteField("requestParams", params); err != nil {
		t.Fatal(err)
	}
	w, err := mw.CreateFormFile(file, "file")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(content)
	mw.Close()
	req := httptest.NewRequestWithContext(t.Context(), method, path, &body)
	req.Header.Set("Content-Type", mw.FormDataContentType())
	return t.as("").do(req)
}

func TestScene(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	limits := server.post(lib+"asset/3d-limits", `{"apiKey":"`+ownerKey+`","experimentKey":"`+freeKey+`"}`)
	if limits["maxPoints"] == nil || limits["maxBoxes"] == nil {
		t.Errorf("limits: %v", limits)
	}
	id := server.post(lib+"asset", `{"apiKey":"`+ownerKey+`","experimentKey":"`+freeKey+`","userFileName":"scene","assetType":"3d-image","step":4,"metadata":{"xRange":[0,1]}}`)["assetId"].(string)
	params := `{"apiKey":"` + ownerKey + `","assetId":"` + id + `","experimentKey":"` + freeKey + `","userFileName":"points.jsonl","assetItemType":"points"}`
	server.ok(server.scenePart("POST", lib+"asset/asset-item", params, "assetItemContent", []byte("[0, 1, 2]\n")))
	thumbnail := `{"apiKey":"` + ownerKey + `","experimentKey":"` + freeKey + `","thumbnailExtension":".png"}`
	server.ok(server.scenePart("PUT", lib+"asset/"+id+"/thumbnail", thumbnail, "thumbnail", []byte("png")))

	items := server.listed("all")[id]["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("items: %v", items)
	}
	item := items[0].(map[string]any)
	itemID := item["assetId"].(string)
	if item["fileName"] != "points.jsonl" || item["type"] != "points" {
		t.Errorf("item: %v", item)
	}
	if got := server.body(itemID); string(got) != "[0, 1, 2]\n" {
		t.Errorf("content of the item: %q", got)
	}
	want := []comettest.ItemState{{Name: "points.jsonl", Type: "points", Size: 10, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte("[0, 1, 2]\n")))}}
	if diff := cmp.Diff(want, server.experiment(freeKey).Assets[0].Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}

	get := restBase + "experiment/asset/get-asset?experimentKey=" + freeKey + "&assetId=" + itemID
	server.srv.SetMoods(comettest.Moods{SceneItems: "unreadable"})
	if n := len(server.listed("all")[id]["items"].([]any)); n != 1 {
		t.Errorf("%d items that cannot be read, want 1", n)
	}
	runErrors(t, server, []errorCase{{name: "unreadable", method: "GET", path: get, status: 404}})
	server.srv.SetMoods(comettest.Moods{SceneItems: "unlisted"})
	if n := len(server.listed("all")[id]["items"].([]any)); n != 0 {
		t.Errorf("%d items that are not listed", n)
	}
	for name, rec := range map[string]*httptest.ResponseRecorder{
		"unknown scene": server.scenePart("POST", lib+"asset/asset-item", `{"apiKey":"`+ownerKey+`","assetId":"x","experimentKey":"`+freeKey+`"}`, "assetItemContent", nil),
		"no file":       server.scenePart("POST", lib+"asset/asset-item", params, "other", nil),
		"no key":        server.scenePart("POST", lib+"asset/asset-item", `{}`, "assetItemContent", nil),
	} {
		if rec.Code < 400 {
			t.Errorf("%s: status %d", name, rec.Code)
		}
	}
}

// A histogram over all steps may come from a client, which had it from a server.
func TestCombinedHistogramUploaded(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "h", "&fileName=h&type=histogram_combined_3d", []byte(`{"histograms":[]}`))
	if got := server.listed("histogram_combined_3d"); len(got) != 1 || got["h"] == nil {
		t.Errorf("listed: %v", got)
	}
}

// Notebooks have a folder of their own; what is in storage has an etag.
func TestAssetDocs(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "n", "&fileName=a.ipynb&type=notebook", []byte(`{}`))
	server.ok(server.form(lib+"asset/upload?assetId=r&isRemote=True&experimentId="+freeKey+"&apiKey="+ownerKey, map[string]string{"link": "s3://b/k"}, nil))
	list := server.listed("all")
	if list["n"]["dir"] != "notebooks" || list["n"]["etag"] == nil || list["r"]["etag"] != nil {
		t.Errorf("documents: %v", list)
	}
}
