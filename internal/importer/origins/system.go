package origins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// machine is what the stream says of one: a document, and lists of packages that may
// go over several records.
type machine struct {
	fields        system
	installed, os []string
	size          int
}

// system is what is known of a machine, by the names of fields.
type system map[string]json.RawMessage

// maxPackages bounds the lists of packages, which go into one request.
const maxPackages = 16 << 20

var errPackages = errors.New("lists of packages are too long")

func (m *machine) takePackages(rec *stream.Requirements) error {
	for _, list := range [][]string{rec.Installed, rec.OS} {
		for _, p := range list {
			m.size += 16 + len(p)
		}
	}
	if m.size > maxPackages {
		return &flow.InputError{Err: errPackages}
	}
	m.installed = append(m.installed, rec.Installed...)
	m.os = append(m.os, rec.OS...)
	return nil
}

// serverFields are those of the system details that servers work out.
var serverFields = []string{"experimentKey", "systemMetricNames", "maxTotalMemory"}

func (m *machine) details() system {
	d := maps.Clone(m.fields)
	if d == nil {
		d = make(system)
	}
	for _, name := range serverFields {
		delete(d, name)
	}
	for name, list := range map[string][]string{"installedPackages": m.installed, "osPackages": m.os} {
		if len(list) > 0 {
			d[name] = encode(list)
		}
	}
	// An empty text is a value that was logged, as the processor of some
	// machines; the empty lists are what servers answer where nothing was.
	maps.DeleteFunc(d, func(_ string, v json.RawMessage) bool { return document.Empty(v) && string(v) != `""` })
	return d
}

// encode returns the JSON of what has one.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("importer: system details: " + err.Error())
	}
	return text
}

// Flush writes the system details once all records of them have come.
func (o *Origins) Flush(ctx context.Context) error {
	want := o.machine.details()
	o.machine = machine{}
	if len(want) > 0 {
		session.Put(ctx, o.Experiment, o.systemItem(want))
	}
	return nil
}

// systemItem is the details of the machine, a value for each field.
func (o *Origins) systemItem(want system) *reconcile.Item[system] {
	return &reconcile.Item[system]{
		Issue:   report.Issue{Kind: string(stream.KindSystem)},
		Read:    o.readSystem,
		Compare: func(have system) []reconcile.Difference { return compare(want, have) },
		Once:    true,
		Write: func(ctx context.Context, f reconcile.Found[system]) error {
			lacking := make(system, len(f.Values))
			for _, d := range f.Values {
				lacking[d.Name] = want[d.Name]
			}
			return o.Client.Origins.WriteSystem(ctx, o.Key, encode(lacking))
		},
	}
}

// readSystem reads the details that the destination has. Without an error they are not nil.
func (o *Origins) readSystem(ctx context.Context) (system, error) {
	var have system
	details, err := o.Client.Origins.System(ctx, o.Key)
	if err == nil {
		err = json.Unmarshal(details.Raw, &have)
	}
	if err != nil && !answer.Absent(err) {
		return nil, err
	}
	if have == nil {
		have = make(system)
	}
	return have, nil
}

// compare returns the fields that the destination lacks, has in another way or has
// more of; have is nil where nothing was read.
func compare(want, have system) (differ []reconcile.Difference) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		d := reconcile.Difference{Issue: report.Issue{Kind: string(stream.KindSystem), Name: name, Reason: "the destination has a different value"}}
		if document.SameServer(want[name], have[name]) || have != nil && forgotten(name, have) {
			n := document.Doubled(want[name], have[name])
			if n == 0 {
				continue
			}
			d.Fixed, d.Reason = true, fmt.Sprintf("the destination has %d duplicate entries", n)
		}
		d.Free = document.Empty(have[name])
		differ = append(differ, d)
	}
	return differ
}

// documented are the fields that clients are known to write.
var documented = []string{
	"user", "pythonVersion", "pythonVersionVerbose", "pid", "osType", "os", "osRelease", "machine", "processor", "ip", "hostname", "env",
	"networkInterfaceIps", "command", "executable", "totalRam", "gpuStaticInfoList", "logAdditionalSystemInfoList", "osPackages", "installedPackages",
}

// forgotten reports whether a field is one that the server does not keep: it is
// none of the documented ones, as newer servers may have, and the answer does
// not even say that it is null. Writing it again would change nothing.
func forgotten(name string, have system) bool {
	_, existing := have[name]
	return !existing && !slices.Contains(documented, name)
}
