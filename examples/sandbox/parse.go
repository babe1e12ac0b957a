package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// setSynthetic sets the field that item, NAME=N, names.
func setSynthetic(spec *comettest.SyntheticSpec, item string) error {
	name, text, ok := strings.Cut(item, "=")
	if item == "" {
		return nil
	}
	n, err := parseSize(text)
	if !ok || err != nil {
		return fmt.Errorf("seed: %q is not NAME=N", item)
	}
	switch name {
	case "experiments":
		spec.Experiments = int(n)
	case "metrics":
		spec.Metrics = int(n)
	case "points":
		spec.Points = int(n)
	case "assets":
		spec.Assets = int(n)
	case "size":
		spec.AssetSize = n
	case "parameters":
		spec.Parameters = int(n)
	case "seed":
		spec.Seed = uint64(n)
	default:
		return fmt.Errorf("seed: %q is not known", name)
	}
	return nil
}

// parseSize reads a number that may end in K, M or G, powers of 1024.
func parseSize(text string) (int64, error) {
	shift := 0
	for i, unit := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(text, unit); ok {
			text, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return n << shift, nil
}

func parseMoods(text string) (m comettest.Moods, err error) {
	if text == "" {
		return m, nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("moods: %w", err)
	}
	return m, nil
}
