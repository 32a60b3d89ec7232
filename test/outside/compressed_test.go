package outside

import (
	"fmt"
	"strings"
	"testing"
)

// TestForeignClientsCompress has clients that offer compression by themselves produce and consume what
// becomes much shorter.
func TestForeignClientsCompress(t *testing.T) {
	t.Parallel()
	const count = 30
	for _, f := range foreigners() {
		t.Run(f.language, func(t *testing.T) {
			k := realKafka(t)
			p, topic := serve(t, k.addr, "WSPROXY_COMPRESSION_ENABLED=true"), k.topic(1)
			var lines, values []string
			length := 0
			for i := range count {
				value := fmt.Sprintf("%d of what is measured: %s", i, strings.Repeat("21.5 °C at noon, ", 50*(1+i)))
				values, lines = append(values, value), append(lines, fmt.Sprintf(`{"value":{"value":%q}}`, value))
				length += len(value)
			}
			if answers := f.lines(t, strings.Join(lines, "\n"), "produce", p.url("/socket/in?clientId=p&topic="+topic)); len(answers) != count {
				t.Fatalf("got %q", answers)
			}
			r := f.consume(t, p.url("/socket/out?clientId=c&topic="+topic))
			for i, want := range values {
				if got := r.next(); got.Value.Value != want {
					t.Fatalf("record %d is %.200q", i, got.Value.Value)
				}
			}
			r.stop()
			received, sent := p.metric(t, "wsproxy_bytes_received_total"), p.metric(t, "wsproxy_bytes_sent_total")
			t.Logf("%d bytes of values took %v bytes to the proxy and %v from it", length, received, sent)
			if most := float64(length) / 5; received > most || sent > most {
				t.Errorf("%d bytes of values took %v bytes to the proxy and %v from it", length, received, sent)
			}
		})
	}
}
