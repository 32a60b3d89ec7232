//go:build linux

package leaks

import (
	"math/rand/v2"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// ending ends an open WebSocket in one way.
type ending struct {
	name string
	slow bool // it waits for a timeout of the proxy
	end  func(*wsclient.Conn, *rand.Rand) error
}

func endings() []ending {
	return []ending{
		{name: "close 1000", end: func(ws *wsclient.Conn, _ *rand.Rand) error {
			if err := ws.SendClose(1000); err != nil {
				return err
			}
			return closedWith(ws, 1000)
		}},
		{name: "RST", end: func(ws *wsclient.Conn, _ *rand.Rand) error { return reset(ws) }},
		{name: "FIN without a close frame", end: func(ws *wsclient.Conn, _ *rand.Rand) error { return ws.Net.Close() }},
		{name: "half-closed", end: func(ws *wsclient.Conn, _ *rand.Rand) error {
			_ = tcpOf(ws.Net).CloseWrite()
			return ended(ws)
		}},
		{name: "cut in a message by FIN", end: func(ws *wsclient.Conn, r *rand.Rand) error {
			if err := cut(ws, r); err != nil {
				return err
			}
			return ws.Net.Close()
		}},
		{name: "cut in a message by RST", end: func(ws *wsclient.Conn, r *rand.Rand) error {
			if err := cut(ws, r); err != nil {
				return err
			}
			return reset(ws)
		}},
		{name: "1009", end: func(ws *wsclient.Conn, _ *rand.Rand) error {
			if err := ws.Send(wsclient.Text, make([]byte, maxMessage+1)); err != nil {
				return err
			}
			return closedWith(ws, 1009)
		}},
		{name: "1007", end: func(ws *wsclient.Conn, _ *rand.Rand) error {
			if err := ws.Send(wsclient.Text, []byte{'"', 0xff, '"'}); err != nil {
				return err
			}
			return closedWith(ws, 1007)
		}},
		{name: "1002, unmasked", end: func(ws *wsclient.Conn, _ *rand.Rand) error {
			if _, err := ws.Net.Write([]byte{0x81, 1, 'x'}); err != nil {
				return err
			}
			return closedWith(ws, 1002)
		}},
		{name: "1002, reserved opcode", end: func(ws *wsclient.Conn, _ *rand.Rand) error {
			if err := ws.Send(0x3, []byte("x")); err != nil {
				return err
			}
			return closedWith(ws, 1002)
		}},
		{name: "dropped by keep-alive", slow: true, end: func(ws *wsclient.Conn, _ *rand.Rand) error { return ended(ws) }},
		{name: "stuck in a message and dropped by keep-alive", slow: true, end: func(ws *wsclient.Conn, r *rand.Rand) error {
			if err := cut(ws, r); err != nil {
				return err
			}
			return ended(ws)
		}},
	}
}

// cut sends a part of a message.
func cut(ws *wsclient.Conn, r *rand.Rand) error {
	payload := make([]byte, []int{50, 1000, maxMessage}[r.IntN(3)])
	return ws.SendUntil(payload, wsclient.Cut(r.IntN(int(wsclient.Cuts))))
}
