package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"
)

// A table collects rows: what was measured, beside what it should reach.
type table struct {
	rows          []row
	cometx, bound string // of the next row
}

type row struct {
	workload, what, reached, target string
	met                             string
	cometx, bound                   string // the same of cometx, and what no tool could pass; "" where there is none
}

// beside says what stands beside the next row.
func (t *table) beside(cometx, bound string) { t.cometx, t.bound = cometx, bound }

// atLeast adds a row whose figure should not be lower than the target.
func (t *table) atLeast(workload, what string, reached, target float64, unit string) {
	t.add(workload, what, reached, target, unit, "≥", reached >= target)
}

// atMost adds a row whose figure should not be higher than the target.
func (t *table) atMost(workload, what string, reached, target float64, unit string) {
	t.add(workload, what, reached, target, unit, "≤", reached <= target)
}

func (t *table) add(workload, what string, reached, target float64, unit, sign string, met bool) {
	r := row{workload: workload, what: what, reached: figure(reached, unit), target: sign + " " + figure(target, unit), met: "yes"}
	if !met {
		r.met = "**no**"
	}
	t.print(r)
}

// note adds a row without a target.
func (t *table) note(workload, what, reached string) {
	t.print(row{workload: workload, what: what, reached: reached})
}

func (t *table) print(r row) {
	r.cometx, r.bound = t.cometx, t.bound
	t.beside("", "")
	t.rows = append(t.rows, r)
	fmt.Printf("%-3s %-86s %12s %12s %12s %12s %s\n", r.workload, r.what, r.reached, r.cometx, r.bound, r.target, strings.Trim(r.met, "*"))
}

func figure(v float64, unit string) string {
	return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits(v), v, unit))
}

func digits(v float64) int {
	switch {
	case v >= 100:
		return 0
	case v >= 10:
		return 1
	}
	return 2
}

// memory adds the rows of the peak of each tool of a run.
func (t *table) memory(workload, what string, peak ...int64) {
	for _, p := range peak {
		if p == 0 {
			t.note(workload, "peak memory: "+what, "not told here")
			continue
		}
		t.atMost(workload, "peak memory: "+what, float64(p)/1e6, 150, "MB")
	}
}

// tableEnd stands after the table in the file that keeps it. What follows is
// written by hand, and stays.
const tableEnd = "\n<!-- end of the table -->\n"

// keep writes the table to a file, in place of the one that is there.
func (t *table) keep(name string) error {
	text := append(t.markdown(), tableEnd...)
	before, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, words, ok := bytes.Cut(before, []byte(tableEnd)); ok {
		text = append(text, words...)
	}
	return os.WriteFile(name, text, 0o666)
}

// section prints a table of its own, and where it was asked for by name keeps it in
// the file of the tables, in place of its last run.
func (l *lab) section(name, words string, columns []string, rows [][]string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", words, machineAndDate())
	b.WriteString("| " + strings.Join(columns, " | ") + " |\n|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	fmt.Println(b.String())
	if l.out == "-" || l.only == "" {
		return nil
	}
	text, err := os.ReadFile(l.out)
	if err != nil {
		return err
	}
	first, last := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	before, rest, begins := strings.Cut(string(text), first)
	_, after, ends := strings.Cut(rest, last)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the table: %q and %q", l.out, strings.TrimSpace(first), last)
	}
	return os.WriteFile(l.out, []byte(before+first+b.String()+last+after), 0o666)
}

// progress shows a row of a table that takes long.
func progress(row []string) { fmt.Fprintln(os.Stderr, "bench:", strings.Join(row, " | ")) }

// machineAndDate says where and when a table was made.
func machineAndDate() string {
	return fmt.Sprintf("%s/%s, %d cores, %s, %s. Run of %s.", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version(),
		time.Now().UTC().Format(time.DateOnly))
}

// thousands writes a number with its thousands apart.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func (t *table) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Benchmarks\n\n`make bench` prints this table, and leaves its last run here; the workloads are in `internal/bench`. Everything ran on one machine: %s ", machineAndDate())
	b.WriteString("The embedded server shares the cores with the tools, so figures without a cap on latency or bandwidth are those of both together. " +
		"The column of cometx is what it takes for the same in a smaller number, where COMETX names its executable; the bound is what no tool can pass there.\n\n")
	b.WriteString("| workload | what | reached | cometx 3.6.11 | bound | target | met |\n|---|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.workload, strings.ReplaceAll(r.what, "|", `\|`), r.reached, r.cometx, strings.ReplaceAll(r.bound, "|", `\|`), r.target, r.met)
	}
	return b.Bytes()
}

// processor returns the name of the processor, where the system tells it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
