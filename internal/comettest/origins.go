package comettest

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
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

func (c originCall) gitMetadata() error {
	return c.readExperiment(func(e *store.Experiment) error {
		return c.send(cmp.Or(e.Git, &store.GitMetadata{}))
	})
}

func (c originCall) writeGit() error {
	var req struct {
		ExperimentKey string `json:"experimentKey"`
		store.GitMetadata
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.writeExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Git = new(req.GitMetadata)
		return c.ack()
	})
}

// gitPatch answers with the patch as it was uploaded, or, with status 200,
// that there is none.
func (c originCall) gitPatch() error {
	return c.readExperiment(func(e *store.Experiment) error {
		if e.GitPatch == nil {
			return c.send(saved("No git patch was found"))
		}
		c.w.Header().Set("Content-Type", "application/octet-stream")
		c.out = e.GitPatch
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
	return c.writeExperiment(key, func(e *store.Experiment) error {
		e.GitPatch = patch
		return c.ack()
	})
}

func (c originCall) writeCloud() error {
	var req struct {
		ExperimentKey string `json:"experimentKey"`
		store.CloudDetails
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Provider == "" {
		return refusal.BadRequest("provider is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Cloud = append(e.Cloud, store.CloudDetails{Provider: req.Provider, Metadata: slices.Clone(req.Metadata)})
		return c.ack()
	})
}

func (c originCall) writeDependencies() error {
	var req struct {
		ExperimentKey   string             `json:"experimentKey"`
		Timestamp       *int64             `json:"timestamp"`
		LogDependencies []store.Dependency `json:"logDependencies"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.LogDependencies == nil {
		return refusal.BadRequest("logDependencies is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Dependencies = append(e.Dependencies, req.LogDependencies...)
		e.System.AddPackages(req.LogDependencies)
		return c.ack()
	})
}
