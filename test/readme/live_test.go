package readme

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/spec"
)

// testLive runs the page that reads live, and sends what docs/live.md shows.
func (r *reader) testLive(t *testing.T) {
	t.Helper()
	node := runInNode(t, r.take(t, live, "js live"))
	node.await(t, `^told \{"tail":\{"topics":\[\{"topic":"demo","partitions":4\}\]\}\}$`)
	node.await(t, `^record sensor-\d \{"n":\d+,"at":".*"\}$`)

	sockets, err := spec.NewSockets()
	if err != nil {
		t.Fatal(err)
	}
	if name, err := sockets.Received("/socket/tail", json.RawMessage(r.take(t, live, "json gap"))); err != nil || name != "gap" {
		t.Errorf("it is %s: %v", name, err)
	}

	where := url.QueryEscape(r.take(t, live, "json where"))
	await(t, dial(t, r.at, "/socket/tail?topic=demo&from=earliest&where="+where), `{"wsProxyMessageId":`)
	c := dial(t, r.at, "/socket/tail?topic=demo")
	send(t, c, r.take(t, live, "json subscribe"))
	if got, want := decode(t, await(t, c, `{"subscribed":`)), decode(t, r.take(t, live, "json subscribed")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, the page says %v", got, want)
	}
	await(t, c, `{"wsProxyMessageId":`)

	r.askAsAlice(t, r.take(t, live, "yaml keys"), map[string]int{
		"tail?topic=demo&clientId=page":               http.StatusUpgradeRequired,
		"tail?topic=prices":                           http.StatusForbidden,
		"tail?topic=demo&nobody":                      http.StatusUnauthorized,
		"out?topic=demo&clientId=page":                http.StatusForbidden,
		"out?topic=demo&clientId=page&groupId=__none": http.StatusForbidden,
	})
}

// await reads on to a message that begins so.
func await(t *testing.T, c *websocket.Conn, begin string) string {
	t.Helper()
	for {
		if message := receive(t, c); strings.HasPrefix(message, begin) {
			return message
		}
	}
}
