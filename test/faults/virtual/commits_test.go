//go:build synctests

package virtual

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/network"
)

// lostCommitAction loses Kafka's answer to a successful commit, and lets the retry be refused: the proxy
// must not take that for an abort.
func lostCommitAction(r *rand.Rand, length time.Duration) action {
	refusals := []*kerr.Error{kerr.InvalidTxnState, kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.TransactionAbortable}
	fault := kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: refusals[r.IntN(len(refusals))], Count: 1}
	return action{
		at:   time.Duration(r.Int64N(int64(length))),
		name: "the answer to a commit is lost, and the next try gets " + fault.Err.Message,
		do:   func(w *world) { w.loseCommit(fault) },
	}
}

func (w *world) loseCommit(fault kfake.Fault) {
	var once sync.Once
	w.kafka.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if request, ok := r.(*kmsg.EndTxnRequest); ok && request.Commit && w.ctx.Err() == nil {
			once.Do(func() { w.loseAnswers(fault) })
		}
		return nil, nil, false // the brokers handle the request
	})
}

// loseAnswers loses the brokers' answers at this moment, and injects a fault afterwards.
func (w *world) loseAnswers(fault kfake.Fault) {
	w.meddle()
	var conns []*network.Conn
	for i := range replicas {
		if r := w.replica(i); r != nil {
			conns = append(conns, r.host.Conns(true)...)
		}
	}
	for _, c := range conns {
		c.Freeze()
	}
	time.AfterFunc(time.Millisecond, func() {
		if w.ctx.Err() == nil {
			w.kafka.Fault(fault)
		}
		for _, c := range conns {
			c.Reset()
		}
	})
}
