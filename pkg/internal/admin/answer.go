package admin

// Answer is an answer with more than its body. An endpoint returns one where there is more to tell.
type Answer struct {
	Body any
	// Next is the id after which the next page of a list begins. It is empty on the last page.
	Next string
	// Silent are the ids of the brokers that did not answer in time, in order. What only they know is
	// left out of the body, or null there.
	Silent []int32
	// SilentReplicas are the names of the replicas that did not answer in time, in order. What only they know is left out of the body.
	SilentReplicas []string
	// Unchanged tells that a request that may change something was a trial: nothing was changed.
	Unchanged bool
}

// page cuts a sorted list to at most limit entries; 0 is no limit. It returns the id after which the next
// page begins, and nothing where there is none.
func page[T any](list []T, limit int, id func(T) string) (cut []T, next string) {
	if limit == 0 || len(list) <= limit {
		return list, ""
	}
	return list[:limit], id(list[limit-1])
}
