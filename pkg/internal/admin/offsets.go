package admin

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"slices"
	"unicode/utf16"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxOffsetsBody is the longest body with offsets, in bytes: enough for several thousand
	// partitions.
	maxOffsetsBody = 1 << 20
	// maxMetadata is the longest metadata that a broker accepts by default, in UTF-16 code units
	// (offset.metadata.max.bytes, which Kafka compares with the length of a Java string).
	maxMetadata = 4096
)

// committed is the offset of a group in JSON.
type committed struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Metadata  *string `json:"metadata"` // null where there is none
}

func inJSON(offsets []proxy.GroupOffset) []committed {
	all := []committed{}
	for _, o := range offsets {
		c := committed{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset}
		if o.Metadata != "" {
			c.Metadata = &o.Metadata
		}
		all = append(all, c)
	}
	return all
}

// ofTopic returns the offsets in one topic.
func ofTopic(offsets []proxy.GroupOffset, topic string) (found []proxy.GroupOffset) {
	for _, o := range offsets {
		if o.Topic == topic {
			found = append(found, o)
		}
	}
	return found
}

// checkOffsets checks that the topic has all of the offsets. Kafka itself accepts any, and a consumer
// whose offset is out of range is reset to another position.
func checkOffsets(offsets []proxy.GroupOffset, topic proxy.Topic) error {
	for i, o := range offsets {
		at := slices.IndexFunc(topic.Partitions, func(p proxy.TopicPartition) bool { return p.Partition == o.Partition })
		if at < 0 {
			return wrong(i, "partition", fmt.Sprintf("is %d: topic %q has %d partitions, from 0 on", o.Partition, topic.Name, len(topic.Partitions)))
		}
		p := topic.Partitions[at]
		if p.Start < 0 || p.End < 0 {
			return proxy.Errorf(proxy.KindKafkaUnavailable, "Kafka cannot tell where partition %d of topic %q begins and ends now.", o.Partition, topic.Name)
		}
		if o.Offset < p.Start || o.Offset > p.End {
			return wrong(i, "offset", fmt.Sprintf("must be from %d to %d, where partition %d begins and ends", p.Start, p.End, o.Partition))
		}
	}
	return nil
}

// offsetsOf reads the offsets in a body, which are all in one topic.
func offsetsOf(r *http.Request, topic string) ([]proxy.GroupOffset, error) {
	text, err := body(r, maxOffsetsBody)
	if err != nil {
		return nil, err
	}
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
		return nil, proxy.Errorf(proxy.KindInvalidJSON, "The body is not JSON.")
	}
	p := offsetsParser{
		d:     jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true)),
		topic: topic, partitions: make(map[int32]bool),
	}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.offsets, nil
}

// offsetsParser reads an array of offsets. Its input is valid JSON.
type offsetsParser struct {
	d          *jsontext.Decoder
	topic      string
	offsets    []proxy.GroupOffset
	partitions map[int32]bool // read so far
}

func (p *offsetsParser) parse() error {
	if p.d.PeekKind() != '[' {
		return proxy.Errorf(proxy.KindInvalidValue, "The body must be an array of objects with partition and offset.")
	}
	_, _ = p.d.ReadToken()
	for p.d.PeekKind() != ']' {
		if err := p.parseOne(); err != nil {
			return err
		}
	}
	if len(p.offsets) == 0 {
		return proxy.Errorf(proxy.KindInvalidValue, "The body must be an array of at least one object with partition and offset.")
	}
	return nil
}

// parseOne reads one offset.
func (p *offsetsParser) parseOne() error {
	i := len(p.offsets)
	if p.d.PeekKind() != '{' {
		return proxy.Errorf(proxy.KindInvalidValue, "[%d] must be an object with partition and offset.", i)
	}
	_, _ = p.d.ReadToken()
	offset, seen := proxy.GroupOffset{Topic: p.topic}, make(map[string]bool)
	for p.d.PeekKind() != '}' {
		token, err := p.d.ReadToken()
		if err != nil {
			return fmt.Errorf("reading a name in valid JSON: %w", err)
		}
		name := token.String()
		value, err := p.d.ReadValue()
		if err != nil {
			return fmt.Errorf("reading a value in valid JSON: %w", err)
		}
		if seen[name] {
			return wrong(i, name, "is given twice")
		}
		seen[name] = true
		if fault := take(&offset, name, value); fault != "" {
			return wrong(i, name, fault)
		}
	}
	_, _ = p.d.ReadToken()
	for _, name := range []string{"partition", "offset"} {
		if !seen[name] {
			return wrong(i, name, "is required")
		}
	}
	if p.partitions[offset.Partition] {
		return wrong(i, "partition", fmt.Sprintf("is %d for the second time", offset.Partition))
	}
	p.partitions[offset.Partition] = true
	p.offsets = append(p.offsets, offset)
	return nil
}

// take sets one field of an offset, or returns what is wrong with the value.
func take(o *proxy.GroupOffset, name string, value jsontext.Value) (fault string) {
	switch name {
	case "topic":
		if text, ok := unquoted(value); !ok || text != o.Topic {
			return "must be the one in the path, or be left out"
		}
	case "partition":
		n, ok := integer(value, math.MaxInt32)
		if o.Partition = int32(n); !ok {
			return fmt.Sprintf("must be a whole number from 0 to %d", math.MaxInt32)
		}
	case "offset":
		n, ok := integer(value, math.MaxInt64)
		if o.Offset = n; !ok {
			return fmt.Sprintf("must be a whole number from 0 to %d", math.MaxInt64)
		}
	case "metadata":
		text, ok := unquoted(value)
		if o.Metadata = text; value.Kind() != 'n' && (!ok || len(utf16.Encode([]rune(text))) > maxMetadata) {
			return fmt.Sprintf("must be null, or a string of at most %d characters", maxMetadata)
		}
	default:
		return "is unknown: use topic, partition, offset, metadata"
	}
	return ""
}

func unquoted(value jsontext.Value) (text string, ok bool) {
	unquoted, err := jsontext.AppendUnquote(nil, value)
	return string(unquoted), err == nil
}

// integer reads a whole number of 0 or more.
func integer(value jsontext.Value, most int64) (n int64, ok bool) {
	if value.Kind() != '0' {
		return 0, false
	}
	n, ok = codec.ParseInteger(value)
	return n, ok && n >= 0 && n <= most
}

// wrong is the error for a member of the i-th offset in a body.
func wrong(i int, member, what string) error {
	return proxy.Errorf(proxy.KindInvalidValue, "[%d]: %.100q %s.", i, member, what)
}
