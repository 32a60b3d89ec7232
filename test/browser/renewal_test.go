package browser

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kfake"
)

// usesTheClient has a page bring tokens that expire after seconds, and read and write meanwhile.
const usesTheClient = `(async (proxy, topic) => {
	const { connect } = await import("/wsproxy-client.min.js");
	const seen = { tokens: 0, states: [], values: [], tailed: 0 };
	const getToken = async () => (seen.tokens++, (await fetch("/token")).text());
	const client = connect(proxy, { getToken });
	(async () => { for await (const { endpoint, state } of client.status()) seen.states.push(endpoint + " " + state); })();
	const producer = client.producer({ topic });
	const tail = client.tail({ topic, from: "earliest" });
	(async () => { for await (const { type } of tail) if (type === "record") seen.tailed++; })();
	const consumer = client.consume({ topic, valType: "json" });
	const end = Date.now() + 9000;
	for (let n = 0; Date.now() < end; n++) {
		await producer.send({ value: { n } });
		const { value } = await consumer.next();
		seen.values.push(value.value.n);
		value.commit();
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	while (seen.tailed < seen.values.length) await new Promise((resolve) => setTimeout(resolve, 20));
	await client.close();
	return JSON.stringify(seen);
})`

// usage is what a page has seen.
type usage struct {
	Tokens int
	States []string
	Values []int
}

// TestPageRenewsItsTokens has tokens that expire after 8 s renewed on the open sockets of a page.
func TestPageRenewsItsTokens(t *testing.T) {
	browser, client := launch(t), filepath.Join(typeScriptClient(t), "dist", "wsproxy-client.min.js")
	issuer, sign := newIssuer(t)
	routes := http.NewServeMux()
	routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>page</title>"))
	})
	routes.HandleFunc("/wsproxy-client.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, client) })
	routes.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(sign(8 * time.Second))) })
	home := httptest.NewServer(routes)
	t.Cleanup(home.Close)
	topics := []string{"one", "two", "three"}
	a := startOn(t, broker(t, kfake.SeedTopics(1, topics...)), "OPENID_ENABLED=true", "OPENID_AUDIENCE=wsproxy",
		"OPENID_WELLKNOWN="+issuer+"/.well-known/openid-configuration", "ALLOWED_ORIGINS="+home.URL)
	if err := chromedp.Do(browser, chromedp.Navigate(home.URL)); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		if (&live{t, browser}).usesTokens("ws://"+a.Addr(), topic) {
			return
		}
	}
	t.Fatal("connections are lost when their tokens expire")
}

// usesTokens has the page read and write for longer than a token lasts. It returns whether no connection was lost meanwhile, as
// one may be where other programs keep the page from renewing its token in time.
func (p *live) usesTokens(proxy, topic string) bool {
	t := p.t
	t.Helper()
	text, err := chromedp.Run(p.browser, chromedp.Evaluate[string](
		usesTheClient+"("+toJSON(t, proxy)+","+toJSON(t, topic)+")", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var seen usage
	if err := json.Unmarshal([]byte(text), &seen); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(seen.States, func(state string) bool { return strings.HasSuffix(state, "waiting") }) {
		t.Logf("a connection was lost: %q", seen.States)
		return false
	}
	for n, value := range seen.Values {
		if n != value {
			t.Fatalf("value %d is %d", n, value)
		}
	}
	const sockets = 3
	if len(seen.Values) < 2 || seen.Tokens < 2*sockets {
		t.Errorf("%d values with %d tokens", len(seen.Values), seen.Tokens)
	}
	return true
}
