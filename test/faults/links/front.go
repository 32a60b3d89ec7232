package links

import "testing"

// Front is what a test of Kafka is to call for where each broker listens. It opens a link to there until the end of the test, keeps it under the
// broker's id, and returns its address. Calls must not overlap.
func Front(t testing.TB, all map[int32]*Link) func(broker int32, listens string) (string, error) {
	t.Helper()
	return func(broker int32, listens string) (string, error) {
		l, err := Open(listens)
		if err != nil {
			return "", err
		}
		closeAtEnd(t, l)
		all[broker] = l
		return l.Addr(), nil
	}
}

// Road is from one broker to another, or to its controller.
type Road struct {
	From, To   int32
	Controller bool
}

// Roads is what a test of Kafka is to call for each way between brokers. It opens a link for each until the end of the test. Calls must not
// overlap.
func Roads(t testing.TB, all map[Road]*Link) func(from, to int32, controller bool, at, listens string) error {
	t.Helper()
	return func(from, to int32, controller bool, at, listens string) error {
		l, err := OpenAt(at, listens)
		if err != nil {
			return err
		}
		closeAtEnd(t, l)
		all[Road{from, to, controller}] = l
		return nil
	}
}

func closeAtEnd(t testing.TB, l *Link) {
	t.Helper()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}
