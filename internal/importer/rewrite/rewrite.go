package rewrite

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// References says which experiment keys, asset ids and addresses of the source
// are others at the destination. It is used to rewrite the contents of assets
// that refer to other assets, and of html and notes.
type References struct {
	// Key and Asset return what becomes of a key and an id. ok is false for
	// those that are not known to be of the source.
	Key, Asset func(id string) (now string, ok bool)
	// Linked, if not nil, is asked for an id in a link that Asset does not know.
	Linked func(id string) string
	// From and To are the addresses of source and destination, without a slash
	// at the end. They are empty where they are the same.
	From, To string
}

// A finding is what a rewriting came upon.
type finding struct {
	Changes int
	Unknown []string // ids in the place of references that refer to nothing known, each once
	Blocked int      // references that could not be changed in their place
}

// maxUnknown is how many unknown ids are kept for the report.
const maxUnknown = 20

func (f *finding) note(id string) {
	if len(f.Unknown) < maxUnknown && !slices.Contains(f.Unknown, id) {
		f.Unknown = append(f.Unknown, id)
	}
}

// lookahead is what the rewriter has to see beyond a place to decide on it: ids
// and addresses are shorter.
const lookahead = 512

// rewrite copies src to dst and changes the references in it.
func (r *References) rewrite(dst io.Writer, src io.Reader, binary bool) (finding, error) {
	w := r.reader(src, binary)
	_, err := io.Copy(dst, w)
	return w.found, err
}

// Links returns a text with its references changed.
func (r *References) Links(text io.Reader) io.Reader { return r.reader(text, false) }

// reader returns a content with its references changed. What it does not change it
// does not touch, to the byte. In binary data only what keeps its length is changed.
func (r *References) reader(src io.Reader, binary bool) *rewriter {
	return &rewriter{r: r, src: src, binary: binary, buf: make([]byte, 64<<10)}
}

// A rewriter rewrites when it is read. buf[pos:end] is not yet rewritten.
type rewriter struct {
	r        *References
	src      io.Reader
	binary   bool
	buf      []byte
	pos, end int
	err      error        // of src; io.EOF at its end
	out      bytes.Buffer // what is rewritten and not yet read
	name     string
	gap      []byte // what came since the last word, if it is short
	inside   bool   // buf[pos] goes on with a word that was too long to be one
	found    finding
}

func (w *rewriter) Read(p []byte) (int, error) {
	for w.out.Len() == 0 {
		if !w.fill() {
			return 0, w.err
		}
		w.window()
	}
	return w.out.Read(p)
}

// fill reads on until the buffer is full or the source has ended. It reports
// whether there is anything to rewrite.
func (w *rewriter) fill() bool {
	w.end = copy(w.buf, w.buf[w.pos:w.end])
	w.pos = 0
	for w.err == nil && w.end < len(w.buf) {
		n, err := w.src.Read(w.buf[w.end:])
		w.end += n
		w.err = err
	}
	return w.end > 0 && (w.err == nil || w.err == io.EOF)
}

// window rewrites the buffer up to the last place with enough to look ahead at.
func (w *rewriter) window() {
	stop := w.end
	if w.err == nil {
		stop -= lookahead
	}
	for w.pos < stop {
		n, replace := w.next(stop)
		if replace != "" {
			w.out.WriteString(replace)
			w.found.Changes++
		} else {
			w.out.Write(w.buf[w.pos : w.pos+n])
		}
		w.pos += n
	}
}

// next looks at the bytes at pos: an address, a word, or what is between words.
// It returns its length and what to put in its place, "" to leave it.
func (w *rewriter) next(stop int) (n int, replace string) {
	rest := w.buf[w.pos:w.end]
	if !isWord(rest[0]) {
		for n < len(rest) && w.pos+n < stop && !isWord(rest[n]) {
			n++
		}
		w.inside = false
		if len(w.gap)+n > 8 {
			w.name = ""
		}
		if w.name != "" {
			w.gap = append(w.gap, rest[:n]...)
		}
		return n, ""
	}
	if n, replace = w.address(rest); n > 0 {
		w.name = ""
		return n, replace
	}
	for n < len(rest) && isWord(rest[n]) {
		n++
	}
	long := w.inside || n >= lookahead
	w.inside = n == len(rest) && w.err == nil
	if long {
		w.name = ""
		return n, ""
	}
	return n, w.word(string(rest[:n]))
}

// isWord reports whether c may be part of an id.
func isWord(c byte) bool { return isLetterOrDigit(c) || c == '-' || c == '_' }

func isLetterOrDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// word decides on a word, which may be an id, or the name of a field before one.
func (w *rewriter) word(word string) string {
	refers := w.name != "" && introduces(w.gap)
	isKey := keyNames[w.name]
	w.name, w.gap = "", w.gap[:0]
	if keyNames[word] || assetNames[word] {
		w.name = word
	}
	if len(word) < 16 && !refers {
		return ""
	}
	now, ok := w.r.Asset(word)
	if !ok || isKey {
		if key, isKnown := w.r.Key(word); isKnown {
			now, ok = key, true
		}
	}
	if !ok && refers && !isKey && w.r.Linked != nil {
		now, ok = w.r.Linked(word), true
	}
	switch {
	case !ok:
		if refers {
			w.found.note(word)
		}
		return ""
	case now == word:
		return ""
	case w.binary && len(now) != len(word):
		w.found.Blocked++
		return ""
	}
	return now
}

// The names of fields and parameters that ids follow.
var (
	keyNames   = map[string]bool{"experimentKey": true, "experimentId": true, "experiment_key": true}
	assetNames = map[string]bool{"assetId": true, "imageId": true, "asset_id": true, "image_id": true}
)

// introduces reports whether what is between the name of a field and a word makes
// the word its value: name=word, "name":"word", \"name\": \"word.
func introduces(gap []byte) bool {
	s := string(gap)
	if s == "=" {
		return true
	}
	s = strings.Map(func(c rune) rune {
		if c == '\\' || c == ' ' || c == '\n' {
			return -1
		}
		return c
	}, s)
	return s == `":"` || s == `':'`
}

// address recognises the address of the source before the path of an API call.
func (w *rewriter) address(rest []byte) (n int, replace string) {
	if w.r.From == "" || w.binary {
		return 0, ""
	}
	for _, slash := range []string{"/", `\/`} {
		from := strings.ReplaceAll(w.r.From, "/", slash)
		if bytes.HasPrefix(rest, []byte(from)) && bytes.HasPrefix(rest[len(from):], []byte(slash+"api"+slash)) {
			return len(from), strings.ReplaceAll(w.r.To, "/", slash)
		}
	}
	return 0, ""
}
