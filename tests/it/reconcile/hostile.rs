//! Tables that are not as the host's migrations make them, roles that may not read them, and rows that lie.

use moltbot_audit::event::FindingCode;
use moltbot_audit::reconcile::{Finding, Reconciled, reconcile_period};
use moltbot_audit::store::{AuditStore as _, PostgresStore, WhyNot};
use moltbot_audit::testing::assert_no_personal_data;
use sqlx::{AssertSqlSafe, Executor as _};

use super::planted::Trail;
use super::told;
use super::world::World;
use crate::support::stores;

async fn reconciled(world: &World, store: &PostgresStore) -> (Reconciled, Vec<Finding>) {
    let mut found = Vec::new();
    let host = store.host_tables();
    let report = reconcile_period(&world.store, &host, world.period(), world.later(), |finding| {
        found.push(finding);
    });
    (report.await.expect("what is missing is no error"), found)
}

/// What was changed in the tables, and what cannot be checked then. Nothing else may be found.
const CHANGED: &[(&str, &[&str])] = &[
    ("alter table moltbot_ocr_jobs rename to jobs", &["moltbot_ocr_jobs: there is no such table"]),
    (
        "alter table moltbot_vendor_outreach drop column request_id",
        &["moltbot_vendor_outreach.request_id: there is no such column that this role can read"],
    ),
    (
        "alter table moltbot_call_attempts drop column duration_seconds",
        &[
            "moltbot_call_attempts.duration_seconds: there is no such column that this role can read",
        ],
    ),
    (
        "alter table moltbot_call_consents alter state drop default, alter state type bytea using state::text::bytea",
        &["moltbot_call_consents.state: there is no such column that this role can read"],
    ),
    (
        "alter table moltbot_conversation_messages alter timestamp type text",
        &["moltbot_conversation_messages.timestamp: the column has another type"],
    ),
    (
        "drop schema public cascade",
        &[
            "moltbot_call_attempts: there is no such table",
            "moltbot_call_consents: there is no such table",
            "moltbot_conversation_messages: there is no such table",
            "moltbot_conversations: there is no such table",
            "moltbot_marketplace_requests: there is no such table",
            "moltbot_ocr_jobs: there is no such table",
            "moltbot_vendor_outreach: there is no such table",
        ],
    ),
];

#[tokio::test]
async fn what_is_missing_is_not_checkable_and_neither_an_error_nor_agreement() {
    let world = World::new().await;
    world.plant(1, Trail::AsItWas, "").await;
    for (sql, expected) in CHANGED {
        // One change after the other, from mild to all.
        world.pool.execute(AssertSqlSafe(*sql)).await.expect(sql);
        let (report, found) = reconciled(&world, &world.store).await;
        let mut told: Vec<_> = report.not_checkable.iter().map(ToString::to_string).collect();
        told.sort();
        for expected in *expected {
            assert!(told.iter().any(|told| told == expected), "{sql}: {told:#?}");
        }
        assert!(found.is_empty(), "{sql}: {found:#?}");
    }
    let (report, _) = reconciled(&world, &world.store).await;
    assert!(report.matched.is_empty(), "{:?}", report.matched);
}

#[tokio::test]
async fn a_role_that_sees_no_rows_learns_that_it_cannot_check() {
    let world = World::new().await;
    world.plant(1, Trail::AsItWas, "").await;
    let name = sqlx::query_scalar::<_, String>("select current_database()::text");
    let name = name.fetch_one(&world.pool).await.expect("a name");
    let role = format!("reader_of_{name}");
    for sql in [
        format!("create role {role} login"),
        format!("grant usage on schema public to {role}"),
        format!("grant select on moltbot_marketplace_requests, moltbot_ocr_jobs to {role}"),
        format!(
            "grant select (id, conversation_id, state, created_at) on moltbot_call_consents to {role}"
        ),
        // As the host has it: one policy, for another role.
        "alter table moltbot_ocr_jobs enable row level security".to_owned(),
        format!("grant usage on schema moltbot_audit to {role}"),
    ] {
        world.pool.execute(AssertSqlSafe(sql.clone())).await.expect(&sql);
    }
    let url = world.url.replace("postgres@", &format!("{role}@"));
    assert_ne!(url, world.url, "the URL names the superuser");
    let reader = stores::connected(&url).await;
    let (report, found) = reconciled(&world, &reader).await;
    assert!(found.is_empty(), "{found:#?}");
    let why = |table: &str, why: WhyNot| {
        report.not_checkable.iter().any(|not| not.table.as_str() == table && not.why == why)
    };
    assert!(why("moltbot_ocr_jobs", WhyNot::RowSecurity), "{:?}", report.not_checkable);
    assert!(why("moltbot_conversation_messages", WhyNot::NoRight), "{:?}", report.not_checkable);
    reader.close().await;
    let drop = format!("drop owned by {role}; drop role {role}");
    world.pool.execute(AssertSqlSafe(drop)).await.expect("the role goes");
}

/// Code, subject and aspect of each finding.
type Told = &'static [(&'static str, &'static str, &'static str)];

/// Rows with values that no host writes, and what each must come to.
const ROWS: &[(&str, Told)] = &[
    (
        "update moltbot_marketplace_requests set shortlist = '\"+250 788 123 456\"' where id = '{request}'",
        &[("unreadable", "shortlist", "")],
    ),
    (
        "update moltbot_marketplace_requests set shortlist = '[null, 7, {\"vendor_id\": 5}]' where id = '{request}'",
        &[("unreadable", "shortlist", "vendors")],
    ),
    (
        "update moltbot_marketplace_requests set shortlist = null where id = '{request}'",
        &[("missing_in_tables", "shortlist", "")],
    ),
    (
        "update moltbot_marketplace_requests set shortlist = jsonb_set(shortlist, '{0,price}', '\"12k\"') where id = '{request}'",
        &[("unreadable", "shortlist", "price")],
    ),
    (
        "update moltbot_marketplace_requests set shortlist = jsonb_set(shortlist, '{0,price}', '1e400') where id = '{request}'",
        &[("unreadable", "shortlist", "")],
    ),
    (
        "update moltbot_marketplace_requests set shortlist = to_jsonb(repeat('x', 3000000)) where id = '{request}'",
        &[("unreadable", "shortlist", "")],
    ),
    (
        "update moltbot_call_attempts set initiated_at = 'infinity', duration_seconds = null where id = '{attempt}'",
        &[("differs", "call", "duration")],
    ),
    ("update moltbot_call_consents set expires_at = '-infinity' where id = '{consent}'", &[]),
    (
        "update moltbot_ocr_jobs set confidence = 'NaN' where id = '{job}'",
        &[("unreadable", "ocr_job", "confidence")],
    ),
    (
        "update moltbot_conversation_messages set body = null where provider_message_id = '{outbound}'",
        &[("differs", "message", "text")],
    ),
    (
        "update moltbot_conversation_messages set body = repeat('0788123456 ', 200000) where provider_message_id = '{outbound}'",
        &[("differs", "message", "text")],
    ),
];

#[tokio::test]
async fn rows_that_hold_anything_are_compared_and_nothing_of_them_is_told() {
    let world = World::new().await;
    let mut cases = Vec::new();
    for (n, (sql, expected)) in ROWS.iter().enumerate() {
        cases.push((sql, *expected, world.plant(n, Trail::AsItWas, sql).await));
    }
    let (_, found) = reconciled(&world, &world.store).await;
    for (sql, expected, case) in &cases {
        let of_case = found.iter().filter(|finding| World::case_of(finding) == Some(case.n));
        let told: Vec<_> =
            of_case.map(told).map(|(code, subject, aspect, _)| (code, subject, aspect)).collect();
        assert_eq!(told, *expected, "{sql}");
    }
    for finding in &found {
        assert_no_personal_data(&format!("{finding:?} {}", finding.sentence()));
    }
    assert!(found.iter().any(|finding| finding.code == FindingCode::Unreadable));
}
