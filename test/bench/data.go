package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
)

const (
	keyBytes   = 10
	valueBytes = 200
	partitions = 10
	// distinct is how many different records there are; they are sent over and over. Together
	// they are larger than what compression looks back on.
	distinct = 8192
	// chunk is how many frames the load client writes at once.
	chunk = 128
)

// data is the data set: the same in every run.
type data struct {
	keys     [][]byte
	values   [][]byte            // of the format string
	json     [][]byte            // values of the format json, as long as the others
	payloads map[string]*payload // of the proxy's sockets, by way
}

func newData() *data {
	random := rand.NewChaCha8([32]byte{1})
	d := &data{}
	for range distinct {
		d.keys, d.values = append(d.keys, base64Of(random, keyBytes)), append(d.values, base64Of(random, valueBytes))
	}
	for i := range distinct {
		d.json = append(d.json, jsonOf(i, d.values[i]))
	}
	d.payloads = map[string]*payload{jsonWay: jsonPayload(d), avroWay: avroPayload(d)}
	return d
}

// valuesOf returns the values of a measurement.
func (d *data) valuesOf(m measurement) [][]byte {
	if m.objects() {
		return d.json
	}
	return d.values
}

// jsonOf makes a JSON object of valueBytes, with members of all kinds.
func jsonOf(n int, random []byte) []byte {
	object := fmt.Appendf(nil, `{"sensor":%d,"temperature":%.2f,"ok":true,"tags":["a","b"],"place":{"room":%d,"floor":null},"note":"`,
		n, float64(n%4000)/100, n%512)
	return append(append(object, random[:valueBytes-len(object)-2]...), `"}`...)
}

// base64Of returns n random characters.
func base64Of(random *rand.ChaCha8, n int) []byte {
	raw := make([]byte, n)
	_, _ = random.Read(raw) // never fails
	return base64.StdEncoding.AppendEncode(nil, raw)[:n]
}
