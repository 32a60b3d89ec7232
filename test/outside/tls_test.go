package outside

import (
	"net"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// TestForeignClientsUseTLS makes each client write and read over TLS with the proxy's CA configured.
// Without that CA the client itself must refuse to connect.
func TestForeignClientsUseTLS(t *testing.T) {
	t.Parallel()
	k, authority, folder := realKafka(t), certs.NewAuthority(t), t.TempDir()
	cert, key := authority.Server(t).Write(t, folder)
	ca := certs.Write(t, folder, "ca.crt", authority.PEM())
	p := serve(t, k.addr, "WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_ONLY=true", "WSPROXY_ADMIN_SSL_ENABLED=false",
		"WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0", "WSPROXY_SSL_CERT_FILE="+cert, "WSPROXY_SSL_KEY_FILE="+key)
	_, port, err := net.SplitHostPort(p.TLSAddress())
	must(t, err)
	for _, f := range foreigners() {
		t.Run(f.language, func(t *testing.T) {
			topic := k.topic(1)
			url := "wss://localhost:" + port
			trusting := []string{"NODE_EXTRA_CA_CERTS=" + ca, "SSL_CERT_FILE=" + ca}

			write := f.command(t, "produce", url+"/socket/in?clientId=p&topic="+topic)
			write.Env = append(write.Env, trusting...)
			write.Stdin = strings.NewReader(strings.Repeat(`{"value":{"value":"`+strings.Repeat("x", 100_000)+`"}}`+"\n", 3))
			answers := runToEnd(t, write)
			if len(answers) != 3 {
				t.Fatalf("got %q", answers)
			}
			checkAnswer(t, answers[2], topic, 2, "", "")
			if records := k.log(topic)[0]; len(records) != 3 || len(records[0].Value) != 100_000 {
				t.Errorf("the log holds %d records", len(records))
			}

			strange := f.command(t, "produce", url+"/socket/in?clientId=p&topic="+topic)
			if out, err := strange.CombinedOutput(); err == nil || !strings.Contains(strings.ToLower(string(out)), "certificate") {
				t.Errorf("without the CA: %v, %s", err, out)
			}
		})
	}
}
