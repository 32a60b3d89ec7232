package read

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// clientID is the client.id of readers, for quotas and the logs of brokers.
	clientID = "wsproxy-tail"
	// fetchMaxWait is how long a broker waits for records. Partitions that are added, or fetched again after a
	// failure, wait for the fetch under way.
	fetchMaxWait = time.Second
)

// Reader reads a log from its places on. Only Close may be called while another goroutine polls.
type Reader struct {
	source *Source
	client *kgo.Client
	size   *fetchSize
	life   context.Context //nolint:containedctx // of what runs beside the polls, and of no call
	stop   func()          // ends it
	calls  cluster.Calls   // what runs beside the polls
	grown  chan struct{}   // the topic may have more partitions

	mu        sync.Mutex    // guards what follows
	next      proxy.Places  // of the next records, in all partitions that are read
	checked   proxy.Batch   // what checks found, and Poll has yet to return
	failure   error         // why no more is read
	interrupt func()        // ends the wait of the poll under way
	waiting   time.Time     // since when the poll under way waits; zero if it does not
	waited    time.Duration // of polls that have ended

	// Used by the polling goroutine only.
	records  []proxy.Record // of the last poll, reused
	headers  cluster.Headers
	epochs   map[int32]int32     // of the last records
	troubles map[int32]time.Time // when partitions began to fail
}

// Read begins to read at places. Places of partitions that the topic does not have are of no account; partitions of
// the topic that have no place are read from offset 0. The first poll returns what Check does.
func (s *Source) Read(ctx context.Context, at proxy.Places) (*Reader, error) {
	found, err := s.check(ctx, at, everything)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		source: s, grown: make(chan struct{}, 1), next: found.Next.Clone(), checked: found.Batch,
		epochs: make(map[int32]int32), troubles: make(map[int32]time.Time),
	}
	r.size = newFetchSize(s.fetchBytes)
	client, err := kgo.NewClient(s.cluster.OptionsAs(metrics.TailClient, s.topic.Credentials, clientID, r.options(&found)...)...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client for a tail: %w", err)
	}
	r.client = client
	r.size.made(client.UpdateFetchMaxBytes)
	s.cluster.Metrics.KafkaClients(metrics.TailClient).Inc()
	r.begin(at.Clone())
	return r, nil
}

// options returns the options of the reader's client, apart from those that all clients have.
func (r *Reader) options(found *checked) []kgo.Opt {
	s := r.source
	isolation := kgo.ReadUncommitted()
	if s.isolation == committed {
		isolation = kgo.ReadCommitted()
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(found.answered...), // franz-go would wait long for the metadata of a broker that is silent
		kgo.ConsumePartitions(r.positions(found.Next)),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // else franz-go would skip or repeat records
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchMaxBytes(fetchFirstBytes),
		kgo.FetchMaxPartitionBytes(fetchFirstBytes),
		kgo.MaxDecompressBatchBytes(cluster.DecompressAtMost(s.topic.BatchBytes())),
		kgo.DisableFetchSessions(),
		kgo.KeepControlRecords(), // to move past them
		kgo.WithHooks(r.size),
	}
	if rack := s.cluster.Settings.Rack; rack != "" {
		options = append(options, kgo.Rack(rack))
	}
	return options
}

// positions converts places. With an epoch, franz-go asks the leader that it finds whether the log still has the
// place.
func (r *Reader) positions(places proxy.Places) map[string]map[int32]kgo.Offset {
	offsets := make(map[int32]kgo.Offset, len(places))
	for partition, place := range places {
		offsets[partition] = kgo.NewOffset().At(place.Offset).WithEpoch(place.Epoch)
	}
	return map[string]map[int32]kgo.Offset{r.source.topic.Name: offsets}
}

// begin starts what runs beside the polls.
func (r *Reader) begin(at proxy.Places) {
	life, cancel := context.WithCancel(context.Background())
	unfollow := r.source.topic.Follow(cluster.Follower{Grown: r.grow, Ended: func() {}})
	unwatch := r.source.topic.WhenOver(r.wake)
	r.life, r.stop = life, func() {
		unwatch()
		unfollow()
		cancel()
	}
	_ = r.calls.Run(func() { r.complete(life, at) })
	_ = r.calls.Run(func() { r.watch(life) })
}

// Close ends the reader.
func (r *Reader) Close() {
	r.stop()
	r.calls.Refuse()
	r.calls.Wait()
	r.client.Close()
	r.source.cluster.Metrics.KafkaClients(metrics.TailClient).Dec()
}

// wake ends the wait of the poll under way.
func (r *Reader) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.interrupt != nil {
		r.interrupt()
	}
}

// fail has the poll under way, and later ones, return an error.
func (r *Reader) fail(err error) {
	r.mu.Lock()
	r.failure = err
	r.mu.Unlock()
	r.wake()
}
