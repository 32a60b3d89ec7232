package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

const (
	snapshotKeys = 100_000
	// laterSnapshots are taken one after another, when the first one is over.
	laterSnapshots = 5
)

// measureHistory has a socket read a topic from its begin, and a plain client in the same round.
func (l *live) measureHistory(ctx context.Context) error {
	return l.withListeners(ctx, partitions, nil, func(topic string, p *proxyProcess, sockets *listeners) error {
		records := l.options.records
		if err := l.stamped(topic, someKeys, 200).fill(ctx, l.broker.addr, records); err != nil {
			return err
		}
		plain, err := rawConsume(ctx, l.broker.addr, topic, topic, records)
		if err != nil {
			return err
		}
		if _, err := sockets.open(ctx, tails(p, topic, 1, url.Values{"from": {"earliest"}})); err != nil {
			return err
		}
		wanted := upTo(records)
		report, err := sockets.await(ctx, "all records", func(r loadclient.Report) bool { return int(r.Records) >= records })
		if err != nil {
			return err
		}
		if missingOf(&report, wanted, 1) != 0 {
			return fmt.Errorf("of %d records %d have come, some more than once", records, report.Records)
		}
		perSecond := float64(records-1) / report.RecordAt.Sub(report.FirstRecordAt).Seconds()
		l.results.add(historyRate, perSecond)
		l.results.add(historyOfRaw, perSecond/plain.perSecond())
		return nil
	})
}

// measureSnapshot has sockets take the newest record of each key, one socket after another. The first tenth of the keys
// was written twice.
func (l *live) measureSnapshot(ctx context.Context) error {
	compact := "compact"
	configs := map[string]*string{"cleanup.policy": &compact}
	return l.withListeners(ctx, partitions, configs, func(topic string, p *proxyProcess, sockets *listeners) error {
		keys := l.options.scaled(snapshotKeys, 10)
		twice := keys / 10
		if err := l.stamped(topic, keys, 200).fill(ctx, l.broker.addr, keys+twice); err != nil {
			return err
		}
		newest := produced{keys, upTo(keys+twice).sum - upTo(twice).sum}
		first, err := snapshot(ctx, sockets, tails(p, topic, 1, url.Values{"snapshot": {"true"}}), newest, 1)
		if err != nil {
			return err
		}
		l.results.add(firstSnapshot, first.Seconds())
		var later time.Duration
		for n := range laterSnapshots {
			took, err := snapshot(ctx, sockets, tails(p, topic, 1, url.Values{"snapshot": {"true"}}), newest, n+2)
			if err != nil {
				return err
			}
			later += took
		}
		l.results.add(laterSnapshot, later.Seconds()/laterSnapshots)
		return nil
	})
}

// snapshot opens a socket and returns how long it takes until the end of its snapshot, which is the one of a number.
func snapshot(ctx context.Context, sockets *listeners, plan *loadclient.Plan, newest produced, number int) (time.Duration, error) {
	began := time.Now()
	if _, err := sockets.do(loadclient.Command{Open: plan}); err != nil {
		return 0, err
	}
	report, err := sockets.await(ctx, "the snapshot's end", func(r loadclient.Report) bool { return r.Snapshots == number })
	if err != nil {
		return 0, err
	}
	if missing := missingOf(&report, newest, number); missing != 0 {
		return 0, fmt.Errorf("of the %d records of %d snapshots, %d have come, or not the newest ones", newest.records*number, number, report.Records)
	}
	return report.SnapshotAt.Sub(began), nil
}
