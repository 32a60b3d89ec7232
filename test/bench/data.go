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
	keys, values [][]byte
	frames       []byte // of the records, as messages for /socket/in, one after another
	ends         []int  // of each frame in frames
}

func newData() *data {
	random := rand.NewChaCha8([32]byte{1})
	d := &data{}
	for range distinct {
		key, value := base64Of(random, keyBytes), base64Of(random, valueBytes)
		message := fmt.Appendf(nil, `{"key":{"value":"%s","format":"string"},"value":{"value":"%s","format":"string"}}`, key, value)
		d.keys, d.values = append(d.keys, key), append(d.values, value)
		d.frames = appendFrame(d.frames, opText, message)
		d.ends = append(d.ends, len(d.frames))
	}
	return d
}

// base64Of returns n random characters.
func base64Of(random *rand.ChaCha8, n int) []byte {
	raw := make([]byte, n)
	_, _ = random.Read(raw) // never fails
	return base64.StdEncoding.AppendEncode(nil, raw)[:n]
}

// frameRange returns count frames from the one of record number first on. They may not go
// beyond the last of the distinct records.
func (d *data) frameRange(first, count int) []byte {
	first %= distinct
	start := 0
	if first > 0 {
		start = d.ends[first-1]
	}
	return d.frames[start:d.ends[first+count-1]]
}
