package outside

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// example is a worker of test/examples.
type example struct {
	language string
	command  []string
	settings []string
}

// examples are the workers in all languages, ready to be run.
func examples() map[string]func(testing.TB) example {
	return map[string]func(testing.TB) example{"python": pythonExample, "node": nodeExample, "go": goExample}
}

func pythonExample(t testing.TB) example {
	t.Helper()
	return scriptExample(t, "python", "worker.py")
}

func nodeExample(t testing.TB) example {
	t.Helper()
	return scriptExample(t, "node", "worker.cjs")
}

func scriptExample(t testing.TB, language, script string) example {
	t.Helper()
	all := foreigners()
	f := all[slices.IndexFunc(all, func(f foreign) bool { return f.language == language })]
	return example{language, []string{f.program, filepath.Join("..", "examples", script)}, []string{f.variable + "=" + f.install(t)}}
}

func goExample(t testing.TB) example {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker")
	cmd := exec.CommandContext(within(t, 5*patience), "go", "build", "-buildvcs=false", "-o", path, "../examples/worker")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	return example{"go", []string{path}, nil}
}

// exampleWorker is a worker of an example, running.
type exampleWorker struct {
	*process.Process
	t testing.TB
}

// acknowledged is what a worker says that it has told about a delivery, before it does so.
type acknowledged struct {
	outcome string
	offset  string // and the partition before it
	count   int
}

// run starts a worker, which is killed at the test's end.
func (e example) run(t testing.TB, url string) *exampleWorker {
	t.Helper()
	p, err := process.Start(e.command[0], append(slices.Clone(e.settings), "RENEW_EVERY=0.3"), append(slices.Clone(e.command[1:]), url)...)
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("a worker, %v, printed:\n%s%s", p.State(), p.Stdout.String(), p.Stderr.Tail())
		}
	})
	return &exampleWorker{p, t}
}

// said returns what a worker has told.
func (w *exampleWorker) said() []acknowledged {
	w.t.Helper()
	var all []acknowledged
	for line := range strings.Lines(w.Stdout.String()) {
		words := strings.Fields(line)
		if len(words) != 3 {
			continue // it is being printed
		}
		id := strings.Split(words[1], "-") // topic-partition-offset-timestamp, and topics have - in their names
		count, err := strconv.Atoi(words[2])
		must(w.t, err)
		all = append(all, acknowledged{words[0], strings.Join(id[len(id)-3:len(id)-1], "-"), count})
	}
	return all
}

// last returns what a worker has told last, or nothing.
func (w *exampleWorker) last() (a acknowledged) {
	w.t.Helper()
	if all := w.said(); len(all) > 0 {
		a = all[len(all)-1]
	}
	return a
}

// finish ends a worker by SIGTERM.
func (w *exampleWorker) finish() {
	w.t.Helper()
	must(w.t, w.Signal(syscall.SIGTERM))
	await(w.t, "the worker's end", w.Ended)
	if code := w.State().ExitCode(); code != 0 {
		w.t.Errorf("it ended with code %d", code)
	}
}

// jobs are the records of a topic of one partition, with what shall become of each: the outcomes that are told.
func jobs() (values []string, want [][]string) {
	add := func(value string, outcomes ...string) {
		values, want = append(values, value), append(want, outcomes)
	}
	for i := range 40 {
		add(fmt.Sprintf(`{"job":%d,"seconds":0.05}`, i), "accept 1")
	}
	add("no JSON", "reject 1")
	add(`{"name":"no job"}`, "reject 1")
	add(`{"job":42,"fails":1}`, "release 1", "accept 2")
	add(`{"job":43,"fails":9}`, "release 1", "release 2", "reject 3")
	add(`{"job":44,"seconds":2.5}`, "accept 1") // longer than two locks
	return values, want
}

// lockedFor has locks that a job can outlast.
const lockedFor = "1000"

// TestExampleWorkersSettleEachRecord has their connections cut, and them ended while they work.
func TestExampleWorkersSettleEachRecord(t *testing.T) {
	t.Parallel()
	withExamples(t, realKafka, settleEachRecord)
}

func TestLongExampleWorkersSettleEachRecordOfTheEmbeddedBroker(t *testing.T) {
	withExamples(t, embedded, settleEachRecord)
}

func settleEachRecord(t *testing.T, k *cluster, e example) {
	t.Helper()
	topic := k.topic(1)
	k.setGroup(topic, "share.record.lock.duration.ms", lockedFor)
	values, want := jobs()
	k.writeAll(topic, values)
	link := relayTo(t, serve(t, k.addr).main)
	url := "ws://" + link.addr() + "/socket/queue?topic=" + topic + "&groupId=" + topic

	one, two := e.run(t, url), e.run(t, url)
	await(t, "all to be settled", func() bool { return k.isSettled(topic, topic) })
	got := outcomes(append(one.said(), two.said()...))
	for offset, want := range want {
		if got := got[fmt.Sprintf("0-%d", offset)]; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", values[offset], got, want)
		}
	}

	link.cut()
	k.writeAll(topic, []string{`{"job":45}`})
	await(t, "a record to be settled after the cut", func() bool { return k.isSettled(topic, topic) })
	one.finish()
	k.writeAll(topic, []string{`{"job":46,"seconds":1}`, `{"job":47}`})
	await(t, "a record to be settled by the other one", func() bool { return two.last().offset == "0-47" })
	two.finish()
	if last := two.last(); last.outcome != "accept" || last.offset != "0-46" {
		t.Errorf("it was ended while it worked, and said at last %v", last)
	}
	await(t, "what a worker has done before its end to be settled", func() bool { return k.isSettled(topic, topic) })
}

// outcomes sorts what was told by record.
func outcomes(said []acknowledged) map[string][]string {
	all := make(map[string][]string)
	for _, one := range said {
		all[one.offset] = append(all[one.offset], fmt.Sprintf("%s %d", one.outcome, one.count))
	}
	for _, one := range all {
		slices.SortFunc(one, func(a, b string) int { return strings.Compare(a[len(a)-1:], b[len(b)-1:]) })
	}
	return all
}

// TestExampleWorkerKilledLosesNothing kills one while it works on as many records as it can.
func TestExampleWorkerKilledLosesNothing(t *testing.T) {
	t.Parallel()
	withExamples(t, realKafka, killOne)
}

func TestLongExampleWorkerKilledLosesNothingOfTheEmbeddedBroker(t *testing.T) {
	withExamples(t, embedded, killOne)
}

func killOne(t *testing.T, k *cluster, e example) {
	t.Helper()
	const count = 30
	topic := k.topic(1)
	var values []string
	for i := range count {
		values = append(values, fmt.Sprintf(`{"job":%d,"seconds":%g}`, i, 0.1+0.2*float64(i%2)))
	}
	k.writeAll(topic, values)
	url := serve(t, k.addr).url("/socket/queue?topic=" + topic + "&groupId=" + topic)

	killed := e.run(t, url)
	await(t, "the worker to be busy", func() bool { return len(killed.said()) > 0 })
	killed.Kill()
	before := outcomes(killed.said())
	if len(before) == count {
		t.Fatal("it has done all")
	}
	other := e.run(t, url)
	await(t, "all to be settled", func() bool { return k.isSettled(topic, topic) })
	after, again := outcomes(other.said()), 0
	for offset := range count {
		place := fmt.Sprintf("0-%d", offset)
		if len(after[place]) > 1 || len(after[place])+len(before[place]) == 0 {
			t.Errorf("offset %d: the one that was killed told %q, then the other one %q", offset, before[place], after[place])
		}
		if slices.Contains(after[place], "accept 2") {
			again++
		}
	}
	if again == 0 {
		t.Error("nothing that the killed worker had in hand came again")
	}
	other.finish()
}

// TestExampleWorkersEndWhereAnotherTryIsInVain has them ask for a topic that does not exist.
func TestExampleWorkersEndWhereAnotherTryIsInVain(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	url := serve(t, k.addr).url("/socket/queue?topic=there-is-none&groupId=workers")
	for language, prepare := range examples() {
		t.Run(language, func(t *testing.T) {
			w := prepare(t).run(t, url)
			await(t, "the worker's end", w.Ended)
			if code := w.State().ExitCode(); code != 1 || !strings.Contains(w.Stderr.String(), "4404") {
				t.Errorf("it ended with code %d, and printed\n%s", code, w.Stderr.String())
			}
		})
	}
}

// withExamples runs a test with each example.
func withExamples(t *testing.T, broker func(testing.TB) *cluster, test func(*testing.T, *cluster, example)) {
	t.Helper()
	for language, prepare := range examples() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			e := prepare(t)
			test(t, broker(t), e)
		})
	}
}

// embedded is the broker of wsproxy dev.
func embedded(t testing.TB) *cluster {
	t.Helper()
	_, broker := dev(t, "--quiet")
	return connect(t, broker)
}

// writeAll writes values to partition 0 of a topic.
func (c *cluster) writeAll(topic string, values []string) {
	c.t.Helper()
	records := make([]*kgo.Record, 0, len(values))
	for _, value := range values {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(value)})
	}
	c.write(records...)
}
