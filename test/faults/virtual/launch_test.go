//go:build !synctests

package virtual

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// The locks of the Kafka client let virtual time pass only under a build tag of its own, so the suite is
// built with it and run from here.
const tag = "synctests"

// build makes a program of the suite and returns its path.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "virtual.test")
	arguments := append([]string{"test", "-c", "-tags", tag, "-o", program}, flags...)
	if out, err := exec.CommandContext(t.Context(), "go", append(arguments, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("building the suite: %v\n%s", err, out)
	}
	return program
}

// detectorFailed is what the race detector prints when it fails itself, which says nothing about the suite. Seen with Go 1.26 in one run of
// many: its check of when a goroutine gives back its slot (tsan_rtl.cpp:346).
const detectorFailed = "ThreadSanitizer: CHECK failed"

// run runs the suite, once more if the race detector fails itself and nothing else has, and returns what it printed.
func run(ctx context.Context, program string, flags ...string) (string, error) {
	out, err := runOnce(ctx, program, flags...)
	if err != nil && isDetectorsFault(out) {
		return runOnce(ctx, program, flags...)
	}
	return out, err
}

func isDetectorsFault(out string) bool {
	return strings.Contains(out, detectorFailed) && !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "DATA RACE")
}

func runOnce(ctx context.Context, program string, flags ...string) (string, error) {
	flags = append([]string{"-test.run", "^TestSchedules$", "-test.timeout", "10m"}, flags...)
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, flags...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// foundFaults are the seeds beyond the first 300 that have found faults of the proxy.
const foundFaults = "^TestSchedules$/^seed=(321|355|471|992|1119|1125|1163|1211|1302|1391|1487|1685|1758|1840)$"

// foundTailFaults are the seeds of the family tails beyond the first 150 that have found faults: of the proxy, of the
// suite, of the checker and of the brokers in memory.
const foundTailFaults = "^TestSchedules$/^seed=(1066|1123|1148|1234|1422|1465|1697|1703|1965|2177|2534|2536|2641|2649|2755|2861|2930)$"

// foundQueueFaults is a seed of the family queues that has found one: an answer after a silence, in which the leader had moved away and
// back, was taken as a proof that it had not.
const foundQueueFaults = "^TestSchedules$/^seed=61639$"

// variant is a way to run the suite.
type variant struct {
	build, run []string
}

// TestSuite runs few schedules of each kind. [TestLongSuite] runs all.
func TestSuite(t *testing.T) {
	runSuite(t, map[string]variant{
		"schedules":            {nil, []string{"-seeds", "30"}},
		"transactions":         {nil, []string{"-transactions", "-seeds", "10"}},
		"tails":                {nil, []string{"-family", "tails", "-seeds", "6"}},
		"queues":               {nil, []string{"-family", "queues", "-seeds", "6"}},
		"queues, transactions": {nil, []string{"-family", "queues", "-transactions", "-seeds", "3"}},
		"with race detection":  {[]string{"-race"}, []string{"-seeds", "2", "-first", "301"}},
	})
}

// familySeeds is the first seed of schedules in which the topic changes. Seed 4 of the family errors is not
// among them: in one run of twenty a client disconnects while its first JoinGroup request waits. It cannot
// leave, since Kafka has not told its member id yet, and its group waits for the session timeout, which is
// longer than an error may be kept from a client.
const familySeeds = "100001"

func TestLongSuite(t *testing.T) {
	runSuite(t, map[string]variant{
		"schedules":            {nil, []string{"-seeds", "300"}},
		"what found faults":    {nil, []string{"-test.run", foundFaults, "-first", "321", "-seeds", "1520"}},
		"transactions":         {nil, []string{"-transactions", "-seeds", "100"}},
		"topics that change":   {nil, []string{"-family", "all", "-first", familySeeds, "-seeds", "24"}},
		"tails":                {nil, []string{"-family", "tails", "-seeds", "150"}},
		"what tails found":     {nil, []string{"-test.run", foundTailFaults, "-family", "tails", "-first", "1066", "-seeds", "1865"}},
		"queues":               {nil, []string{"-family", "queues", "-seeds", "60"}},
		"what queues found":    {nil, []string{"-test.run", foundQueueFaults, "-family", "queues", "-first", "61639", "-seeds", "1"}},
		"queues, transactions": {nil, []string{"-family", "queues", "-transactions", "-seeds", "30"}},
		"tails, transactions":  {nil, []string{"-family", "tails", "-transactions", "-seeds", "30"}},
		"in transactions too":  {nil, []string{"-family", "all", "-transactions", "-seeds", "12"}},
		"with race detection":  {[]string{"-race"}, []string{"-seeds", "12", "-first", "301"}},
	})
}

func runSuite(t *testing.T, variants map[string]variant) {
	t.Helper()
	plain := build(t)
	for name, v := range variants {
		t.Run(name, func(t *testing.T) {
			program := plain
			if v.build != nil {
				program = build(t, v.build...)
			}
			out, err := run(t.Context(), program, v.run...)
			if err != nil {
				t.Fatalf("%v\n%s", err, failures(out))
			}
			_, sum, _ := strings.Cut(out, "schedules=")
			sum, _, _ = strings.Cut(sum, "\n")
			t.Log("schedules=" + sum)
		})
	}
}

// failures removes the output about passed tests from the output of go test.
func failures(out string) string {
	if i := strings.Index(out, "--- FAIL"); i >= 0 {
		return out[i:]
	}
	return out
}

// freeAtTimeout frees the slot of a message that was answered TIMEOUT, while Kafka's client still holds
// it. A slot that the reader holds is not freed yet. The backlog, which would hide the bug, takes nothing for late.
const freeAtTimeout = `
		a.backlog.after = 1 << 62
		timeouts := 0
		for i := range s.entries {
			if e := s.entries[i].err; e != nil && e.Kind.String() == "TIMEOUT" {
				timeouts++
			}
		}
		if s.held > 0 && s.held <= timeouts {
			f.messages += s.share.messages
			f.bytes += s.share.bytes
			continue
		}
		s.written = true
`

// evictAny evicts any client that holds no record at this moment, as nearly all do between two messages.
const evictAny = `
	var longest *pooled
	for _, c := range p.clients {
		if c.held.Load() == 0 {
			longest = c
		}
	}
`

// nowOfThatName has what workers say of the records of a topic be told of the topic that has its name now.
const nowOfThatName = `
		if leaders, err := s.member.leaders(s.member.life, []string{holds[0].partition.name}); err == nil {
			for now := range leaders {
				if now.partition == id.partition {
					id = now
				}
			}
		}
`

// TestLongPlantedBugs plants one bug at a time in the proxy: the suite must detect it.
func TestLongPlantedBugs(t *testing.T) {
	cases := map[string]struct {
		file     string // below pkg/internal
		old, new string
		want     checker.Rule
		flags    []string
	}{
		"commit before delivery": {
			"socket/delivery.go", "\tp.sent = r.Offset + 1\n", "\tp.sent = r.Offset + 1\n\tp.had = p.sent\n",
			checker.CommittedUnread, nil,
		},
		"answer before ack": {
			"socket/answers.go", "n < slotsPerFill && a.queue[n].open == 0", "n < slotsPerFill",
			checker.Missing, nil,
		},
		"mark after revoke": {
			"socket/delivery.go", "p.owned, p.sending = false, false", "p.sending = false",
			checker.Rewound, nil,
		},
		"answers swapped": {
			"socket/answers.go", "\ta.taken = append(a.taken, a.queue[:n]...)\n",
			"\ta.taken = append(a.taken, a.queue[:n]...)\n\tif n > 1 {\n\t\ta.taken[0], a.taken[1] = a.taken[1], a.taken[0]\n\t}\n",
			checker.Mismatch, nil,
		},
		"slot freed at timeout": {
			"socket/answers_write.go", "\t\ts.written = true\n", freeAtTimeout,
			checker.Overrun, nil,
		},
		"array split": {
			"socket/in_transactions.go", "\tbatch, f.waiting = f.waiting, nil\n",
			"\tn := min(len(f.waiting), 2)\n\tbatch, f.waiting = f.waiting[:n:n], f.waiting[n:]\n",
			checker.Torn,
			[]string{"-transactions"},
		},
		"aborted but committed": {
			"kafka/produce/transaction_end.go", "return t.client.EndTransaction(ctx, kgo.TryAbort)", "return t.client.EndTransaction(ctx, kgo.TryCommit)",
			checker.RefusedWritten,
			[]string{"-transactions"},
		},
		"answered before the commit": {
			"kafka/produce/transaction_end.go", "\terr := t.client.EndTransaction(ctx, kgo.TryCommit)\n",
			"\tvar err error\n\tgo func() { _ = t.client.EndTransaction(context.WithoutCancel(ctx), kgo.TryCommit) }()\n",
			checker.Missing,
			[]string{"-transactions"},
		},
		"abort answered as success": {
			"kafka/produce/transaction_end.go", "\tif e == nil {\n\t\treturn true", "\tif e == nil || e.Kind == proxy.KindTransactionAborted {\n\t\treturn true",
			checker.Missing,
			[]string{"-transactions"},
		},
		"lost commit called aborted": {
			"kafka/produce/transaction_end.go", "t.ends.count.Load() == 1 && isDefinite(err)", "isDefinite(err)",
			checker.RefusedWritten,
			[]string{"-transactions"},
		},
		"committed by name": {
			"kafka/consume/options.go", "if c.options.Topic.ID() == [16]byte{} {", "if c.options.Topic.ID() != ([16]byte{}) {",
			checker.Beyond,
			[]string{"-family", "topics"},
		},
		"old instance kept by a pooled client": {
			"kafka/produce/topic_use.go", "{ u.client.client.PurgeTopicsFromClient(u.instance.Name) }", "{}",
			checker.WronglyGone,
			[]string{"-family", "topics"},
		},
		"added partition begun at its end": {
			"kafka/consume/begun.go", "case partition < s.begun:", "case partition >= 0:",
			checker.Skipped,
			[]string{"-family", "growth"},
		},
		"position below the log kept": {
			"kafka/consume/log_range.go", "r.start <= position && position <= r.end", "position <= r.end",
			checker.Uncommitted,
			[]string{"-family", "retention"},
		},
		"a Kafka client for each message": {
			"kafka/produce/pool_room.go",
			"\tif n.shares && n.credentials.IsZero() {\n\t\treturn false\n\t}\n\tlongest := p.longestIdle(time.Now())\n", evictAny,
			checker.Thrashing,
			[]string{"-family", "crowd"},
		},
		"error that stays swallowed": {
			"kafka/consume/poll_errors.go", "case c.isDropped(topic, partition), !passes(err):", "case false:",
			checker.Silent,
			[]string{"-family", "errors"},
		},
		"poll repeated without a pause": {
			"kafka/consume/trouble.go", "\tif !t.due {\n\t\treturn nil\n\t}\n\tt.due = false", "\tif t.due = false; true {\n\t\treturn nil\n\t}",
			checker.HotLoop,
			[]string{"-family", "errors"},
		},
		"splice of a tail late by one record": {
			"feed/spot.go", "case offset < until.Offset:", "case offset <= until.Offset:",
			checker.Untold, []string{"-family", "tails"},
		},
		"splice of a tail early by one record": {
			"feed/spot.go", "case offset < until.Offset:", "case offset+1 < until.Offset:",
			checker.GivenTwice, []string{"-family", "tails"},
		},
		"gap of a slow tail not told": {
			"feed/slow.go", "t.told = newPage(encoder, gaps).controls", "_, _ = gaps, encoder",
			checker.Untold, []string{"-family", "tails"},
		},
		"gap of a slow tail too short": {
			"feed/slow.go", "To: end.Offset, Reason", "To: end.Offset - 1, Reason",
			checker.Untold, []string{"-family", "tails"},
		},
		"snapshot cut early": {
			"feed/snapshot.go", "t.log.endOf(t.audience), true, t.openQueue()", "spot{begin: proxy.Places{}, chunk: 0}, true, t.openQueue()",
			checker.GivenTwice, []string{"-family", "tails"},
		},
		"records of aborted transactions given to workers": {
			"kafka/share/begin.go", "isolation != \"\"", "isolation == ReadUncommitted",
			checker.Invented, []string{"-family", "queues", "-transactions"},
		},
		"more acquired than workers have room for": {
			"kafka/share/fetch.go", "fetch.MaxRecords, fetch.BatchSize, fetch.ShareAcquireMode = int32(next.records),",
			"fetch.MaxRecords, fetch.BatchSize, fetch.ShareAcquireMode = int32(next.records)+1,",
			checker.Spent, []string{"-family", "queues"},
		},
		"late acknowledgement counted as good": {
			"kafka/share/answer.go", "late := !now.Before(h.until)", "late := false",
			checker.SettledTwice, []string{"-family", "queues"},
		},
		"release that Kafka is not told": {
			"kafka/share/settle.go", "\tcase h.ask.ack == noAck:\n",
			"\tcase h.ask.ack == noAck && a.ack == release:\n\t\tw.ledger.result(a, proxy.SettleDone, time.Time{})\n\t\tw.ledger.drop(h)\n\tcase h.ask.ack == noAck:\n",
			checker.NotTold, []string{"-family", "queues"},
		},
		"what a worker held not released": {
			"kafka/share/ledger.go", "\t\tl.request(h, last)\n", "\t\th.next = last\n",
			checker.Kept, []string{"-family", "queues"},
		},
		"double dispatch after a leader move": {
			"kafka/share/lose.go", "\tfor _, h := range p.held {\n\t\tl.endUncertain(h)\n\t}\n", "",
			checker.SettledTwice, []string{"-family", "queues"},
		},
		"acknowledgement by the name of a topic": {
			"kafka/share/fetch.go", "\tfor id, holds := range next.tell.partitions {\n", "\tfor id, holds := range next.tell.partitions {\n" + nowOfThatName,
			checker.OwnAccord, []string{"-family", "queues"},
		},
		"refused acknowledgement counted as good": {
			"kafka/share/answer.go", "\tcase isRefusal(err):\n\t\tl.refused(holds)",
			"\tcase isRefusal(err):\n\t\tfor _, h := range holds {\n\t\t\tl.heard(h, b.sentAt.Add(lock), now)\n\t\t}",
			checker.CameAgain, []string{"-family", "queues"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			program := build(t, "-overlay", planted.Overlay(t, "../../../pkg/internal/"+c.file, c.old, c.new))
			out, err := run(t.Context(), program, append(c.flags, "-seeds", "300", "-until", string(c.want))...)
			if err == nil {
				t.Fatal("300 schedules did not notice the bug")
			}
			if !strings.Contains(out, ": "+string(c.want)+": ") {
				t.Errorf("the bug was not reported as %q:\n%.4000s", c.want, failures(out))
			}
		})
	}
}
