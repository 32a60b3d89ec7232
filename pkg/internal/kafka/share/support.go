package share

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// feature is the feature by which brokers tell that they have share groups. They list the requests without it, too.
	feature = "share.version"
	// requestVersion is the version of the requests that fetch and acknowledge: the first one with the mode that acquires no
	// more records than were asked for (KIP-1206), and with renewals (KIP-1222). Kafka 4.2 has it.
	requestVersion = 2
)

var (
	errFeatureOff = errors.New("the feature " + feature + " is off")
	errTooOld     = errors.New("the broker is too old")
)

// askSupport asks a broker whether there are share groups. The error is one of those above, or tells that no broker
// has answered.
func askSupport(ctx context.Context, client *kgo.Client) error {
	answer, err := cluster.AskAny[*kmsg.ApiVersionsResponse](ctx, client, func() kmsg.Request {
		request := kmsg.NewPtrApiVersionsRequest()
		request.ClientSoftwareName, request.ClientSoftwareVersion = "wsproxy", "1"
		return request
	})
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("asking for the features of the brokers: %w", err)
	}
	return judgeSupport(answer)
}

func judgeSupport(answer *kmsg.ApiVersionsResponse) error {
	known := map[int16]int16{}
	for _, key := range answer.ApiKeys {
		known[key.ApiKey] = key.MaxVersion
	}
	if known[int16(kmsg.ShareFetch)] < requestVersion || known[int16(kmsg.ShareAcknowledge)] < requestVersion {
		return errTooOld
	}
	for _, f := range answer.FinalizedFeatures {
		if f.Name == feature && f.MaxVersionLevel > 0 {
			return nil
		}
	}
	return errFeatureOff
}
