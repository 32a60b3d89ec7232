package e2e

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// refusedHandshake is a handshake that must fail.
type refusedHandshake struct {
	name   string
	query  string // TOPIC stands for a topic that exists
	in     bool   // whether /socket/in refuses it
	out    bool   // whether /socket/out does
	header []string
	status int
	code   string
	names  string // in the message
}

func refusedHandshakes() []refusedHandshake {
	long := strings.Repeat("x", 250)
	const ok = "clientId=c&topic=TOPIC"
	both := func(name, query string, status int, code, names string) refusedHandshake {
		return refusedHandshake{name, query, true, true, nil, status, code, names}
	}
	out := func(name, query string, status int, code, names string) refusedHandshake {
		return refusedHandshake{name, query, false, true, nil, status, code, names}
	}
	in := func(name, query string, status int, code, names string) refusedHandshake {
		return refusedHandshake{name, query, true, false, nil, status, code, names}
	}
	list := []refusedHandshake{
		both("no clientId", "topic=TOPIC", 400, "MISSING_PARAMETER", "clientId"),
		both("an empty clientId", "clientId=&topic=TOPIC", 400, "MISSING_PARAMETER", "clientId"),
		both("no topic", "clientId=c", 400, "MISSING_PARAMETER", "topic"),
		both("an empty topic", "clientId=c&topic=", 400, "MISSING_PARAMETER", "topic"),
		both("a doubled clientId", "clientId=a&clientId=b&topic=TOPIC", 400, "INVALID_PARAMETER", "clientId"),
		both("a doubled topic, the same twice", "clientId=a&topic=TOPIC&topic=TOPIC", 400, "INVALID_PARAMETER", "topic"),
		both("a clientId of 250 characters", "topic=TOPIC&clientId="+long, 400, "INVALID_PARAMETER", "clientId"),
		both("a clientId with a control character", "topic=TOPIC&clientId=a%07b", 400, "INVALID_PARAMETER", "clientId"),
		both("a clientId that is not UTF-8", "topic=TOPIC&clientId=%ff", 400, "INVALID_PARAMETER", "clientId"),
		both("a topic of 250 characters", "clientId=c&topic="+long, 400, "INVALID_PARAMETER", "topic"),
		both("a topic that Kafka cannot have", "clientId=c&topic=a%20b", 400, "INVALID_PARAMETER", "topic"),
		both("the topic ..", "clientId=c&topic=..", 400, "INVALID_PARAMETER", "topic"),
		both("an unknown keyType", ok+"&keyType=integer", 400, "INVALID_PARAMETER", "keyType"),
		both("an unknown valType", ok+"&valType=text", 400, "INVALID_PARAMETER", "valType"),
		both("an unknown socketPayload", ok+"&socketPayload=xml", 400, "INVALID_PARAMETER", "socketPayload"),
		both("an unknown handshakeErrors", ok+"&handshakeErrors=maybe", 400, "INVALID_PARAMETER", "handshakeErrors"),
		both("a broken escape", ok+"&x=%zz", 400, "INVALID_PARAMETER", "query"),
		in("an instanceId of 250 characters", ok+"&instanceId="+long, 400, "INVALID_PARAMETER", "instanceId"),
		in("transactional that is no boolean", ok+"&transactional=yes", 400, "INVALID_PARAMETER", "transactional"),
		in("transactional without the setting", ok+"&transactional=true&instanceId=i", 400, "INVALID_PARAMETER", "transactional"),
		in("transactional without an instanceId", ok+"&transactional=true", 400, "MISSING_PARAMETER", "instanceId"),
		in("clientMessageId that is no boolean", ok+"&clientMessageId=yes", 400, "INVALID_PARAMETER", "clientMessageId"),
		out("a groupId of 250 characters", ok+"&groupId="+long, 400, "INVALID_PARAMETER", "groupId"),
		out("a groupId with a control character", ok+"&groupId=a%0Ab", 400, "INVALID_PARAMETER", "groupId"),
		out("an unknown offsetResetStrategy", ok+"&offsetResetStrategy=first", 400, "INVALID_PARAMETER", "offsetResetStrategy"),
		out("an unknown isolationLevel", ok+"&isolationLevel=serializable", 400, "INVALID_PARAMETER", "isolationLevel"),
		out("an autoCommit that is no boolean", ok+"&autoCommit=1", 400, "INVALID_PARAMETER", "autoCommit"),
		out("a rate of 0", ok+"&rate=0", 400, "INVALID_PARAMETER", "rate"),
		out("a negative rate", ok+"&rate=-1", 400, "INVALID_PARAMETER", "rate"),
		out("a rate with a fraction", ok+"&rate=1.5", 400, "INVALID_PARAMETER", "rate"),
		out("a batchSize of 0", ok+"&batchSize=0", 400, "INVALID_PARAMETER", "batchSize"),
		out("a batchSize that is no number", ok+"&batchSize=many", 400, "INVALID_PARAMETER", "batchSize"),
		out("a batchSize beyond int", ok+"&batchSize=99999999999", 400, "INVALID_PARAMETER", "batchSize"),
		out("a maxMessageBytes of too little", ok+"&maxMessageBytes=1023", 400, "INVALID_PARAMETER", "maxMessageBytes"),
		out("a maxMessageBytes with a unit", ok+"&maxMessageBytes=1MiB", 400, "INVALID_PARAMETER", "maxMessageBytes"),
		out("a negative credit", ok+"&credit=-1", 400, "INVALID_PARAMETER", "credit"),
		out("a credit that is no number", ok+"&credit=all", 400, "INVALID_PARAMETER", "credit"),
		out("a credit beyond long", ok+"&credit=9223372036854775808", 400, "INVALID_PARAMETER", "credit"),
		out("a doubled credit", ok+"&credit=1&credit=1", 400, "INVALID_PARAMETER", "credit"),
		out("a maxMessageBytes under Avro", ok+"&maxMessageBytes=1024&socketPayload=avro", 400, "INVALID_PARAMETER", "maxMessageBytes"),
		out("unknown longs", ok+"&longs=text", 400, "INVALID_PARAMETER", "longs"),
		out("the first fault by name", "clientId=c&rate=0&batchSize=0&valType=x", 400, "INVALID_PARAMETER", "batchSize"),
		both("an internal topic", "clientId=c&topic=__consumer_offsets", 403, "NOT_AUTHORIZED", "topic"),
		both("an internal topic that there is not", "clientId=c&topic=__nothing", 403, "NOT_AUTHORIZED", "topic"),
		both("the topic of the sessions", "clientId=c&topic=_wsproxy.session.state", 403, "NOT_AUTHORIZED", "topic"),
		both("the topic of the dynamic configuration", "clientId=c&topic=_wsproxy.dynamic.configs", 403, "NOT_AUTHORIZED", "topic"),
		out("an internal group", ok+"&groupId=__g", 403, "NOT_AUTHORIZED", "groupId"),
		both("a topic that there is not", "clientId=c&topic=no-such-topic", 400, "TOPIC_NOT_FOUND", "no-such-topic"),
	}
	for _, name := range []string{"token", "access_token", "password", "authorization", "Authorization", "id_token", "api_key", "secret"} {
		list = append(list, both("the credential "+name, ok+"&"+name+"=x", 400, "INVALID_PARAMETER", name))
	}
	return list
}

func TestHandshakeRefusals(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		for _, test := range refusedHandshakes() {
			for path, refused := range map[string]bool{"/socket/in": test.in, "/socket/out": test.out} {
				if !refused {
					continue
				}
				query := strings.ReplaceAll(test.query, "TOPIC", topic)
				got := k.run(t).upgrade(t, path+"?"+query)
				f := got.failure(t)
				if got.status != test.status || f.Code != test.code || !strings.Contains(f.Message, test.names) {
					t.Errorf("%s on %s: got %d %+v, want %d %s naming %s", test.name, path, got.status, f, test.status, test.code, test.names)
				}
			}
		}
		if topics, err := k.admin.ListTopics(t.Context()); err != nil || topics.Has("no-such-topic") {
			t.Errorf("the proxy made a topic: %v", err)
		}
	})
}

func TestHandshakeIgnoresUnknownParametersAndTakesTheLongestNames(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic, "clientId="+strings.Repeat("ü", 249), "instanceId=a b/c", "colour=red", "keytype=nonsense")
		c.send(`{"value":null}`)
		c.ack()
		k.run(t).out(t, topic, "groupId="+shared.run+strings.Repeat("g", 249-len(shared.run))).delivery()
	})
}

func TestHandshakeFaultsAreFoundInTheStatedOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "ALLOWED_TOPICS=r*", "ALLOWED_GROUPS=r*")
		foreign := []string{"Origin", "https://elsewhere.example"}
		plain := func(path string, headers ...string) response { return p.get(t, path, headers...) }
		upgrade := func(path string, headers ...string) response { return p.upgrade(t, path, headers...) }
		for _, test := range []struct {
			name   string
			ask    func(string, ...string) response
			query  string
			header []string
			status int
			code   string
		}{
			{"Origin before parameters", plain, "", foreign, 403, "NOT_AUTHORIZED"},
			{"parameters before names", plain, "clientId=c&topic=__x&rate=0", nil, 400, "INVALID_PARAMETER"},
			{"names before the topic's existence", plain, "clientId=c&topic=not-allowed", nil, 403, "NOT_AUTHORIZED"},
			{"the group's name too", plain, "clientId=c&topic=r-missing&groupId=not-allowed", nil, 403, "NOT_AUTHORIZED"},
			{"the topic before the request's kind", plain, "clientId=c&topic=r-missing&groupId=r", nil, 400, "TOPIC_NOT_FOUND"},
			{"the request's kind last", plain, "clientId=c&groupId=r&topic=" + topic, nil, 426, "UPGRADE_REQUIRED"},
			{"an upgrade with a foreign Origin", upgrade, "clientId=c&groupId=r&topic=" + topic, foreign, 403, "NOT_AUTHORIZED"},
			{"an Origin that is no URL", upgrade, "clientId=c&groupId=r&topic=" + topic, []string{"Origin", "null"}, 403, "NOT_AUTHORIZED"},
			{"another WebSocket version", upgrade, "clientId=c&groupId=r&topic=" + topic, []string{"Sec-WebSocket-Version", "8"}, 426, "UPGRADE_REQUIRED"},
			{"a key that is too short", upgrade, "clientId=c&groupId=r&topic=" + topic, []string{"Sec-WebSocket-Key", "AAAA"}, 426, "UPGRADE_REQUIRED"},
			{"all is well", upgrade, "clientId=c&groupId=r&topic=" + topic, []string{"Origin", "http://" + p.addr}, 101, ""},
		} {
			got := test.ask("/socket/out?"+test.query, test.header...)
			code := ""
			if got.status != http.StatusSwitchingProtocols {
				code = got.failure(t).Code
			}
			if got.status != test.status || code != test.code {
				t.Errorf("%s: got %d %s %s, want %d %s", test.name, got.status, code, got.body, test.status, test.code)
			}
			if version := got.header.Get("Sec-WebSocket-Version"); got.status == 426 && version != "13" {
				t.Errorf("%s: the answer tells of version %q", test.name, version)
			}
		}
	})
}

func TestHandshakeAllowedOriginsTopicsAndGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "ALLOWED_ORIGINS=https://*.example.com,http://localhost:3000", "ALLOWED_TOPICS="+topic+",other-*", "ALLOWED_GROUPS=team-*")
		path := "/socket/out?clientId=c&topic=" + topic + "&groupId=team-a"
		for origin, status := range map[string]int{
			"https://app.example.com": 101, "http://localhost:3000": 101, "http://" + p.addr: 403, // the list is all
			"http://app.example.com": 403, "https://example.com": 403, "https://a.b.example.com": 403,
			"http://localhost:3001": 403, "https://app.example.com.evil.org": 403,
		} {
			if got := p.upgrade(t, path, "Origin", origin); got.status != status {
				t.Errorf("Origin %s: got %d, want %d", origin, got.status, status)
			}
		}
		for query, status := range map[string]int{
			"topic=" + topic + "&clientId=c&groupId=team-a":  101,
			"topic=" + topic + "&clientId=team-b":            101, // its group is team-b-group
			"topic=" + topic + "&clientId=c":                 403,
			"topic=" + topic + "&clientId=c&groupId=x":       403,
			"topic=" + topic + "x&clientId=c&groupId=team-a": 403,
			"topic=other-x&clientId=c&groupId=team-a":        400, // allowed, but there is none
		} {
			if got := p.upgrade(t, "/socket/out?"+query); got.status != status {
				t.Errorf("%s: got %d %s, want %d", query, got.status, got.body, status)
			}
		}
	})
}

func TestHandshakeErrorsByClosing(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.run(t)
		for _, test := range []struct {
			query, code string
			close       websocket.StatusCode
		}{
			{"clientId=c", "MISSING_PARAMETER", 4400},
			{"clientId=c&topic=t&rate=x&valType=x", "INVALID_PARAMETER", 4400},
			{"clientId=c&topic=__x", "NOT_AUTHORIZED", 4403},
			{"clientId=c&topic=no-such-topic", "TOPIC_NOT_FOUND", 4404},
		} {
			for _, path := range []string{"/socket/in", "/socket/out"} {
				c := p.dial(t, path+"?handshakeErrors=close&"+test.query)
				frames := c.ended(test.close)
				if len(frames) != 1 || parse[answer](t, frames[0]).Error == nil || parse[answer](t, frames[0]).Error.Code != test.code {
					t.Errorf("%s?%s: got %v, want one frame %s", path, test.query, frames, test.code)
				}
			}
		}
		if got := p.get(t, "/socket/in?handshakeErrors=close&clientId=c"); got.status != 400 {
			t.Errorf("a plain request gets %d", got.status)
		}
	})
}

func TestHandshakeSelectsTheSubprotocol(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		path := "ws://" + k.run(t).addr + target("/socket/in", k.topic(t, 1), nil)
		for offered, want := range map[string]string{"wsproxy.v1": "wsproxy.v1", "other": "", "": ""} {
			options := &websocket.DialOptions{HTTPClient: httpClient()}
			if offered != "" {
				options.Subprotocols = []string{"x", offered}
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			conn, res, err := websocket.Dial(ctx, path, options)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if res.Body != nil {
				_ = res.Body.Close()
			}
			if got := conn.Subprotocol(); got != want {
				t.Errorf("offered %q: selected %q, want %q", offered, got, want)
			}
			_ = conn.CloseNow()
		}
	})
}

func TestHandshakeBeyondTheLimitIsOverloaded(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "MAX_CONNECTIONS=2")
		path := target("/socket/in", topic, nil)
		first := p.in(t, topic)
		p.out(t, topic)
		got := p.upgrade(t, path)
		if f := got.failure(t); got.status != 503 || f.Code != "OVERLOADED" || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d %+v, Retry-After %q", got.status, f, got.header.Get("Retry-After"))
		}
		if frames := p.dial(t, path+"&handshakeErrors=close").ended(1013); len(frames) != 1 {
			t.Errorf("got %v", frames)
		}
		first.close()
		eventually(t, "a place is free", func() bool { return p.upgrade(t, path).status == http.StatusSwitchingProtocols })
	})
}

func TestHandshakeNamesWithEscapesReachKafka(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()+" ü/&=?"
		k.produce(t, topic, numbered(0, 2, 1, 0)...)
		c := k.run(t).dial(t, "/socket/out?clientId=c&topic="+topic+"&groupId="+url.QueryEscape(group))
		c.deliveries(2)
		go func() { _, _ = c.next() }() // answers the ping
		k.awaitCommit(t, group, topic, 2)
	})
}
