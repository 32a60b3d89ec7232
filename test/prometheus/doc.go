// Package prometheus tests the rules and dashboards in deploy with Prometheus' own packages: its
// parser, its engine, its storage and its scraper, which scrapes a proxy under load. It is a module
// of its own, so that nothing of Prometheus is among the dependencies of the proxy.
package prometheus
