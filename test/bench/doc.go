// Command bench measures the proxy beside a plain Kafka client and prints Markdown tables. The last one
// has the figures that are held against a floor and a goal. Groups of rows can be measured alone, with
// --rows:
//
//   - throughput: records per second, CPU and allocations per record, one connection: JSON, Avro, and
//     values of the format json on the way out.
//   - tls: the same for JSON over TLS 1.3, which the proxy serves, with a certificate made for the run.
//   - many: the same for eight connections; on the way in they have one clientId, and on the way out they
//     are one group, so that the total is one read of the topic.
//
// The proxy is a process of its own, and so is the broker: an Apache Kafka (test/kafka), the
// fake one with --embedded, or whatever runs at --broker. What the proxy spends is read from
// its own metrics. The load client is made to cost little: it writes frames that were built
// beforehand and counts those that come back; its share is in the table. The yardstick is
// franz-go with its default options, with the same records on the same broker in the same
// run. WSPROXY_ variables reach the proxy, so that settings can be measured too.
//
// Rounds of the flows alternate between all measurements, so that a drift of the machine meets all
// alike; the first round is not counted, and the table has the medians of the others. The time runs
// from the first record to the last: it does not hold what a group takes to form.
package main
