//go:build linux

package leaks

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// visit is one connection to the proxy, from its beginning to its end.
type visit struct {
	proxy   *proxy
	rand    *rand.Rand
	number  int
	subject string      // of its token
	groups  chan string // that nobody is in
}

// wait bounds everything that a client waits for.
const wait = 45 * time.Second

func (v *visit) dial() (*net.TCPConn, error) { return dial(v.proxy.main) }

func dial(address string) (*net.TCPConn, error) {
	conn, err := net.DialTimeout("tcp", address, wait)
	if err != nil {
		return nil, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("%T is no TCP connection", conn)
	}
	err = tcp.SetDeadline(time.Now().Add(wait))
	return tcp, err
}

// connect connects every other visit with TLS.
func (v *visit) connect() (net.Conn, error) {
	if v.number%4 < 2 {
		return v.dial()
	}
	tcp, err := dial(v.proxy.tls)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(tcp, v.proxy.trust)
	if err := conn.Handshake(); err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return conn, nil
}

// tcpOf is what lies below a connection.
func tcpOf(conn net.Conn) *net.TCPConn {
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn) // there is no other
	return tcp
}

// target makes a path with a query. Parameters are name, value, name, value. Producers must name an instance: those that are
// refused need none of their own.
func target(path string, parameters ...string) string {
	values := url.Values{}
	if path == "/socket/in" {
		values.Set("instanceId", "any")
	}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return path + "?" + values.Encode()
}

// open opens a WebSocket. While the places of a group are taken it tries again, as the answer
// says: a visitor that has just gone may not have left the group yet.
func (v *visit) open(target string) (*wsclient.Conn, error) {
	for by := time.Now().Add(wait); ; {
		ws, err := v.openOnce(target)
		refused, ok := errors.AsType[*wsclient.Refused](err)
		if !ok || refused.Status != http.StatusTooManyRequests || time.Now().After(by) {
			return ws, err
		}
	}
}

func (v *visit) openOnce(target string) (*wsclient.Conn, error) {
	conn, err := v.connect()
	if err != nil {
		return nil, err
	}
	ws, err := wsclient.Open(conn, target, v.authorization())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ws, nil
}

// request sends an HTTP request by hand, with the visitor's token, and returns the answer's status.
func (v *visit) request(head string) (int, error) {
	conn, err := v.connect()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	return answerTo(conn, r, v.authorized(head))
}

// authorization is the header with the visitor's token.
func (v *visit) authorization() string {
	return "Authorization: Bearer " + v.proxy.provider.token(v.subject, time.Hour)
}

// authorized adds the header to a request.
func (v *visit) authorized(head string) string {
	return strings.Replace(head, "Host: proxy\r\n", "Host: proxy\r\n"+v.authorization()+"\r\n", 1)
}

func answerTo(tcp net.Conn, r *bufio.Reader, head string) (int, error) {
	if _, err := io.WriteString(tcp, head); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// head is an HTTP request without a body.
func head(method, target string, headers ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: proxy\r\n" + strings.Join(append(headers, "", ""), "\r\n")
}

// reset ends a connection with RST.
func reset(ws *wsclient.Conn) error {
	tcp := tcpOf(ws.Net)
	_ = tcp.SetLinger(0)
	return tcp.Close()
}

var errUnexpected = errors.New("the proxy did not do what it must")

// closedWith reads until the proxy's close frame, which must have the code, answers it, and
// waits for the connection's end.
func closedWith(ws *wsclient.Conn, code uint16) error {
	defer ws.Net.Close()
	for {
		f, err := ws.ReadFrame()
		if err != nil {
			return fmt.Errorf("%w: waiting for close %d: %w", errUnexpected, code, err)
		}
		if f.Opcode != wsclient.Close {
			continue
		}
		if got := wsclient.CloseCode(f.Payload); got != code {
			return fmt.Errorf("%w: closed with %d, not %d", errUnexpected, got, code)
		}
		_ = ws.Send(wsclient.Close, f.Payload) // the proxy may have gone already
		return ended(ws)
	}
}

// ended waits for the connection's end, and answers no ping.
func ended(ws *wsclient.Conn) error {
	defer ws.Net.Close()
	for {
		_, err := ws.ReadFrame()
		if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
			return fmt.Errorf("%w: the connection did not end: %w", errUnexpected, err)
		}
		if err != nil {
			return nil
		}
	}
}

// texts reads n text messages.
func texts(ws *wsclient.Conn, n int) error {
	for n > 0 {
		f, err := ws.ReadFrame()
		if err != nil {
			return fmt.Errorf("%w: %d messages are missing: %w", errUnexpected, n, err)
		}
		switch f.Opcode {
		case wsclient.Text:
			n--
		case wsclient.Ping:
			if err := ws.Send(wsclient.Pong, f.Payload); err != nil {
				return err
			}
		case wsclient.Close:
			return fmt.Errorf("%w: closed with %d", errUnexpected, wsclient.CloseCode(f.Payload))
		default:
		}
	}
	return nil
}
