package main

import (
	"fmt"
	"slices"
	"strings"
)

// group is rows that are measured together.
type group string

const (
	throughput group = "throughput" // one connection: strings, JSON values, Avro
	overTLS    group = "tls"
	many       group = "many" // eight connections
	compressed group = "deflate"
	latency    group = "latency"
	idle       group = "idle"
	burst      group = "burst"
	spread     group = "spread" // one rate over one connection and over a thousand
)

// groups returns all of them, in the order in which they are measured.
func groups() []group {
	return []group{throughput, overTLS, many, compressed, latency, idle, burst, spread}
}

func groupNames() string {
	names := make([]string, 0, len(groups()))
	for _, g := range groups() {
		names = append(names, string(g))
	}
	return strings.Join(names, ", ")
}

func parseGroups(text string) ([]group, error) {
	var chosen []group
	for name := range strings.SplitSeq(text, ",") {
		g := group(strings.TrimSpace(name))
		if !slices.Contains(groups(), g) {
			return nil, fmt.Errorf("%q is none of %s", name, groupNames())
		}
		chosen = append(chosen, g)
	}
	return chosen, nil
}
