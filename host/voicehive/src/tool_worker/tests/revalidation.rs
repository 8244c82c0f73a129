//! Versions go through the gate again: in whose turn, how often, and what a verdict does.

use super::*;

#[tokio::test(start_paused = true)]
async fn versions_of_another_release_go_through_the_gate_again() {
    let setting = Setting::new().await;
    let good = setting.publish("good", ToolAlias::Live).await;
    let bad = setting.publish("bad", ToolAlias::Live).await;
    let lost = setting.publish("lost", ToolAlias::Canary).await;
    setting.worker.artifacts.remove(&lost.digest).unwrap();
    setting.workshop.refuses.lock().unwrap().push(b"bad".to_vec());
    assert_eq!(setting.revalidate(minutes(1)).await, 2);
    assert_eq!(setting.named(ToolAlias::Live).await, Some(good.digest.clone()));
    let (good, bad) = (setting.kept(&good).await, setting.kept(&bad).await);
    assert_eq!((good.check.gate.as_str(), &good.check.report["tier"]), ("2", &json!("large")));
    assert_eq!((bad.state, bad.check.refusal.as_deref()), (VersionState::Refused, Some("feature-off")));
    assert_eq!(bad.check.report["refusal"]["item"], "threads");
    let lost = setting.kept(&lost).await;
    assert_eq!(lost.state, VersionState::Accepted, "a lost file is no verdict of the gate's");
    assert_eq!(setting.asked().len(), 2, "what would be refused for the same again is asked for once");
}

#[tokio::test(start_paused = true)]
async fn a_host_without_memory_takes_no_version_from_its_alias() {
    let setting = Setting::new().await;
    let version = setting.publish("good", ToolAlias::Live).await;
    *setting.workshop.is_short.lock().unwrap() = true;
    for asked in [3, 6] {
        assert_eq!(setting.revalidate(minutes(1)).await, 0);
        assert_eq!(setting.workshop.asked.lock().unwrap().len(), asked, "it is tried again");
        let kept = setting.kept(&version).await;
        assert_eq!((kept.state, kept.check.gate.as_str()), (VersionState::Accepted, "1"));
        assert_eq!(setting.named(ToolAlias::Live).await, Some(version.digest.clone()));
    }
    *setting.workshop.is_short.lock().unwrap() = false;
    assert_eq!(setting.revalidate(minutes(2)).await, 1);
    assert_eq!(setting.kept(&version).await.check.gate, "2");
    assert_eq!(setting.named(ToolAlias::Live).await, Some(version.digest));
}

#[tokio::test(start_paused = true)]
async fn what_a_gate_refuses_keeps_its_bytes_for_a_week_and_may_pass_the_next() {
    let setting = Setting::new().await;
    let version = setting.publish("bad", ToolAlias::Live).await;
    setting.workshop.refuses.lock().unwrap().push(b"bad".to_vec());
    assert_eq!(setting.revalidate(minutes(1)).await, 1);
    assert_eq!(setting.kept(&version).await.state, VersionState::Refused);
    let last = minutes(1).plus(REFUSED_KEPT);
    assert_eq!(setting.sweep_old(&version, last).await, 0);
    assert_eq!(setting.worker.artifacts.read(&version.digest, 99).unwrap(), b"bad");
    // The gate that refused it has nothing more to say.
    assert_eq!(setting.revalidate(last).await, 0);
    setting.workshop.refuses.lock().unwrap().clear();
    *setting.workshop.gate.lock().unwrap() = Some("3");
    assert_eq!(setting.revalidate(last).await, 1);
    let kept = setting.kept(&version).await;
    assert_eq!((kept.state, kept.check.gate.as_str()), (VersionState::Accepted, "3"));
    assert_eq!(kept.check.report["tier"], "large");
    assert_eq!(setting.named(ToolAlias::Live).await, None, "an alias does not go back by itself");
    let event = setting.last_event().await;
    assert_eq!((event.action, event.to.as_ref()), (ToolAction::Released, Some(&version.digest)));
    assert_eq!(event.why, "the gate of this release accepts it");
    let later = last.plus(REFUSED_KEPT);
    assert_eq!(setting.sweep_old(&version, later).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_gate_refused_more_than_a_week_ago_is_gone() {
    let setting = Setting::new().await;
    let version = setting.publish("bad", ToolAlias::Live).await;
    setting.workshop.refuses.lock().unwrap().push(b"bad".to_vec());
    assert_eq!(setting.revalidate(minutes(1)).await, 1);
    let too_late = minutes(1).plus(REFUSED_KEPT).plus(Duration::from_millis(1));
    assert_eq!(setting.sweep_old(&version, too_late).await, 1);
    assert_eq!(*setting.workshop.forgotten.lock().unwrap(), [version.digest.to_string()]);
    let asked = setting.workshop.asked.lock().unwrap().len();
    *setting.workshop.gate.lock().unwrap() = Some("3");
    assert_eq!(setting.revalidate(too_late).await, 0);
    assert_eq!(setting.workshop.asked.lock().unwrap().len(), asked, "there are no bytes to look at");
}

#[tokio::test]
async fn tenants_take_turns_at_the_gate() {
    let setting = Setting::new().await;
    let (few, other) = (setting.put_tenant("few").await, setting.put_tenant("other").await);
    let mut many = ["one", "two", "three"];
    many.sort_by_key(|text| ToolDigest::of(text.as_bytes()).to_string());
    for text in many {
        setting.publish(text, ToolAlias::Live).await;
    }
    setting.publish_for(&few, "theirs", ToolAlias::Live).await;
    setting.publish_for(&other, "others", ToolAlias::Live).await;
    assert_eq!(setting.revalidate(minutes(1)).await, 5);
    assert_eq!(setting.asked(), [many[0], "theirs", "others", many[1], many[2]]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_might_not_come_again_counts_the_third_time_and_others_go_on_meanwhile() {
    for code in [Code::CompileTooCostly, Code::CompileFailed, Code::DescribeFailed, Code::DescribeUnstable] {
        let setting = Setting::new().await;
        let slow = setting.publish("slow", ToolAlias::Live).await;
        let few = setting.put_tenant("few").await;
        setting.publish_for(&few, "theirs", ToolAlias::Live).await;
        setting.workshop.refuses.lock().unwrap().push(b"slow".to_vec());
        *setting.workshop.code.lock().unwrap() = Some(code);
        assert_eq!(setting.revalidate(minutes(1)).await, 2, "{code}");
        assert_eq!(setting.asked(), ["slow", "theirs", "slow", "slow"], "{code}");
        let kept = setting.kept(&slow).await;
        assert_eq!((kept.state, kept.check.refusal.as_deref()), (VersionState::Refused, Some(code.as_str())));
        assert_eq!(setting.named(ToolAlias::Live).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_passes_the_third_time_keeps_its_alias() {
    let setting = Setting::new().await;
    let slow = setting.publish("slow", ToolAlias::Live).await;
    setting.workshop.refuses.lock().unwrap().push(b"slow".to_vec());
    *setting.workshop.code.lock().unwrap() = Some(Code::CompileTooCostly);
    *setting.workshop.relents_after.lock().unwrap() = Some(2);
    let began = tokio::time::Instant::now();
    assert_eq!(setting.revalidate(minutes(1)).await, 1);
    assert_eq!(setting.asked().len(), 3);
    assert!(began.elapsed() >= Duration::from_secs(20), "a busy machine gets time to calm down");
    let kept = setting.kept(&slow).await;
    assert_eq!((kept.state, kept.check.gate.as_str()), (VersionState::Accepted, "2"));
    assert_eq!(setting.named(ToolAlias::Live).await, Some(slow.digest));
}

#[tokio::test(start_paused = true)]
async fn a_pass_stops_while_the_platform_is_at_fault_and_goes_on_where_it_was() {
    let setting = Setting::new().await;
    let mut texts = ["one", "two", "three", "four", "five"];
    texts.sort_by_key(|text| ToolDigest::of(text.as_bytes()).to_string());
    for text in texts {
        setting.publish(text, ToolAlias::Live).await;
    }
    let mut revalidation = Revalidation::default();
    *setting.workshop.is_short.lock().unwrap() = true;
    let went = setting.go_on(&mut revalidation, minutes(1)).await;
    assert_eq!(went, Went { verdicts: 0, wait: AGAIN });
    assert_eq!(setting.asked(), texts[..3]);
    *setting.workshop.is_short.lock().unwrap() = false;
    let went = setting.go_on(&mut revalidation, minutes(11)).await;
    assert_eq!(went, Went { verdicts: 5, wait: REVALIDATE }, "none is lost");
    let [first, second, third, fourth, fifth] = texts;
    assert_eq!(setting.asked()[3..], [fourth, fifth, first, second, third]);
}

#[tokio::test(start_paused = true)]
async fn a_pass_of_which_nothing_comes_is_given_up_for_the_next_one() {
    let setting = Setting::new().await;
    setting.publish("good", ToolAlias::Live).await;
    *setting.workshop.is_short.lock().unwrap() = true;
    let mut revalidation = Revalidation::default();
    let mut waits = Vec::new();
    for _ in 0..8 {
        waits.push(setting.go_on(&mut revalidation, minutes(1)).await.wait);
    }
    let again = [AGAIN; 6].into_iter().chain([REVALIDATE, AGAIN]);
    assert_eq!(waits, again.collect::<Vec<_>>());
    assert_eq!(setting.asked().len(), 8 * 3);
}

#[tokio::test(start_paused = true)]
async fn what_needs_no_look_any_more_when_its_turn_comes_gets_none() {
    let setting = Setting::new().await;
    let deleted = setting.publish("deleted", ToolAlias::Live).await;
    let quarantined = setting.publish("quarantined", ToolAlias::Live).await;
    let current = setting.publish("current", ToolAlias::Live).await;
    let mut revalidation = Revalidation::default();
    *setting.workshop.is_short.lock().unwrap() = true;
    assert_eq!(setting.go_on(&mut revalidation, minutes(1)).await.wait, AGAIN);
    assert_eq!(setting.asked().len(), 3, "each of them waits to be looked at once more");
    let (store, tenant, tool, act) = (&setting.worker.store, &setting.tenant, &setting.tool, &setting.act());
    store.delete_tool_version(tenant, tool, &deleted.digest, act).await.unwrap();
    store.quarantine_tool(&quarantined.digest, act).await.unwrap();
    let report = json!({ "tier": "large" });
    let check = GateCheck { gate: "2".into(), engine: "e2".into(), refusal: None, report };
    let quota = ToolQuota::default();
    store.revalidate_tool_version(tenant, tool, &current.digest, &check, &quota, act).await.unwrap();
    *setting.workshop.is_short.lock().unwrap() = false;
    let went = setting.go_on(&mut revalidation, minutes(11)).await;
    assert_eq!(went, Went { verdicts: 0, wait: REVALIDATE });
    assert_eq!(setting.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_version_is_looked_at_under_the_tier_that_it_has_when_its_turn_comes() {
    let setting = Setting::new().await;
    let version = setting.publish("good", ToolAlias::Live).await;
    let mut revalidation = Revalidation::default();
    *setting.workshop.is_short.lock().unwrap() = true;
    setting.go_on(&mut revalidation, minutes(1)).await;
    let report = json!({ "tier": "standard" });
    let check = GateCheck { gate: "1".into(), engine: "e1".into(), refusal: None, report };
    let new = NewVersion { digest: version.digest.clone(), bytes: 1, compiled_bytes: 0, check };
    let (store, quota) = (&setting.worker.store, ToolQuota::default());
    let put = store.put_tool_version(&setting.tenant, &setting.tool, &new, &quota, &setting.act()).await;
    assert_eq!(put.unwrap(), store::Uploaded::TierChanged);
    *setting.workshop.is_short.lock().unwrap() = false;
    assert_eq!(setting.go_on(&mut revalidation, minutes(11)).await.verdicts, 1);
    let kept = setting.kept(&version).await;
    assert_eq!((kept.check.gate.as_str(), &kept.check.report["tier"]), ("2", &json!("standard")));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_and_is_quarantined_passes_only_when_it_is_released() {
    let setting = Setting::new().await;
    let version = setting.publish("bad", ToolAlias::Live).await;
    setting.workshop.refuses.lock().unwrap().push(b"bad".to_vec());
    assert_eq!(setting.revalidate(minutes(1)).await, 1);
    setting.workshop.refuses.lock().unwrap().clear();
    *setting.workshop.gate.lock().unwrap() = Some("3");
    let store = &setting.worker.store;
    store.quarantine_tool(&version.digest, &setting.act()).await.unwrap();
    assert_eq!(setting.revalidate(minutes(2)).await, 0);
    assert_eq!(setting.asked().len(), 1);
    assert_eq!(setting.last_event().await.action, ToolAction::Quarantined);
    store.release_tool(&version.digest, &setting.act()).await.unwrap();
    assert_eq!(setting.revalidate(minutes(3)).await, 1);
    let event = setting.last_event().await;
    assert_eq!((event.action, event.by.as_str()), (ToolAction::Released, "voicehive"));
    assert_eq!(setting.kept(&version).await.state, VersionState::Accepted);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_and_has_lost_its_bytes_stays_refused() {
    let setting = Setting::new().await;
    let version = setting.publish("bad", ToolAlias::Live).await;
    setting.workshop.refuses.lock().unwrap().push(b"bad".to_vec());
    assert_eq!(setting.revalidate(minutes(1)).await, 1);
    setting.worker.artifacts.remove(&version.digest).unwrap();
    setting.workshop.refuses.lock().unwrap().clear();
    *setting.workshop.gate.lock().unwrap() = Some("3");
    let went = setting.go_on(&mut Revalidation::default(), minutes(2)).await;
    assert_eq!(went, Went { verdicts: 0, wait: REVALIDATE });
    let kept = setting.kept(&version).await;
    assert_eq!((kept.state, kept.check.gate.as_str()), (VersionState::Refused, "2"));
}

#[tokio::test]
async fn a_version_that_breaks_the_gate_keeps_none_behind_it_from_being_looked_at() {
    let setting = Setting::new().await;
    let mut texts = ["one", "two", "three"];
    texts.sort_by_key(|text| ToolDigest::of(text.as_bytes()).to_string());
    let mut versions = Vec::new();
    for text in texts {
        versions.push(setting.publish(text, ToolAlias::Live).await);
    }
    // They are looked at in the order of their digests.
    *setting.workshop.breaks.lock().unwrap() = texts[0].as_bytes().to_vec();
    assert_eq!(setting.revalidate(minutes(1)).await, 2);
    let mut gates = Vec::new();
    for version in &versions {
        let kept = setting.worker.store.tool_version(&setting.tenant, &setting.tool, &version.digest).await;
        gates.push(kept.unwrap().unwrap().check.gate);
    }
    assert_eq!(gates, ["1", "2", "2"]);
}
