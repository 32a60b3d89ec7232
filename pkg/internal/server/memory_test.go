package server

import (
	"net/http"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestNewcomersAreRefusedWhileMemoryIsScarce makes connections hold much memory: new connections of the
// same kind are refused before any other check, those of the other kind are not, and readiness does not
// change.
func TestNewcomersAreRefusedWhileMemoryIsScarce(t *testing.T) {
	const in, out = "/socket/in?clientId=c&topic=t", "/socket/out?clientId=c&topic=t"
	for name, test := range map[string]struct {
		held    budget.Kind
		refused string
		taken   string
	}{
		"producers hold it": {budget.Producing, in, out},
		"consumers hold it": {budget.Consuming, out, in},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, new(config.Config))
			withKafka(t, s)
			s.Checks.Set("kafka", nil)
			s.Budget = budget.New(800)
			s.Budget.Charge(test.held, 541) // of 600
			answer := ask(s.Main(), "GET", test.refused)
			checkError(t, answer, proxy.KindOverloaded)
			if answer.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			checkError(t, ask(s.Main(), "GET", test.taken), proxy.KindUpgradeRequired)
			if ready := ask(s.Management(), "GET", "/readyz"); ready.Code != http.StatusOK {
				t.Errorf("/readyz answers %d", ready.Code)
			}
			s.Budget.Release(test.held, 541)
			checkError(t, ask(s.Main(), "GET", test.refused), proxy.KindUpgradeRequired)
		})
	}
}
