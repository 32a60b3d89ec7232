package consume

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Poll waits for records and appends at most most of them to into. They are valid until the next call.
// The error is ctx's, or one for the client: nothing follows it.
//
// Poll calls taken when it has taken records and before any of their partitions can be revoked: at that
// time the owner still has the partitions in the ownership to which the records belong.
func (c *Consumer) Poll(ctx context.Context, most int, into []proxy.Record, taken func()) ([]proxy.Record, error) {
	clear(into[len(into):cap(into)]) // the records of the last poll would keep their whole fetch
	c.headers.Clear()
	for len(into) == 0 {
		if err := c.trouble.wait(ctx, c.options.Topic); err != nil {
			return into, err
		}
		c.fetched.begin()
		fetches := c.client.PollRecords(ctx, most)
		c.fetched.end()
		err := ctx.Err()
		if err == nil {
			err = c.inspect(ctx, fetches)
		}
		taken()
		c.holding.polled(fetches)
		c.client.AllowRebalance()
		if err != nil {
			return into, err
		}
		into = c.records(fetches, into)
	}
	return into, nil
}

// inspect checks the errors of fetches, and returns the first one that ends reading.
func (c *Consumer) inspect(ctx context.Context, fetches kgo.Fetches) error {
	var end *proxy.Error
	var losses []*kgo.ErrDataLoss
	now := time.Now()
	fetches.EachError(func(topic string, partition int32, err error) {
		v := c.judge(topic, partition, err)
		if v.loss != nil {
			losses = append(losses, v.loss)
			return
		}
		if v.end == nil {
			v.end = c.met(now, v, err)
		}
		if end == nil {
			end = v.end
		}
	})
	if end != nil {
		c.logEnd(end)
		return end
	}
	c.goBack(ctx, losses)
	return nil
}

// met notes an error that may pass, and returns an error that ends reading if it has lasted too long.
func (c *Consumer) met(now time.Time, v outcome, err error) *proxy.Error {
	if v.refresh {
		c.options.Topic.Refresh()
	}
	first, end := c.trouble.meet(now, v, err)
	if first {
		c.log.Warn("reading from Kafka fails: it is retried for a limited time", "err", err)
	}
	return end
}

// logEnd logs the end of reading if no other log line explains it.
func (c *Consumer) logEnd(end *proxy.Error) {
	if end.Kind == proxy.KindKafkaUnavailable {
		c.log.Warn("reading from Kafka has failed for good: the connection ends", "err", end.Cause)
	}
}

// records converts fetched records, without the control records that end transactions.
func (c *Consumer) records(fetches kgo.Fetches, into []proxy.Record) []proxy.Record {
	into = slices.Grow(into, fetches.NumRecords())
	for record := range fetches.RecordsAll() {
		if record.Attrs.IsControl() {
			continue
		}
		into = append(into, proxy.Record{
			Partition: record.Partition, Offset: record.Offset, Timestamp: record.Timestamp.UnixMilli(),
			Key: record.Key, Value: record.Value, Headers: c.headers.Convert(record.Headers),
		})
	}
	return into
}
