package cli

import (
	"net/url"

	"github.com/spf13/pflag"
)

// filter is a flag that has the admin API list less.
type filter struct {
	flag, letter string // letter may be empty
	parameter    string // of the query
	usage        string
}

// whoFilters select connections, as the flags of other commands name them.
func whoFilters() []filter {
	return []filter{
		{"client-id", "", "client", "list only connections of this client"},
		{"group", "G", "group", "list only connections in this consumer group"},
		{"topic", "t", "topic", "list only connections to this topic"},
	}
}

// chosen returns the query for the filters that were given, with its question mark, or nothing.
func chosen(given *pflag.FlagSet, filters []filter) string {
	q := make(url.Values)
	for _, one := range filters {
		if f := given.Lookup(one.flag); f.Changed {
			q.Set(one.parameter, f.Value.String())
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
