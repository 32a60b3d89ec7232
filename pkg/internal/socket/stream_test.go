package socket

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// single is a listener that has one connection.
type single struct{ conn net.Conn }

func (l single) Accept() (net.Conn, error) { return l.conn, nil }
func (single) Close() error                { return nil }
func (single) Addr() net.Addr              { return &net.TCPAddr{} }

// sips is a client's end that takes some of the bytes slowly: a few at a time, with a rest before.
type sips struct {
	net.Conn
	size   int
	rest   time.Duration
	slowly int    // bytes that are still to be taken so
	taken  []byte // all
}

func (s *sips) Read(p []byte) (n int, err error) {
	defer func() { s.taken = append(s.taken, p[:n]...) }()
	if s.slowly <= 0 {
		return s.Conn.Read(p)
	}
	time.Sleep(s.rest)
	n, err = s.Conn.Read(p[:min(len(p), s.size)])
	s.slowly -= n
	return n, err
}

// records returns how many whole TLS records were taken since n bytes were: RFC 8446, section 5.1.
func (s *sips) records(n int) (count int) {
	const header = 5
	for at := n; at+header <= len(s.taken); count++ {
		at += header + int(binary.BigEndian.Uint16(s.taken[at+header-2:]))
	}
	return count
}

// acceptTLS opens a connection as accept does, with TLS, over a pipe that holds size bytes in each
// direction. The client takes what it reads through the sips.
func acceptTLS(t *testing.T, s Settings, size int) (*Conn, *peer, *meters, *sips) {
	t.Helper()
	authority := certs.NewAuthority(t)
	server, client := newPipe(size)
	listener := ListenTLS(single{server}, &tls.Config{
		Certificates: []tls.Certificate{authority.Server(t).TLS(t)}, MinVersion: tls.VersionTLS12,
	})
	raw, err := listener.Accept()
	accepted, ok := raw.(*tls.Conn)
	if err != nil || !ok {
		t.Fatal(raw, err)
	}
	slow := &sips{Conn: client, size: size, rest: s.WriteTimeout - s.WriteTimeout/takenChecks}
	secure := tls.Client(slow, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12})
	shaken := make(chan error, 1)
	go func() { shaken <- secure.HandshakeContext(t.Context()) }()
	if err := errors.Join(accepted.HandshakeContext(context.WithoutCancel(t.Context())), <-shaken); err != nil {
		t.Fatal(err)
	}
	c, p, m := acceptOn(t, s, raw, client)
	p.secure, p.r = secure, bufio.NewReader(secure)
	return c, p, m, slow
}

// TestASlowPeerSurvivesTLS has a peer that takes a little of each TLS record now and then, never
// silent for the WriteTimeout.
func TestASlowPeerSurvivesTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		const size = 256 << 10
		c, p, m, slow := acceptTLS(t, settings, 4096)
		src := &script{}
		r := serve(c, src, nil)
		synctest.Wait()
		slow.slowly = size * 3 / 4
		src.add(c, opBinary, strings.Repeat("x", size))
		began := time.Now()
		p.want(opBinary, strings.Repeat("x", size))
		if took := time.Since(began); took < 10*settings.WriteTimeout {
			t.Errorf("the peer was not slow: it took %v", took)
		}
		p.want(opPing, keepalivePing)
		p.send(opPong, keepalivePing)
		src.add(c, opText, "more")
		p.want(opText, "more")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
		wantResult(t, c, proxy.CloseNormal)
		m.want("slow_client_closes_total", 0)
	})
}

// TestAFullTLSSocketIsGivenTheWriteTimeout has a peer that takes a few bytes and then none.
func TestAFullTLSSocketIsGivenTheWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, m, slow := acceptTLS(t, settings, 1000)
		src := &script{}
		r := serve(c, src, nil)
		synctest.Wait()
		began := time.Now()
		src.add(c, opBinary, strings.Repeat("x", 50_000))
		time.Sleep(settings.WriteTimeout / 2)
		if _, err := io.ReadFull(slow.Conn, make([]byte, 10)); err != nil { // below TLS
			t.Fatal(err)
		}
		<-r.over
		wantElapsed(t, began, settings.WriteTimeout*3/2, settings.WriteTimeout/takenChecks)
		wantResult(t, c, proxy.CloseTryAgainLater)
		m.want("slow_client_closes_total", 1)
		_ = p.Close()
	})
}

// TestAPartOfATLSRecordKeepsAPeer has a peer whose record takes longer than the PongTimeout.
func TestAPartOfATLSRecordKeepsAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, _, _ := acceptTLS(t, settings, bufferSize)
		r := serve(c, &script{}, nil)
		p.want(opPing, keepalivePing)
		_, _ = p.endpoint.Write([]byte{23, 3, 3, 1, 0}) // the head of a record of 256 bytes
		answered := time.Now()
		p.want(opPing, keepalivePing)
		wantElapsed(t, answered, settings.PingInterval, 0)
		_ = p.Close()
		<-r.over
	})
}

// TestATLSConnectionEndsAsTLSDoes reads to the end of a connection that the proxy closes: the client can
// tell that no bytes are missing.
func TestATLSConnectionEndsAsTLSDoes(t *testing.T) {
	for name, end := range map[string]func(c *Conn, p *peer){
		"by the proxy": func(c *Conn, p *peer) {
			c.End(Ending{Code: proxy.CloseServiceRestart})
			p.wantClose(proxy.CloseServiceRestart)
			p.sendClose(int(proxy.CloseServiceRestart), "")
		},
		"by the proxy, unanswered": func(c *Conn, p *peer) {
			c.End(Ending{Code: proxy.CloseServiceRestart})
			p.wantClose(proxy.CloseServiceRestart)
		},
		"by the client": func(_ *Conn, p *peer) {
			p.sendClose(1000, "")
			p.wantClose(proxy.CloseNormal)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _, raw := acceptTLS(t, testSettings(), bufferSize)
				r := serve(c, &script{}, nil)
				c.SendText([]byte("begun")) // else the client does not read the session tickets that come first
				p.want(opText, "begun")
				before := len(raw.taken)
				end(c, p)
				if n, err := p.r.WriteTo(io.Discard); n > 0 || err != nil {
					t.Errorf("got %d bytes more, %v", n, err)
				}
				<-r.over
				if n := raw.records(before); n != 2 {
					t.Errorf("got %d records at the end, want the close frame and the close_notify", n)
				}
			})
		})
	}
}

// TestCutDoesNotWaitForTLS cuts a connection whose socket is full.
func TestCutDoesNotWaitForTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _, _ := acceptTLS(t, testSettings(), 1000)
		src := &script{}
		src.add(c, opBinary, strings.Repeat("x", 50_000))
		r := serve(c, src, nil)
		synctest.Wait()
		began := time.Now()
		c.Cut()
		<-r.over
		wantElapsed(t, began, 0, 0)
		_ = p.Close()
	})
}

func TestAStreamWithoutAConnectionPassesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := newPipe(10)
		s, top, err := streamOf(server)
		if top != s || err != nil {
			t.Errorf("got %T on top, %v", top, err)
		}
		_ = s.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := s.Write(make([]byte, 11)); n != 10 || err == nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		_ = s.CloseWrite()
		if got, err := io.ReadAll(bufio.NewReader(client)); len(got) != 10 || err != nil {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		_, _ = s.Close(), client.Close()
	})
}

func TestTLSOfAnotherListenerIsRefused(t *testing.T) {
	server, client := newPipe(bufferSize)
	if _, _, err := streamOf(tls.Server(server, &tls.Config{MinVersion: tls.VersionTLS12})); !errors.Is(err, errForeignTLS) {
		t.Errorf("got %v", err)
	}
	_, _ = server.Close(), client.Close()
}
