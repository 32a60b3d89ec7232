package main

import (
	"encoding/base64"
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
	keys, values [][]byte
	payloads     map[string]*payload // of the proxy's sockets, by way
}

func newData() *data {
	random := rand.NewChaCha8([32]byte{1})
	d := &data{}
	for range distinct {
		d.keys, d.values = append(d.keys, base64Of(random, keyBytes)), append(d.values, base64Of(random, valueBytes))
	}
	d.payloads = map[string]*payload{jsonWay: jsonPayload(d), avroWay: avroPayload(d)}
	return d
}

// base64Of returns n random characters.
func base64Of(random *rand.ChaCha8, n int) []byte {
	raw := make([]byte, n)
	_, _ = random.Read(raw) // never fails
	return base64.StdEncoding.AppendEncode(nil, raw)[:n]
}
