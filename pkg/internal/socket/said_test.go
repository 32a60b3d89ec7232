package socket

import (
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// interrupted is a source during whose first fill somebody else does something.
type interrupted struct {
	echoes

	meanwhile func()
}

func (s *interrupted) fill(dst []byte) []byte {
	dst = s.echoes.fill(dst)
	if do := s.meanwhile; do != nil {
		s.meanwhile = nil
		do()
	}
	return dst
}

// TestWhatWasSaidBeforeTheEndIsSentBeforeTheCloseFrame has the end come while the writer collects what it sends: behind an error
// frame, and a message of the source, that it has not taken then.
func TestWhatWasSaidBeforeTheEndIsSentBeforeTheCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		src := &interrupted{echoes: echoes{extension: c.extension}}
		src.meanwhile = func() {
			c.SendText([]byte(`{"error":{}}`))
			src.add(received{opText, []byte("an answer")})
			c.End(Ending{Code: proxy.CloseProtocolError, Reason: "a breach"})
		}
		over := make(chan struct{})
		go func() {
			defer close(over)
			go c.writeLoop(src)
			defer c.finish()
			_, _, _ = c.Read()
		}()
		p.want(opText, `{"error":{}}`)
		p.want(opText, "an answer")
		p.wantClose(proxy.CloseProtocolError)
		p.sendClose(1002, "")
		<-over
	})
}
