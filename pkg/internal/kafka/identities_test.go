package kafka

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const allowed = proxy.Kind(255) // where there is no error

// TestIdentityActionOutcome is the table of who may do what.
func TestIdentityActionOutcome(t *testing.T) {
	for name, start := range guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topic, group := g.makeTopic(t), "group-of-"+g.makeTopic(t)
			readable := g.makeTopic(t)
			g.allow(t, acls(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(topic))
			g.allow(t, acls(kafka.Alice, kadm.OpRead).Topics(readable))
			g.allow(t, acls(kafka.Alice, kadm.OpRead).Groups(group))
			log, text := debugLog()
			topics := watch(t, proxyAs(t, &g.settings, log))

			type actions struct{ produce, produceElsewhere, consume, otherGroup, consumeElsewhere, missing proxy.Kind }
			own := actions{allowed, allowed, allowed, allowed, allowed, proxy.KindTopicNotFound}
			alice := actions{allowed, proxy.KindNotAuthorized, allowed, proxy.KindNotAuthorized, allowed, proxy.KindNotAuthorized}
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
				"admin":                  {user(kafka.Admin), own},
				"alice":                  {user(kafka.Alice), alice},
				"bob":                    {user(kafka.Bob), nobody},
				"wrong password":         {proxy.KafkaCredentials{Username: kafka.Alice, Password: "planted-wrong"}, wrong},
				"unknown user":           {proxy.KafkaCredentials{Username: "mallory", Password: "planted-unknown"}, wrong},
				"no password":            {proxy.KafkaCredentials{Username: kafka.Alice}, wrong},
				"no user":                {proxy.KafkaCredentials{Password: "planted-nameless"}, wrong},
				"NUL in the user":        {proxy.KafkaCredentials{Username: "x\x00" + kafka.Admin, Password: "planted-nul"}, wrong},
				"line break in password": {proxy.KafkaCredentials{Username: kafka.Alice, Password: "planted\r\nbreak"}, wrong},
				"quote in a token":       {proxy.KafkaCredentials{Token: "planted\x01auth=Bearer x"}, wrong},
			}
			if g.real != nil {
				for name, claims := range map[string]struct {
					user string
					life time.Duration
					want actions
				}{
					"alice's token": {kafka.Alice, time.Hour, alice}, "bob's token": {kafka.Bob, time.Hour, nobody}, "expired token": {kafka.Alice, -2 * time.Minute, wrong},
				} {
					token, err := g.real.Token(claims.user, claims.life)
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
			awaitOpen(t, topics, Access{user(kafka.Alice), topic, Consume, proxy.GroupID(group)}, allowed) // the ACLs are in force
			for name, who := range identities {
				for _, action := range []struct {
					name   string
					access Access
					want   proxy.Kind
				}{
					{"produce", Access{who.credentials, topic, Produce, ""}, who.want.produce},
					{"produce elsewhere", Access{who.credentials, readable, Produce, ""}, who.want.produceElsewhere},
					{"consume", Access{who.credentials, topic, Consume, proxy.GroupID(group)}, who.want.consume},
					{"other group", Access{who.credentials, topic, Consume, "other"}, who.want.otherGroup},
					{"consume without a group", Access{who.credentials, readable, Consume, ""}, who.want.consumeElsewhere},
					{"missing topic", Access{who.credentials, "missing", Produce, ""}, who.want.missing},
				} {
					opened, err := topics.OpenFor(deadline(t), action.access)
					if err == nil {
						opened.Close()
					}
					if got := kindOf(err); got != action.want {
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

// checkHoldsNone looks for secrets in a log, as they are and in base64.
func checkHoldsNone(t *testing.T, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(secret))
		if secret != "" && (strings.Contains(text, secret) || strings.Contains(text, encoded)) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
}

// checkNothingLeft checks that no credentials and no client are kept.
func checkNothingLeft(t *testing.T, topics *Topics) {
	t.Helper()
	i := topics.rights
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.known) > 0 {
		t.Errorf("%d identities are kept", len(i.known))
	}
}

// TestWrongPasswordIsToldAtOnce allows 2 s, and for a machine that is busy some more tries.
func TestWrongPasswordIsToldAtOnce(t *testing.T) {
	const atOnce, tries = 2 * time.Second, 5
	for name, start := range guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topics, topic := watch(t, proxyAs(t, &g.settings, quiet())), g.makeTopic(t)
			var took time.Duration
			for range tries {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
				_, err := topics.OpenFor(ctx, Access{Credentials: proxy.KafkaCredentials{Username: kafka.Alice, Password: "x"}, Topic: topic})
				cancel()
				if kindOf(err) != proxy.KindNotAuthenticated {
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
	for name, start := range guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topics, topic := watch(t, proxyAs(t, &g.settings, quiet())), g.makeTopic(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var flood sync.WaitGroup
			for range 2 * probesAtOnce {
				flood.Go(func() {
					if _, err := topics.OpenFor(ctx, Access{Credentials: proxy.KafkaCredentials{Username: kafka.Alice, Password: "x"}, Topic: topic}); err == nil {
						t.Error("let in")
					}
				})
			}
			honest := opened(t, topics, Access{Credentials: user(kafka.Admin), Topic: topic})
			flood.Wait()
			honest.Close()
			checkNothingLeft(t, topics)
			if len(topics.rights.probes) > 0 {
				t.Errorf("%d probes are under way", len(topics.rights.probes))
			}
		})
	} // goleak sees goroutines that are left
}

// TestClientMayWhatTheProxyMayNot has a proxy without rights, and a client with some.
func TestClientMayWhatTheProxyMayNot(t *testing.T) {
	for name, start := range guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			topic := g.makeTopic(t)
			g.allow(t, acls(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(topic))
			g.allow(t, acls(kafka.Alice, kadm.OpRead).Groups(topic))
			settings := g.settings
			settings.SASLUsername, settings.SASLPassword = kafka.Bob, "bob-secret"
			c := proxyAs(t, &settings, quiet())
			topics := watch(t, c)
			awaitOpen(t, topics, Access{Topic: topic, Operation: Produce}, proxy.KindNotAuthorized)
			as := Access{user(kafka.Alice), topic, Produce, ""}
			produced, err := produce(t, newPool(t, c).Open("c", opened(t, topics, as)), value("by alice"))
			if err != nil || produced.Offset != 0 {
				t.Fatalf("produced at %+v, %v", produced, err)
			}
			t.Run("consume", func(t *testing.T) { // and leave the group at the end
				if got := readAs(t, c, user(kafka.Alice), topic); got != "by alice" {
					t.Errorf("read %q", got)
				}
				awaitLag(t, 1, c) // which the proxy may not ask for
			})
			if groups, err := g.admin.DescribeGroups(deadline(t), topic); err != nil || len(groups[topic].Members) > 0 {
				t.Errorf("the group was not left: %+v, %v", groups, err)
			}
			g.allow(t, acls(kafka.Alice, kadm.OpWrite).TransactionalIDs("c/i"))
			pool, writing := newPool(t, c), opened(t, topics, as)
			first, second := transactions(t, pool, writing), transactions(t, pool, writing)
			await(t, "a transaction", func() bool {
				_, e := commitValues(t, first, "x")
				return e == nil
			})
			mustHold(t, second)
			wantKind(t, first.Hold(deadline(t)), proxy.KindFenced)
		})
	}
}

// readAs reads the first record of a topic in a group of the same name.
func readAs(t *testing.T, c *Cluster, credentials proxy.KafkaCredentials, topic string) string {
	t.Helper()
	consumer := joinAs(t, c, credentials, topic, new(owner))
	records, err := consumer.Poll(deadline(t), 1, nil, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return string(records[0].Value)
}

func joinAs(t *testing.T, c *Cluster, credentials proxy.KafkaCredentials, topic string, o *owner) *Consumer {
	t.Helper()
	consumer, err := c.Consume(ConsumerOptions{
		Credentials: always(credentials), ClientID: "c", GroupID: proxy.GroupID(topic), Topic: topic,
		Reset: ResetEarliest, SessionTimeout: 15 * time.Second, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(deadline(t), true) })
	return consumer
}

func TestAccessEndsWithItsACL(t *testing.T) {
	for name, start := range guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			c := proxyAs(t, &g.settings, quiet())
			topics, pool := watch(t, c), newPool(t, c)
			rules := func(topic string) *kadm.ACLBuilder { return acls(kafka.Alice, kadm.OpRead, kadm.OpWrite).Topics(topic) }

			t.Run("at a record", func(t *testing.T) {
				name := g.makeTopic(t)
				g.allow(t, rules(name))
				topic := opened(t, topics, Access{user(kafka.Alice), name, Produce, ""})
				producer := pool.Open("c", topic)
				if _, err := produce(t, producer, value("x")); err != nil {
					t.Fatal(err)
				}
				g.forbid(t, rules(name))
				await(t, "a refused record", func() bool {
					_, err := produce(t, producer, value("x"))
					return kindOf(err) == proxy.KindNotAuthorized
				})
				if got := denial(t, topic); got != proxy.KindNotAuthorized {
					t.Errorf("denied with %v", got)
				}
			})
			t.Run("at a fetch", func(t *testing.T) {
				name := g.makeTopic(t)
				g.allow(t, rules(name))
				g.allow(t, acls(kafka.Alice, kadm.OpRead).Groups(name))
				write := pool.Open("own", open(t, topics, name))
				if _, err := produce(t, write, value("x")); err != nil {
					t.Fatal(err)
				}
				opened(t, topics, Access{user(kafka.Alice), name, Consume, proxy.GroupID(name)})
				consumer := joinAs(t, c, user(kafka.Alice), name, new(owner))
				if _, err := consumer.Poll(deadline(t), 1, nil, func() {}); err != nil {
					t.Fatal(err)
				}
				g.forbid(t, rules(name))
				if _, err := consumer.Poll(deadline(t), 1, nil, func() {}); kindOf(err) != proxy.KindNotAuthorized {
					t.Errorf("got %v", err)
				}
			})
			if g.real != nil { // kfake looks at no rights at a heartbeat
				t.Run("at a heartbeat", func(t *testing.T) {
					name := g.makeTopic(t)
					group := acls(kafka.Alice, kadm.OpRead).Groups(name)
					g.allow(t, rules(name))
					g.allow(t, group)
					opened(t, topics, Access{user(kafka.Alice), name, Consume, proxy.GroupID(name)})
					members := new(owner)
					consumer := joinAs(t, c, user(kafka.Alice), name, members)
					polled := make(chan error, 1)
					go func() {
						_, err := consumer.Poll(deadline(t), 1, nil, func() {})
						polled <- err
					}()
					await(t, "an assignment", func() bool { return len(members.assigned()) > 0 })
					g.forbid(t, group)
					if err := <-polled; kindOf(err) != proxy.KindNotAuthorized {
						t.Errorf("got %v", err)
					}
				})
			}
			t.Run("at a check, of a topic", func(t *testing.T) {
				name := g.makeTopic(t)
				g.allow(t, rules(name))
				checkEnds(t, topics, opened(t, topics, Access{user(kafka.Alice), name, Produce, ""}), proxy.KindNotAuthorized,
					func() { g.forbid(t, rules(name)) })
			})
			t.Run("at a check, of a group", func(t *testing.T) {
				name := g.makeTopic(t)
				g.allow(t, rules(name))
				group := acls(kafka.Alice, kadm.OpRead).Groups(name)
				g.allow(t, group)
				checkEnds(t, topics, opened(t, topics, Access{user(kafka.Alice), name, Consume, proxy.GroupID(name)}), proxy.KindNotAuthorized,
					func() { g.forbid(t, group) })
			})
			t.Run("at a check, with its topic", func(t *testing.T) {
				name := g.makeTopic(t)
				checkEnds(t, topics, opened(t, topics, Access{user(kafka.Admin), name, Consume, ""}), proxy.KindTopicNotFound,
					func() {
						if _, err := g.admin.DeleteTopic(deadline(t), name); err != nil {
							t.Fatal(err)
						}
					})
			})
		})
	}
}

// checkEnds checks that an idle connection keeps its access, until something happens.
func checkEnds(t *testing.T, topics *Topics, topic *Topic, want proxy.Kind, happen func()) {
	t.Helper()
	for range 3 {
		topics.rights.check(deadline(t))
	}
	select {
	case <-topic.Denied():
		t.Fatalf("denied before: %v", topic.Denial())
	default:
	}
	happen()
	await(t, "the denial", func() bool {
		topics.rights.check(deadline(t))
		select {
		case <-topic.Denied():
			return true
		default:
			return false
		}
	})
	if got := topic.Denial().Kind; got != want {
		t.Errorf("denied with %v, want %v", got, want)
	}
}

// TestAccessEndsWithItsPassword has the broker end the connection by which the identity is known,
// as brokers with a limit on the time between two logins do.
func TestAccessEndsWithItsPassword(t *testing.T) {
	g := realGuarded(t)
	topics, name := watch(t, proxyAs(t, &g.settings, quiet())), g.makeTopic(t)
	const carol = "carol"
	if err := g.real.SetPassword(deadline(t), carol, "first"); err != nil {
		t.Fatal(err)
	}
	g.allow(t, acls(carol, kadm.OpWrite).Topics(name))
	credentials := proxy.KafkaCredentials{Username: carol, Password: "first"}
	topic := opened(t, topics, Access{credentials, name, Produce, ""})
	if err := g.real.RemovePassword(deadline(t), carol); err != nil {
		t.Fatal(err)
	}
	awaitOpen(t, topics, Access{credentials, name, Produce, ""}, proxy.KindNotAuthenticated) // newcomers are told at once
	cut := topics.rights.known[credentials]
	cut.client.Close()
	fresh, err := topics.rights.dial(credentials)
	if err != nil {
		t.Fatal(err)
	}
	topics.rights.mu.Lock()
	cut.client, cut.watch = fresh.client, fresh.watch
	topics.rights.mu.Unlock()
	for range refusalsUntilGone {
		topics.rights.check(deadline(t))
	}
	if got := denial(t, topic); got != proxy.KindNotAuthenticated {
		t.Errorf("denied with %v", got)
	}
}

func TestProxyWithWrongCredentialsIsNotTheClientsFault(t *testing.T) {
	for name, start := range guards() {
		t.Run(name, func(t *testing.T) {
			g := start(t)
			settings := g.settings
			settings.SASLPassword = "planted"
			topics := watch(t, proxyAs(t, &settings, quiet()))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := topics.OpenFor(ctx, Access{Topic: g.makeTopic(t)}); kindOf(err) != proxy.KindKafkaUnavailable {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCredentialsForAKafkaThatAsksForNone(t *testing.T) {
	topics := watch(t, connect(t, newBroker(t, "t")))
	if _, err := topics.OpenFor(deadline(t), Access{Credentials: user(kafka.Alice), Topic: "t"}); kindOf(err) != proxy.KindNotAuthenticated {
		t.Errorf("got %v", err)
	}
	for _, a := range []Access{{Topic: "t", Operation: Produce}, {Topic: "t", Group: "g"}} {
		opened(t, topics, a)
	}
	if _, err := topics.OpenFor(deadline(t), Access{Topic: "missing"}); kindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("got %v", err)
	}
}

func TestOpenForWithoutKafka(t *testing.T) {
	g := fakeGuarded(t)
	g.settings.BootstrapHosts = []string{"127.0.0.1:1"}
	topics := watch(t, proxyAs(t, &g.settings, quiet()))
	for _, credentials := range []proxy.KafkaCredentials{{}, user(kafka.Alice)} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := topics.OpenFor(ctx, Access{Credentials: credentials, Topic: "t"}); kindOf(err) != proxy.KindKafkaUnavailable {
			t.Errorf("as %v: got %v", credentials, err)
		}
		cancel()
	}
}

func TestPooledClientsAreNotShared(t *testing.T) {
	g := fakeGuarded(t)
	name := g.makeTopic(t)
	for _, who := range []string{kafka.Alice, kafka.Bob} {
		g.allow(t, acls(who, kadm.OpWrite).Topics(name))
	}
	c := proxyAs(t, &g.settings, quiet())
	topics, pool := watch(t, c), newPool(t, c) // of two clients
	as := func(credentials proxy.KafkaCredentials) *Producer {
		return pool.Open("same", opened(t, topics, Access{credentials, name, Produce, ""}))
	}
	alice, again, bob := as(user(kafka.Alice)), as(user(kafka.Alice)), as(user(kafka.Bob))
	for _, p := range []*Producer{alice, again, bob} {
		if _, err := produce(t, p, value("x")); err != nil {
			t.Fatal(err)
		}
	}
	if alice.current != again.current || alice.current == bob.current {
		t.Error("clients are not one per credentials")
	}
	alice.current.hold()
	defer alice.current.release()
	bob.current.hold()
	defer bob.current.release()
	if _, err := produce(t, as(user(kafka.Admin)), value("x")); kindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("with a full pool: %v", err)
	}
	if _, err := produce(t, as(proxy.KafkaCredentials{}), value("x")); err != nil {
		t.Errorf("with a full pool and no credentials of its own: %v", err)
	}
}

func TestIdleClientsForgetTheirCredentials(t *testing.T) {
	g := fakeGuarded(t)
	name := g.makeTopic(t)
	g.allow(t, acls(kafka.Alice, kadm.OpWrite).Topics(name))
	c := proxyAs(t, &g.settings, quiet())
	topics, pool := watch(t, c), newPool(t, c)
	topic := opened(t, topics, Access{user(kafka.Alice), name, Produce, ""})
	if _, err := produce(t, pool.Open("c", topic), value("x")); err != nil {
		t.Fatal(err)
	}
	topic.Close()
	checkNothingLeft(t, topics)
	now := time.Now()
	pool.sweep(now)
	pool.sweep(now.Add(2 * time.Hour))
	if ids := pool.ids(); len(ids) > 0 {
		t.Errorf("the pool has %v", ids)
	}
}
