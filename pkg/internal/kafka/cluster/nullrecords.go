package cluster

import (
	"context"
	"encoding/binary"
	"net"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceHead is what tells a produce request apart: its length, the key of its API and the
// version (Kafka protocol, request header).
const produceHead = 4 + 2 + 2

// dialFunc connects to brokers.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// withoutNullRecords dials connections that write no produce request with null in place of a
// batch. franz-go writes that where a batch failed while its request waited to be written. An
// Apache Kafka broker that reads it does not answer the request at all (its error handler
// fails on it as well), and what came with it waits for the request's timeout. A batch that is
// left out is one that the broker does not mention in its answer, which franz-go is prepared for.
func withoutNullRecords(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &producingConn{conn}, nil
	}
}

// producingConn leaves null records out of what is written. franz-go writes a request at a
// time, whole.
type producingConn struct{ net.Conn }

// Write implements net.Conn.
func (c *producingConn) Write(request []byte) (int, error) {
	tidy := leaveOutNull(request)
	if tidy == nil {
		return c.Conn.Write(request)
	}
	if n, err := c.Conn.Write(tidy); err != nil {
		return min(n, len(request)), err
	}
	return len(request), nil
}

// leaveOutNull returns the request without batches that are null; nil where it has none, or is
// none that writes.
func leaveOutNull(request []byte) []byte {
	if len(request) < produceHead || int16(binary.BigEndian.Uint16(request[4:])) != int16(kmsg.Produce) {
		return nil
	}
	produce := kmsg.NewPtrProduceRequest()
	produce.Version = int16(binary.BigEndian.Uint16(request[6:]))
	body := produceBody(request, produce.IsFlexible())
	if body == nil || produce.ReadFrom(body) != nil || !dropNull(produce) {
		return nil
	}
	tidy := slices.Clone(request[:len(request)-len(body)])
	tidy = produce.AppendTo(tidy)
	binary.BigEndian.PutUint32(tidy, uint32(len(tidy)-4))
	return tidy
}

// produceBody returns what follows the request's header: a correlation id, the client id and,
// in flexible versions, tagged fields, of which clients send none (KIP-482).
func produceBody(request []byte, flexible bool) []byte {
	rest := request[produceHead:]
	const correlation, length = 4, 2
	if len(rest) < correlation+length {
		return nil
	}
	id := max(0, int(int16(binary.BigEndian.Uint16(rest[correlation:])))) // -1 is no id
	head := correlation + length + id
	if flexible {
		head++
	}
	if len(rest) < head || flexible && rest[head-1] != 0 {
		return nil
	}
	return rest[head:]
}

// dropNull tells whether there were null records, which it removes.
func dropNull(r *kmsg.ProduceRequest) bool {
	dropped := false
	for i := range r.Topics {
		topic := &r.Topics[i]
		before := len(topic.Partitions)
		topic.Partitions = slices.DeleteFunc(topic.Partitions, func(p kmsg.ProduceRequestTopicPartition) bool { return p.Records == nil })
		dropped = dropped || len(topic.Partitions) < before
	}
	r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.ProduceRequestTopic) bool { return len(t.Partitions) == 0 })
	return dropped
}
