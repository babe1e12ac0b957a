package main

import (
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// seeded starts a server that holds one experiment, changed by adjust, and one
// thing of every kind that a workspace has.
func seeded(t *testing.T, adjust func(*comettest.ExperimentSpec)) *comettest.Server {
	srv := comettest.Start(t, comettest.Options{})
	text := "text"
	spec := comettest.ExperimentSpec{
		Key: strings.Repeat("k", 32), Name: "n", Start: 1, End: 2, FilePath: "p", Tags: []string{"t"},
		Parameters: []comettest.Value{{Name: "lr", Value: "1"}}, Points: []comettest.MetricPoint{{Metric: "m", Value: "1", Time: 5}},
		HTML: &text, Code: &text, Graph: &text, Output: []string{text}, Git: &comettest.GitSpec{User: &text}, GitPatch: []byte(text),
		System: map[string]any{"user": "u"},
		Assets: []comettest.AssetSpec{{ID: "id", Name: "a", Type: "model-element", Model: "cnn", Body: []byte(text)}},
	}
	adjust(&spec)
	srv.SeedProject("w", "p", comettest.ProjectSpec{Notes: "notes"})
	srv.SeedExperiment("w", "p", spec)
	srv.SeedExperiment("w", "other", comettest.ExperimentSpec{Key: strings.Repeat("o", 32), Name: "other", Start: 1, End: 2})
	return srv
}

func demo(t *testing.T, src, dst *comettest.Server, renames ...string) (string, error) {
	var out strings.Builder
	err := run(t.Context(), &out, append([]string{src.URL(), "w", dst.URL(), "w"}, renames...))
	return out.String(), err
}

// Equal workspaces give a table without a difference.
func TestCompareEqual(t *testing.T) {
	same := func(*comettest.ExperimentSpec) {}
	if out, err := demo(t, seeded(t, same), seeded(t, same)); err != nil || strings.Contains(out, "differs") {
		t.Errorf("%v\n%s", err, out)
	}
	src, dst := demoServer(t, "p"), demoServer(t, "q")
	if out, err := demo(t, src, dst, "p=q"); err != nil || strings.Contains(out, "differs") {
		t.Errorf("under another name: %v\n%s", err, out)
	}
	if _, err := demo(t, src, dst); err == nil {
		t.Error("another name is no difference")
	}
}

// demoServer has one project, with an artifact of it.
func demoServer(t *testing.T, project string) *comettest.Server {
	srv := comettest.Start(t, comettest.Options{})
	key := srv.SeedExperiment("w", project, comettest.ExperimentSpec{Key: strings.Repeat("k", 32), Name: "n", Start: 1, End: 2})
	srv.SeedArtifact("w", comettest.ArtifactSpec{Name: "a", Versions: []comettest.ArtifactVersionSpec{{Version: "1.0.0", Producer: key}}})
	return srv
}

// What the level of workspaces differs in has its line, too.
func TestCompareWorkspace(t *testing.T) {
	key := strings.Repeat("k", 32)
	for line, seed := range map[string]func(*comettest.Server){
		"project notes": func(s *comettest.Server) { s.SeedProject("w", "p", comettest.ProjectSpec{Notes: "others"}) },
		"share links, as many": func(s *comettest.Server) {
			s.SeedProject("w", "p", comettest.ProjectSpec{Notes: "notes", ShareLinks: 1})
		},
		"links from other projects": func(s *comettest.Server) { s.SeedLink(key, "other") },
		"artifacts": func(s *comettest.Server) {
			s.SeedArtifact("w", comettest.ArtifactSpec{Name: "a", Versions: []comettest.ArtifactVersionSpec{{Version: "1.0.0", Producer: key}}})
		},
		"artifact versions, their files": func(s *comettest.Server) {
			s.SeedArtifact("w", comettest.ArtifactSpec{Name: "a", Versions: []comettest.ArtifactVersionSpec{{Version: "1.0.0", Producer: key}}})
		},
		"registry models and versions": func(s *comettest.Server) {
			s.SeedRegistryModel("w", comettest.RegistrySpec{Name: "r", Versions: []comettest.RegistryVersionSpec{{Version: "1.0.0", Experiment: key, Model: "cnn"}}})
		},
		"custom panels": func(s *comettest.Server) { s.SeedPanel("w", "n", "code") },
		"views":         func(s *comettest.Server) { s.SeedView("w", "p", "", "n", nil) },
	} {
		t.Run(line, func(t *testing.T) {
			same := func(*comettest.ExperimentSpec) {}
			src, dst := seeded(t, same), seeded(t, same)
			seed(src)
			out, err := demo(t, src, dst)
			if err == nil || !differs(out, line) {
				t.Errorf("%v, and no difference in %q:\n%s", err, line, out)
			}
		})
	}
}

// Each difference has its line.
func TestCompare(t *testing.T) {
	other := "other"
	for line, adjust := range map[string]func(*comettest.ExperimentSpec){
		"experiments, their keys and names": func(s *comettest.ExperimentSpec) { s.Name = other },
		"start and end":                     func(s *comettest.ExperimentSpec) { s.End = 3 },
		"running":                           func(s *comettest.ExperimentSpec) { s.Running = true },
		"crashed":                           func(s *comettest.ExperimentSpec) { s.Crashed = true },
		"archived":                          func(s *comettest.ExperimentSpec) { s.Archived = true },
		"file paths":                        func(s *comettest.ExperimentSpec) { s.FilePath = other },
		"tags":                              func(s *comettest.ExperimentSpec) { s.Tags = []string{other} },
		"parameters":                        func(s *comettest.ExperimentSpec) { s.Parameters[0].Value = other },
		"others":                            func(s *comettest.ExperimentSpec) { s.Others = []comettest.Value{{Name: "o"}} },
		"metrics":                           func(s *comettest.ExperimentSpec) { s.Points[0].Metric = other },
		"metric points":                     func(s *comettest.ExperimentSpec) { s.Points[0].Value = "1.0" },
		"system details":                    func(s *comettest.ExperimentSpec) { s.System["user"] = other },
		"git metadata":                      func(s *comettest.ExperimentSpec) { s.Git.User = &other },
		"git patches":                       func(s *comettest.ExperimentSpec) { s.GitPatch = []byte(other) },
		"bytes of code":                     func(s *comettest.ExperimentSpec) { s.Code = &other },
		"bytes of graph":                    func(s *comettest.ExperimentSpec) { s.Graph = nil },
		"bytes of html":                     func(s *comettest.ExperimentSpec) { s.HTML = &other },
		"bytes of output":                   func(s *comettest.ExperimentSpec) { s.Output = nil },
		"assets, their ids and names":       func(s *comettest.ExperimentSpec) { s.Assets[0].ID = other },
		"asset bytes":                       func(s *comettest.ExperimentSpec) { s.Assets[0].Body = []byte("more") },
		"models":                            func(s *comettest.ExperimentSpec) { s.Assets[0].Model = other },
	} {
		t.Run(line, func(t *testing.T) {
			plain := seeded(t, func(*comettest.ExperimentSpec) {})
			out, err := demo(t, plain, seeded(t, adjust))
			if err == nil || !differs(out, line) {
				t.Errorf("%v, and no difference in %q:\n%s", err, line, out)
			}
		})
	}
}

// differs reports whether the line of a table says so.
func differs(table, name string) bool {
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, name+"  ") {
			return strings.Contains(line, "differs")
		}
	}
	return false
}

func TestWorkspaceMissing(t *testing.T) {
	srv := seeded(t, func(*comettest.ExperimentSpec) {})
	err := run(t.Context(), nil, []string{srv.URL(), "w", srv.URL(), "nowhere"})
	if err == nil || !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("error %v does not name the workspace", err)
	}
}
