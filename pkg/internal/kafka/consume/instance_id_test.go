package consume

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestInstanceID(t *testing.T) {
	long := strings.Repeat("x", maxInstanceID-len(plainInstance))
	tests := map[string]struct {
		client proxy.ClientID
		want   string // if empty, any that Kafka accepts
	}{
		"plain":        {"phone-1.a_B", "wsproxy-phone-1.a_B"},
		"dots":         {"..", "wsproxy-.."},
		"longest":      {proxy.ClientID(long), plainInstance + long},
		"too long":     {proxy.ClientID(long + "x"), ""},
		"space":        {"a phone", ""},
		"slash":        {"a/phone", ""},
		"unicode":      {"telefón", ""},
		"249 of four":  {proxy.ClientID(strings.Repeat("\U0001F4DE", 249)), ""},
		"percent sign": {"a%2Fphone", ""},
	}
	seen := make(map[string]string)
	for name, test := range tests {
		got := instanceID(test.client)
		if test.want != "" && got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		if len(got) > maxInstanceID || !isInstance(got) {
			t.Errorf("%s: Kafka does not take %q", name, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s share %q", name, other, got)
		}
		seen[got] = name
	}
	hashed := instanceID("a phone")
	if same := instanceID(proxy.ClientID(strings.TrimPrefix(hashed, plainInstance))); same == hashed {
		t.Errorf("a client can choose the instance id %q of another", same)
	}
}
