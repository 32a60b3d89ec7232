package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/devbroker"
)

// demoTopic and its partitions are what dev starts with.
const (
	demoTopic      = "demo"
	demoPartitions = 4
)

type devFlags struct {
	kafkaPort, port, adminPort int
	dataDir                    string
	quiet                      bool
}

// dev runs the proxy with a broker of its own.
func dev(p Process) *cobra.Command {
	var f devFlags
	c := &cobra.Command{
		Use: "dev", Args: noArguments,
		Short: "Run the proxy with an embedded broker and a demo topic: nothing else is needed",
		RunE:  func(c *cobra.Command, _ []string) error { return runDev(c.Context(), p, f) },
	}
	flags := c.Flags()
	flags.IntVar(&f.kafkaPort, "kafka-port", 9092, "port of the embedded broker, 0 for any")
	flags.IntVar(&f.port, "port", 8078, "port of the proxy, 0 for any")
	flags.IntVar(&f.adminPort, "admin-port", 9078, "port of the management listener, 0 for any")
	flags.StringVar(&f.dataDir, "data-dir", "", "keep the broker's data here (default: in memory)")
	flags.BoolVar(&f.quiet, "quiet", false, "do not write a record a second to topic "+demoTopic)
	return c
}

func runDev(ctx context.Context, p Process, f devFlags) error {
	environ := devEnviron(p.Environ, f)
	log := app.NewLogger(p.Stderr, environ)
	broker, err := devbroker.Start(devbroker.Options{
		Port: f.kafkaPort, PortSetting: "--kafka-port", DataDir: f.dataDir,
		Topics: map[string]int32{demoTopic: demoPartitions}, Logger: quietly(log),
	})
	var inUse *devbroker.PortInUseError
	if errors.As(err, &inUse) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer broker.Close()
	a, err := app.Start(app.Options{
		Environ: append(environ, "WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker.Addr()),
		Log:     log, Version: version, Commit: commit,
	})
	if err != nil {
		return err
	}
	printDevHelp(p.Stdout, broker.Addr(), a)
	if !f.quiet {
		stop := app.FeedDemo(broker.Addr(), demoTopic, log)
		defer stop()
	}
	return a.Run(ctx)
}

// devEnviron fits the settings to one machine and one person: on loopback, without a delay
// at the end. What the environment says wins, except for the flags.
func devEnviron(environ []string, f devFlags) []string {
	defaults := []string{
		"WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SHUTDOWN_GRACE=5s", "WSPROXY_LOG_FORMAT=text",
		"WSPROXY_ALLOWED_ORIGINS=localhost,127.0.0.1",
	}
	flags := []string{
		"WSPROXY_PORT=" + strconv.Itoa(f.port), "WSPROXY_ADMIN_PORT=" + strconv.Itoa(f.adminPort),
	}
	return append(append(defaults, environ...), flags...)
}

// quietly keeps the embedded broker's chatter out of the log.
func quietly(log *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{log.Handler()}) }

type atLeastWarn struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func printDevHelp(w io.Writer, broker string, a *app.App) {
	host := loopback(a.Addr())
	_, _ = fmt.Fprintf(w, `The proxy listens on %[1]s, its embedded Kafka broker on %[2]s. Topic %[3]s has %[4]d partitions.

Is it there?
  curl http://%[1]s/kafka/cluster/info

Read the topic (npx --yes wscat, websocat or any WebSocket client):
  npx --yes wscat -c 'ws://%[1]s/socket/out?clientId=me&topic=%[3]s'

Write to it:
  npx --yes wscat -c 'ws://%[1]s/socket/in?clientId=me&topic=%[3]s' -x '{"value":{"value":"hello"}}' -w 1

Ready, and metrics:
  http://%[5]s/readyz   http://%[5]s/metrics

Stop with Ctrl-C.
`, host, broker, demoTopic, demoPartitions, loopback(a.AdminAddr()))
}

// loopback is an address as one types it on this machine.
func loopback(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() && !net.ParseIP(host).IsUnspecified() {
		return address
	}
	return strings.Join([]string{"localhost", port}, ":")
}
