package inject

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// newCA returns a CA for one test.
func newCA(t *testing.T) *CA {
	t.Helper()
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// serveTLS serves h over TLS with the listener that wrap makes, and returns
// the address.
func serveTLS(t *testing.T, h http.Handler, wrap func(net.Listener) net.Listener) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	address := srv.Listener.Addr().String()
	srv.Listener = wrap(srv.Listener)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	return "https://" + address
}

// trusting returns a client that trusts the authorities in a PEM file.
func trusting(t *testing.T, pem []byte) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in the PEM file")
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestCA(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	certified := func(until time.Time, host string) func(net.Listener) net.Listener {
		return func(l net.Listener) net.Listener {
			cert, err := ca.Certificate(until, host)
			if err != nil {
				t.Fatal(err)
			}
			return TLSListener(l, cert)
		}
	}
	good := func(l net.Listener) net.Listener {
		l, err := ca.Listener(l)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, test := range []struct {
		name  string
		wrap  func(net.Listener) net.Listener
		trust *CA
		check func(error) bool
	}{
		{"good", good, ca, func(err error) bool { return err == nil }},
		{"unknown authority", good, other, func(err error) bool {
			_, ok := errors.AsType[x509.UnknownAuthorityError](err)
			return ok
		}},
		{"expired", certified(time.Now().Add(-time.Hour), "127.0.0.1"), ca, func(err error) bool {
			invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && invalid.Reason == x509.Expired
		}},
		{"wrong host", certified(time.Now().Add(time.Hour), "comet.example.com"), ca, func(err error) bool {
			_, ok := errors.AsType[x509.HostnameError](err)
			return ok
		}},
		{"no TLS at all", func(l net.Listener) net.Listener { return l }, ca, func(err error) bool { return err != nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := new(okHandler)
			got := fetchOutcome(trusting(t, test.trust.PEM()), "GET", serveTLS(t, store, test.wrap)+"/", "")
			if !test.check(got.Err) {
				t.Errorf("unexpected outcome: %+v", got)
			}
			if served := store.calls.Load() == 1; served != (test.name == "good") {
				t.Errorf("the request was served: %v", served)
			}
		})
	}
}

// Below TLS, faults reach the connection and the network counts what the wire
// carries.
func TestFaultsOverTLS(t *testing.T) {
	ca, n := newCA(t), new(Network)
	f := NewFaults(1, Fault{Kind: FaultResetBody, To: 1}, Fault{Kind: FaultLost, From: 2})
	url := serveTLS(t, f.Middleware(new(bodies)), func(l net.Listener) net.Listener {
		l, err := ca.Listener(n.Listener(l))
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
	client := trusting(t, ca.PEM())
	if got := fetchOutcome(client, "GET", url+"/small", ""); !isReset(got.Err) || got.Body != smallBodyText[:len(smallBodyText)/2] {
		t.Errorf("got %+v, want half a body and a reset", got)
	}
	if got := fetchOutcome(client, "GET", url+"/small", ""); !isReset(got.Err) || got.Status != 0 {
		t.Errorf("got %+v, want a reset", got)
	}
	if s := n.Stats(); s.Conns != 2 || s.BytesIn < 500 || s.BytesOut < 500 {
		t.Errorf("counted %+v, want two connections with their handshakes", s)
	}
}
