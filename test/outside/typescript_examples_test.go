package outside

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// module is an example of test/examples in a project that has the TypeScript client.
type module struct {
	t    testing.TB
	path string
}

func exampleModule(t testing.TB, name string) module {
	t.Helper()
	folder := t.TempDir()
	scope := filepath.Join(folder, "node_modules", "@wsproxy")
	must(t, os.MkdirAll(scope, 0o700))
	must(t, os.Symlink(installed(t, "typescript"), filepath.Join(scope, "client")))
	source, err := os.ReadFile(filepath.Join("..", "examples", name))
	must(t, err)
	path := filepath.Join(folder, name)
	must(t, os.WriteFile(path, source, 0o600))
	return module{t, path}
}

// start runs the example with arguments. It is killed at the test's end.
func (m module) start(args ...string) *process.Process {
	m.t.Helper()
	p, err := process.Start("node", nil, append([]string{"--experimental-websocket", m.path}, args...)...)
	must(m.t, err)
	m.t.Cleanup(func() {
		p.Kill()
		if m.t.Failed() {
			m.t.Logf("the example, %v, printed:\n%s\n%s", p.State(), p.Stdout.Tail(), p.Stderr.Tail())
		}
	})
	return p
}

// finish ends an example by SIGTERM.
func (m module) finish(p *process.Process) {
	m.t.Helper()
	must(m.t, p.Signal(syscall.SIGTERM))
	await(m.t, "the example's end", p.Ended)
	if code := p.State().ExitCode(); code != 0 {
		m.t.Errorf("it ended with code %d", code)
	}
}

// makeTopic makes a topic of one partition with this name.
func (c *cluster) makeTopic(name string) {
	c.t.Helper()
	_, err := c.admin.CreateTopic(within(c.t, patience), 1, -1, nil, name)
	must(c.t, err)
	await(c.t, "the topic to be known to the broker", func() bool {
		topics, err := c.admin.ListTopics(within(c.t, patience), name)
		return err == nil && topics[name].Err == nil && len(topics[name].Partitions) == 1
	})
}

// TestExampleConsumerCommitsWhatIsDone cuts its connections and ends it, and has another one go on. What it cannot do is kept.
func TestExampleConsumerCommitsWhatIsDone(t *testing.T) {
	t.Parallel()
	const count = 100
	k, m := realKafka(t), exampleModule(t, "consumer.mjs")
	topic := k.topic(1)
	k.makeTopic(topic + ".failed")
	var values []string
	for i := range count {
		values = append(values, fmt.Sprintf(`{"order":%d,"ms":20}`, i))
	}
	values[50] = `{"no":"order"}`
	k.writeAll(topic, values)
	link := relayTo(t, serve(t, k.addr).main)
	done := func(p *process.Process) int { return strings.Count(p.Stdout.String(), "done") }

	one := m.start("ws://"+link.addr(), topic, topic)
	await(t, "some to be done", func() bool { return done(one) > 10 })
	link.cut()
	await(t, "more to be done after the cut", func() bool { return done(one) > 30 })
	m.finish(one)
	committed := sum(k.committed(topic, topic))
	other := m.start("ws://"+link.addr(), topic, topic)
	await(t, "all to be committed", func() bool { return sum(k.committed(topic, topic)) == count })
	m.finish(other)

	all := one.Stdout.String() + other.Stdout.String()
	for offset := range count {
		if !strings.Contains(all, fmt.Sprintf("%s-0-%d-", topic, offset)) {
			t.Errorf("offset %d was never done", offset)
		}
	}
	for offset := range committed {
		if strings.Contains(other.Stdout.String(), fmt.Sprintf("%s-0-%d-", topic, offset)) {
			t.Errorf("offset %d was committed, and came again", offset)
		}
	}
	failed := k.log(topic + ".failed")[0]
	if len(failed) != 1 || string(failed[0].Value) != values[50] || string(failed[0].Headers[0].Value) != "it is no order" {
		t.Errorf("what has failed is kept as %+v", failed)
	}
}

// TestExampleServiceBooksBothEntriesOrNone kills it, cuts its connections, and reads what was committed at Kafka.
func TestExampleServiceBooksBothEntriesOrNone(t *testing.T) {
	t.Parallel()
	const count = 60
	k, m := realKafka(t), exampleModule(t, "service.mjs")
	transfers, entries := k.topic(1), k.topic(3)
	var values []string
	for i := range count {
		values = append(values, fmt.Sprintf(`{"from":"alice","to":"bob","amount":%d}`, i))
	}
	k.writeAll(transfers, values)
	link := relayTo(t, serve(t, k.addr, "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true").main)
	args := []string{"ws://" + link.addr(), transfers, entries, transfers}
	booked := func(p *process.Process) int { return strings.Count(p.Stdout.String(), "booked") }

	one := m.start(args...)
	await(t, "some to be booked", func() bool { return booked(one) > 10 })
	link.cut()
	await(t, "more to be booked after the cut", func() bool { return booked(one) > 20 })
	one.Kill()
	other := m.start(args...)
	awaitWithin(t, 2*patience, "all to be committed", func() bool { return sum(k.committed("transfers", transfers)) == count })
	m.finish(other)

	sums, halves := map[string]int{}, map[string]int{}
	for _, r := range k.committedLog(entries) {
		var entry struct {
			Transfer string
			Amount   int
		}
		must(t, json.Unmarshal(r.Value, &entry))
		sums[entry.Transfer] += entry.Amount
		halves[entry.Transfer]++
	}
	twice := 0
	for transfer, n := range halves {
		if n%2 != 0 || sums[transfer] != 0 {
			t.Errorf("%s has %d entries, which make %d", transfer, n, sums[transfer])
		}
		twice += n/2 - 1
	}
	if len(halves) != count {
		t.Errorf("%d transfers are booked, of %d", len(halves), count)
	}
	t.Logf("%d transfers are booked twice, after a cut and a kill", twice)
	if twice > count/3 {
		t.Errorf("%d transfers are booked twice", twice)
	}
}

// committedLog reads what readers of committed records see of a topic.
func (c *cluster) committedLog(topic string) []*kgo.Record {
	c.t.Helper()
	ends, err := c.admin.ListCommittedOffsets(within(c.t, patience), topic)
	must(c.t, err)
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	reader, err := c.dial(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	must(c.t, err)
	defer reader.Close()
	var records []*kgo.Record
	for len(left) > 0 {
		fetches := reader.PollFetches(within(c.t, patience))
		must(c.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

// TestExampleDeviceResumes has commands written while it is on, is off, and after it was killed.
func TestExampleDeviceResumes(t *testing.T) {
	t.Parallel()
	k, m := realKafka(t), exampleModule(t, "device.mjs")
	topic := k.topic(1)
	link := relayTo(t, serve(t, k.addr).main)
	file := filepath.Join(t.TempDir(), "position")
	args := []string{"ws://" + link.addr(), topic, "lamp", file}
	command := func(n int) {
		k.write(
			&kgo.Record{Topic: topic, Key: []byte("lamp"), Value: fmt.Appendf(nil, `{"n":%d}`, n)},
			&kgo.Record{Topic: topic, Key: []byte("another"), Value: []byte(`{"n":0}`)},
		)
	}
	obeys := regexp.MustCompile(`obeys \S+ \{"n":(\d+)\}`)
	var obeyed []string // of all runs before
	now := func(p *process.Process) []string {
		all := slices.Clone(obeyed)
		for _, found := range obeys.FindAllStringSubmatch(p.Stdout.String(), -1) {
			all = append(all, found[1])
		}
		return all
	}
	want := ""
	given := func(p *process.Process, n int) {
		t.Helper()
		want = strings.TrimSpace(fmt.Sprint(want, " ", n))
		// A device that was killed before it kept its place obeys its last command again.
		await(t, "the commands "+want, func() bool { return strings.Join(slices.Compact(now(p)), " ") == want })
	}

	p := m.start(args...)
	await(t, "the device to listen", func() bool { return strings.Contains(p.Stdout.String(), "listens") })
	command(1)
	given(p, 1)
	await(t, "the device's first place", func() bool { _, err := os.Stat(file); return err == nil })
	link.cut()
	command(2)
	given(p, 2)
	m.finish(p)
	obeyed = now(p)

	command(3)
	p = m.start(args...)
	given(p, 3)
	command(4)
	given(p, 4)
	p.Kill()
	obeyed = now(p)
	command(5)
	p = m.start(args...)
	given(p, 5)
	if !strings.Contains(p.Stdout.String(), "listens from where it was") {
		t.Error("it does not say that it resumed")
	}
	m.finish(p)
}
