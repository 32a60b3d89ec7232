package kafka

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestARefusalAfterALostAnswerIsUnknown has a first try that may have been written, and a
// second one that was refused.
func TestARefusalAfterALostAnswerIsUnknown(t *testing.T) {
	cut := errors.New("connection reset")
	sent := kgo.BrokerE2E{BytesWritten: 100, ReadErr: cut}
	for name, test := range map[string]struct {
		key  int16
		e2e  kgo.BrokerE2E
		came time.Duration // before the answer was lost
		want proxy.Kind
	}{
		"the answer was lost":        {int16(kmsg.Produce), sent, time.Second, proxy.KindTimeout},
		"lost before it came":        {int16(kmsg.Produce), sent, -time.Hour, proxy.KindNotAuthorized},
		"answered":                   {int16(kmsg.Produce), kgo.BrokerE2E{BytesWritten: 100}, time.Second, proxy.KindNotAuthorized},
		"nothing was sent":           {int16(kmsg.Produce), kgo.BrokerE2E{WriteErr: cut}, time.Second, proxy.KindNotAuthorized},
		"of another kind of request": {int16(kmsg.Metadata), sent, time.Second, proxy.KindNotAuthorized},
	} {
		t.Run(name, func(t *testing.T) {
			lost := &lostAnswers{}
			lost.OnBrokerE2E(kgo.BrokerMetadata{}, test.key, test.e2e)
			topic := &Topic{Name: "t", topics: &Topics{refresh: make(chan struct{}, 1)}}
			b := &buffered{producer: &Producer{topic: topic}, client: &pooled{lost: lost}, came: time.Now().Add(-test.came)}
			if e := proxy.AsError(b.refused(kerr.TopicAuthorizationFailed)); e.Kind != test.want {
				t.Errorf("got %v", e)
			}
		})
	}
}
