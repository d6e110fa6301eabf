package logging

import "monitor_service/internal/recovery"

// messageID is the journal's MESSAGE_ID of an event, by which programs and
// catalogs know it whatever its text says (systemd.journal-fields(7),
// sd_journal_get_catalog(3)). It is a random number that belongs to the event
// for ever: an event that changes its meaning gets another one, and a number is
// never used again. It is empty for what is no event.
func messageID(event string) string {
	switch event {
	case recovery.AlarmFound.String():
		return "d35c80fac4dd47e5a7b96b6dfb7d7488"
	case recovery.AlarmGone.String():
		return "f64a6aaf1c26483b85ca7bc56006c0d7"
	case recovery.NotActing.String():
		return "0c16398a4c8144c4a4ff4ef1ad87635c"
	case recovery.RecoveryStarted.String():
		return "e3bfe1b65ede4ff0b8056eabe58e61ac"
	case recovery.AttemptFailed.String():
		return "64b6970016f14d7fac35283ced8b694b"
	case recovery.Restarted.String():
		return "6803ea56566d4e688c388fced4e07768"
	case recovery.HealthPassed.String():
		return "5e5a743d36fc4941aaf75d23a6c10988"
	case recovery.RecoverySucceeded.String():
		return "e269a5b3d34d459ab1ae93f93b97bc53"
	case recovery.RecoveryFailed.String():
		return "6249c0ce4b7f4f4aa2d349452604a1af"
	case recovery.RecoveryInterrupted.String():
		return "d7edecde8ecb444a849ea2db8a68e902"
	case recovery.Cleared.String():
		return "24ac4398252449b39cfe7893efef19c6"
	case recovery.Superseded.String():
		return "69aa823260094daf9b7dc1ca33814d71"
	case recovery.WriteBackFailed.String():
		return "1c7a49b03275431b860c07c1285cac6f"
	case recovery.WriteBackRefused.String():
		return "73a3caded71442bf9075e28954153eb5"
	case recovery.Flapped.String():
		return "ed6495a196754018a8cb6e34718d463c"
	case recovery.NotClearedInTime.String():
		return "37dcac15e821416b8debceeb9b56c1ff"
	case recovery.BreakerOpened.String():
		return "99968b80d67747bda361f28dd92fc339"
	case recovery.BreakerHalfOpen.String():
		return "3cd3bc89ef004a17881f9ff9f5cf56c5"
	case recovery.BreakerClosed.String():
		return "98ba3a329951416288df462f656e32a6"
	case recovery.CapReached.String():
		return "54a4621bcfd5427f9be55589da38eab2"
	case recovery.DatabaseLost.String():
		return "2f7145378908456f93e723cc208ec307"
	case recovery.DatabaseBack.String():
		return "e0818273bdfc43ab98fb7d17d8f9527e"
	case recovery.RecoveryPostponed.String():
		return "9a9237a44f844e009800c81c3542e0b9"
	case recovery.SystemdLost.String():
		return "f3c3087ff3d7423f8d35ecd3c7bf699e"
	case recovery.SystemdBack.String():
		return "81808701927848fbb273a48f530eda11"
	case recovery.OperatorRestart.String():
		return "c5fb5349ca8449298b7f005e05eb3d29"
	case recovery.OperatorReset.String():
		return "ab64081158d84f40855328505695d9cb"
	case recovery.OperatorPause.String():
		return "27d43254d5fd4a6e8aebbd62b28fed41"
	case recovery.OperatorResume.String():
		return "d03cd08dfe4d4b8e8e579cb4a0632602"
	case recovery.OperatorPoll.String():
		return "7d0e7a26515d41ad87e9d7b3b907b613"
	case recovery.OperatorRefused.String():
		return "be1e963597794f369bf0c1ac90691782"
	case recovery.RecoveryResumed.String():
		return "0d1aa2afe2794ab58275de9da7d0c682"
	case recovery.HandoverFailed.String():
		return "46044bcc06ad4e0c87c06134ce240126"
	case recovery.HandoverWorks.String():
		return "b6c5a391644e42539b8c9385c725e51d"
	case ChannelFailing.String():
		return "2a72feaf586f49268a2e686932420352"
	case ChannelLost.String():
		return "c3bfb6af4d4b43e2878378272f22c11f"
	case ChannelPartly.String():
		return "6d4ba0f0ceab4fe8b1d9eac58ca54ac8"
	case ChannelWorking.String():
		return "501b76f6a46140b6bc835729063bfe55"
	case Started.String():
		return "de0b789925ee4450b541dbfcf8d11f5c"
	case Stopping.String():
		return "7871cf545718413d97b5f27f0ee31c21"
	case Reloaded.String():
		return "d9c069e09d1f4c32a2bf08997413d668"
	case NotReloaded.String():
		return "e9fb563c9a3e4222b440defad9a849fb"
	case LogFailing.String():
		return "102c4e6e86a44e1197653f3b702fc50a"
	case LogWorking.String():
		return "30458af2cd29443eab756e6a3e232b94"
	case HTTPLost.String():
		return "e3fc1bd393e54fd6b4d80426a296cffe"
	case HTTPOpen.String():
		return "86c54b2e466c47a9bf7afaf845999753"
	}
	return ""
}
