package cluster

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errLoginCut means that the broker closed the connection instead of answering a login, which is how
// some brokers refuse it.
var errLoginCut = errors.New("the broker closed the connection at the login")

// loginWatch notes whether a broker closed the connection at a login. It is a hook of one client.
type loginWatch struct{ cut atomic.Bool }

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (w *loginWatch) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key == int16(kmsg.SASLAuthenticate) && errors.Is(e2e.ReadErr, io.EOF) {
		w.cut.Store(true)
	}
}

// explain adds errLoginCut to an end of file at a login. A broker that goes down at that moment does not
// lead here: it does not accept the connection that franz-go tries next.
func (w *loginWatch) explain(err error) error {
	if w != nil && errors.Is(err, io.EOF) && w.cut.Load() {
		return errors.Join(errLoginCut, err)
	}
	return err
}

// Quickly returns options for a client that sends one request, so that it finds a broker that answers
// even if some are down.
func Quickly(brokers int) []kgo.Opt {
	return []kgo.Opt{
		kgo.RequestRetries(brokers),
		kgo.RetryBackoffFn(func(int) time.Duration { return questionBackoff }),
	}
}

const questionBackoff = 50 * time.Millisecond
