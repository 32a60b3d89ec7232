package socket

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errDefect is an unclassified error: a client sees INTERNAL.
var errDefect = errors.New("a defect")

// wantInternal checks a frame, which must be marked retriable and not disclose the defect.
func wantInternal(t *testing.T, frame received) {
	t.Helper()
	var got struct {
		Error struct {
			Code      string `json:"code"`
			Message   string `json:"message"`
			Retriable bool   `json:"retriable"`
		} `json:"error"`
	}
	if err := json.Unmarshal(frame.payload, &got); err != nil {
		t.Fatalf("%s: %v", frame.payload, err)
	}
	if got.Error.Code != "INTERNAL" || !got.Error.Retriable || strings.Contains(got.Error.Message, errDefect.Error()) {
		t.Errorf("got %s", frame.payload)
	}
}

// TestInternalErrorsPassWithTheirCause has a defect that occurs once.
func TestInternalErrorsPassWithTheirCause(t *testing.T) {
	t.Run("a message", func(t *testing.T) {
		synctest.Test(t, testInternalAnswer)
	})
	t.Run("a consumer", func(t *testing.T) {
		synctest.Test(t, testInternalConsumer)
	})
}

func testInternalAnswer(t *testing.T) {
	c, p, _ := accept(t, quietSettings(), bufferSize)
	over := serveIn(c, inOptions(&producer{each: func(n int, _ string, done proxy.Completion) {
		if n == 0 {
			done.Done(proxy.Ack{}, errDefect)
			return
		}
		done.Done(proxy.Ack{Offset: 7}, nil)
	}}))
	message := produce("m", "again")
	p.send(opText, message)
	frame, err := p.next()
	if err != nil {
		t.Fatal(err)
	}
	wantInternal(t, frame)
	p.send(opText, message)
	p.wantAnswers("m:7")
	_ = p.Close()
	<-over
}

func testInternalConsumer(t *testing.T) {
	defective := func(proxy.Owner) (Consumer, error) { return nil, errDefect }
	c, p, _ := accept(t, quietSettings(), bufferSize)
	kafka := newConsumer(0)
	kafka.feed(0, 0, 1)
	o := manualOptions(kafka)
	o.Open = defective
	over := serveOut(c, o)
	before, _ := p.wantClose(proxy.CloseInternal)
	if len(before) != 1 {
		t.Fatalf("got %v, want one frame", before)
	}
	wantInternal(t, before[0])
	_ = p.Close()
	<-over

	o.Open = kafka.open
	c, p, _ = accept(t, quietSettings(), bufferSize)
	over = serveOut(c, o)
	p.wantRecords(0, 0, 1)
	_ = p.Close()
	<-over
}
