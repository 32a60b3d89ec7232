package produce

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestARefusalAfterALostAnswerIsUnknown has a first attempt that may have been written, and a retry that
// was refused.
func TestARefusalAfterALostAnswerIsUnknown(t *testing.T) {
	cut := errors.New("connection reset")
	sent := kgo.BrokerE2E{BytesWritten: 100, ReadErr: cut}
	_, _, topic := poolOf(t)
	for name, test := range map[string]struct {
		key  int16
		e2e  kgo.BrokerE2E
		came time.Duration // when the record came, before the answer was lost
		want proxy.Kind
	}{
		"the answer was lost":        {int16(kmsg.Produce), sent, time.Second, proxy.KindTimeout},
		"lost before it came":        {int16(kmsg.Produce), sent, -time.Hour, proxy.KindNotAuthorized},
		"answered":                   {int16(kmsg.Produce), kgo.BrokerE2E{BytesWritten: 100}, time.Second, proxy.KindNotAuthorized},
		"nothing was sent":           {int16(kmsg.Produce), kgo.BrokerE2E{WriteErr: cut}, time.Second, proxy.KindNotAuthorized},
		"of another kind of request": {int16(kmsg.Metadata), sent, time.Second, proxy.KindNotAuthorized},
	} {
		t.Run(name, func(t *testing.T) {
			lost := newLostAnswers()
			lost.OnBrokerE2E(kgo.BrokerMetadata{}, test.key, test.e2e)
			b := refusedOf(topic, lost, time.Now().Add(-test.came))
			if e := proxy.AsError(b.refused(accessDenied, kerr.TopicAuthorizationFailed)); e.Kind != test.want {
				t.Errorf("got %v", e)
			}
		})
	}
}

// TestAConnectionTakesAnswersWithIt ends a connection while requests wait behind the one whose answer is
// being read.
func TestAConnectionTakesAnswersWithIt(t *testing.T) {
	broker := kgo.BrokerMetadata{NodeID: 1}
	write := func(l *lostAnswers) { l.OnBrokerWrite(broker, int16(kmsg.Produce), 100, 0, 0, nil) }
	answer := func(l *lostAnswers) { l.OnBrokerE2E(broker, int16(kmsg.Produce), kgo.BrokerE2E{BytesWritten: 100}) }
	for name, test := range map[string]struct {
		happens []func(*lostAnswers)
		want    bool
	}{
		"all are answered": {[]func(*lostAnswers){write, write, answer, answer}, false},
		"one is not":       {[]func(*lostAnswers){write, write, answer}, true},
		"nothing was sent": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, came := newLostAnswers(), time.Now()
			for _, happens := range test.happens {
				happens(l)
			}
			l.OnBrokerDisconnect(kgo.BrokerMetadata{NodeID: 2}, nil)
			if l.since(came) {
				t.Error("the end of another broker's connection counts")
			}
			l.OnBrokerDisconnect(broker, nil)
			if l.since(came) != test.want {
				t.Errorf("lost: %v", !test.want)
			}
		})
	}
}

// TestFranzGoTellsOfTheLastTryOnly fails when franz-go's error shows that an earlier answer was lost:
// then lostAnswers is no longer needed.
func TestFranzGoTellsOfTheLastTryOnly(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("cut"), true // the connection ends without an answer
	})
	broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		produce, ok := request.(*kmsg.ProduceRequest)
		return produceAnswer(produce, kerr.TopicAuthorizationFailed.Code), nil, ok
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	err = client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t"}).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || err.Error() != kerr.TopicAuthorizationFailed.Error() {
		t.Errorf("got %v", err)
	}
}
