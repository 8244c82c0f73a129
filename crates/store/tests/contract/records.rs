use store::projections::{Projected, Projection};
use store::{RECORD_BYTES_MAX, RecordError};

use crate::contract;
use crate::fixture::Fixture;

contract! {
    a_key_is_inserted_once,
    a_record_is_replaced_only_at_its_version,
    a_record_is_removed_only_at_its_version,
    of_many_writers_at_once_one_wins,
    a_prefix_lists_its_keys_in_order_by_page,
    a_list_of_too_many_bytes_is_refused_and_not_cut_short,
    what_the_interface_forbids_is_refused,
    another_tenant_does_not_see_a_record,
    an_appointment_is_listed_while_its_record_lives,
    a_lost_race_leaves_the_projection_alone,
    projections_can_be_rebuilt,
    the_quota_is_given_back,
}

const MIB: usize = 1 << 20;

async fn a_key_is_inserted_once(store: &Fixture) {
    assert_eq!(store.insert_record(&store.tenant, "a", b"1").await.unwrap(), 1);
    let again = store.insert_record(&store.tenant, "a", b"2").await;
    assert!(matches!(again, Err(RecordError::Conflict)), "{again:?}");
    assert_eq!(value(store, "a").await, (b"1".to_vec(), 1));
}

async fn a_record_is_replaced_only_at_its_version(store: &Fixture) {
    store.insert_record(&store.tenant, "a", b"1").await.unwrap();
    assert_eq!(store.replace_record(&store.tenant, "a", b"2", 1).await.unwrap(), 2);
    for (key, version) in [("a", 1), ("a", 3), ("a", u64::MAX), ("b", 1)] {
        let stale = store.replace_record(&store.tenant, key, b"3", version).await;
        assert!(matches!(stale, Err(RecordError::Conflict)), "{key} {version}: {stale:?}");
    }
    assert_eq!(value(store, "a").await, (b"2".to_vec(), 2));
}

async fn a_record_is_removed_only_at_its_version(store: &Fixture) {
    store.insert_record(&store.tenant, "a", b"1").await.unwrap();
    let stale = store.remove_record(&store.tenant, "a", 2).await;
    assert!(matches!(stale, Err(RecordError::Conflict)), "{stale:?}");
    store.remove_record(&store.tenant, "a", 1).await.unwrap();
    assert_eq!(store.record(&store.tenant, "a").await.unwrap(), None);
    assert_eq!(store.insert_record(&store.tenant, "a", b"2").await.unwrap(), 1);
}

async fn of_many_writers_at_once_one_wins(store: &Fixture) {
    store.insert_record(&store.tenant, "slot", b"free").await.unwrap();
    let writers = (0..30).map(|number| {
        let (store, tenant) = (store.store.clone(), store.tenant.clone());
        let value = format!("taken by {number}");
        tokio::spawn(async move { store.replace_record(&tenant, "slot", value.as_bytes(), 1).await })
    });
    let mut won = 0;
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            Ok(version) => {
                assert_eq!(version, 2);
                won += 1;
            }
            Err(RecordError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
}

async fn a_prefix_lists_its_keys_in_order_by_page(store: &Fixture) {
    for key in ["slot/b", "slot/a", "slot/z", "slot", "slots/a", "slot/a/1", "Slot/a"] {
        store.insert_record(&store.tenant, key, b"").await.unwrap();
    }
    let list = async |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let found = store.records_by_prefix(&store.tenant, prefix, after, limit, MIB).await.unwrap();
        found.into_iter().map(|record| record.key).collect()
    };
    assert_eq!(list("slot/", None, 200).await, ["slot/a", "slot/a/1", "slot/b", "slot/z"]);
    assert_eq!(list("slot/", Some("slot/a"), 2).await, ["slot/a/1", "slot/b"]);
    assert_eq!(list("slot/z", None, 200).await, ["slot/z"]);
    assert_eq!(list("", None, 200).await.len(), 7);
    assert_eq!(list("slot/zz", None, 200).await, Vec::<String>::new());
}

async fn a_list_of_too_many_bytes_is_refused_and_not_cut_short(store: &Fixture) {
    for key in ["a/1", "a/2", "a/3"] {
        store.insert_record(&store.tenant, key, &[7; 97]).await.unwrap();
    }
    store.insert_record(&store.tenant, "b/1", &[7; 1000]).await.unwrap();
    let list = async |after: Option<&str>, limit, bytes| {
        store.records_by_prefix(&store.tenant, "a/", after, limit, bytes).await
    };
    let listed = list(None, 200, 300).await.unwrap();
    assert!(listed.len() == 3 && listed.iter().all(|record| record.value == [7; 97]), "{listed:?}");
    let refused = list(None, 200, 299).await;
    assert!(matches!(&refused, Err(RecordError::Invalid(why)) if why.contains("300 bytes")), "{refused:?}");
    // Only what would be listed counts.
    assert_eq!(list(None, 2, 200).await.unwrap().len(), 2);
    assert_eq!(list(Some("a/1"), 200, 200).await.unwrap().len(), 2);
    assert!(list(Some("a/3"), 200, 0).await.unwrap().is_empty());
}

async fn what_the_interface_forbids_is_refused(store: &Fixture) {
    let long = "k".repeat(257);
    for key in ["", "a b", "ä", "a~", "a%", long.as_str()] {
        let refused = store.insert_record(&store.tenant, key, b"").await;
        assert!(matches!(refused, Err(RecordError::Invalid(_))), "{key}: {refused:?}");
    }
    let largest = vec![0; RECORD_BYTES_MAX];
    store.insert_record(&store.tenant, "largest", &largest).await.unwrap();
    assert_eq!(value(store, "largest").await.0, largest);
    let larger = vec![0; RECORD_BYTES_MAX + 1];
    let refused = store.insert_record(&store.tenant, "larger", &larger).await;
    assert!(matches!(refused, Err(RecordError::Invalid(_))), "{refused:?}");
    for limit in [0, 201] {
        let refused = store.records_by_prefix(&store.tenant, "", None, limit, MIB).await;
        assert!(matches!(refused, Err(RecordError::Invalid(_))), "{limit}: {refused:?}");
    }
}

async fn another_tenant_does_not_see_a_record(store: &Fixture) {
    store.insert_record(&store.tenant, "appointments/1", br#"{"status":"booked"}"#).await.unwrap();
    assert_eq!(store.record(&store.stranger, "appointments/1").await.unwrap(), None);
    assert!(store.records_by_prefix(&store.stranger, "", None, 200, MIB).await.unwrap().is_empty());
    assert!(store.remove_record(&store.stranger, "appointments/1", 1).await.is_err());
    let listed = store.projected(&store.stranger, Projection::Appointments, None, None, 10).await.unwrap();
    assert!(listed.items.is_empty());
}

async fn an_appointment_is_listed_while_its_record_lives(store: &Fixture) {
    let key = "appointments/7";
    let booked = serde_json::json!({ "phone": "+1555", "start": "2026-11-23T10:00", "status": "booked" });
    store.insert_record(&store.tenant, key, booked.to_string().as_bytes()).await.unwrap();
    store.insert_record(&store.tenant, "appointments/7/lock", b"{}").await.unwrap();
    store.insert_record(&store.tenant, "appointments/broken", b"not JSON").await.unwrap();
    assert_eq!(appointments(store, None).await, [Projected { id: "7".into(), data: booked.clone() }]);
    assert_eq!(appointments(store, Some("cancelled")).await, []);

    store.replace_record(&store.tenant, key, br#"{"status":"cancelled"}"#, 1).await.unwrap();
    assert_eq!(appointments(store, Some("cancelled")).await.len(), 1);
    assert_eq!(appointments(store, Some("booked")).await, []);

    store.remove_record(&store.tenant, key, 2).await.unwrap();
    assert_eq!(appointments(store, None).await, []);
}

async fn a_lost_race_leaves_the_projection_alone(store: &Fixture) {
    let key = "appointments/7";
    store.insert_record(&store.tenant, key, br#"{"status":"booked"}"#).await.unwrap();
    store.insert_record(&store.tenant, key, br#"{"status":"stolen"}"#).await.unwrap_err();
    store.replace_record(&store.tenant, key, br#"{"status":"stolen"}"#, 9).await.unwrap_err();
    store.remove_record(&store.tenant, key, 9).await.unwrap_err();
    assert_eq!(appointments(store, Some("booked")).await.len(), 1);
}

async fn projections_can_be_rebuilt(store: &Fixture) {
    for number in 0..205 {
        let value = format!(r#"{{"status":"booked","n":{number}}}"#);
        store
            .insert_record(&store.tenant, &format!("appointments/{number}"), value.as_bytes())
            .await
            .unwrap();
    }
    store.insert_record(&store.tenant, "leads/1", br#"{"name":"Ana"}"#).await.unwrap();
    let before = appointments(store, None).await;
    store.rebuild_record_projections(&store.tenant).await.unwrap();
    assert_eq!(before.len(), 205);
    assert_eq!(appointments(store, None).await, before);
    let leads = store.projected(&store.tenant, Projection::Leads, None, None, 10).await.unwrap();
    assert_eq!(leads.items.len(), 1);
}

async fn the_quota_is_given_back(store: &Fixture) {
    // Fills the tenant's bytes to the brim, in as many records as that takes.
    let full = vec![b'x'; RECORD_BYTES_MAX];
    let records = store::TENANT_RECORD_BYTES_MAX as usize / RECORD_BYTES_MAX;
    for number in 0..records {
        store.insert_record(&store.tenant, &format!("fill/{number}"), &full).await.unwrap();
    }
    let one_more = store.insert_record(&store.tenant, "more", b"x").await;
    assert!(matches!(one_more, Err(RecordError::QuotaExceeded)), "{one_more:?}");
    assert_eq!(store.record(&store.tenant, "more").await.unwrap(), None);
    store.replace_record(&store.tenant, "fill/0", &full[1..], 1).await.unwrap();
    store.insert_record(&store.tenant, "more", b"x").await.unwrap();
    let larger = store.replace_record(&store.tenant, "fill/0", &full, 2).await;
    assert!(matches!(larger, Err(RecordError::QuotaExceeded)), "{larger:?}");
    store.remove_record(&store.tenant, "fill/1", 1).await.unwrap();
    store.replace_record(&store.tenant, "fill/0", &full, 2).await.unwrap();
    store.insert_record(&store.stranger, "own", b"x").await.unwrap();
}

async fn appointments(store: &Fixture, status: Option<&str>) -> Vec<Projected> {
    let (mut items, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store
            .projected(&store.tenant, Projection::Appointments, status, after.as_deref(), 100)
            .await
            .unwrap();
        items.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return items,
        }
    }
}

async fn value(store: &Fixture, key: &str) -> (Vec<u8>, u64) {
    let record = store.record(&store.tenant, key).await.unwrap().unwrap();
    (record.value, record.version)
}
