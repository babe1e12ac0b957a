// Demo compares a workspace of one embedded server with its copy on another, by
// what the servers themselves hold, and prints a line for each kind of data.
//
//	demo SOURCE-URL WORKSPACE DESTINATION-URL WORKSPACE [PROJECT=NEW-NAME ...]
//
// It returns 1 where something differs. run.sh beside it is the demo.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, args []string) error {
	if len(args) < 4 {
		return errors.New("want SOURCE-URL WORKSPACE DESTINATION-URL WORKSPACE [PROJECT=NEW-NAME ...]")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	src, err := workspace(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	dst, err := workspace(ctx, args[2], args[3])
	if err != nil {
		return err
	}
	for _, rename := range args[4:] {
		old, now, _ := strings.Cut(rename, "=")
		for i := range src.Projects {
			if src.Projects[i].Name == old {
				src.Projects[i].Name = now
			}
		}
		for i := range src.Artifacts {
			if src.Artifacts[i].Project == old {
				src.Artifacts[i].Project = now
			}
		}
	}
	slices.SortFunc(src.Projects, func(a, b comettest.ProjectState) int { return strings.Compare(a.Name, b.Name) })
	return compare(w, src, dst)
}

// workspace asks the server at root for the state of a workspace.
func workspace(ctx context.Context, root, name string) (*comettest.WorkspaceState, error) {
	q := url.Values{"portable": {""}, "readable": {""}, "points": {""}, "workspace": {name}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"_comettest/state?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var state comettest.State
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", root, resp.Status, err)
	}
	ws := state.Workspace(name)
	if ws == nil {
		return nil, fmt.Errorf("%s: no workspace %q", root, name)
	}
	return ws, nil
}

// compare prints the table and returns an error if a line of it differs.
func compare(w io.Writer, src, dst *comettest.WorkspaceState) error {
	differ := 0
	want := asImported(src, dst)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "DATA\tSOURCE\tDESTINATION\t")
	for _, k := range kinds {
		verdict := "ok"
		switch {
		case !k.same(want, dst):
			verdict = "differs"
			differ++
		case !k.same(src, want):
			verdict = "ok: imported as finished"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", k.name, k.count(src), k.count(dst), verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%d kinds of data differ", differ)
	}
	return nil
}
