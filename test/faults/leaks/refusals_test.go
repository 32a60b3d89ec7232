//go:build linux

package leaks

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// refusals are handshakes that are refused.
func refusals() []kind {
	ask := func(name string, status int, path string, parameters ...string) kind {
		return kind{"handshake refused: " + name, often, func(v *visit) error {
			return v.refused(status, target(path, parameters...))
		}}
	}
	return []kind{
		ask("no clientId", 400, "/socket/in", "topic", topicIn),
		ask("bad parameter", 400, "/socket/out", "topic", topicFull, "clientId", "c", "autoCommit", "maybe"),
		ask("credentials in the URL", 400, "/socket/in", "topic", topicIn, "clientId", "c", "token", "secret"),
		ask("no such topic", 400, "/socket/in", "topic", topicMissing, "clientId", "c"),
		ask("no such topic to read", 400, "/socket/out", "topic", topicMissing, "clientId", "c"),
		ask("topic not allowed", 403, "/socket/in", "topic", "secret", "clientId", "c"),
		ask("internal topic", 403, "/socket/out", "topic", "__consumer_offsets", "clientId", "c"),
		{"handshake refused: no token", often, func(v *visit) error { return v.unauthorized("X-Nothing: x") }},
		{"handshake refused: token that has ended", often, func(v *visit) error {
			return v.unauthorized("Authorization: Bearer " + v.proxy.provider.token(fmt.Sprintf("late-%d", v.number), -time.Hour))
		}},
		{"handshake refused: token of nobody", often, func(v *visit) error {
			return v.unauthorized(fmt.Sprintf("Authorization: Bearer %d.%d.%d", v.number, v.number, v.number))
		}},
		{"handshake refused: foreign origin", often, func(v *visit) error {
			return v.answered(403, head("GET", target("/socket/in", "topic", topicIn, "clientId", "c"), upgrade("Origin: http://elsewhere.example")...))
		}},
		{"handshake refused: no WebSocket request", often, func(v *visit) error {
			return v.answered(426, head("GET", target("/socket/in", "topic", topicIn, "clientId", "c")))
		}},
		{"handshake refused: old version", often, func(v *visit) error {
			headers := strings.Join(upgrade(), "\r\n")
			return v.answered(426, head("GET", target("/socket/in", "topic", topicIn, "clientId", "c"), strings.Replace(headers, "Version: 13", "Version: 8", 1)))
		}},
		{"handshake refused by a close frame", often, func(v *visit) error {
			ws, err := v.open(target("/socket/in", "topic", topicIn, "handshakeErrors", "close"))
			if err != nil {
				return err
			}
			return closedWith(ws, 4400)
		}},
		{"handshake refused by a close frame that nobody answers", seldom, func(v *visit) error {
			ws, err := v.open(target("/socket/in", "topic", topicIn, "handshakeErrors", "close"))
			if err != nil {
				return err
			}
			return ended(ws)
		}},
	}
}

func upgrade(more ...string) []string {
	return append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}, more...)
}

// refused asks for a WebSocket that must be refused.
func (v *visit) refused(status int, target string) error {
	ws, err := v.open(target)
	if err == nil {
		_ = ws.Net.Close()
	}
	if r, ok := errors.AsType[*wsclient.Refused](err); !ok || r.Status != status {
		return fmt.Errorf("%w: %s is answered by %w, not %d", errUnexpected, target, err, status)
	}
	return nil
}

// unauthorized asks for a WebSocket with a header that must not suffice.
func (v *visit) unauthorized(header string) error {
	conn, err := v.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = wsclient.Open(conn, v.place(), header)
	if r, ok := errors.AsType[*wsclient.Refused](err); !ok || r.Status != http.StatusUnauthorized {
		return fmt.Errorf("%w: %.20s is answered by %w", errUnexpected, header, err)
	}
	return nil
}

// answered asks for something that must be answered with the status.
func (v *visit) answered(status int, request string) error {
	got, err := v.request(request)
	if err != nil || got != status {
		return fmt.Errorf("%w: %q is answered by %d, %w; not %d", errUnexpected, request[:min(len(request), 60)], got, err, status)
	}
	return nil
}

// requests are HTTP requests that want no WebSocket.
func requests() []kind {
	ask := func(status int, method, target string, headers ...string) kind {
		return kind{"HTTP " + method + " " + target, often, func(v *visit) error {
			return v.answered(status, head(method, target, headers...))
		}}
	}
	return []kind{
		ask(200, "GET", "/healthcheck"),
		ask(200, "GET", "/kafka/cluster/info"),
		ask(200, "GET", "/schemas/avro/producer/record"),
		ask(404, "GET", "/nothing"),
		ask(405, "POST", "/socket/in", "Content-Length: 0"),
		ask(431, "GET", "/healthcheck", "X-Long: "+strings.Repeat("x", 32<<10)),
		{"HTTP that is none", often, func(v *visit) error { return v.answered(400, "HELLO\r\n\r\n") }},
		{"HTTP, many on one connection", often, func(v *visit) error {
			tcp, err := v.dial()
			if err != nil {
				return err
			}
			defer tcp.Close()
			r := bufio.NewReader(tcp)
			for range 5 {
				if status, err := answerTo(tcp, r, v.authorized(head("GET", "/healthcheck"))); err != nil || status != 200 {
					return fmt.Errorf("%w: %d, %w", errUnexpected, status, err)
				}
			}
			return tcp.SetLinger(0)
		}},
	}
}

// unfinished are handshakes that never come to their end.
func unfinished() []kind {
	none, half := func(string) int { return 0 }, func(request string) int { return len(request) / 2 }
	most, whole := func(request string) int { return len(request) - 1 }, func(request string) int { return len(request) }
	begin := func(name string, bytes func(request string) int, share int, end func(*net.TCPConn) error) kind {
		return kind{"handshake never finished: " + name, share, func(v *visit) error {
			tcp, err := v.dial()
			if err != nil {
				return err
			}
			defer tcp.Close()
			request := v.authorized(head("GET", v.place(), upgrade()...))
			if _, err := tcp.Write([]byte(request[:bytes(request)])); err != nil {
				return err
			}
			return end(tcp)
		}}
	}
	timedOut := func(tcp *net.TCPConn) error {
		_, err := tcp.Read(make([]byte, 4<<10))
		if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
			return fmt.Errorf("%w: the handshake did not time out", errUnexpected)
		}
		return nil
	}
	rst := func(tcp *net.TCPConn) error { return tcp.SetLinger(0) }
	fin := func(*net.TCPConn) error { return nil }
	return []kind{
		begin("not a byte, FIN", none, often, fin),
		begin("not a byte, timeout", none, seldom, timedOut),
		begin("half, FIN", half, often, fin),
		begin("half, RST", half, often, rst),
		begin("half, timeout", half, seldom, timedOut),
		begin("all but the last byte, timeout", most, seldom, timedOut),
		{"TLS never begun, timeout", seldom, func(v *visit) error {
			tcp, err := dial(v.proxy.tls)
			if err != nil {
				return err
			}
			defer tcp.Close()
			if _, err := tcp.Write([]byte{0x16, 3, 1}); err != nil {
				return err
			}
			return timedOut(tcp)
		}},
		begin("whole, RST without reading the answer", whole, often, rst),
	}
}
