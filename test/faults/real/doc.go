// Package real runs the program, as two processes, against a real Apache Kafka of one broker,
// under faults that come one after the other: brokers and proxies that are killed, shut down
// and frozen, clients that are cut off in every way, and a topic that is deleted and made again, grows
// and loses records. The clients and the checker are those
// of the virtual suite.
//
// Three brokers, with links between all of them and to the proxies that can be held, late, narrow and cut, have a run of their own, in
// which a producer writes in transactions, workers of a queue take the same records, clients have credentials that end, and commands
// write and read lines.
//
// Beside that, crowds of tails read through a rolling restart of three replicas, and while the broker is killed: their
// size shows what a few tails do not. Workers of a queue have a run of their own, against three brokers.
//
// The tests let each fault happen once, but for those of three brokers, of which there are more than one test has time for: some happen
// each day. The flag -soak has each run take so long instead, where go test needs a -timeout beyond all of them,
// and demand that the proxies do not grow. It ends with a line for each kind of fault, and one for all. The flag -seed chooses the order of
// the faults, -faults their kinds, -tails the size of the crowd, and -update writes the tables of what happened into docs/reliability.md.
package real
