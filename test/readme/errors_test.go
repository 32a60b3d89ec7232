package readme

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// kinds lists the kinds of failure: those beyond the last one count as KindInternal.
func kinds() []proxy.Kind {
	all := []proxy.Kind{proxy.KindInternal}
	for k := proxy.KindInternal + 1; k.Class() != proxy.KindInternal.Class(); k++ {
		all = append(all, k)
	}
	return all
}

func meanings() map[proxy.Kind]string {
	return map[proxy.Kind]string{
		proxy.KindInternal:           "the proxy failed; its log says why",
		proxy.KindInvalidJSON:        "the message is not JSON",
		proxy.KindInvalidMessage:     "JSON of another shape, Avro that does not decode, an unknown format, a commit under `autoCommit=true`",
		proxy.KindInvalidValue:       "a value does not fit its format, or the topic: a timestamp out of its bounds, a null key where it is compacted",
		proxy.KindInvalidPartition:   "the topic has no such partition",
		proxy.KindMessageTooLarge:    "larger than the topic's `max.message.bytes`, than `WSPROXY_MAX_MESSAGE_BYTES`, or than a body of the admin API may be",
		proxy.KindTopicNotFound:      "there is no such topic, or it was deleted",
		proxy.KindNotAuthenticated:   "credentials are missing or wrong; or a token has expired, was revoked, or could not be renewed",
		proxy.KindNotAuthorized:      "a foreign `Origin`; a topic, group or key that the settings, the policy or Kafka do not allow",
		proxy.KindDuplicateClient:    "the client is connected already; or another connection has taken its place, or an administrator has ended it",
		proxy.KindLimitReached:       "as many connections as the topic has partitions, as the limits allow, or as an address may have; or too many wrong passwords came from the address; or more topics or keys than a `/socket/tail` may have; or, on an open `/socket/queue`, as many records are in flight as [Kafka allows](queues.md#when-nothing-more-comes)",
		proxy.KindFenced:             "another connection with `transactional=true` has opened with the same `clientId` and `instanceId`",
		proxy.KindUnknownMessageID:   "a commit of what was not delivered on this connection, or an acknowledgement on what it does not hold",
		proxy.KindNotAssigned:        "a commit in a partition that has moved to another member of the group",
		proxy.KindCommitFailed:       "Kafka did not take the commit or the acknowledgement",
		proxy.KindOffsetOutOfRange:   "no valid offset under `offsetResetStrategy=none`, or on `/socket/tail` one beyond the end of its partition",
		proxy.KindKafkaUnavailable:   "no broker answers, or it did not take the message",
		proxy.KindTimeout:            "not acknowledged within `WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT`: it may have been written",
		proxy.KindTransactionAborted: "the transaction of the message was aborted: nothing of it is written, or will be",
		proxy.KindShuttingDown:       "this replica is draining: connect again",
		proxy.KindMissingParameter:   "a required parameter is missing",
		proxy.KindInvalidParameter:   "a parameter is wrong, or given twice",
		proxy.KindUpgradeRequired:    "not a WebSocket request",
		proxy.KindOverloaded:         "`WSPROXY_MAX_CONNECTIONS` are open, or `WSPROXY_MAX_HANDSHAKES` in progress, or the address's share of them; or connections hold nearly all of `WSPROXY_MEMORY_BUDGET`; or credentials cannot be checked now",
		proxy.KindNotFound:           "no such path, or nothing of the name in it",
		proxy.KindMethodNotAllowed:   "the path has no such method; `Allow` lists those it has",
		proxy.KindAlreadyExists:      "the client or group has dynamic limits already",
		proxy.KindGroupActive:        "the consumer group has members, so that it can be neither changed nor removed",
		proxy.KindQueuesUnsupported:  "the brokers have no share groups, or the feature is off: Kafka 4.2 or newer with `share.version` 1",
		proxy.KindLockExpired:        "the lock of the record had ended before it was settled: another worker may have it by now",
	}
}

func errorTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| code | HTTP | close | retriable | when |\n|---|---|---|---|---|\n")
	for _, kind := range kinds() {
		class, meaning := kind.Class(), meanings()[kind]
		if meaning == "" {
			t.Errorf("nothing says what %s means", kind)
		}
		retriable := "no"
		if class.Retriable {
			retriable = "yes"
		}
		fmt.Fprintf(&table, "| `%s` | %d | %d | %s | %s |\n", class.Code, class.Status, class.Close, retriable, meaning)
	}
	return table.String()
}

// closing is a row of the table of close codes.
type closing struct {
	code         proxy.CloseCode
	when, client string
}

func closings() []closing {
	return []closing{
		{proxy.CloseNormal, "you asked for it", ""},
		{proxy.CloseProtocolError, "broken frames (RFC 6455); on `/socket/out`, three pings in a row answered by pongs of another payload", "correct it"},
		{proxy.CloseInvalidPayload, "a text message that is not UTF-8, or a compressed one that cannot be inflated", "correct it"},
		{proxy.ClosePolicyViolation, "misuse of the protocol that frames allow", "correct it"},
		{proxy.CloseMessageTooBig, "a message longer than `WSPROXY_MAX_MESSAGE_BYTES`", "correct it"},
		{proxy.CloseInternal, "the proxy failed", "reconnect, backing off"},
		{proxy.CloseServiceRestart, "this replica shuts down, the connection is as old as connections get, or the topic was deleted and made again", "reconnect at once, with jitter"},
		{proxy.CloseTryAgainLater, "too many connections, no Kafka for too long, you took no byte for `WSPROXY_WRITE_TIMEOUT`, or were too slow under `slow=close`", "reconnect, backing off"},
		{proxy.CloseBadParameter, "a parameter is wrong, or there is no valid offset to begin at", "correct it"},
		{proxy.CloseNotAuthenticated, "credentials are missing or wrong; or the token has expired, was revoked, or could not be renewed", "come back with a new token"},
		{proxy.CloseNotAuthorized, "not allowed, or not allowed anymore", "stop"},
		{proxy.CloseTopicNotFound, "the topic is missing, or was deleted", "stop"},
		{proxy.CloseReplaced, "another connection has taken this one's place, or an administrator has ended it; or the client is connected already", "stop"},
		{proxy.CloseLimitReached, "as many connections as the topic has partitions, as the limits allow, or as an address may have", "back off"},
	}
}

func closeTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| code | when | what to do |\n|---|---|---|\n")
	known := make(map[proxy.CloseCode]bool)
	for _, c := range closings() {
		known[c.code] = true
		fmt.Fprintf(&table, "| %d | %s | %s |\n", c.code, c.when, c.client)
	}
	for _, kind := range kinds() {
		if code := kind.Class().Close; !known[code] {
			t.Errorf("%s closes with %d, which the table lacks", kind, code)
		}
	}
	return table.String()
}
