package share

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Observer counts what happens to the records of all groups. Its methods are called under locks and must
// return quickly.
type Observer interface {
	// Held changes the number of records that are held, by workers or to be given back.
	Held(change int)
	// Dealt tells that a record was dealt to a worker, for the count-th time in its group.
	Dealt(count int)
	// Settled tells the result of a worker's acknowledgement on a record.
	Settled(acknowledgement proxy.Acknowledgement, result proxy.SettleResult)
	// Expired tells that the lock of a record has ended that a worker had taken and not settled.
	Expired()
	// Full changes the number of partitions of which Kafka gives no further records, since as many are in flight as it allows.
	Full(change int)
	// Throttled tells that a worker with room was given no records for so long, since its rate allowed none.
	Throttled(waited time.Duration)
}

// blind observes nothing.
type blind struct{}

func (blind) Held(int)                                          {}
func (blind) Dealt(int)                                         {}
func (blind) Settled(proxy.Acknowledgement, proxy.SettleResult) {}
func (blind) Expired()                                          {}
func (blind) Full(int)                                          {}
func (blind) Throttled(time.Duration)                           {}
