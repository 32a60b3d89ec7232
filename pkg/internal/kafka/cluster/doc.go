// Package cluster is the common part of all use of Kafka: connections to brokers, logins, authorization
// by Kafka, and the topics that open connections use.
//
// # Clients
//
// One client serves lookups, and there is one client for each identity of open connections.
//
// # Identities
//
// A connection uses Kafka with the proxy's credentials, or with its own. Topics.OpenFor asks Kafka
// beforehand whether the access is authorised: franz-go reports a wrong password only when a record is
// too old, and Kafka a missing ACL only when a record is written. A topic keeps the credentials with
// which it was opened, and producers take them from there. As long as the topic is open, the check is
// repeated; Topic.Over is closed when its result has changed.
//
//   - Clients of franz-go with different credentials are never shared, and none with a
//     connection's falls back to the proxy's.
//   - Credentials are in memory while a connection uses them, and in a producing client until it is
//     closed as idle. They are neither printed nor logged.
//   - The credentials of each new connection are checked by a login of their own.
//   - An access about which Kafka returns no answer is allowed: Kafka itself checks the rights when they
//     are used.
//
// # Metrics
//
// The activity of franz-go is counted in one set of series for all clients of a kind: clients come and go in
// any number, series must not.
package cluster
