package comet

import (
	"context"
	"net/http"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Many are the calls that tell something of many experiments at once. They are
// queries, that servers may answer from an index, or not at all: what they say is
// there, and what they leave out has to be asked of the experiment itself.
type Many struct{ conn *api.Conn }

// asked makes a call that reads by a body.
func asked(rd api.Read, o *wire.Object) *api.Call {
	cl := rd.Call(nil)
	cl.Method, cl.Body, cl.Reads = http.MethodPost, api.JSONBody(o.Bytes()), true
	// Calls of single experiments give the same.
	cl.Heavy = true
	return cl
}

// Tagged returns the keys of the experiments of a project that have a tag, of those
// that are archived or of the others.
func (c Many) Tagged(ctx context.Context, workspace, project, tag string, archived bool) ([]string, error) {
	var rule, query, predicate, o wire.Object
	for _, name := range []string{"id", "field", "value"} {
		rule.Text(name, tag)
	}
	rule.Text("type", "string")
	rule.Text("operator", "equal")
	query.Text("condition", "AND")
	query.Bool("valid", true)
	query.Raw("rules", oneOf(&rule))
	predicate.Text("source", "tag")
	predicate.Raw("query", query.Bytes())
	o.Text("workspaceName", workspace)
	o.Text("projectName", project)
	o.Bool("archived", archived)
	o.Raw("predicates", oneOf(&predicate))
	var keys []string
	err := c.conn.Streamed(ctx, asked(readQuery, &o), func() { keys = nil }, func(s *scan.Scanner, taken *bool) error {
		return s.Listed(readQuery.Wants, nil, func() error {
			return s.Array(func(v []byte, _ bool) error {
				*taken = true
				keys = append(keys, wire.TextOrEmpty(v))
				return nil
			})
		})
	})
	return keys, err
}

// oneOf returns a list of one object.
func oneOf(o *wire.Object) []byte { return slices.Concat([]byte{'['}, o.Bytes(), []byte{']'}) }

// Parameters calls yield for the current values of the named parameters of
// experiments, as far as the server tells.
func (c Many) Parameters(ctx context.Context, keys, names []string, yield func(key, name, value string)) error {
	var o wire.Object
	o.Texts("targetedExperiments", keys)
	o.Texts("metrics", nil)
	o.Texts("params", names)
	o.Bool("independentMetrics", true)
	o.Bool("fetchFull", false)
	data, err := c.conn.Document(ctx, asked(readChart, &o))
	if err != nil {
		return err
	}
	wire.Members(wire.Member(data, "experiments"), func(key string, doc []byte) {
		wire.Members(wire.Member(doc, "params"), func(parameter string, v []byte) {
			if value := wire.TextOf(v); value != nil {
				yield(key, parameter, *value)
			}
		})
	})
	return nil
}
