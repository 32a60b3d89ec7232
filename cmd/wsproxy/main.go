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
	os.Exit(cli.Run(ctx, cli.Process{Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr}))
}
