package cluster

import (
	"errors"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestOpenEndsWithTheWatch closes the watch while a topic is being opened.
func TestOpenEndsWithTheWatch(t *testing.T) {
	topics := connect(t, kafkatest.Broker(t, "t")).WatchTopics()
	granted, shown, err := topics.rights.open(kafkatest.Deadline(t), Access{Topic: "t"})
	if err != nil {
		t.Fatal(err)
	}
	topics.Close()
	if settings := topics.settingsOf(kafkatest.Deadline(t), granted, shown); settings != defaultSettings() {
		t.Errorf("got the settings %+v", settings)
	}
	if _, err := topics.lookAgain(kafkatest.Deadline(t), granted); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
