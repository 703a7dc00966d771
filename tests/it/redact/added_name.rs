//! A name that is added to the table works on every surface: the store's rows, `mask_json`, log lines, TypeScript.

use std::fs;
use std::path::Path;

use moltbot_audit::redact::{mask, mask_json};
use moltbot_audit::testing::add_key_names;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use serde_json::{Value, json};
use sqlx::SqlitePool;

use crate::observe::lines::logged;
use crate::support::process::{self, this_test};
use crate::support::records::{KEY, fresh_request};
use crate::support::stores;

/// Words that no table has.
const LINES: &str = "secret: umukono_wanjye\nphone: nomero_y_umushoferi\n";

fn payload() -> Value {
    json!({
        "umukono_wanjye": "x9!kL", "newUmukonoWanjye2": "x9!kL", "text": "UMUKONO-WANJYE=x9k2Lq7Z",
        "nomeroYUmushoferi": "447946095812", "umukono": "x9!kL",
    })
}

#[test]
fn a_name_that_is_added_works_on_each_of_the_four_surfaces() {
    if process::part().is_some() {
        assert!(add_key_names(LINES));
        assert!(!add_key_names(LINES), "once");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(on_each_surface());
    }
    let mut unknown = payload();
    mask_json(&mut unknown);
    assert_eq!(unknown["umukono_wanjye"], "x9!kL", "without the line it is a name like any other");
    // In a process of its own: the table is everybody's.
    let child = process::again(this_test!(), "added").output().expect("it starts");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

async fn on_each_surface() {
    let mut masked = payload();
    mask_json(&mut masked);
    let shown = json!({
        "umukono_wanjye": "[secret]", "newUmukonoWanjye2": "[secret]", "text": "UMUKONO-WANJYE=[secret]",
        "nomeroYUmushoferi": "***812", "umukono": "x9!kL",
    });
    assert_eq!(masked, shown);
    assert_eq!(mask("nomero_y_umushoferi=447946095812"), "nomero_y_umushoferi=***812");

    let lines = logged(|| {
        tracing::info!(umukono_wanjye = "x9!kL", nomero_y_umushoferi = 447_946_095_812_u64, "x");
    });
    assert_eq!(lines[0].text("umukono_wanjye"), "[secret]");
    assert_eq!(lines[0].text("nomero_y_umushoferi"), "***812");

    let (fresh, url) = stores::postgres_with_url().await;
    let row = "select input::text from moltbot_audit.audit_events";
    record(fresh.store.clone()).await;
    let pool = stores::pool(&url).await;
    let stored: String = sqlx::query_scalar(row).fetch_one(&pool).await.expect("a row");
    assert_withheld(&serde_json::from_str(&stored).expect("JSON"));

    let (fresh, url) = stores::sqlite_with_url().await;
    record(fresh.store.clone()).await;
    let pool = SqlitePool::connect(&url).await.expect("a file");
    let stored: String =
        sqlx::query_scalar("select input from audit_events").fetch_one(&pool).await.expect("a row");
    assert_withheld(&serde_json::from_str(&stored).expect("JSON"));

    assert_withheld(&in_typescript(&payload()));
}

async fn record(store: std::sync::Arc<dyn moltbot_audit::store::AuditStore>) {
    let auditor = Auditor::builder(store, KEY).build();
    let event =
        AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot).request(&fresh_request());
    auditor.record(event.input(payload())).await.expect("it lands");
}

#[track_caller]
fn assert_withheld(kept: &Value) {
    for name in ["umukono_wanjye", "newUmukonoWanjye2"] {
        assert!(
            kept[name].as_str().is_some_and(|mark| mark.starts_with("[secret 5 ")),
            "{name}: {kept}"
        );
    }
    assert!(!kept["text"].to_string().contains("x9k2Lq7Z"), "{kept}");
    // An operator can answer; and a part of a name is not the name.
    assert_eq!(kept["nomeroYUmushoferi"], "447946095812");
    assert_eq!(kept["umukono"], "x9!kL");
}

/// What a copy of the module keeps whose table has the same lines.
fn in_typescript(payload: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["withhold.mjs", "fold.mjs", "names.mjs", "secrets.mjs"] {
        let source =
            fs::read_to_string(root.join("examples/typescript").join(file)).expect("a file");
        let added = source.replacen(
            "KEY_NAMES = String.raw`\n",
            &format!("KEY_NAMES = String.raw`\n{LINES}"),
            1,
        );
        fs::write(copy.path().join(file), added).expect("written");
    }
    let script = format!(
        "import('{}/withhold.mjs').then(({{ withhold }}) => console.log(JSON.stringify(withhold(Buffer.alloc(32, 1), {payload}))))",
        copy.path().display()
    );
    let said = crate::typescript::said(
        &crate::typescript::node("", &["-e", &script]).output().expect("node starts"),
    );
    serde_json::from_str(&said).expect("JSON")
}
