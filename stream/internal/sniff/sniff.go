// Package sniff says of an input that is not a stream what it looks like instead, so
// that an error can:
//
//	fmt.Errorf("not a comet stream: %s", sniff.Describe(head)) // … it looks like gzip
//
// It guesses by the first bytes and knows nothing of streams.
package sniff

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// Enough is how many bytes of an input tell all that can be told.
const Enough = 512

// Describe says what an input looks like that begins with b and is not a stream.
func Describe(b []byte) string {
	for _, known := range []struct{ prefix, what string }{
		{"\x1f\x8b", "it looks like gzip"},
		{"PK\x03\x04", "it looks like a zip file"},
		{"PK\x05\x06", "it looks like an empty zip file"},
		{"\x28\xb5\x2f\xfd", "it looks like plain zstd, without the labels of a stream"},
		{"\x92\xa6header", "it looks like the records of a stream that has been decompressed"},
		{"BZh", "it looks like bzip2"},
		{"\xfd7zXZ\x00", "it looks like xz"},
		{"age-encryption.org/", "it looks like a file encrypted with age"},
		{"-----BEGIN ", "it looks like PEM or an encrypted file in armor"},
		{"Salted__", "it looks like a file encrypted with openssl"},
		{"SQLite format 3\x00", "it looks like an SQLite database"},
		{"PAR1", "it looks like Parquet"},
		{"\xff\xfe", "it looks like text in UTF-16"},
		{"\xfe\xff", "it looks like text in UTF-16"},
	} {
		if bytes.HasPrefix(b, []byte(known.prefix)) {
			return known.what
		}
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n"))
	switch {
	case len(b) == 0:
		return "it is empty"
	case len(b) >= 4 && binary.LittleEndian.Uint32(b)&^15 == 0x184D2A50:
		return "it begins with a zstd skippable frame that is no label"
	case len(b) >= 262 && string(b[257:262]) == "ustar":
		return "it looks like a tar archive"
	case bytes.HasPrefix(text, []byte("<!doctype")) || bytes.HasPrefix(text, []byte("<html")):
		return "it looks like HTML"
	case bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")):
		return "it looks like JSON"
	case bytes.HasPrefix(text, []byte("<")):
		return "it looks like XML"
	case isText(b):
		return "it looks like text"
	case pack.ClassOf[b[0]] == pack.ClassArray || pack.ClassOf[b[0]] == pack.ClassMap:
		return "it looks like msgpack without the blocks of a stream"
	}
	return "it is of an unknown type"
}

// isText reports whether b is UTF-8 without control characters. Its last
// character may be cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != 0x1b {
			return false
		}
		b = b[n:]
	}
	return true
}
