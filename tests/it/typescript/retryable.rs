//! Which of the database's answers are tried again: the same in TypeScript as in the library.

use moltbot_audit::store::AuditSink;
use serde_json::{Value, json};
use sqlx::Executor;

use super::through;
use crate::support::records::{fresh_request, records};
use crate::support::stores::{self, postgres_with_url};

/// Of each class of appendix A of the Postgres manual some, and all that either side names. 23505 is the library's own way
/// to find a duplicate.
const CODES: [&str; 44] = [
    "08000", "08003", "08006", "08P01", "0A000", "22001", "22003", "22P02", "23502", "23514",
    "25001", "25006", "25P02", "25P03", "25P04", "26000", "28000", "28P01", "3D000", "3F000",
    "40001", "40002", "40003", "40P01", "42501", "42601", "42P01", "42P05", "44000", "53000",
    "53100", "53200", "53300", "54000", "54001", "55006", "55P03", "57014", "57P01", "57P03",
    "58000", "58030", "P0001", "XX000",
];

#[tokio::test]
async fn the_module_tries_again_what_the_library_tries_again() {
    let (_fresh, url) = postgres_with_url().await;
    let pool = stores::pool(&url).await;
    let refuse = "create table public.refused (code text not null);
                  create function public.refuse() returns trigger language plpgsql as $$
                  begin raise exception 'no' using errcode = (select code from public.refused); end $$;
                  create trigger refuse before insert on moltbot_audit.audit_events
                  for each row execute function public.refuse()";
    pool.execute(refuse).await.expect("a trigger");
    let store = stores::connected(&url).await;
    let said = through("tests/typescript/retryable_codes.mjs", &CODES.map(Value::from));
    let theirs: Vec<bool> = said.lines().map(|line| line == "true").collect();
    assert_eq!(theirs.len(), CODES.len());
    let mut ours = Vec::new();
    for code in CODES {
        pool.execute("truncate public.refused").await.expect("an empty table");
        let insert = sqlx::query("insert into public.refused values ($1)").bind(code);
        insert.execute(&pool).await.expect("a row");
        let error =
            store.append(&records(&fresh_request(), 1)).await.expect_err("the trigger refuses");
        ours.push(error.is_retryable());
    }
    let differ: Vec<_> =
        CODES.iter().zip(ours.iter().zip(&theirs)).filter(|(_, (a, b))| a != b).collect();
    assert!(differ.is_empty(), "code, ours, theirs: {differ:?}");
    assert!(ours.contains(&true) && ours.contains(&false), "{}", json!(ours));
}
