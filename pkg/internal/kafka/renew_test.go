package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestCredentialsAreRenewed has a connection go on as somebody else, whose rights differ: what is
// done from then on is done with those.
func TestCredentialsAreRenewed(t *testing.T) {
	g := fakeGuarded(t)
	name := g.makeTopic(t)
	g.allow(t, acls(kafka.Alice, kadm.OpWrite).Topics(name))
	c := proxyAs(t, &g.settings, quiet())
	topics, pool := watch(t, c), newPool(t, c)
	topic := opened(t, topics, Access{user(kafka.Alice), name, Produce, ""})
	producer := pool.Open("c", topic)
	if _, err := produce(t, producer, value("x")); err != nil {
		t.Fatal(err)
	}
	if err := topic.Renew(user(kafka.Admin)); err != nil {
		t.Fatal(err)
	}
	if _, known := topics.rights.known[user(kafka.Alice)]; known || len(topics.rights.known) != 1 {
		t.Errorf("%d identities are kept, alice is among them: %t", len(topics.rights.known), known)
	}
	g.forbid(t, acls(kafka.Alice, kadm.OpWrite).Topics(name))
	topics.rights.check(deadline(t))
	if _, err := produce(t, producer, value("x")); err != nil {
		t.Fatal(err)
	}
	if err := topic.Renew(user(kafka.Bob)); err != nil {
		t.Fatal(err)
	}
	if _, err := produce(t, producer, value("x")); kindOf(err) != proxy.KindNotAuthorized {
		t.Errorf("bob writes: %v", err)
	}
	if got := denial(t, topic); got != proxy.KindNotAuthorized {
		t.Errorf("denied with %v", got)
	}
	topic.Close()
	checkNothingLeft(t, topics)
	if err := topic.Renew(user(kafka.Alice)); err != nil { // the connection is over
		t.Fatal(err)
	}
	checkNothingLeft(t, topics)
}

func TestUselessRenewals(t *testing.T) {
	g := fakeGuarded(t)
	name := g.makeTopic(t)
	topics := watch(t, proxyAs(t, &g.settings, quiet()))
	topic := opened(t, topics, Access{user(kafka.Admin), name, Produce, ""})
	for what, credentials := range map[string]proxy.KafkaCredentials{
		"none": {}, "a token": {Token: "x"}, "no password": {Username: "x"}, "NUL": {Username: "x", Password: "\x00"},
	} {
		if err := topic.Renew(credentials); kindOf(err) != proxy.KindNotAuthenticated {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if topic.Credentials() != user(kafka.Admin) {
		t.Error("the credentials have changed")
	}
	if own := opened(t, topics, Access{Topic: name}); kindOf(own.Renew(user(kafka.Alice))) != proxy.KindNotAuthenticated {
		t.Error("the proxy's own were replaced by a client's")
	}
}

// TestTokensAreRenewed has Kafka end the life of a token while a member of a group and a
// producer of transactions use it.
func TestTokensAreRenewed(t *testing.T) {
	g := realGuarded(t)
	name := g.makeTopic(t)
	g.allow(t, acls(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(name))
	g.allow(t, acls(kafka.Alice, kadm.OpRead).Groups(name))
	g.allow(t, acls(kafka.Alice, kadm.OpWrite).TransactionalIDs("c/i"))
	c := proxyAs(t, &g.settings, quiet())
	topics, pool := watch(t, c), newPool(t, c)
	token := func(life time.Duration) proxy.KafkaCredentials {
		text, err := g.real.Token(kafka.Alice, life)
		if err != nil {
			t.Fatal(err)
		}
		return proxy.KafkaCredentials{Token: text}
	}
	end := time.Now().Add(8 * time.Second)
	short, long := token(time.Until(end)), token(time.Hour)
	reading := opened(t, topics, Access{short, name, Consume, proxy.GroupID(name)})
	writing := opened(t, topics, Access{short, name, Produce, ""})
	consumer, err := c.Consume(ConsumerOptions{
		Credentials: reading.Credentials, ClientID: "c", GroupID: proxy.GroupID(name), Topic: name,
		Reset: ResetEarliest, SessionTimeout: 15 * time.Second, Owner: new(owner),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(deadline(t), true) })
	tx := transactions(t, pool, writing)
	mustCommit(t, tx, "a")
	read := func(want string) {
		t.Helper()
		records, err := consumer.Poll(deadline(t), 1, nil, func() {})
		if err != nil || string(records[0].Value) != want {
			t.Fatalf("got %v, %v; want %q", records, err, want)
		}
	}
	read("a")
	for _, topic := range []*Topic{reading, writing} {
		if err := topic.Renew(long); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the end of the token", func() bool { return time.Since(end) > time.Second })
	mustCommit(t, tx, "b")
	read("b")
	for _, topic := range []*Topic{reading, writing} {
		select {
		case <-topic.Denied():
			t.Errorf("denied: %v", topic.Denial())
		default:
		}
	}
}
