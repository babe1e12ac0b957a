package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// systemItem is what the stream says of the machine: one document, and lists of
// packages that may go over several records.
type systemItem struct {
	fields        map[string]json.RawMessage
	installed, os []string
	size          int
}

// maxPackages bounds the lists of packages, which go into one request.
const maxPackages = 16 << 20

var errPackages = errors.New("lists of packages are too long")

func (s *systemItem) take(rec *stream.Document) error {
	return document.Read(rec.Doc, &s.fields)
}

func (s *systemItem) takePackages(rec *stream.Requirements) error {
	for _, list := range [][]string{rec.Installed, rec.OS} {
		for _, p := range list {
			s.size += 16 + len(p)
		}
	}
	if s.size > maxPackages {
		return &InputError{Err: errPackages}
	}
	s.installed = append(s.installed, rec.Installed...)
	s.os = append(s.os, rec.OS...)
	return nil
}

// serverFields are those of the system details that servers work out.
var serverFields = []string{"experimentKey", "systemMetricNames", "maxTotalMemory"}

// details returns what there is to write, nil for nothing.
func (s *systemItem) details() map[string]json.RawMessage {
	d := maps.Clone(s.fields)
	if d == nil {
		d = make(map[string]json.RawMessage)
	}
	for _, name := range serverFields {
		delete(d, name)
	}
	for name, list := range map[string][]string{"installedPackages": s.installed, "osPackages": s.os} {
		if len(list) > 0 {
			text, err := json.Marshal(list)
			if err != nil {
				panic("importer: list of strings: " + err.Error())
			}
			d[name] = text
		}
	}
	// An empty text is a value that was logged, as the processor of some
	// machines; the empty lists are what servers answer where nothing was.
	maps.DeleteFunc(d, func(_ string, v json.RawMessage) bool { return document.Empty(v) && string(v) != `""` })
	return d
}

// flushSystem writes the system details once all records of them have come.
func (e *experiment) flushSystem(ctx context.Context) {
	s := e.system
	e.system = systemItem{}
	want := s.details()
	if len(want) == 0 || e.expect(func(x *expectation) { x.system = want }) {
		return
	}
	e.Spawn(func() { e.Item(report.Issue{Kind: string(stream.KindSystem)}, e.writeSystem(ctx, want)) })
}

func (e *experiment) writeSystem(ctx context.Context, want map[string]json.RawMessage) error {
	write := want
	if e.Existing != nil {
		have, err := e.systemThere(ctx)
		if err != nil {
			return err
		}
		write = make(map[string]json.RawMessage)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			switch {
			case document.SameServer(want[name], have[name]), forgotten(name, have):
				if n := document.Doubled(want[name], have[name]); n > 0 {
					e.Differs(report.Issue{Kind: string(stream.KindSystem), Name: name, Reason: fmt.Sprintf(isDoubled, n)})
				}
			case document.Empty(have[name]) || e.StreamWins:
				write[name] = want[name]
			default:
				e.Differs(report.Issue{Kind: string(stream.KindSystem), Name: name, Reason: "the destination has another value"})
			}
		}
	}
	if len(write) == 0 {
		return nil
	}
	doc, err := json.Marshal(write)
	if err != nil {
		return err
	}
	return e.Write(ctx, string(stream.KindSystem), func() error {
		_, err := reconcile.Once(ctx, e.r.Destination, func() (string, error) {
			return "", e.r.Client.Origins.WriteSystem(ctx, e.Key, doc)
		}, func() (string, error) {
			have, err := e.systemThere(ctx)
			for name, v := range write {
				if err != nil || !document.SameServer(v, have[name]) && !forgotten(name, have) {
					return "", err
				}
			}
			return "written", nil
		})
		return err
	})
}

// isDoubled tells of a list to which something was appended again.
const isDoubled = "the destination has %d entries of it more than once"

// documented are the fields that clients are known to write.
var documented = []string{
	"user", "pythonVersion", "pythonVersionVerbose", "pid", "osType", "os", "osRelease", "machine", "processor", "ip", "hostname", "env",
	"networkInterfaceIps", "command", "executable", "totalRam", "gpuStaticInfoList", "logAdditionalSystemInfoList", "osPackages", "installedPackages",
}

// forgotten reports whether a field is one that the server does not keep: it is
// none of the documented ones, as newer servers may have, and the answer does
// not even say that it is null. Writing it again would change nothing.
func forgotten(name string, have map[string]json.RawMessage) bool {
	_, there := have[name]
	return !there && !slices.Contains(documented, name)
}

func (e *experiment) systemThere(ctx context.Context) (map[string]json.RawMessage, error) {
	var have map[string]json.RawMessage
	s, err := e.r.Client.Origins.System(ctx, e.Key)
	if err == nil {
		err = json.Unmarshal(s.Raw, &have)
	}
	if err != nil && !answer.Absent(err) {
		return nil, err
	}
	return have, nil
}

// gitDoc is the state of a repository.
type gitDoc struct {
	User   document.Text `json:"user"`
	Root   document.Text `json:"root"`
	Branch document.Text `json:"branch"`
	Parent document.Text `json:"parent"`
	Origin document.Text `json:"origin"`
}

// is reports whether two states are the same. No text and an empty one are the
// same here: servers may turn one into the other.
func (g *gitDoc) is(o *gitDoc) bool {
	return g.User.V == o.User.V && g.Root.V == o.Root.V && g.Branch.V == o.Branch.V && g.Parent.V == o.Parent.V && g.Origin.V == o.Origin.V
}

// takeGit writes the state of the repository.
func (e *experiment) takeGit(ctx context.Context, rec *stream.Document) error {
	var g gitDoc
	if err := document.Read(rec.Doc, &g); err != nil {
		return err
	}
	if g != (gitDoc{}) {
		put(ctx, e, e.git(g))
	}
	return nil
}

func gitDocOf(g *comet.Git) *gitDoc {
	return &gitDoc{document.TextOf(g.User), document.TextOf(g.Root), document.TextOf(g.Branch), document.TextOf(g.Parent), document.TextOf(g.Origin)}
}
