package devbroker

import "github.com/twmb/franz-go/pkg/kversion"

// maxVersions returns the request versions of the newest released Kafka, without those for which Apache's
// own tools cannot use kfake's answers. The tools fall back to older versions.
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
