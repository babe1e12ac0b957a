package experiments

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// cell is the text of a column for e, and whether it has one. The lock of e
// is held.
func (c queryCall) cell(e *store.Experiment, source, field string) (string, bool) {
	switch source {
	case "metrics":
		if s := e.Metrics[field]; s != nil {
			sum := s.Summary()
			current := sum.Current(c.Moods)
			return current.Value.String(), true
		}
	case "params":
		if v := e.Parameters.Get(field); v != nil {
			return v.Current.Text, true
		}
	case "log_other":
		for _, d := range e.AllOthers() {
			if d.Name == field {
				return d.Current.Text, true
			}
		}
	case "tag":
		return field, slices.ContainsFunc(e.Tags, func(tag string) bool {
			return tag == field || c.Moods.FoldTags && strings.EqualFold(tag, field)
		})
	case "env_details":
		if raw := e.System[field]; raw != nil {
			text, err := wire.Text(raw)
			return text, err == nil
		}
	case "metadata":
		return c.metadataCell(e, field)
	}
	return "", false
}

func (c queryCall) metadataCell(e *store.Experiment, field string) (string, bool) {
	optional := func(s *string) (string, bool) {
		if s == nil {
			return "", false
		}
		return *s, true
	}
	running := e.Running(c.Now(), c.HeartbeatTimeout)
	switch field {
	case "experimentKey", "experiment_key":
		return e.Key, true
	case "runId":
		return e.RunID, true
	case "user_name":
		return e.User, true
	case "file_name":
		return optional(e.FileName())
	case "file_path":
		return optional(e.FilePath)
	case "optimizationId":
		return optional(e.OptimizationID)
	case "start_server_timestamp":
		return utcText(e.Start), true
	case "end_server_timestamp", "last_message_time":
		return utcText(e.End), e.End != 0
	case "duration":
		return strconv.FormatFloat(float64(max(0, e.End-e.Start))/1000, 'f', -1, 64), e.End != 0
	case "runActive", "running":
		return bit(running), true
	case "archived":
		return bit(e.Archived), true
	case "hasHtml":
		return bit(e.HTML != nil && *e.HTML != ""), true
	case "hasImages":
		return bit(e.PerType["image"] > 0), true
	case "hasNotes":
		return bit(false), true
	}
	return "", false
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// utcText writes a time as queries do.
func utcText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000000")
}
