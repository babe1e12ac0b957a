package transport

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// bareEnv makes the test binary a process on a system without certificates.
const bareEnv = "COMET_STREAM_TEST_BARE"

// In a container of the tools alone there are no certificates of the system: public
// servers are known all the same, and one of the user's own by its file beside them.
func TestCertificatesOfBareSystem(t *testing.T) {
	if file := os.Getenv(bareEnv); file != "" {
		knows(t, file)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("this system does not say where its certificates are")
	}
	srv := httptest.NewTLSServer(nil)
	srv.Close()
	own := filepath.Join(t.TempDir(), "own.pem")
	if err := os.WriteFile(own, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCertificatesOfBareSystem$")
	cmd.Env = append(os.Environ(), bareEnv+"="+own, "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// knows checks the certificates of this process.
func knows(t *testing.T, own string) {
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	if system.Equal(x509.NewCertPool()) {
		t.Error("no certificates of public servers")
	}
	pool, err := certPool(own)
	if err != nil {
		t.Fatal(err)
	}
	want := system.Clone()
	text, err := os.ReadFile(own)
	if err != nil || !want.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	if !pool.Equal(want) {
		t.Error("a file of certificates does not add to those of public servers")
	}
}
