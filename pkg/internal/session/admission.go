package session

import (
	"errors"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// tellFenced logs when this replica begins to admit nobody, and when it admits again. s.mu is held.
func (s *Sessions) tellFenced(now time.Time) {
	fenced := !s.replica.beatAcked.IsZero() && s.replica.isFenced(now)
	if fenced == s.fenced {
		return
	}
	s.fenced = fenced
	if fenced {
		s.options.Log.Warn("no heartbeat was acknowledged for the lease: who needs a session is refused", "lease", s.options.Lease.String())
		return
	}
	s.options.Log.Info("heartbeats are acknowledged: who needs a session is admitted again")
}

// errFenced is the readiness error of a replica whose heartbeats are not acknowledged.
var errFenced = errors.New("no heartbeat was acknowledged for the lease")

// Ready returns the reason why no session can be claimed, or nil.
func (s *Sessions) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.replica.caughtUp:
		return errNotRead
	case s.replica.isFenced(time.Now()):
		return errFenced
	default:
		return nil
	}
}

var errNotRead = errors.New("the topic of sessions has not been read to its end")

// refuseAll returns why nobody is admitted at a time, or nil. s.mu is held.
func (s *Sessions) refuseAll(now time.Time) *proxy.Error {
	switch {
	case s.closed:
		return proxy.Errorf(proxy.KindKafkaUnavailable, "This replica shuts down, and admits nobody: try again.")
	case !s.replica.caughtUp:
		return proxy.Errorf(proxy.KindKafkaUnavailable, "This replica has not read from Kafka who is connected, and admits nobody until then: try again.")
	case s.replica.isFenced(now):
		return proxy.Errorf(proxy.KindKafkaUnavailable, "Kafka does not acknowledge what this replica writes about sessions, so that it admits nobody: try again.")
	default:
		return nil
	}
}
