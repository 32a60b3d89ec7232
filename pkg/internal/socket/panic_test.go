package socket

import (
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// failingIn and failingOut are codecs with a bug.
type (
	failingIn  struct{ codec.In }
	failingOut struct{ codec.Out }
)

func (failingIn) Decode([]byte, []codec.Message) ([]codec.Message, *codec.Batch)  { panic("a bug") }
func (failingOut) DecodeCommit([]byte) (commit codec.Commit, failed *proxy.Error) { panic("a bug") }

// TestAPanicClosesTheConnection has a reader panic: the client is told, what is in flight is let go, and the
// panic goes on to whoever logs it.
func TestAPanicClosesTheConnection(t *testing.T) {
	kafka := &producer{}
	in := inOptions(kafka)
	in.Codec = failingIn{in.Codec}
	out := manualOptions(newConsumer(0))
	out.Codec = failingOut{out.Codec}
	for name, serve := range map[string]func(c *Conn){
		"in":              func(c *Conn) { ServeIn(c, in) },
		"in transactions": func(c *Conn) { ServeInTransactions(c, in, newTransactor()) },
		"out":             func(c *Conn) { ServeOut(c, out) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b := budgeted(1 << 30)
				c, p, m := accept(t, s, bufferSize)
				caught := make(chan any, 1)
				go func() {
					defer func() { caught <- recover() }()
					serve(c)
				}()
				p.send(opText, produce("a", "1"))
				p.wantClose(proxy.CloseInternal)
				p.sendClose(1011, "")
				p.wantEnd()
				if cause := <-caught; cause != "a bug" {
					t.Errorf("the panic that is passed on is %v", cause)
				}
				wantResult(t, c, proxy.CloseInternal)
				m.want("in_flight_messages", 0)
				wantBudget(t, b, budget.Producing, 0)
			})
		})
	}
}
