// Package kafka starts a real Apache Kafka for tests: one broker in KRaft mode, or three, run
// from its Maven jars, without containers. It needs Java 17 or newer and, until the jars are
// there, Maven.
//
// Tests of one package share a broker with [Require]; a test that kills, pauses or
// configures its broker asks for one of its own with [RequireOwn]. [RequireSecure] and
// [RequireOwnSecure] give brokers with logins, TLS and ACLs, and [RequireOwnCluster] gives three
// brokers that hold each other's records. [Start], [StartSecure] and [StartCluster] are the same for
// programs. Kafka's own command-line tools run with [Tools].
//
// The first use resolves the jars (about 40 s for the broker, 20 s for the tools) and
// makes a class archive that halves every later start. Both are kept by version in the
// user's cache folder, under kafka-websocket-proxy/kafka; that folder may be deleted at
// any time that no broker runs.
package kafka
