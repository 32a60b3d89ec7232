package share

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// partitionID names a partition of a topic instance.
type partitionID struct {
	topic     [16]byte
	partition int32
}

// partition is what is held of a partition. All of it was acquired by one source: when another broker leads the
// partition, what the one before has given is lost.
type partition struct {
	id      partitionID
	name    string // of the topic
	source  *source
	epoch   int32           // of the leadership of the source's broker, -1 if it is not known
	heard   time.Time       // when the broker has answered about it as its leader
	unsure  bool            // there was no answer for so long that it may have had another leader since records were acquired
	held    map[int64]*hold // by offset
	waiting []*hold         // whose asks have yet to be sent; some may be over by now
	last    int64           // the largest offset that was acquired
	isFull  bool            // nothing more comes, since so many offsets from the oldest held one on are in flight
	since   time.Time       // when that began
	suspect [][]*hold       // parts of a request that Kafka refused, each to be sent alone
}

// hold is a record that the member has acquired, until Kafka is known to have settled it or to have taken it back.
type hold struct {
	partition *partition
	offset    int64
	timestamp int64
	worker    *Worker // nil if the record is to be given back
	leaver    *Worker // the worker that held it and waits for its return, or nil
	until     time.Time
	taken     bool // it was delivered to the worker
	over      bool // it is none anymore
	ask       ask  // what is to be told to Kafka
	next      ask  // what is to be told after a renewal
	sent      bool // a request with ask is under way

	expiry       int   // index in the list of expiries, -1 if it is not there
	older, newer *hold // in the list of the worker's
}

// ask is something to be told to Kafka about a record.
type ask struct {
	ack  ack
	call *call // gets the result; nil where nobody waits for it
	at   int   // index in the results of call
}

// ack is what Kafka is told about a record: an acknowledgement of a worker, or that its offset holds none.
type ack uint8

const (
	noAck   ack = 0
	release ack = ack(proxy.Release)
	renew   ack = ack(proxy.Renew)
	gap     ack = 5 // there is no record at the offset
)

// wire returns the number of the acknowledgement in requests.
func (a ack) wire() int8 {
	if a == gap {
		return 0
	}
	return int8(a)
}

// settles tells whether the record is not held after the acknowledgement.
func (a ack) settles() bool { return a != noAck && a != renew }

// call is a call of Settle or Renew.
type call struct {
	worker     *Worker
	settlement *proxy.Settlement
	open       int // results that are not known yet
}

// answer stores a result.
func (a ask) answer(result proxy.SettleResult, until time.Time) {
	c := a.call
	if c == nil {
		return
	}
	s := c.settlement
	s.Results[a.at].Result = result
	if result == proxy.SettleRenewed && (s.Until == 0 || until.UnixMilli() < s.Until) {
		s.Until = until.UnixMilli()
	}
	c.open--
	if c.open == 0 {
		c.worker.answered()
	}
}

// position returns the record's name for clients.
func (h *hold) position() proxy.Position {
	return proxy.Position{Topic: h.partition.name, Partition: h.partition.id.partition, Offset: h.offset, Timestamp: h.timestamp}
}
