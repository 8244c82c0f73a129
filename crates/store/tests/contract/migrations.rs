//! What becomes of stored calls when the schema changes under them.

use std::path::Path;

use call_state::{Direction, EndReason};
use events::CallEvent;
use store::native::{NativeDb, migrate};
use store::{
    Act, CallAccount, CallStatus, Store, TenantId, Timestamp, ToolAction, ToolName, ToolQuota, migrations,
};

use crate::fixture::{NOW, after, ended, said};

/// A database as schema 1 left it.
fn old(path: &Path) -> rusqlite::Connection {
    let mut connection = migrate::connect(path).unwrap();
    migrate::up(&mut connection, NOW).unwrap();
    migrate::down(&mut connection, 1).unwrap();
    let rows = "\
        INSERT INTO tenants (id, name, time_zone, created_at) VALUES ('t', 'T', 'UTC', 0); \
        INSERT INTO calls (tenant, id, carrier, carrier_call_id, from_number, to_number, direction, status, \
            status_sequence, status_order, started_at, answered_at, ended_at, duration_s, end_reason) VALUES \
            ('t', 'over', 'twilio', 'CA1', '+15551230000', '+34910000000', 'inbound', 'completed', \
                3, 1099511627844, 1000, 2000, 9000, 7, 'agent-hangup'), \
            ('t', 'busy', 'twilio', 'CA2', '+15551230000', '+34910000000', 'inbound', 'busy', \
                1, 1099511627813, 1000, NULL, 3000, 0, NULL), \
            ('t', 'live', 'twilio', 'CA3', '+15551230000', '+34910000000', 'inbound', 'in-progress', \
                2, 51, 1000, 2000, NULL, NULL, NULL), \
            ('t', 'rings', 'twilio', 'CA4', '+15551230000', '+34910000000', 'inbound', 'ringing', \
                NULL, 2, 1000, NULL, NULL, NULL, NULL); \
        INSERT INTO call_events (tenant, call, seq, at, type, data) VALUES \
            ('t', 'live', 1, 2000, 'media.connected', '{\"stream\":\"MZ1\"}');";
    connection.execute_batch(rows).unwrap();
    connection
}

fn tenant() -> TenantId {
    "t".parse().unwrap()
}

#[tokio::test]
async fn calls_of_the_first_schema_live_on() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    drop(old(&path));
    let store = Store::new(NativeDb::migrate_and_open(&path, NOW).unwrap());
    let call = async |id: &str| store.call(&tenant(), &id.parse().unwrap()).await.unwrap().unwrap();
    let hear = async |id: &str, leg: &str, event, kind| {
        let event = said(leg, event, kind, 60);
        store.hear_carrier(&tenant(), &id.parse().unwrap(), &event, &[], NOW).await.unwrap().unwrap().call
    };
    let (over, busy) = (call("over").await, call("busy").await);
    assert_eq!((over.status, over.ended_at), (CallStatus::Completed, Some(Timestamp(9000))));
    assert_eq!(
        (over.end_reason.as_deref(), over.end_fault.as_deref()),
        (Some("agent-hangup"), Some("agent"))
    );
    assert_eq!((over.answered_at, over.duration_s), (Some(Timestamp(2000)), Some(7)));
    assert_eq!(busy.status, CallStatus::Busy);
    // Late words add to what is known and take nothing away.
    let bill = call_state::EventKind::Billed {
        cost: call_state::Cost { micros: 5, currency: None },
        duration: None,
    };
    for (id, leg, before) in [("over", "CA1", over), ("busy", "CA2", busy)] {
        let after = hear(id, leg, "bill", bill.clone()).await;
        assert_eq!(after.cost.as_ref().map(|cost| cost.micros), Some(5));
        assert_eq!(store::Call { cost: None, ..after }, before);
    }
    // Live calls go on and come to their end.
    let rung = hear("rings", "CA4", "1", call_state::EventKind::Answered { by: None }).await;
    assert_eq!((rung.status, rung.answered_at), (CallStatus::InProgress, Some(after(60))));
    let id = "live".parse().unwrap();
    store.append_event(&tenant(), &id, CallEvent::Recovered, after(1)).await.unwrap();
    assert_eq!(call("live").await.status, CallStatus::InProgress);
    let live = hear("live", "CA3", "1", ended(EndReason::CallerHangup)).await;
    assert_eq!((live.status, live.answered_at), (CallStatus::Completed, Some(Timestamp(2000))));
    assert_eq!((live.ended_at, live.end_reason.as_deref()), (Some(after(60)), Some("caller-hangup")));
}

#[tokio::test]
async fn the_second_schema_can_be_taken_back_with_its_calls() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let before = table(&old(&path));
    {
        let store = Store::new(NativeDb::migrate_and_open(&path, NOW).unwrap());
        store.add_webhook_key(&tenant(), "twilio", "secret", NOW).await.unwrap();
    }
    let mut connection = migrate::connect(&path).unwrap();
    let later: Vec<u32> = (2..=migrations::LATEST).collect();
    let taken_back: Vec<u32> = later.iter().rev().copied().collect();
    assert_eq!(migrate::down(&mut connection, 1).unwrap(), taken_back);
    // The carriers' numbering of the last report is lost; the rank of a status without one takes its place.
    let ranks = [1_099_511_627_781, 3, 1_099_511_627_780, 2];
    let expected: Vec<_> = before.into_iter().zip(ranks).map(|(row, rank)| Row { rank, ..row }).collect();
    assert_eq!(table(&connection), expected);
    assert_eq!(migrate::up(&mut connection, NOW).unwrap(), later);
    assert_eq!(migrate::down(&mut connection, 0).unwrap(), [taken_back, vec![1]].concat());
}

#[tokio::test]
async fn calls_from_before_tenants_had_accounts_of_their_own_stay_with_the_platforms() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    {
        let mut connection = old(&path);
        migrate::up(&mut connection, NOW).unwrap();
        migrate::down(&mut connection, 4).unwrap();
        let rows = "\
            UPDATE calls SET carrier = 'telnyx' WHERE id = 'live'; UPDATE calls SET carrier = 'vapi' WHERE id = 'rings';";
        connection.execute_batch(rows).unwrap();
    }
    let store = Store::new(NativeDb::migrate_and_open(&path, NOW).unwrap());
    let account =
        async |id: &str| store.call(&tenant(), &id.parse().unwrap()).await.unwrap().unwrap().carrier_account;
    assert_eq!(account("over").await, Some(CallAccount::Platform));
    assert_eq!(account("live").await, Some(CallAccount::Platform));
    assert_eq!(account("rings").await, None);
}

#[tokio::test]
async fn a_tools_history_from_before_secrets_were_told_of_is_read_and_left_when_that_is_taken_back() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    {
        let mut connection = old(&path);
        migrate::up(&mut connection, NOW).unwrap();
        migrate::down(&mut connection, 5).unwrap();
        let rows = "\
            INSERT INTO tools (tenant, name, created_at) VALUES ('t', 'orders', 0); \
            INSERT INTO tool_history (tenant, tool, seq, at, actor, action, why) VALUES \
                ('t', 'orders', 1, 5, 'ana', 'deleted', 'unused');";
        connection.execute_batch(rows).unwrap();
    }
    {
        let store = Store::new(NativeDb::migrate_and_open(&path, NOW).unwrap());
        let (tool, act): (ToolName, _) = ("orders".parse().unwrap(), Act { by: "ana", why: "", at: NOW });
        let secret = ("key", "example.com", "hush");
        store.set_tool_secret(&tenant(), &tool, secret, &ToolQuota::default(), &act).await.unwrap();
        let history = store.tool_history(&tenant(), &tool, None, 9).await.unwrap();
        let told: Vec<_> = history.iter().map(|event| (event.action, event.secret.as_deref())).collect();
        assert_eq!(told, [(ToolAction::SecretSet, Some("key")), (ToolAction::Deleted, None)]);
    }
    let mut connection = migrate::connect(&path).unwrap();
    assert!(migrate::down(&mut connection, 5).unwrap().contains(&6));
    let sql = "SELECT group_concat(action) FROM tool_history";
    let left: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(left, "deleted", "the older schema's readers know no other action");
}

#[derive(Debug, PartialEq)]
struct Row {
    id: String,
    rank: i64,
    status: String,
    times: (Option<i64>, Option<i64>, Option<i64>),
    end_reason: Option<String>,
}

fn table(connection: &rusqlite::Connection) -> Vec<Row> {
    let sql = "SELECT id, status_order, status, answered_at, ended_at, duration_s, end_reason FROM calls ORDER BY id";
    let mut statement = connection.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let times = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(Row { id: row.get(0)?, rank: row.get(1)?, status: row.get(2)?, times, end_reason: row.get(6)? })
    };
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The migration has the faults and details of old reasons as constants; they must be those of the vocabulary.
#[test]
fn old_end_reasons_get_the_faults_of_the_vocabulary() {
    use events::EndReason::*;
    let reasons = [
        AgentHangup,
        CallerHangup,
        Silence,
        MaxDuration,
        CarrierLost,
        SttFailed,
        LlmFailed,
        TtsFailed,
        PlatformError,
        Drained,
        Transferred,
        VoicemailReached,
        MaxTurns,
    ];
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let mut connection = old(&path);
    for reason in reasons {
        let code = serde_json::to_value(reason).unwrap();
        let sql = "INSERT INTO calls (tenant, id, carrier, carrier_call_id, from_number, to_number, direction, \
                   status, status_order, started_at, ended_at, end_reason) \
                   VALUES ('t', ?1, 'twilio', ?1, '', '', 'inbound', 'completed', 9, 0, 0, ?1)";
        connection.execute(sql, [code.as_str().unwrap()]).unwrap();
    }
    assert!(migrate::up(&mut connection, NOW).unwrap().contains(&2));
    let sql = "SELECT end_reason, end_fault, log_end_detail FROM calls WHERE id = end_reason";
    let mut statement = connection.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?));
    let rows: Vec<(String, String, i64)> =
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), reasons.len());
    for (code, fault, detail) in rows {
        let reason: EndReason = code.parse().unwrap();
        assert_eq!(serde_json::to_value(reason.fault(Direction::Inbound)).unwrap(), fault, "{code}");
        assert_eq!(reason.detail() as i64, detail, "{code}");
    }
}
