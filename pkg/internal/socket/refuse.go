package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ServeRefusal tells a client by an error frame and a close code why it is refused: browsers
// cannot read the HTTP status of a failed handshake.
func ServeRefusal(c *Conn, e *proxy.Error) {
	c.End(EndWith(e, 0))
	go c.writeLoop(nothing{})
	for {
		if _, _, err := c.Read(); err != nil {
			break
		}
	}
	c.finish()
}

// nothing is the source of a connection without a flow.
type nothing struct{}

func (nothing) fill(dst []byte) []byte { return dst }
func (nothing) wrote()                 {}
func (nothing) due() time.Time         { return time.Time{} }
func (nothing) rest()                  {}
func (nothing) midMessage() bool       { return false }
func (nothing) over(bool) bool         { return true }
