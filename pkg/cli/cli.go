// Package cli implements the command wsproxy: its subcommands, flags and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// version and commit are set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // faulty settings, flags or arguments
	exitRefused = 3 // messages were refused, or tasks failed, while the proxy was there
	// exitInterrupted is that of programs that Ctrl-C has ended: 128 and the number of SIGINT.
	exitInterrupted = 130
)

// Process holds the arguments and outputs of the process in which a command runs.
type Process struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// usageError marks a mistake in the arguments or settings of the command.
type usageError struct{ error }

// Run executes a command until it returns, or ctx ends, and returns its exit code.
func Run(ctx context.Context, p Process) int {
	root := command(p)
	root.SetArgs(p.Args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintln(p.Stderr, err)
	if coded, ok := errors.AsType[exitError](err); ok {
		return coded.code
	}
	var settings *app.ConfigError
	var usage usageError
	if errors.As(err, &settings) || errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

func command(p Process) *cobra.Command {
	root := &cobra.Command{
		Use:           "wsproxy",
		Short:         "A gateway to Apache Kafka over WebSockets",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(serve(p), dev(p), broker(p), showConfig(p), healthcheck(p), check(p), showVersion(p))
	root.AddCommand(produce(p), consume(p), tail(p), work(p), topics(p), groups(p), sessions(p), limits(p), bench(p), man(p))
	for _, c := range root.Commands() {
		if c.Flags().Lookup("client-id") == nil {
			continue
		}
		completeFrom(c, "topic", askTopics())
		if c.Flags().Lookup("group") != nil {
			completeFrom(c, "group", askGroups())
		}
	}
	return root
}

func serve(p Process) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Args: noArguments,
		Short: "Run the proxy, configured by WSPROXY_ environment variables",
		RunE: func(c *cobra.Command, _ []string) error {
			app.LimitMemory()
			ballast := app.Ballast()
			defer runtime.KeepAlive(ballast)
			defer inBackground(c.Context(), app.Trim)()
			log := app.NewLogger(p.Stderr, nil)
			settings, err := app.LoadConfig(nil, log)
			if err != nil {
				return err
			}
			a, err := app.Start(app.Options{Config: settings, Environ: os.Environ(), Log: log, Version: version, Commit: commit})
			if err != nil {
				return err
			}
			return a.Run(c.Context())
		},
	}
}

// inBackground runs something until the returned function is called, which waits for its end.
func inBackground(ctx context.Context, run func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func showConfig(p Process) *cobra.Command {
	markdown := false
	c := &cobra.Command{
		Use: "config", Args: noArguments,
		Short: "Print every setting with its value, its default and what it does",
		RunE: func(*cobra.Command, []string) error {
			if markdown {
				return app.ConfigMarkdown(p.Stdout)
			}
			return app.WriteConfig(p.Stdout)
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "print the defaults as the documentation has them, a table in Markdown")
	return c
}

func showVersion(p Process) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.Stdout, "wsproxy %s (commit %s, %s)\n", version, commit, runtime.Version())
			return err
		},
	}
}
