package outside

// tally counts how often each offset of a topic's partitions was delivered.
type tally struct {
	counts   [][]uint8 // by partition and offset
	upTo     []int64   // by partition: the first offset that was not delivered yet
	distinct int
	total    int
}

// newTally returns a tally that expects a number of records in each partition.
func newTally(partitions, each int) *tally {
	t := &tally{counts: make([][]uint8, partitions), upTo: make([]int64, partitions)}
	for i := range t.counts {
		t.counts[i] = make([]uint8, each)
	}
	return t
}

func (t *tally) add(partition int32, offset int64) {
	counts := t.counts[partition]
	t.total++
	if counts[offset] == 0 {
		t.distinct++
	}
	counts[offset]++
	for t.upTo[partition] < int64(len(counts)) && counts[t.upTo[partition]] > 0 {
		t.upTo[partition]++
	}
}

func (t *tally) duplicates() int { return t.total - t.distinct }

// missing counts the offsets that were never delivered.
func (t *tally) missing() int {
	missing := 0
	for _, counts := range t.counts {
		for _, n := range counts {
			if n == 0 {
				missing++
			}
		}
	}
	return missing
}

// beyond returns the partitions whose committed offset is past the delivered records: a client that
// reconnects would skip the records between.
func (t *tally) beyond(committed map[int32]int64) []int32 {
	var partitions []int32
	for partition, offset := range committed {
		if offset > t.upTo[partition] {
			partitions = append(partitions, partition)
		}
	}
	return partitions
}
