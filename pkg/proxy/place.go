package proxy

import (
	"maps"
	"math"
	"slices"
)

// Place is where a tail is in a partition.
type Place struct {
	Offset int64 // of the next record; negative where only a time is known, see AtTime
	// Epoch is that of the record before it, or of a later leader that still had that record; -1 where none is
	// known. A log that was truncated below the place does not have the epoch there (KIP-320).
	Epoch int32
}

// AtTime returns the place of the first record that is not older than a time, in milliseconds since the epoch, or the
// end where there is none. Tails begin there in a partition about which no leader can be asked. Such a place becomes an
// offset when the leader answers; until then it is before all offsets.
func AtTime(ms int64) Place { return Place{Offset: math.MinInt64 + max(0, ms), Epoch: -1} }

// IsTime tells whether only the time of the place is known.
func (p Place) IsTime() bool { return p.Offset < 0 }

// Time returns the time of a place of which only that is known, in milliseconds since the epoch.
func (p Place) Time() int64 { return p.Offset - math.MinInt64 }

// HasPassed tells whether the place is at an offset that is that of another place or behind it.
func (p Place) HasPassed(other Place) bool { return !p.IsTime() && p.Offset >= other.Offset }

// Places are the place in each partition.
type Places map[int32]Place

// Clone returns a copy.
func (p Places) Clone() Places { return maps.Clone(p) }

// Partitions returns the partitions in order.
func (p Places) Partitions() []int32 { return slices.Sorted(maps.Keys(p)) }

// HaveTimes tells whether there are partitions of whose places only a time is known.
func (p Places) HaveTimes() bool {
	for _, place := range p {
		if place.IsTime() {
			return true
		}
	}
	return false
}

// Reaches tells whether the place in every partition is at that of low or behind it, in the same history. Partitions of
// which low has only a time do not count.
func (p Places) Reaches(low Places) bool {
	for partition, place := range low {
		if here := p[partition]; !place.IsTime() && (here.Offset < place.Offset || here.IsOlder(place.Epoch)) {
			return false
		}
	}
	return true
}

// IsOlder tells whether a record at or before the place is of a later epoch than the records before it. Then the log
// may have been truncated below the place: what a tail was given up to there may not be what the log has.
func (p Place) IsOlder(epoch int32) bool { return p.Epoch >= 0 && epoch > p.Epoch }

// Passes tells whether the offset in every partition is at that of low or behind it, in whichever history. Partitions of
// which low has only a time do not count.
func (p Places) Passes(low Places) bool {
	for partition, place := range low {
		if !place.IsTime() && p[partition].Offset < place.Offset {
			return false
		}
	}
	return true
}

// Beyond returns those of the places that are behind those of low, and all others where low has only a time.
func (p Places) Beyond(low Places) Places {
	behind := Places{}
	for partition, place := range p {
		if there := low[partition]; place.Offset > there.Offset || there.IsTime() && place != there {
			behind[partition] = place
		}
	}
	return behind
}

// Ahead returns what a tail has to remember of its places where it joins those who are at low: Beyond, and the start of
// partitions of which it has no place and low only a time.
func (p Places) Ahead(low Places) Places {
	ahead := p.Beyond(low)
	for partition, there := range low {
		if _, has := p[partition]; !has && there.IsTime() {
			ahead[partition] = AtTime(0)
		}
	}
	return ahead
}

// Advance moves a place forward, never back. One of which only a time is known is replaced.
func (p Places) Advance(partition int32, to Place) {
	if here := p[partition]; here.IsTime() || to.Offset >= here.Offset {
		p[partition] = to
	}
}

// AdvanceAll moves places forward, never back.
func (p Places) AdvanceAll(to Places) {
	for partition, place := range to {
		p.Advance(partition, place)
	}
}

// Pass moves the places behind a batch.
func (p Places) Pass(b Batch) {
	for _, gap := range b.Gaps {
		p[gap.Partition] = gap.Then
	}
	p.AdvanceAll(b.Next)
}
