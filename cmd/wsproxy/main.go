// Command wsproxy is a gateway to Apache Kafka over WebSockets.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// A write to a pipe that nobody reads fails then, and does not end the process before it has committed what was read.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(cli.Run(ctx, cli.Process{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}
