// Command measure prints how large the packages of the project are: for each
// package its lines without tests, its files, the packages of this module that
// it imports and that import it, and its type with the most methods.
//
//	go run ./internal/measure
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// packageSize is a package and what is measured of it.
type packageSize struct {
	ImportPath, Dir string
	Module          struct{ Path string }
	GoFiles         []string
	IgnoredGoFiles  []string // of other systems
	Imports         []string

	name          string // its folder in the module
	lines, files  int
	own           []string
	largest       string // the type with the most methods
	methods       int
	outsideOfTool bool
}

// outside are the folders that no tool is built from.
var outside = []string{"examples", "internal/bench", "internal/comettest", "internal/contract", "internal/e2e", "internal/measure", "internal/torture"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run() error {
	packages, err := list()
	if err != nil {
		return err
	}
	importers := make(map[string]int)
	for _, r := range packages {
		if err := r.measure(); err != nil {
			return err
		}
		for _, imported := range r.own {
			importers[imported]++
		}
	}
	slices.SortFunc(packages, func(a, b *packageSize) int {
		return cmp.Or(-cmp.Compare(a.lines, b.lines), strings.Compare(a.name, b.name))
	})
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\tlines\tfiles\timports\timported by\ttype with the most methods")
	product := 0
	for _, r := range packages {
		if !r.outsideOfTool {
			product += r.lines
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s %d\n", r.name, r.lines, r.files, len(r.own), importers[r.ImportPath], r.largest, r.methods)
	}
	fmt.Fprintf(w, "the tools\t%d\n", product)
	return w.Flush()
}

// list asks the go command for the packages of the module.
func list() ([]*packageSize, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Module,GoFiles,IgnoredGoFiles,Imports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []*packageSize
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		r := new(packageSize)
		if err := decoder.Decode(r); err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, r)
	}
	return packages, nil
}

func (r *packageSize) measure() error {
	r.name = strings.TrimPrefix(r.ImportPath, r.Module.Path+"/")
	r.outsideOfTool = slices.ContainsFunc(outside, func(folder string) bool { return r.name == folder || strings.HasPrefix(r.name, folder+"/") })
	for _, imported := range r.Imports {
		if strings.HasPrefix(imported, r.Module.Path+"/") {
			r.own = append(r.own, imported)
		}
	}
	methods := make(map[string]int)
	for _, name := range slices.Concat(r.GoFiles, r.IgnoredGoFiles) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.Dir, name))
		if err != nil {
			return err
		}
		r.files++
		r.lines += bytes.Count(data, []byte("\n"))
		file, err := parser.ParseFile(token.NewFileSet(), name, data, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				methods[receiver(f.Recv.List[0].Type)]++
			}
		}
	}
	r.largest = "-"
	for name, n := range methods {
		if n > r.methods || n == r.methods && name < r.largest {
			r.largest, r.methods = name, n
		}
	}
	return nil
}

// receiver returns the name of the type of a method's receiver.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return "?"
}
