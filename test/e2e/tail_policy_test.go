package e2e

import (
	"testing"
	"time"
)

// boundKeys is a policy that binds keys for alice, not for root.
const boundKeys = `
rules:
  - {subjects: [alice], consume: ["*"], keys: ["{subject}", "{subject}/*", "all*news"]}
  - {subjects: [root], consume: ["*"]}
`

// bound is a proxy with a policy that binds keys.
type bound struct {
	*proxy
	policy file
}

func (k *cluster) bound(t *testing.T) bound {
	t.Helper()
	users := newFile(t, htpasswd(t, "alice", "a")+htpasswd(t, "root", "r")+htpasswd(t, "mallory", "m"))
	policy := newFile(t, boundKeys)
	return bound{k.start(t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_HTPASSWD_FILE="+users.path, "AUTHZ_POLICY_FILE="+policy.path), policy}
}

// tailAs opens a tail with credentials.
func (b bound) tailAs(t *testing.T, authorization, topic string, parameters ...string) *tail {
	t.Helper()
	return newTail(b.dialAs(t, authorization, tailPath(topic, parameters...)))
}

func TestTailDeliversTheKeysOfThePolicyAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, b := k.topic(t, 1), k.bound(t)
		k.produce(t, topic, keyed("alice", "bob", "alice/1", "alicex", "alice/a/b", "bob/alice", "", "allnews", "all/the/news", "all", "Alice", "alice/")...)
		k.produce(t, topic, numbered(12, 1, 1, 0)...) // without a key
		k.produce(t, topic, keyed("alice")...)
		for _, test := range []struct {
			parameters []string
			want       []int64
		}{
			{nil, []int64{0, 2, 4, 7, 8, 11, 13}},
			{[]string{"key=alice"}, []int64{0, 13}},
			{[]string{"key=alice/1", "key=allnews"}, []int64{2, 7}},
			{[]string{"keyPrefix=alice/"}, []int64{2, 4, 11}},
			{[]string{"keyPrefix=alice/a"}, []int64{4}},
			{[]string{`where={"json":"","exists":true}`}, []int64{0, 2, 4, 7, 8, 11, 13}},
		} {
			c := b.tailAs(t, basic("alice", "a"), topic, append(test.parameters, "from=earliest")...)
			for i, f := range c.records(len(test.want)) {
				if f.Offset != test.want[i] {
					t.Errorf("%q: record %d is %s, want %v", test.parameters, i, f.text, test.want)
				}
			}
			if late := records(c.quiet(100 * time.Millisecond)); late > 0 {
				t.Errorf("%q: %d more records came", test.parameters, late)
			}
		}
		b.tailAs(t, basic("root", "r"), topic, "from=earliest").records(14)
	})
}

func TestTailKeysOutsideThePolicyAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, b := k.topic(t, 1), k.bound(t)
		path := func(parameters ...string) string { return tailPath(topic, parameters...) }
		for _, parameters := range [][]string{
			{"key=bob"}, {"key=alice", "key=bob"}, {"key=alicex"}, {"key=*"}, {"key=alice*"}, {"keyPrefix=alice"}, {"keyPrefix=a"}, {"keyPrefix=bob"}, {"keyPrefix=*"},
		} {
			got := b.upgrade(t, path(parameters...), "Authorization", basic("alice", "a"))
			if got.status != 403 || got.failure(t).Code != "NOT_AUTHORIZED" {
				t.Errorf("%q: got %d %s", parameters, got.status, got.body)
			}
		}
		if got := b.upgrade(t, path(), "Authorization", basic("mallory", "m")); got.status != 403 {
			t.Errorf("mallory: got %d %s", got.status, got.body)
		}
		c := b.dialAs(t, basic("alice", "a"), path("key=bob", "handshakeErrors=close"))
		c.refusal("NOT_AUTHORIZED")
		c.ended(4403)
		open := b.tailAs(t, basic("alice", "a"), topic, "key=alice")
		for _, message := range []string{
			`{"subscribe":{"topic":"` + topic + `","keys":["bob"]}}`,
			`{"subscribe":{"topic":"` + topic + `","keys":["alice","alice*"]}}`,
			`{"track":{"topic":"` + topic + `","keys":["bob"]}}`,
			`{"track":{"topic":"` + topic + `","keys":["alice/1","bob"]}}`,
		} {
			open.send(message)
			open.refusal("NOT_AUTHORIZED")
		}
		open.send(`{"track":{"topic":"` + topic + `","keys":["alice/1"]}}`)
		open.expect("subscribed")
		k.produce(t, topic, keyed("bob", "alice", "alice/1", "alice/2", "alice")...)
		for i, f := range open.records(3) {
			if want := []int64{1, 2, 4}[i]; f.Offset != want {
				t.Errorf("record %d is %s", i, f.text)
			}
		}
		open.send(`{"subscribe":{"topic":"` + topic + `"}}`) // of all keys: of those that are alice's
		open.expect("subscribed")
		k.produce(t, topic, keyed("bob", "alice/3")...)
		if f := open.expect("record"); f.Offset != 6 {
			t.Errorf("got %s", f.text)
		}
	})
}

// TestTailsEndWithTheirPolicy takes the topic from open tails.
func TestTailsEndWithTheirPolicy(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		topic, b := k.topic(t, 1), k.bound(t)
		lost, kept := b.tailAs(t, basic("alice", "a"), topic), b.tailAs(t, basic("root", "r"), topic)
		b.policy.write(`rules: [{subjects: [root], consume: ["*"]}]`)
		lost.ended(4403)
		k.produce(t, topic, keyed("alice")...)
		kept.records(1)
	})
}

func TestTailSnapshotHasTheKeysOfThePolicyAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, b := k.compacted(t, 1), k.bound(t)
		k.produce(t, topic, version("alice", "1"), version("bob", "1"), version("alice/a", "1"), version("alice", "2"), version("", "1"))
		for _, parameter := range []string{"slow=wait", "slow=latest", "every=100"} {
			c := b.tailAs(t, basic("alice", "a"), topic, "snapshot=true", parameter)
			wantSnapshot(t, parameter, c.snapshot(topic), `alice/a="1"`, `alice="2"`)
		}
	})
}
