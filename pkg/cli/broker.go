package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/devbroker"
)

type brokerFlags struct {
	listen, advertise, dataDir string
	topics                     []string
}

// broker runs the embedded broker for proxies on other machines, for instance in a test cluster.
func broker(p Process) *cobra.Command {
	var f brokerFlags
	c := &cobra.Command{
		Use: "broker", Args: noArguments,
		Short: "Run the embedded broker alone, for trials with proxies on other machines",
		RunE:  func(c *cobra.Command, _ []string) error { return runBroker(c.Context(), p, f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9092", "address of the broker, as host:port")
	flags.StringVar(&f.advertise, "advertise", "", "address that clients are told to come back to (default: where it listens)")
	flags.StringVar(&f.dataDir, "data-dir", "", "keep the broker's data here (default: in memory)")
	flags.StringArrayVar(&f.topics, "topic", nil, "a topic to start with, as name:partitions; may be repeated")
	return c
}

func runBroker(ctx context.Context, p Process, f brokerFlags) error {
	o, err := f.options()
	if err != nil {
		return usageError{err}
	}
	o.Logger = quietly(app.NewLogger(p.Stderr, nil))
	b, err := devbroker.Start(o)
	if _, inUse := errors.AsType[*devbroker.PortInUseError](err); inUse {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer b.Close()
	if _, err := fmt.Fprintf(p.Stdout, "A Kafka broker for trials is at %s\n", b.Addr()); err != nil {
		return fmt.Errorf("printing the address of the broker: %w", err)
	}
	<-ctx.Done()
	return nil
}

func (f brokerFlags) options() (devbroker.Options, error) {
	o := devbroker.Options{DataDir: f.dataDir, Advertise: f.advertise, PortSetting: "--listen", Topics: map[string]int32{}}
	host, port, err := splitAddress("--listen", f.listen)
	if err != nil {
		return o, err
	}
	o.Host, o.Port = host, port
	if f.advertise != "" {
		if _, _, err := splitAddress("--advertise", f.advertise); err != nil {
			return o, err
		}
	}
	return o, parseTopics(f.topics, o.Topics)
}

// parseTopics reads the values of --topic.
func parseTopics(texts []string, into map[string]int32) error {
	for _, text := range texts {
		name, count, _ := strings.Cut(text, ":")
		partitions, err := strconv.ParseInt(count, 10, 32)
		if err != nil || partitions < 1 {
			return fmt.Errorf("--topic: %q is not name:partitions, such as orders:3", text)
		}
		into[name] = int32(partitions)
	}
	return nil
}

// splitAddress splits the value of a flag.
func splitAddress(flag, address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("%s: %q is not host:port, such as localhost:9092", flag, address)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %q is not host:port, such as localhost:9092", flag, address)
	}
	return host, int(number), nil
}
