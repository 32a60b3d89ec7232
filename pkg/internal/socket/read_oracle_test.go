package socket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// oracleLimit is the longest message of the comparison with the library.
const oracleLimit = 100_000

// TestReadIsAsTheLibraryReads has few seeds. [TestLongReadIsAsTheLibraryReads] has more.
func TestReadIsAsTheLibraryReads(t *testing.T) { wantSameReads(t, 200) }

func TestLongReadIsAsTheLibraryReads(t *testing.T) { wantSameReads(t, 1500) }

// wantSameReads compares what Read makes of random frames, some of which break a rule, with what the library
// makes of them.
func wantSameReads(t *testing.T, seeds uint64) {
	t.Helper()
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		wire := randomFrames(r)
		wantSameRead(t, wire, 1+len(wire)/1000+r.IntN(1<<r.IntN(17)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzRead compares Read with the library on any bytes, which come in pieces of chunk bytes.
func FuzzRead(f *testing.F) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		f.Add(randomFrames(r), uint16(r.IntN(1000)))
	}
	f.Fuzz(func(t *testing.T, wire []byte, chunk uint16) { wantSameRead(t, wire, 1+int(chunk)) })
}

func wantSameRead(t *testing.T, wire []byte, chunk int) {
	t.Helper()
	got, want := readOurs(t, newFeed(wire, chunk)), readTheirs(t, newFeed(wire, chunk))
	if walk(wire) == atLongControl && endsWith(got, proxy.CloseProtocolError) {
		return
	}
	if got != want && (endsWith(got, proxy.CloseProtocolError) || endsWith(got, proxy.CloseMessageTooBig)) {
		// The library looks at no header before it has all of it, and believes no length before so many bytes have come.
		want = readTheirs(t, newFeed(append(slices.Clone(wire), make([]byte, maxHeader+oracleLimit+1)...), chunk))
	}
	if got != want {
		t.Errorf("in pieces of %d bytes: read\n%.1000s\nthe library\n%.1000s\nof %.100x", chunk, got, want, wire)
	}
}

// stop is where a walk over frames ends.
type stop uint8

const (
	elsewhere stop = iota
	// withinPayload is behind the header of the last frame and before its payload's end. The library takes that for
	// the end of the message if it has given all that has come. RFC 6455 has it so that the connection is lost
	// (section 7.1.5), and an unfinished message with it.
	withinPayload
	// atLongControl is at a control frame whose length is in several bytes. The library takes it if the length is
	// short.
	atLongControl
)

// walk returns where the first frame is that the library takes for something else, if all before it are taken.
func walk(wire []byte) stop {
	for len(wire) >= 2 {
		length, size := uint64(wire[1]&0x7F), 2
		switch {
		case length >= length16 && opcode(wire[0]&0x0F).isControl():
			return atLongControl
		case length == length16 && len(wire) >= 4:
			length, size = uint64(binary.BigEndian.Uint16(wire[2:])), 4
		case length == length64 && len(wire) >= 10:
			length, size = binary.BigEndian.Uint64(wire[2:]), 10
		case length >= length16:
			return elsewhere
		}
		if wire[1]&0x80 != 0 {
			size += 4
		}
		if len(wire) < size {
			return elsewhere
		}
		if length > uint64(len(wire)-size) {
			return withinPayload
		}
		wire = wire[size+int(length):]
	}
	return elsewhere
}

// endsWith tells whether a story ends with a code.
func endsWith(story string, code proxy.CloseCode) bool {
	return strings.Contains(story, fmt.Sprintf("%d\npings", code))
}

// readOurs tells what Read makes of a connection: a line for each message, how it ended, and the pings.
func readOurs(t *testing.T, conn net.Conn) string {
	t.Helper()
	settings := testSettings()
	settings.MaxMessageBytes = oracleLimit
	c, err := Accept(&takeover{header: http.Header{}, conn: conn}, upgradeRequest(), settings, metrics.New(prometheus.NewRegistry(), metrics.Build{}))
	if err != nil {
		t.Fatal(err)
	}
	var story strings.Builder
	var pongs [][]byte
	c.onPong = func(payload []byte) bool {
		pongs = append(pongs, slices.Clone(payload))
		return true
	}
	for {
		text, message, err := c.Read()
		if err != nil {
			break
		}
		tell(&story, text, message)
	}
	fmt.Fprintf(&story, "%d\npings %x\npongs %x", endOf(c), c.pongs, pongs)
	return story.String()
}

func tell(story io.Writer, text bool, message []byte) {
	_, _ = fmt.Fprintf(story, "%v %d bytes %x\n", text, len(message), sha256.Sum256(message))
}

// endOf returns the code with which the proxy closes the connection, else that of the peer.
func endOf(c *Conn) proxy.CloseCode {
	if e := c.Ending(); e != nil {
		return e.Code
	}
	return c.peerCode
}

// readTheirs is readOurs with the library, and with what it leaves to its callers.
func readTheirs(t *testing.T, conn *feed) string {
	t.Helper()
	var pings []byte
	var pongs [][]byte
	lib, err := websocket.Accept(&takeover{header: http.Header{}, conn: conn}, upgradeRequest(), &websocket.AcceptOptions{
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			if len(pings) > maxPongs {
				pings = nil
			}
			pings = appendFrame(pings, opPong, payload)
			return false
		},
		OnPongReceived: func(_ context.Context, payload []byte) { pongs = append(pongs, slices.Clone(payload)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	lib.SetReadLimit(-1)
	var story strings.Builder
	code := readAllByLibrary(lib, conn, &story)
	fmt.Fprintf(&story, "%d\npings %x\npongs %x", code, pings, pongs)
	return story.String()
}

func readAllByLibrary(lib *websocket.Conn, conn *feed, story io.Writer) proxy.CloseCode {
	for {
		kind, r, err := lib.Reader(context.Background())
		if err != nil {
			return codeOf(err)
		}
		var message bytes.Buffer
		_, err = io.Copy(&message, io.LimitReader(r, oracleLimit+1))
		switch {
		case message.Len() > oracleLimit:
			return proxy.CloseMessageTooBig
		case err != nil:
			return codeOf(err)
		case conn.over && (conn.cut || endsWithin(lib)):
			return proxy.CloseAbnormal
		case kind == websocket.MessageText && !utf8.Valid(message.Bytes()):
			return proxy.CloseInvalidPayload
		}
		tell(story, kind == websocket.MessageText, message.Bytes())
	}
}

// endsWithin tells whether the connection was cut between two fragments, which the library takes for the end of
// the message.
func endsWithin(lib *websocket.Conn) bool {
	_, _, err := lib.Reader(context.Background())
	return err != nil && strings.Contains(err.Error(), "previous message")
}

func codeOf(err error) proxy.CloseCode {
	if peer, ok := errors.AsType[websocket.CloseError](err); ok {
		if !utf8.ValidString(peer.Reason) {
			return proxy.CloseInvalidPayload
		}
		return proxy.CloseCode(peer.Code)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return proxy.CloseAbnormal
	}
	return proxy.CloseProtocolError
}

// randomFrames returns up to twelve frames, of which about one in ten sequences has one that breaks a rule.
func randomFrames(r *rand.Rand) []byte {
	var wire []byte
	within := false
	for range 1 + r.IntN(12) {
		op := []byte{byte(opText), byte(opBinary), byte(opPing), byte(opPong)}[r.IntN(4)]
		length := r.IntN(1 << r.IntN(17))
		first := op
		switch {
		case op >= byte(opPing):
			length = min(length, maxControlPayload)
			first |= finalFragment
		case within:
			first = byte(opContinuation)
		}
		if op < byte(opPing) {
			if within = r.IntN(3) == 0; !within {
				first |= finalFragment
			}
		}
		if r.IntN(120) == 0 {
			first ^= 1 << r.IntN(8)
		}
		wire = append(wire, clientFrame(first, strings.Repeat("aé", length)[:length])...)
	}
	switch r.IntN(4) {
	case 0:
		wire = append(wire, closeFrame(uint16(999+r.IntN(20)), "bye")...)
	case 1:
		wire = wire[:r.IntN(len(wire)+1)]
	}
	return wire
}

// feed is a connection from which some bytes come, at most chunk at a time. It takes what is written to it.
type feed struct {
	wire  []byte
	chunk int
	cut   bool // whether the wire ends within a payload
	over  bool // whether its end was met
}

func newFeed(wire []byte, chunk int) *feed {
	return &feed{wire: slices.Clone(wire), chunk: chunk, cut: walk(wire) == withinPayload}
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.wire) == 0 {
		f.over = true
		return 0, io.EOF
	}
	n := copy(p, f.wire[:min(f.chunk, len(f.wire))])
	f.wire = f.wire[n:]
	return n, nil
}

func (f *feed) Write(p []byte) (int, error)      { return len(p), nil }
func (f *feed) Close() error                     { return nil }
func (f *feed) LocalAddr() net.Addr              { return nil }
func (f *feed) RemoteAddr() net.Addr             { return nil }
func (f *feed) SetDeadline(time.Time) error      { return nil }
func (f *feed) SetReadDeadline(time.Time) error  { return nil }
func (f *feed) SetWriteDeadline(time.Time) error { return nil }
