package socket

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestWhatCameIsHandedOverBeforeAnyWait sends messages of which the reader has to wait for the last one: those
// before it must not wait with it.
func TestWhatCameIsHandedOverBeforeAnyWait(t *testing.T) {
	for name, test := range map[string]struct {
		inFlight int
		then     []byte
	}{
		"for more messages":       {100, nil},
		"for the rest of a frame": {100, clientFrame(0x81, produce("c", "3"))[:20]},
		"for another fragment":    {100, clientFrame(0x01, produce("c", "3"))},
		"for the in-flight limit": {2, clientFrame(0x81, produce("c", "3"))},
		"for the end of a close":  {100, closeFrame(1000, "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kafka := &producer{}
				c, p, _ := accept(t, quietSettings(), bufferSize)
				options := inOptions(kafka)
				options.MaxInFlight = test.inFlight
				over := serveIn(c, options)
				_, _ = p.Write(slices.Concat(clientFrame(0x81, produce("a", "1")), clientFrame(0x81, produce("b", "2")), test.then))
				synctest.Wait()
				if got := kafka.got(); !slices.Equal(got, []string{"1", "2"}) {
					t.Errorf("Kafka's client has %q", got)
				}
				kafka.ack(0)
				kafka.ack(1)
				_ = p.Close()
				<-over
			})
		})
	}
}

// TestArraysAndMessagesKeepTheirOrder mixes both, more than are handed over together.
func TestArraysAndMessagesKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kafka := &producer{each: func(n int, _ string, done proxy.Completion) { done.Done(proxy.Ack{Offset: int64(n)}, nil) }}
		c, p, _ := accept(t, quietSettings(), 1<<20)
		over := serveIn(c, inOptions(kafka))
		var wire []byte
		var want []string
		for i := range 40 {
			values := []string{}
			for j := range 1 + i%4*i%50 {
				values = append(values, fmt.Sprintf("%d-%d", i, j))
			}
			want = append(want, values...)
			if len(values) == 1 {
				wire = append(wire, clientFrame(0x81, produce("", values[0]))...)
				continue
			}
			messages := make([]string, len(values))
			for k, value := range values {
				messages[k] = produce("", value)
			}
			wire = append(wire, clientFrame(0x81, "["+strings.Join(messages, ",")+"]")...)
		}
		_, _ = p.Write(wire)
		time.Sleep(time.Second)
		if got := kafka.got(); !slices.Equal(got, want) {
			t.Errorf("got %d records %.300q, want %d", len(got), got, len(want))
		}
		_ = p.Close()
		<-over
	})
}
