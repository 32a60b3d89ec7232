//go:build linux

package hostile

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// attack is a kind of hostile connection.
type attack struct {
	name  string
	share int           // of the attackers, in percent
	pause time.Duration // between two of its connections
	// run plays one connection to its end. It returns what the proxy did, in a word.
	run func(s *attacker) string
}

// attacker is who attacks.
type attacker struct {
	target target
	ctx    context.Context
	number int
	long   string
}

func attacks() []attack {
	return []attack{
		{"slow headers", 20, 4 * time.Second, (*attacker).dripHeaders},
		{"silence", 8, 4 * time.Second, func(s *attacker) string { return s.silence(s.target.Main) }},
		{"silence within TLS", 8, 4 * time.Second, func(s *attacker) string { return s.silence(s.target.Secure) }},
		{"garbage for TLS", 12, 4 * time.Second, (*attacker).garbage},
		{"giant headers", 10, 4 * time.Second, (*attacker).giantHeaders},
		{"refused parameters", 12, 4 * time.Second, (*attacker).refused},
		{"refused by closing, never answered", 6, 4 * time.Second, (*attacker).refusedByClosing},
		{"slow body", 2, 4 * time.Second, (*attacker).slowBody},
		{"answers never read", 2, 4 * time.Second, (*attacker).pipeline},
		{"oversized messages", 5, 20 * time.Second, (*attacker).oversized},
		{"records never read", 2, 5 * time.Second, (*attacker).neverRead},
		{"connected and dropped", 13, 4 * time.Second, (*attacker).drop},
	}
}

// dial connects. The connection ends with the attack.
func (s *attacker) dial(address string) (*net.TCPConn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(s.target.From)}}
	c, err := dialer.DialContext(s.ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(s.ctx, func() { _ = c.Close() })
	return c.(*net.TCPConn), nil //nolint:errcheck // it was asked for
}

// begin connects and sends text. What comes back is read to the end, as fast as it comes.
func (s *attacker) begin(address, text string) string {
	c, err := s.dial(address)
	if err != nil {
		return "not connected"
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		return "cut off"
	}
	return firstLine(io.ReadAll(io.LimitReader(c, 1<<20)))
}

// firstLine is the status of an answer, if there is one.
func firstLine(answer []byte, _ error) string {
	line, _, _ := bytes.Cut(answer, []byte("\r\n"))
	if status, found := bytes.CutPrefix(line, []byte("HTTP/1.1 ")); found {
		return string(status[:min(3, len(status))])
	}
	return "closed"
}

func (s *attacker) silence(address string) string { return s.begin(address, "") }

// dripHeaders sends a byte now and then, as Slowloris does.
func (s *attacker) dripHeaders() string {
	c, err := s.dial(s.target.Main)
	if err != nil {
		return "not connected"
	}
	defer c.Close()
	text := "GET /socket/in HTTP/1.1\r\nHost: proxy\r\nX-Long: "
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return "closed"
		}
		text = "x"
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return "over"
		}
	}
}

// garbage begins as a TLS record does, with lengths that are wrong.
func (s *attacker) garbage() string {
	random := make([]byte, 300)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	copy(random, "\x16\x03\x01\x01\x20\x01\x00\x01\x1c\x03\x03")
	return s.begin(s.target.Secure, string(random))
}

func (s *attacker) giantHeaders() string {
	return s.begin(s.target.Main, "GET /healthcheck HTTP/1.1\r\nHost: proxy\r\nX-Long: "+s.long+"\r\n\r\n")
}

// slowBody announces a body that never comes.
func (s *attacker) slowBody() string {
	return s.begin(s.target.Main, "GET /healthcheck HTTP/1.1\r\nHost: proxy\r\nContent-Length: 1000\r\n\r\nx")
}

// pipeline asks for much and reads none of it.
func (s *attacker) pipeline() string {
	c, err := s.dial(s.target.Main)
	if err != nil {
		return "not connected"
	}
	defer c.Close()
	_ = c.SetReadBuffer(4 << 10)
	requests := strings.Repeat("GET /openapi.yaml HTTP/1.1\r\nHost: proxy\r\n\r\n", 200)
	for {
		if _, err := io.WriteString(c, requests); err != nil {
			return "closed"
		}
	}
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

func (s *attacker) refused() string {
	target := []string{
		"/socket/in?topic=" + s.target.Topic, "/socket/out?clientId=c&topic=__consumer_offsets",
		"/socket/in?clientId=c&topic=no-such-topic-" + fmt.Sprint(rand.IntN(1000)), "/socket/in?clientId=c&token=x&topic=" + s.target.Topic,
	}[rand.IntN(4)]
	return s.begin(s.target.Main, "GET "+target+" HTTP/1.1\r\nHost: proxy\r\nConnection: close, Upgrade\r\n"+strings.TrimPrefix(upgrade, "Connection: Upgrade\r\n")+"\r\n")
}

// refusedByClosing reads what there is to read, and answers nothing.
func (s *attacker) refusedByClosing() string {
	return s.begin(s.target.Main, "GET /socket/in?clientId=c&handshakeErrors=close HTTP/1.1\r\nHost: proxy\r\n"+upgrade+"\r\n")
}

// oversized sends the beginning of a message that is longer than any may be, then all of it.
func (s *attacker) oversized() string {
	ws, problem := s.open("/socket/in?clientId=attacker&topic=" + s.target.Attacked)
	if ws == nil {
		return problem
	}
	defer ws.Net.Close()
	const final, masked64 = 0x80, 0x80 | 127
	head := binary.BigEndian.AppendUint64([]byte{final | byte(wsclient.Text), masked64}, 1<<40)
	_, err := ws.Net.Write(append(head, 0, 0, 0, 0))
	for err == nil {
		_, err = io.WriteString(ws.Net, s.long)
	}
	return closeCode(ws)
}

// closeCode reads until the close frame.
func closeCode(ws *wsclient.Conn) string {
	for {
		f, err := ws.ReadFrame()
		if err != nil {
			return "closed"
		}
		if f.Opcode == wsclient.Close && len(f.Payload) >= 2 {
			return fmt.Sprint(binary.BigEndian.Uint16(f.Payload))
		}
	}
}

func (s *attacker) open(target string) (*wsclient.Conn, string) {
	c, err := s.dial(s.target.Main)
	if err != nil {
		return nil, "not connected"
	}
	_ = c.SetReadBuffer(4 << 10)
	ws, err := wsclient.Open(c, target)
	if err != nil {
		_ = c.Close()
		return nil, "refused"
	}
	return ws, ""
}

// neverRead consumes a topic that holds much, and takes nothing.
func (s *attacker) neverRead() string {
	ws, problem := s.open(fmt.Sprintf("/socket/out?clientId=attacker-%d&topic=%s", s.number, s.target.Attacked))
	if ws == nil {
		return problem
	}
	defer ws.Net.Close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if ws.Send(wsclient.Ping, nil) != nil { // it lives
			return "closed"
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return "over"
		}
	}
}

// drop hangs up at once, or when all was asked for, without reading the answer.
func (s *attacker) drop() string {
	c, err := s.dial(s.target.Main)
	if err != nil {
		return "not connected"
	}
	_ = c.SetLinger(0)
	defer c.Close()
	if rand.IntN(2) == 0 {
		_, _ = io.WriteString(c, "GET /socket/in?clientId=dropped&topic="+s.target.Attacked+" HTTP/1.1\r\nHost: proxy\r\n"+upgrade+"\r\n")
	}
	return "dropped"
}
