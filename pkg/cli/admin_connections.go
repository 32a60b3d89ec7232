package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func sessions(p Process) *cobra.Command {
	c := askSessions().command(p)
	c.AddCommand(evict(p))
	return c
}

func askSessions() asking {
	return asking{
		use: "sessions", short: "List who is connected, on all replicas", path: pathWith("/admin/sessions", "", ""), rows: sessionRows,
		filters: append(
			whoFilters(),
			filter{flag: "replica", parameter: "replica", usage: "list only connections to this replica, by its WSPROXY_SERVER_ID"},
			filter{flag: "limit", parameter: "limit", usage: "list at most so many"},
			filter{flag: "after", parameter: "after", usage: "list only connections whose ids are greater, which is the next page"},
			filter{flag: "figures", parameter: "figures", value: "true", usage: "ask all replicas for records, lag and what workers hold, for 200 connections at most"},
		),
	}
}

// sessionRows has a dash for what only another replica knows.
func sessionRows(answer []byte) ([][]string, error) {
	var all []struct {
		ID, Kind, Client, Group, Instance, Topic, Subject, Replica string
		Since                                                      time.Time
		Records, Lag, Held, Connections                            *int64
	}
	err := json.Unmarshal(answer, &all)
	rows := [][]string{{"ID", "KIND", "CLIENT", "GROUP", "INSTANCE", "TOPIC", "SUBJECT", "REPLICA", "SINCE", "RECORDS", "LAG", "HELD"}}
	for _, s := range all {
		client := s.Client
		if s.Connections != nil {
			client = fmt.Sprintf("(%d readers)", *s.Connections)
		}
		rows = append(rows, []string{
			s.ID, s.Kind, client, s.Group, s.Instance, s.Topic, s.Subject, s.Replica, moment(s.Since), orDash(s.Records), orDash(s.Lag), orDash(s.Held),
		})
	}
	return rows, err //nolint:wrapcheck // the caller says what it was
}

func closes(p Process) *cobra.Command { return askCloses().command(p) }

func askCloses() asking {
	return asking{
		use: "closes", short: "List how the last connections have ended, and why", path: pathWith("/admin/closes", "", ""),
		rows: closeRows, filters: append(
			whoFilters(),
			filter{flag: "limit", parameter: "limit", usage: "list at most so many, the newest"},
			filter{flag: "all-replicas", parameter: "replicas", value: "all", usage: "ask all replicas, for 50 closes or up to 200, and not only the one that answers"},
		),
	}
}

func closeRows(answer []byte) ([][]string, error) {
	var all []struct {
		At, Since                                                         time.Time
		Code                                                              int
		Client, Group, Topic, Endpoint, Subject, Replica, Reason, Meaning string
		Records                                                           int64
	}
	err := json.Unmarshal(answer, &all)
	rows := [][]string{{"AT", "CODE", "CLIENT", "ENDPOINT", "GROUP", "TOPIC", "SUBJECT", "REPLICA", "RECORDS", "LASTED", "REASON", "MEANING"}}
	for _, c := range all {
		rows = append(rows, []string{
			moment(c.At), strconv.Itoa(c.Code), c.Client, c.Endpoint, c.Group, c.Topic, c.Subject, c.Replica, strconv.FormatInt(c.Records, 10),
			c.At.Sub(c.Since).Round(time.Second).String(), c.Reason, c.Meaning,
		})
	}
	return rows, err //nolint:wrapcheck // the caller says what it was
}

// moment returns a time in RFC 3339, and nothing where there is none.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}

func orDash(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
