package comet

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Origins are the calls of where an experiment ran: the repository and the machine.
type Origins struct{ conn *conn }

// Others are the calls of the others of an experiment.
type Others struct{ conn *conn }

// Parameters are the calls of the parameters of an experiment.
type Parameters struct{ conn *conn }

// Reading is one of the three readings that a [Value] keeps.
type Reading struct {
	Value   *string
	Time    *int64 // milliseconds
	Step    *int64
	Context *string
}

// Value is a parameter, an other or the summary of a metric: the server keeps
// the smallest, the largest and the current reading of each.
type Value struct {
	Raw json.RawMessage
	// Cut is true for one that is too large to be held: Raw has its short members
	// alone.
	Cut               bool
	Name              string
	Min, Max, Current Reading
}

func parseValue(data []byte) Value {
	x := Value{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		if name == "name" {
			x.Name = wire.TextOrEmpty(v)
			return
		}
		// The rest is named <field><Min|Max|Current>.
		var r *Reading
		field, ok := strings.CutSuffix(name, "Current")
		switch {
		case ok:
			r = &x.Current
		default:
			if field, ok = strings.CutSuffix(name, "Min"); ok {
				r = &x.Min
			} else if field, ok = strings.CutSuffix(name, "Max"); ok {
				r = &x.Max
			} else {
				return
			}
		}
		switch field {
		case "value":
			r.Value = wire.TextOf(v)
		case "timestamp":
			r.Time = wire.IntOf(v)
		case "step":
			r.Step = wire.IntOf(v)
		case "runContext":
			r.Context = wire.TextOf(v)
		}
	})
	return x
}

// List returns the parameters of an experiment.
func (c Parameters) List(ctx context.Context, key string) ([]Value, error) {
	return c.conn.summary(ctx, readParameters, key)
}

// List returns the others of an experiment.
func (c Others) List(ctx context.Context, key string) ([]Value, error) {
	return c.conn.summary(ctx, readOthers, key)
}

// List returns the summaries of all metrics of an experiment. Metrics of
// the system may be missing from it, see [System.Metrics].
func (c Metrics) List(ctx context.Context, key string) ([]Value, error) {
	return c.conn.summary(ctx, readSummary, key)
}

func (c *conn) summary(ctx context.Context, rd read, key string) ([]Value, error) {
	return listOf(ctx, c, rd, values("experimentKey", key), nil, parseValue)
}

// Tags returns the tags of an experiment.
func (c Experiments) Tags(ctx context.Context, key string) ([]string, error) {
	data, err := c.conn.get(ctx, readTags, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	return wire.TextsOf(wire.Member(data, "tags")), nil
}

// Git is the state of the repository that an experiment ran from.
type Git struct {
	Raw                                json.RawMessage
	User, Root, Branch, Parent, Origin *string
}

// Empty reports whether there is no git data.
func (g *Git) Empty() bool {
	return g.User == nil && g.Root == nil && g.Branch == nil && g.Parent == nil && g.Origin == nil
}

// Git returns the state of the repository that an experiment ran from.
func (c Origins) Git(ctx context.Context, key string) (*Git, error) {
	data, err := c.conn.get(ctx, readGit, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	g := &Git{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "user":
			g.User = wire.TextOf(v)
		case "root":
			g.Root = wire.TextOf(v)
		case "branch":
			g.Branch = wire.TextOf(v)
		case "parent":
			g.Parent = wire.TextOf(v)
		case "origin":
			g.Origin = wire.TextOf(v)
		}
	})
	return g, nil
}

// System is what is known of the machine that an experiment ran on.
type System struct {
	Raw               json.RawMessage
	Metrics           []string // names of system metrics
	InstalledPackages []string
	OSPackages        []string
}

// System returns what is known of the machine that an experiment ran
// on. Without any details all of it is null.
func (c Origins) System(ctx context.Context, key string) (*System, error) {
	data, err := c.conn.get(ctx, readSystem, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	s := &System{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "systemMetricNames":
			s.Metrics = wire.TextsOf(v)
		case "installedPackages":
			s.InstalledPackages = wire.TextsOf(v)
		case "osPackages":
			s.OSPackages = wire.TextsOf(v)
		}
	})
	return s, nil
}
