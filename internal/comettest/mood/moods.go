package mood

import (
	"slices"
	"strings"
	"sync/atomic"
)

// Moods are the ways in which servers of other ages, or servers on a bad day,
// differ from the documented one. The zero value is the documented server.
// They can be changed while the server runs, see [Current]; the JSON
// names are those of the control endpoint.
type Moods struct {
	// Version replaces Options.Version when it is not empty.
	Version string `json:"version,omitempty"`
	// NoVersion answers the version endpoint with 404.
	NoVersion bool `json:"noVersion,omitempty"`
	// NoGetAll answers experiment/metrics/get-all with 404.
	NoGetAll bool `json:"noGetAll,omitempty"`
	// NoBatch answers the batches of points and parameters, and the times of
	// offline uploads, with 404: only their REST counterparts are there.
	NoBatch bool `json:"noBatch,omitempty"`
	// AllCalls has every call, whatever the version.
	AllCalls bool `json:"allCalls,omitempty"`
	// Lacks names calls, by their path below the base of their family, that
	// the server does not know.
	Lacks []string `json:"lacks,omitempty"`
	// BadRequestForMissing answers 400 where newer servers say 404.
	BadRequestForMissing bool `json:"badRequestForMissing,omitempty"`

	// OptionalFields is "null" or "absent": what becomes of the fields of
	// answers that a server need not give and that nothing is lost without.
	OptionalFields string `json:"optionalFields,omitempty"`
	// NumbersForText sends numbers where numeric text is usual.
	NumbersForText bool `json:"numbersForText,omitempty"`
	// TextForNumbers sends text where numbers are usual.
	TextForNumbers bool `json:"textForNumbers,omitempty"`
	// ExtraFields adds unknown fields to every object of an answer.
	ExtraFields bool `json:"extraFields,omitempty"`
	// ObjectWorkspaces lists workspaces as objects with a name.
	ObjectWorkspaces bool `json:"objectWorkspaces,omitempty"`

	// ForcePages, if positive, bounds every listing of experiments to so many
	// items, asked for or not, and adds the hints page, totalPages, hasMore
	// and nextPage.
	ForcePages int `json:"forcePages,omitempty"`
	// IgnorePages returns every experiment whatever page is asked for.
	IgnorePages bool `json:"ignorePages,omitempty"`
	// IgnoreArchived lists archived and other experiments whatever the
	// parameter archived says.
	IgnoreArchived bool `json:"ignoreArchived,omitempty"`
	// RepeatListing begins each further page with the last item of the one
	// before.
	RepeatListing bool `json:"repeatListing,omitempty"`
	// ShiftListing turns the order of a paged listing by so many places after
	// each page served, as if experiments came or went meanwhile: positive
	// numbers make items appear twice, negative ones make the reader miss some.
	ShiftListing int `json:"shiftListing,omitempty"`
	// StatelessListing lists experiments without saying whether they have crashed.
	StatelessListing bool `json:"statelessListing,omitempty"`
	// FoldTags takes tags that differ in case for the same one where experiments are
	// queried.
	FoldTags bool `json:"foldTags,omitempty"`
	// Vanish names experiments that are listed, and gone when read.
	Vanish []string `json:"vanish,omitempty"`

	// RedirectDownloads answers get-asset with a redirect to a second host,
	// which refuses requests that carry a credential.
	RedirectDownloads bool `json:"redirectDownloads,omitempty"`
	// Ranges makes get-asset honour Range requests.
	Ranges bool `json:"ranges,omitempty"`
	// NoGzip never compresses an answer.
	NoGzip bool `json:"noGzip,omitempty"`
	// InterleaveMetrics mixes the metrics in the answer of get-all.
	InterleaveMetrics bool `json:"interleaveMetrics,omitempty"`

	// MetricCap, if positive, is the number of points of a metric beyond
	// which the server down-samples. [DefaultMetricCap] is that of comet.com.
	MetricCap int `json:"metricCap,omitempty"`
	// MetricCapEnd, "first" or "last", shows the points at that end of such a
	// metric in place of some from all over it.
	MetricCapEnd string `json:"metricCapEnd,omitempty"`
	// MetricStride, if over 1, shows each of so many points of any metric.
	MetricStride int `json:"metricStride,omitempty"`
	// OnePerStep keeps one point of those of a metric with one step and context:
	// "first" drops those that come later, "last" shows the latest alone.
	OnePerStep string `json:"onePerStep,omitempty"`
	// FullMetricFiles gives the points that down-sampling hides as files of
	// type ASSET_TYPE_FULL_METRIC: "typed" lists them when asked by type,
	// "listed" among all assets too.
	FullMetricFiles string `json:"fullMetricFiles,omitempty"`
	// FullMetricMillis writes milliseconds instead of seconds into them.
	FullMetricMillis bool `json:"fullMetricMillis,omitempty"`
	// CurrentIsLast takes the point of a metric that came last for its current
	// value, not the one of the greatest step and time.
	CurrentIsLast bool `json:"currentIsLast,omitempty"`
	// GeneratedNames logs the display name that the server makes up for a new
	// experiment as its other Name, and takes the value of the latest time,
	// not the last to come, for the current one of any other.
	GeneratedNames bool `json:"generatedNames,omitempty"`
	// ResumeRuns makes an experiment that is resumed run again.
	ResumeRuns bool `json:"resumeRuns,omitempty"`
	// MergeDuplicates drops points equal in every field to one stored before.
	MergeDuplicates bool `json:"mergeDuplicates,omitempty"`

	// TakenKeys is what a handshake for a key that is taken gets: "answer", as
	// if it had asked for that experiment, or "wordless", a refusal that does
	// not say why.
	TakenKeys string `json:"takenKeys,omitempty"`
	// RefuseGzip answers 415 to bodies that are compressed.
	RefuseGzip bool `json:"refuseGzip,omitempty"`
	// RefuseEmptyTexts answers 400 to html, code and graphs that are empty.
	RefuseEmptyTexts bool `json:"refuseEmptyTexts,omitempty"`

	// KeepEndTime leaves the end time of a finished experiment alone when
	// something is written to it later. The default is to move it.
	KeepEndTime bool `json:"keepEndTime,omitempty"`
	// AppendSystem appends additional system information to what is there, also
	// where that has the same key.
	AppendSystem bool `json:"appendSystem,omitempty"`
	// InstanceIDs takes an asset id once in the whole instance, not once in each
	// experiment.
	InstanceIDs bool `json:"instanceIDs,omitempty"`
	// SceneItems is what there is of the parts of a 3D scene beside their
	// upload: "" lists and gives them, "unreadable" lists them only, and
	// "unlisted" does neither.
	SceneItems string `json:"sceneItems,omitempty"`
	// AssignIDs gives uploaded assets ids of the server's choice.
	AssignIDs bool `json:"assignIDs,omitempty"`
	// NamesOnce refuses an asset of a name that the experiment has, with the code
	// that else says so of its id: the other reading of the client's words.
	NamesOnce bool `json:"namesOnce,omitempty"`
	// IgnoreArtifactExtras drops the fields of artifacts that no client sends.
	IgnoreArtifactExtras bool `json:"ignoreArtifactExtras,omitempty"`
	// BareVersions lists the versions of an artifact without state and
	// metadata, which their details give.
	BareVersions bool `json:"bareVersions,omitempty"`
	// ConfigurationSetsStatus makes the status configuration of a version of a
	// registry model set the version's status too.
	ConfigurationSetsStatus bool `json:"configurationSetsStatus,omitempty"`
	// SnakeViews gives the views with the names of their fields in snake case.
	SnakeViews bool `json:"snakeViews,omitempty"`
	// S3Upload announces direct uploads to storage in the handshake.
	S3Upload bool `json:"s3Upload,omitempty"`
}

// Current are the moods of the moment. Its methods may be called at any time from any
// goroutine.
type Current struct{ p atomic.Pointer[Moods] }

// Load returns the moods, which nobody changes.
func (c *Current) Load() *Moods { return c.p.Load() }

// Store replaces the moods.
func (c *Current) Store(m Moods) { c.p.Store(&m) }

// Adjust changes the moods by f, at once against other callers.
func (c *Current) Adjust(f func(*Moods)) {
	for {
		old := c.p.Load()
		m := *old
		f(&m)
		if c.p.CompareAndSwap(old, &m) {
			return
		}
	}
}

// LacksPath reports whether a server of these moods does not know a path.
func (m *Moods) LacksPath(path string) bool {
	return m.NoBatch && (strings.HasPrefix(path, "/clientlib/batch/") || path == "/clientlib/status-report/offline-metadata")
}

// Vanished reports whether an experiment is listed and gone when read.
func (m *Moods) Vanished(key string) bool {
	return slices.Contains(m.Vanish, key)
}
