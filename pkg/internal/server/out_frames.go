package server

import (
	"strconv"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
)

// outFrames is how the records of a /socket/out or /socket/tail connection are written.
type outFrames struct {
	settings codec.OutSettings // without the topic
	avro     bool
}

func (s *Server) parseFrames(q *query) outFrames {
	f := outFrames{settings: codec.OutSettings{
		KeyFormat: q.format("keyType"), ValueFormat: q.format("valType"),
		MaxDepth: s.Config.Sockets.MaxJSONDepth, LongsAsText: q.choice("longs", "number", "string") == "string",
		MaxMessageBytes: q.atLeast("maxMessageBytes", codec.LeastMessageLimit),
	}, avro: isAvro(q)}
	if f.avro && f.settings.MaxMessageBytes > 0 {
		q.fault("maxMessageBytes", "is not available with socketPayload=avro, whose schema cannot tell what is left out.")
	}
	return f
}

// codec returns the payload, and what makes its codec.
func (f *outFrames) codec() (metrics.Payload, func(codec.OutSettings) codec.Out) {
	if f.avro {
		return metrics.Avro, codec.NewAvroOut
	}
	return metrics.JSON, codec.NewJSONOut
}

// variant names the frames.
func (f *outFrames) variant() feed.Variant {
	o := &f.settings
	parts := []string{o.KeyFormat.String(), o.ValueFormat.String(), strconv.Itoa(o.MaxMessageBytes), strconv.FormatBool(o.LongsAsText), strconv.FormatBool(f.avro)}
	return feed.Variant(strings.Join(parts, " "))
}

// encoder makes the frames of a topic.
func (f *outFrames) encoder(topic string, m *metrics.Metrics) feed.Encoder {
	settings := f.settings
	settings.Topic = topic
	_, newCodec := f.codec()
	undecodable := m.Delivered(topic).Undecodable
	return socket.NewTailFrames(newCodec, settings, func(bad bool) {
		m.TailEncodings.Inc()
		if bad {
			undecodable.Inc()
		}
	})
}
