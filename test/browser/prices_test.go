package browser

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// prices is a compacted topic whose keys change all the time, and what is the newest of each.
type prices struct {
	t      *testing.T
	client *kgo.Client
	names  []string
	cents  map[string]int // the newest of each name
}

// newPrices makes the topic "prices" with a first record of each key.
func newPrices(t *testing.T, broker string, keys int) *prices {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("prices"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	compact := "compact"
	settings := map[string]*string{"cleanup.policy": &compact}
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 4, 1, settings, "prices"); err != nil {
		t.Fatal(err)
	}
	p := &prices{t: t, client: client, cents: map[string]int{}}
	for i := range keys {
		name := string([]rune{'A' + rune(i/26), 'A' + rune(i%26), 'A' + rune(7*i%26)})
		p.names = append(p.names, name)
		p.set(name, 100_00+rand.IntN(100_00))
	}
	p.flush()
	return p
}

// set writes a price, in cents.
func (p *prices) set(name string, cents int) {
	p.cents[name] = cents
	p.write(&kgo.Record{Key: []byte(name), Value: fmt.Appendf(nil, `{"price":%d.%02d}`, cents/100, cents%100)})
}

// remove writes a tombstone.
func (p *prices) remove(name string) {
	delete(p.cents, name)
	p.write(&kgo.Record{Key: []byte(name)})
}

func (p *prices) write(r *kgo.Record) {
	p.client.Produce(p.t.Context(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			p.t.Errorf("writing %s: %v", r.Key, err)
		}
	})
}

func (p *prices) flush() {
	p.t.Helper()
	if err := p.client.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// move changes prices at random, so many a second for a time.
func (p *prices) move(rate int, limit time.Duration) {
	p.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	changed := 0
	for began := time.Now(); time.Since(began) < limit; <-ticker.C {
		for due := int(time.Since(began).Seconds() * float64(rate)); changed < due; changed++ {
			name := p.names[rand.IntN(len(p.names))]
			p.set(name, max(1, p.cents[name]+rand.IntN(201)-100))
		}
	}
	p.flush()
}

// newest is what a table of the newest prices shows.
func (p *prices) newest() map[string]string {
	shown := map[string]string{}
	for name, cents := range p.cents {
		shown[name] = fmt.Sprintf("%d.%02d", cents/100, cents%100)
	}
	return shown
}
