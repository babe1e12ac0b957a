package stream

import (
	"encoding/hex"
	"strings"
)

// formatName is what a header calls the format.
const formatName = "comet-stream"

// featuresKnown are the values of `requires` that this version understands.
var featuresKnown = map[string]bool{}

func checkHeader(h *Header) error {
	if h.Format != formatName {
		return fault(ErrCorrupt, "header of format %q", quotable([]byte(h.Format)))
	}
	if h.Version[0] != majorVersion {
		return fault(ErrVersion, "stream of version %d.%d, this reader knows version %d", h.Version[0], h.Version[1], majorVersion)
	}
	for _, feature := range h.Requires {
		if !featuresKnown[feature] {
			return fault(ErrVersion, "stream requires %q, which this reader does not know", quotable([]byte(feature)))
		}
	}
	if _, err := streamID(h.ID); err != nil {
		return err
	}
	return nil
}

// streamID returns the part of a stream id that labels carry.
func streamID(id string) ([8]byte, error) {
	var b [16]byte
	if n, err := hex.Decode(b[:], []byte(id[:min(len(id), 32)])); err != nil || n != 16 || len(id) != 32 || strings.ToLower(id) != id {
		return [8]byte{}, fault(ErrCorrupt, "stream id %q is not 32 hex digits", quotable([]byte(id)))
	}
	return [8]byte(b[:8]), nil
}
