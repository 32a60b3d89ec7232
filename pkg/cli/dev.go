package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/devbroker"
)

// demoTopic and its number of partitions, with which dev starts.
const (
	demoTopic      = "demo"
	demoPartitions = 4
)

// docs is the address of the documentation.
const docs = "https://github.com/wsproxy/kafka-websocket-proxy#readme"

type devFlags struct {
	kafkaPort, port, adminPort int
	dataDir                    string
	quiet                      bool
	topics                     []string
}

// dev runs the proxy with an embedded broker.
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
	flags.StringArrayVar(&f.topics, "topic", nil, "a further topic to start with, as name:partitions; may be repeated")
	flags.BoolVar(&f.quiet, "quiet", false, "do not write a record a second to topic "+demoTopic)
	return c
}

func runDev(ctx context.Context, p Process, f devFlags) error {
	over := devSettings(os.Environ(), f)
	topics := map[string]int32{demoTopic: demoPartitions}
	if err := parseTopics(f.topics, topics); err != nil {
		return usageError{err}
	}
	log := app.NewLogger(p.Stderr, over)
	broker, err := devbroker.Start(devbroker.Options{
		Host: brokerHost(os.Environ()), Port: f.kafkaPort, PortSetting: "--kafka-port", DataDir: f.dataDir,
		Topics: topics, Logger: quietly(log),
	})
	if _, inUse := errors.AsType[*devbroker.PortInUseError](err); inUse {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer broker.Close()
	settings, err := app.LoadConfig(append(over, "WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker.Addr()), log)
	if err != nil {
		return err
	}
	a, err := app.Start(app.Options{Config: settings, Environ: os.Environ(), Log: log, Version: version, Commit: commit})
	if errors.Is(err, syscall.EADDRINUSE) {
		return usageError{fmt.Errorf("%w: choose other ports with --port and --admin-port", err)}
	}
	if err != nil {
		return err
	}
	if err := awaitReady(ctx, a); err != nil {
		log.Warn("the proxy is slow to be ready", "err", err)
	}
	printDevHelp(p.Stdout, broker.Addr(), a, settings.Server.ConsoleEnabled)
	if settings.Server.ConsoleEnabled {
		defer offer(p, consoleAddress(a))()
	}
	if !f.quiet {
		stop := app.FeedDemo(broker.Addr(), demoTopic, log)
		defer stop()
	}
	return a.Run(ctx)
}

// awaitReady waits briefly for readiness, so that the printed commands work when they are pasted.
func awaitReady(ctx context.Context, a *app.App) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	return a.AwaitReady(ctx)
}

// readyPatience is how long a proxy beside its broker may take to be ready.
const readyPatience = 10 * time.Second

// devSettings adapts the settings to one user on one machine: on loopback, without a delay at the end.
// Settings of the environment take precedence, except over the flags, and except for the authentication
// to brokers: the embedded broker asks for none.
func devSettings(environ []string, f devFlags) []string {
	var over []string
	for _, setting := range []string{
		bindInterface + devbroker.DefaultHost, "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SHUTDOWN_GRACE=5s", "WSPROXY_LOG_FORMAT=text",
		"WSPROXY_ALLOWED_ORIGINS=localhost,127.0.0.1,[::1]",
		"WSPROXY_SESSION_STATE_REPLICATION_FACTOR=1", "WSPROXY_DYNAMIC_CONFIG_REPLICATION_FACTOR=1",
	} {
		if !isGiven(environ, setting) {
			over = append(over, setting)
		}
	}
	over = append(over, devConsole(environ)...)
	for _, entry := range environ {
		if isLogin(entry) {
			name, _, _ := strings.Cut(entry, "=")
			over = append(over, name+"=")
		}
	}
	return append(over, "WSPROXY_PORT="+strconv.Itoa(f.port), "WSPROXY_ADMIN_PORT="+strconv.Itoa(f.adminPort))
}

// devConsole turns the console and the admin API on, unless the environment says something of either, of who may use
// them, or of addresses that other machines reach: neither would ask for credentials.
func devConsole(environ []string) []string {
	for _, setting := range []string{
		"WSPROXY_CONSOLE_ENABLED", "WSPROXY_ADMIN_ENDPOINT_ENABLED", "WSPROXY_BASIC_AUTH_ENABLED", "WSPROXY_OPENID_ENABLED",
		"WSPROXY_SSL_CLIENT_CA_FILE", "WSPROXY_FORWARDED_CLIENT_CERT", "WSPROXY_KAFKA_CLIENT_AUTH_REQUIRED", "WSPROXY_ADMIN_BIND_INTERFACE",
	} {
		if isGiven(environ, setting) {
			return nil
		}
	}
	if isGiven(environ, bindInterface) && !net.ParseIP(givenHost(environ)).IsLoopback() {
		return nil
	}
	return []string{"WSPROXY_CONSOLE_ENABLED=true", "WSPROXY_ADMIN_ENDPOINT_ENABLED=true"}
}

// isGiven tells whether the environment has a setting, or names a file with its value.
func isGiven(environ []string, setting string) bool {
	name, _, _ := strings.Cut(setting, "=")
	return slices.ContainsFunc(environ, func(entry string) bool {
		return strings.HasPrefix(entry, name+"=") || strings.HasPrefix(entry, name+"_FILE=")
	})
}

// bindInterface is the beginning of the variable that sets the address on which the proxy listens.
const bindInterface = "WSPROXY_BIND_INTERFACE="

// brokerHost returns the host on which the embedded broker listens: that of the proxy if it is a loopback
// address, which may be the only one on a machine without IPv4. The broker does not authenticate, and
// other machines can never reach it.
func brokerHost(environ []string) string {
	if host := givenHost(environ); net.ParseIP(host).IsLoopback() {
		return host
	}
	return devbroker.DefaultHost
}

// givenHost returns the address on which the environment has the proxy listen.
func givenHost(environ []string) (host string) {
	for _, entry := range environ {
		if value, found := strings.CutPrefix(entry, bindInterface); found {
			host = value // the last one wins
		}
	}
	return host
}

// isLogin tells whether an entry of the environment is about the authentication to brokers.
func isLogin(entry string) bool {
	return strings.HasPrefix(entry, "WSPROXY_KAFKA_SECURITY_PROTOCOL") ||
		strings.HasPrefix(entry, "WSPROXY_KAFKA_SASL_") || strings.HasPrefix(entry, "WSPROXY_KAFKA_SSL_")
}

// quietly drops log messages of the embedded broker below the level of warnings.
func quietly(log *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{log.Handler()}) }

type atLeastWarn struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// printDevHelp prints commands to paste. They use tools that a machine is likely to have: curl, Python
// with the package websockets, or only a browser.
func printDevHelp(w io.Writer, broker string, a *app.App, console bool) {
	main, management := a.Schemes()
	socket := strings.Replace(main, "http", "ws", 1)
	look := ""
	if console {
		look = fmt.Sprintf("Look at it in a browser:\n  %s\n\n", consoleAddress(a))
	}
	_, _ = fmt.Fprintf(w, `The proxy listens on %[1]s, its own Kafka broker on %[3]s. Topic %[4]s has %[5]d partitions.

%[10]sIs it there?
  curl %[6]s://%[1]s/kafka/cluster/info

Write to the topic. A message that you can type is {"value":{"value":"hello"}}
  python3 -m websockets '%[8]s://%[1]s/socket/in?clientId=me&topic=%[4]s'

Read it:
  python3 -m websockets '%[8]s://%[1]s/socket/out?clientId=me&topic=%[4]s'

websocat and wscat take the same addresses. With a browser alone, open %[7]s://%[2]s/metrics
and paste into its console:
  new WebSocket('%[8]s://%[1]s/socket/out?clientId=page&topic=%[4]s').onmessage = (m) => console.log(m.data)

Is it ready?
  curl %[7]s://%[2]s/readyz

The docs are at %[9]s,
all endpoints, parameters and messages in
  %[6]s://%[1]s/openapi.yaml
  %[6]s://%[1]s/asyncapi.yaml

Stop with Ctrl-C.
`, loopback(a.Addr()), loopback(a.AdminAddr()), broker, demoTopic, demoPartitions, main, management, socket, docs, look)
}

// consoleAddress returns where a browser on this machine finds the console.
func consoleAddress(a *app.App) string {
	_, management := a.Schemes()
	return fmt.Sprintf("%s://%s/console/", management, loopback(a.AdminAddr()))
}

// loopback returns an address as a user would enter it on this machine.
func loopback(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() && !net.ParseIP(host).IsUnspecified() {
		return address
	}
	return net.JoinHostPort("localhost", port)
}
