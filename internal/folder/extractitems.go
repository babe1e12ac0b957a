package folder

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// An outExperiment is an experiment that is being written. Its metadata come last:
// a folder without them is of no experiment.
type outExperiment struct {
	root  *os.Root
	url   string // of the instance, "" if it is not known
	head  *stream.Experiment
	paths pathSet // of files

	files   map[string]*outFile // those that grow, by their names
	text    *outFile            // the text that goes on
	written map[string]int64    // elements of lists

	installed, os []string

	asset              *outAsset
	assets, assetBytes int64
}

func newOutExperiment(root *os.Root, instance string, e *stream.Experiment) *outExperiment {
	o := &outExperiment{
		root: root, url: instance, head: &stream.Experiment{}, paths: pathSet{},
		files: make(map[string]*outFile), written: make(map[string]int64),
	}
	*o.head = *e
	o.head.Doc = bytes.Clone(e.Doc) // the record is valid until the next one
	for _, name := range []string{assetsFile, "assets/html/experiment.html"} {
		o.paths.add(name)
	}
	return o
}

// file returns a file that grows.
func (o *outExperiment) file(name string) (f *outFile, err error) {
	if f = o.files[name]; f == nil {
		if f, err = createFile(o.root, name); err == nil {
			o.files[name] = f
		}
	}
	return f, err
}

// addLine adds a line to a file.
func (o *outExperiment) addLine(name string, line []byte) error {
	f, err := o.file(name)
	if err != nil {
		return err
	}
	return f.write(append(line, '\n'))
}

func (o *outExperiment) record(rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Values:
		return o.values(rec)
	case *stream.Document:
		return o.document(rec)
	case *stream.Requirements:
		o.installed, o.os = append(o.installed, rec.Installed...), append(o.os, rec.OS...)
	case *stream.Text:
		return o.piece(rec)
	case *stream.Metrics:
		return o.metrics(rec)
	case *stream.Asset:
		return o.beginAsset(rec)
	case *stream.Chunk:
		return o.asset.write(rec.Data)
	case *stream.AssetEnd:
		return o.endAsset(rec)
	}
	return nil
}

// The files of values: one is an array, the other has one a line.
const (
	parametersFile = "parameters.json"
	othersFile     = "others.jsonl"
)

func (o *outExperiment) values(rec *stream.Values) error {
	for _, v := range rec.Values {
		text, err := v.JSON()
		if err != nil {
			return err
		}
		if rec.Of == stream.KindOthers {
			if err := o.addLine(othersFile, text); err != nil {
				return err
			}
			continue
		}
		f, err := o.file(parametersFile)
		if err != nil {
			return err
		}
		before := ", "
		if o.written[parametersFile] == 0 {
			before = "["
		}
		o.written[parametersFile]++
		if err := errors.Join(f.write([]byte(before)), f.write(text)); err != nil {
			return err
		}
	}
	return nil
}

func (o *outExperiment) document(rec *stream.Document) error {
	text, err := rec.Doc.JSON()
	if err != nil {
		return err
	}
	name := "system_details.json"
	if rec.Of == stream.KindGit {
		name = "run/git_metadata.json"
	}
	return writeFile(o.root, name, text)
}

// piece writes a piece of a text. There is no file of an empty one.
func (o *outExperiment) piece(rec *stream.Text) (err error) {
	if o.text == nil {
		if len(rec.Data) == 0 && !rec.More {
			return nil
		}
		for _, t := range textFiles {
			if t.kind == rec.Of {
				o.text, err = createFile(o.root, t.names[0])
			}
		}
		if err != nil {
			return err
		}
	}
	err = o.text.write(rec.Data)
	if err == nil && !rec.More {
		err, o.text = o.text.close(), nil
	}
	return err
}

// metrics writes a line for each point.
func (o *outExperiment) metrics(rec *stream.Metrics) error {
	name := wire.Quote(rec.Name)
	for i := range rec.Points {
		p := &rec.Points[i]
		var b wire.Object
		b.Raw("metricName", name)
		b.Raw("metricValue", valueText(p.Value))
		extra, err := p.Extra.JSON()
		if err != nil {
			return err
		}
		for _, m := range []struct {
			name string
			n    stream.Int64
		}{{"timestamp", p.Time}, {"step", p.Step}, {"epoch", p.Epoch}} {
			switch {
			case m.n.OK:
				b.Int(m.name, m.n.V)
			case wire.Member(extra, m.name) == nil:
				b.Raw(m.name, nil)
			}
		}
		if p.Context.OK {
			b.Text("runContext", p.Context.V)
		} else if wire.Member(extra, "runContext") == nil {
			b.Raw("runContext", nil)
		}
		wire.Members(extra, func(name string, v []byte) { b.Raw(name, v) })
		if err := o.addLine(metricsFile, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// valueText returns the value of a point as cometx writes it: a text, but for null,
// true and false.
func valueText(v stream.Value) []byte {
	if v.IsNull() || v == stream.BoolValue(true) || v == stream.BoolValue(false) {
		return v.AppendText(nil)
	}
	return wire.Quote(v.Text())
}

// skip drops the text or the asset that is open.
func (o *outExperiment) skip() error {
	var err error
	if o.text != nil {
		err = o.text.remove()
	}
	if o.asset != nil && o.asset.f != nil {
		err = errors.Join(err, o.asset.f.remove())
	}
	o.text, o.asset = nil, nil
	return err
}

// drop closes all files.
func (o *outExperiment) drop() error {
	var errs []error
	for _, f := range o.files {
		errs = append(errs, f.close())
	}
	clear(o.files)
	return errors.Join(append(errs, o.skip())...)
}

// finish writes what is known only now, the metadata last.
func (o *outExperiment) finish() error {
	parameters, err := o.file(parametersFile)
	if err != nil {
		return err
	}
	end := "]\n"
	if o.written[parametersFile] == 0 {
		end = "[]\n"
	}
	if err := parameters.write([]byte(end)); err != nil {
		return err
	}
	if _, err := o.file(othersFile); err != nil {
		return err
	}
	if err := o.requirements(); err != nil {
		return err
	}
	if err := o.drop(); err != nil {
		return err
	}
	return o.metadata()
}

// requirements writes the lists of packages.
func (o *outExperiment) requirements() error {
	if len(o.installed) > 0 {
		if err := writeFile(o.root, requirementsFile, []byte(strings.Join(o.installed, "\n"))); err != nil {
			return err
		}
	}
	if len(o.os) == 0 {
		return nil
	}
	text, err := json.Marshal(o.os)
	if err != nil {
		return err
	}
	return writeFile(o.root, osPackagesFile, text)
}

// metadata writes the document of the experiment. Where the record says something
// else, as its project after a filter has given it another name, that counts.
func (o *outExperiment) metadata() error {
	e := o.head
	obj := []byte("{}")
	if e.Doc != nil {
		var err error
		if obj, err = e.Doc.JSON(); err != nil {
			return err
		}
	}
	var tags wire.Object
	tags.Texts("tags", e.Tags)
	values := []member{
		{"experimentKey", wire.Quote(e.Key)}, {"projectName", wire.Quote(e.Project)}, {"workspaceName", wire.Quote(e.Workspace)},
		{"tags", wire.Member(tags.Bytes(), "tags")}, {"cometDownloadVersion", wire.Quote(layoutVersion)},
	}
	var rest wire.Object
	rest.TextOrNull("experimentName", e.Name)
	rest.IntOrNull("startTimeMillis", e.Start)
	rest.IntOrNull("endTimeMillis", e.End)
	rest.Bool("archived", e.Archived)
	rest.Bool("running", e.Running)
	if e.Crashed != nil {
		rest.Bool("hasCrashed", *e.Crashed)
	}
	wire.Members(rest.Bytes(), func(name string, v []byte) {
		if have := wire.Member(obj, name); wire.IsNull(have) || name == "archived" || name == "running" {
			values = append(values, member{name, v})
		}
	})
	return writeFile(o.root, experimentFile, append(changed(obj, values), '\n'))
}

// An outAsset is an asset that is being written.
type outAsset struct {
	rec  *stream.Asset
	f    *outFile // nil of one without bytes
	path string
}

// beginAsset chooses the file of an asset.
func (o *outExperiment) beginAsset(rec *stream.Asset) error {
	a := *rec
	a.Doc = bytes.Clone(rec.Doc)
	o.asset = &outAsset{rec: &a}
	if rec.Remote != nil {
		return nil
	}
	p := safePath(cleanPath(deref(rec.Name)))
	if typ := typeOf(rec); typ == "html" {
		// cometx copy takes all that stands in assets/html for the page of the
		// experiment.
		p = path.Join(assetsDir, htmlDir, p)
		if err := o.root.MkdirAll(assetsDir+"/"+typ, 0o777); err != nil {
			return err
		}
	} else {
		p = path.Join(assetsDir, typeFolder(typ), p)
	}
	o.asset.path = o.paths.add(p)
	var err error
	o.asset.f, err = createFile(o.root, o.asset.path)
	return err
}

// htmlDir has the assets of type html, beside those of the other types.
const htmlDir = "html-assets"

func typeOf(rec *stream.Asset) string {
	if t := deref(rec.Type); t != "" {
		return t
	}
	return "asset"
}

func (a *outAsset) write(data []byte) error { return a.f.write(data) }

// endAsset closes the file, and writes the line that describes it.
func (o *outExperiment) endAsset(end *stream.AssetEnd) error {
	a := o.asset
	o.asset = nil
	if a.f != nil {
		if err := a.f.close(); err != nil {
			return err
		}
	}
	obj, err := a.rec.Doc.JSON()
	if err != nil {
		return err
	}
	name := deref(a.rec.Name)
	values := []member{{"assetId", wire.Quote(a.rec.ID)}, {"fileName", wire.Quote(name)}}
	for _, name := range []string{"type", "step", "metadata"} { // cometx asks for them
		if wire.Member(obj, name) == nil {
			values = append(values, member{name, []byte("null")})
		}
	}
	if a.rec.Remote != nil {
		values = append(values, member{"remote", []byte("true")}, member{"link", wire.Quote(*a.rec.Remote)})
	} else if disk := a.diskName(); disk != name {
		values = append(values, member{"diskFileName", wire.Quote(disk)})
	}
	if a.rec.Remote == nil && o.url != "" {
		values = append(values, member{"link", wire.Quote(o.link(a.rec.ID))})
	}
	o.assets++
	o.assetBytes += end.Size
	return o.addLine(assetsFile, changed(obj, values))
}

// link is where the instance has an asset, as cometx writes it: it tells the address
// that contents of other assets may hold.
func (o *outExperiment) link(id string) string {
	return o.url + "/api/asset/download?" + url.Values{"assetId": {id}, "experimentKey": {o.head.Key}}.Encode()
}

// diskName is the name under which cometx finds the file: below the folder of the
// type, from which the one pass of its cleaning leads to the folder beside.
func (a *outAsset) diskName() string {
	inType, ok := strings.CutPrefix(a.path, assetsDir+"/"+typeFolder(typeOf(a.rec))+"/")
	if !ok {
		return "../../" + strings.TrimPrefix(a.path, assetsDir+"/")
	}
	if cleanPath(deref(a.rec.Name)) == inType {
		return deref(a.rec.Name)
	}
	return inType
}
