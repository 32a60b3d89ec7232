package browser

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/wsproxy/kafka-websocket-proxy/test/provider"
)

// visit is what a page has seen of a WebSocket. It sends what it is told to, and closes after as many
// messages.
type visit struct {
	Protocol string
	Opened   bool
	Messages []string
	Code     int
	Reason   string
}

// script opens a WebSocket as any page would.
const script = `(address, protocols, sends) => new Promise((resolve) => {
	const seen = {Protocol: "", Opened: false, Messages: [], Code: 0, Reason: ""};
	const socket = new WebSocket(address, protocols);
	socket.onopen = () => {
		seen.Opened = true;
		seen.Protocol = socket.protocol;
		sends.forEach((text) => socket.send(text));
	};
	socket.onmessage = (event) => {
		seen.Messages.push(event.data);
		if (sends.length > 0 && seen.Messages.length === sends.length) socket.close(1000);
	};
	socket.onclose = (event) => {
		seen.Code = event.code;
		seen.Reason = event.reason;
		resolve(JSON.stringify(seen));
	};
})`

// issue signs a token for alice by an issuer that runs until the test's end.
func issue(t *testing.T) (issuer, token string) {
	t.Helper()
	issuer, sign := newIssuer(t)
	return issuer, sign(time.Hour)
}

// newIssuer runs an issuer until the test's end. It signs tokens for alice that last for a time.
func newIssuer(t *testing.T) (address string, sign func(time.Duration) string) {
	t.Helper()
	p := provider.New(t)
	return p.URL(), func(lasts time.Duration) string { return p.Until("alice", time.Now().Add(lasts)) }
}

func TestSorePointPagesBringTokens(t *testing.T) {
	browser := launch(t)
	home, foreign := page(t), page(t)
	issuer, token := issue(t)
	a := start(t, "OPENID_ENABLED=true", "OPENID_AUDIENCE=wsproxy", "OPENID_WELLKNOWN="+issuer+"/.well-known/openid-configuration",
		"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=root", "BASIC_AUTH_PASSWORD=ses:ame", "ALLOWED_ORIGINS="+home.URL)
	const produce, renew = `{"value":{"value":"v"},"messageId":"m"}`, `{"auth":{"token":"TOKEN"}}`
	bearer := "wsproxy.bearer." + token
	password := "wsproxy.basic." + base64.RawURLEncoding.EncodeToString([]byte("root:ses:ame"))
	for _, test := range []struct {
		name    string
		from    string
		query   string
		offers  []string
		sends   []string
		want    visit
		answers []string // parts of the messages
	}{
		{
			"a token", home.URL, "",
			[]string{"wsproxy.v1", bearer},
			[]string{produce, strings.ReplaceAll(renew, "TOKEN", token)},
			visit{Protocol: "wsproxy.v1", Opened: true, Code: 1000},
			[]string{`"messageId":"m"`, `{"auth":{"expiresAt":`},
		},
		{
			"a password", home.URL, "",
			[]string{"wsproxy.v1", password},
			[]string{produce},
			visit{Protocol: "wsproxy.v1", Opened: true, Code: 1000},
			[]string{`"messageId":"m"`},
		},
		{
			"a token, from another origin", foreign.URL, "",
			[]string{"wsproxy.v1", bearer},
			nil,
			visit{Code: 1006},
			nil,
		},
		{
			"a token, from another origin, which is told why", foreign.URL, "&handshakeErrors=close",
			[]string{"wsproxy.v1", bearer},
			nil,
			visit{Protocol: "wsproxy.v1", Opened: true, Code: 4403},
			[]string{`"code":"NOT_AUTHORIZED"`},
		},
		{
			"a bad token, which the page cannot tell from anything else", home.URL, "",
			[]string{"wsproxy.v1", bearer + "x"},
			nil,
			visit{Code: 1006},
			nil,
		},
		{
			"a bad token, and the page is told", home.URL, "&handshakeErrors=close",
			[]string{"wsproxy.v1", bearer + "x"},
			nil,
			visit{Protocol: "wsproxy.v1", Opened: true, Code: 4401},
			[]string{`"code":"NOT_AUTHENTICATED"`},
		},
		{
			"no credentials, and the page is told", home.URL, "&handshakeErrors=close",
			[]string{"wsproxy.v1"},
			nil,
			visit{Protocol: "wsproxy.v1", Opened: true, Code: 4401},
			[]string{`"code":"NOT_AUTHENTICATED"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			sends, offers := toJSON(t, test.sends), toJSON(t, test.offers)
			address := "ws://" + a.Addr() + "/socket/in?topic=t&clientId=page" + test.query
			if err := chromedp.Do(browser, chromedp.Navigate(test.from)); err != nil {
				t.Fatal(err)
			}
			text, err := chromedp.Run(browser, chromedp.Evaluate[string](
				"("+script+")("+toJSON(t, address)+","+offers+","+sends+")", chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			var got visit
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			if got.Opened != test.want.Opened || got.Protocol != test.want.Protocol || got.Code != test.want.Code || len(got.Messages) != len(test.answers) {
				t.Fatalf("the page has seen %+v", got)
			}
			for i, part := range test.answers {
				if !strings.Contains(got.Messages[i], part) {
					t.Errorf("message %d is %s", i, got.Messages[i])
				}
			}
		})
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	if list, ok := v.([]string); ok && list == nil {
		return "[]"
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
