package neighbours

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// patience is how long a test waits for what should soon be. It only has to be longer than
// the slowest machine takes.
const patience = time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	if err := kafka.CloseShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// startProxy runs a proxy until the test's end and returns its address.
func startProxy(t *testing.T, broker string) string {
	t.Helper()
	settings, err := app.NewConfig(
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker, "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SHUTDOWN_GRACE=5s",
	)
	must(t, err)
	a, err := app.Start(app.Options{Config: settings})
	must(t, err)
	t.Cleanup(a.Shutdown)
	return a.Addr()
}

// admin is for making topics and changing them.
func admin(t *testing.T, broker string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(broker, ",")...))
	must(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// makeTopic makes a topic of one partition, which is deleted at the test's end. Settings are
// name, value, name, value.
func makeTopic(t *testing.T, a *kadm.Client, settings ...string) string {
	t.Helper()
	name := strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	configs := make(map[string]*string)
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	_, err := a.CreateTopic(within(t, patience), 1, 1, configs, name)
	must(t, err)
	for ctx := within(t, patience); ; { // until the broker knows it
		topics, err := a.ListTopics(ctx, name)
		must(t, err)
		if topics[name].Err == nil && len(topics[name].Partitions) == 1 {
			break
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience) //nolint:usetesting // the test is over
		defer cancel()
		_, err := a.DeleteTopic(ctx, name)
		if err != nil {
			t.Errorf("deleting the topic: %v", err)
		}
	})
	return name
}

// within returns a context that ends with the test, after some time at the latest.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
