package admin

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
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

// targetOf reads the offsets in a body, which are all in one topic, or the place to which all are to be set.
func targetOf(r *http.Request, topic string) (target, error) {
	text, err := body(r, maxOffsetsBody)
	if err != nil {
		return target{}, err
	}
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
		return target{}, proxy.Errorf(proxy.KindInvalidJSON, "The body is not JSON.")
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	switch d.PeekKind() {
	case '[':
		p := offsetsParser{d: d, topic: topic, partitions: make(map[int32]bool)}
		if err := p.parse(); err != nil {
			return target{}, err
		}
		return target{offsets: p.offsets}, nil
	case '{':
		return place(d)
	default:
		return target{}, notATarget()
	}
}

func notATarget() error {
	return proxy.Errorf(proxy.KindInvalidValue, `The body must be an array of objects with partition and offset, or an object with one of "to", "timestamp" and "shift".`)
}

// place reads the object that gives a place for all partitions. Its input is valid JSON.
func place(d *jsontext.Decoder) (t target, err error) {
	_, _ = d.ReadToken()
	members := 0
	for ; d.PeekKind() != '}'; members++ {
		name, err := d.ReadToken()
		if err != nil {
			return target{}, fmt.Errorf("reading a name in valid JSON: %w", err)
		}
		member := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return target{}, fmt.Errorf("reading a value in valid JSON: %w", err)
		}
		if err := t.set(member, value); err != nil {
			return target{}, err
		}
	}
	if members != 1 {
		return target{}, notATarget()
	}
	return t, nil
}

func (t *target) set(name string, value jsontext.Value) error {
	switch name {
	case "to":
		text, _ := unquoted(value)
		if t.to = end(text); t.to != earliest && t.to != latest {
			return proxy.Errorf(proxy.KindInvalidValue, `"to" must be "earliest" or "latest".`)
		}
	case "timestamp":
		n, ok := integer(value, math.MaxInt64)
		if t.timestamp = &n; !ok {
			return proxy.Errorf(proxy.KindInvalidValue, `"timestamp" must be a whole number of milliseconds from 0 to %d.`, int64(math.MaxInt64))
		}
	case "shift":
		n, ok := wholeNumber(value)
		if t.shift = &n; !ok {
			return proxy.Errorf(proxy.KindInvalidValue, `"shift" must be a whole number from %d to %d.`, int64(math.MinInt64), int64(math.MaxInt64))
		}
	default:
		return notATarget()
	}
	return nil
}

// offsetsParser reads an array of offsets. Its input is valid JSON.
type offsetsParser struct {
	d          *jsontext.Decoder
	topic      string
	offsets    []proxy.GroupOffset
	partitions map[int32]bool // read so far
}

func (p *offsetsParser) parse() error {
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
	n, ok = wholeNumber(value)
	return n, ok && n >= 0 && n <= most
}

func wholeNumber(value jsontext.Value) (n int64, ok bool) {
	if value.Kind() != '0' {
		return 0, false
	}
	return codec.ParseInteger(value)
}

// wrong is the error for a member of the i-th offset in a body.
func wrong(i int, member, what string) error {
	return proxy.Errorf(proxy.KindInvalidValue, "[%d]: %.100q %s.", i, member, what)
}
