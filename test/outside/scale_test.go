package outside

import (
	"os"
	"time"
)

// scale is the amount of data and time that tests use.
type scale struct {
	consumed   int           // records, while the proxy is killed
	produced   int           // the same, the other way
	unread     int           // bytes in a topic whose client reads nothing
	unreadTime time.Duration // for which the client reads nothing
	idle       int           // consumers of each kind of topic that have nothing to do
	idleTime   time.Duration // for which they are idle
	races      int           // rounds in which clients race for slots
	lease      time.Duration // of sessions, where a test waits for it
	state      int           // records in the sessions' topic that a replica starts from
	churn      time.Duration // for which consumers connect and disconnect
	churnEvery time.Duration // between two such changes
	churnRate  int           // records a second meanwhile
	costRounds int           // how often a cost is measured, after once that is not counted
	remade     int           // how often a topic is deleted and made again
	grown      time.Duration // for which records go to all partitions of a topic that has grown
	producers  int           // that send large messages while the broker is stopped
	slow       int           // consumers that read slowly
	slowMemory int           // the limit of the proxy's memory meanwhile
	slowRead   int64         // bytes that each of them is to read
	slowTime   time.Duration // within which they are to read them
	backlog    int           // bytes of the topic that they read
	pods       int           // sizes of pods
	storm      stormSize     // of a queue
}

// short is the size of the default tests.
func short() scale {
	return scale{races: 1}
}

// scaled is the size of the long tests.
func scaled() scale {
	if os.Getenv("OUTSIDE_SCALE") == "full" {
		return scale{
			consumed: 1_000_000, produced: 100_000, unread: 1 << 30, unreadTime: time.Minute,
			idle: 1000, idleTime: 6 * time.Minute,
			races: 50, lease: 15 * time.Second, state: 1_000_000,
			churn: 5 * time.Minute, churnEvery: 5 * time.Second, churnRate: 5000,
			costRounds: 5,
			remade:     20, grown: time.Minute,
			producers: 60, slow: 300, slowMemory: podMemory, slowRead: 100_000, slowTime: 6 * time.Minute, backlog: 2 << 30, pods: 3,
			storm: stormSize{records: 100_000, perSecond: 700, processes: 10, sockets: 50, workers: 20, replicas: 8, brokers: 3, drains: 4, pause: 4 * time.Second},
		}
	}
	return scale{
		consumed: 60_000, produced: 20_000, unread: 64 << 20, unreadTime: 8 * time.Second,
		idle: 10, idleTime: 65 * time.Second,
		races: 3, lease: 3 * time.Second, state: 100_000,
		churn: 10 * time.Second, churnEvery: 2 * time.Second, churnRate: 2000,
		costRounds: 1,
		remade:     3, grown: 15 * time.Second,
		producers: 40, slow: 100, slowMemory: 200 << 20, slowRead: 50_000, slowTime: patience, backlog: 256 << 20, pods: 1,
		storm: stormSize{records: 4_000, perSecond: 300, processes: 3, sockets: 20, workers: 3, replicas: 1, brokers: 1, drains: 1, pause: time.Second},
	}
}
