package server

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxTopic is the longest name of a topic that Kafka takes.
const maxTopic = 249

// query reads the parameters of a handshake. It collects the faults, so that a client is told the first
// one by name, whatever the order in which the parameters are read.
type query struct {
	values url.Values
	faults map[string]*proxy.Error
}

// parseQuery reads a URL's query string.
func parseQuery(raw string) *query {
	values, err := url.ParseQuery(raw)
	q := &query{values: values, faults: make(map[string]*proxy.Error)}
	if err != nil {
		q.fault("", "The query string is not well-formed: parameters are between &, and a % or ; of a value is written %25 or %3B.")
	}
	for name := range values {
		if looksLikeCredential(name) {
			q.fault(name, "credentials do not belong into the URL: use the Authorization or X-Kafka-Auth header, "+
				"or in a browser the subprotocols wsproxy.bearer.<token>, wsproxy.basic.<base64url user:pass> and wsproxy.kafka.<base64url user:pass>.")
		}
	}
	return q
}

// looksLikeCredential tells whether a parameter would put a secret into logs and histories.
func looksLikeCredential(name string) bool {
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name)) {
	case "token", "accesstoken", "idtoken", "refreshtoken", "bearer", "bearertoken", "authtoken", "jwt",
		"password", "passwd", "pass", "pwd", "secret", "clientsecret", "authorization", "auth",
		"credentials", "xkafkaauth", "kafkaauth", "apikey", "saslpassword":
		return true
	}
	return false
}

// fault records what is wrong with a parameter. It keeps the first fault of each parameter.
func (q *query) fault(name, message string) {
	q.add(name, proxy.KindInvalidParameter, message)
}

func (q *query) add(name string, kind proxy.Kind, message string) {
	if q.faults[name] != nil {
		return
	}
	if name != "" {
		message = name + ": " + message
	}
	q.faults[name] = &proxy.Error{Kind: kind, Message: message}
}

// err returns the first fault by name.
func (q *query) err() *proxy.Error {
	var first *proxy.Error
	var firstName string
	for name, fault := range q.faults {
		if first == nil || name < firstName {
			first, firstName = fault, name
		}
	}
	return first
}

// text returns a parameter's value. An empty one is a missing one.
func (q *query) text(name string) string {
	values := q.values[name]
	if len(values) > 1 {
		q.fault(name, "is given more than once.")
	}
	if len(values) == 0 {
		return ""
	}
	if !utf8.ValidString(values[0]) || strings.ContainsFunc(values[0], unicode.IsControl) {
		q.fault(name, "must be UTF-8 without control characters.")
	}
	return values[0]
}

// texts returns the values of a parameter that may be repeated, without empty ones.
func (q *query) texts(name string) (values []string) {
	for _, value := range q.values[name] {
		if !utf8.ValidString(value) {
			q.fault(name, "must be UTF-8.")
		}
		if value != "" {
			values = append(values, value)
		}
	}
	return values
}

func (q *query) required(name string) string {
	value := q.text(name)
	if value == "" {
		q.add(name, proxy.KindMissingParameter, "is required.")
	}
	return value
}

// identifier checks the length of a clientId, groupId or instanceId.
func (q *query) identifier(name, value string) string {
	if utf8.RuneCountInString(value) > proxy.MaxIdentifier {
		q.fault(name, "must have 1 to "+strconv.Itoa(proxy.MaxIdentifier)+" characters.")
	}
	return value
}

// topic returns the required topic.
func (q *query) topic() string { return q.topicName(q.required("topic")) }

// topicName checks a name by Kafka's rules.
func (q *query) topicName(value string) string {
	illegal := strings.ContainsFunc(value, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
	if illegal || len(value) > maxTopic || value == "." || value == ".." {
		q.fault("topic", "must be a Kafka topic name: 1 to 249 letters, digits, '.', '_' and '-'.")
	}
	return value
}

// choice returns one of the allowed values, the first where the parameter is missing.
func (q *query) choice(name string, allowed ...string) string {
	value := q.text(name)
	if value == "" {
		return allowed[0]
	}
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) })
	if i < 0 {
		q.fault(name, "must be one of "+strings.Join(allowed, ", ")+".")
		return allowed[0]
	}
	return allowed[i]
}

// option returns one of the allowed values, or nothing where the parameter is missing.
func (q *query) option(name string, allowed ...string) string {
	if q.text(name) == "" {
		return ""
	}
	return q.choice(name, allowed...)
}

func (q *query) boolean(name string, otherwise bool) bool {
	allowed := []string{"true", "false"}
	if !otherwise {
		allowed = []string{"false", "true"}
	}
	return q.choice(name, allowed...) == "true"
}

func (q *query) format(name string) proxy.Format {
	value := q.text(name)
	if value == "" {
		return proxy.FormatNone
	}
	format, err := proxy.ParseFormat(value)
	if err != nil {
		q.fault(name, "must be one of "+proxy.FormatNames+".")
	}
	return format
}

// positive returns a whole number of at least one, or 0 where the parameter is missing.
func (q *query) positive(name string) int { return q.atLeast(name, 1) }

// atLeast returns a whole number that is not below least, or 0 where the parameter is missing.
func (q *query) atLeast(name string, least int64) int {
	value := q.text(name)
	if value == "" {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < least {
		q.fault(name, fmt.Sprintf("must be a whole number from %d to %d.", least, math.MaxInt32))
	}
	return int(n)
}

// between returns a whole number from least to most.
func (q *query) between(name string, least, most, otherwise int) int {
	value := q.text(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		q.fault(name, fmt.Sprintf("must be a whole number from %d to %d.", least, most))
	}
	return n
}

// count returns a whole number of records, and whether the parameter is there.
func (q *query) count(name string) (n int64, given bool) {
	value := q.text(name)
	if value == "" {
		return 0, false
	}
	whole, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		q.fault(name, fmt.Sprintf("must be a whole number from 0 to %d.", math.MaxInt64))
	}
	return int64(whole), true
}
