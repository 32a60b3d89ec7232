// Package cluster is what all use of Kafka has in common: connections to brokers, logins, what
// Kafka lets whom do, and the topics that open connections use.
//
// # Clients
//
// One client serves lookups, and one each identity that open connections have.
//
// # Identities
//
// A connection uses Kafka with the proxy's credentials, or with its own. Topics.OpenFor asks Kafka
// beforehand whether it may: franz-go tells of a wrong password when a record is too old, and
// Kafka of a missing ACL when a record is written. A topic keeps the credentials that it was opened
// with, and producers take them from there. As long as it is open Kafka is asked again and again;
// Topic.Over tells when the answer changed.
//
//   - Clients of franz-go with different credentials are never shared, and none with a
//     connection's falls back to the proxy's.
//   - Credentials are in memory while a connection uses them, and in a producing client until that
//     has been idle. They are neither printed nor logged.
//   - What a connection's credentials are worth is found out by a login of its own each time.
//   - What Kafka does not tell is allowed: it looks at the rights itself when they are used.
//
// # Metrics
//
// What franz-go does is counted in one set of series for all clients of a kind: clients come and
// go in any number, series must not.
package cluster
