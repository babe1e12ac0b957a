package stream

import "encoding/json"

// Records of what did not come from a server: FORMAT.md, section 10. They have the
// documents that a server gives back of what is written to it, so that a stream of
// them has the sums of what its import leaves.

// NewHeader returns the header of a stream of what is at an address, which may be
// "": scheme and host alone.
func NewHeader(tool, source string) *Header {
	return &Header{Tool: tool, Source: Source{URL: source}, Parents: []string{}, Requires: []string{}}
}

// NewProject returns the record that begins a project, whose experiments are n.
func NewProject(workspace, name, description string, n int64) *Project {
	doc := map[string]any{"workspaceName": workspace, "projectName": name}
	if description != "" {
		doc["projectDescription"] = description
	}
	return &Project{Workspace: workspace, Name: name, Experiments: n, Doc: docOf(doc)}
}

// NewExperiment returns the record that opens an experiment which has ended. Times
// are in ms since the epoch.
func NewExperiment(workspace, project, key, name string, start, end int64) *Experiment {
	return &Experiment{
		Workspace: workspace, Project: project, Key: key, Name: &name, Start: &start, End: &end, Tags: []string{}, Doc: docOf(map[string]any{}),
	}
}

// NewValue returns a parameter or an other, for [Values]: its text, and when it
// was logged. Servers expect a time for each; the start of the experiment will
// do.
func NewValue(name, value string, time int64) Doc {
	return docOf(map[string]any{
		"name": name, "valueCurrent": value, "valueMin": value, "valueMax": value,
		"timestampCurrent": time, "timestampMin": time, "timestampMax": time,
	})
}

// NewAsset returns the record that opens an asset of so many bytes. The type is one
// of the server's, such as "asset", "image" or "source_code".
func NewAsset(id, name, typ string, size int64) *Asset {
	return &Asset{ID: id, Name: &name, Type: &typ, Size: &size, Doc: docOf(map[string]any{"assetId": id, "fileName": name, "type": typ})}
}

// NewRemoteAsset returns the record that opens an asset which is a link. It has no
// chunks.
func NewRemoteAsset(id, name, typ, link string) *Asset {
	a := NewAsset(id, name, typ, 0)
	a.Remote = &link
	a.Doc = docOf(map[string]any{"assetId": id, "fileName": name, "type": typ, "link": link, "remote": true})
	return a
}

// docOf returns the Doc of a value that has JSON.
func docOf(v any) Doc {
	text, err := json.Marshal(v)
	if err == nil {
		var doc Doc
		if doc, err = DocFromJSON(text); err == nil {
			return doc
		}
	}
	panic("stream: " + err.Error())
}
