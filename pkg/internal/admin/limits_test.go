package admin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// silent is a log that accepts records and never confirms them.
type silent struct{}

func (silent) Append([]clientcfg.Record, func(error)) {}

func newLimits() *Limits {
	table := clientcfg.New(clientcfg.Options{Dynamic: true})
	table.CaughtUp()
	return &Limits{Table: table, Writer: clientcfg.NewWriter(table, silent{})}
}

func wantKind(t *testing.T, what string, err error, want proxy.Kind) {
	t.Helper()
	var e *proxy.Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func ofGroup(t *testing.T, group string, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
	r.SetPathValue("groupId", group)
	return r
}

func TestWhatIsAskedOfLimitsIsChecked(t *testing.T) {
	consumers := newLimits().Consumers()
	for _, test := range []struct {
		name, group string
		body        io.Reader
		want        proxy.Kind
	}{
		{"no id", "", strings.NewReader(`{}`), proxy.KindInvalidParameter},
		{"a control character", "a\x7f", strings.NewReader(`{}`), proxy.KindInvalidParameter},
		{"too long", strings.Repeat("x", 250), strings.NewReader(`{}`), proxy.KindInvalidParameter},
		{"the defaults", clientcfg.DefaultID, strings.NewReader(`{}`), proxy.KindInvalidParameter},
		{"a body that breaks off", "g", iotest.ErrReader(io.ErrUnexpectedEOF), proxy.KindInvalidJSON},
		{"a body of the longest length, no JSON", "g", strings.NewReader(strings.Repeat("x", MaxBody)), proxy.KindInvalidJSON},
		{"a longer body", "g", strings.NewReader(strings.Repeat(" ", MaxBody-1) + `{}`), proxy.KindMessageTooLarge},
		{"a wrong member", "g", strings.NewReader(`{"x":1}`), proxy.KindInvalidValue},
	} {
		_, err := consumers.Create(ofGroup(t, test.group, test.body))
		wantKind(t, test.name, err, test.want)
	}
	_, err := consumers.Remove(ofGroup(t, clientcfg.DefaultID, nil))
	wantKind(t, "removing the defaults", err, proxy.KindInvalidParameter)
	if _, err := consumers.Get(ofGroup(t, clientcfg.DefaultID, nil)); err != nil {
		t.Errorf("reading the defaults: %v", err)
	}
	_, err = consumers.Get(ofGroup(t, "\xff", nil))
	wantKind(t, "reading an id that is not UTF-8", err, proxy.KindInvalidParameter)
}

func TestAChangeOfLimitsIsGivenUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := newLimits()
		limits.Table.Read(0, time.Time{}, []byte("consumer/g"), []byte(`{}`))
		consumers := limits.Consumers()
		for name, change := range map[string]Endpoint{"PUT": consumers.Replace, "DELETE": consumers.Remove, "clear": limits.Clear} {
			began := time.Now()
			_, err := change(ofGroup(t, "g", strings.NewReader(`{}`)))
			wantKind(t, name, err, proxy.KindTimeout)
			if took := time.Since(began); took != writeTimeout {
				t.Errorf("%s: it took %v", name, took)
			}
		}
	})
}
