package logged

import (
	"cmp"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// An originCall is about repository, machine and packages.
type originCall struct{ *api.Call }

func originRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiment/git/metadata", Handle: api.In(originCall.gitMetadata)},
		{Method: "GET", Path: "experiment/git/patch", Handle: api.In(originCall.gitPatch)},
		{Method: "GET", Path: "experiment/system-details", Handle: api.In(originCall.systemDetails)},
		{Method: "POST", Path: "write/experiment/git/metadata", Handle: api.JSON(originCall.writeGit)},
		{Method: "POST", Path: "write/experiment/git/patch", Stream: true, Handle: api.In(originCall.writePatch)},
		{Method: "POST", Family: api.Clientlib, Path: "git-patch/upload", Auth: api.AuthQuery, Stream: true, Handle: api.In(originCall.uploadPatch)},
		{Method: "POST", Path: "write/experiment/system-details", Handle: api.In(originCall.writeSystem)},
		{Method: "POST", Path: "write/experiment/cloud-details", Handle: api.JSON(originCall.writeCloud)},
		{Method: "PUT", Path: "write/experiment/dependencies", Handle: api.JSON(originCall.writeDependencies)},
	}
}

func (c originCall) gitMetadata() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.Send(cmp.Or(e.Git, &store.GitMetadata{}))
	})
}

type writeGitRequest struct {
	ExperimentKey string `json:"experimentKey"`
	store.GitMetadata
}

func (c originCall) writeGit(req *writeGitRequest) error {
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Git = new(req.GitMetadata)
		return c.Ack()
	})
}

// gitPatch answers with the patch as it was uploaded, or, with status 200,
// that there is none.
func (c originCall) gitPatch() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		if e.GitPatch == nil {
			return c.Send(api.Saved("No git patch was found"))
		}
		c.Writer.Header().Set("Content-Type", "application/octet-stream")
		c.Answer = e.GitPatch
		return nil
	})
}

func (c originCall) writePatch() error { return c.savePatch(c.Optional("experimentKey")) }

func (c originCall) uploadPatch() error { return c.savePatch(c.Optional("experimentId")) }

// savePatch takes the field file of a multipart form as git patch.
func (c originCall) savePatch(key string) error {
	if _, err := c.Experiment(key, api.RoleOwner); err != nil {
		return err
	}
	patch, err := c.FormFile("file", "git-patch")
	if err != nil {
		return err
	}
	return c.WriteExperiment(key, func(e *store.Experiment) error {
		e.GitPatch = patch
		return c.Ack()
	})
}

type writeCloudRequest struct {
	ExperimentKey string `json:"experimentKey"`
	store.CloudDetails
}

func (c originCall) writeCloud(req *writeCloudRequest) error {
	if req.Provider == "" {
		return refusal.BadRequest("provider is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Cloud = append(e.Cloud, store.CloudDetails{Provider: req.Provider, Metadata: slices.Clone(req.Metadata)})
		return c.Ack()
	})
}

type writeDependenciesRequest struct {
	ExperimentKey   string             `json:"experimentKey"`
	Timestamp       *int64             `json:"timestamp"`
	LogDependencies []store.Dependency `json:"logDependencies"`
}

func (c originCall) writeDependencies(req *writeDependenciesRequest) error {
	if req.LogDependencies == nil {
		return refusal.BadRequest("logDependencies is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Dependencies = append(e.Dependencies, req.LogDependencies...)
		e.System.AddPackages(req.LogDependencies)
		return c.Ack()
	})
}
