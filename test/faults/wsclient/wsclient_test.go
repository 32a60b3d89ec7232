package wsclient

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// echo answers each message with itself, by a library that has nothing to do with this one.
func echo(t *testing.T) net.Conn {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/echo" {
			http.Error(w, "not here", http.StatusNotFound)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestMessagesOfAllLengths(t *testing.T) {
	c, err := Open(echo(t), "/echo")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 200000} {
		payload := bytes.Repeat([]byte{'x'}, n)
		if err := c.Send(Text, payload); err != nil {
			t.Fatal(err)
		}
		if n > 2 {
			err = c.SendFragments(payload, 3)
		} else {
			err = c.Send(Text, payload)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := message(t, c); !bytes.Equal(got, payload) {
				t.Fatalf("a message of %d bytes came back as one of %d", n, len(got))
			}
		}
	}
}

// message reads a message, which may come in several frames.
func message(t *testing.T, c *Conn) []byte {
	t.Helper()
	var whole []byte
	for {
		f, err := c.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if whole = append(whole, f.Payload...); f.Final {
			return whole
		}
	}
}

func TestPingAndClose(t *testing.T) {
	c, err := Open(echo(t), "/echo")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Send(Ping, []byte("p")), c.SendClose(1000)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Frame{{Pong, true, []byte("p")}, {Close, true, []byte{0x03, 0xE8}}} {
		got, err := c.ReadFrame()
		if err != nil || got.Opcode != want.Opcode || !bytes.Equal(got.Payload, want.Payload) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if code := CloseCode(nil); code != 1005 {
		t.Errorf("a close frame without a code has %d", code)
	}
}

func TestRefusedHandshake(t *testing.T) {
	_, err := Open(echo(t), "/elsewhere")
	refused, ok := errors.AsType[*Refused](err)
	if !ok || refused.Status != http.StatusNotFound || !strings.Contains(refused.Body, "not here") {
		t.Errorf("got %v", err)
	}
}

func TestCutsArePartsOfTheMessage(t *testing.T) {
	for _, n := range []int{2, 125, 126, 1000, 70000} {
		payload := bytes.Repeat([]byte{'x'}, n)
		before := 0
		for place := range Cuts {
			part, err := until(payload, place)
			if err != nil {
				t.Fatal(err)
			}
			whole := len(AppendFrame(nil, Text, true, newMask(), payload))
			if place < BetweenFragments && (len(part) < max(1, before) || len(part) >= whole) {
				t.Errorf("%d bytes cut %s are %d of %d, after %d", n, place, len(part), whole, before)
			}
			if part[0]&finalBit == 0 != (place >= BetweenFragments) {
				t.Errorf("%d bytes cut %s: the first frame has the first byte %x", n, place, part[0])
			}
			before = len(part)
		}
	}
	if _, err := until([]byte("x"), InPayload); err == nil {
		t.Error("one byte was cut in two")
	}
}

func TestBrokenServers(t *testing.T) {
	cases := map[string][]byte{
		"masked":             {0x81, 0x81, 0, 0, 0, 0, 'x'},
		"reserved bit":       {0xC1, 0x01, 'x'},
		"fragmented control": {0x09, 0x00},
		"long control":       {0x89, 126, 0, 200},
		"padded length":      {0x81, 126, 0, 5, 'h', 'e', 'l', 'l', 'o'},
	}
	for name, wire := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := readFrame(bufio.NewReader(bytes.NewReader(wire))); !errors.Is(err, errServerFrame) {
				t.Errorf("the frame was taken: %v", err)
			}
		})
	}
}
