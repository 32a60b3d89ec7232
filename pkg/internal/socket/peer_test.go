package socket

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// bufferSize is how many bytes a connection of a test holds in each direction, unless that matters.
const bufferSize = 64 << 10

func testSettings() Settings {
	return Settings{
		MaxMessageBytes: 1 << 20,
		PingInterval:    25 * time.Second,
		PongTimeout:     10 * time.Second,
		WriteTimeout:    80 * time.Second,
		CloseTimeout:    5 * time.Second,
		Pushers:         &Pushers{},
	}
}

// quietSettings are settings without keep-alive pings.
func quietSettings() Settings {
	s := testSettings()
	s.PingInterval = 1000 * time.Hour
	return s
}

// meters reads metrics.
type meters struct {
	t   *testing.T
	reg *prometheus.Registry
}

// value returns the sum of a metric's series; of a histogram, the number of observations.
func (m *meters) value(name string) float64 {
	m.t.Helper()
	families, err := m.reg.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != "wsproxy_"+name {
			continue
		}
		for _, s := range family.GetMetric() {
			sum += s.GetGauge().GetValue() + s.GetCounter().GetValue() + float64(s.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// want waits until all goroutines block, since writes are counted afterwards.
func (m *meters) want(name string, want float64) {
	m.t.Helper()
	synctest.Wait()
	if got := m.value(name); got != want {
		m.t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// accept opens a connection over a pipe that holds size bytes in each direction.
func accept(t *testing.T, s Settings, size int) (*Conn, *peer, *meters) {
	t.Helper()
	server, client := newPipe(size)
	return acceptOn(t, s, server, client)
}

// acceptOn opens a connection over server, whose other end is the client.
func acceptOn(t *testing.T, s Settings, server net.Conn, client *endpoint) (*Conn, *peer, *meters) {
	t.Helper()
	return acceptRequest(t, s, upgradeRequest(), server, client)
}

func acceptRequest(t *testing.T, s Settings, r *http.Request, server net.Conn, client *endpoint) (*Conn, *peer, *meters) {
	t.Helper()
	reg := prometheus.NewRegistry()
	c, err := Accept(&takeover{header: http.Header{}, conn: server}, r, s, metrics.New(reg, metrics.Build{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // so that a test that fails ends
	return c, &peer{t: t, endpoint: client, r: bufio.NewReader(client)}, &meters{t, reg}
}

// upgradeRequest is the request of a handshake.
func upgradeRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// takeover is a ResponseWriter whose connection can be hijacked. It writes nothing.
type takeover struct {
	header http.Header
	conn   net.Conn
}

func (w *takeover) Header() http.Header         { return w.header }
func (w *takeover) Write(p []byte) (int, error) { return len(p), nil }
func (w *takeover) WriteHeader(int)             {}

func (w *takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// peer is a client that speaks frames, so that it can break every rule.
type peer struct {
	t *testing.T
	*endpoint
	r      *bufio.Reader
	secure net.Conn // TLS over the endpoint, nil without

	inflates   bool   // whether messages may come compressed
	compressed bool   // whether the last frame was
	window     []byte // what came compressed
}

// Write writes to the proxy, through TLS where there is any.
func (p *peer) Write(b []byte) (int, error) {
	if p.secure != nil {
		return p.secure.Write(b)
	}
	return p.endpoint.Write(b)
}

// received is a frame of the server.
type received struct {
	op      opcode
	payload []byte // inflated
}

// send sends a whole message or a control frame.
func (p *peer) send(op opcode, payload string) { p.sendFrame(finalFragment|byte(op), payload) }

// sendFrame sends a masked frame with the given first byte.
func (p *peer) sendFrame(first byte, payload string) {
	_, _ = p.Write(clientFrame(first, payload))
}

func clientFrame(first byte, payload string) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n <= 0xFFFF:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	mask := []byte{1, 2, 3, 4}
	frame = append(frame, mask...)
	for i := range len(payload) {
		frame = append(frame, payload[i]^mask[i%4])
	}
	return frame
}

// sendBehind sends a message and the bytes behind it without holding up the test: while the proxy closes, more
// is sent than the connection holds. sent is closed when all are sent.
func (p *peer) sendBehind(message string, wire []byte) (sent <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.send(opText, message)
		_, _ = p.Write(wire)
	}()
	return done
}

// sendClose sends a close frame; code 0 is one without a code.
func (p *peer) sendClose(code int, reason string) {
	if code == 0 {
		p.send(opClose, "")
		return
	}
	p.send(opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

// next returns the next frame, which must not be a fragment, or the error where there is none.
func (p *peer) next() (received, error) {
	frame, first, err := p.nextFrame()
	if err == nil && (first&finalFragment == 0 || frame.op == opContinuation) {
		p.t.Errorf("a frame begins with %x: a fragment", first)
	}
	return frame, err
}

// nextFrame returns the next frame and its first byte, or the error where there is none.
func (p *peer) nextFrame() (frame received, first byte, err error) {
	first, n, err := p.header()
	if err != nil {
		return received{}, 0, err
	}
	frame = received{op: opcode(first & 0xF), payload: p.bytes(n)}
	if p.compressed = first&compressedBit != 0; p.compressed {
		frame.payload = p.inflate(frame.payload)
	}
	return frame, first, nil
}

// header reads the header of the next frame.
func (p *peer) header() (first byte, length int, err error) {
	var head [2]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return 0, 0, err
	}
	reserved := byte(reservedBits)
	if p.inflates {
		reserved &^= compressedBit
	}
	if head[0]&reserved != 0 || head[1]&0x80 != 0 {
		p.t.Errorf("a frame begins with %x: masked or with reserved bits", head)
	}
	switch head[1] {
	case length16:
		return head[0], int(binary.BigEndian.Uint16(p.bytes(2))), nil
	case length64:
		return head[0], int(binary.BigEndian.Uint64(p.bytes(8))), nil
	}
	return head[0], int(head[1]), nil
}

func (p *peer) bytes(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(p.r, b); err != nil {
		p.t.Errorf("a frame is cut short: %v", err)
	}
	return b
}

// want reads the next frame, which must be this.
func (p *peer) want(op opcode, payload string) {
	p.t.Helper()
	got, err := p.next()
	if err != nil || got.op != op || string(got.payload) != payload {
		p.t.Fatalf("got frame %x %.80q, %v, want %x %.80q", got.op, got.payload, err, op, payload)
	}
}

// wantClose reads frames until the close frame, which must have this code. Others are
// returned.
func (p *peer) wantClose(code proxy.CloseCode) (before []received, reason string) {
	p.t.Helper()
	for {
		got, err := p.next()
		if err != nil {
			p.t.Fatalf("no close frame: %v", err)
		}
		if got.op != opClose {
			before = append(before, got)
			continue
		}
		if code == proxy.CloseNoStatus && len(got.payload) == 0 {
			return before, ""
		}
		if len(got.payload) < 2 || binary.BigEndian.Uint16(got.payload) != uint16(code) {
			p.t.Fatalf("closed with %q, want %d", got.payload, code)
		}
		return before, string(got.payload[2:])
	}
}

// wantEnd reads until the connection's end, which must come without a close frame before.
func (p *peer) wantEnd() {
	p.t.Helper()
	for {
		got, err := p.next()
		if err != nil {
			return
		}
		if got.op == opClose {
			p.t.Errorf("got a close frame %q, want none", got.payload)
		}
	}
}

// script is a source whose frames are set by a test.
type script struct {
	mu     sync.Mutex // guards what follows
	frames bytes.Buffer
	open   bool // whether something is in flight
	writes int
}

func (s *script) add(c *Conn, op opcode, payloads ...string) {
	s.mu.Lock()
	for _, payload := range payloads {
		s.frames.Write(appendFrame(nil, op, []byte(payload)))
	}
	s.mu.Unlock()
	c.Wake()
}

func (s *script) setOpen(c *Conn, open bool) {
	s.mu.Lock()
	s.open = open
	s.mu.Unlock()
	c.Wake()
}

func (s *script) fill(dst []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	dst = append(dst, s.frames.Bytes()...)
	s.frames.Reset()
	return dst
}

func (s *script) midMessage() bool { return false }

func (s *script) wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
}

func (s *script) due() time.Time { return time.Time{} }

func (s *script) rest() {}

func (s *script) over(late bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return late || !s.open
}

// reader collects what a connection reads.
type reader struct {
	over chan struct{} // closed when the connection is over

	mu       sync.Mutex // guards what follows
	messages []message
}

type message struct {
	text    bool
	payload string
}

// servePushed is serve for a connection that others write for.
func servePushed(c *Conn, src source) *reader {
	c.pushers.Store(c.settings.Pushers)
	return serve(c, src, nil)
}

// serve runs a connection with a source. each, where it is set, is called for each message.
func serve(c *Conn, src source, each func()) *reader {
	r := &reader{over: make(chan struct{})}
	go func() {
		defer close(r.over)
		go c.writeLoop(src)
		for {
			text, payload, err := c.Read()
			if err != nil {
				break
			}
			r.mu.Lock()
			r.messages = append(r.messages, message{text, string(payload)})
			r.mu.Unlock()
			if each != nil {
				each()
			}
		}
		c.finish()
	}()
	return r
}

func (r *reader) got() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.messages...)
}

func wantResult(t *testing.T, c *Conn, want proxy.CloseCode) {
	t.Helper()
	if got := c.Result(); got != want {
		t.Errorf("the result is %d, want %d", got, want)
	}
}

func wantElapsed(t *testing.T, began time.Time, want, slack time.Duration) {
	t.Helper()
	if got := time.Since(began); got < want || got > want+slack {
		t.Errorf("it took %v, want %v and at most %v more", got, want, slack)
	}
}

func TestAcceptRefuses(t *testing.T) {
	for name, w := range map[string]http.ResponseWriter{
		"a plain request":               &takeover{header: http.Header{}},
		"a response without a takeover": httptest.NewRecorder(),
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if _, ok := w.(*takeover); !ok {
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", "websocket")
				r.Header.Set("Sec-WebSocket-Version", "13")
				r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
			}
			c, err := Accept(w, r, testSettings(), metrics.New(prometheus.NewRegistry(), metrics.Build{}))
			if err == nil || c != nil {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
}

func TestAcceptClosesAConnectionThatTakesNoDeadline(t *testing.T) {
	server, client := newPipe(bufferSize)
	broken := &noDeadline{server}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	_, err := Accept(&takeover{header: http.Header{}, conn: broken}, r, testSettings(), metrics.New(prometheus.NewRegistry(), metrics.Build{}))
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is open: %v", err)
	}
}

type noDeadline struct{ *endpoint }

func (noDeadline) SetDeadline(time.Time) error { return net.ErrClosed }
