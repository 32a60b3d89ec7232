package socket

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// pace counts the messages that passed in each second of a test.
type pace struct {
	began   time.Time
	seconds []int
}

func (p *pace) passed() {
	second := int(time.Since(p.began) / time.Second)
	for len(p.seconds) <= second {
		p.seconds = append(p.seconds, 0)
	}
	p.seconds[second]++
}

// want checks the seconds from one up to another, each of which may have one burst more.
func (p *pace) want(t *testing.T, from, to, perSecond int) {
	t.Helper()
	for second := from; second < to; second++ {
		if got := p.seconds[second]; got < perSecond-1 || got > perSecond+max(1, perSecond/10) {
			t.Errorf("%d passed in second %d, want %d", got, second, perSecond)
		}
	}
}

// changes are rates that an open connection is given, at the end of a second.
var changes = []struct{ second, perSecond int }{{0, 20}, {5, 500}, {10, 3}, {15, 40}}

func TestAChangedRateHoldsForOpenConnectionsThatConsume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		o := outOptions(kafka)
		o.Rate, o.CommitInterval = limit.NewRate(changes[0].perSecond), time.Hour
		over := serveOut(c, o)
		kafka.feed(0, 0, 10_000)
		passed := pace{began: time.Now()}
		changeRates(o.Rate)
		for offset := int64(0); time.Since(passed.began) < 20*time.Second; offset++ {
			p.wantRecords(0, offset, offset+1)
			passed.passed()
		}
		// The second of a change has some of both rates, and one message that waited already.
		passed.want(t, 0, 5, 20)
		passed.want(t, 6, 10, 500)
		passed.want(t, 11, 15, 3)
		passed.want(t, 16, 20, 40)
		_ = p.Close()
		<-over
	})
}

func TestAChangedRateHoldsForOpenConnectionsThatProduce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), 1<<10)
		passed := pace{began: time.Now()}
		kafka := &producer{each: func(n int, _ string, done proxy.Completion) {
			passed.passed()
			done.Done(proxy.Ack{Offset: int64(n)}, nil)
		}}
		o := inOptions(kafka)
		o.Rate = limit.NewRate(changes[0].perSecond)
		over := serveIn(c, o)
		changeRates(o.Rate)
		go func() { // its answers must be read, so that they do not push back
			for {
				if _, err := p.next(); err != nil {
					return
				}
			}
		}()
		for time.Since(passed.began) < 20*time.Second {
			p.send(opText, produce("a", "1"))
		}
		passed.want(t, 0, 5, 20)
		passed.want(t, 6, 10, 500)
		passed.want(t, 11, 15, 3)
		passed.want(t, 16, 20, 40)
		took := time.Since(passed.began).Seconds()
		if throttled := m.value("throttled_seconds_total"); throttled < took-1 || throttled > took+0.001 {
			t.Errorf("throttled for %v of %v s", throttled, took)
		}
		_ = p.Close()
		<-over
	})
}

func changeRates(rate *limit.Rate) {
	for _, change := range changes[1:] {
		time.AfterFunc(time.Duration(change.second)*time.Second, func() { rate.SetRate(change.perSecond) })
	}
}

// TestThrottlingShowsWhileItLasts checks that the metrics show a client that sends a long array to a
// slow connection before the array is finished.
func TestThrottlingShowsWhileItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		o := inOptions(&producer{each: func(int, string, proxy.Completion) { t.Error("produced") }})
		o.Rate = limit.NewRate(1)
		over := serveIn(c, o)
		p.send(opText, "["+strings.Repeat(produce("a", "1")+",", 99)+produce("a", "1")+"]")
		time.Sleep(50*time.Second + time.Millisecond)
		m.want("throttled_seconds_total", 50)
		_ = p.Close()
		c.End(Ending{Code: proxy.CloseServiceRestart})
		<-over
	})
}

func TestAChangedBatchSizeHoldsForOpenConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		o := outOptions(kafka)
		o.Batch, o.CommitInterval = limit.NewBound(100), time.Hour
		over := serveOut(c, o)
		offset, writes := int64(0), 0.0
		for _, step := range []struct {
			most   int
			writes float64 // of 300 records
		}{
			{100, 3}, {10, 30}, {0, 2}, {150, 2},
		} {
			synctest.Wait() // a poll waits for records, with the bound of before
			o.Batch.Set(step.most)
			kafka.feed(0, offset, offset+300)
			p.wantRecords(0, offset, offset+300)
			offset, writes = offset+300, writes+step.writes
			m.want("delivery_seconds", writes)
		}
		_ = p.Close()
		<-over
	})
}
