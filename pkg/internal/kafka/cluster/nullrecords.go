package cluster

import (
	"context"
	"encoding/binary"
	"net"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceHead is the part of a request that identifies a produce request: its length, its API key and
// its version (Kafka protocol, request header).
const produceHead = 4 + 2 + 2

// dialFunc connects to brokers.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// withoutNullRecords dials connections that write no produce request with null in place of a batch.
// franz-go writes null if a batch failed while its request waited to be written. An Apache Kafka broker
// that reads it does not answer the request at all (its error handler fails on it as well), and the
// other batches of the request wait for the request's timeout. The broker does not mention an omitted
// batch in its answer, which franz-go can handle.
func withoutNullRecords(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &producingConn{conn}, nil
	}
}

// producingConn leaves null records out of written requests. franz-go writes one request at a time, in
// one call.
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

// leaveOutNull returns the request without null batches; it returns nil if the request has none, or is
// no produce request.
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

// produceBody returns the part of the request after its header: the header ends with a correlation id,
// the client id and, in flexible versions, tagged fields, of which clients send none (KIP-482).
func produceBody(request []byte, flexible bool) []byte {
	rest := request[produceHead:]
	const correlation, length = 4, 2
	if len(rest) < correlation+length {
		return nil
	}
	id := max(0, int(int16(binary.BigEndian.Uint16(rest[correlation:])))) // -1 means no id
	head := correlation + length + id
	if flexible {
		head++
	}
	if len(rest) < head || flexible && rest[head-1] != 0 {
		return nil
	}
	return rest[head:]
}

// dropNull removes null records, and reports whether there were any.
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
