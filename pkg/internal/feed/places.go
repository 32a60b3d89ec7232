package feed

import "maps"

// Place is where a tail is in a partition.
type Place struct {
	Offset int64 // of the next record
	// Epoch is the leader epoch of the record before it, -1 where that is not known: a log that was truncated has
	// another epoch there (KIP-320).
	Epoch int32
}

// Places are the place in each partition.
type Places map[int32]Place

func (p Places) clone() Places { return maps.Clone(p) }

// reaches tells whether the place in every partition is at that of low or behind it.
func (p Places) reaches(low Places) bool {
	for partition, place := range low {
		if p[partition].Offset < place.Offset {
			return false
		}
	}
	return true
}

// beyond returns those of the places that are behind those of low.
func (p Places) beyond(low Places) Places {
	behind := Places{}
	for partition, place := range p {
		if place.Offset > low[partition].Offset {
			behind[partition] = place
		}
	}
	return behind
}

// advance moves a place forward, never back.
func (p Places) advance(partition int32, to Place) {
	if to.Offset >= p[partition].Offset {
		p[partition] = to
	}
}
