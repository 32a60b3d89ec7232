// Command bench measures the proxy beside a plain Kafka client and prints Markdown tables. The last one
// has the figures that are held against a floor and a goal. Groups of rows can be measured alone, with
// --rows:
//
//   - throughput: records per second, CPU and allocations per record, one connection: JSON, Avro, and
//     values of the format json on the way out.
//   - tls: the same for JSON over TLS 1.3, which the proxy serves, with a certificate made for the run.
//   - many: the same for eight connections; on the way in they have one clientId, and on the way out they
//     are one group, so that the total is one read of the topic.
//   - latency: a lone message until its answer, a lone record from its producer to the consumer, and bytes
//     to another process and back.
//   - idle: memory of 5,000 /in connections of a clientId each, then of 500 /out connections of a group
//     each, and then the CPU of all of them while nothing happens, and of 500 plain consumers.
//   - burst: memory of 200 /in connections that have each sent 4,096 messages at once, and are idle since.
//   - spread: the CPU of 2,000 messages a second of one clientId over 1,000 connections beside one.
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
// from the first record to the last: it does not hold what a group takes to form. Rounds of the other
// rows have a new proxy each.
//
// Memory of a connection is what the process has more than before, divided by the number of connections;
// before, a few connections were there already. Resident is what the system counts, some seconds after
// two garbage collections. Live is heap and stacks in use right after them: what a burst leaves is read
// there, since the runtime gives the garbage of a burst back when it likes.
//
// With live as the first argument, reading by many over /socket/tail is measured, and nothing else (live.go). Its
// load client (loadclient) is a process of its own as well. A record has the time when it was produced and a number in
// its value, so that latencies are known, and a record that is missing or came twice. What is late under load counts:
// records are produced at an even rate, however long others take.
//
// With --save the ratios of a run are kept in a file, and with --check a run is compared with them. It
// fails where it has lost more than 15 %. Absolute figures are of a machine and are not compared.
package main
