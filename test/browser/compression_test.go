package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// exchange is what a page has seen that produced messages and consumed them.
type exchange struct {
	Extensions []string // of the two sockets
	Answers    []string
	Records    []string
}

// exchangeScript produces messages, and consumes as many.
const exchangeScript = `(produce, consume, sends) => new Promise((resolve, reject) => {
	const seen = {Extensions: [], Answers: [], Records: []};
	const open = (address, sends, messages, next) => {
		const socket = new WebSocket(address);
		socket.onopen = () => {
			seen.Extensions.push(socket.extensions);
			sends.forEach((text) => socket.send(text));
		};
		socket.onmessage = (event) => {
			messages.push(event.data);
			if (messages.length === count) socket.close(1000);
		};
		socket.onclose = (event) => event.code === 1000 ? next() : reject(new Error("closed with " + event.code + " " + event.reason));
	};
	const count = sends.length;
	open(produce, sends, seen.Answers, () => open(consume, [], seen.Records, () => resolve(JSON.stringify(seen))));
})`

// TestMessagesAreCompressed has a page produce and consume messages that resemble each other, which come back
// as they were, and take a fraction of their length both ways.
func TestMessagesAreCompressed(t *testing.T) {
	const count = 50
	browser, home := launch(t), page(t)
	a := start(t, "COMPRESSION_ENABLED=true", "ALLOWED_ORIGINS="+home.URL)
	var sends, values []string
	length := 0
	for i := range count {
		value := fmt.Sprintf("%d of what is measured: %s", i, strings.Repeat("21.5 °C at noon, ", 50+i))
		values = append(values, value)
		sends = append(sends, `{"value":{"value":`+toJSON(t, value)+`}}`)
		length += len(value)
	}
	if err := chromedp.Do(browser, chromedp.Navigate(home.URL)); err != nil {
		t.Fatal(err)
	}
	address := func(path string) string { return toJSON(t, "ws://"+a.Addr()+path+"?topic=t&clientId=page") }
	text, err := chromedp.Run(browser, chromedp.Evaluate[string](
		"("+exchangeScript+")("+address("/socket/in")+","+address("/socket/out")+","+toJSON(t, sends)+")", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var got exchange
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	const agreed = "permessage-deflate; client_no_context_takeover"
	if len(got.Answers) != count || len(got.Records) != count || len(got.Extensions) != 2 || got.Extensions[0] != agreed || got.Extensions[1] != agreed {
		t.Fatalf("the page has %d answers and %d records by %q", len(got.Answers), len(got.Records), got.Extensions)
	}
	for i, record := range got.Records {
		var r struct{ Value struct{ Value string } }
		if err := json.Unmarshal([]byte(record), &r); err != nil || r.Value.Value != values[i] {
			t.Errorf("record %d is %.200s, %v", i, record, err)
		}
	}
	received, sent := bytesMetric(t, a, "received"), bytesMetric(t, a, "sent")
	t.Logf("%d bytes of values took %d bytes to the proxy and %d from it", length, received, sent)
	if received > length/5 || sent > length/3 { // the answers, which are short, are among what is sent
		t.Errorf("%d bytes of values took %d bytes to the proxy and %d from it", length, received, sent)
	}
}

// bytesMetric returns how many bytes the proxy has sent or received.
func bytesMetric(t *testing.T, a *app.App, direction string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.AdminAddr()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "wsproxy_bytes_"+direction+"_total "); ok {
			bytes, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(bytes)
		}
	}
	t.Fatalf("there is no metric of what was %s", direction)
	return 0
}
