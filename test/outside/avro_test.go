package outside

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// avroRecords is how many records of each format go round.
const avroRecords = 500

// avroResult is an answer of /socket/in as the scripts print it.
type avroResult struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
	ID        *string `json:"clientMessageId"`
}

// avroDelivery is a record of /socket/out as the scripts print it.
type avroDelivery struct {
	MessageID string `json:"wsProxyMessageId"`
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
	avroRecord
}

// avro is the same language with a library for Avro.
func (f foreign) avro() foreign {
	f.script = strings.Replace(f.script, "client.", "avro.", 1)
	return f
}

// roundTrip is one run of a script, which uses a topic of its own with one partition.
type roundTrip struct {
	t                *testing.T
	k                *cluster
	topic            string
	samples          []*avroSample
	keyType, valType string // of /socket/out
}

// TestAvroLibrariesGoRound has few formats. [TestLongAvroLibrariesGoRound] has all.
func TestAvroLibrariesGoRound(t *testing.T) {
	t.Parallel()
	goRound(t, "json", "long", "bytearray")
}

func TestLongAvroLibrariesGoRound(t *testing.T) { goRound(t, formats()...) }

// goRound writes and reads records of each format, as keys and as values, with Avro libraries that the proxy
// does not use.
func goRound(t *testing.T, formats ...string) {
	t.Helper()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		for i, valType := range formats {
			keyType := formats[(i+1)%len(formats)]
			t.Run(valType, func(t *testing.T) {
				r := newRoundTrip(t, keyType, valType)
				r.samples = avroSamples(avroRecords, always(keyType), always(valType))
				r.run(f, p, url.Values{"keyType": {keyType}, "valType": {valType}})
			})
		}
	})
}

func always(format string) func(int) string { return func(int) string { return format } }

// TestAvroLibrariesChooseByBranch names no format to /socket/in: the branch decides. /socket/out returns
// the bytes.
func TestAvroLibrariesChooseByBranch(t *testing.T) {
	t.Parallel()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		branches := []string{"bytearray", "string", "int", "long", "double", "float"}
		r := newRoundTrip(t, "bytearray", "bytearray")
		r.samples = avroSamples(avroRecords,
			func(i int) string { return branches[i%len(branches)] },
			func(i int) string { return branches[i/len(branches)%len(branches)] })
		for _, s := range r.samples {
			if s.written.Key != nil {
				s.delivered.Key = &content{"bytes", fmt.Sprintf("%x", s.written.Key)}
			}
			s.delivered.Value = content{"bytes", fmt.Sprintf("%x", s.written.Value)}
		}
		r.run(f, p, nil)
	})
}

func newRoundTrip(t *testing.T, keyType, valType string) *roundTrip {
	t.Helper()
	k := realKafka(t)
	return &roundTrip{t: t, k: k, topic: k.topic(1), keyType: keyType, valType: valType}
}

// run sends the samples and compares the answers, what Kafka holds, what is delivered, and
// what the client's commit did.
func (r *roundTrip) run(f foreign, p *proxy, formats url.Values) {
	r.t.Helper()
	in := url.Values{"clientId": {"a"}, "topic": {r.topic}, "socketPayload": {"avro"}}
	maps.Copy(in, formats)
	out := url.Values{
		"clientId": {"a"}, "topic": {r.topic}, "socketPayload": {"avro"}, "groupId": {r.topic}, "autoCommit": {"false"},
		"keyType": {r.keyType}, "valType": {r.valType},
	}
	lines := f.avro().lines(r.t, r.input(), p.main, "/socket/in?"+in.Encode(), "/socket/out?"+out.Encode(), r.keyType, r.valType)
	n := len(r.samples)
	if len(lines) != 2*n {
		r.t.Fatalf("%d lines for %d records", len(lines), n)
	}
	log := r.k.log(r.topic)[0]
	if len(log) != n {
		r.t.Fatalf("the log holds %d of %d records", len(log), n)
	}
	for i, s := range r.samples {
		r.checkResult(lines[i], s, log[i])
		r.checkWritten(s, log[i])
		r.checkDelivered(lines[n+i], s, log[i])
	}
	await(r.t, "the commit", func() bool { return r.k.committed(r.topic, r.topic)[0] == int64(n) })
}

func (r *roundTrip) input() string {
	r.t.Helper()
	var text strings.Builder
	e := json.NewEncoder(&text)
	for _, s := range r.samples {
		must(r.t, e.Encode(s.sent))
	}
	return text.String()
}

func (r *roundTrip) checkResult(line string, s *avroSample, written *kgo.Record) {
	r.t.Helper()
	var got avroResult
	must(r.t, json.Unmarshal([]byte(line), &got))
	want := avroResult{r.topic, 0, written.Offset, written.Timestamp.UnixMilli(), s.sent.ID}
	if !reflect.DeepEqual(got, want) {
		r.t.Fatalf("record %d was answered by %s, want %+v", written.Offset, line, want)
	}
}

func (r *roundTrip) checkWritten(s *avroSample, got *kgo.Record) {
	r.t.Helper()
	sameHeaders := slices.EqualFunc(got.Headers, s.written.Headers, func(a, b kgo.RecordHeader) bool {
		return a.Key == b.Key && sameBytes(a.Value, b.Value)
	})
	if !sameBytes(got.Key, s.written.Key) || !sameBytes(got.Value, s.written.Value) || !sameHeaders {
		r.t.Fatalf("record %d is in Kafka %q %q %q, want %q %q %q", got.Offset,
			got.Key, got.Value, got.Headers, s.written.Key, s.written.Value, s.written.Headers)
	}
}

// sameBytes tells null from empty.
func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func (r *roundTrip) checkDelivered(line string, s *avroSample, written *kgo.Record) {
	r.t.Helper()
	var got avroDelivery
	must(r.t, json.Unmarshal([]byte(line), &got))
	at := written.Timestamp.UnixMilli()
	want := avroDelivery{fmt.Sprintf("%s-0-%d-%d", r.topic, written.Offset, at), r.topic, 0, written.Offset, at, s.delivered}
	want.ID = nil
	if !reflect.DeepEqual(got, want) {
		r.t.Fatalf("record %d came as %s, want %+v", written.Offset, line, want)
	}
}
