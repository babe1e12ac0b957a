package folder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// maxLine bounds a line of a file of lines: a record holds no more.
const maxLine = 8 << 20

// eachLine calls take for each line of a file that is not blank, less the space
// around it, with the offset at which it begins. The line is valid until take
// returns.
func eachLine(root *os.Root, name string, take func(line []byte, at int64) error) error {
	file, _, err := openFile(root, name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	var next int64
	at := int64(0)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		n, line, err := bufio.ScanLines(data, atEOF)
		if line != nil {
			at = next
		}
		next += int64(n)
		return n, line, err
	})
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := take(line, at+int64(bytes.Index(lines.Bytes(), line[:1]))); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("it has a line of more than %d MiB", maxLine>>20)
	}
	return lines.Err()
}

// values reads the documents of a file: an array, or one a line.
func (g *group) values(name string) ([]stream.Doc, error) {
	text, err := readDocument(g.root, name)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSpace(strict(text))
	var list []stream.Doc
	add := func(v []byte) {
		if err != nil {
			return
		}
		var doc stream.Doc
		if doc, err = stream.DocFromJSON(v); err == nil {
			list = append(list, doc)
		}
	}
	switch {
	case len(text) == 0:
	case text[0] == '[':
		if !json.Valid(text) {
			return nil, wire.ErrSyntax
		}
		wire.Elements(text, add)
	default:
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				add(line)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b stream.Doc) int {
		nameA, _ := a.Member("name").Text()
		nameB, _ := b.Member("name").Text()
		return strings.Compare(nameA, nameB)
	})
	return list, nil
}

// writeList writes the values of a file.
func (g *group) writeList(of stream.Kind, name string) error {
	list, err := g.values(name)
	return g.writeValues(of, list, err)
}

// writeValues writes values, or that they could not be read.
func (g *group) writeValues(of stream.Kind, list []stream.Doc, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return g.skipItem(of, "", "", err)
	}
	for rec := range stream.SplitValues(of, list) {
		err := g.w.Write(rec)
		if isRefused(err) { // one of them is too large: then it is alone
			name, _ := rec.Values[0].Member("name").Text()
			err = g.skipItem(of, "", name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// document reads a document without the members of these names. It is nil where
// there is no file.
func (g *group) document(name string, without ...string) (doc stream.Doc, obj []byte, err error) {
	text, err := readDocument(g.root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err == nil {
		obj, err = object(text)
	}
	if err == nil {
		doc, err = docWithout(obj, without...)
	}
	return doc, obj, err
}

// writeDocument writes the document of a file, if there is something in it.
func (g *group) writeDocument(of stream.Kind, name string) error {
	doc, _, err := g.document(name)
	return g.putDocument(of, doc, err)
}

func (g *group) putDocument(of stream.Kind, doc stream.Doc, err error) error {
	if err == nil && (doc == nil || doc.Empty("experimentKey")) {
		return nil
	}
	if err == nil {
		err = g.w.Write(&stream.Document{Of: of, Doc: doc})
		if !isRefused(err) {
			return err
		}
	}
	return g.skipItem(of, "", "", err)
}

// The files of requirements.
const (
	requirementsFile = "run/requirements.txt"
	osPackagesFile   = "run/os_packages.json"
)

// Members of system details that are requirements.
const (
	memberInstalled = "installedPackages"
	memberOS        = "osPackages"
)

// writeSystem writes the system details, and the requirements, which cometx has
// taken out of them.
func (g *group) writeSystem() error {
	doc, obj, err := g.document("system_details.json", memberInstalled, memberOS)
	if err := g.putDocument(stream.KindSystem, doc, err); err != nil {
		return err
	}
	installed, osPackages := wire.TextsOf(wire.Member(obj, memberInstalled)), wire.TextsOf(wire.Member(obj, memberOS))
	if text, err := readDocument(g.root, requirementsFile); err == nil {
		installed = lines(text)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return g.skipItem(stream.KindRequirements, "", "", err)
	}
	if text, err := readDocument(g.root, osPackagesFile); err == nil {
		osPackages = wire.TextsOf(strict(text))
	}
	if len(installed)+len(osPackages) == 0 {
		return nil
	}
	for rec := range stream.SplitRequirements(installed, osPackages) {
		if err := g.w.Write(rec); err != nil {
			return err
		}
	}
	return nil
}

// lines returns the lines of a text that are not empty.
func lines(text []byte) []string {
	var list []string
	for line := range strings.Lines(strings.ToValidUTF8(string(text), "\ufffd")) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// textFiles are the texts of an experiment and their files, of which the first
// that is there counts, in the order of the stream.
var textFiles = []struct {
	kind  stream.Kind
	names []string
}{
	{stream.KindGitPatch, []string{"run/git_diff.patch"}},
	{stream.KindCode, []string{"run/script.py"}},
	{stream.KindGraph, []string{"run/graph_definition.txt"}},
	{stream.KindHTML, []string{"assets/html/experiment.html", "experiment.html"}},
	{stream.KindOutput, []string{"run/output.txt"}},
}

func (g *group) writeTexts() error {
	for _, t := range textFiles {
		name := t.names[0]
		for _, other := range t.names[1:] {
			if _, err := g.root.Stat(name); errors.Is(err, fs.ErrNotExist) {
				name = other
			}
		}
		write := func(data []byte, more bool) error { return g.w.Write(&stream.Text{Of: t.kind, Data: data, More: more}) }
		skip := func(err error) error { return g.skipItem(t.kind, "", "", err) }
		if err := writeText(g.root, name, write, skip); err != nil {
			return err
		}
	}
	return nil
}

// pieceSize is the most that one record of a text or an asset may hold.
const pieceSize = 512 << 10

// writeText hands the pieces of a file to write. No file means no text. What cannot be
// read is skipped, also in the middle.
func writeText(root *os.Root, name string, write func(data []byte, more bool) error, skip func(error) error) error {
	file, _, err := openFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return skip(err)
	}
	defer file.Close()
	in := bufio.NewReader(file)
	buf := make([]byte, pieceSize)
	for {
		n, err := io.ReadFull(in, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return skip(err)
		}
		_, end := in.Peek(1)
		if end != nil && end != io.EOF {
			return skip(end)
		}
		if err := write(buf[:n], end == nil); err != nil || end != nil {
			return err
		}
	}
}
