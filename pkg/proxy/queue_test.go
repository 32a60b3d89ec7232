package proxy

import "testing"

func TestSettleResultsAreFailuresOrNot(t *testing.T) {
	for result, want := range map[SettleResult]Kind{
		SettleFailed: KindCommitFailed, SettleExpired: KindLockExpired, SettleUnknown: KindUnknownMessageID, SettleResult(99): KindCommitFailed,
	} {
		if kind, failed := result.Kind(); !failed || kind != want {
			t.Errorf("result %d: got %v, %v, want %v", result, kind, failed, want)
		}
	}
	for _, result := range []SettleResult{SettleDone, SettleRenewed} {
		if kind, failed := result.Kind(); failed {
			t.Errorf("result %d is a failure of kind %v", result, kind)
		}
	}
}

func TestAcknowledgementsHaveTheVerbsOfTheProtocol(t *testing.T) {
	for acknowledgement, want := range map[Acknowledgement]string{Accept: "accept", Release: "release", Reject: "reject", Renew: "renew", 0: "none", 9: "none"} {
		if got := acknowledgement.String(); got != want {
			t.Errorf("acknowledgement %d: got %q, want %q", acknowledgement, got, want)
		}
	}
}
