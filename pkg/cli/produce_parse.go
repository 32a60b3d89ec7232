package cli

import (
	"bytes"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// textParser makes a message of a line of text.
type textParser struct {
	separator              []byte // empty where lines have no key
	key                    []byte // of all messages, nil for none
	keyFormat, valueFormat proxy.Format
	emptyIsNull            bool
	headers                []client.Header
	partition              *int32
}

func (t *textParser) parse(line []byte) ([]client.Message, error) {
	m := client.Message{Key: t.key, Value: line, Headers: t.headers, Partition: t.partition}
	if len(t.separator) > 0 {
		key, value, found := bytes.Cut(line, t.separator)
		if !found {
			return nil, fmt.Errorf("there is no %q in it, which --key-separator says to be between key and value", t.separator)
		}
		m.Key, m.Value = key, value
	}
	var err error
	if m.Key, m.KeyFormat, err = t.typed("key", m.Key, t.keyFormat); err != nil {
		return nil, err
	}
	if m.Value, m.ValueFormat, err = t.typed("value", m.Value, t.valueFormat); err != nil {
		return nil, err
	}
	return []client.Message{m}, nil
}

// typed returns the bytes that a text stands for. JSON goes out as such, so that it is checked.
func (t *textParser) typed(member string, text []byte, f proxy.Format) ([]byte, proxy.Format, error) {
	if text == nil || t.emptyIsNull && len(text) == 0 {
		return nil, proxy.FormatNone, nil
	}
	b, err := codec.ParseText(f, text)
	if err != nil {
		return nil, f, fmt.Errorf("the %s %s", member, err.Message)
	}
	if f == proxy.FormatJSON {
		return b, f, nil
	}
	return b, proxy.FormatNone, nil
}

// newJSONParser returns what makes messages of a line of JSON: a message of /socket/in, a record of /socket/out, or an array of either.
func newJSONParser(key, value proxy.Format, keepPartitions bool) func(line []byte) ([]client.Message, error) {
	in := codec.NewJSONIn(codec.InSettings{KeyFormat: key, ValueFormat: value})
	return func(line []byte) ([]client.Message, error) {
		decoded, batch := in.Decode(line, nil)
		if batch.FaultCount() > 0 {
			return nil, fault(batch.Faults[0].Err)
		}
		messages := make([]client.Message, len(decoded))
		for i := range decoded {
			if err := decoded[i].Err; err != nil {
				return nil, fault(err)
			}
			r := &decoded[i].Record
			m := client.Message{Key: r.Key, Value: r.Value, Headers: r.Headers}
			if r.HasTimestamp {
				m.Time = time.UnixMilli(r.Timestamp)
			}
			if keepPartitions && r.Partition != proxy.AnyPartition {
				m.Partition = &r.Partition
			}
			messages[i] = m
		}
		return messages, nil
	}
}

func fault(e *proxy.Error) error { return &client.Error{Code: e.Kind.String(), Message: e.Message} }
