package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/stream"
)

// logged is what one experiment has, whether read from the requests of the
// client that logged it or from a stream.
type logged struct {
	Key           string
	Tags          []string // sorted
	Parameters    map[string]string
	Others        map[string]string
	Points        []string // sorted
	HTML, Graph   string
	System        map[string]string
	Installed, OS []string
	Assets        map[string]loggedAsset // by id
}

type loggedAsset struct {
	Name, Type, Step, Context, Metadata, Link, Body string
	Model                                           string
}

func newLogged() *logged {
	return &logged{Parameters: map[string]string{}, Others: map[string]string{}, System: map[string]string{}, Assets: map[string]loggedAsset{}}
}

// loggedBy reads a recording of one experiment.
func loggedBy(t *testing.T, traffic []exchange) *logged {
	t.Helper()
	l := newLogged()
	for _, x := range traffic {
		switch path.Base(x.Path) {
		case "upload":
			l.upload(t, x)
		default:
			if x.Method != "GET" {
				l.request(t, path.Base(x.Path), x.Body.JSON)
			}
		}
	}
	slices.Sort(l.Tags)
	slices.Sort(l.Points)
	return l
}

// request takes one JSON request.
func (l *logged) request(t *testing.T, call string, body []byte) {
	t.Helper()
	var req struct {
		ExperimentKey string
		AddedTags     []string
		Key           string
		Value         json.RawMessage
		HTML, Graph   string
		Values        []struct {
			MetricName, ParameterName   string
			MetricValue, ParameterValue json.RawMessage
			Step, Epoch, Timestamp      json.RawMessage
			Context                     *string
		}
	}
	if err := json.Unmarshal(body, &req); err != nil {
		t.Fatalf("%s: %v", call, err)
	}
	switch call {
	case "run":
		l.Key = req.ExperimentKey
	case "add-tags-to-experiment":
		l.Tags = append(l.Tags, req.AddedTags...)
	case "log-other":
		l.Others[req.Key] = plain(req.Value)
	case "html":
		l.HTML += req.HTML
	case "graph":
		l.Graph = req.Graph
	case "system-details":
		l.system(t, body)
	case "parameter":
		for _, v := range req.Values {
			l.Parameters[v.ParameterName] = plain(v.ParameterValue)
		}
	case "metric":
		for _, v := range req.Values {
			l.Points = append(l.Points, pointText(v.MetricName, plain(v.MetricValue), v.Context, v.Timestamp, v.Step, v.Epoch))
		}
	}
}

// plain is the text of a JSON value, without the spaces that clients put into
// lists.
func plain(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
		raw = []byte(text)
	}
	return strings.ReplaceAll(string(raw), " ", "")
}

func pointText(name, value string, context *string, numbers ...json.RawMessage) string {
	text := fmt.Sprintf("%s = %s (%q)", name, value, deref(context, "none"))
	for _, n := range numbers {
		text += " " + string(n)
	}
	return text
}

func deref(text *string, none string) string {
	if text == nil {
		return none
	}
	return *text
}

// system takes the fields of system details that are neither null nor empty.
func (l *logged) system(t *testing.T, body []byte) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	lists := map[string]*[]string{"installedPackages": &l.Installed, "osPackages": &l.OS}
	for name, raw := range fields {
		if list := lists[name]; list != nil {
			if err := json.Unmarshal(raw, list); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if text := string(raw); name != "experimentKey" && text != "null" && text != "[]" {
			l.System[name] = plain(raw)
		}
	}
}

// upload takes one asset.
func (l *logged) upload(t *testing.T, x exchange) {
	t.Helper()
	q := x.query()
	a := loggedAsset{Name: q.Get("fileName"), Type: q.Get("type"), Step: q.Get("step"), Context: q.Get("context"), Model: q.Get("groupingName")}
	id := q.Get("assetId")
	if path.Base(path.Dir(x.Path)) == "visualizations" {
		id, a.Name, a.Type = q.Get("imageId"), q.Get("figName"), "image"
	}
	if a.Type == "" {
		a.Type = "asset"
	}
	_, params, err := mime.ParseMediaType(x.Headers["content-type"])
	if err != nil {
		t.Fatal(err)
	}
	form := multipart.NewReader(bytes.NewReader(x.Body.bytes()), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		switch part.FormName() {
		case "file":
			a.Body = string(text)
		case "link":
			a.Link = string(text)
		case "metadata":
			a.Metadata = string(text)
		}
	}
	l.Assets[id] = a.unnamed()
}

// unnamed takes the name away from an asset that the server names.
func (a loggedAsset) unnamed() loggedAsset {
	if a.Type == "text-sample" {
		a.Name = ""
	}
	return a
}

// heldBy reads the one experiment of a stream.
func heldBy(t *testing.T, text []byte) *logged {
	t.Helper()
	l := newLogged()
	r := stream.NewReader(bytes.NewReader(text), stream.ReaderOptions{})
	defer r.Close()
	texts := map[stream.Kind]*string{stream.KindHTML: &l.HTML, stream.KindGraph: &l.Graph}
	id := ""
	for rec, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case *stream.Experiment:
			l.Key, l.Tags = rec.Key, append(l.Tags, rec.Tags...)
		case *stream.Values:
			l.values(t, rec)
		case *stream.Metrics:
			for _, p := range rec.Points {
				l.Points = append(l.Points, pointText(rec.Name, p.Value.Text(), textOf(p.Context), integer(p.Time), integer(p.Step), integer(p.Epoch)))
			}
		case *stream.Text:
			if to := texts[rec.Of]; to != nil {
				*to += string(rec.Data)
			}
		case *stream.Document:
			if rec.Of == stream.KindSystem {
				l.systemHeld(t, rec.Doc)
			}
		case *stream.Requirements:
			l.Installed, l.OS = append(l.Installed, rec.Installed...), append(l.OS, rec.OS...)
		case *stream.Asset:
			if id = rec.ID; deref(rec.Type, "") != "histogram_combined_3d" { // which servers make
				l.Assets[id] = heldAsset(rec)
			}
		case *stream.Chunk:
			if a, ok := l.Assets[id]; ok {
				a.Body += string(rec.Data)
				l.Assets[id] = a
			}
		}
	}
	slices.Sort(l.Tags)
	slices.Sort(l.Points)
	return l
}

func (l *logged) values(t *testing.T, rec *stream.Values) {
	t.Helper()
	into := l.Parameters
	if rec.Of == stream.KindOthers {
		into = l.Others
	}
	for _, v := range rec.Values {
		var doc struct{ Name, ValueCurrent string }
		if err := json.Unmarshal([]byte(v.String()), &doc); err != nil {
			t.Fatal(err)
		}
		into[doc.Name] = plain([]byte(doc.ValueCurrent))
	}
}

// derivedSystem are the fields of system details that the server derives.
var derivedSystem = []string{"maxTotalMemory", "systemMetricNames", "totalRam"}

func (l *logged) systemHeld(t *testing.T, doc stream.Doc) {
	t.Helper()
	for name, value := range doc.Members() {
		text := value.String()
		if !slices.Contains(derivedSystem, name) && name != "experimentKey" && text != "null" && text != "[]" {
			l.System[name] = plain([]byte(text))
		}
	}
}

func textOf(s stream.String) *string {
	if !s.OK {
		return nil
	}
	return &s.V
}

func integer(n stream.Int64) json.RawMessage {
	if !n.OK {
		return json.RawMessage("null")
	}
	return fmt.Append(nil, n.V)
}

func heldAsset(rec *stream.Asset) loggedAsset {
	a := loggedAsset{Name: deref(rec.Name, ""), Type: deref(rec.Type, ""), Link: deref(rec.Remote, "")}
	text := func(name string) string {
		text, _ := rec.Doc.Member(name).Text()
		return text
	}
	a.Context, a.Metadata = text("runContext"), text("metadata")
	if step := rec.Doc.Member("step"); step != nil && step.String() != "null" {
		a.Step = step.String()
	}
	if model, ok := strings.CutPrefix(text("dir"), "models/"); ok {
		a.Model = model
	}
	return a.unnamed()
}
