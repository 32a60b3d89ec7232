package socket

import (
	"net"
)

// transport is the net.Conn that the WebSocket library is given. The library reads from the
// peer through it; frames that the library writes (echoes of close frames, refusals of broken
// frames) are left for the connection's writer, and its Close does nothing: only the Conn
// closes the socket.
type transport struct {
	net.Conn
	ended   func()         // called when no more bytes come
	library func(p []byte) // takes what the library wrote
}

// Read implements net.Conn.
func (t *transport) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n > 0 {
		return n, nil // an error beside bytes is returned again by the next Read
	}
	if err != nil {
		t.ended()
	}
	return n, err
}

// Write implements net.Conn for the library, which writes each control frame at once.
func (t *transport) Write(p []byte) (int, error) {
	t.library(p)
	return len(p), nil
}

// Close implements net.Conn for the library.
func (t *transport) Close() error { return nil }
