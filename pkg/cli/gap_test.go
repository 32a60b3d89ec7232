package cli

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// TestAGapIsToldWithItsReasonInWords and with the code that the pages explain.
func TestAGapIsToldWithItsReasonInWords(t *testing.T) {
	for reason, want := range map[string]string{
		"SLOW":      "(SLOW: this reader was too slow; with --slow wait none is left out)\n",
		"EXPIRED":   "(EXPIRED: Kafka has deleted them, by the topic's retention or a request)\n",
		"TRUNCATED": "(TRUNCATED: Kafka has lost them, with a broker that had them alone)\n",
		"RECREATED": "(RECREATED: the topic was deleted and made again)\n",
		"NEW":       "(NEW)\n", // of a later proxy
	} {
		var stderr strings.Builder
		o := printer{stderr: &stderr}
		o.tell(&client.Event{Gap: &client.Gap{Topic: "t", Partition: 1, From: 4, To: 8, Reason: reason}})
		if got, want := stderr.String(), "wsproxy: a gap in t, partition 1: offsets 4 to 7 do not come "+want; got != want {
			t.Errorf("it says %swant %s", got, want)
		}
	}
}
