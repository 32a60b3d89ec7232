package proxy

import (
	"maps"
	"slices"
)

// Place is where a tail is in a partition.
type Place struct {
	Offset int64 // of the next record
	// Epoch is that of the record before it, or of a later leader that still had that record; -1 where none is
	// known. A log that was truncated below the place does not have the epoch there (KIP-320).
	Epoch int32
}

// Places are the place in each partition.
type Places map[int32]Place

// Clone returns a copy.
func (p Places) Clone() Places { return maps.Clone(p) }

// Partitions returns the partitions in order.
func (p Places) Partitions() []int32 { return slices.Sorted(maps.Keys(p)) }

// Reaches tells whether the place in every partition is at that of low or behind it, in the same history.
func (p Places) Reaches(low Places) bool {
	for partition, place := range low {
		if here := p[partition]; here.Offset < place.Offset || here.IsOlder(place.Epoch) {
			return false
		}
	}
	return true
}

// IsOlder tells whether a record at or before the place is of a later epoch than the records before it. Then the log
// may have been truncated below the place: what a tail was given up to there may not be what the log has.
func (p Place) IsOlder(epoch int32) bool { return p.Epoch >= 0 && epoch > p.Epoch }

// Passes tells whether the offset in every partition is at that of low or behind it, in whichever history.
func (p Places) Passes(low Places) bool {
	for partition, place := range low {
		if p[partition].Offset < place.Offset {
			return false
		}
	}
	return true
}

// Beyond returns those of the places that are behind those of low.
func (p Places) Beyond(low Places) Places {
	behind := Places{}
	for partition, place := range p {
		if place.Offset > low[partition].Offset {
			behind[partition] = place
		}
	}
	return behind
}

// Advance moves a place forward, never back.
func (p Places) Advance(partition int32, to Place) {
	if to.Offset >= p[partition].Offset {
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
