package outside

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

const consoleShareConsumer = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"

// shared is who has accepted which records.
type shared struct {
	mu  sync.Mutex // guards what follows
	had map[string][]string
}

func (s *shared) add(who, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.had[value] = append(s.had[value], who)
}

// by returns how many records somebody has accepted.
func (s *shared) by(who string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.had {
		for _, one := range all {
			if one == who {
				n++
			}
		}
	}
	return n
}

// TestNativeShareConsumerSharesAGroupWithWorkers has Apache's console consumer and two workers in one group, while records are
// written: each record is accepted once, and all three have some.
func TestNativeShareConsumerSharesAGroupWithWorkers(t *testing.T) {
	t.Parallel()
	const partitions, wave = 4, 12
	k := realKafka(t)
	topic := k.topic(partitions)
	s := &shared{had: make(map[string][]string)}
	p := serve(t, k.addr)
	for _, name := range []string{"one", "two"} {
		url := p.url("/socket/queue?confirm=true&window=10&clientId=" + name + "&topic=" + topic + "&groupId=" + topic)
		go s.accept(t.Context(), dial(t, url), name)
	}
	java := startShareConsumer(t, k.addr, topic)

	written := 0
	await(t, "all three to have some", func() bool {
		for range wave {
			k.client.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: int32(written % partitions), Value: []byte(strconv.Itoa(written))}, nil)
			written++
		}
		must(t, k.client.Flush(within(t, patience)))
		return s.by("one") > 0 && s.by("two") > 0 && len(strings.Fields(java.String())) > wave
	})
	await(t, "all to be settled", func() bool { return k.isSettled(topic, topic) })
	await(t, "all to be told", func() bool {
		return s.by("one")+s.by("two")+len(strings.Fields(java.String())) >= written
	})
	for value := range strings.FieldsSeq(java.String()) {
		s.add("java", value)
	}
	for i := range written {
		if who := s.had[strconv.Itoa(i)]; len(who) != 1 {
			t.Errorf("record %d was accepted by %q", i, who)
		}
	}
	t.Logf("of %d records the workers had %d and %d, the native consumer %d", written, s.by("one"), s.by("two"), s.by("java"))
}

// accept accepts all that comes, and notes what is settled.
func (s *shared) accept(ctx context.Context, conn *websocket.Conn, name string) {
	values := make(map[string]string)
	for {
		f, err := receive[struct {
			record

			Settled []string
		}](ctx, conn)
		if err != nil {
			return // the test is over, or sees that records are missing
		}
		for _, id := range f.Settled {
			s.add(name, values[id])
		}
		if f.Value != nil {
			values[f.ID] = fmt.Sprint(f.Value.Value)
			_ = conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"accept":%q}`, f.ID))
		}
	}
}

// startShareConsumer runs Apache's console consumer of a share group, which accepts what it prints, until the test's end.
func startShareConsumer(t *testing.T, broker, topic string) *process.Output {
	t.Helper()
	cmd := kafka.RequireTools(t).Command(within(t, 2*patience), consoleShareConsumer,
		"--bootstrap-server", broker, "--topic", topic, "--group", topic)
	var said, stderr process.Output
	cmd.Stdout, cmd.Stderr = &said, &stderr
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the native consumer printed:\n%s", stderr.Tail())
		}
	})
	return &said
}
