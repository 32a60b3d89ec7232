package e2e

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestInAnswersSayWhereTheRecordIs(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		before := time.Now().UnixMilli()
		for i, id := range []string{"", "m1", `quo"te ü`} {
			c.send(fmt.Sprintf(`{"messageId":%s,"value":{"value":"v"}}`, quoted(id)))
			a := c.ack()
			if a.Topic != topic || a.Partition != 0 || a.Offset != int64(i) || a.MessageID == nil || *a.MessageID != id {
				t.Errorf("answered %+v for messageId %q", a, id)
			}
			if a.Timestamp < before || a.Timestamp > time.Now().UnixMilli() {
				t.Errorf("answered the timestamp %d, which is not now", a.Timestamp)
			}
			if got := k.records(t, topic)[i].Timestamp.UnixMilli(); got != a.Timestamp {
				t.Errorf("Kafka has the timestamp %d, the answer %d", got, a.Timestamp)
			}
		}
		c.send(`{"value":{"value":"v"}}`)
		if frame := c.read(); strings.Contains(frame, "messageId") {
			t.Errorf("%s has a messageId that was not given", frame)
		}
	})
}

func TestInTakesBinaryMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		if err := c.write(websocket.MessageBinary, `{"value":{"value":"ü"}}`); err != nil {
			t.Fatal(err)
		}
		c.ack()
		wantBytes(t, "value", k.records(t, topic)[0].Value, []byte("ü"))
		if err := c.write(websocket.MessageBinary, "{\"value\":{\"value\":\"\xff\"}}"); err != nil {
			t.Fatal(err)
		}
		c.refusal("INVALID_JSON")
	})
}

func TestInBatchIsAnsweredByOneArrayInItsOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		c := k.run(t).in(t, topic)
		c.send(`[{"messageId":"a","partition":1,"value":{"value":"1"}},` +
			`{"messageId":"b","value":{"value":7}},` +
			`7,` +
			`{"messageId":"c","partition":0,"value":{"value":"2"}},` +
			`{"messageId":"d","partition":9,"value":{"value":"3"}},` +
			`{"partition":1,"value":null}]`)
		answers := parse[[]answer](t, c.read())
		want := []string{"ack 1/0", "INVALID_VALUE", "INVALID_MESSAGE", "ack 0/0", "INVALID_PARTITION", "ack 1/1"}
		if len(answers) != len(want) {
			t.Fatalf("%d answers for %d messages", len(answers), len(want))
		}
		for i, a := range answers {
			got := fmt.Sprintf("ack %d/%d", a.Partition, a.Offset)
			if a.Error != nil {
				got = a.Error.Code
			}
			if got != want[i] {
				t.Errorf("answer %d is %s, want %s", i, got, want[i])
			}
		}
		for i, id := range map[int]string{0: "a", 1: "b", 3: "c", 4: "d"} {
			if answers[i].MessageID == nil || *answers[i].MessageID != id {
				t.Errorf("answer %d has not the messageId %s", i, id)
			}
		}
		records := k.records(t, topic)
		if len(records) != 3 || string(records[0].Value) != "2" || string(records[1].Value) != "1" || records[2].Value != nil {
			t.Errorf("Kafka has %d records", len(records))
		}
	})
}

func TestInEmptyBatchIsAnsweredByAnEmptyArray(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		c := k.run(t).in(t, k.topic(t, 1))
		c.send(`[]`, ` [ ] `, `[{"value":null}]`)
		for range 2 {
			if got := c.read(); got != "[]" {
				t.Errorf("got %s", got)
			}
		}
		if answers := parse[[]answer](t, c.read()); len(answers) != 1 || answers[0].Error != nil {
			t.Errorf("got %+v", answers)
		}
	})
}

func TestInBatchLargerThanTheWindowIsAdmitted(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.start(t, "PRODUCER_MAX_IN_FLIGHT=10").in(t, topic)
		const size = 100
		for range 3 {
			c.send("[" + strings.Repeat(`{"value":null},`, size-1) + `{"value":null}]`)
		}
		for range 3 {
			if got := parse[[]answer](t, c.read()); len(got) != size {
				t.Errorf("%d answers, want %d", len(got), size)
			}
		}
		if got := len(k.records(t, topic)); got != 3*size {
			t.Errorf("%d records, want %d", got, 3*size)
		}
	})
}

// pipelined is the i-th message of a long pipeline and the code it is answered with, which is
// empty for a good one.
func pipelined(i int) (message, code string) {
	switch i % 11 {
	case 3:
		return fmt.Sprintf(`{"messageId":"%d","value":{"value":%d}}`, i, i), "INVALID_VALUE"
	case 5:
		return fmt.Sprintf(`not JSON %d`, i), "INVALID_JSON"
	case 7:
		return fmt.Sprintf(`{"messageId":"%d"}`, i), "INVALID_MESSAGE"
	case 9:
		return fmt.Sprintf(`{"messageId":"%d","partition":77,"value":null}`, i), "INVALID_PARTITION"
	}
	return fmt.Sprintf(`{"messageId":"%d","key":{"value":"key %d"},"value":{"value":"%d"}}`, i, i%17, i), ""
}

func TestInNthAnswerAnswersTheNthOf10000PipelinedMessages(t *testing.T) {
	const count = 10_000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 5)
		c := k.run(t).in(t, topic)
		go func() {
			for i := range count {
				message, _ := pipelined(i)
				if c.write(websocket.MessageText, message) != nil {
					return // the reader sees what is wrong
				}
			}
		}()
		places := make(map[string]int) // of acknowledged messages, by partition and offset
		for i := range count {
			a := c.answer()
			_, want := pipelined(i)
			got := ""
			if a.Error != nil {
				got = a.Error.Code
			} else {
				places[place(a.Partition, a.Offset)] = i
			}
			if got != want || want != "INVALID_JSON" && (a.MessageID == nil || *a.MessageID != strconv.Itoa(i)) {
				t.Fatalf("answer %d is %+v, want %q", i, a, want)
			}
		}
		wantInPlace(t, k, topic, places)
	})
}

func place(partition int32, offset int64) string { return fmt.Sprintf("%d/%d", partition, offset) }

// wantInPlace checks that Kafka holds each number where its acknowledgement said, nothing
// else, and each partition's in rising order.
func wantInPlace(t *testing.T, k *cluster, topic string, places map[string]int) {
	t.Helper()
	records := k.records(t, topic)
	if len(records) != len(places) {
		t.Errorf("Kafka has %d records, %d were acknowledged", len(records), len(places))
	}
	last := make(map[int32]int)
	for _, r := range records {
		number, err := strconv.Atoi(strings.TrimSpace(string(r.Value)))
		at := place(r.Partition, r.Offset)
		if want, ok := places[at]; err != nil || !ok || number != want {
			t.Fatalf("Kafka has %q at %s, acknowledged was %d (%t)", r.Value, at, want, ok)
		}
		if before, ok := last[r.Partition]; ok && number <= before {
			t.Fatalf("partition %d has %d after %d", r.Partition, number, before)
		}
		last[r.Partition] = number
	}
}

func TestInKeepsTheOrderOfAConnectionWithinAPartition(t *testing.T) {
	const count = 3000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		c := k.run(t).in(t, topic, "valType=int")
		go func() {
			for i := range count { // without keys: the proxy spreads them as it likes
				if c.write(websocket.MessageText, fmt.Sprintf(`{"value":{"value":%d}}`, i)) != nil {
					return
				}
			}
		}()
		for range count {
			c.ack()
		}
		last := make(map[int32]int32)
		records := k.records(t, topic)
		for _, r := range records {
			n := int32(binary.BigEndian.Uint32(r.Value))
			if before, ok := last[r.Partition]; ok && n <= before {
				t.Fatalf("partition %d has %d after %d", r.Partition, n, before)
			}
			last[r.Partition] = n
		}
		if len(records) != count {
			t.Errorf("%d records, want %d", len(records), count)
		}
	})
}

func TestInBadMessagesOfOneConnectionDoNotHarmAnother(t *testing.T) {
	const count = 500
	onBoth(t, func(t *testing.T, k *cluster) {
		// Both share a Kafka client, and Kafka refuses whole batches.
		topic := k.topic(t, 1, "max.message.bytes", "2000")
		p := k.run(t)
		client := "clientId=" + unique("client")
		good, bad := p.in(t, topic, client), p.in(t, topic, client)
		go func() {
			for range count {
				if bad.write(websocket.MessageText, `{"value":{"value":"`+strings.Repeat("x", 3000)+`"}}`) != nil {
					return
				}
			}
		}()
		go func() {
			for range count {
				if good.write(websocket.MessageText, `{"value":{"value":"ok"}}`) != nil {
					return
				}
			}
		}()
		for range count {
			good.ack()
			bad.refusal("MESSAGE_TOO_LARGE")
		}
		if got := len(k.records(t, topic)); got != count {
			t.Errorf("%d records, want %d", got, count)
		}
	})
}

func TestInUnansweredMessageTimesOutAndTheSocketLives(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "KAFKA_PRODUCER_DELIVERY_TIMEOUT=3s")
		c := p.in(t, topic)
		acknowledged := func() bool {
			c.send(`{"value":{"value":"x"}}`)
			return c.answer().Error == nil
		}
		eventually(t, "messages are acknowledged", acknowledged) // the first may take longer on a busy machine
		p.kafka.shut(false)
		c.send(`{"messageId":"m","value":{"value":"maybe"}}`, `{}`)
		frame := c.read()
		a := parse[answer](t, frame)
		if a.Error == nil || a.Error.Code != "TIMEOUT" || !a.Error.Retriable || a.MessageID == nil {
			t.Errorf("got %s, want a TIMEOUT", frame)
		}
		c.refusal("INVALID_MESSAGE")
		p.kafka.unlock()
		eventually(t, "messages are acknowledged again", acknowledged)
	})
}

func TestInMessagesWaitForABrokerThatIsAwayForAMoment(t *testing.T) {
	const count = 100
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t)
		c := p.in(t, topic)
		places := make(map[string]int)
		for i := range count {
			if i == count/2 {
				p.kafka.shut(false)
			}
			c.send(fmt.Sprintf(`{"value":{"value":"%d"}}`, i))
			if i < count/2 {
				a := c.ack()
				places[place(a.Partition, a.Offset)] = i
			}
		}
		p.kafka.unlock()
		for i := count / 2; i < count; i++ {
			a := c.ack()
			places[place(a.Partition, a.Offset)] = i
		}
		wantInPlace(t, k, topic, places)
	})
}

// murmur2 is the hash of Java's default partitioner, written from its definition (Austin
// Appleby's MurmurHash2 with the seed 0x9747b28c).
func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		h = h*m ^ (k^k>>24)*m
	}
	for i, b := range data {
		h ^= uint32(b) << (8 * i)
	}
	if len(data) > 0 {
		h *= m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

func javaPartition(key []byte, partitions int) int32 {
	return int32(murmur2(key)&0x7fffffff) % int32(partitions)
}

// javaHashes are what org.apache.kafka.common.utils.Utils.murmur2 returns, from Kafka's own
// unit test.
func javaHashes() map[string]int32 {
	return map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string":                       -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
}

func partitionedKeys() []string {
	keys := []string{"x", "ü", "key with spaces", "😀", "0", "00", "000", "0000"}
	for key := range javaHashes() {
		keys = append(keys, key)
	}
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("key-%d", i*i))
	}
	return keys
}

func TestInChoosesPartitionsByKeyAsJavaDoes(t *testing.T) {
	for key, want := range javaHashes() {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Fatalf("the test's own murmur2 of %q is %d, Java's %d", key, got, want)
		}
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		const partitions = 7
		topic := k.topic(t, partitions)
		c := k.run(t).in(t, topic)
		for _, key := range append(partitionedKeys(), "") {
			c.send(`{"key":{"value":` + quoted(key) + `},"value":null}`)
			if got, want := c.ack().Partition, javaPartition([]byte(key), partitions); got != want {
				t.Errorf("key %q is in partition %d, with Java in %d", key, got, want)
			}
		}
		for _, r := range k.records(t, topic) {
			if want := javaPartition(r.Key, partitions); r.Partition != want {
				t.Errorf("Kafka has key %q in partition %d, with Java in %d", r.Key, r.Partition, want)
			}
		}
	})
}

func TestInErrorFrameHasTheContractsShape(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		c := k.run(t).in(t, k.topic(t, 1))
		c.send(`{"messageId":"m1","value":{"value":1}}`)
		frame := c.read()
		var got map[string]json.RawMessage
		var inner map[string]any
		if json.Unmarshal([]byte(frame), &got) != nil || json.Unmarshal(got["error"], &inner) != nil {
			t.Fatalf("got %s", frame)
		}
		if len(got) != 2 || string(got["messageId"]) != `"m1"` || len(inner) != 3 || inner["code"] != "INVALID_VALUE" || inner["retriable"] != false {
			t.Errorf("got %s", frame)
		}
	})
}
