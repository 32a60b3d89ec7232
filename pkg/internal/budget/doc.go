// Package budget bounds the memory that all connections of this process hold together.
//
// A limit for each connection is no limit for all of them: while Kafka is silent, or when everybody
// reads what an outage has left behind, each takes as much as it may. Whoever is about to hold more
// acquires it here before, and waits while there is no room: nothing is read from its socket, and TCP
// has the peer wait too.
//
// # What must hold
//
//   - What is held never exceeds the budget, but for what is said below.
//   - Of each kind waits are served in the order in which they began, so that no large request
//     starves behind small ones.
//   - An eighth of the budget is kept for each kind of request, the rest is for all. So consumers whose
//     clients read nothing cannot stop producers, nor producers whose broker is silent consumers.
//   - No wait here is for something that waits here itself. What is held of kind Producing is freed by
//     Kafka's answers or when they are given up, of kinds Consuming and Writing by clients that read
//     or are given up. Of kind Receiving is a message that is being read, or that waits for
//     room of kind Producing: never the other way round.
//   - A request of a kind that holds nothing is admitted whatever its size: a message that is longer
//     than the budget would wait for ever.
//
// The budget is exceeded by such a request of each kind, and by what is known only when it is there,
// which Charge counts: how much longer than its compressed form a batch is, and the frames that are
// being written.
package budget
