package produce

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// loadPause is the time between the first two checks of what franz-go knows of a topic. It doubles
	// up to maxLoadPause.
	loadPause    = 20 * time.Millisecond
	maxLoadPause = time.Second
	// anyAge accepts cached metadata of any age.
	anyAge = 1000 * time.Hour
)

// errNotLoaded means that franz-go did not load a topic instance in time. Nothing was sent.
var errNotLoaded = errors.New("the topic could not be looked up in time")

// errOtherInstance means that franz-go knows, or has seen, another instance of the topic.
var errOtherInstance = errors.New("the client knows another topic of this name")

// loadInstance makes a client of franz-go load a topic instance with at least the given number of
// partitions, and returns how many it knows. If the client knows another instance, it is purged of it,
// if that is allowed: see worn_out.go.
//
// franz-go has no call that loads a topic for producing, and does not tell which instance it knows. It
// loads topics for records, and asks the partitioner about each: so loadInstance produces a probe record
// for which the partitioner chooses no partition, after it has noted what franz-go knows.
func loadInstance(ctx context.Context, client *kgo.Client, i *cluster.Instance, partitions int32, mayPurge bool) (int32, error) {
	for pause := loadPause; ; pause = min(2*pause, maxLoadPause) {
		found, err := probe(ctx, client, i.Name)
		switch {
		case hasEnded(i):
			return 0, errEnded
		case ctx.Err() != nil:
			return 0, errNotLoaded
		case err != nil:
			return 0, err
		case found.id != i.ID() && !mayPurge:
			i.Refresh()
			return 0, errOtherInstance
		case found.id != i.ID():
			i.Refresh() // one of the two is not the current one
			client.PurgeTopicsFromClient(i.Name)
		case found.partitions >= partitions:
			return found.partitions, nil
		default:
			client.ForceMetadataRefresh()
		}
		waitForEnd(ctx, i, pause)
	}
}

// waitForEnd waits for the end of an instance, at most for a pause.
func waitForEnd(ctx context.Context, i *cluster.Instance, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-i.Ended():
	case <-timer.C:
	case <-ctx.Done():
	}
}

// probeContext is the context of a probe, a record that is never written: in it, the partitioner notes
// what franz-go knows of the topic.
type probeContext struct {
	context.Context
	client *kgo.Client
	found  *known
}

// known is what franz-go knows of a topic.
type known struct {
	id         [16]byte
	partitions int32
}

// probe returns what franz-go knows of a topic, which it loads if necessary.
func probe(ctx context.Context, client *kgo.Client, topic string) (*known, error) {
	asked := &probeContext{Context: ctx, client: client}
	outcome := make(chan error, 1)
	record := &kgo.Record{Topic: topic, Context: asked}
	client.Produce(ctx, record, func(_ *kgo.Record, err error) { outcome <- err })
	err := <-outcome
	if asked.found != nil {
		return asked.found, nil
	}
	if err == nil {
		err = errNotLoaded
	}
	return nil, err
}

// look notes what franz-go knows of the topic of a probe. It is called at the moment at which franz-go
// has learned it, or later: franz-go caches the answer from which it learned it, and does not move on
// from the first instance of a topic. So look never finds an id other than that of the instance to which
// records could be written.
func (p *probeContext) look(topic string, partitions int) {
	p.found = &known{id: rememberedID(p.client, topic), partitions: int32(partitions)}
}

// rememberedID returns the id of a topic in franz-go's cache. It sends no request.
func rememberedID(client *kgo.Client, topic string) (id [16]byte) {
	never, cancel := context.WithCancel(context.Background())
	cancel()
	request := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = &topic
	request.Topics = append(request.Topics, one)
	answer, err := client.RequestCachedMetadata(never, request, anyAge)
	if err != nil || len(answer.Topics) != 1 {
		return id
	}
	return answer.Topics[0].TopicID
}
