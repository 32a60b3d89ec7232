package server

import (
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// parameters is what a handshake makes of a query string.
type parameters struct {
	topic   string
	group   proxy.GroupID
	payload metrics.Payload
	log     []any // the identifiers
	rate    int
	isRate  bool // whether rate was accepted
}

// FuzzQuery states of every query string, on both sockets: it is refused by one sentence in
// UTF-8, the same each time, or each parameter has exactly the value that was written, within
// its rules, and reads the same when it is encoded again; what it allocates is in proportion
// to its length.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"clientId=c&topic=t", "clientId=c&topic=t&groupId=a/b%20c&rate=1&batchSize=2147483647", "topic=t&clientId=%C3%A4&instanceId=i&transactional=false",
		"clientId=c&topic=t&keyType=INT&valType=Byte_Array&autoCommit=FALSE&offsetResetStrategy=Latest&isolationLevel=READ_COMMITTED&socketPayload=AVRO",
		"clientId=c&clientId=d&topic=t", "clientId=&topic=..", "clientId=c&topic=t&access_token=x", "clientId=c;topic=t", "clientId=%zz&topic=t", "clientId=a%00b&topic=t&rate=-0",
		"handshakeErrors=close&clientId=c&topic=t", "rate=%2B07&clientId=c&topic=t", "x=%FF&clientId=%FF&topic=t",
	} {
		f.Add(seed)
	}
	s := &Server{Config: &config.Config{}, Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, raw string) {
		for name, parse := range map[string]parser{"in": s.parseIn, "out": s.parseOut} {
			first, e := readAll(t, raw, parse)
			again, repeated := readAll(t, raw, parse)
			if !reflect.DeepEqual(first, again) || !reflect.DeepEqual(e, repeated) {
				t.Fatalf("%s: %q reads as %+v (%v), then as %+v (%v)", name, raw, first, e, again, repeated)
			}
			if e != nil {
				checkRefusal(t, e)
				continue
			}
			values := checkValues(t, raw, &first)
			encoded, e := readAll(t, values.Encode(), parse)
			if e != nil || !reflect.DeepEqual(first, encoded) {
				t.Fatalf("%s: %q reads as %+v, encoded again as %+v (%v)", name, raw, first, encoded, e)
			}
		}
	})
}

// readAll reads a query string as a handshake does.
func readAll(t *testing.T, raw string, parse parser) (parameters, *proxy.Error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	q := parseQuery(raw)
	q.choice("handshakeErrors", "status", "close")
	f := parse(q, new(proxy.Identity))
	e := q.err()
	runtime.ReadMemStats(&after)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<16+400*len(raw)); took > most {
		t.Fatalf("%d bytes allocated for a query of %d", took, len(raw))
	}
	rate := q.positive("rate")
	return parameters{
		topic: f.topic, group: f.group, payload: f.payload, log: f.log,
		rate: rate, isRate: rate > 0 && q.faults["rate"] == nil,
	}, e
}

func checkRefusal(t *testing.T, e *proxy.Error) {
	t.Helper()
	if e.Kind != proxy.KindMissingParameter && e.Kind != proxy.KindInvalidParameter {
		t.Fatalf("refused by %v", e)
	}
	if e.Message == "" || !utf8.ValidString(e.Message) || e.Cause != nil {
		t.Fatalf("refused by %q", e.Message)
	}
}

// checkValues compares what was accepted with what the library makes of the query.
func checkValues(t *testing.T, raw string, p *parameters) url.Values {
	t.Helper()
	values, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatalf("%q is accepted, though %v", raw, err)
	}
	for i := 0; i < len(p.log); i += 2 {
		name, got := fmt.Sprint(p.log[i]), fmt.Sprint(p.log[i+1])
		want := values.Get(name)
		if name == "groupId" && want == "" {
			want = values.Get("clientId") + "-group"
		}
		if got != want || len(values[name]) > 1 || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q: %s is read as %q", raw, name, got)
		}
	}
	if id := values.Get("clientId"); id == "" || utf8.RuneCountInString(id) > proxy.MaxIdentifier {
		t.Fatalf("%q: the clientId %q is accepted", raw, id)
	}
	if p.topic != values.Get("topic") || p.topic == "" || len(p.topic) > maxTopic {
		t.Fatalf("%q: the topic is read as %q", raw, p.topic)
	}
	if n, ok := new(big.Int).SetString(values.Get("rate"), 10); p.isRate && (!ok || n.Cmp(big.NewInt(int64(p.rate))) != 0) {
		t.Fatalf("%q: the rate is read as %d", raw, p.rate)
	}
	return values
}
