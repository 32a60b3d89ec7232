package e2e

import (
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func TestOutHostileCommitsAreAnsweredAndCommitNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 5, 1, 0)...)
		c := k.run(t).out(t, topic, "groupId="+group, "autoCommit=false", "batchSize=5")
		last := c.deliveries(5)[4]
		id, commit := quoted(last.ID), commitOf(last)
		id = id[1 : len(id)-1]
		for _, test := range []struct{ name, message, code string }{
			{"a byte order mark", "\uFEFF" + commit, "INVALID_JSON"},
			{"NUL behind it", commit + "\x00", "INVALID_JSON"},
			{"text behind it", commit + commit, "INVALID_JSON"},
			{"a mebibyte of [", strings.Repeat("[", 1<<20), "INVALID_JSON"},
			{"10,000 deep", strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), "INVALID_MESSAGE"},
			{"an id 10,000 deep", `{"wsProxyMessageId":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "INVALID_MESSAGE"},
			{"a batch", "[" + commit + "]", "INVALID_MESSAGE"},
			{"the last of two ids", `{"wsProxyMessageId":"` + id + `","wsProxyMessageId":"x"}`, "UNKNOWN_MESSAGE_ID"},
			{"half a pair", `{"wsProxyMessageId":"\ud800` + id + `"}`, "UNKNOWN_MESSAGE_ID"},
			{"NUL in the id", `{"wsProxyMessageId":"` + id + `\u0000"}`, "UNKNOWN_MESSAGE_ID"},
			{"digits that are not ASCII", `{"wsProxyMessageId":"` + topic + `-０-4-1"}`, "UNKNOWN_MESSAGE_ID"},
			{"numbers beyond long", `{"wsProxyMessageId":"` + topic + `-0-9223372036854775808-1"}`, "UNKNOWN_MESSAGE_ID"},
			{"a plus sign", `{"wsProxyMessageId":"` + topic + `-0-+4-1"}`, "UNKNOWN_MESSAGE_ID"},
			{"100,000 dashes", `{"wsProxyMessageId":"` + strings.Repeat("-", 100_000) + `"}`, "UNKNOWN_MESSAGE_ID"},
			{"1e400", `{"wsProxyMessageId":1e400}`, "INVALID_MESSAGE"},
		} {
			c.send(test.message)
			if f := c.refusal(test.code); f.Retriable || len(f.Message) > 1000 {
				t.Errorf("%s: got %+v", test.name, f)
			}
		}
		if err := c.write(websocket.MessageBinary, "{\"wsProxyMessageId\":\"\xFF\"}"); err != nil {
			t.Fatal(err)
		}
		c.refusal("INVALID_JSON")
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v", got)
		}
		c.send(`{"wsProxyMessageId":"x","wsProxyMessageId":"` + id + `"}`) // the last counts
		k.awaitCommit(t, group, topic, 5)
	})
}
