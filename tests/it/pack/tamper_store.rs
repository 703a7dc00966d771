//! A stored row that was touched shows in the pack: every column, on both databases.

use moltbot_audit::RequestId;
use moltbot_audit::pack::{
    Unchecked, Verdict, export_recorded, export_request_pack, verify_request_pack,
};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use super::{both_packs, story};
use crate::support::records::stream;
use crate::support::stores;

/// The first fault of either pack, or of the export itself: what does not verify, or what is set aside.
async fn fault(store: &dyn AuditStore, request: &RequestId) -> Option<String> {
    let mut faults = Vec::new();
    for profile in [Profile::internal(), Profile::external(&super::KEY)] {
        let pack = match export_request_pack(store, request, &profile).await {
            Ok(pack) => pack.to_json_pretty(),
            Err(error) => return Some(error.to_string()),
        };
        faults.push(match verify_request_pack(pack.as_bytes()) {
            Ok(pack) if pack.verdict() == Verdict::Intact => None,
            Ok(pack) => Some(pack.unchecked().first().expect("it says why").to_string()),
            Err(error) => {
                assert!(!error.is_unusable(), "{error}");
                Some(error.to_string())
            }
        });
    }
    assert_eq!(faults[0], faults[1], "both packs say the same");
    faults.pop().flatten()
}

/// What is done to the rows, and where the fault has to be found.
struct Tampering {
    what: String,
    sql: Vec<String>,
    found_at: Vec<&'static str>,
}

/// Changes of whole rows, the same in both dialects.
fn row_changes(events: &str, request: &RequestId, last: i64) -> Vec<Tampering> {
    let stream = stream(request);
    let of = |seq: i64| format!("stream_id = '{stream}' and seq = {seq}");
    let delete = |seq: i64| format!("delete from {events} where {}", of(seq));
    let renumber =
        |from: i64, to: i64| format!("update {events} set seq = {to} where {}", of(from));
    let change = |what: &str, sql: Vec<String>, found_at: &'static str| Tampering {
        what: what.to_owned(),
        sql,
        found_at: vec![found_at],
    };
    vec![
        change("first row deleted", vec![delete(1)], "event 1 is missing"),
        change("a row deleted", vec![delete(7)], "event 7 is missing"),
        change("last row deleted", vec![delete(last)], "the last ones are missing"),
        change(
            "a row deleted and the gap closed",
            vec![delete(last - 1), renumber(last, last - 1)],
            "chain hash does not follow",
        ),
        change(
            "two rows swapped",
            vec![renumber(4, 1_000), renumber(5, 4), renumber(1_000, 5)],
            "event 4",
        ),
    ]
}

async fn check(
    store: &dyn AuditStore,
    request: &RequestId,
    shell: &mut Shell,
    tamperings: Vec<Tampering>,
) {
    for tampering in tamperings {
        for sql in &tampering.sql {
            shell.execute(sql).await;
        }
        let said = fault(store, request).await;
        let said = said.unwrap_or_else(|| panic!("{}: nothing was noticed", tampering.what));
        let is_found = tampering.found_at.iter().any(|place| said.contains(place));
        assert!(is_found, "{}: {said}", tampering.what);
        shell.restore().await;
    }
    assert_eq!(fault(store, request).await, None, "the rows are as they were");
}

/// Somebody with a database shell.
enum Shell {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Shell {
    async fn execute(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(shell) => drop(shell.execute(sql).await.expect("the shell may do this")),
            Self::Sqlite(shell) => drop(shell.execute(sql).await.expect("the shell may do this")),
        }
    }

    /// Keeps a copy of both tables.
    async fn save(&mut self) {
        for table in ["audit_events", "audit_streams"] {
            let qualified = self.qualified(table);
            self.execute(&format!("create table saved_{table} as select * from {qualified}")).await;
        }
    }

    /// Puts the copies back.
    async fn restore(&mut self) {
        for table in ["audit_events", "audit_streams"] {
            let qualified = self.qualified(table);
            self.execute(&format!("delete from {qualified}")).await;
            self.execute(&format!("insert into {qualified} select * from saved_{table}")).await;
        }
    }

    fn qualified(&self, table: &str) -> String {
        match self {
            Self::Postgres(_) => format!("moltbot_audit.{table}"),
            Self::Sqlite(_) => table.to_owned(),
        }
    }

    /// Every column of a table with its type, from the database itself: none can be forgotten.
    async fn columns(&mut self, table: &str) -> Vec<(String, String)> {
        match self {
            Self::Postgres(shell) => {
                let sql = "select column_name::text, data_type::text from information_schema.columns \
                           where table_schema = 'moltbot_audit' and table_name = $1";
                let rows = sqlx::query(sql).bind(table).fetch_all(shell).await.expect("columns");
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Self::Sqlite(shell) => {
                let sql = "select name, type from pragma_table_info(?)";
                let rows = sqlx::query(sql).bind(table).fetch_all(shell).await.expect("columns");
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
        }
    }

    /// Another value of the column's type that the column's own checks allow.
    fn other_value(column: &str, data_type: &str) -> String {
        match (column, data_type) {
            ("actor", _) => "'admin'".to_owned(),
            ("outcome", _) => "'refused'".to_owned(),
            (
                "id" | "stream_id" | "request_id" | "conversation_id" | "caused_by" | "writer_id",
                _,
            ) => "'0b9f6f1e-9c1c-4e7e-8a51-1d2f3a4b5c6d'".to_owned(),
            ("input" | "output" | "host_ids", _) => "'{\"forged\":true}'".to_owned(),
            ("trace_id", _) => format!("'{}'", "a".repeat(32)),
            ("span_id", _) => format!("'{}'", "a".repeat(16)),
            ("salt", "bytea") => "'\\x00000000000000000000000000000000'".to_owned(),
            ("salt", _) => "zeroblob(16)".to_owned(),
            (_, "bytea") => "sha256('forged')".to_owned(),
            (_, "BLOB") => "zeroblob(32)".to_owned(),
            (_, "timestamp with time zone") => format!("{column} + interval '1 microsecond'"),
            ("seq", _) => "seq + 1000".to_owned(),
            (_, "integer" | "smallint" | "bigint" | "INTEGER") => {
                format!("coalesce({column}, 0) + 1")
            }
            (_, "text" | "TEXT") => format!("coalesce({column}, '') || 'x'"),
            (column, other) => panic!("how is {column} {other} forged?"),
        }
    }
}

/// One tampering for every column of both tables.
async fn column_changes(shell: &mut Shell, request: &RequestId) -> Vec<Tampering> {
    let mut tamperings = Vec::new();
    for (table, row, found_at) in [
        ("audit_events", " and seq = 5", vec!["event 5"]),
        // Without its head a stream has rows and no end; with another one it ends elsewhere.
        ("audit_streams", "", vec!["the stream's head"]),
    ] {
        for (column, data_type) in shell.columns(table).await {
            if column == "heard_at" {
                // Admission alone reads it, and no pack is made from it.
                continue;
            }
            let (table, value) = (shell.qualified(table), Shell::other_value(&column, &data_type));
            let stream = stream(request);
            let sql =
                format!("update {table} set {column} = {value} where stream_id = '{stream}'{row}");
            let mut found_at = found_at.clone();
            // What is neither the event's place nor its hash is set aside by name, and the rest is whole.
            let is_place = ["seq", "stream_id", "recorded_at", "event_hash", "chain_hash"];
            if found_at == ["event 5"] && !is_place.contains(&column.as_str()) {
                found_at = vec!["is set aside: its content does not match what was sealed"];
            }
            let what = format!("{table}.{column}");
            tamperings.push(Tampering { what, sql: vec![sql], found_at });
        }
    }
    assert!(tamperings.len() >= 30, "every column of both tables: {}", tamperings.len());
    tamperings
}

async fn every_tampering_is_found(store: &dyn AuditStore, request: &RequestId, mut shell: Shell) {
    let [pack, _] = both_packs(store, request).await;
    let last = pack["integrity"]["head"]["seq"].as_i64().expect("a number");
    shell.save().await;
    let mut tamperings = column_changes(&mut shell, request).await;
    tamperings.extend(row_changes(&shell.qualified("audit_events"), request, last));
    check(store, request, &mut shell, tamperings).await;
}

#[tokio::test]
async fn a_change_of_any_column_or_row_in_sqlite_is_found_in_the_pack() {
    let (fresh, url) = stores::sqlite_with_url().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let shell = SqliteConnection::connect(&url).await.expect("connects");
    every_tampering_is_found(&*fresh.store, &teller.request, Shell::Sqlite(shell)).await;
    drop(fresh.keep);
}

#[tokio::test]
async fn a_change_of_any_column_or_row_in_postgres_is_found_in_the_pack() {
    let (fresh, url) = stores::postgres_with_url().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let shell = PgConnection::connect(&url).await.expect("connects");
    every_tampering_is_found(&*fresh.store, &teller.request, Shell::Postgres(shell)).await;
    drop(fresh.keep);
}

#[tokio::test]
async fn one_spoilt_row_does_not_spoil_its_request() {
    let (fresh, url) = stores::sqlite_with_url().await;
    let teller = story::tell_story(fresh.store.clone()).await;
    let [whole, _] = both_packs(&*fresh.store, &teller.request).await;
    let shell = SqliteConnection::connect(&url).await.expect("connects");
    let mut shell = Shell::Sqlite(shell);
    shell.execute("pragma ignore_check_constraints = on").await;
    for (column, value, reason) in [
        ("input", "'{'", "unreadable"),
        ("input", "'{}'", "content_changed"),
        ("actor", "'god'", "content_changed"),
        ("id", "'nobody'", "unreadable"),
    ] {
        shell.save().await;
        shell.execute(&format!("update audit_events set {column} = {value} where seq = 5")).await;
        // An export is itself an event, and goes on.
        let (auditor, profile) = (teller.auditor(), Profile::internal());
        let pack = export_recorded(auditor, &*fresh.store, &teller.request, &profile, "test").await;
        let pack = pack.expect("the rest is exported").to_json_pretty();
        let verified = verify_request_pack(pack.as_bytes()).expect("the rest is vouched for");
        assert_eq!(verified.verdict(), Verdict::CannotBeChecked);
        let [Unchecked::SetAside(event)] = verified.unchecked() else {
            panic!("one is set aside: {:?}", verified.unchecked())
        };
        assert_eq!((event.seq, event.id.is_some()), (5, column != "id"));
        let pack: serde_json::Value = serde_json::from_str(&pack).expect("a pack is JSON");
        assert_eq!(pack["set_aside"][0]["reason"], reason, "{column}");
        // Everything else is shown as before, and what was computed without it says so.
        assert_eq!(pack["events"][4], whole["events"][5]);
        assert_eq!(pack["shortlist"], whole["shortlist"]);
        assert_eq!(pack["budgets"]["content"]["check"]["seq"], 5);
        let why = pack["explanation"]["content"]["not_checkable"][0].as_str().expect("a text");
        assert!(why.starts_with("event 5 is set aside: "), "{why}");
        shell.restore().await;
        for table in ["audit_events", "audit_streams"] {
            shell.execute(&format!("drop table saved_{table}")).await;
        }
    }
    drop(fresh.keep);
}
