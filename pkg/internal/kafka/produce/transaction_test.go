package produce

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestTransactionalID(t *testing.T) {
	for name, test := range map[string]struct {
		client   proxy.ClientID
		instance proxy.InstanceID
		want     string
	}{
		"plain":            {"orders", "1", "orders/1"},
		"slash in client":  {"a/b", "c", "a%2Fb/c"},
		"slash in the two": {"a/b", "c/d", "a%2Fb/c%2Fd"},
		"percent":          {"a%2Fb", "c", "a%252Fb/c"},
		"other characters": {"ä b", "?&", "ä b/?&"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := TransactionalID(test.client, test.instance); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzTransactionalID checks that two pairs never share a transactional id: they would fence each other.
func FuzzTransactionalID(f *testing.F) {
	f.Add("a/b", "c", "a", "b/c")
	f.Add("a%2Fb", "c", "a/b", "c")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		same := TransactionalID(proxy.ClientID(a), proxy.InstanceID(b)) == TransactionalID(proxy.ClientID(c), proxy.InstanceID(d))
		if same != (a == c && b == d) {
			t.Errorf("%q, %q and %q, %q", a, b, c, d)
		}
	})
}

// transactions opens a producer of the pair "c", "i".
func transactions(t *testing.T, pool *Pool, topic *cluster.Topic) *Transactions {
	t.Helper()
	tx, err := pool.OpenTransactions("c", "i", topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tx.Close)
	return tx
}

// wantCommitted checks which records a reader of committed records sees in partition 0.
func wantCommitted(t *testing.T, broker *kfake.Cluster, want ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var got []string
	for len(got) < len(want) {
		fetches := client.PollFetches(kafkatest.Deadline(t))
		if err := fetches.Err0(); err != nil {
			t.Fatalf("reading %q: %v, got %q", want, err, got)
		}
		for _, r := range fetches.Records() {
			got = append(got, string(r.Value))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("readers of committed records see %q, want %q", got, want)
	}
}

func TestTransactionsAreCommitted(t *testing.T) {
	broker, pool, topic := poolOf(t)
	tx := transactions(t, pool, topic)
	acks := kafkatest.MustCommit(t, tx, "a", "b")
	if acks[0].Offset != 0 || acks[1].Offset != 1 || acks[0].Timestamp == 0 {
		t.Errorf("got %+v", acks)
	}
	for i := range 5 { // a control record lies between them
		if acks := kafkatest.MustCommit(t, tx, fmt.Sprint(i)); acks[0].Offset != int64(3+2*i) {
			t.Errorf("transaction %d: got %+v", i, acks)
		}
	}
	wantCommitted(t, broker, "a", "b", "0", "1", "2", "3", "4")
}

// TestFirstTransactionIsCommitted checks a transaction whose records were acknowledged before franz-go
// had stored the partitions of the topic: franz-go once aborted such a transaction, and reported
// success.
func TestFirstTransactionIsCommitted(t *testing.T) {
	broker, pool, topic := poolOf(t)
	var all []string
	for i := range 200 {
		tx := transactions(t, pool, topic)
		all = append(all, fmt.Sprint(i))
		kafkatest.MustCommit(t, tx, all[i])
		tx.Close()
	}
	wantCommitted(t, broker, all...)
}

func TestTransactionsKeepEverything(t *testing.T) {
	_, pool, topic := poolOf(t)
	tx := transactions(t, pool, topic)
	records := []*proxy.Record{
		{Partition: 2, HasTimestamp: true, Timestamp: 1554896731782, Key: []byte{}, Headers: []proxy.Header{{Key: "b"}, {Key: "a", Value: []byte{}}}},
		{Partition: proxy.AnyPartition, Key: []byte("k"), Value: []byte("v")},
	}
	acks, e := kafkatest.CommitRecords(tx, time.Now().Add(kafkatest.Patience), records)
	if e != nil {
		t.Fatal(e)
	}
	if acks[0] != (proxy.Ack{Partition: 2, Offset: 0, Timestamp: 1554896731782}) {
		t.Errorf("got %+v", acks)
	}
	if e := tx.Check(&proxy.Record{Partition: 9}); e == nil || e.Kind != proxy.KindInvalidPartition {
		t.Errorf("a partition that does not exist: %v", e)
	}
}

// TestAbort has Kafka refuse one of the records: no reader may see any of the others.
func TestAbort(t *testing.T) {
	for name, test := range map[string]struct {
		err  *kerr.Error
		want proxy.Kind
	}{
		"too large":      {kerr.MessageTooLarge, proxy.KindTransactionAborted},
		"record":         {kerr.InvalidRecord, proxy.KindTransactionAborted},
		"transaction":    {kerr.TransactionAbortable, proxy.KindTransactionAborted},
		"not authorised": {kerr.TopicAuthorizationFailed, proxy.KindNotAuthorized},
	} {
		t.Run(name, func(t *testing.T) {
			broker, pool, topic := poolOf(t)
			tx := transactions(t, pool, topic)
			kafkatest.MustCommit(t, tx, "before")
			broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{1}, Err: test.err})
			records := []*proxy.Record{{Partition: 0, Value: []byte("x")}, {Partition: 1, Value: []byte("y")}, {Partition: 2, Value: []byte("z")}}
			outcomes := make([]proxy.Outcome, len(records))
			if tx.Commit(time.Now().Add(kafkatest.Patience), records, outcomes) {
				t.Fatal("the transaction is committed")
			}
			for i, want := range []proxy.Kind{proxy.KindTransactionAborted, test.want, proxy.KindTransactionAborted} {
				kafkatest.WantKind(t, outcomes[i].Err, want)
			}
			kafkatest.Settle(t, tx)
			kafkatest.MustCommit(t, tx, "after")
			wantCommitted(t, broker, "before", "after")
		})
	}
}

// TestAbortOfWhatTakesTooLong uses a broker that does not answer: the transaction is aborted when its
// time is over, and no reader sees the late records.
func TestAbortOfWhatTakesTooLong(t *testing.T) {
	broker, pool, topic := poolOf(t)
	tx := transactions(t, pool, topic)
	kafkatest.MustCommit(t, tx, "before")
	stalled, release := stall(t, broker)
	_, e := kafkatest.CommitBy(tx, time.Now().Add(200*time.Millisecond), "late", "later")
	kafkatest.WantKind(t, e, proxy.KindTransactionAborted)
	<-stalled
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	kafkatest.WantKind(t, tx.Settle(ctx), proxy.KindKafkaUnavailable)
	release()
	kafkatest.Settle(t, tx)
	kafkatest.MustCommit(t, tx, "after")
	wantCommitted(t, broker, "before", "after")
}

// TestSecondHolderFencesTheFirst covers the first holder's next operations.
func TestSecondHolderFencesTheFirst(t *testing.T) {
	t.Run("it asks", func(t *testing.T) {
		_, pool, topic := poolOf(t)
		first, second := transactions(t, pool, topic), transactions(t, pool, topic)
		for range 3 {
			if e := first.Hold(kafkatest.Deadline(t)); e != nil {
				t.Fatal(e)
			}
			kafkatest.MustCommit(t, first, "a")
		}
		if e := second.Hold(kafkatest.Deadline(t)); e != nil {
			t.Fatal(e)
		}
		kafkatest.WantKind(t, first.Hold(kafkatest.Deadline(t)), proxy.KindFenced)
	})
	t.Run("it begins a transaction", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		first, second := transactions(t, pool, topic), transactions(t, pool, topic)
		kafkatest.MustCommit(t, first, "a")
		kafkatest.MustCommit(t, second, "b")
		_, e := kafkatest.CommitValues(t, first, "x")
		kafkatest.WantKind(t, e, proxy.KindTransactionAborted)
		kafkatest.WantKind(t, first.Settle(kafkatest.Deadline(t)), proxy.KindFenced)
		kafkatest.MustCommit(t, second, "c")
		wantCommitted(t, broker, "a", "b", "c")
	})
	t.Run("it commits", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		first, second := transactions(t, pool, topic), transactions(t, pool, topic)
		broker.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			broker.SleepControl(func() { kafkatest.MustHold(t, second) })
			return nil, nil, false
		})
		_, e := kafkatest.CommitValues(t, first, "x")
		kafkatest.WantKind(t, e, proxy.KindTransactionAborted)
		kafkatest.WantKind(t, first.Settle(kafkatest.Deadline(t)), proxy.KindFenced)
		kafkatest.MustCommit(t, second, "b")
		wantCommitted(t, broker, "b")
	})
}

// TestNextHolderEndsAHungTransaction leaves a transaction open, as a killed replica does.
func TestNextHolderEndsAHungTransaction(t *testing.T) {
	broker, pool, topic := poolOf(t)
	dead := transactions(t, pool, topic)
	if e := dead.begin(time.Now().Add(kafkatest.Patience), nil); e != nil {
		t.Fatal(e)
	}
	if err := dead.produce([]*proxy.Record{{Value: []byte("hung")}}, make([]proxy.Outcome, 1)).await(time.Now().Add(kafkatest.Patience)); err != nil {
		t.Fatal(err)
	}
	dead.Close()
	next := transactions(t, pool, topic)
	kafkatest.MustHold(t, next)
	adm, _ := kafkatest.Admin(t, broker)
	all, err := adm.DescribeTransactions(kafkatest.Deadline(t), next.id)
	if err != nil || all[next.id].State == "Ongoing" {
		t.Errorf("the transaction of the dead holder is %+v, %v", all[next.id], err)
	}
	kafkatest.MustCommit(t, next, "b")
	wantCommitted(t, broker, "b")
}

// loser loses answers to commits: after such a request was sent, it calls then instead of returning an
// answer, and closes the connection.
type loser struct {
	net.Conn
	lose *atomic.Int32
	then func()
	deaf atomic.Bool
}

func (l *loser) Write(p []byte) (int, error) {
	const keyAt = 4
	if len(p) > keyAt+2 && binary.BigEndian.Uint16(p[keyAt:]) == uint16(kmsg.EndTxn) && l.lose.Add(-1) >= 0 {
		l.deaf.Store(true)
	}
	return l.Conn.Write(p)
}

func (l *loser) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.deaf.Load() {
		l.then()
		_ = l.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// losing returns a pool whose next commits lose their answers.
func losing(t *testing.T, broker *kfake.Cluster, commits int32, then func()) (*Pool, *cluster.Topic) {
	t.Helper()
	lose := &atomic.Int32{}
	lose.Store(commits)
	c := clustertest.ConnectThrough(t, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &loser{Conn: conn, lose: lose, then: then}, nil
	}, broker.ListenAddrs()...)
	return newPool(t, c), open(t, watch(t, c), "t")
}

// TestLostAnswerToACommit retries the commit, and learns that it is done.
func TestLostAnswerToACommit(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	pool, topic := losing(t, broker, 1, func() {})
	tx := transactions(t, pool, topic)
	kafkatest.MustCommit(t, tx, "a")
	kafkatest.MustCommit(t, tx, "b")
	wantCommitted(t, broker, "a", "b")
}

// TestRefusalAfterALostAnswer commits, loses the answer, and is fenced before the retry: the refusal
// must not be taken for an abort.
func TestRefusalAfterALostAnswer(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	_, others, topic := sharing(t, broker)
	second := transactions(t, others, topic)
	pool, topic := losing(t, broker, 1, func() { kafkatest.MustHold(t, second) })
	first := transactions(t, pool, topic)
	_, e := kafkatest.CommitValues(t, first, "a")
	kafkatest.WantKind(t, e, proxy.KindTimeout)
	kafkatest.WantKind(t, first.Settle(kafkatest.Deadline(t)), proxy.KindFenced)
	kafkatest.MustCommit(t, second, "b")
	wantCommitted(t, broker, "a", "b")
}

func sharing(t *testing.T, broker *kfake.Cluster) (*cluster.Cluster, *Pool, *cluster.Topic) {
	t.Helper()
	c := clustertest.Connect(t, broker)
	return c, newPool(t, c), open(t, watch(t, c), "t")
}

// TestUnknownCommit ends with an error that leaves the outcome unknown: the produced records are not
// part of the next transaction.
func TestUnknownCommit(t *testing.T) {
	broker, pool, topic := poolOf(t)
	tx := transactions(t, pool, topic)
	kafkatest.MustCommit(t, tx, "before")
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.UnknownServerError})
	_, e := kafkatest.CommitValues(t, tx, "unknown")
	kafkatest.WantKind(t, e, proxy.KindTimeout)
	kafkatest.Settle(t, tx)
	kafkatest.MustCommit(t, tx, "after")
	wantCommitted(t, broker, "before", "after") // the fault kept the request from the broker
}

func TestCommitWithoutKafka(t *testing.T) {
	broker, pool, topic := poolOf(t)
	tx := transactions(t, pool, topic)
	broker.Close()
	_, e := kafkatest.CommitBy(tx, time.Now().Add(100*time.Millisecond), "a")
	kafkatest.WantKind(t, e, proxy.KindTransactionAborted)
	if e := tx.Hold(shortly(t)); e != nil {
		t.Errorf("a missing answer of Kafka ends the connection: %v", e)
	}
	if e := tx.Settle(shortly(t)); e != nil {
		t.Errorf("a missing answer of Kafka ends the connection: %v", e)
	}
}

func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// changeLargest changes the largest batch of the topic "t", and waits until the change is known.
func changeLargest(t *testing.T, broker *kfake.Cluster, topic *cluster.Topic) {
	t.Helper()
	before := topic.BatchBytes()
	adm, _ := kafkatest.Admin(t, broker)
	kafkatest.SetTopic(t, adm, "max.message.bytes", "2000")
	kafkatest.Await(t, "the topic's new setting", func() bool {
		topic.Refresh()
		return topic.BatchBytes() != before
	})
}

// TestChangedTopic continues with another client, which fences no other holder of the transactional id.
func TestChangedTopic(t *testing.T) {
	t.Run("after a transaction", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		tx := transactions(t, pool, topic)
		kafkatest.MustCommit(t, tx, "a")
		changeLargest(t, broker, topic)
		kafkatest.Settle(t, tx)
		if tx.maxBatch != topic.BatchBytes() {
			t.Errorf("the client sends up to %d bytes, of %d", tx.maxBatch, topic.BatchBytes())
		}
		kafkatest.MustCommit(t, tx, "b")
		wantCommitted(t, broker, "a", "b")
	})
	t.Run("before a transaction", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		tx := transactions(t, pool, topic)
		kafkatest.MustCommit(t, tx, "a")
		changeLargest(t, broker, topic)
		kafkatest.MustCommit(t, tx, "b")
		if tx.maxBatch != topic.BatchBytes() {
			t.Errorf("the client sends up to %d bytes, of %d", tx.maxBatch, topic.BatchBytes())
		}
		wantCommitted(t, broker, "a", "b")
	})
	t.Run("fenced", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		first, second := transactions(t, pool, topic), transactions(t, pool, topic)
		kafkatest.MustCommit(t, first, "a")
		kafkatest.MustCommit(t, second, "b")
		changeLargest(t, broker, topic)
		kafkatest.WantKind(t, first.Hold(kafkatest.Deadline(t)), proxy.KindFenced)
		kafkatest.MustCommit(t, second, "c")
		wantCommitted(t, broker, "a", "b", "c")
	})
	t.Run("nobody can be asked", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		tx := transactions(t, pool, topic)
		kafkatest.MustCommit(t, tx, "a")
		changeLargest(t, broker, topic)
		broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeTransactions}, Err: kerr.UnknownServerError})
		kafkatest.WantKind(t, tx.Settle(kafkatest.Deadline(t)), proxy.KindKafkaUnavailable)
	})
}

// TestStuckClientIsReplaced refuses requests in ways from which franz-go cannot recover.
func TestStuckClientIsReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		key kmsg.Key
		err *kerr.Error
	}{
		"when it opens":  {kmsg.InitProducerID, kerr.UnknownServerError},
		"at the commit":  {kmsg.EndTxn, kerr.InvalidTxnState},
		"mapping forgot": {kmsg.EndTxn, kerr.InvalidProducerIDMapping},
	} {
		t.Run(name, func(t *testing.T) {
			broker, pool, topic := poolOf(t)
			tx := transactions(t, pool, topic)
			if test.key != kmsg.InitProducerID {
				kafkatest.MustHold(t, tx)
			}
			stuck := tx.client
			broker.Fault(kfake.Fault{Keys: []kmsg.Key{test.key}, TopLevel: true, Err: test.err, Count: 1})
			if _, e := kafkatest.CommitValues(t, tx, "x"); e != nil {
				kafkatest.WantKind(t, e, proxy.KindTransactionAborted)
				kafkatest.Settle(t, tx)
				kafkatest.MustCommit(t, tx, "x")
			}
			if tx.client == stuck {
				t.Error("the client is the same")
			}
			kafkatest.Settle(t, tx)
			kafkatest.MustCommit(t, tx, "y")
			wantCommitted(t, broker, "x", "y")
		})
	}
	t.Run("again", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		tx := transactions(t, pool, topic)
		broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed, Count: -1})
		kafkatest.WantKind(t, tx.Hold(kafkatest.Deadline(t)), proxy.KindKafkaUnavailable)
	})
	t.Run("the commit takes too long", func(t *testing.T) {
		broker, pool, topic := poolOf(t)
		pool.cluster.Settings.ProducerDeliveryTimeout = 2 * time.Second // a record must take less time, on a busy machine too
		tx := transactions(t, pool, topic)
		kafkatest.MustHold(t, tx)
		fault := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.ConcurrentTransactions, Count: -1})
		_, e := kafkatest.CommitValues(t, tx, "x")
		kafkatest.WantKind(t, e, proxy.KindTimeout)
		fault.Remove()
		kafkatest.WantKind(t, tx.Settle(kafkatest.Deadline(t)), proxy.KindKafkaUnavailable) // its epoch may be a later one
	})
}

func TestPoolClosesTransactions(t *testing.T) {
	_, pool, topic := poolOf(t)
	tx := transactions(t, pool, topic)
	kafkatest.MustCommit(t, tx, "a")
	pool.Close(kafkatest.Deadline(t))
	_, e := kafkatest.CommitValues(t, tx, "b")
	kafkatest.WantKind(t, e, proxy.KindTransactionAborted)
	if _, err := pool.OpenTransactions("c", "i", topic); err == nil {
		t.Error("a closed pool opens another")
	}
	tx.Close()
}

func TestLost(t *testing.T) {
	for name, test := range map[string]struct {
		err     error
		expired bool
		want    proxy.Kind
	}{
		"fenced":                  {kerr.ProducerFenced, false, proxy.KindFenced},
		"epoch":                   {kerr.InvalidProducerEpoch, false, proxy.KindFenced},
		"Kafka aborted it":        {kerr.InvalidProducerEpoch, true, proxy.KindKafkaUnavailable},
		"forgotten":               {kerr.InvalidProducerIDMapping, false, proxy.KindKafkaUnavailable},
		"not authorised":          {kerr.TransactionalIDAuthorizationFailed, false, proxy.KindNotAuthorized},
		"the timeout is too long": {kerr.InvalidTransactionTimeout, false, proxy.KindKafkaUnavailable},
		"closed":                  {kgo.ErrClientClosed, false, proxy.KindKafkaUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			tx := &Transactions{expired: test.expired}
			e := tx.lost(fmt.Errorf("ending: %w", test.err))
			kafkatest.WantKind(t, e, test.want)
			if strings.Contains(e.Message, "ending") {
				t.Errorf("the message is %q", e.Message)
			}
		})
	}
}

func TestIsFinal(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"none":                  {nil, false},
		"refused":               {kerr.InvalidTransactionTimeout, true},
		"refused in passing":    {fmt.Errorf("loading: %w", kerr.TransactionalIDAuthorizationFailed), true},
		"unknown":               {kerr.UnknownServerError, true},
		"coordinator":           {fmt.Errorf("loading: %w", kerr.NotCoordinator), false},
		"concurrent in passing": {fmt.Errorf("loading: %w", kerr.ConcurrentTransactions), false},
		"concurrent, kept":      {kerr.ConcurrentTransactions, true},
		"network":               {io.EOF, false},
		"too slow":              {context.DeadlineExceeded, false},
		"closed":                {kgo.ErrClientClosed, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isFinal(test.err); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestTransactionTimeout(t *testing.T) {
	for delivery, want := range map[time.Duration]time.Duration{
		time.Second: time.Minute, 30 * time.Second: time.Minute, time.Minute: 2 * time.Minute, time.Hour: 15 * time.Minute,
	} {
		if got := transactionTimeout(delivery); got != want {
			t.Errorf("%v: got %v, want %v", delivery, got, want)
		}
	}
}
