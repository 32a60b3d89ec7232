package session

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestAReplicaTellsOnceThatItAdmitsNobody has Kafka acknowledge nothing for a minute, twice.
func TestAReplicaTellsOnceThatItAdmitsNobody(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, _ *Sessions) {
		t.Helper()
		var text bytes.Buffer // is written with a.mu held
		a.mu.Lock()
		a.options.Log = slog.New(slog.NewTextHandler(&text, nil))
		a.mu.Unlock()
		for times := 1; times <= 2; times++ {
			for _, outage := range []bool{true, false} {
				l.outage(outage)
				time.Sleep(time.Minute)
			}
			a.mu.Lock()
			told := text.String()
			a.mu.Unlock()
			if strings.Count(told, "who needs a session is refused") != times || strings.Count(told, "who needs a session is admitted again") != times {
				t.Errorf("after %d outages it has told: %s", times, told)
			}
		}
	})
}
