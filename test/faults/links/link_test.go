package links

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// patience is for what must happen, glance is for what must not: a machine that is late does not see it then.
	patience = time.Minute
	glance   = 100 * time.Millisecond
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ends are a connection through a link: the client's end and the server's.
type ends struct {
	link           *Link
	client, server *net.TCPConn
}

func connected(t *testing.T) *ends {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer server.Close()
	link, err := Open(server.Addr().String())
	must(t, err)
	t.Cleanup(func() { must(t, link.Close()) })
	e := &ends{link: link, client: dial(t, link)}
	accepted, err := server.Accept()
	must(t, err)
	e.server = tcp(t, accepted)
	t.Cleanup(func() { _ = e.server.Close() })
	return e
}

func dial(t *testing.T, link *Link) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", link.Addr())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return tcp(t, conn)
}

func tcp(t *testing.T, conn net.Conn) *net.TCPConn {
	t.Helper()
	c, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("%T is no TCP connection", conn)
	}
	return c
}

// says has one end send a text that the other must receive.
func says(t *testing.T, from, to *net.TCPConn, text string) {
	t.Helper()
	_, err := io.WriteString(from, text)
	must(t, err)
	hears(t, to, text)
}

func hears(t *testing.T, to *net.TCPConn, text string) {
	t.Helper()
	must(t, to.SetReadDeadline(time.Now().Add(patience)))
	got := make([]byte, len(text))
	_, err := io.ReadFull(to, got)
	must(t, err)
	if string(got) != text {
		t.Fatalf("got %q, want %q", got, text)
	}
}

// hearsNothing fails if anything comes, also the end.
func hearsNothing(t *testing.T, to *net.TCPConn) {
	t.Helper()
	must(t, to.SetReadDeadline(time.Now().Add(glance)))
	var one [1]byte
	if n, err := to.Read(one[:]); n > 0 || !isTimeout(err) {
		t.Fatalf("got %d bytes, then %v", n, err)
	}
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

func endsWith(t *testing.T, conn *net.TCPConn, want error) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	var one [1]byte
	if n, err := conn.Read(one[:]); n > 0 || !errors.Is(err, want) {
		t.Fatalf("got %d bytes, then %v; want %v", n, err, want)
	}
}

func TestALinkPassesOnBothDirectionsAndTheEnd(t *testing.T) {
	t.Parallel()
	e := connected(t)
	says(t, e.client, e.server, "question")
	says(t, e.server, e.client, "answer")
	must(t, e.client.CloseWrite())
	endsWith(t, e.server, io.EOF)
	says(t, e.server, e.client, "the rest")
	must(t, e.server.Close())
	endsWith(t, e.client, io.EOF)
}

func TestALinkHoldsOneDirectionAlone(t *testing.T) {
	t.Parallel()
	e := connected(t)
	e.link.Set(Way{Held: true}, Way{})
	_, err := io.WriteString(e.client, "question")
	must(t, err)
	says(t, e.server, e.client, "unasked")
	hearsNothing(t, e.server)
	e.link.Set(Way{}, Way{Held: true})
	hears(t, e.server, "question")
	_, err = io.WriteString(e.server, "answer")
	must(t, err)
	hearsNothing(t, e.client)
	e.link.Set(Way{}, Way{})
	hears(t, e.client, "answer")
}

func TestALinkThatHoldsIsHalfOpenAfterTheEndOfAConnection(t *testing.T) {
	t.Parallel()
	e := connected(t)
	e.link.Set(Way{Held: true}, Way{Held: true})
	_, err := io.WriteString(e.client, "last words")
	must(t, err)
	must(t, e.client.Close())
	hearsNothing(t, e.server)
	e.link.Set(Way{}, Way{})
	hears(t, e.server, "last words")
	endsWith(t, e.server, io.EOF)
}

func TestALinkDelaysWithoutReordering(t *testing.T) {
	t.Parallel()
	e := connected(t)
	const delay = 300 * time.Millisecond
	e.link.Set(Way{Delay: delay}, Way{})
	began := time.Now()
	_, err := io.WriteString(e.client, "one")
	must(t, err)
	_, err = io.WriteString(e.client, "two")
	must(t, err)
	hears(t, e.server, "onetwo")
	if took := time.Since(began); took < delay {
		t.Errorf("it took %v", took)
	}
}

func TestALinkPassesNoMoreThanItsRate(t *testing.T) {
	t.Parallel()
	e := connected(t)
	const bytes, rate = 100 << 10, 200 << 10
	e.link.Set(Way{}, Way{Rate: rate})
	began := time.Now()
	text := strings.Repeat("x", bytes)
	go func() { _, _ = io.WriteString(e.server, text) }()
	hears(t, e.client, text)
	if took := time.Since(began); took < time.Second*bytes/rate {
		t.Errorf("it took %v", took)
	}
}

func TestALinkThatIsNotSlowAnymoreForgetsItsBacklog(t *testing.T) {
	t.Parallel()
	e := connected(t)
	e.link.Set(Way{}, Way{Rate: 1})
	_, err := io.WriteString(e.server, strings.Repeat("x", 100_000)) // for a day
	must(t, err)
	hearsNothing(t, e.client)
	e.link.Set(Way{}, Way{})
	hears(t, e.client, strings.Repeat("x", 100_000))
}

func TestALinkCutsAndRefusesConnections(t *testing.T) {
	t.Parallel()
	e := connected(t)
	says(t, e.client, e.server, "question")
	e.link.Refuse(true)
	e.link.Cut()
	endsWith(t, e.client, syscall.ECONNRESET)
	endsWith(t, e.server, syscall.ECONNRESET)
	refused, err := net.Dial("tcp", e.link.Addr())
	if err != nil {
		return // the RST came before the kernel had told of the connection
	}
	defer refused.Close()
	must(t, refused.SetReadDeadline(time.Now().Add(patience)))
	if n, err := refused.Read(make([]byte, 1)); n > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a refused connection: %d bytes, then %v", n, err)
	}
}

func TestALinkAsksForTheTargetOfEachConnection(t *testing.T) {
	t.Parallel()
	var targets []string
	for range 2 {
		server, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		t.Cleanup(func() { _ = server.Close() })
		targets = append(targets, server.Addr().String())
		go func() {
			if conn, err := server.Accept(); err == nil {
				_, _ = io.WriteString(conn, server.Addr().String())
				_ = conn.Close()
			}
		}()
	}
	all := slices.Clone(targets)
	link, err := OpenTo(func() (string, error) {
		if len(targets) == 0 {
			return "", errors.New("no target")
		}
		next := targets[0]
		targets = targets[1:]
		return next, nil
	})
	must(t, err)
	t.Cleanup(func() { must(t, link.Close()) })
	for _, want := range all {
		hears(t, dial(t, link), want)
	}
	conn, err := net.Dial("tcp", link.Addr())
	if err != nil {
		return // the RST came before the kernel had told of the connection
	}
	defer conn.Close()
	endsWith(t, tcp(t, conn), syscall.ECONNRESET)
}

func TestALinkAbandonsAConnectionHalfOpen(t *testing.T) {
	t.Parallel()
	e := connected(t)
	says(t, e.client, e.server, "question")
	e.link.Abandon()
	endsWith(t, e.server, syscall.ECONNRESET)
	hearsNothing(t, e.client)
	for range 3 { // the first is what the link finds the end by
		_, err := io.WriteString(e.client, "is anybody there")
		must(t, err)
		hearsNothing(t, e.client)
	}
	e.link.Cut()
	endsWith(t, e.client, syscall.ECONNRESET)
}

func TestALinkClosesWhatItHolds(t *testing.T) {
	t.Parallel()
	e := connected(t)
	e.link.Set(Way{Held: true}, Way{Held: true})
	_, err := io.WriteString(e.client, "held")
	must(t, err)
	must(t, e.link.Close())
	endsWith(t, e.client, syscall.ECONNRESET)
}
