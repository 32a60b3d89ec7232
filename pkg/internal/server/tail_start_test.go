package server

import (
	"slices"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestATopicMadeAgainWithFewerPartitionsTellsAGapForEach: also for those that it lacks, and that may be added later. The
// second partition was known when the cursor was made, and the third only from a record behind it.
func TestATopicMadeAgainWithFewerPartitionsTellsAGapForEach(t *testing.T) {
	cursor := feed.TopicCursor{Topic: "prices", Places: proxy.Places{0: {Offset: 7}, 1: {Offset: 5, Epoch: 2}}}
	from := &tailFrom{after: map[string]map[int32]int64{"prices": {2: 3}}}
	begin := proxy.Places{0: {Offset: 1, Epoch: 0}}
	want := []proxy.Gap{
		{Partition: 0, From: 1, To: 7, Reason: proxy.GapRecreated, Then: begin[0]},
		{Partition: 1, From: 0, To: 5, Reason: proxy.GapRecreated},
		{Partition: 2, From: 0, To: 4, Reason: proxy.GapRecreated},
	}
	if got := recreatedGaps(from.behindAfter(cursor), begin); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
