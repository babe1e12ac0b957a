package cli

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// documents are the pages whose commands are run, and how many sections of them
// have some at least.
var documents = map[string]int{"README.md": 1, "docs/recipes.md": 11, "docs/folders.md": 1}

// TestRecipes runs each block of commands in the documents, to the letter, in a
// shell with the programs that it names: between a server with the sandbox's
// workspace demo, and one with an empty workspace lab, which each block finds empty.
// The blocks of a section share their folder, and what they have put to S3.
func TestRecipes(t *testing.T) {
	source := comettest.Start(t, comettest.Options{})
	source.SeedDemo("demo")
	for document, least := range documents {
		sections := documentSections(t, "../../"+document)
		if len(sections) < least {
			t.Fatalf("%s has %d sections with commands, fewer than it should", document, len(sections))
		}
		for _, s := range sections {
			t.Run(document+"/"+s.title, func(t *testing.T) {
				t.Parallel()
				k := newKitchen(t, source)
				for _, block := range s.blocks {
					k.run(t, block)
				}
			})
		}
	}
}

// TestKeysOfEachProcess runs the pipe of docs/credentials.md whose tools get a key
// each, with real ones put in.
func TestKeysOfEachProcess(t *testing.T) {
	text, err := os.ReadFile("../../docs/credentials.md")
	if err != nil {
		t.Fatal(err)
	}
	pipe := regexp.MustCompile(`(?m)^    (COMET_API_KEY=… comet-export .*)$`).FindSubmatch(text)
	if pipe == nil {
		t.Fatal("docs/credentials.md has no such pipe")
	}
	source, destination := comettest.Start(t, comettest.Options{}), comettest.Start(t, comettest.Options{})
	source.SeedDemo("acme")
	destination.SeedWorkspace("lab")
	smart := comettest.DefaultAPIKey + "*" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"baseUrl":%q}`, source.URL()))
	line := strings.Replace(string(pipe[1]), "COMET_API_KEY=…", "COMET_API_KEY='"+smart+"'", 1)
	line = strings.Replace(line, "COMET_API_KEY=…", "COMET_API_KEY="+comettest.DefaultAPIKey, 1)
	line = strings.Replace(line, "https://comet.example.com", destination.URL(), 1)
	if out, err := newKitchen(t, source).shell(t, "set -o pipefail; "+line); err != nil {
		t.Errorf("%v\n%s\n%s", err, line, out)
	}
}

// A section is a heading of a document and the blocks of commands below it.
type section struct {
	title  string
	blocks []string
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```bash\n(.*?)^```$")
)

// documentSections returns the sections of a document that have commands.
func documentSections(t *testing.T, path string) []section {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// What is in a block is no heading.
	blocks := fenced.FindAllSubmatchIndex(text, -1)
	var sections []section
	for _, b := range blocks {
		above := fenced.ReplaceAll(text[:b[0]], nil)
		all := heading.FindAllSubmatch(above, -1)
		title := string(all[len(all)-1][1])
		if len(sections) == 0 || sections[len(sections)-1].title != title {
			sections = append(sections, section{title: title})
		}
		last := &sections[len(sections)-1]
		last.blocks = append(last.blocks, string(text[b[2]:b[3]]))
	}
	return sections
}

// A kitchen is where the blocks of a section are run: a home folder with the tools
// on the path, and the credentials of both sides.
type kitchen struct {
	source *comettest.Server
	home   string
	env    []string
	bucket string // the address of S3, "" until a block wants it
}

func newKitchen(t *testing.T, source *comettest.Server) *kitchen {
	t.Helper()
	home := t.TempDir()
	k := &kitchen{source: source, home: home}
	k.env = []string{
		"PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"RCLONE_CONFIG=" + filepath.Join(home, "rclone.conf"),
	}
	linkTools(t, home)
	return k
}

// linkTools puts the three tools into the folder bin of a home.
func linkTools(t *testing.T, home string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(home, "bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"comet-export", "comet-filter", "comet-import"} {
		if err := os.Symlink(self, filepath.Join(home, "bin", tool)); err != nil {
			t.Fatal(err)
		}
	}
}

// writeFile writes a file into the home.
func writeFile(t *testing.T, text string, path ...string) {
	t.Helper()
	mode := os.FileMode(0o600)
	if strings.HasPrefix(text, "#!") {
		mode = 0o700
	}
	if err := os.WriteFile(filepath.Join(path...), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// credentials are the sections of a configuration for a server on each side.
func credentials(export, imports *comettest.Server) string {
	var text strings.Builder
	for side, s := range map[string]*comettest.Server{"comet_export": export, "comet_import": imports} {
		if s != nil {
			fmt.Fprintf(&text, "[%s]\napi_key = %s\nurl_override = %s\n", side, comettest.DefaultAPIKey, s.ClientlibURL())
		}
	}
	return text.String()
}

// run runs a block of commands, which must end well.
func (k *kitchen) run(t *testing.T, block string) {
	t.Helper()
	destination := comettest.Start(t, comettest.Options{})
	destination.SeedWorkspace("lab")
	writeFile(t, credentials(k.source, destination), k.home, ".comet.config")
	for program, provide := range map[string]func(*testing.T, *comettest.Server){
		"bash": nil, "age": nil, "jq": nil, "pv": nil, "diff": nil,
		"ssh": k.hosts, "aws": k.storage, "rclone": k.storage,
	} {
		if program != "bash" && !regexp.MustCompile(`(?m)(^|[|(&] *)`+program+` `).MatchString(block) {
			continue
		}
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is missing: not run\n%s", program, block)
		}
		if provide != nil {
			provide(t, destination)
		}
	}
	out, err := k.shell(t, block)
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, block, out)
		return
	}
	t.Logf("%s\n%s", block, out)
}

// shell runs commands, and returns what they print.
func (k *kitchen) shell(t *testing.T, commands string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", commands)
	cmd.Dir, cmd.Env = k.home, k.env
	return cmd.CombinedOutput()
}

// TestRecipeArchivePublishesNoPart runs the recipes for S3 while the export fails on
// its way: aws stores what it has got, but not under its name.
func TestRecipeArchivePublishesNoPart(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("aws is missing: there is nothing to store with")
	}
	k := newKitchen(t, nil)
	k.storage(t, nil)
	export := filepath.Join(k.home, "bin", "comet-export")
	if err := os.Remove(export); err != nil {
		t.Fatal(err)
	}
	// It tells how much is to come, and fails on the way.
	writeFile(t, `#!/bin/sh
case $1 in --*) echo "upper-bound	2000000"; exit 0 ;; esac
head -c 1000000 /dev/zero
exit 5
`, export)
	published := 0
	for _, s := range documentSections(t, "../../docs/recipes.md") {
		for _, block := range s.blocks {
			if !strings.Contains(block, "comet-export demo | ") || !strings.Contains(block, "s3://") {
				continue
			}
			published++
			if out, err := k.shell(t, block); err == nil {
				t.Errorf("ended well although the export failed:\n%s\n%s", block, out)
			}
		}
	}
	if published < 2 {
		t.Errorf("%d recipes store to S3, fewer than there are", published)
	}
	out, err := k.shell(t, "aws s3 ls s3://backups/")
	if err != nil || strings.TrimSpace(string(out)) != "PRE incoming/" {
		t.Errorf("%v: the bucket has\n%swant nothing but the folder of what is not checked", err, out)
	}
}

// storage starts a server with the API of S3 and a bucket, for aws and rclone.
func (k *kitchen) storage(t *testing.T, _ *comettest.Server) {
	t.Helper()
	if k.bucket != "" {
		return
	}
	if _, err := exec.LookPath("moto_server"); err != nil {
		t.Skip("moto_server is missing: there is no S3 to store to")
	}
	cmd := exec.CommandContext(t.Context(), "moto_server", "-H", "127.0.0.1", "-p", "0")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(said)
	for running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`); k.bucket == ""; {
		if !lines.Scan() {
			t.Fatal("moto_server has ended before it told its address")
		}
		if m := running.FindStringSubmatch(lines.Text()); m != nil {
			k.bucket = m[1]
		}
	}
	go func() {
		for lines.Scan() { // of each request it writes a line
		}
	}()
	// Without versions, moto gives "null" for one, which rclone asks for in vain.
	putS3(t, k.bucket+"/backups", "")
	putS3(t, k.bucket+"/backups?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
	if aws, err := exec.LookPath("aws"); err == nil {
		// Old ones do not know AWS_ENDPOINT_URL.
		writeFile(t, "#!/bin/sh\nexec "+aws+" --endpoint-url "+k.bucket+` "$@"`+"\n", k.home, "bin", "aws")
	}
	writeFile(t, "[backup]\ntype = s3\nprovider = Other\nendpoint = "+k.bucket+
		"\naccess_key_id = test\nsecret_access_key = test\nforce_path_style = true\n", k.home, "rclone.conf")
}

// putS3 sends a request that makes something of a server of S3.
func putS3(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT %s: %s", url, resp.Status)
	}
}

// hosts makes the hosts inside, near the source, and outside, near the destination:
// sshd on loopback, with a home of its own for each.
func (k *kitchen) hosts(t *testing.T, destination *comettest.Server) {
	t.Helper()
	const sshd = "/usr/sbin/sshd"
	ssh, err := exec.LookPath("ssh")
	if _, found := os.Stat(sshd); found != nil || err != nil {
		t.Skipf("%s is missing: there are no hosts to reach", sshd)
	}
	ssh, err = filepath.EvalSymlinks(ssh)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, key := range []string{"host", "user"} {
		out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	config := "StrictHostKeyChecking no\nUserKnownHostsFile " + dir + "/known\nGlobalKnownHostsFile none\nLogLevel ERROR\nBatchMode yes\nIdentityFile " + dir + "/user\n"
	for name, text := range map[string]string{"inside": credentials(k.source, nil), "outside": credentials(nil, destination)} {
		home := filepath.Join(dir, name)
		linkTools(t, home)
		writeFile(t, text, home, ".comet.config")
		settings := filepath.Join(dir, name+".conf")
		writeFile(t, "HostKey "+dir+"/host\nAuthorizedKeysFile "+dir+"/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nLogLevel ERROR\n"+
			"ForceCommand cd "+home+` && HOME=`+home+` exec bash -c "$SSH_ORIGINAL_COMMAND"`+"\n", settings)
		if out, err := exec.CommandContext(t.Context(), sshd, "-t", "-f", settings).CombinedOutput(); err != nil {
			t.Skipf("sshd cannot be run here: %v\n%s", err, out)
		}
		config += fmt.Sprintf("Host %s\nHostName 127.0.0.1\nPort %d\n", name, serveSSH(t, sshd, settings))
	}
	writeFile(t, config, dir, "config")
	_ = os.Remove(filepath.Join(k.home, "bin", "ssh"))
	writeFile(t, "#!/bin/sh\nexec "+ssh+" -F "+dir+`/config "$@"`+"\n", k.home, "bin", "ssh")
}

// serveSSH gives each connection to a port an sshd of its own, and returns the port.
func serveSSH(t *testing.T, sshd, settings string) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			socket, err := conn.(*net.TCPConn).File()
			if err == nil {
				// It lives as long as the connection.
				cmd := exec.Command(sshd, "-i", "-e", "-f", settings)
				cmd.Stdin, cmd.Stdout = socket, socket
				if cmd.Start() == nil {
					go func() { _ = cmd.Wait() }()
				}
				_ = socket.Close()
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}
