package session

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkReplay folds a history in which every tenth session is still open.
func BenchmarkReplay(b *testing.B) {
	type record struct {
		key   string
		value []byte
	}
	var history []record
	at := time.UnixMilli(1_700_000_000_000)
	for i := range 25_000 {
		key := fmt.Sprintf("claim/abcdefabcdef.%d", i)
		c := &claim{
			State: pending, Kind: Consumer, Client: "client-1234", Group: "group-12", Topic: "topic", Replica: "abcdefabcdef", Server: "pod-1",
			Since: at.UnixMilli(), Partitions: 1_000_000, Valid: 15_000,
		}
		history = append(history, record{key, set(key, c).Value})
		c.State, c.Asked = admitted, at.UnixMilli()
		history = append(history, record{key, set(key, c).Value}, record{"replica/abcdefabcdef", set("", &beat{Server: "pod-1"}).Value})
		if i%10 != 0 {
			history = append(history, record{key, nil})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		f := newFold()
		for i := range history {
			f.apply(readLog(int64(i), at, history[i].key, history[i].value))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(history)), "ns/record")
}
