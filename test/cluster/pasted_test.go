//go:build cluster

package cluster

import (
	"context"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/crypto/bcrypt"
)

const (
	pastedRelease = "pasted"
	pastedHost    = "proxy.example.org"
	// arrears are records that nobody has read: five times what the example has a replica take.
	arrears = 5000
)

// testPasted installs deploy/examples/pools.yaml as it is, beside what names this cluster: its image, its Kafka, its ingress class and
// how little CPU its nodes have. Each group is served by its pool alone, and lag scales the pool that it is of.
func testPasted(t *testing.T, s *site) {
	needKeda(t)
	need(t, "CLUSTER_KAFKA", "CLUSTER_INGRESS_CLASS", "CLUSTER_INGRESS_ADDRESS")
	s.kafka.named(t, "orders", "prices")
	p := s.paste(t)
	p.wantRules(t)
	read := p.read(t, p.produce(t, 120))
	t.Logf("%d records read and committed", read)
	s.kafka.fill(t, "orders", arrears)
	began := time.Now()
	await(t, "replicas by lag", longest, func() bool { return deployed(t, "reports") == strconv.Itoa(arrears/1000) })
	s.note(t, "reports went to %s replicas %s after a lag of %d, audit has %s",
		deployed(t, "reports"), time.Since(began).Round(time.Second), arrears, deployed(t, "audit"))
	if n := deployed(t, "audit"); n != "1" {
		t.Errorf("the pool without lag has %s replicas", n)
	}
	s.note(t, "%d records read by way of the pool", p.read(t, arrears))
	command(t, "helm", "uninstall", pastedRelease, "--wait")
}

// deployed is the number of replicas that a pool of the example is to have.
func deployed(t *testing.T, pool string) string {
	t.Helper()
	return kubectl(t, "get", "deployment", pastedRelease+"-wsproxy-"+pool, "--output", "jsonpath={.spec.replicas}")
}

// pasted is the example's way in, by its host name.
type pasted struct {
	client *http.Client
	kafka  *kafka
	total  int64 // records read
}

func (s *site) paste(t *testing.T) *pasted {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, user := range []string{"reporting", "auditors", "app-1"} {
		lines.WriteString(user + ":" + string(hash) + "\n")
	}
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	secretOf(t, usersSecret, "--from-file", file)
	p := &pasted{client: secret(t, "proxy-tls", pastedHost), kafka: s.kafka}
	values := image(t, os.Getenv("IMAGE"))
	values["kafka.bootstrapHosts"] = escape(os.Getenv("CLUSTER_KAFKA"))
	values["ingress.className"] = os.Getenv("CLUSTER_INGRESS_CLASS")
	values["resources.requests.cpu"], values["pools.reports.resources.requests.cpu"] = "50m", "50m"
	values["pools.reports.resources.requests.memory"] = "128Mi"
	command(t, "helm", append([]string{
		"install", pastedRelease, "../../charts/wsproxy", "--values", "../../deploy/examples/pools.yaml", "--wait", "--timeout", "4m",
	}, set(values)...)...)
	return p
}

// wantRules looks who is let in where.
func (p *pasted) wantRules(t *testing.T) {
	t.Helper()
	for _, test := range []struct {
		path, user string
		want       int
	}{
		{"/reports/socket/out?groupId=reports&topic=orders", "reporting", http.StatusSwitchingProtocols},
		{"/audit/socket/out?groupId=audit&topic=orders", "auditors", http.StatusSwitchingProtocols},
		{"/socket/in?topic=orders", "app-1", http.StatusSwitchingProtocols},
		{"/socket/out?groupId=reports&topic=orders", "reporting", http.StatusForbidden},       // the default pool has no group of a pool
		{"/audit/socket/out?groupId=reports&topic=orders", "reporting", http.StatusForbidden}, // nor has another pool
		{"/reports/socket/out?groupId=reports&topic=orders", "auditors", http.StatusForbidden},
		{"/socket/in?topic=orders", "reporting", http.StatusForbidden},
	} {
		status := 0
		await(t, "answer at "+test.path, 2*time.Minute, func() bool {
			var conn *websocket.Conn
			conn, status = p.dial(t, test.path+"&clientId=rules", test.user)
			if conn != nil {
				_ = conn.Close(websocket.StatusNormalClosure, "")
			}
			return status != 0 && status != http.StatusNotFound && status < http.StatusInternalServerError // the ingress may not know the path yet
		})
		if status != test.want {
			t.Errorf("%s by %s is answered %d, want %d", test.path, test.user, status, test.want)
		}
	}
}

// dial returns nil and the status where it is not let in, 0 where nobody answers.
func (p *pasted) dial(t *testing.T, path, user string) (conn *websocket.Conn, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	credentials := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	conn, answer, err := websocket.Dial(ctx, "wss://"+pastedHost+path, &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		HTTPClient: p.client, HTTPHeader: http.Header{"Authorization": {credentials}},
	})
	if answer != nil {
		status = answer.StatusCode
	}
	if err != nil {
		return nil, status
	}
	conn.SetReadLimit(1 << 20)
	return conn, status
}

// produce sends records by way of the default pool, waits for each answer, and returns how many they are.
func (p *pasted) produce(t *testing.T, count int) int {
	t.Helper()
	conn, status := p.dial(t, "/socket/in?topic=orders&clientId=producer", "app-1")
	if conn == nil {
		t.Fatalf("a producer is answered %d", status)
	}
	for n := range count {
		ctx, cancel := context.WithTimeout(t.Context(), longest)
		text := strconv.Itoa(n)
		err := conn.Write(ctx, websocket.MessageText, []byte(`{"key":{"value":"`+text+`"},"value":{"value":"`+text+`"},"messageId":"`+text+`"}`))
		var answer frame
		if err == nil {
			answer, err = read(ctx, conn)
		}
		cancel()
		if err != nil || answer.Error.Code != "" {
			t.Fatalf("record %d: %+v, %v", n, answer, err)
		}
	}
	_ = conn.Close(websocket.StatusNormalClosure, "")
	return count
}

// read takes so many records of the group that have not come before, by the path of its pool, until the group has committed them, and
// returns how many came.
func (p *pasted) read(t *testing.T, count int) int {
	t.Helper()
	type position struct {
		partition int32
		offset    int64
	}
	had := map[position]bool{}
	conn, status := p.dial(t, "/reports/socket/out?groupId=reports&topic=orders&clientId=reader", "reporting")
	if conn == nil {
		t.Fatalf("a consumer is answered %d", status)
	}
	for len(had) < count {
		ctx, cancel := context.WithTimeout(t.Context(), longest)
		record, err := read(ctx, conn)
		cancel()
		if err != nil || record.Error.Code != "" {
			t.Fatalf("after %d records: %+v, %v", len(had), record, err)
		}
		had[position{record.Partition, record.Offset}] = true
	}
	conn.CloseRead(t.Context()) // answers the pings by which the proxy knows what has arrived
	p.total += int64(count)
	await(t, "commit of what was read", longest, func() bool { return p.kafka.committed(t, "reports", "orders") == p.total })
	_ = conn.Close(websocket.StatusNormalClosure, "")
	return len(had)
}

// named makes topics of these names, which go with the test. It skips the test where there is one.
func (k *kafka) named(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		created, err := k.admin.CreateTopic(t.Context(), 6, -1, nil, name)
		if err == nil {
			err = created.Err
		}
		if err != nil {
			t.Skipf("creating topic %s, which the example names: %v", name, err)
		}
		t.Cleanup(func() { k.remove(t, name) })
	}
}

func (k *kafka) remove(t *testing.T, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if _, err := k.admin.DeleteTopics(ctx, names...); err != nil {
		t.Errorf("deleting the topics: %v", err)
	}
}

// committed is how many records of a topic a group has behind it.
func (k *kafka) committed(t *testing.T, group, topic string) (sum int64) {
	t.Helper()
	positions, err := k.positions(t.Context(), group, topic)
	if err != nil {
		t.Fatal(err)
	}
	for i := range positions {
		sum += positions[i].Offset
	}
	return sum
}

// fill writes records into a topic.
func (k *kafka) fill(t *testing.T, topic string, count int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = kgo.StringRecord(`"` + strconv.Itoa(i) + `"`)
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
