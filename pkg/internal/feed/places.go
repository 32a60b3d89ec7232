package feed

import "maps"

// Places are the offset of the next record in each partition.
type Places map[int32]int64

func (p Places) clone() Places { return maps.Clone(p) }

// reaches tells whether the place in every partition is at that of low or above.
func (p Places) reaches(low Places) bool {
	for partition, offset := range low {
		if p[partition] < offset {
			return false
		}
	}
	return true
}

// beyond returns those of the places that are above those of low.
func (p Places) beyond(low Places) Places {
	above := Places{}
	for partition, offset := range p {
		if offset > low[partition] {
			above[partition] = offset
		}
	}
	return above
}
