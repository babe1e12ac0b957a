package main

import (
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// seeded starts a server that holds one project, changed by adjust.
func seeded(t *testing.T, adjust func(*comettest.ExperimentSpec)) *comettest.Server {
	srv := comettest.Start(t, comettest.Options{})
	text := "text"
	spec := comettest.ExperimentSpec{
		Key: strings.Repeat("k", 32), Name: "n", Start: 1, End: 2, FilePath: "p", Tags: []string{"t"},
		Parameters: []comettest.Value{{Name: "lr", Value: "1"}}, Points: []comettest.MetricPoint{{Metric: "m", Value: "1", Time: 5}},
		HTML: &text, Code: &text, Graph: &text, Output: []string{text}, Git: &comettest.GitState{User: &text}, GitPatch: []byte(text),
		System: map[string]any{"user": "u"},
		Assets: []comettest.AssetSpec{{ID: "id", Name: "a", Type: "model-element", Model: "cnn", Body: []byte(text)}},
	}
	adjust(&spec)
	srv.SeedProject("w", "p", comettest.ProjectSpec{Notes: "notes"})
	srv.SeedExperiment("w", "p", spec)
	return srv
}

func demo(t *testing.T, src, dst *comettest.Server) (string, error) {
	var out strings.Builder
	err := run(t.Context(), &out, []string{src.URL(), "w/p", dst.URL(), "w/p"})
	return out.String(), err
}

// Equal projects give a table without a difference, and each difference its
// line.
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
			if out, err := demo(t, plain, seeded(t, func(*comettest.ExperimentSpec) {})); err != nil || strings.Contains(out, "differs") {
				t.Errorf("equal projects: %v\n%s", err, out)
			}
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

func TestProjectMissing(t *testing.T) {
	srv := seeded(t, func(*comettest.ExperimentSpec) {})
	err := run(t.Context(), nil, []string{srv.URL(), "w/p", srv.URL(), "w/q"})
	if err == nil || !strings.Contains(err.Error(), `"w/q"`) {
		t.Errorf("error %v does not name the project", err)
	}
}
