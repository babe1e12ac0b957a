package comettest

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func originRoutes() []route {
	return []route{
		{method: "GET", path: "experiment/git/metadata", handle: in(originCall.gitMetadata)},
		{method: "GET", path: "experiment/git/patch", handle: in(originCall.gitPatch)},
		{method: "GET", path: "experiment/system-details", handle: in(originCall.systemDetails)},
		{method: "POST", path: "write/experiment/git/metadata", handle: in(originCall.writeGit)},
		{method: "POST", path: "write/experiment/git/patch", stream: true, handle: in(originCall.writePatch)},
		{method: "POST", path: "write/experiment/system-details", handle: in(originCall.writeSystem)},
		{method: "POST", path: "write/experiment/cloud-details", handle: in(originCall.writeCloud)},
		{method: "PUT", path: "write/experiment/dependencies", handle: in(originCall.writeDependencies)},
	}
}

// origins is what an experiment came from.
type origins struct {
	git      *gitMetadata
	gitPatch []byte
	system   systemDetails
	cloud    []cloudDetails
	deps     []dependency
}

// OriginState is what an experiment came from.
type OriginState struct {
	Git            *GitState                  `json:"git"`
	GitPatchSHA256 string                     `json:"gitPatchSha256"` // "" = none
	System         map[string]json.RawMessage `json:"system"`
	CloudDetails   []json.RawMessage          `json:"cloudDetails"`
	Dependencies   []string                   `json:"dependencies"` // name==version
}

func (e *origins) originState(o StateOptions) OriginState {
	x := OriginState{System: map[string]json.RawMessage{}}
	if e.git != nil {
		git := GitState(*e.git)
		x.Git = &git
	}
	if e.gitPatch != nil {
		x.GitPatchSHA256 = sumHex(e.gitPatch)
	}
	for name, raw := range e.system {
		x.System[name] = canonical(raw)
	}
	if o.Readable {
		return x
	}
	for _, c := range e.cloud {
		doc, _ := json.Marshal(c) // what it holds came as JSON
		x.CloudDetails = append(x.CloudDetails, doc)
	}
	for _, d := range e.deps {
		x.Dependencies = append(x.Dependencies, d.text())
	}
	return x
}

type gitMetadata struct {
	User   *string `json:"user"`
	Root   *string `json:"root"`
	Branch *string `json:"branch"`
	Parent *string `json:"parent"`
	Origin *string `json:"origin"`
}

// GitState is the git metadata.
type GitState struct {
	User, Root, Branch, Parent, Origin *string
}

func (c originCall) gitMetadata() error {
	return c.readExperiment(func(e *experiment) error {
		git := gitMetadata{}
		if e.git != nil {
			git = *e.git
		}
		return c.send(git)
	})
}

func (c originCall) writeGit() error {
	var req struct {
		ExperimentKey string `json:"experimentKey"`
		gitMetadata
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		git := req.gitMetadata
		e.git = &git
		return c.ack()
	})
}

// gitPatch answers with the patch as it was uploaded, or, with status 200,
// that there is none.
func (c originCall) gitPatch() error {
	return c.readExperiment(func(e *experiment) error {
		if e.gitPatch == nil {
			return c.send(saved("No git patch was found"))
		}
		c.w.Header().Set("Content-Type", "application/octet-stream")
		c.out = e.gitPatch
		return nil
	})
}

func (c originCall) writePatch() error { return c.savePatch(c.optional("experimentKey")) }

// savePatch takes the field file of a multipart form as git patch.
func (c originCall) savePatch(key string) error {
	if _, err := c.experiment(key, RoleOwner); err != nil {
		return err
	}
	form, err := uploadCall(c).multipart()
	if err != nil {
		return err
	}
	var patch []byte
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refusal.BadRequest("form: %v", err)
		}
		if part.FormName() != "file" {
			continue
		}
		if patch, err = io.ReadAll(blob.Limited(part, c.s.uploadLimit("git-patch"))); err != nil {
			return uploadError(err)
		}
	}
	if patch == nil {
		return refusal.BadRequest("form field file is missing")
	}
	return c.writeExperiment(key, func(e *experiment) error {
		e.gitPatch = patch
		return c.ack()
	})
}

type cloudDetails struct {
	Provider string          `json:"provider"`
	Metadata json.RawMessage `json:"metadata"`
}

func (c originCall) writeCloud() error {
	var req struct {
		ExperimentKey string `json:"experimentKey"`
		cloudDetails
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Provider == "" {
		return refusal.BadRequest("provider is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.cloud = append(e.cloud, cloudDetails{req.Provider, slices.Clone(req.Metadata)})
		return c.ack()
	})
}

type dependency struct {
	Name    string  `json:"name"`
	Version *string `json:"version"`
}

// text is a dependency as package lists write it.
func (d dependency) text() string {
	if d.Version == nil {
		return d.Name
	}
	return d.Name + "==" + *d.Version
}

func (c originCall) writeDependencies() error {
	var req struct {
		ExperimentKey   string       `json:"experimentKey"`
		Timestamp       *int64       `json:"timestamp"`
		LogDependencies []dependency `json:"logDependencies"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.LogDependencies == nil {
		return refusal.BadRequest("logDependencies is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.deps = append(e.deps, req.LogDependencies...)
		e.system.addPackages(req.LogDependencies)
		return c.ack()
	})
}
