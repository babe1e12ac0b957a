package filter

import "github.com/comet-stream/comet-stream/stream"

// inShard reports whether a record outside any group belongs to the shard of the
// rules.
func (s *sieve) inShard(r stream.Raw) bool {
	shard := s.rules.Shard
	if shard.Whole() {
		return true
	}
	in := true
	switch name, ok := shardName(r); {
	case r.Kind == stream.KindSkipped && (s.text || s.other):
		in = s.text // it goes with what it closes, whatever it names
	case ok:
		in = shard.Has(name)
	case !r.Kind.Known():
		in = shard.First()
	}
	return in
}

// shardName returns the name by which the shard of a record is found, as FORMAT.md
// has it in section 8. It reports false for a record that is in all of them, or
// of a kind that this version does not know.
func shardName(r stream.Raw) (name string, ok bool) {
	kind := r.Kind
	if kind == stream.KindSkipped {
		of, _ := r.Field("kind").Text()
		kind = stream.Kind(of) // it is where that would be
	}
	switch kind {
	case stream.KindNotes:
		return text(r, "project"), true
	case stream.KindPanel, stream.KindView:
		return text(r, "workspace"), true
	case stream.KindLink, stream.KindLineage:
		return text(r, "experiment"), true
	}
	if r.Kind != stream.KindSkipped {
		return "", false
	}
	if key := text(r, "experiment"); key != "" {
		return key, true
	}
	return text(r, "name"), true
}
