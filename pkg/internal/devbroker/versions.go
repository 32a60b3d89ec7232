package devbroker

import "github.com/twmb/franz-go/pkg/kversion"

// maxVersions are the requests of the newest released Kafka, without those whose answers by
// kfake Apache's own tools cannot use. The tools fall back to older requests.
func maxVersions() *kversion.Versions {
	const (
		listGroups              = 16 // from version 5 on: compares the types asked for with case, lists nothing
		createTopics            = 19 // from version 5 on: null configs, a NullPointerException in Java
		describeTopicPartitions = 75 // null eligible leader replicas, the same
		remove                  = -1
	)
	v := kversion.Stable()
	v.SetMaxKeyVersion(listGroups, 4)
	v.SetMaxKeyVersion(createTopics, 4)
	v.SetMaxKeyVersion(describeTopicPartitions, remove)
	return v
}
