package share

import (
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// modelLock is how long the locks of the modelled Kafka last.
const modelLock = 10 * time.Second

// modelRecord is a record in the modelled Kafka.
type modelRecord struct {
	acquired bool
	ours     bool // acquired by the member, and not by another one
	until    time.Time
	delivery int // number of the acquisition
	done     bool
}

// modelLog is a partition in the modelled Kafka.
type modelLog struct {
	id      partitionID
	leader  int
	epoch   int32 // of the leadership
	moved   bool  // since the leaders were looked up
	records []*modelRecord
}

// modelKafka is what a member sees of Kafka: it gives records to one member at a time, and settles what was acquired.
type modelKafka struct {
	logs       []*modelLog
	deliveries int
	settled    map[int]proxy.Acknowledgement // by the delivery
	told       func(delivery int, acknowledgement proxy.Acknowledgement)
}

// expire takes back what was locked for too long.
func (k *modelKafka) expire(now time.Time) {
	for _, log := range k.logs {
		for _, r := range log.records {
			if r.acquired && !now.Before(r.until) {
				r.acquired = false
			}
		}
	}
}

// takeBack takes back what the member has acquired of the logs that a broker leads.
func (k *modelKafka) takeBack(broker int) {
	for _, log := range k.logs {
		for _, r := range log.records {
			if log.leader == broker && r.acquired && r.ours {
				r.acquired = false
			}
		}
	}
}

// move has another broker lead a log: it knows nothing of locks.
func (k *modelKafka) move(log *modelLog) {
	log.leader, log.epoch, log.moved = 1-log.leader, log.epoch+1, true
	for _, r := range log.records {
		r.acquired = false
	}
}

// start returns the offset of the first record that is not settled.
func (log *modelLog) start() int64 {
	for offset, r := range log.records {
		if !r.done {
			return int64(offset)
		}
	}
	return int64(len(log.records))
}

// acknowledge settles what is asked about a log, all or nothing. What is asked about records before its start is done already,
// whoever has done it.
func (k *modelKafka) acknowledge(broker int, id partitionID, asks map[int64]ack, now time.Time) error {
	log := k.log(id)
	if log.leader != broker {
		return kerr.NotLeaderForPartition
	}
	start := log.start()
	for offset := range asks {
		if offset < start {
			delete(asks, offset)
			continue
		}
		if r := log.records[offset]; !r.acquired || !r.ours {
			return kerr.InvalidRecordState
		}
	}
	for offset, a := range asks {
		r := log.records[offset]
		switch a {
		case renew:
			r.until = now.Add(modelLock)
			continue
		case release:
			r.acquired = false
		default:
			r.acquired, r.done = false, true
		}
		k.settled[r.delivery] = proxy.Acknowledgement(a)
		k.told(r.delivery, proxy.Acknowledgement(a))
	}
	return nil
}

// acquire gives the member at most so many records of the logs that it asks for. Some offsets hold none.
func (k *modelKafka) acquire(broker int, wanted []partitionID, most int, now time.Time) map[partitionID][]acquired {
	all := make(map[partitionID][]acquired)
	for _, id := range wanted {
		log := k.log(id)
		if log.leader != broker {
			continue
		}
		for offset, r := range log.records {
			if r.acquired || r.done || most == 0 {
				continue
			}
			most--
			k.deliveries++
			r.acquired, r.ours, r.until, r.delivery = true, true, now.Add(modelLock), k.deliveries
			one := acquired{offset: int64(offset), count: 1, refuse: gap}
			if offset%7 != 6 {
				one.record = &proxy.Record{
					Partition: id.partition, Offset: int64(offset), Timestamp: int64(offset), Value: []byte(strconv.Itoa(k.deliveries)),
				}
			}
			all[id] = append(all[id], one)
		}
	}
	return all
}

func (k *modelKafka) log(id partitionID) *modelLog {
	for _, log := range k.logs {
		if log.id == id {
			return log
		}
	}
	panic(errors.New("no such log"))
}

// isDone tells whether nothing is left to be delivered.
func (k *modelKafka) isDone() bool {
	for _, log := range k.logs {
		for _, r := range log.records {
			if !r.done {
				return false
			}
		}
	}
	return true
}
