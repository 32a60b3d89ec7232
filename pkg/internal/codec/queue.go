package codec

import (
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mostDelivery is the length of the longest member that tells of a record's delivery.
const mostDelivery = len(`,"delivery":{"count":,"until":}`) + 2*maxIntText

// Queue is the codec of a /socket/queue connection, which has JSON frames only: the Avro schema of records has no place for
// what a queue tells of them. AppendDelivery is for one goroutine at a time, all else for any number.
type Queue struct {
	out   Out
	topic string
}

// NewQueue returns the codec of a queue.
func NewQueue(settings OutSettings) *Queue {
	if settings.MaxMessageBytes > 0 {
		settings.MaxMessageBytes = max(1, settings.MaxMessageBytes-mostDelivery)
	}
	return &Queue{NewJSONOut(settings), settings.Topic}
}

// AppendDelivery appends the message that delivers d: that of /socket/out, and how often the record was handed out and
// until when the client holds it. undecodable is as in Out.
func (q *Queue) AppendDelivery(dst []byte, d *proxy.Delivery) (frame []byte, undecodable bool) {
	dst, undecodable = q.out.AppendRecord(dst, &d.Record)
	dst = append(dst[:len(dst)-1], `,"delivery":{"count":`...)
	dst = appendInt(dst, int64(d.Count))
	dst = append(dst, `,"until":`...)
	dst = appendInt(dst, d.Until)
	return append(dst, "}}"...), undecodable
}

// AppendSettled appends the message that tells which records of a settlement Kafka has settled, maybe none.
func AppendSettled(dst []byte, s *proxy.Settlement) []byte {
	dst = appendIDs(append(dst, `{"settled":`...), idsOf(s, proxy.SettleDone))
	return append(dst, '}')
}

// AppendRenewed appends the message that tells which locks of a settlement were renewed, and when the first of them ends.
// Without any there is no such time.
func AppendRenewed(dst []byte, s *proxy.Settlement) []byte {
	dst = append(dst, `{"renewed":{`...)
	if s.Until != 0 {
		dst = append(appendInt(append(dst, `"until":`...), s.Until), ',')
	}
	dst = appendIDs(append(dst, `"ids":`...), idsOf(s, proxy.SettleRenewed))
	return append(dst, "}}"...)
}

// AppendExpired appends the message that tells whose locks have ended.
func AppendExpired(dst []byte, records []proxy.Position) []byte {
	dst = appendIDs(append(dst, `{"expired":`...), records)
	return append(dst, '}')
}

// idsOf returns the records of a settlement that have a result.
func idsOf(s *proxy.Settlement, result proxy.SettleResult) (ids []proxy.Position) {
	for i := range s.Results {
		if s.Results[i].Result == result {
			ids = append(slices.Grow(ids, len(s.Results)-i), s.Results[i].Position)
		}
	}
	return ids
}

// appendIDs appends an array of message ids. They need no escapes, since they are those of records of a topic.
func appendIDs(dst []byte, records []proxy.Position) []byte {
	dst = append(dst, '[')
	for i := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(records[i].Append(append(dst, '"')), '"')
	}
	return append(dst, ']')
}
