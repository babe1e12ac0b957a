package comettest_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// listed are the assets of freeKey of a type, by id.
func (t *tester) listed(typ string) map[string]map[string]any {
	t.Helper()
	list := make(map[string]map[string]any)
	for _, a := range t.get(restBase + "experiment/asset/list?experimentKey=" + freeKey + "&type=" + typ)["assets"].([]any) {
		a := a.(map[string]any)
		list[a["assetId"].(string)] = a
	}
	return list
}

func (t *tester) body(id string) []byte {
	t.Helper()
	rec := t.request("GET", restBase+"experiment/asset/get-asset?experimentKey="+freeKey+"&assetId="+id, "")
	if rec.Code != 200 {
		t.Fatalf("asset %s: status %d: %s", id, rec.Code, rec.Body)
	}
	return rec.Body.Bytes()
}

func TestUpload(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "a1", "&fileName=d/x.bin&extension=bin&step=3&epoch=2&context=train&overwrite=False&runId=r", []byte("content"))
	rec := server.form(lib+"asset/upload?experimentId="+freeKey+"&assetId=m1&apiKey="+ownerKey+"&fileName=w%2Fm.bin&type=model-element&groupingName=net",
		map[string]string{"metadata": `{"q":1}`}, []byte{})
	server.ok(rec)
	server.ok(server.form(lib+"asset/upload?experimentId="+freeKey+"&assetId=r1&isRemote=True&apiKey="+ownerKey,
		map[string]string{"link": "s3://bucket/some/key.tar?v=1"}, nil))
	server.ok(server.form(lib+"visualizations/upload?experimentId="+freeKey+"&imageId=i1&figCounter=4&step=1&apiKey="+ownerKey, nil, []byte("png")))
	server.upload(freeKey, "t1234567890", "&type=text-sample&fileName=auto-generated-in-the-backend", []byte("s"))
	server.ok(server.form(restBase+"write/experiment/upload-asset?experimentKey="+freeKey+"&type=image&extension=.png&fileName=pic&metadata=a&metadata=b",
		map[string]string{"metadata": "{}"}, []byte("img")))
	want := map[string][]any{ // name, type, dir, size, step, context, metadata, remote
		"a1": {"d/x.bin", "asset", "assets", num(7), num(3), "train", nil, false},
		"m1": {"w/m.bin", "model-element", "models/net", num(0), nil, nil, `{"q":1}`, false},
		"r1": {"key.tar", "asset", "assets", num(0), nil, nil, nil, true},
		"i1": {"figure_4", "image", "assets", num(3), num(1), nil, nil, false},

		"t1234567890": {"text-sample-t1234567.txt", "text-sample", "assets", num(1), nil, nil, nil, false},
	}
	list := server.listed("all")
	for id, fields := range want {
		a := list[id]
		got := []any{a["fileName"], a["type"], a["dir"], a["fileSize"], a["step"], a["runContext"], a["metadata"], a["remote"]}
		if diff := cmp.Diff(fields, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	if len(list) != 6 || list["r1"]["link"] != "s3://bucket/some/key.tar?v=1" {
		t.Errorf("%d assets; link of the remote one: %v", len(list), list["r1"]["link"])
	}
	if got := list["i1"]["link"]; got != "http://example.com/api/image/download?imageId=i1&experimentKey="+freeKey {
		t.Errorf("link of an image: %v", got)
	}
	for link, want := range map[string]string{list["i1"]["link"].(string): "png", list["a1"]["link"].(string): "content"} {
		if rec := server.request("GET", link, ""); rec.Body.String() != want {
			t.Errorf("%s: %q, want %q", link, rec.Body, want)
		}
	}
	if got := server.listed(""); len(got) != 2 || got["a1"] == nil || got["r1"] == nil {
		t.Errorf("default set has %d assets", len(got))
	}
	if got := server.listed("model-element"); len(got) != 1 {
		t.Errorf("%d model elements", len(got))
	}
	byName := server.get(restBase + "experiment/asset/get-by-name?assetName=d/x.bin&experimentKey=" + freeKey)["assets"].([]any)
	if len(byName) != 1 {
		t.Errorf("by name: %v", byName)
	}
	models := server.get(restBase + "experiment/model?experimentKey=" + freeKey)["models"].([]any)
	if m := models[0].(map[string]any); m["modelName"] != "net" || m["experimentKey"] != freeKey {
		t.Errorf("models: %v", models)
	}
	for _, a := range server.experiment(freeKey).Assets {
		if a.ID == "a1" && (a.Epoch == nil || *a.Epoch != 2) {
			t.Errorf("epoch in the state: %+v", a)
		}
	}
}

// An id that the experiment has is refused, with the code of the call; a name may
// come twice, unless it is to be overwritten.
func TestUploadTwice(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.handshake("a" + freeKey)
	server.upload(freeKey, "x", "&fileName=n", []byte("1"))
	for path, want := range map[string]int{
		lib + "asset/upload?assetId=x&fileName=o&overwrite=True&experimentId=" + freeKey: 7000005,
		lib + "visualizations/upload?imageId=x&figName=n&experimentId=" + freeKey:        7000006,
	} {
		server.refusesUpload(path, want)
	}
	server.upload("a"+freeKey, "x", "&fileName=n", []byte("other"))
	if got, other := server.body("x"), server.request("GET", restBase+"experiment/asset/get-asset?assetId=x&experimentKey=a"+freeKey, "").Body; string(got) != "1" || other.String() != "other" {
		t.Errorf("one id in two experiments: %q and %q", got, other)
	}
	server.upload(freeKey, "y", "&fileName=n", []byte("2"))
	server.upload(freeKey, "z", "&fileName=n&type=curve", []byte("3"))
	server.upload(freeKey, "w", "&fileName=n&overwrite=true", []byte("4"))
	if list := server.listed("all"); len(list) != 2 || list["w"] == nil || list["z"] == nil {
		t.Errorf("after an overwrite: %v", list)
	}
	server.get(restBase + "write/experiment/asset/delete?assetId=w&experimentKey=" + freeKey)
	server.upload(freeKey, "w", "&fileName=n", []byte("5"))
	if got := server.body("w"); string(got) != "5" {
		t.Errorf("an id that is free again: %q", got)
	}
}

// refusesUpload uploads to a path and wants a refusal with the code.
func (t *tester) refusesUpload(path string, code int) {
	t.Helper()
	rec := t.form(path+"&apiKey="+ownerKey, nil, []byte("2"))
	var doc struct {
		Code int `json:"sdk_error_code"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || rec.Code != 400 || doc.Code != code {
		t.Errorf("%s: status %d, code %d, want %d", path, rec.Code, doc.Code, code)
	}
}

// What the codes for an immutable asset are about is not known: servers may know
// ids beyond an experiment, or mean names.
func TestUploadImmutable(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.handshake("a" + freeKey)
	server.upload(freeKey, "x", "&fileName=n", []byte("1"))
	server.srv.SetMoods(comettest.Moods{InstanceIDs: true})
	server.refusesUpload(lib+"asset/upload?assetId=x&fileName=o&overwrite=True&experimentId=a"+freeKey, 7000005)
	server.srv.SetMoods(comettest.Moods{NamesOnce: true})
	server.refusesUpload(lib+"asset/upload?assetId=y&fileName=n&experimentId="+freeKey, 7000005)
	server.upload(freeKey, "c", "&fileName=n&type=curve", []byte("2"))
	server.upload(freeKey, "z", "&fileName=n&overwrite=True", []byte("3"))
	if list := server.listed("all"); len(list) != 2 || list["z"] == nil || list["c"] == nil {
		t.Errorf("assets: %v", list)
	}
}

func TestUploadErrors(t *testing.T) {
	server := newTester(t, comettest.Options{Limits: comettest.Limits{UploadMB: 1, AssetsPerType: map[string]int{"curve": 1}}})
	server.handshake(freeKey)
	at := lib + "asset/upload?apiKey=" + ownerKey + "&experimentId=" + freeKey
	server.ok(server.form(at+"&type=curve", nil, []byte("{}")))
	for _, c := range []struct {
		name, path string
		fields     map[string]string
		file       []byte
		want       int
	}{
		{"nothing", at, nil, nil, 400},
		{"link and file", at, map[string]string{"link": "s3://x"}, []byte("x"), 400},
		{"remote without link", at + "&isRemote=True", nil, []byte("x"), 400},
		{"metadata no object", at, map[string]string{"metadata": "[1]"}, []byte("x"), 400},
		{"step no number", at + "&step=one", nil, []byte("x"), 400},
		{"model without name", at + "&type=model-element", nil, []byte("x"), 400},
		{"full metric", at + "&type=ASSET_TYPE_FULL_METRIC", nil, []byte("x"), 400},
		{"over the limit of the type", at + "&type=curve", nil, []byte("{}"), 400},
		{"image too large", lib + "visualizations/upload?figName=a&apiKey=" + ownerKey + "&experimentId=" + freeKey, nil, make([]byte, 1<<20+1), 413},
		{"experimentKey instead of experimentId", lib + "asset/upload?apiKey=" + ownerKey + "&experimentKey=" + freeKey, nil, []byte("x"), 400},
		{"experimentId in REST", restBase + "write/experiment/upload-asset?experimentId=" + freeKey, nil, []byte("x"), 400},
		{"figure without name", lib + "visualizations/upload?apiKey=" + ownerKey + "&experimentId=" + freeKey, nil, []byte("x"), 400},
		{"unknown experiment", lib + "asset/upload?apiKey=" + ownerKey + "&experimentId=x", nil, []byte("x"), 404},
		{"unknown artifact version", at + "&artifactVersionId=x", nil, []byte("x"), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rec := server.form(c.path, c.fields, c.file); rec.Code != c.want {
				t.Errorf("status %d, want %d: %s", rec.Code, c.want, rec.Body)
			}
		})
	}
	if n := len(server.experiment(freeKey).Assets); n != 1 {
		t.Errorf("%d assets after refused uploads, want 1", n)
	}
	if rec := server.as("").form(strings.Replace(at, ownerKey, "wrong", 1), nil, []byte("x")); rec.Code != 401 {
		t.Errorf("wrong key: status %d", rec.Code)
	}
}

// Bodies of every size, kept in memory, in files, made or discarded, have the
// bytes and checksums they should.
func TestBodies(t *testing.T) {
	dir := t.TempDir()
	server := newTester(t, comettest.Options{Dir: dir})
	server.handshake(freeKey)
	for _, size := range []int{0, 1, 4095, 4096, 4097, 100_000} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * 7)
		}
		id := fmt.Sprintf("size%d", size)
		server.upload(freeKey, id, "", content)
		if !bytes.Equal(server.body(id), content) {
			t.Errorf("body of %d bytes differs", size)
		}
	}
	server.srv.SeedAsset(freeKey, comettest.AssetSpec{ID: "made", Size: 1<<20 + 3, Seed: 9})
	for _, a := range server.experiment(freeKey).Assets {
		sum := sha256.Sum256(server.body(a.ID))
		if hex.EncodeToString(sum[:]) != a.SHA256 || len(server.body(a.ID)) != int(a.Size) {
			t.Errorf("%s: size or checksum is wrong", a.ID)
		}
	}
	server.get(restBase + "write/experiment/delete?experimentKey=" + freeKey)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files left after all is deleted (%v)", len(files), err)
	}
}

func TestDiscardBodies(t *testing.T) {
	dir := t.TempDir()
	server := newTester(t, comettest.Options{Dir: dir, DiscardBodies: true})
	server.handshake(freeKey)
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	server.upload(freeKey, "x", "", content)
	sum := sha256.Sum256(content)
	if a := server.experiment(freeKey).Assets[0]; a.Size != 1_000_000 || a.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("state: %+v", a)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files in the directory (%v)", len(files), err)
	}
}

func TestRanges(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.srv.SeedAsset(freeKey, comettest.AssetSpec{ID: "made", Size: 1000, Seed: 3})
	whole := server.body("made")
	ask := func() (int, []byte) {
		req := newRequest(t, "GET", restBase+"experiment/asset/get-asset?experimentKey="+freeKey+"&assetId=made", "")
		req.Header.Set("Range", "bytes=101-299")
		rec := server.do(req)
		return rec.Code, rec.Body.Bytes()
	}
	if status, got := ask(); status != 200 || !bytes.Equal(got, whole) {
		t.Errorf("a server without ranges: status %d, %d bytes", status, len(got))
	}
	server.srv.SetMoods(comettest.Moods{Ranges: true})
	if status, got := ask(); status != 206 || !bytes.Equal(got, whole[101:300]) {
		t.Errorf("a server with ranges: status %d, %d bytes", status, len(got))
	}
}

// A redirected download goes to another host, which refuses the key.
func TestRedirect(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Moods: comettest.Moods{RedirectDownloads: true}})
	key := srv.SeedExperiment("alice", "p", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{{ID: "x", Body: []byte("content")}}})
	get := func(follow func(req *http.Request) error) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL()+"api/rest/v2/experiment/asset/get-asset?assetId=x&experimentKey="+key, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Comet-Sdk-Api", comettest.DefaultAPIKey)
		client := &http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error { return follow(req) }}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, text := get(func(*http.Request) error { return nil }); status != 400 || !strings.Contains(text, "auth mechanism") {
		t.Errorf("with the key: %d %s", status, text)
	}
	status, text := get(func(req *http.Request) error {
		if strings.HasPrefix(srv.URL(), req.URL.Scheme+"://"+req.URL.Hostname()) {
			t.Errorf("redirected to the same host, %s", req.URL)
		}
		req.Header.Del("Comet-Sdk-Api")
		return nil
	})
	if status != 200 || text != "content" {
		t.Errorf("without the key: %d %q", status, text)
	}
}

// Histograms are combined by name for readers, in the order of their steps, not
// of their uploads, unless somebody has written the result.
func TestCombinedHistograms(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "h2", "&type=histogram3d&fileName=w&step=2", []byte(`{"version":2,"x":1}`))
	server.upload(freeKey, "h1", "&type=histogram3d&fileName=w&step=1", []byte(`{"version":2}`))
	server.upload(freeKey, "h0", "&type=histogram3d&fileName=w&step=1", []byte(`{"version":1}`))
	server.upload(freeKey, "h3", "&type=histogram3d&fileName=v", []byte(`{}`))
	bodies := make(map[string]string)
	for id, a := range server.listed("histogram_combined_3d") {
		bodies[a["fileName"].(string)] = string(server.body(id))
	}
	want := map[string]string{
		"w": `{"histograms":[{"step":1,"histogram":{"version":1}},{"step":1,"histogram":{"version":2}},{"step":2,"histogram":{"version":2,"x":1}}]}`,
		"v": `{"histograms":[{"step":null,"histogram":{}}]}`,
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("combined (-want +got):\n%s", diff)
	}
	if n := len(server.listed("all")); n != 6 {
		t.Errorf("%d assets in all, want 6", n)
	}
	server.get(restBase + "write/experiment/asset/delete?assetId=h3&experimentKey=" + freeKey)
	if n := len(server.listed("histogram_combined_3d")); n != 1 {
		t.Errorf("%d combined after one name is gone", n)
	}
	server.upload(freeKey, "c1", "&type=histogram_combined_3d&fileName=w", []byte(`{"histograms":[]}`))
	if list := server.listed("histogram_combined_3d"); len(list) != 1 || list["c1"] == nil {
		t.Errorf("combined after one was uploaded: %v", list)
	}
}

// Large files may go to storage in parts.
func TestDirectUpload(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Moods: comettest.Moods{S3Upload: true}})
	server := &tester{t, srv, comettest.DefaultAPIKey}
	key := srv.SeedExperiment("alice", "p", comettest.ExperimentSpec{})
	start := `{"apiKey":"` + server.key + `","experimentId":"` + key + `","assetId":"big","fileName":"d/big.bin","step":3,"overwrite":false,
		"metadata":"{\"a\":1}","startUploadParams":{"cloudType":"AWS","preSignUrlTimeoutSec":10800,"numOfFileParts":2}}`
	doc := server.post(lib+"asset/upload-start", start)
	parts := []string{strings.Repeat("a", 10_000), "tail"}
	var tags []string
	for i, u := range doc["preSignUrl"].([]any) {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", u.(string), strings.NewReader(parts[i]))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		tags = append(tags, fmt.Sprintf(`{"ETag":%q,"PartNumber":%d}`, resp.Header.Get("ETag"), i+1))
	}
	complete := func(size int) string {
		return fmt.Sprintf(`{"apiKey":%q,"requestId":%q,"succeed":true,"fileSize":%d,"uploadedFileParts":[%s]}`, server.key, doc["requestId"], size, strings.Join(tags, ","))
	}
	server.post(lib+"asset/upload-complete", complete(10_004))
	e := server.experiment(key)
	if len(e.Assets) != 1 || e.Assets[0].Name != "d/big.bin" || e.Assets[0].Size != 10_004 || *e.Assets[0].Step != 3 || *e.Assets[0].Metadata != `{"a":1}` {
		t.Errorf("stored: %+v", e.Assets)
	}
	if rec := server.request("POST", lib+"asset/upload-complete", complete(10_004)); rec.Code != 404 {
		t.Errorf("completed twice: status %d", rec.Code)
	}
	doc = server.post(lib+"asset/upload-start", strings.Replace(start, `"big"`, `"other"`, 1))
	if rec := server.request("POST", lib+"asset/upload-complete", complete(10_004)); rec.Code != 400 {
		t.Errorf("completed without parts: status %d", rec.Code)
	}
}

// A part that is still coming when its upload ends is not of it any more.
func TestDirectUploadEnded(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Moods: comettest.Moods{S3Upload: true}})
	server := &tester{t, srv, comettest.DefaultAPIKey}
	key := srv.SeedExperiment("alice", "p", comettest.ExperimentSpec{})
	doc := server.post(lib+"asset/upload-start", fmt.Sprintf(`{"apiKey":%q,"experimentId":%q,"assetId":"big","fileName":"big",
		"startUploadParams":{"cloudType":"AWS","preSignUrlTimeoutSec":10800,"numOfFileParts":1}}`, server.key, key))
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "PUT", doc["preSignUrl"].([]any)[0].(string), r)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The server has found the upload once it takes more than buffers hold.
		if _, err := w.Write(make([]byte, 32<<20)); err != nil {
			t.Error(err)
		}
		server.post(lib+"asset/upload-complete", fmt.Sprintf(`{"apiKey":%q,"requestId":%q,"succeed":false,"fileSize":-1}`, server.key, doc["requestId"]))
		w.Close()
	}()
	resp, err := http.DefaultClient.Do(req)
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %s", resp.Status)
	}
}

// A model is a zip whatever the names of its files are.
func TestModelNames(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	for i, name := range []string{"folder/", "/", strings.Repeat("x", 70_000), "plain"} {
		server.ok(server.form(lib+"asset/upload?experimentId="+freeKey+"&assetId=m"+strconv.Itoa(i)+"&apiKey="+ownerKey+"&fileName="+name+"&type=model-element&groupingName=net", nil, []byte("w")))
	}
	rec := server.request("GET", restBase+"experiment/model/download?modelName=net&experimentKey="+freeKey, "")
	z, err := zip.NewReader(bytes.NewReader(rec.Body.Bytes()), int64(rec.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if f.UncompressedSize64 != 1 {
			t.Errorf("%.20q has %d bytes, want 1", f.Name, f.UncompressedSize64)
		}
	}
	if len(z.File) != 4 {
		t.Errorf("%d files, want 4", len(z.File))
	}
}
