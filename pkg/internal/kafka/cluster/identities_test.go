package cluster_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestIdentityActionOutcome is a table of identities, their actions and the expected results.
func TestIdentityActionOutcome(t *testing.T) {
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topic, group := g.MakeTopic(t), "group-of-"+g.MakeTopic(t)
			readable := g.MakeTopic(t)
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(topic))
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead).Topics(readable))
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead).Groups(group))
			log, text := kafkatest.DebugLog()
			topics := watch(t, proxyAs(t, &g.Settings, log))

			type actions struct{ produce, produceElsewhere, consume, otherGroup, consumeElsewhere, missing proxy.Kind }
			own := actions{kafkatest.Allowed, kafkatest.Allowed, kafkatest.Allowed, kafkatest.Allowed, kafkatest.Allowed, proxy.KindTopicNotFound}
			alice := actions{kafkatest.Allowed, proxy.KindNotAuthorized, kafkatest.Allowed, proxy.KindNotAuthorized, kafkatest.Allowed, proxy.KindNotAuthorized}
			nobody := actions{
				proxy.KindNotAuthorized, proxy.KindNotAuthorized, proxy.KindNotAuthorized,
				proxy.KindNotAuthorized, proxy.KindNotAuthorized, proxy.KindNotAuthorized,
			}
			wrong := actions{
				proxy.KindNotAuthenticated, proxy.KindNotAuthenticated, proxy.KindNotAuthenticated,
				proxy.KindNotAuthenticated, proxy.KindNotAuthenticated, proxy.KindNotAuthenticated,
			}
			identities := map[string]struct {
				credentials proxy.KafkaCredentials
				want        actions
			}{
				"the proxy":              {proxy.KafkaCredentials{}, own},
				"admin":                  {kafkatest.User(kafka.Admin), own},
				"alice":                  {kafkatest.User(kafka.Alice), alice},
				"bob":                    {kafkatest.User(kafka.Bob), nobody},
				"wrong password":         {proxy.KafkaCredentials{Username: kafka.Alice, Password: "planted-wrong"}, wrong},
				"unknown user":           {proxy.KafkaCredentials{Username: "mallory", Password: "planted-unknown"}, wrong},
				"no password":            {proxy.KafkaCredentials{Username: kafka.Alice}, wrong},
				"no user":                {proxy.KafkaCredentials{Password: "planted-nameless"}, wrong},
				"NUL in the user":        {proxy.KafkaCredentials{Username: "x\x00" + kafka.Admin, Password: "planted-nul"}, wrong},
				"line break in password": {proxy.KafkaCredentials{Username: kafka.Alice, Password: "planted\r\nbreak"}, wrong},
				"quote in a token":       {proxy.KafkaCredentials{Token: "planted\x01auth=Bearer x"}, wrong},
			}
			if g.Real != nil {
				for name, claims := range map[string]struct {
					user string
					life time.Duration
					want actions
				}{
					"alice's token": {kafka.Alice, time.Hour, alice}, "bob's token": {kafka.Bob, time.Hour, nobody}, "expired token": {kafka.Alice, -2 * time.Minute, wrong},
				} {
					token, err := g.Real.Token(claims.user, claims.life)
					if err != nil {
						t.Fatal(err)
					}
					identities[name] = struct {
						credentials proxy.KafkaCredentials
						want        actions
					}{proxy.KafkaCredentials{Token: token}, claims.want}
				}
				identities["garbage for a token"] = struct {
					credentials proxy.KafkaCredentials
					want        actions
				}{proxy.KafkaCredentials{Token: "planted.garbage.token"}, wrong}
			}
			awaitOpen(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: topic, Operation: cluster.Consume, Group: proxy.GroupID(group)}, kafkatest.Allowed) // the ACLs are in force
			for name, who := range identities {
				for _, action := range []struct {
					name   string
					access cluster.Access
					want   proxy.Kind
				}{
					{"produce", cluster.Access{Credentials: who.credentials, Topic: topic, Operation: cluster.Produce}, who.want.produce},
					{"produce elsewhere", cluster.Access{Credentials: who.credentials, Topic: readable, Operation: cluster.Produce}, who.want.produceElsewhere},
					{"consume", cluster.Access{Credentials: who.credentials, Topic: topic, Operation: cluster.Consume, Group: proxy.GroupID(group)}, who.want.consume},
					{"other group", cluster.Access{Credentials: who.credentials, Topic: topic, Operation: cluster.Consume, Group: "other"}, who.want.otherGroup},
					{"consume without a group", cluster.Access{Credentials: who.credentials, Topic: readable, Operation: cluster.Consume}, who.want.consumeElsewhere},
					{"missing topic", cluster.Access{Credentials: who.credentials, Topic: "missing", Operation: cluster.Produce}, who.want.missing},
				} {
					opened, err := topics.OpenFor(kafkatest.Deadline(t), action.access)
					if err == nil {
						opened.Close()
					}
					if got := kafkatest.KindOf(err); got != action.want {
						t.Errorf("%s, %s: got %v (%v), want %v", name, action.name, got, err, action.want)
					}
					log.Info("outcome", "identity", who.credentials, "err", err)
				}
			}
			checkNothingLeft(t, topics)
			planted := []string{"planted", kafka.Password(kafka.Admin), kafka.Password(kafka.Alice), kafka.Password(kafka.Bob)}
			for _, who := range identities {
				planted = append(planted, who.credentials.Token, who.credentials.Password)
			}
			checkHoldsNone(t, text.String(), planted)
		})
	}
}

// checkHoldsNone checks that a log contains no secrets, in plain text or in base64.
func checkHoldsNone(t *testing.T, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(secret))
		if secret != "" && (strings.Contains(text, secret) || strings.Contains(text, encoded)) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
}

// checkNothingLeft checks that no credentials and no clients are kept.
func checkNothingLeft(t *testing.T, topics *cluster.Topics) {
	t.Helper()
	if kept := topics.Identities(); len(kept) > 0 {
		t.Errorf("%d identities are kept", len(kept))
	}
}

// TestWrongPasswordIsToldAtOnce allows 2 s, and several attempts for a busy machine.
func TestWrongPasswordIsToldAtOnce(t *testing.T) {
	const atOnce, tries = 2 * time.Second, 5
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topics, topic := watch(t, proxyAs(t, &g.Settings, kafkatest.QuietLog())), g.MakeTopic(t)
			var took time.Duration
			for range tries {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				_, err := topics.OpenFor(ctx, cluster.Access{Credentials: proxy.KafkaCredentials{Username: kafka.Alice, Password: "x"}, Topic: topic})
				cancel()
				if kafkatest.KindOf(err) != proxy.KindNotAuthenticated {
					t.Fatalf("got %v", err)
				}
				if took = time.Since(began); took < atOnce {
					return
				}
			}
			t.Errorf("told within %v", took)
		})
	}
}

func TestFloodOfWrongPasswordsLeavesNothing(t *testing.T) {
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topics, topic := watch(t, proxyAs(t, &g.Settings, kafkatest.QuietLog())), g.MakeTopic(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var flood sync.WaitGroup
			for range 2 * cluster.ProbesAtOnce {
				flood.Go(func() {
					if _, err := topics.OpenFor(ctx, cluster.Access{Credentials: proxy.KafkaCredentials{Username: kafka.Alice, Password: "x"}, Topic: topic}); err == nil {
						t.Error("let in")
					}
				})
			}
			honest := opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Admin), Topic: topic})
			flood.Wait()
			honest.Close()
			checkNothingLeft(t, topics)
			if probes := topics.Probes(); probes > 0 {
				t.Errorf("%d probes are under way", probes)
			}
		})
	} // goleak detects goroutines that are left
}

// TestClientMayWhatTheProxyMayNot uses a proxy without rights, and a client with some.
func TestClientMayWhatTheProxyMayNot(t *testing.T) {
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topic := g.MakeTopic(t)
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(topic))
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead).Groups(topic))
			settings := g.Settings
			settings.SASLUsername, settings.SASLPassword = kafka.Bob, "bob-secret"
			c := proxyAs(t, &settings, kafkatest.QuietLog())
			topics := watch(t, c)
			awaitOpen(t, topics, cluster.Access{Topic: topic, Operation: cluster.Produce}, proxy.KindNotAuthorized)
			as := cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: topic, Operation: cluster.Produce}
			produced, err := kafkatest.Produce(t, newPool(t, c).Open("c", opened(t, topics, as)), kafkatest.Value("by alice"))
			if err != nil || produced.Offset != 0 {
				t.Fatalf("produced at %+v, %v", produced, err)
			}
			t.Run("consume", func(t *testing.T) { // and leaves the group at the end
				if got := readAs(t, c, kafkatest.User(kafka.Alice), topic); got != "by alice" {
					t.Errorf("read %q", got)
				}
				kafkatest.Await(t, "the lag, which the proxy may not ask for", func() bool {
					for _, lag := range kafkatest.Scrape(t, c.Metrics, "wsproxy_group_lag{") {
						return lag == 1
					}
					return false
				})
			})
			if groups, err := g.Admin.DescribeGroups(kafkatest.Deadline(t), topic); err != nil || len(groups[topic].Members) > 0 {
				t.Errorf("the group was not left: %+v, %v", groups, err)
			}
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpWrite).TransactionalIDs("c/i"))
			pool, writing := newPool(t, c), opened(t, topics, as)
			first, second := openTransactions(t, pool, writing), openTransactions(t, pool, writing)
			kafkatest.Await(t, "a transaction", func() bool {
				_, e := kafkatest.CommitValues(t, first, "x")
				return e == nil
			})
			kafkatest.MustHold(t, second)
			kafkatest.WantKind(t, first.Hold(kafkatest.Deadline(t)), proxy.KindFenced)
		})
	}
}

// TestTopicsThatOnlyClientsSeeAreWatched uses a topic that the proxy may not see, while a client may see
// it when it is deleted, and created again.
func TestTopicsThatOnlyClientsSeeAreWatched(t *testing.T) {
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			name := g.MakeTopic(t)
			g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(name))
			settings := g.Settings
			settings.SASLUsername, settings.SASLPassword = kafka.Bob, "bob-secret"
			topics := watch(t, proxyAs(t, &settings, kafkatest.QuietLog()))
			as := cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name}
			remove := func() {
				if _, err := g.Admin.DeleteTopic(kafkatest.Deadline(t), name); err != nil {
					t.Fatal(err)
				}
			}
			first := opened(t, topics, as)
			ended := checkEnds(t, topics, first, proxy.KindTopicNotFound, func() {
				remove()
				kafkatest.Await(t, "the topic created again", func() bool {
					_, err := g.Admin.CreateTopic(kafkatest.Deadline(t), 1, 1, nil, name)
					return err == nil
				})
				kafkatest.Await(t, "the broker that shows it", func() bool { // otherwise the topic misses rounds
					topics, err := g.Admin.ListTopics(kafkatest.Deadline(t), name)
					return err == nil && topics[name].Err == nil
				})
			})
			if !errors.Is(ended, proxy.ErrReplaced) {
				t.Errorf("ended with %v", ended)
			}
			second := opened(t, topics, as)
			if second.ID() == first.ID() {
				t.Error("the topic that was made again is the one before")
			}
			if ended := checkEnds(t, topics, second, proxy.KindTopicNotFound, remove); errors.Is(ended, proxy.ErrReplaced) {
				t.Errorf("ended with %v", ended)
			}
		})
	}
}

// readAs reads the first record of a topic in a group of the same name.
func readAs(t *testing.T, c *cluster.Cluster, credentials proxy.KafkaCredentials, topic string) string {
	t.Helper()
	consumer := joinAs(t, c, credentials, topic, new(kafkatest.Owner))
	records, err := consumer.Poll(kafkatest.Deadline(t), 1, nil, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return string(records[0].Value)
}

func joinAs(t *testing.T, c *cluster.Cluster, credentials proxy.KafkaCredentials, topic string, o *kafkatest.Owner) *consume.Consumer {
	t.Helper()
	consumer, err := consumersOf(t, c).Join(consume.Options{
		ClientID: "c", GroupID: proxy.GroupID(topic), Topic: opened(t, watch(t, c), cluster.Access{Credentials: credentials, Topic: topic}),
		Reset: consume.ResetEarliest, SessionTimeout: 15 * time.Second, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
	return consumer
}

func TestAccessEndsWithItsACL(t *testing.T) {
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			c := proxyAs(t, &g.Settings, kafkatest.QuietLog())
			topics, pool := watch(t, c), newPool(t, c)
			rules := func(topic string) *kadm.ACLBuilder {
				return kafkatest.ACLs(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(topic)
			}

			t.Run("at a record", func(t *testing.T) {
				name := g.MakeTopic(t)
				g.Allow(t, rules(name))
				topic := opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Produce})
				producer := pool.Open("c", topic)
				if _, err := kafkatest.Produce(t, producer, kafkatest.Value("x")); err != nil {
					t.Fatal(err)
				}
				g.Forbid(t, rules(name))
				kafkatest.Await(t, "a refused record", func() bool {
					_, err := kafkatest.Produce(t, producer, kafkatest.Value("x"))
					return kafkatest.KindOf(err) == proxy.KindNotAuthorized
				})
				if got := denial(t, topic); got != proxy.KindNotAuthorized {
					t.Errorf("denied with %v", got)
				}
			})
			t.Run("at a fetch", func(t *testing.T) {
				name := g.MakeTopic(t)
				g.Allow(t, rules(name))
				g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpRead).Groups(name))
				write := pool.Open("own", open(t, topics, name))
				if _, err := kafkatest.Produce(t, write, kafkatest.Value("x")); err != nil {
					t.Fatal(err)
				}
				opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Consume, Group: proxy.GroupID(name)})
				consumer := joinAs(t, c, kafkatest.User(kafka.Alice), name, new(kafkatest.Owner))
				if _, err := consumer.Poll(kafkatest.Deadline(t), 1, nil, func() {}); err != nil {
					t.Fatal(err)
				}
				g.Forbid(t, rules(name))
				if _, err := consumer.Poll(kafkatest.Deadline(t), 1, nil, func() {}); kafkatest.KindOf(err) != proxy.KindNotAuthorized {
					t.Errorf("got %v", err)
				}
			})
			if g.Real != nil { // kfake checks no rights at a heartbeat
				t.Run("at a heartbeat", func(t *testing.T) {
					name := g.MakeTopic(t)
					group := kafkatest.ACLs(kafka.Alice, kadm.OpRead).Groups(name)
					g.Allow(t, rules(name))
					g.Allow(t, group)
					opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Consume, Group: proxy.GroupID(name)})
					members := new(kafkatest.Owner)
					consumer := joinAs(t, c, kafkatest.User(kafka.Alice), name, members)
					polled := make(chan error, 1)
					go func() {
						_, err := consumer.Poll(kafkatest.Deadline(t), 1, nil, func() {})
						polled <- err
					}()
					kafkatest.Await(t, "an assignment", func() bool { return len(members.Starts()) > 0 })
					g.Forbid(t, group)
					if err := <-polled; kafkatest.KindOf(err) != proxy.KindNotAuthorized {
						t.Errorf("got %v", err)
					}
				})
			}
			t.Run("at a check, of a topic", func(t *testing.T) {
				name := g.MakeTopic(t)
				g.Allow(t, rules(name))
				_ = checkEnds(t, topics, opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Produce}), proxy.KindNotAuthorized,
					func() { g.Forbid(t, rules(name)) })
			})
			t.Run("at a check, of a group", func(t *testing.T) {
				name := g.MakeTopic(t)
				g.Allow(t, rules(name))
				group := kafkatest.ACLs(kafka.Alice, kadm.OpRead).Groups(name)
				g.Allow(t, group)
				_ = checkEnds(t, topics, opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Consume, Group: proxy.GroupID(name)}), proxy.KindNotAuthorized,
					func() { g.Forbid(t, group) })
			})
			t.Run("at a check, with its topic", func(t *testing.T) {
				name := g.MakeTopic(t)
				_ = checkEnds(t, topics, opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Admin), Topic: name, Operation: cluster.Consume}), proxy.KindTopicNotFound,
					func() {
						if _, err := g.Admin.DeleteTopic(kafkatest.Deadline(t), name); err != nil {
							t.Fatal(err)
						}
					})
			})
		})
	}
}

// checkEnds checks that an idle connection keeps its access until happen is called.
func checkEnds(t *testing.T, topics *cluster.Topics, topic *cluster.Topic, want proxy.Kind, happen func()) *proxy.Error {
	t.Helper()
	for range 3 {
		topics.Check(kafkatest.Deadline(t))
	}
	select {
	case <-topic.Over():
		t.Fatalf("denied before: %v", topic.End())
	default:
	}
	happen()
	kafkatest.Await(t, "the denial", func() bool {
		topics.Check(kafkatest.Deadline(t))
		select {
		case <-topic.Over():
			return true
		default:
			return false
		}
	})
	if got := topic.End().Kind; got != want {
		t.Errorf("denied with %v, want %v", got, want)
	}
	return topic.End()
}

// TestAccessEndsWithItsPassword lets the broker end the connection that has logged in with the identity,
// as brokers with a limit on the time between two logins do.
func TestAccessEndsWithItsPassword(t *testing.T) {
	g := kafkatest.RealGuarded(t)
	topics, name := watch(t, proxyAs(t, &g.Settings, kafkatest.QuietLog())), g.MakeTopic(t)
	const carol = "carol"
	if err := g.Real.SetPassword(kafkatest.Deadline(t), carol, "first"); err != nil {
		t.Fatal(err)
	}
	g.Allow(t, kafkatest.ACLs(carol, kadm.OpWrite).Topics(name))
	credentials := proxy.KafkaCredentials{Username: carol, Password: "first"}
	topic := opened(t, topics, cluster.Access{Credentials: credentials, Topic: name, Operation: cluster.Produce})
	if err := g.Real.RemovePassword(kafkatest.Deadline(t), carol); err != nil {
		t.Fatal(err)
	}
	awaitOpen(t, topics, cluster.Access{Credentials: credentials, Topic: name, Operation: cluster.Produce}, proxy.KindNotAuthenticated) // new connections get the error at once
	if err := topics.LoginAgain(credentials); err != nil {
		t.Fatal(err)
	}
	for range cluster.RefusalsUntilGone {
		topics.Check(kafkatest.Deadline(t))
	}
	if got := denial(t, topic); got != proxy.KindNotAuthenticated {
		t.Errorf("denied with %v", got)
	}
}

func TestProxyWithWrongCredentialsIsNotTheClientsFault(t *testing.T) {
	for name, start := range kafkatest.Guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			settings := g.Settings
			settings.SASLPassword = "planted"
			topics := watch(t, proxyAs(t, &settings, kafkatest.QuietLog()))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := topics.OpenFor(ctx, cluster.Access{Topic: g.MakeTopic(t)}); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCredentialsForAKafkaThatAsksForNone(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	if _, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: "t"}); kafkatest.KindOf(err) != proxy.KindNotAuthenticated {
		t.Errorf("got %v", err)
	}
	for _, a := range []cluster.Access{{Topic: "t", Operation: cluster.Produce}, {Topic: "t", Group: "g"}} {
		opened(t, topics, a)
	}
	if _, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: "missing"}); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("got %v", err)
	}
}

func TestOpenForWithoutKafka(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	g.Settings.BootstrapHosts = []string{"127.0.0.1:1"}
	topics := watch(t, proxyAs(t, &g.Settings, kafkatest.QuietLog()))
	for _, credentials := range []proxy.KafkaCredentials{{}, kafkatest.User(kafka.Alice)} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := topics.OpenFor(ctx, cluster.Access{Credentials: credentials, Topic: "t"}); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
			t.Errorf("as %v: got %v", credentials, err)
		}
		cancel()
	}
}
