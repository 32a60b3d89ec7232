//go:build unix

package real

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// riskyTopic may lose what was answered: it asks for one replica in sync, and lets any other lead where that has died.
const riskyTopic = "risky"

func (o *observer) makeRisky(ctx context.Context) error {
	yes, one := "true", "1"
	settings := map[string]*string{"unclean.leader.election.enable": &yes, "min.insync.replicas": &one}
	if _, err := o.admin.CreateTopic(ctx, 1, -1, settings, riskyTopic); err != nil {
		return fmt.Errorf("making the risky topic: %w", err)
	}
	return nil
}

// riskyLog is what the topic holds, by offset.
func (o *observer) riskyLog() (map[int64]string, error) {
	log := make(map[int64]string)
	err := o.read(riskyTopic, func(r *kgo.Record) { log[r.Offset] = string(r.Value) })
	return log, err
}

// electUncleanly has a leader die with records that nobody else has, and another one lead. Readers must be told which records were
// lost, whether they stay or come back with a cursor, and be given what is written then.
func (r *rig) electUncleanly() (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*healLimit)
	defer cancel()
	reader := &riskyReader{rig: r, random: random(700)}
	reading, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		reader.run(reading, "latest")
	}()
	defer func() {
		stop()
		<-done
	}()
	w := &riskyWriter{rig: r, random: random(701), run: time.Now().UnixNano()}
	kept, err := w.write(ctx, 20)
	if err == nil {
		err = w.writeUntil(ctx, func() bool { return reader.has(w.last) }) // "latest" is somewhere in here
	}
	if err != nil {
		return "", err
	}
	lost, place, id, err := r.loseLeader(ctx, w, reader)
	if err != nil {
		return "", err
	}
	after, err := w.write(ctx, 20)
	if err == nil {
		err = r.several.brokers.Node(id).Restart(ctx)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("broker %d, %d records", id, len(lost)), r.judgeRisk(ctx, reader, place, kept, lost, after)
}

// loseLeader writes records that the leader alone has, and kills it when the reader has them, and a cursor behind them, which it returns: later ones may
// come after the reader was told of the loss. It returns when another broker leads. The one that dies must not lead the topic of the
// sessions, too: without its followers nobody could write to that, and no replica would let the writer in.
func (r *rig) loseLeader(ctx context.Context, w *riskyWriter, reader *riskyReader) (lost []risked, place string, id int32, err error) {
	if id, err = leadApart(ctx, r.kafka.admin, riskyTopic, stateTopic); err != nil {
		return nil, "", 0, err
	}
	r.several.set(links.Way{Held: true}, followersOf(id))
	defer r.several.set(links.Way{}, followersOf(id))
	for !isAlone(ctx, r.kafka.admin, riskyTopic, id) {
		if _, err = w.write(ctx, 1); err != nil {
			return nil, "", id, err
		}
	}
	if lost, err = w.write(ctx, 20); err != nil {
		return nil, "", id, err
	}
	if !workload.Within(healLimit, func() bool { return reader.has(w.last) && reader.cursorIsBehind(w.last) }) {
		return nil, "", id, fmt.Errorf("a tail has no cursor behind %s after %v", w.last, healLimit)
	}
	place = reader.cursor()
	if err := r.several.brokers.Node(id).Kill(); err != nil {
		return nil, "", id, err
	}
	r.several.set(links.Way{}, followersOf(id))
	if !workload.Within(healLimit, func() bool {
		now, err := leadersOf(ctx, r.kafka.admin, riskyTopic)
		return err == nil && now[0] != id && now[0] > 0
	}) {
		return nil, "", id, fmt.Errorf("nobody else leads the risky topic after %v", healLimit)
	}
	return lost, place, id, nil
}

// judgeRisk compares what readers were told with what the log has in the end.
func (r *rig) judgeRisk(ctx context.Context, stayed *riskyReader, place string, kept, lost, after []risked) error {
	log, err := r.kafka.riskyLog()
	if err != nil {
		return err
	}
	for _, one := range append(kept, after...) {
		if log[one.offset] != one.value {
			return fmt.Errorf("%s was answered at %d, where %q is, though its leader has not died", one.value, one.offset, log[one.offset])
		}
	}
	var gone []risked
	for _, one := range lost {
		if log[one.offset] != one.value {
			gone = append(gone, one)
		}
	}
	if len(gone) == 0 {
		return fmt.Errorf("the new leader has all %d records: nothing was tried", len(lost))
	}
	returned := &riskyReader{rig: r, random: random(702)}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		returned.run(reading, "cursor:"+place)
	}()
	defer func() {
		stop()
		<-done
	}()
	for name, reader := range map[string]*riskyReader{"stayed": stayed, "came back": returned} {
		if !workload.Within(healLimit, func() bool { return reader.hasAll(after) }) {
			return fmt.Errorf("a tail that %s was not given what was written after the election in %v: %s", name, healLimit, reader)
		}
		if !reader.wasTold(gone) {
			return fmt.Errorf("a tail that %s was not told of %d lost records from %d on: %s", name, len(gone), gone[0].offset, reader)
		}
	}
	return nil
}
