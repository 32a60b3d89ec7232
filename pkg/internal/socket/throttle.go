package socket

import (
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// throttle waits until messages are within a connection's rate limit, and returns how many: n, or a
// burst. An error means that the connection is over.
func throttle(c *Conn, rate *limit.Rate, throttled *metrics.Counter, n int) (int, error) {
	taken, waited, err := rate.Take(c.open, n)
	throttled.Add(waited.Seconds())
	return taken, err
}

// throttleAll waits until n messages are within a connection's rate limit. Its waiting time is counted
// burst by burst, so that metrics show a connection that waits for long. The reader calls it.
func throttleAll(c *Conn, rate *limit.Rate, throttled *metrics.Counter, n int) error {
	if rate.PerSecond() == 0 {
		return nil
	}
	defer c.clock.reset()
	for n > 0 {
		taken, err := throttle(c, rate, throttled, n)
		if err != nil {
			return err
		}
		n -= taken
	}
	return nil
}
