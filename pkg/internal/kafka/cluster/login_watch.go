package cluster

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errLoginCut tells that the broker hung up instead of answering a login, which is how some
// refuse it.
var errLoginCut = errors.New("the broker hung up at the login")

// loginWatch notes whether a broker hung up at a login. It is a hook of one client.
type loginWatch struct{ cut atomic.Bool }

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (w *loginWatch) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key == int16(kmsg.SASLAuthenticate) && errors.Is(e2e.ReadErr, io.EOF) {
		w.cut.Store(true)
	}
}

// explain makes an end of file what it is. A broker that goes down at that moment does not lead
// here: it does not take the connection that franz-go tries next.
func (w *loginWatch) explain(err error) error {
	if w != nil && errors.Is(err, io.EOF) && w.cut.Load() {
		return errors.Join(errLoginCut, err)
	}
	return err
}

// Quickly has a client that asks one question find a broker that answers, among brokers of
// which some are down.
func Quickly(brokers int) []kgo.Opt {
	return []kgo.Opt{
		kgo.RequestRetries(brokers),
		kgo.RetryBackoffFn(func(int) time.Duration { return questionBackoff }),
	}
}

const questionBackoff = 50 * time.Millisecond
