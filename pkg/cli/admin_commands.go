package cli

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func topics(p Process) *cobra.Command { return askTopics().command(p) }

func askTopics() asking {
	return asking{
		use: "topics [TOPIC]", short: "List the topics, or describe one", most: 1,
		path: pathWith("/admin/topics", "/admin/topics/", ""), rows: topicRows,
	}
}

func topicRows(answer []byte) ([][]string, error) {
	var all []struct {
		Name       string
		Partitions int
	}
	err := json.Unmarshal(answer, &all)
	rows := [][]string{{"TOPIC", "PARTITIONS"}}
	for _, t := range all {
		rows = append(rows, []string{t.Name, strconv.Itoa(t.Partitions)})
	}
	return rows, err //nolint:wrapcheck // the caller says what it was
}

func groups(p Process) *cobra.Command { return askGroups().command(p) }

func askGroups() asking {
	return asking{
		use: "groups [GROUP]", short: "List the groups, or describe one with its members and its lag", most: 1,
		path: pathWith("/admin/consumer-group/all", "/admin/consumer-group/", "/describe"), rows: groupRows,
	}
}

func groupRows(answer []byte) ([][]string, error) {
	var all []struct{ GroupID, Type, State string }
	err := json.Unmarshal(answer, &all)
	rows := [][]string{{"GROUP", "TYPE", "STATE"}}
	for _, g := range all {
		rows = append(rows, []string{g.GroupID, g.Type, g.State})
	}
	return rows, err //nolint:wrapcheck // the caller says what it was
}

func limits(p Process) *cobra.Command {
	c := asking{
		use: "limits", short: "List the limits of clients",
		path: pathWith("/admin/client/config", "", ""), rows: limitRows,
	}.command(p)
	c.AddCommand(setLimits(p), deleteLimits(p))
	return c
}

// limit is what one group, or one client that produces, may have. 0 is no limit.
type limit struct {
	Group       string `json:"group-id"`
	Producer    string `json:"producer-id"`
	Connections int    `json:"max-connections"`
	Rate        int    `json:"messages-per-second"`
	Batch       int    `json:"batch-size"`
}

func limitRows(answer []byte) ([][]string, error) {
	var all struct {
		Consumers, Producers struct{ Static, Dynamic []limit }
	}
	err := json.Unmarshal(answer, &all)
	rows := [][]string{{"KIND", "NAME", "SOURCE", "CONNECTIONS", "PER SECOND", "BATCH"}}
	add := func(kind, source string, limits []limit) {
		for _, l := range limits {
			rows = append(rows, []string{kind, l.Group + l.Producer, source, orNone(l.Connections), orNone(l.Rate), orNone(l.Batch)})
		}
	}
	add("consumer", "static", all.Consumers.Static)
	add("consumer", "dynamic", all.Consumers.Dynamic)
	add("producer", "static", all.Producers.Static)
	add("producer", "dynamic", all.Producers.Dynamic)
	return rows, err //nolint:wrapcheck // the caller says what it was
}

func orNone(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// completeFrom completes the value of a flag with the first column of a list, if the environment or a profile names the admin API.
func completeFrom(c *cobra.Command, flag string, list asking) {
	_ = c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return firstColumn(c, list), cobra.ShellCompDirectiveNoFileComp
	})
}

// firstColumn returns what a list has in its first column.
func firstColumn(c *cobra.Command, list asking) (names []string) {
	answer, err := adminFlagsOf(c).ask(c.Context(), list.path(nil))
	if err != nil {
		cobra.CompDebugln(fmt.Sprint(err), false)
		return nil
	}
	rows, _ := list.rows(answer)
	for _, row := range rows[1:] {
		if row[0] != "" { // as that of live readers, who have no session
			names = append(names, row[0])
		}
	}
	return names
}

// adminFlagsOf returns flags for the admin API with what a client's command has of them.
func adminFlagsOf(c *cobra.Command) *adminFlags {
	f, asked := new(adminFlags), new(cobra.Command)
	f.add(asked)
	c.Flags().Visit(func(given *pflag.Flag) {
		if asked.Flags().Lookup(given.Name) != nil {
			_ = asked.Flags().Set(given.Name, given.Value.String())
		}
	})
	return f
}
