package stopwatch

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAWatchOfAProcessThatRunsTellsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.Elapsed(); got != time.Minute || w.Stalled() != 0 {
			t.Errorf("got %v, stalled for %v", got, w.Stalled())
		}
		w.Stop()
		time.Sleep(time.Minute)
		if got := w.Elapsed(); got != time.Minute || w.Stalled() != 0 {
			t.Errorf("after its end: got %v, stalled for %v", got, w.Stalled())
		}
	})
}

func TestAWatchLeavesOutWhatOthersTook(t *testing.T) {
	began := time.Now()
	w := &Watch{began: began, last: began}
	for _, at := range []time.Duration{tick, 2*tick + time.Millisecond, time.Second, time.Second + tick} {
		w.count(began.Add(at))
	}
	if got, want := w.Elapsed(), 3*tick+time.Millisecond+most; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := w.Stalled(), time.Second-2*tick-time.Millisecond-most; got != want {
		t.Errorf("stalled for %v, want %v", got, want)
	}
}

func TestAWaitEndsWhenTheProcessCouldRunForSoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := Start(t)
		w.Wait(3 * time.Second)
		if took := time.Since(began); took < 3*time.Second || took > 3*time.Second+2*tick {
			t.Errorf("it took %v", took)
		}
	})
}
