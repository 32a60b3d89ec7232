package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// TestFramesAreWhatAnotherReaderReads sends frames of every length class to a WebSocket client by
// another author, through the handshake of a real HTTP server.
func TestFramesAreWhatAnotherReaderReads(t *testing.T) {
	lengths := []int{0, 1, 125, 126, 127, 65535, 65536, 65537, fillSize, 3*fillSize + 1}
	var wire []byte
	var sent []message
	for i, n := range lengths {
		payload := strings.Repeat(string(rune('a'+i)), n)
		wire = appendFrame(wire, opText, []byte(payload))
		wire = appendFrame(wire, opPing, []byte(fmt.Sprint("ping ", i)))
		wire = appendFrame(wire, opBinary, []byte(payload))
		sent = append(sent, message{true, payload}, message{false, payload})
	}
	wire = appendFrame(wire, opPing, bytes.Repeat([]byte{'p'}, maxControlPayload))
	wire = appendClose(wire, 4404, strings.Repeat("é", 100))

	var pings []string
	client := dial(t, func(c *Conn) {
		if err := c.write(wire); err != nil {
			t.Error(err)
		}
	}, &websocket.DialOptions{
		Subprotocols:   []string{"other", Subprotocol},
		OnPingReceived: func(_ context.Context, payload []byte) bool { pings = append(pings, string(payload)); return false },
	})
	if client.Subprotocol() != Subprotocol {
		t.Errorf("the subprotocol is %q", client.Subprotocol())
	}
	client.SetReadLimit(-1)
	for i, want := range sent {
		kind, payload, err := client.Read(t.Context())
		if err != nil || (kind == websocket.MessageText) != want.text || string(payload) != want.payload {
			t.Fatalf("message %d: got %v of %d bytes, %v, want %d bytes", i, kind, len(payload), err, len(want.payload))
		}
	}
	_, _, err := client.Read(t.Context())
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != 4404 || closed.Reason != strings.Repeat("é", 61) {
		t.Errorf("closed with %v", err)
	}
	if len(pings) != len(lengths)+1 || pings[0] != "ping 0" || pings[len(lengths)] != strings.Repeat("p", maxControlPayload) {
		t.Errorf("got %d pings: %.40q", len(pings), pings)
	}
}

// dial connects a client to a server that calls serve with the connection.
func dial(t *testing.T, serve func(c *Conn), o *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	ours, theirs := newPipe(8 << 20)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, testSettings(), metrics.New(prometheus.NewRegistry(), metrics.Build{}))
		if err != nil {
			t.Error(err)
			return
		}
		serve(c)
	})}
	listener := &oneConn{conns: make(chan net.Conn, 1), over: make(chan struct{})}
	listener.conns <- ours
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return theirs, nil }}
	o.HTTPClient = &http.Client{Transport: transport}
	client, _, err := websocket.Dial(t.Context(), "ws://proxy/", o) //nolint:bodyclose // the library has closed it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.CloseNow()
		_ = server.Close()
		<-served
	})
	return client
}

// oneConn is a listener of the connections in conns.
type oneConn struct {
	conns chan net.Conn
	over  chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func (l *oneConn) Close() error {
	close(l.over)
	return nil
}

// TestFramesLeaveWhatIsBeforeThem builds a frame of each length class after others.
func TestFramesLeaveWhatIsBeforeThem(t *testing.T) {
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			payload := bytes.Repeat([]byte{'x'}, n)
			alone := appendFrame(nil, opBinary, payload)
			both := appendFrame(append(make([]byte, 0, 3*n+100), "before"...), opBinary, payload)
			if string(both) != "before"+string(alone) {
				t.Error("the frame differs, or what was before it")
			}
		})
	}
}

func TestCutUTF8(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		most int
		want string
	}{
		"shorter":                {"abc", 4, "abc"},
		"exactly":                {"abc", 3, "abc"},
		"longer":                 {"abcd", 3, "abc"},
		"nothing fits":           {"é", 1, ""},
		"before two bytes":       {"aé", 2, "a"},
		"after two bytes":        {"éa", 2, "é"},
		"before three bytes":     {"a€", 3, "a"},
		"before four bytes":      {"a😀", 4, "a"},
		"four bytes fit":         {"😀b", 4, "😀"},
		"nothing":                {"", 0, ""},
		"continuation bytes all": {"\x80\x80\x80", 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cutUTF8(test.text, test.most); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzAppendClose states that a close frame is a control frame with the code and a reason
// that is a prefix of what was given, and UTF-8 where that was.
func FuzzAppendClose(f *testing.F) {
	f.Add(uint16(1000), "")
	f.Add(uint16(4404), strings.Repeat("€", 50))
	f.Fuzz(func(t *testing.T, code uint16, reason string) {
		frame := appendClose(nil, code, reason)
		if len(frame) < 4 || len(frame) > 2+maxControlPayload || frame[0] != 0x88 || int(frame[1]) != len(frame)-2 {
			t.Fatalf("got %x", frame)
		}
		kept := string(frame[4:])
		if !strings.HasPrefix(reason, kept) || utf8.ValidString(reason) && !utf8.ValidString(kept) {
			t.Errorf("%q became %q", reason, kept)
		}
		if len(kept) < len(reason) && utf8.ValidString(reason) && len(kept) < maxControlPayload-2-3 {
			t.Errorf("%q was cut to %d bytes", reason, len(kept))
		}
	})
}
