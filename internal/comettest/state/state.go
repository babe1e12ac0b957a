// Package state gives what a server has stored in a form that can be compared and
// marshalled, past any client.
package state

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Options choose what [Of] tells. The zero value gives hashes
// for everything large.
type Options struct {
	// Points lists the points of every metric, beside their hash.
	Points bool
	// Texts gives code, html, output and graph in full, beside their hash.
	Texts bool
	// Portable leaves out what a server assigns and no client can set: ids of
	// projects, models and the like, owners, dates of creation and change,
	// and names that the server made up. The order in which assets, values
	// and experiments came plays no part in a state in any case.
	Portable bool
	// Readable leaves out what clients can write and nobody can read back:
	// status errors, sources of parameters, epochs of assets, cloud details and
	// the list of dependencies, which are among the installed packages too.
	Readable bool
	// Workspace, if not empty, is the only one to report.
	Workspace string
}

// State is all that a server has stored, in a form that can be compared and
// marshalled. Lists are sorted; absent values are null.
type State struct {
	Workspaces []Workspace `json:"workspaces"`
}

// Workspace is a workspace, its projects sorted by name.
type Workspace struct {
	Name           string          `json:"name"`
	Members        []string        `json:"members,omitempty"`
	Projects       []Project       `json:"projects"`
	RegistryModels []RegistryModel `json:"registryModels"`
	Artifacts      []Artifact      `json:"artifacts"`
	Panels         []Panel         `json:"panels"`
}

// Project is a project, its experiments sorted by key.
type Project struct {
	ID          string       `json:"id,omitempty"`
	Name        string       `json:"name"`
	Description *string      `json:"description"`
	Public      bool         `json:"public"`
	General     bool         `json:"general"`
	Owner       string       `json:"owner,omitempty"`
	Notes       string       `json:"notes"`
	ShareCodes  int          `json:"shareCodes"`
	Created     int64        `json:"created,omitempty"`
	Updated     int64        `json:"updated,omitempty"`
	Experiments []Experiment `json:"experiments"`
	// Links are the keys of experiments of other projects that appear here.
	Links []string `json:"links"`
	Views []View   `json:"views"`
}

// Experiment is an experiment.
type Experiment struct {
	Key            string   `json:"key"`
	Name           *string  `json:"name"`
	User           string   `json:"user,omitempty"`
	Start          int64    `json:"start"`
	End            int64    `json:"end"` // 0 = none
	Running        bool     `json:"running"`
	Crashed        bool     `json:"crashed"`
	StatusError    *string  `json:"statusError"`
	Archived       bool     `json:"archived"`
	Offline        bool     `json:"offline,omitempty"`
	OptimizationID *string  `json:"optimizationId"`
	FilePath       *string  `json:"filePath"`
	Tags           []string `json:"tags"`
	Parameters     []Value  `json:"parameters"`
	Others         []Value  `json:"others"`
	Metrics        []Metric `json:"metrics"`
	HTML           *Text    `json:"html"`
	Code           *Text    `json:"code"`
	Graph          *Text    `json:"graph"`
	Output         *Text    `json:"output"`
	Origin
	Assets []Asset  `json:"assets"`
	Models []string `json:"models"`
	// InputArtifacts and OutputArtifacts are name:version.
	InputArtifacts  []string `json:"inputArtifacts"`
	OutputArtifacts []string `json:"outputArtifacts"`
}

// Value is a parameter or other.
type Value struct {
	Name    string  `json:"name"`
	Current Stamped `json:"current"`
	Min     Stamped `json:"min"`
	Max     Stamped `json:"max"`
	Source  string  `json:"source,omitempty"`
}

// Stamped is one value and when it was logged.
type Stamped struct {
	Value   string  `json:"value"`
	Time    int64   `json:"time"`
	Step    *int64  `json:"step"`
	Context *string `json:"context"`
}

// Metric is a metric as it can be read, after down-sampling.
type Metric struct {
	Name   string `json:"name"`
	Points int    `json:"points"`
	// Received counts the points before down-sampling.
	Received int `json:"received,omitempty"`
	// SHA256 is over the points, sorted; it depends on every field of them
	// and on the exact text of the values.
	SHA256  string  `json:"sha256"`
	Min     Stamped `json:"min"`
	Max     Stamped `json:"max"`
	Current Stamped `json:"current"`
	Values  []Point `json:"values,omitempty"`
}

// Point is one metric point.
type Point struct {
	Time    int64   `json:"time"`
	Step    *int64  `json:"step"`
	Epoch   *int64  `json:"epoch"`
	Context *string `json:"context"`
	Value   string  `json:"value"`
}

// Text is a text.
type Text struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Text   string `json:"text,omitempty"`
}

// Asset is an asset. Those that the server derives are left out.
type Asset struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Dir      string  `json:"dir"`
	Step     *int64  `json:"step"`
	Epoch    *int64  `json:"epoch"`
	Context  *string `json:"context"`
	Metadata *string `json:"metadata"`
	Model    string  `json:"model,omitempty"`
	Remote   bool    `json:"remote"`
	Link     string  `json:"link,omitempty"`
	Size     int64   `json:"size"`
	SHA256   string  `json:"sha256,omitempty"`
	Created  int64   `json:"created,omitempty"`
	// Items are the parts of a 3D scene in the order in which they came.
	Items []Item `json:"items,omitempty"`
}

// Item is a part of a 3D scene.
type Item struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// look is a look at the store: what is wanted of it, and what it depends on.
type look struct {
	Options
	store     *store.Store
	now       int64
	heartbeat time.Duration
	moods     *mood.Moods
}

// Of returns what a store holds. Writers wait while it looks at an experiment, so
// that each is seen at one moment.
func Of(st *store.Store, now int64, heartbeat time.Duration, moods *mood.Moods, o Options) *State {
	l := &look{o, st, now, heartbeat, moods}
	l.store.RLock()
	defer l.store.RUnlock()
	state := &State{Workspaces: []Workspace{}}
	for _, w := range l.store.Workspaces {
		if o.Workspace == "" || o.Workspace == w.Name {
			state.Workspaces = append(state.Workspaces, l.workspaceState(w))
		}
	}
	slices.SortFunc(state.Workspaces, func(a, b Workspace) int { return cmp.Compare(a.Name, b.Name) })
	return state
}

// Workspace returns the state of one workspace, nil if there is none.
func (st *State) Workspace(name string) *Workspace {
	for i := range st.Workspaces {
		if st.Workspaces[i].Name == name {
			return &st.Workspaces[i]
		}
	}
	return nil
}

// Project returns the state of one project, nil if there is none.
func (st *State) Project(workspace, name string) *Project {
	w := st.Workspace(workspace)
	for i := 0; w != nil && i < len(w.Projects); i++ {
		if w.Projects[i].Name == name {
			return &w.Projects[i]
		}
	}
	return nil
}

// Experiment returns the state of one experiment, nil if there is none.
func (st *State) Experiment(key string) *Experiment {
	for _, w := range st.Workspaces {
		for _, p := range w.Projects {
			for i := range p.Experiments {
				if p.Experiments[i].Key == key {
					return &p.Experiments[i]
				}
			}
		}
	}
	return nil
}

func (l *look) workspaceState(w *store.Workspace) Workspace {
	ws := Workspace{Name: w.Name, Projects: []Project{}}
	if !l.Portable {
		for m := range w.Members {
			ws.Members = append(ws.Members, m)
		}
		slices.Sort(ws.Members)
	}
	for _, p := range w.Projects {
		ws.Projects = append(ws.Projects, l.projectState(p))
	}
	ws.RegistryModels, ws.Artifacts, ws.Panels = registryStates(w, l.Options), artifactStates(w, l.Options), panelStates(w, l.Options)
	slices.SortFunc(ws.Projects, func(a, b Project) int { return cmp.Compare(a.Name, b.Name) })
	return ws
}

func (l *look) projectState(p *store.Project) Project {
	ps := Project{
		Name: p.Name, Description: p.Description, Public: p.Public, General: p.General, Notes: p.Notes,
		ShareCodes: len(p.ShareCodes), Experiments: []Experiment{}, Links: []string{}, Views: viewStates(p, l.Options),
	}
	if !l.Portable {
		ps.ID, ps.Owner, ps.Created, ps.Updated = p.ID, p.Owner, p.Created, p.Updated
	}
	for _, e := range p.Experiments {
		ps.Experiments = append(ps.Experiments, l.experimentState(e))
	}
	slices.SortFunc(ps.Experiments, func(a, b Experiment) int { return cmp.Compare(a.Key, b.Key) })
	for _, e := range p.Links {
		ps.Links = append(ps.Links, e.Key)
	}
	slices.Sort(ps.Links)
	return ps
}

func (l *look) experimentState(e *store.Experiment) Experiment {
	e.Lock()
	defer e.Unlock()
	x := Experiment{
		Key: e.Key, Name: e.DisplayName(), Start: e.Start, Crashed: e.Crashed, StatusError: e.StatusError,
		Running: e.Running(l.now, l.heartbeat), Archived: e.Archived,
		OptimizationID: e.OptimizationID, FilePath: e.FilePath,
		Tags: slices.Sorted(slices.Values(e.Tags)), Parameters: valueStates(&e.Parameters, l.Options), Others: valueStates(&e.Others, l.Options),
		Metrics: l.metricStates(e), HTML: textState(e.HTML, l.Options), Code: textState(e.Code, l.Options), Graph: textState(e.Graph, l.Options),
		Origin: originStateOf(&e.Origins, l.Options), Assets: assetStates(e.Assets, l.Options),
	}
	x.End = e.EndTime(l.now, l.heartbeat)
	if !l.Portable {
		x.User, x.Offline = e.User, e.Offline
	} else if e.Others.Get("Name") == nil {
		x.Name = nil
	}
	x.addTexts(e, l.Options)
	for _, m := range e.Models {
		x.Models = append(x.Models, m.Name)
	}
	slices.Sort(x.Models)
	addLineage(l.store, e, &x)
	return x
}

func (x *Experiment) addTexts(e *store.Experiment, o Options) {
	if len(e.Output.Pieces) > 0 {
		text := e.Output.Text()
		x.Output = textState(&text, o)
	}
	if o.Readable {
		x.StatusError = nil
	}
}

// canonical writes JSON with sorted names and without space.
func canonical(raw json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	doc, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return doc
}

func sumHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func textState(text *string, o Options) *Text {
	if text == nil {
		return nil
	}
	t := &Text{Bytes: len(*text), SHA256: sumHex([]byte(*text))}
	if o.Texts {
		t.Text = *text
	}
	return t
}

func stampedState(v store.Stamped) Stamped {
	return Stamped{Value: v.Text, Time: v.Time, Step: v.Step, Context: v.Context}
}

func valueStates(t *store.ValueTable, o Options) []Value {
	list := []Value{}
	for _, v := range t.All() {
		x := Value{v.Name, stampedState(v.Current), stampedState(v.Min), stampedState(v.Max), v.Source}
		if o.Readable {
			x.Source = ""
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Value) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func assetStates(assets []*store.Asset, o Options) []Asset {
	list := []Asset{}
	for _, a := range assets {
		x := Asset{
			ID: a.ID, Name: a.Name, Type: a.Type, Dir: a.Dir(), Step: a.Step, Epoch: a.Epoch, Context: a.Context,
			Metadata: a.Metadata, Model: a.Grouping, Remote: a.Remote, Link: a.Link,
		}
		if a.Body != nil {
			x.Size, x.SHA256 = a.Body.Size, a.Body.SHA256()
		}
		for _, item := range a.Items {
			x.Items = append(x.Items, Item{item.Name, item.Type, item.Body.Size, item.Body.SHA256()})
		}
		if !o.Portable {
			x.Created = a.Created
		}
		if o.Readable {
			x.Epoch = nil
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Asset) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
