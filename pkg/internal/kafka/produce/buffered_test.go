package produce

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestRoomForManyHeadersIsGivenBack recycles records with few headers and with many.
func TestRoomForManyHeadersIsGivenBack(t *testing.T) {
	for headers, want := range map[int]int{0: 0, 3: 3, keptHeaders: keptHeaders, keptHeaders + 1: 0, 500_000: 0} {
		b := &buffered{home: &recycled{}, headers: make([]kgo.RecordHeader, headers)}
		b.recycle()
		if got := cap(b.headers); got != want {
			t.Errorf("after %d headers there is room for %d, want %d", headers, got, want)
		}
	}
}
