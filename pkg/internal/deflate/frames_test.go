package deflate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes frames as /socket/out sends them: records of one topic in ten partitions, whose contents
// differ as those of measuring devices and of orders do. It makes the same frames for the same seed.
type generator struct {
	random  *rand.Rand
	offsets [10]int
	now     int
}

func newGenerator(seed uint64) *generator {
	g := &generator{random: rand.New(rand.NewPCG(seed, 1)), now: 1_554_896_731_782}
	for i := range g.offsets {
		g.offsets[i] = 40_000 + g.random.IntN(9_000)
	}
	return g
}

// frame returns the record with a key and a value, which is JSON.
func (g *generator) frame(key, value string) []byte {
	partition := g.random.IntN(len(g.offsets))
	g.offsets[partition]++
	g.now += g.random.IntN(40)
	offset := g.offsets[partition]
	return fmt.Appendf(nil, `{"wsProxyMessageId":"readings-%d-%d-%d","topic":"readings","partition":%d,"offset":%d,"timestamp":%d,`+
		`"key":{"value":%q,"format":"string"},"value":{"value":%s,"format":"json"}}`,
		partition, offset, g.now, partition, offset, g.now, key, value)
}

// reading returns a frame of about 276 bytes: what a device has measured.
func (g *generator) reading() []byte {
	device := g.random.IntN(500)
	return g.frame("sensor-"+strconv.Itoa(device), fmt.Sprintf(
		`{"device":%d,"celsius":%.2f,"humidity":%.1f,"battery":%d,"status":%q}`,
		device, 15+g.random.Float64()*15, 30+g.random.Float64()*50, 3000+g.random.IntN(1200),
		[]string{"ok", "ok", "ok", "low battery", "calibrating"}[g.random.IntN(5)]))
}

// order returns a frame of about 2 KB: an order with its items.
func (g *generator) order() []byte {
	type item struct {
		SKU      string  `json:"sku"`
		Name     string  `json:"name"`
		Quantity int     `json:"quantity"`
		Price    float64 `json:"price"`
		Note     string  `json:"note,omitempty"`
	}
	var items []item
	for range 14 + g.random.IntN(4) {
		items = append(items, item{
			SKU: fmt.Sprintf("%08X", g.random.Uint32()), Name: g.words(3), Quantity: 1 + g.random.IntN(9),
			Price: float64(g.random.IntN(20_000)) / 100, Note: g.words(g.random.IntN(5)),
		})
	}
	value, err := json.Marshal(map[string]any{
		"orderId": fmt.Sprintf("%016x", g.random.Uint64()), "customer": g.words(2), "currency": "EUR", "items": items,
		"address": map[string]string{"street": g.words(2), "city": g.words(1), "zip": strconv.Itoa(10_000 + g.random.IntN(89_999))},
	})
	if err != nil {
		panic(err)
	}
	return g.frame(fmt.Sprintf("customer-%d", g.random.IntN(10_000)), string(value))
}

// words returns some of a vocabulary of 2,000 words.
func (g *generator) words(n int) string {
	const syllables = "ka ro mi ne su ta lo vi de bo pe go zu fi ra mo te li no sa"
	all := strings.Fields(syllables)
	var chosen []string
	for range n {
		w := g.random.IntN(2000)
		chosen = append(chosen, all[w%20]+all[w/20%20]+all[w/400%20])
	}
	return strings.Join(chosen, " ")
}
