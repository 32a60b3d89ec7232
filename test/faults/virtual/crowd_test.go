//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// crowdSize is how many clientIds write at a time, far more than the proxies have places for Kafka
	// clients.
	crowdSize = 12
	// crowdTime is how long they write: first until each has a client, and then again while new clients
	// are counted.
	crowdTime = 30 * time.Second
	// mostMade is how many Kafka clients all proxies together may create in the second period.
	mostMade = 6
)

// tryCrowd lets more clientIds write, each now and then, than there are places for Kafka clients. Once
// all are served, no proxy needs another Kafka client for them.
func (w *world) tryCrowd(*workload.Producer) {
	ctx, cancel := context.WithCancel(context.Background())
	var crowd sync.WaitGroup
	defer crowd.Wait()
	defer cancel()
	members := make([]*workload.Producer, crowdSize)
	for i := range members {
		members[i] = w.steady(fmt.Sprintf("crowd%d", i), uint64(740+i))
		crowd.Go(func() { members[i].Run(ctx) })
	}
	workload.Pause(ctx, crowdTime)
	made := w.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Observe: true, Count: -1})
	defer made.Remove()
	before := make([]int64, crowdSize)
	for i, m := range members {
		before[i] = m.Acked()
	}
	workload.Pause(ctx, crowdTime)
	for i, m := range members {
		if m.Acked() == before[i] {
			w.failed(checker.Unserved, "producer %s of a crowd had no answer for %s", m.ClientID, crowdTime)
		}
	}
	if n := made.Hits(); n > mostMade {
		w.failed(checker.Thrashing, "the proxies made %d Kafka clients for %d clientIds in %s, at most %d are needed", n, crowdSize, crowdTime, mostMade)
	}
}
