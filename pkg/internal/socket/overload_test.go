package socket

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// narrow is how many records a second a slow Kafka takes: a full window takes it longer than the delivery timeout.
const narrow = 40

// slowKafka takes one record after the other, also of those whose time is over.
type slowKafka struct {
	records chan proxy.Completion
}

func (k *slowKafka) Check(*proxy.Record) *proxy.Error { return nil }

func (k *slowKafka) Produce(_ *proxy.Record, _ time.Time, done proxy.Completion) { k.records <- done }

// run takes records until there are no more.
func (k *slowKafka) run() {
	for done := range k.records {
		time.Sleep(time.Second / narrow)
		done.Done(proxy.Ack{}, nil)
	}
}

// slowTransactions is a slow Kafka that aborts what it has not taken in time.
type slowTransactions struct{}

func (slowTransactions) Check(*proxy.Record) *proxy.Error    { return nil }
func (slowTransactions) Hold(context.Context) *proxy.Error   { return nil }
func (slowTransactions) Settle(context.Context) *proxy.Error { return nil }
func (slowTransactions) Close()                              {}
func (slowTransactions) Commit(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) bool {
	takes := time.Duration(len(records)) * time.Second / narrow
	if takes <= time.Until(by) {
		time.Sleep(takes)
		return true
	}
	time.Sleep(time.Until(by))
	for i := range outcomes {
		outcomes[i].Err = proxy.Errorf(proxy.KindTransactionAborted, "x")
	}
	return false
}

// flood sends what the proxy reads, until the connection ends, and counts answers by whether they tell of an error, from a
// time on and for as long. The peer's socket holds few messages.
func flood(p *peer, from, length time.Duration) (taken, refused int) {
	began := time.Now()
	go func() {
		for n := 0; ; n++ {
			frame := clientFrame(0x81, produce(fmt.Sprint(n), strings.Repeat("x", 200)))
			if _, err := p.Write(frame); err != nil {
				return
			}
		}
	}()
	for time.Since(began) < from+length {
		failed := !strings.HasSuffix(p.answers(), ":0")
		switch {
		case time.Since(began) < from:
		case failed:
			refused++
		default:
			taken++
		}
	}
	return taken, refused
}

// TestOverloadThatLastsIsNotWork offers more than Kafka takes, with a window that Kafka does not take in time. Were all of it read,
// Kafka would be busy with messages whose time is over, and their clients would send them again.
func TestOverloadThatLastsIsNotWork(t *testing.T) {
	const settled, length = 5 * time.Minute, 5 * time.Minute
	for name, serve := range map[string]func(*Conn, InOptions){
		"alone": func(c *Conn, o InOptions) {
			k := &slowKafka{records: make(chan proxy.Completion, limit.MaxMessages)}
			o.Producer = k
			var kafka sync.WaitGroup
			kafka.Go(k.run)
			ServeIn(c, o)
			close(k.records)
			kafka.Wait()
		},
		"in transactions": func(c *Conn, o InOptions) { ServeInTransactions(c, o, slowTransactions{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				o := inOptions(nil)
				o.MaxInFlight = limit.MaxMessages
				over := make(chan struct{})
				go func() {
					defer close(over)
					serve(c, o)
				}()
				taken, refused := flood(p, settled, length)
				t.Logf("%d messages were taken, and %d refused", taken, refused)
				if could := narrow * int(length/time.Second); taken < could*3/4 || refused > 0 {
					t.Errorf("%d messages of %d were taken, and %d refused", taken, could, refused)
				}
				_ = p.Close()
				<-over
			})
		})
	}
}

// TestAClientThatReadsNoAnswersIsReadAllTheSame has a client send all that it may have without an answer before it reads one,
// while Kafka is slow: what Kafka has acknowledged leaves room for others, though its answer waits for the client.
func TestAClientThatReadsNoAnswersIsReadAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = 200
		settings := quietSettings()
		settings.WriteTimeout = time.Hour
		c, p, _ := accept(t, settings, 1000)
		kafka := &producer{}
		o := inOptions(kafka)
		o.MaxInFlight = window
		over := serveIn(c, o)
		p.send(opText, produce("first", "x"))
		synctest.Wait()
		time.Sleep(o.DeliveryTimeout / 2)
		kafka.ack(0)
		p.wantAnswers("first:0")
		go func() {
			for range window {
				p.send(opText, produce(strings.Repeat("x", 50), "x"))
			}
		}()
		for acknowledged := 1; acknowledged <= window; {
			time.Sleep(o.DeliveryTimeout / 2)
			synctest.Wait()
			produced := len(kafka.got())
			if produced == acknowledged {
				t.Fatalf("%d messages of %d are read", produced, window+1)
			}
			for ; acknowledged < produced; acknowledged++ {
				kafka.ack(acknowledged)
			}
		}
		_ = p.Close()
		<-over
	})
}
