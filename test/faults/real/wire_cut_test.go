//go:build unix

package real

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestWire looks from the other side at what the suite does to a connection.
func TestWire(t *testing.T) {
	cases := map[string]struct {
		do   func(*wire)
		sent string // what arrives of a message of four bytes that is sent then
		end  error  // and what comes after it
	}{
		"untouched":   {func(*wire) {}, "abcd", os.ErrDeadlineExceeded},
		"cut":         {(*wire).cutNext, "ab", syscall.ECONNRESET},
		"reset":       {(*wire).Reset, "", syscall.ECONNRESET},
		"closed":      {func(w *wire) { _ = w.Close() }, "", io.EOF},
		"half-closed": {func(w *wire) { _ = w.CloseWrite() }, "", io.EOF},
		"half-open":   {(*wire).abandon, "", os.ErrDeadlineExceeded},
		"abandoned and closed": {func(w *wire) {
			w.abandon()
			_ = w.Close()
		}, "", os.ErrDeadlineExceeded},
		"frozen": {(*wire).Freeze, "", os.ErrDeadlineExceeded},
		"thawed": {func(w *wire) {
			w.Freeze()
			w.thaw()
		}, "abcd", os.ErrDeadlineExceeded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, peer := connected(t)
			c.do(w)
			go func() { _, _ = w.Write([]byte("abcd")) }()
			must(t, peer.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
			got, err := io.ReadAll(peer)
			if err == nil {
				err = io.EOF
			}
			// An RST takes what was not read yet with it.
			if string(got) != c.sent && !errors.Is(c.end, syscall.ECONNRESET) || !errors.Is(err, c.end) {
				t.Errorf("got %q, then %v; want %q, then %v", got, err, c.sent, c.end)
			}
		})
	}
}

func connected(t *testing.T) (*wire, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	var all wires
	conn, err := all.dial(listener.Addr().String(), nil)
	must(t, err)
	peer, err := listener.Accept()
	must(t, err)
	w := all.some(random(0))[0]
	t.Cleanup(func() {
		_ = conn.Close()
		w.bury()
		_ = peer.Close()
	})
	return w, peer
}
