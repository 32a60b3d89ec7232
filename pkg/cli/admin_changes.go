package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// needsAdmin is what the help of commands for administrators says of the proxy.
const needsAdmin = "\n\nIt asks the admin API, which the proxy has with WSPROXY_ADMIN_ENDPOINT_ENABLED."

// changing is a command that has the admin API change something, and prints what was done.
type changing struct {
	use, short, long, example string
	args                      cobra.PositionalArgs
	complete                  cobra.CompletionFunc
	do                        func(c *cobra.Command, f *adminFlags, args []string) error
}

// command makes the cobra command of a change.
func (a changing) command() *cobra.Command {
	var f adminFlags
	c := &cobra.Command{
		Use: a.use, Short: a.short, Long: a.long + needsAdmin, Example: a.example, Args: a.args, ValidArgsFunction: a.complete,
		RunE: func(c *cobra.Command, args []string) error { return a.do(c, &f, args) },
	}
	f.add(c)
	return c
}

// evict closes connections.
func evict(p Process) *cobra.Command {
	return changing{
		use: "evict ID...", short: "Close connections, wherever they are",
		long: "Close the connections of sessions with 4409, on whichever replica they are, and free their places. wsproxy sessions lists the\n" +
			"ids. A client may connect again.",
		example: "  wsproxy sessions evict 0f8d3f5e2a",
		args:    atLeastOne("an ID: wsproxy sessions lists them"),
		complete: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return firstColumn(c, askSessions()), cobra.ShellCompDirectiveNoFileComp
		},
		do: func(c *cobra.Command, f *adminFlags, args []string) error {
			for _, id := range args {
				if _, err := f.request(c.Context(), http.MethodDelete, "/admin/sessions/"+url.PathEscape(id), nil); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(p.Stdout, "%s is evicted\n", id); err != nil {
					return fmt.Errorf("printing what was done: %w", err)
				}
			}
			return nil
		},
	}.command()
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{errors.New("name " + what)}
		}
		return nil
	}
}

// limitsOf are the arguments of commands that change limits: whose.
func limitsOf(_ *cobra.Command, args []string) error {
	if len(args) != 2 || args[0] != "consumer" && args[0] != "producer" {
		return usageError{errors.New(`name whose limits: "consumer GROUP", or "producer CLIENT"`)}
	}
	return nil
}

func completeLimitsOf(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return []string{"consumer", "producer"}, cobra.ShellCompDirectiveNoFileComp
	case len(args) == 1 && args[0] == "consumer":
		return firstColumn(c, askGroups()), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func limitsPath(args []string) string {
	return "/admin/client/config/" + args[0] + "/" + url.PathEscape(args[1])
}

// limitFlags are limits by the names that the admin API has for them.
func limitFlags() map[string]string {
	return map[string]string{"connections": "max-connections", "per-second": "messages-per-second", "batch": "batch-size"}
}

// setLimits gives a client limits of its own, in the place of those that it has.
func setLimits(p Process) *cobra.Command {
	c := changing{
		use: "set {consumer GROUP | producer CLIENT}", short: "Give a consumer group, or a client that produces, limits of its own",
		long: "Give a consumer group, or a client that produces, limits of its own, in the place of those that it has: what is not given is the default.\n" +
			"They hold on all replicas within 2 s, for open connections too. The proxy must have WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED.",
		example: "  wsproxy limits set consumer dashboard --connections 20 --per-second 300\n  wsproxy limits set producer sensors --per-second 0",
		args:    limitsOf, complete: completeLimitsOf,
		do: func(c *cobra.Command, f *adminFlags, args []string) error {
			body, err := limitsBody(c, args[0])
			if err != nil {
				return usageError{err}
			}
			answer, err := f.putOrPost(c.Context(), limitsPath(args), body)
			if err != nil {
				return err
			}
			return printIndented(p.Stdout, answer)
		},
	}.command()
	c.Flags().Int("connections", 0, "most connections on all replicas together, 0 for no limit")
	c.Flags().Int("per-second", 0, "most messages a second of each connection, 0 for no limit")
	c.Flags().Int("batch", 0, "of consumers: most records of a poll, 0 for no limit")
	return c
}

// putOrPost replaces what the admin API has at a path, or adds it.
func (f *adminFlags) putOrPost(ctx context.Context, path string, body []byte) ([]byte, error) {
	answer, err := f.request(ctx, http.MethodPut, path, body)
	var refused *adminError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return f.request(ctx, http.MethodPost, path, body)
	}
	return answer, err
}

// limitsBody returns what the admin API is to be sent: the limits that are on the command line.
func limitsBody(c *cobra.Command, kind string) ([]byte, error) {
	body := make(map[string]int)
	for flag, name := range limitFlags() {
		n, err := c.Flags().GetInt(flag)
		switch {
		case err != nil:
			return nil, err //nolint:wrapcheck // it names the flag
		case n < 0:
			return nil, fmt.Errorf("--%s is %d: it must be 0 or more, and 0 is no limit", flag, n)
		case c.Flags().Changed(flag):
			body[name] = n
		}
	}
	switch _, hasBatch := body["batch-size"]; {
	case len(body) == 0:
		return nil, errors.New("give at least one of --connections, --per-second and --batch")
	case hasBatch && kind == "producer":
		return nil, errors.New("--batch is for consumers alone: of a producer give --connections and --per-second")
	}
	return json.Marshal(body) //nolint:wrapcheck // numbers can be marshalled
}

// deleteLimits takes a client's own limits away.
func deleteLimits(p Process) *cobra.Command {
	return changing{
		use: "delete {consumer GROUP | producer CLIENT}", short: "Take away the limits that limits set has given",
		long: "Take away the limits that limits set has given: those of the limits' file hold again, or the defaults.",
		args: limitsOf, complete: completeLimitsOf,
		do: func(c *cobra.Command, f *adminFlags, args []string) error {
			if _, err := f.request(c.Context(), http.MethodDelete, limitsPath(args), nil); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.Stdout, "the limits of %s %s are deleted\n", args[0], args[1])
			return err
		},
	}.command()
}
