package cli

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A screen is a terminal of its own, which tmux plays.
type screen struct {
	t      *testing.T
	socket string
}

func newScreen(t *testing.T, width int, command string) *screen {
	t.Helper()
	s := &screen{t, filepath.Join(t.TempDir(), "tmux")}
	t.Cleanup(func() { s.tmux("kill-server") })
	if out, err := s.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", "40", command); err != nil {
		t.Skipf("tmux opens no terminal: %v: %s", err, out)
	}
	return s
}

func (s *screen) tmux(args ...string) (string, error) {
	out, err := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).CombinedOutput()
	return string(out), err
}

// lines returns what the screen shows, lines that were folded as one.
func (s *screen) lines() []string {
	out, err := s.tmux("capture-pane", "-p", "-J", "-S", "-")
	if err != nil {
		s.t.Fatalf("capture-pane: %v: %s", err, out)
	}
	return strings.Split(strings.TrimRight(out, "\n "), "\n")
}

// until looks at the screen until a line matches, and calls look with what it shows
// on the way. Whoever waits for longer than a test may take has failed.
func (s *screen) until(pattern string, look func(lines []string)) string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var shown []string
	for {
		select {
		case <-tick.C:
		case <-s.t.Context().Done():
			s.t.Fatalf("no line matches %s:\n%s", pattern, strings.Join(shown, "\n"))
		}
		shown = s.lines()
		look(shown)
		for _, line := range shown {
			if re.MatchString(line) {
				return line
			}
		}
	}
}

// In a pipe on one terminal the last tool has a status line, cut to its width, and
// no line is shared: not with a message of the other tool, nor with its error.
func TestPipeOnATerminal(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux")
	}
	for _, width := range []int{80, 40} {
		t.Run(fmt.Sprint(width), func(t *testing.T) { testPipeOnATerminal(t, width) })
	}
}

func testPipeOnATerminal(t *testing.T, width int) {
	isolate(t)
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	src := comettest.Start(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/experiment/metadata") {
				select {
				case <-held:
				case <-r.Context().Done():
				}
			}
			next.ServeHTTP(w, r)
		})
	}})
	src.SeedDemo("demo")
	dst := comettest.Start(t, comettest.Options{})
	dst.SeedWorkspace("lab")
	script := filepath.Join(t.TempDir(), "move.sh")
	text := "comet-export demo/vision | comet-import lab/vision\ncomet-export demo/nothing | comet-import lab\necho DONE\nread line\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := fmt.Sprintf("env PATH='%s' HOME='%s' TERM=screen COMET_API_KEY=%s COMET_URL_OVERRIDE=%s COMET_IMPORT_API_KEY=%s COMET_IMPORT_URL_OVERRIDE=%s sh %s",
		os.Getenv("PATH"), t.TempDir(), comettest.DefaultAPIKey, src.ClientlibURL(), comettest.DefaultAPIKey, dst.ClientlibURL(), script)
	s := newScreen(t, width, command)

	whole := regexp.MustCompile(`^(comet-(export|import): .*|[0-9]+%, .*|[0-9]+ experiments?,.*|DONE|)$`)
	message := regexp.MustCompile(`comet-(export|import): `)
	apart := func(lines []string) {
		for _, line := range lines {
			if !whole.MatchString(line) || message.MatchString(line[min(1, len(line)):]) {
				t.Fatalf("two tools share the line %q of\n%s", line, strings.Join(lines, "\n"))
			}
		}
	}
	status := s.until(`^0%, 0 of 5`, apart)
	if len(status) >= width {
		t.Errorf("a status line of %d characters: %q", len(status), status)
	}
	release()
	s.until("^DONE$", apart)
	lines := s.lines()
	if len(lines) > 0 {
		t.Logf("at %d columns:\n%s\n\n%s", width, status, strings.Join(lines, "\n"))
	}
	shown := strings.Join(lines, "\n")
	for _, want := range []string{
		"comet-export: warning: experiment ", "comet-import: 5 experiments read: 5 created,",
		`comet-export: error: no project "nothing" in "demo"`, "comet-import: error: standard input: ",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the screen does not show %q:\n%s", want, shown)
		}
	}
}
