//! More effects without an end than anybody looks at: a flood of processes that died.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::auditor::{ControlError, Finding};
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::store::AuditStore;
use moltbot_audit::store::admission::{Claim, Lease, OpenKind};
use moltbot_audit::{Auditor, RequestId};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::support::claims::Case;
use crate::support::records::{KEY, fresh_request};
use crate::support::stores;

/// Effects in doubt of which an event says so; their leases ended before those of all others.
const SAID: usize = 12_000;
/// Effects in doubt of which no event says so yet.
const EXPIRING: usize = 150;
/// Effects whose leases end in the future.
const RUNNING: usize = 12_000;

/// In microseconds.
const HOUR: i64 = 3_600_000_000;

/// What a flood leaves, as a statement of Postgres.
fn postgres(request: &RequestId) -> [String; 3] {
    let rows = |rows: usize, state: &str, lease_until: &str| {
        format!(
            "insert into moltbot_audit.audit_effects
                (effect_id, intent_id, request_id, effect, state, admitted_at, lease_until)
            select
                gen_random_uuid(), gen_random_uuid(), '{}', 'moltbot.called', '{state}',
                now() - interval '2 days', now() + {lease_until} + n * interval '1 millisecond'
            from generate_series(1, {rows}) as n",
            request.uuid()
        )
    };
    [
        rows(SAID, "in_doubt", "interval '-1 day'"),
        rows(EXPIRING, "running", "interval '-1 hour'"),
        rows(RUNNING, "running", "interval '1 hour'"),
    ]
}

/// The same for SQLite.
fn sqlite(request: &RequestId) -> [String; 3] {
    let rows = |group: u16, rows: usize, state: &str, lease_us: i64| {
        format!(
            "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < {rows})
            insert into audit_effects
                (effect_id, intent_id, request_id, effect, charges, state, has_outcome, admitted_at, lease_until)
            select
                printf('%08x-{0:04x}-7000-8000-000000000000', n), printf('%08x-{0:04x}-7000-9000-000000000000', n),
                '{1}', 'moltbot.called', '[]', '{state}', 0, 1790000000000000,
                cast((julianday('now') - 2440587.5) * 86400000000 as integer) + {lease_us} + n * 1000
            from numbers",
            group,
            request.uuid()
        )
    };
    [
        rows(1, SAID, "in_doubt", -24 * HOUR),
        rows(2, EXPIRING, "running", -HOUR),
        rows(3, RUNNING, "running", HOUR),
    ]
}

/// Lists, expires, counts and resolves them.
async fn look_after(store: Arc<dyn AuditStore>, request: RequestId) {
    let patient = QueueLimits::default().wait(Duration::from_mins(1));
    let auditor = Auditor::builder(store.clone(), KEY.clone()).limits(patient).build();
    let case = Case { store, request };
    assert_eq!(
        case.admission().count_in_doubt().await.expect("readable"),
        (SAID + EXPIRING) as u64
    );
    // One call has one limit, and may be short on a busy machine.
    let listed = loop {
        let listed = auditor.in_doubt().await.expect("readable");
        if !listed.iter().any(|effect| effect.is_expiring) {
            break listed;
        }
    };
    assert_eq!(listed.len(), SAID + EXPIRING);
    assert!(listed.is_sorted_by_key(|effect| effect.lease_until));
    let types = case.event_types().await;
    assert_eq!(types, vec!["effect.expired"; EXPIRING]);

    let newest = listed.last().expect("an effect").effect_id;
    let resolve = async |id: Uuid| {
        auditor.resolve(id, Finding::NotPerformed, "aline", "not on the bill").await
    };
    resolve(newest).await.expect("it is in doubt");
    assert!(matches!(resolve(newest).await, Err(ControlError::NotOpen { .. })));
    assert_eq!(auditor.in_doubt().await.expect("readable").len(), SAID + EXPIRING - 1);
    let running = case.page(OpenKind::All, listed.last(), 1).await;
    let running = resolve(running[0].effect_id).await;
    assert!(matches!(running, Err(ControlError::Running { .. })), "{running:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_thousand_effects_in_doubt_hide_no_other_on_postgres() {
    let (fresh, url) = stores::postgres_with_url().await;
    let request = fresh_request();
    let mut connection = PgConnection::connect(&url).await.expect("connects");
    for insert in postgres(&request) {
        connection.execute(AssertSqlSafe(insert)).await.expect("it is inserted");
    }
    look_after(fresh.store, request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_thousand_effects_in_doubt_hide_no_other_on_sqlite() {
    let (fresh, url) = stores::sqlite_with_url().await;
    let request = fresh_request();
    let mut connection = SqliteConnection::connect(&url).await.expect("connects");
    for insert in sqlite(&request) {
        connection.execute(AssertSqlSafe(insert)).await.expect("it is inserted");
    }
    look_after(fresh.store, request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_waits_for_no_lock_on_a_stream_or_an_effect() {
    let (fresh, url) = stores::postgres_with_url().await;
    let case = Case { store: fresh.store, request: fresh_request() };
    let (held, free) = (case.claim(), case.claim());
    case.admit(&held).await;
    case.admit(&free).await;
    let before = case.open().await;
    let mut connection = PgConnection::connect(&url).await.expect("connects");
    let lock = format!(
        "begin; select from moltbot_audit.audit_streams for update;
        select from moltbot_audit.audit_effects where effect_id = '{}' for update",
        held.effect_id
    );
    connection.execute(AssertSqlSafe(lock)).await.expect("it is held");
    let length = Duration::from_hours(1);
    let leases = [&held, &free].map(|claim| Lease { effect_id: claim.effect_id, length });
    // A lock that it waited for would be an error after a second.
    case.admission().renew_leases(&leases).await.expect("it waits for nothing");
    let end = async |claim: &Claim| {
        let found = case.admission().open_effect(claim.effect_id).await.expect("readable");
        found.expect("it is open").lease_until
    };
    assert_eq!(end(&held).await, before[0].lease_until, "the next renewal comes in time");
    assert!(end(&free).await > before[1].lease_until + Duration::from_mins(50));
    connection.execute("rollback").await.expect("it lets go");
    case.admission().renew_leases(&leases).await.expect("nothing is held");
    assert!(end(&held).await > before[0].lease_until + Duration::from_mins(50));
}
