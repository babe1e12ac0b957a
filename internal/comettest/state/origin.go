package state

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Origin is what an experiment came from.
type Origin struct {
	Git            *Git                       `json:"git"`
	GitPatchSHA256 string                     `json:"gitPatchSha256"` // "" = none
	System         map[string]json.RawMessage `json:"system"`
	CloudDetails   []json.RawMessage          `json:"cloudDetails"`
	Dependencies   []string                   `json:"dependencies"` // name==version
}

// Git is store.GitMetadata, under the names that kept states have.
type Git struct{ User, Root, Branch, Parent, Origin *string }

func originStateOf(e *store.Origins, o Options) Origin {
	x := Origin{System: map[string]json.RawMessage{}}
	if e.Git != nil {
		x.Git = new(Git(*e.Git))
	}
	if e.GitPatch != nil {
		x.GitPatchSHA256 = sumHex(e.GitPatch)
	}
	for name, raw := range e.System {
		x.System[name] = canonical(raw)
	}
	if o.Readable {
		return x
	}
	for _, c := range e.Cloud {
		doc, _ := json.Marshal(c) // what it holds came as JSON
		x.CloudDetails = append(x.CloudDetails, doc)
	}
	for _, d := range e.Dependencies {
		x.Dependencies = append(x.Dependencies, d.Text())
	}
	return x
}
