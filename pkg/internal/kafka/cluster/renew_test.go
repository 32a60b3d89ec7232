package cluster_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestCredentialsAreRenewed continues a connection with another identity, whose rights differ: further
// operations use that identity.
func TestCredentialsAreRenewed(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	name := g.MakeTopic(t)
	g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpWrite).Topics(name))
	c := proxyAs(t, &g.Settings, kafkatest.QuietLog())
	topics, pool := watch(t, c), newPool(t, c)
	topic := opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Produce})
	producer := pool.Open("c", topic)
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("x")); err != nil {
		t.Fatal(err)
	}
	if err := topic.Renew(kafkatest.User(kafka.Admin)); err != nil {
		t.Fatal(err)
	}
	if kept := topics.Identities(); len(kept) != 1 || kept[0] != kafkatest.User(kafka.Admin) {
		t.Errorf("%d identities are kept: %v", len(kept), kept)
	}
	g.Forbid(t, kafkatest.ACLs(kafka.Alice, kadm.OpWrite).Topics(name))
	topics.Check(kafkatest.Deadline(t))
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("x")); err != nil {
		t.Fatal(err)
	}
	if err := topic.Renew(kafkatest.User(kafka.Bob)); err != nil {
		t.Fatal(err)
	}
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("x")); kafkatest.KindOf(err) != proxy.KindNotAuthorized {
		t.Errorf("bob writes: %v", err)
	}
	if got := denial(t, topic); got != proxy.KindNotAuthorized {
		t.Errorf("denied with %v", got)
	}
	topic.Close()
	checkNothingLeft(t, topics)
	if err := topic.Renew(kafkatest.User(kafka.Alice)); err != nil { // the connection has ended
		t.Fatal(err)
	}
	checkNothingLeft(t, topics)
}

func TestUselessRenewals(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	name := g.MakeTopic(t)
	topics := watch(t, proxyAs(t, &g.Settings, kafkatest.QuietLog()))
	topic := opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Admin), Topic: name, Operation: cluster.Produce})
	for what, credentials := range map[string]proxy.KafkaCredentials{
		"none": {}, "a token": {Token: "x"}, "no password": {Username: "x"}, "NUL": {Username: "x", Password: "\x00"},
	} {
		if err := topic.Renew(credentials); kafkatest.KindOf(err) != proxy.KindNotAuthenticated {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if topic.Credentials() != kafkatest.User(kafka.Admin) {
		t.Error("the credentials have changed")
	}
	if own := opened(t, topics, cluster.Access{Topic: name}); kafkatest.KindOf(own.Renew(kafkatest.User(kafka.Alice))) != proxy.KindNotAuthenticated {
		t.Error("the proxy's own were replaced by a client's")
	}
}

// TestTokensAreRenewed lets a token expire while a member of a group and a producer of transactions use
// it.
func TestTokensAreRenewed(t *testing.T) {
	g := kafkatest.RealGuarded(t)
	name := g.MakeTopic(t)
	g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(name))
	g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead).Groups(name))
	g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpWrite).TransactionalIDs("c/i"))
	c := proxyAs(t, &g.Settings, kafkatest.QuietLog())
	topics, pool := watch(t, c), newPool(t, c)
	token := func(life time.Duration) proxy.KafkaCredentials {
		text, err := g.Real.Token(kafka.Alice, life)
		if err != nil {
			t.Fatal(err)
		}
		return proxy.KafkaCredentials{Token: text}
	}
	end := time.Now().Add(8 * time.Second)
	short, long := token(time.Until(end)), token(time.Hour)
	reading := opened(t, topics, cluster.Access{Credentials: short, Topic: name, Operation: cluster.Consume, Group: proxy.GroupID(name)})
	writing := opened(t, topics, cluster.Access{Credentials: short, Topic: name, Operation: cluster.Produce})
	consumer, err := consumersOf(t, c).Join(consume.Options{
		ClientID: "c", GroupID: proxy.GroupID(name), Topic: reading,
		Reset: consume.ResetEarliest, SessionTimeout: 15 * time.Second, Owner: new(kafkatest.Owner),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
	tx := openTransactions(t, pool, writing)
	kafkatest.MustCommit(t, tx, "a")
	read := func(want string) {
		t.Helper()
		records, err := consumer.Poll(kafkatest.Deadline(t), 1, nil, func() {})
		if err != nil || string(records[0].Value) != want {
			t.Fatalf("got %v, %v; want %q", records, err, want)
		}
	}
	read("a")
	for _, topic := range []*cluster.Topic{reading, writing} {
		if err := topic.Renew(long); err != nil {
			t.Fatal(err)
		}
	}
	kafkatest.Await(t, "the end of the token", func() bool { return time.Since(end) > time.Second })
	kafkatest.MustCommit(t, tx, "b")
	read("b")
	for _, topic := range []*cluster.Topic{reading, writing} {
		select {
		case <-topic.Over():
			t.Errorf("denied: %v", topic.End())
		default:
		}
	}
}
