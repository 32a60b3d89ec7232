package cluster

import (
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestHeaders converts so many headers that the list has to grow: headers that were converted before must
// stay.
func TestHeaders(t *testing.T) {
	h := &Headers{}
	if got := h.Convert(nil); got != nil {
		t.Errorf("none became %v", got)
	}
	var all [][]proxy.Header
	for i := range 100 {
		name := strconv.Itoa(i)
		all = append(all, h.Convert([]kgo.RecordHeader{{Key: name, Value: []byte(name)}, {Key: "null"}, {Key: name, Value: []byte{}}}))
	}
	for i, headers := range all {
		name := strconv.Itoa(i)
		if len(headers) != 3 || headers[0].Key != name || string(headers[0].Value) != name || headers[1].Value != nil || headers[2].Value == nil {
			t.Fatalf("record %d has %v", i, headers)
		}
	}
	_ = append(all[0], proxy.Header{Key: "intruder"})
	if all[1][0].Key != "1" {
		t.Error("the headers of one record reach into those of the next")
	}
}

func TestDecompressAtMost(t *testing.T) {
	for batch, want := range map[int32]int{1 << 20: 16 << 20, 100 << 20: 800 << 20, 1 << 30: 1<<31 - 1} {
		if got := DecompressAtMost(batch); got != want {
			t.Errorf("for batches of %d: got %d, want %d", batch, got, want)
		}
	}
}
