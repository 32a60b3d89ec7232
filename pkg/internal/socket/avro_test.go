package socket

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// avroText encodes a short string in Avro.
func avroText(s string) string { return string([]byte{byte(2 * len(s))}) + s }

// avroProduce is a message without a key, with a text as its value.
func avroProduce(id, value string) string {
	return "\x00" + "\x02" + avroText(value) + "\x00" + "\x02" + avroText(id)
}

// avroAck is the answer to the message that got the offset.
func avroAck(id string, offset byte) string {
	return avroText("t") + "\x00" + string([]byte{2 * offset}) + "\x00" + "\x02" + avroText(id)
}

func (p *peer) wantErrorText(code, id string) {
	p.t.Helper()
	frame, err := p.next()
	if err != nil || frame.op != opText {
		p.t.Fatalf("got %x %q, %v, want an error in a text message", frame.op, frame.payload, err)
	}
	var got answer
	if err := json.Unmarshal(frame.payload, &got); err != nil || got.Error.Code != code || got.MessageID != id {
		p.t.Fatalf("got %s, want %s of %q", frame.payload, code, id)
	}
}

// Acks are binary and errors text, in the order of the messages, also where one write holds
// both.
func TestAvroAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		o := inOptions(kafka)
		o.Codec = codec.NewAvroIn(codec.InSettings{Topic: "t"})
		over := serveIn(c, o)
		p.send(opBinary, avroProduce("a", "1"))
		p.send(opBinary, "not Avro")
		p.send(opText, produce("b", "2")) // valid in JSON, the other payload
		p.send(opText, avroProduce("b", "2"))
		p.send(opBinary, produce("b", "2"))
		p.send(opBinary, avroProduce("c", "refused"))
		p.send(opBinary, "")
		p.send(opText, "")
		p.send(opBinary, avroProduce("d", "4"))
		synctest.Wait()
		if got := fmt.Sprint(kafka.got()); got != "[1 4]" {
			t.Errorf("produced %s", got)
		}
		kafka.ack(1)
		kafka.ack(0)
		p.want(opBinary, avroAck("a", 0))
		for _, id := range []string{"", "", "", ""} {
			p.wantErrorText("INVALID_MESSAGE", id)
		}
		p.wantErrorText("MESSAGE_TOO_LARGE", "c")
		p.wantErrorText("INVALID_MESSAGE", "")
		p.wantErrorText("INVALID_MESSAGE", "")
		p.want(opBinary, avroAck("d", 1))
		m.want("produce_errors_total", 7)
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

// The messages of an Avro client on a socket for JSON are answered too.
func TestAvroOnAJSONSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		over := serveIn(c, inOptions(kafka))
		p.send(opBinary, avroProduce("a", "1"))
		p.send(opBinary, produce("b", "2")) // UTF-8 is taken in binary messages too
		synctest.Wait()
		kafka.ack(0)
		p.wantErrorText("INVALID_JSON", "")
		p.wantAnswers("b:0")
		_ = p.Close()
		<-over
	})
}

func TestAvroRecordsAndCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		o := manualOptions(kafka)
		o.Codec = codec.NewAvroOut(codec.OutSettings{Topic: "t", ValueFormat: proxy.FormatInt})
		over := serveOut(c, o)
		kafka.feed(0, 0, 3)
		for offset := range int64(3) {
			frame, err := p.next()
			if head := avroText(id(0, offset)) + avroText("t"); err != nil || frame.op != opBinary || !strings.HasPrefix(string(frame.payload), head) {
				t.Fatalf("got %x %q, %v, want the record %d", frame.op, frame.payload, err, offset)
			}
		}
		m.want("records_undecodable_total", 3)
		for message, op := range map[string]opcode{
			avroText(id(0, 1)): opText, `{"wsProxyMessageId":"` + id(0, 1) + `"}`: opBinary, "": opBinary, avroText(id(0, 1)) + "x": opBinary,
		} {
			p.send(op, message)
			p.wantErrorText("INVALID_MESSAGE", "")
		}
		p.send(opBinary, avroText("t-0-7-1"))
		p.wantError("UNKNOWN_MESSAGE_ID", "t-0-7-1")
		wantPosition(t, kafka, 0, 0)
		p.send(opBinary, avroText(id(0, 1)))
		wantPosition(t, kafka, 0, 2)
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}
