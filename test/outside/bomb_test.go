package outside

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	bombSize    = 512 << 20
	bombVisits  = 3
	mostWithout = 200 << 20 // resident, of a proxy that unpacks nothing of the bomb
)

// TestLongBatchThatUnpacksToHalfAGigabyte writes a batch by a native producer, which Kafka accepts since
// it has only some kilobytes. Each consumer of it gets an error and is closed, each time. Other clients
// are not affected: the proxy's memory does not grow, and other sockets go on.
func TestLongBatchThatUnpacksToHalfAGigabyte(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic, quiet := k.topic(1), k.topic(1)
	packed := k.bomb(topic)
	p := serve(t, k.addr)
	before := p.memory(t)
	defer func() {
		after := p.memory(t)
		t.Logf("a batch of %d bytes that unpacks to %s; resident memory before %s, at most %s, now %s",
			packed, mebibytes(bombSize), mebibytes(before.now), mebibytes(after.peak), mebibytes(after.now))
	}()
	neighbour := newNeighbour(t, p, quiet)
	neighbour.exchange(10)
	for visit := range bombVisits {
		group := fmt.Sprintf("%s-%d", topic, visit)
		conn := dial(t, p.url(fmt.Sprintf("/socket/out?clientId=c&groupId=%s&topic=%s", group, topic)))
		refused := make(chan error, 1)
		go func() { refused <- refusedBomb(t, conn) }()
		longest := neighbour.exchangeUntil(refused)
		t.Logf("visit %d: told and closed; the longest exchange of the neighbour took %v", visit, longest.Round(time.Millisecond))
		if committed := k.committed(group, topic); len(committed) > 0 {
			t.Errorf("committed is %v, and nothing was delivered", committed)
		}
	}
	neighbour.exchange(10)
	if peak := p.memory(t).peak; peak > mostWithout {
		t.Errorf("the proxy's resident memory was %s", mebibytes(peak))
	}
}

// refusedBomb reads one error frame and the close.
func refusedBomb(t testing.TB, conn *websocket.Conn) error {
	t.Helper()
	frame, err := receive[record](within(t, patience), conn)
	if err != nil {
		return fmt.Errorf("no error frame, but %w", err)
	}
	if frame.Error == nil || frame.Error.Code == "" || !frame.Error.Retriable {
		return fmt.Errorf("a frame of partition %d, offset %d came, with the error %+v", frame.Partition, frame.Offset, frame.Error)
	}
	_, err = receive[record](within(t, patience), conn)
	if got := websocket.CloseStatus(err); got != websocket.StatusTryAgainLater {
		return fmt.Errorf("closed with %d (%w), want %d", got, err, websocket.StatusTryAgainLater)
	}
	return nil
}

// neighbour is a client that writes to a topic and reads it, while other clients fail.
type neighbour struct {
	t       testing.TB
	in, out *websocket.Conn
	written int64
}

func newNeighbour(t testing.TB, p *proxy, topic string) *neighbour {
	t.Helper()
	return &neighbour{
		t:   t,
		in:  dial(t, p.url("/socket/in?clientId=neighbour&topic="+topic)),
		out: dial(t, p.url("/socket/out?clientId=neighbour&topic="+topic)),
	}
}

// exchange sends messages, and reads each answer and each record. It returns how long the slowest took.
func (n *neighbour) exchange(times int) (slowest time.Duration) {
	n.t.Helper()
	for range times {
		began := time.Now()
		send(n.t, n.in, `{"value":{"value":"x"}}`)
		if a := next[answer](n.t, n.in); a.Error != nil || a.Offset != n.written {
			n.t.Fatalf("the neighbour's message %d was answered by %+v, %+v", n.written, a, a.Error)
		}
		if r := next[record](n.t, n.out); r.Error != nil || r.Offset != n.written {
			n.t.Fatalf("the neighbour was sent %+v, want the record %d", r, n.written)
		}
		n.written++
		slowest = max(slowest, time.Since(began))
	}
	return slowest
}

// exchangeUntil repeats exchange until another goroutine is done, which must have no error.
func (n *neighbour) exchangeUntil(done <-chan error) (slowest time.Duration) {
	n.t.Helper()
	for {
		slowest = max(slowest, n.exchange(1))
		select {
		case err := <-done:
			must(n.t, err)
			return slowest
		default:
		}
	}
}

// bomb writes one batch of one record whose value is zeros, and returns its compressed length. It does
// not use a client, which would need the whole value to compress it.
func (c *cluster) bomb(topic string) int {
	c.t.Helper()
	batch := bombBatch()
	topics, err := c.admin.ListTopics(within(c.t, patience), topic)
	must(c.t, err)
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = batch
	to := kmsg.NewProduceRequestTopic()
	to.Topic, to.TopicID, to.Partitions = topic, topics[topic].ID, []kmsg.ProduceRequestTopicPartition{partition}
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis, request.Topics = -1, int32(patience.Milliseconds()), []kmsg.ProduceRequestTopic{to}
	leader := c.client.Broker(int(topics[topic].Partitions[0].Leader))
	answer, err := leader.RetriableRequest(within(c.t, patience), request)
	must(c.t, err)
	written, ok := answer.(*kmsg.ProduceResponse)
	if !ok || len(written.Topics) != 1 {
		c.t.Fatalf("answered by %+v", answer)
	}
	must(c.t, kerr.ErrorForCode(written.Topics[0].Partitions[0].ErrorCode))
	return len(batch)
}

// bombBatch is a batch in the format of https://kafka.apache.org/documentation/#recordbatch.
func bombBatch() []byte {
	const (
		beforeLength = 12 // the offset and the length itself, which the length does not count
		beforeSum    = 21 // what the checksum does not cover
		withZstd     = 4
		none         = -1
	)
	now := time.Now().UnixMilli()
	batch := kmsg.NewRecordBatch()
	batch.PartitionLeaderEpoch, batch.Magic, batch.Attributes = none, 2, withZstd
	batch.FirstTimestamp, batch.MaxTimestamp = now, now
	batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence = none, none, none
	batch.NumRecords, batch.Records = 1, packed()
	text := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(text[8:], uint32(len(text)-beforeLength))
	binary.BigEndian.PutUint32(text[beforeSum-4:], crc32.Checksum(text[beforeSum:], crc32.MakeTable(crc32.Castagnoli)))
	return text
}

// packed returns a record of zeros, compressed in the format of RFC 8878: by hand, since a compressor
// would have to read all of it.
func packed() []byte {
	const largestBlock = 128 << 10
	head := []byte{0, 0, 0}                    // no attributes, the batch's time, its first offset
	head = binary.AppendVarint(head, -1)       // no key
	head = binary.AppendVarint(head, bombSize) // the value's length
	tail := binary.AppendVarint(nil, 0)        // no headers
	length := len(head) + bombSize + len(tail) // of the record
	head = append(binary.AppendVarint(nil, int64(length)), head...)

	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x68} // the magic number, no length, a window of 8 MiB
	frame = append(frame, zstdBlock(zstdRaw, len(head))...)
	frame = append(frame, head...)
	for range bombSize / largestBlock {
		frame = append(frame, zstdBlock(zstdRepeated, largestBlock)...)
		frame = append(frame, 0)
	}
	frame = append(frame, zstdBlock(zstdRaw|zstdLast, len(tail))...)
	return append(frame, tail...)
}

// The kinds of blocks, and the mark of the last, as bits of a block's head.
const (
	zstdLast     = 1 << 0
	zstdRaw      = 0 << 1
	zstdRepeated = 1 << 1 // of one byte
)

// zstdBlock is the head of a block of some bytes.
func zstdBlock(kind, size int) []byte {
	return binary.LittleEndian.AppendUint32(nil, uint32(kind|size<<3))[:3]
}
