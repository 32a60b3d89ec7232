package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// metric returns the value of a metric, which may have labels, or 0 where there is none.
func (p *proxy) metric(t *testing.T, name string) float64 {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(p.manage(t, "/metrics").body)
	if line == nil {
		return 0
	}
	value, err := strconv.ParseFloat(line[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSorePointLimitsAreApplied(t *testing.T) {
	const count, perSecond = 60, 40
	// A tenth of a second's worth may come at once, the rest at the rate.
	least := time.Second * (count - perSecond/10) / perSecond
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		for name, test := range map[string]struct{ settings, parameters []string }{
			"rate":                            {nil, []string{fmt.Sprintf("rate=%d", perSecond)}},
			"the default":                     {[]string{fmt.Sprintf("CONSUMER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC=%d", perSecond)}, nil},
			"the default under a higher rate": {[]string{fmt.Sprintf("CONSUMER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC=%d", perSecond)}, []string{"rate=1000000"}},
		} {
			t.Run("out, "+name, func(t *testing.T) {
				t.Parallel()
				p := k.start(t, test.settings...)
				began := time.Now() // the first records may be sent before the client knows that it is connected
				c := p.out(t, topic, test.parameters...)
				c.deliveries(1)
				first := stopwatch.Start(t)
				c.deliveries(count - 1)
				if took := time.Since(began); took < least {
					t.Errorf("%d records took %v, at %d a second it must be %v", count, took, perSecond, least)
				}
				if took := first.Elapsed(); took > 5*least {
					t.Errorf("%d records took %v, at %d a second", count, took, perSecond)
				}
			})
		}
		t.Run("in, the default", func(t *testing.T) {
			t.Parallel()
			p := k.start(t, fmt.Sprintf("PRODUCER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC=%d", perSecond))
			c := p.in(t, topic)
			began := time.Now()
			for range count {
				c.send(`{"value":null}`)
			}
			for range count {
				c.ack()
			}
			if took := time.Since(began); took < least {
				t.Errorf("%d messages took %v, at %d a second it must be %v", count, took, perSecond, least)
			}
		})
		t.Run("batchSize", func(t *testing.T) {
			t.Parallel()
			p := k.start(t)
			p.out(t, topic, "batchSize=2").deliveries(count)
			// Each write to the socket has records of one poll, at most two.
			eventually(t, "the writes are counted", func() bool { return p.metric(t, "wsproxy_delivery_seconds_count") >= count/2 })
		})
	})
}

func TestOutFastRateIsNotSlowedDown(t *testing.T) {
	const count = 2000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		p, began := k.run(t), time.Now()
		c := p.out(t, topic, "rate=1000")
		c.delivery()
		watch := stopwatch.Start(t)
		c.deliveries(count - 1)
		if took := time.Since(began); took < 1500*time.Millisecond || watch.Elapsed() > 10*time.Second {
			t.Errorf("%d records at 1000 a second took %v, of which this process ran %v", count, took, watch.Elapsed())
		}
	})
}
