//! What is really in a database's row: by its own text, and by the bytes of its file.

use moltbot_audit::store::AuditStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use serde_json::{Value, json};
use std::sync::Arc;

use super::key_names::rows;
use crate::support::records::{KEY, fresh_request};
use crate::support::stores;

/// A payload whose secrets all hold `LEAK`, or are numbers of their own.
fn payload() -> Value {
    let named = rows().into_iter().filter(|(kind, _)| super::key_names::is_withheld(kind));
    let named = named.map(|(_, name)| (name.to_owned(), json!("LEAKx9!kL")));
    json!({
        "named": Value::Object(named.collect()),
        "password1": "LEAK#2026", "new_password2": "LEAK#2026", "password_confirmation": "LEAK#2026",
        "mot_de_passe": "LEAK#2026", "ijambo_ry_ibanga": "LEAK!kL", "accesstoken": "LEAK", "APIToken": "LEAK",
        "otp": 7_654_321, "momo_pin": 7_654_321, "cvv": "LEAK", "nested": "{\"pin\":7654321,\"cvc\":\"LEAK\"}",
        "changes": [{ "field": "password", "old": "LEAK", "newValue": "LEAK" }, { "Type": "otp", "value": 7_654_321 }],
        "said": "7654321 is the code to log in; Key (id, otp)=(7, 7654321); ?next=%3Fpin%3D7654321",
        "price": 12_500, "text": "Muraho, 12,500 RWF",
    })
}

async fn record(store: Arc<dyn AuditStore>) {
    let auditor = Auditor::builder(store, KEY).build();
    let event = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot)
        .request(&fresh_request())
        .input(payload())
        .output(json!([payload()]))
        .idempotency_key("call:password=LEAK2026");
    auditor.record(event).await.expect("it lands");
}

#[track_caller]
fn assert_kept_out(stored: &str) {
    for secret in ["LEAK", "7654321"] {
        let at = stored.find(secret).unwrap_or(stored.len());
        assert!(
            at == stored.len(),
            "{}",
            &stored[at.saturating_sub(90)..(at + 20).min(stored.len())]
        );
    }
    assert!(stored.contains("[secret ") && stored.contains("12500"), "it is the row: {stored}");
}

#[tokio::test]
async fn a_row_in_postgres_holds_no_secret() {
    let (fresh, url) = stores::postgres_with_url().await;
    record(fresh.store.clone()).await;
    let pool = stores::pool(&url).await;
    let rows = sqlx::query_scalar::<_, String>("select e::text from moltbot_audit.audit_events e");
    assert_kept_out(&rows.fetch_all(&pool).await.expect("rows").concat());
}

#[tokio::test]
async fn a_file_of_sqlite_holds_no_secret() {
    let (fresh, url) = stores::sqlite_with_url().await;
    record(fresh.store.clone()).await;
    let path = url.trim_start_matches("sqlite://").split('?').next().expect("a path");
    let bytes = ["", "-wal"].map(|end| std::fs::read(format!("{path}{end}")).unwrap_or_default());
    assert_kept_out(&bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat());
}
