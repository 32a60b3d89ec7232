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
	// loadPause is the time between the first two looks at what franz-go knows of a topic. It doubles
	// up to maxLoadPause.
	loadPause    = 20 * time.Millisecond
	maxLoadPause = time.Second
	// anyAge is for what franz-go has remembered for however long.
	anyAge = 1000 * time.Hour
)

// errNotLoaded tells that franz-go did not come to know a topic instance in time. Nothing was sent.
var errNotLoaded = errors.New("the topic could not be looked up in time")

// errOtherInstance tells that franz-go knows another instance of the topic, or has met one.
var errOtherInstance = errors.New("the client knows another topic of this name")

// loadInstance has a client of franz-go know a topic instance with so many partitions at least, and
// returns how many it knows. Where it knows another instance it is purged, if it may be: see worn_out.go.
//
// franz-go has no call that loads a topic to produce to, and tells nobody which instance it knows. It
// loads topics for records, and asks the partitioner about each: so it is given one whose partition
// cannot be chosen, and which the partitioner refuses after a look.
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
			i.Refresh() // one of the two is not the present one
			client.PurgeTopicsFromClient(i.Name)
		case found.partitions >= partitions:
			return found.partitions, nil
		default:
			client.ForceMetadataRefresh()
		}
		waitForEnd(ctx, i, pause)
	}
}

// waitForEnd waits for the end of an instance, but not for longer than a pause.
func waitForEnd(ctx context.Context, i *cluster.Instance, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-i.Ended():
	case <-timer.C:
	case <-ctx.Done():
	}
}

// probeContext is the context of a record that is never written: with it the partitioner tells what franz-go
// knows of the topic.
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

// probe returns what franz-go knows of a topic, which it loads if need be.
func probe(ctx context.Context, client *kgo.Client, topic string) (*known, error) {
	asked := &probeContext{Context: ctx, client: client}
	fate := make(chan error, 1)
	record := &kgo.Record{Topic: topic, Context: asked}
	client.Produce(ctx, record, func(_ *kgo.Record, err error) { fate <- err })
	err := <-fate
	if asked.found != nil {
		return asked.found, nil
	}
	if err == nil {
		err = errNotLoaded
	}
	return nil, err
}

// look notes what franz-go knows of the topic of a probe's record. It is called in the moment when that
// has learned it, or later: franz-go remembers the answer from which it did, and does not get beyond
// the first instance of a topic, so that another id than that one's is never found where records
// could be written.
func (p *probeContext) look(topic string, partitions int) {
	p.found = &known{id: rememberedID(p.client, topic), partitions: int32(partitions)}
}

// rememberedID returns the id of a topic in franz-go's memory. It asks no broker.
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
