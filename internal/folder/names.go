package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// cleanPath is how cometx makes the name of an asset a path: one pass over "/../", no
// colons, no leading slashes. The result may still lead anywhere.
func cleanPath(name string) string {
	name = strings.ReplaceAll("/"+name, "/../", "/")
	return strings.TrimLeft(strings.ReplaceAll(name, ":", "-"), "/")
}

// maxPart bounds the bytes of one part of a path, below what file systems take, so
// that a number still fits; maxPath those of a path.
const (
	maxPart = 200
	maxPath = 1000
)

// safePath returns a relative path that every file system takes, as much like the
// name as can be. Its parts are those of the name between slashes.
func safePath(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, safePart(part))
		}
	}
	if len(parts) == 0 {
		return "_"
	}
	if p := strings.Join(parts, "/"); len(p) <= maxPath {
		return p
	}
	return shortened(strings.Join(parts, "_"), name)
}

// typeFolder returns the folder of the assets of a type, beside which the list of
// all assets stands.
func typeFolder(typ string) string {
	p := safePath(typ)
	if first, _, _ := strings.Cut(p, "/"); pathKey(first) == pathKey(path.Base(assetsFile)) {
		return "_" + p
	}
	return p
}

// safePart returns a name as one part of a path. Characters that Windows does not
// allow in a name become underscores, as do slashes and unprintable characters.
func safePart(name string) string {
	part := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) || !unicode.IsPrint(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	if end := strings.TrimRight(part, ". "); end != part {
		part = end + strings.Repeat("_", len(part)-len(end))
	}
	if stem, _, _ := strings.Cut(part, "."); part == "" || isDevice(strings.TrimRight(stem, " ")) {
		part = "_" + part
	}
	if len(part) > maxPart {
		return shortened(part, name)
	}
	return part
}

// shortened returns the begin of a part, with a digest of the name that it is of
// and its extension.
func shortened(part, name string) string {
	digest := sha256.Sum256([]byte(name))
	ext := path.Ext(part)
	if len(ext) > 20 {
		ext = ""
	}
	begin := strings.ToValidUTF8(part[:min(len(part), maxPart)-len(ext)-17], "")
	return begin + "_" + hex.EncodeToString(digest[:8]) + ext
}

// isDevice reports whether Windows takes a name, with any extension, for a device.
func isDevice(stem string) bool {
	stem = strings.ToUpper(stem)
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, stem) {
		return true
	}
	rest, ok := strings.CutPrefix(stem, "COM")
	if !ok {
		rest, ok = strings.CutPrefix(stem, "LPT")
	}
	return ok && slices.Contains([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"}, rest)
}

// A pathSet remembers paths, and what file systems take for the same: upper and
// lower case, and the two ways in which Unicode writes an accent.
type pathSet map[[16]byte]takenPath

// takenPath is what has a path: a folder or a file, and how many others wanted it.
type takenPath struct {
	folder bool
	others int
	id     string // of a child
}

func pathKey(p string) [16]byte {
	sum := sha256.Sum256([]byte(norm.NFC.String(cases.Fold().String(norm.NFC.String(p)))))
	return [16]byte(sum[:])
}

// add adds a safe path of a file, and returns it as it may be used: with numbers
// in its parts where other files or folders have their places.
func (s pathSet) add(p string) string {
	dir := ""
	parts := strings.Split(p, "/")
	for _, part := range parts[:len(parts)-1] {
		dir = s.free(dir, part, true)
	}
	return s.free(dir, parts[len(parts)-1], false)
}

// free takes a place below dir for a part of a path. A folder may have it already
// where one is wanted.
func (s pathSet) free(dir, part string, folder bool) string {
	stem, ext := part, ""
	if e := path.Ext(part); !folder && e != part {
		stem, ext = strings.TrimSuffix(part, e), e
	}
	wanted := path.Join(dir, part)
	for try := wanted; ; {
		key := pathKey(try)
		is, used := s[key]
		if !used {
			s[key] = takenPath{folder: folder}
			return try
		}
		if is.folder && folder {
			return try
		}
		// The next who wants it begins where this one ends.
		first := s[pathKey(wanted)]
		first.others++
		s[pathKey(wanted)] = first
		try = path.Join(dir, fmt.Sprintf("%s_%d%s", stem, first.others, ext))
	}
}

// childFolder returns the folder of a thing, which has an id of its own, below another
// one: the same each time, and that of no other thing.
func (s pathSet) childFolder(dir, part, id string) string {
	for n := 0; ; n++ {
		try := path.Join(dir, part)
		if n > 0 {
			try = path.Join(dir, fmt.Sprintf("%s_%d", part, n))
		}
		key := pathKey(try)
		if is, used := s[key]; !used || is.id == id {
			s[key] = takenPath{folder: true, id: id}
			return try
		}
	}
}

// restored returns the name that a folder was made of: the one that its metadata
// tell, if writing that gives the name of the folder; else the folder's, which
// someone has given it. A number may follow where the name is written in another
// way, or where the folder of another name has its place.
func restored(folder, told string, taken func() bool) string {
	rest, ok := strings.CutPrefix(folder, safePart(told))
	if told == "" || !ok {
		return folder
	}
	digits, numbered := strings.CutPrefix(rest, "_")
	if rest == "" || numbered && strings.Trim(digits, "0123456789") == "" && (safePart(told) != told || taken()) {
		return told
	}
	return folder
}
