package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The members of messages as kpmeen/kafka-websocket-proxy documents them, with a value of their type each. docs/migration.md promises that
// programs for it find these here.
const (
	theirMessage  = `{"headers":[{"key":"my_header","value":"header_value"}],"key":{"value":"foo","format":"string"},"value":{"value":"bar","format":"string"},"messageId":"id-1"}`
	theirAck      = `{"topic":"","partition":0,"offset":0,"timestamp":0,"messageId":""}`
	theirRecord   = `{"wsProxyMessageId":"","topic":"","partition":0,"offset":0,"timestamp":0,"key":{"value":"","format":""},"value":{"value":"","format":""}}`
	theirHealth   = `{"response":""}`
	theirBrokers  = `[{"id":0,"host":"","port":0}]`
	theirConsumer = `{"group-id":"","max-connections":0,"messages-per-second":0,"batch-size":0}`
	theirProducer = `{"producer-id":"","max-connections":0,"messages-per-second":0}`
	theirLimits   = `{"consumers":{"static":[` + theirConsumer + `],"dynamic":[` + theirConsumer + `]},"producers":{"static":[` + theirProducer + `],"dynamic":[` + theirProducer + `]}}`
	theirGroups   = `[{"groupId":"","isSimple":false,"state":"","members":[]}]`
	theirGroup    = `{"groupId":"","isSimple":false,"state":"","partitionAssignor":"","members":[""]}`
	theirOffsets  = `[{"topic":"","partition":0,"offset":0}]`
)

// promised compares an answer with the members that are documented: each must be there and have its type. There may be others.
func promised(t *testing.T, what, documented, answer string) {
	t.Helper()
	if fault := missing(parse[any](t, documented), parse[any](t, answer)); fault != "" {
		t.Errorf("%s: %s in %s", what, fault, answer)
	}
}

// missing returns what an answer lacks.
func missing(documented, answer any) string {
	if reflect.TypeOf(documented) != reflect.TypeOf(answer) {
		return fmt.Sprintf("there is %v, not a %T", answer, documented)
	}
	members, _ := documented.(map[string]any)
	there, _ := answer.(map[string]any)
	for name, value := range members {
		if fault := missing(value, there[name]); fault != "" {
			return name + ": " + fault
		}
	}
	entry, _ := documented.([]any)
	list, _ := answer.([]any)
	if len(entry) > len(list) {
		return "the list is empty"
	}
	for i := range list {
		if len(entry) > 0 {
			if fault := missing(entry[0], list[i]); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// TestAProgramOfTheOtherProxyRuns unchanged: it uses all documented parameters of both sockets.
func TestAProgramOfTheOtherProxyRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic, group := k.run(t), k.topic(t, 3), k.group()
		in := p.in(t, topic, "clientId=app", "instanceId="+unique("instance"), "socketPayload=json", "keyType=string", "valType=string", "transactional=false")
		var written []string
		for range 2 {
			in.send(theirMessage)
			answer := in.read()
			promised(t, "an ack", theirAck, answer)
			a := parse[struct{ Offset, Partition, Timestamp int64 }](t, answer)
			written = append(written, fmt.Sprintf("%s-%d-%d-%d", topic, a.Partition, a.Offset, a.Timestamp))
		}
		for i, id := range written { // the second connection goes on behind what the first one has committed
			out := p.out(t, topic, "clientId=reader", "groupId="+group, "socketPayload=json", "keyType=string", "valType=string",
				"offsetResetStrategy=earliest", "isolationLevel=read_uncommitted", "rate=100", "batchSize=10", "autoCommit=false")
			record := out.read()
			promised(t, "a record", theirRecord, record)
			if got := parse[struct{ WSProxyMessageID string }](t, record).WSProxyMessageID; got != id {
				t.Errorf("record %d is %s, written was %s", i, got, id)
			}
			out.send(`{"wsProxyMessageId":"` + id + `"}`)
			eventually(t, "the commit", func() bool {
				committed, err := k.admin.FetchOffsets(t.Context(), group)
				return err == nil && committed[topic][partitionOf(id)].At == int64(i+1)
			})
			out.close()
		}
		for _, format := range []string{"json", "string", "int", "short", "long", "double", "float"} {
			value := `1`
			if format == "string" {
				value = `"1"`
			}
			in.send(`{"key":{"value":` + value + `,"format":"` + format + `"},"value":{"value":` + value + `,"format":"` + format + `"}}`)
			promised(t, format, strings.Replace(theirAck, `,"messageId":""`, "", 1), in.read())
		}
		promised(t, "/healthcheck", theirHealth, p.get(t, "/healthcheck").body)
		promised(t, "/kafka/cluster/info", theirBrokers, p.get(t, "/kafka/cluster/info").body)
	})
}

// TestAnAckHasTheNameThatTheOtherProxySends on request, beside the one that it documents: also of messages in a batch, and of its name for bytes.
// A message without an id, and one that is refused, have neither.
func TestAnAckHasTheNameThatTheOtherProxySends(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.run(t), k.topic(t, 1)
		const message = `{"value":{"value":"AAE=","format":"byte_array"},"messageId":"id-1"}`
		for asked, want := range map[string]string{"true": "id-1", "false": ""} {
			in := p.in(t, topic, "clientId=app", "clientMessageId="+asked)
			in.send(message)
			in.send(`[` + message + `,{"value":null},{"messageId":"id-1"}]`)
			type answer struct{ MessageID, ClientMessageID string }
			single, batch := parse[answer](t, in.read()), parse[[]answer](t, in.read())
			if with := (answer{"id-1", want}); single != with || !slices.Equal(batch, []answer{with, {}, {MessageID: "id-1"}}) {
				t.Errorf("with clientMessageId=%s the acks have %+v and %+v", asked, single, batch)
			}
			in.close()
		}
	})
}

// partitionOf reads the partition in a wsProxyMessageId.
func partitionOf(id string) (partition int32) {
	parts := strings.Split(id, "-")
	_ = json.Unmarshal([]byte(parts[len(parts)-3]), &partition)
	return partition
}

// TestAnOperatorOfTheOtherProxyFindsItsAdminAPI with its statuses.
func TestAnOperatorOfTheOtherProxyFindsItsAdminAPI(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		all, _ := k.replicas(t, 1)
		p, topic, group := all[0], k.topic(t, 1), k.group()
		ask := func(status int, method, path, body, documented string) {
			t.Helper()
			got := p.admin(t, method, path, body)
			if got.status != status {
				t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
			}
			if documented != "" {
				promised(t, path, documented, got.body)
			}
		}
		const consumer, producer = "/admin/client/config/consumer/test-consumer-2", "/admin/client/config/producer/test-producer-2"
		consumerLimits := `{"group-id":"test-consumer-2","max-connections":5,"messages-per-second":300,"batch-size":100}`
		producerLimits := `{"max-connections":3,"messages-per-second":300,"producer-id":"test-producer-2"}`
		ask(404, http.MethodPut, consumer, consumerLimits, "")
		ask(200, http.MethodPost, consumer, consumerLimits, "")
		ask(200, http.MethodPut, consumer, consumerLimits, "")
		ask(200, http.MethodGet, consumer, "", theirConsumer)
		ask(404, http.MethodPut, producer, producerLimits, "")
		ask(200, http.MethodPost, producer, producerLimits, "")
		ask(200, http.MethodPut, producer, producerLimits, "")
		ask(200, http.MethodGet, producer, "", theirProducer)
		ask(200, http.MethodGet, "/admin/client/config", "", theirLimits)
		ask(200, http.MethodDelete, consumer, "", "")
		ask(404, http.MethodDelete, consumer, "", "")
		ask(200, http.MethodDelete, "/admin/client/config", "", "")
		ask(404, http.MethodDelete, producer, "", "")

		ask(200, http.MethodGet, "/admin/kafka/info", "", theirBrokers)
		k.produce(t, topic, numbered(0, 3, 1, 10)...)
		out := p.out(t, topic, "clientId=my-active-client-1", "groupId="+group)
		out.deliveries(3)
		at, offsets := "/admin/consumer-group/"+group, `[{"topic":"`+topic+`","partition":0,"offset":1,"metadata":null}]`
		p.awaitGroup(t, group, "STABLE")
		ask(200, http.MethodGet, "/admin/consumer-group/all?activeOnly=false&includeInternals=true", "", theirGroups)
		ask(200, http.MethodGet, "/admin/consumer-group/all?activeOnly=true", "", theirGroups)
		ask(200, http.MethodGet, at+"/describe", "", theirGroup)
		ask(412, http.MethodPut, at+"/offsets/alter/"+topic, offsets, "")
		ask(412, http.MethodDelete, at+"/offsets", "", "")
		out.close()
		p.awaitGroup(t, group, "EMPTY")
		ask(200, http.MethodPut, at+"/offsets/alter/"+topic, offsets, theirOffsets)
		ask(200, http.MethodGet, at+"/offsets", "", theirOffsets)
		ask(200, http.MethodDelete, at+"/offsets", "", "")
		for _, path := range []string{"/describe", "/offsets"} {
			ask(404, http.MethodGet, at+"-absent"+path, "", "")
		}
	})
}
