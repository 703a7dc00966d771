//! What docs/operate.md has to paste is run here, block by block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moltbot_audit::pack::{ExportError, RequestPack, export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::admission::{OpenKind, OpenPage};
use moltbot_audit::store::{AuditSink, AuditStore, StoreError};
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType, RequestId};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;

use crate::cli::program;
use crate::support::claims::Case;
use crate::support::cluster::Cluster;
use crate::support::records::{KEY, fresh_request, records, unique};
use crate::support::stores::{self, migrated};

const PAGE: &str = include_str!("../../../docs/operate.md");

/// A cluster of the version that `pg_dump` has, and for roles of its own.
fn cluster() -> &'static Cluster {
    static OWN: OnceLock<Cluster> = OnceLock::new();
    OWN.get_or_init(|| Cluster::start_installed(&["fsync=off"]))
}

/// The blocks of the page in this language, by the heading that they stand below.
fn blocks(language: &str) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut blocks = BTreeMap::<_, Vec<_>>::new();
    let opening = format!("```{language}\n");
    for section in PAGE.split("\n## ").flat_map(|section| section.split("\n### ")) {
        let heading = section.lines().next().unwrap_or_default();
        let found = section.split(opening.as_str()).skip(1);
        for block in found.filter_map(|rest| rest.split_once("\n```")) {
            blocks.entry(heading).or_default().push(block.0);
        }
    }
    blocks
}

/// A folder in which blocks are pasted into a shell, one after the other.
struct Shell {
    folder: TempDir,
    environment: BTreeMap<&'static str, String>,
}

impl Shell {
    fn new(url: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        std::os::unix::fs::symlink(docs, folder.path().join("docs")).expect("our own folder");
        let environment = BTreeMap::from([("DATABASE_URL", url.to_owned())]);
        Self { folder, environment }
    }

    fn run(&self, script: &str) -> Output {
        let programs = program("verify_pack");
        let own = std::env::var_os("PATH").expect("a path");
        let path = [cluster().clients(), programs.parent().expect("a folder")].map(PathBuf::from);
        let path = std::env::join_paths(path.into_iter().chain(std::env::split_paths(&own)));
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.folder.path())
            .envs(&self.environment)
            .env("PATH", path.expect("folders without colons"))
            .env("MOLTBOT_AUDIT_KEY", "07".repeat(32))
            .output()
            .expect("bash starts")
    }

    #[track_caller]
    fn paste(&self, script: &str) -> String {
        let output = self.run(script);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script}\n{out}{err}");
        out
    }
}

async fn empty() -> String {
    cluster().create_database().await
}

async fn pack(store: &dyn AuditStore, request: &RequestId, profile: &Profile) -> RequestPack {
    export_request_pack(store, request, profile).await.expect("a pack")
}

fn json_of(pack: &RequestPack) -> String {
    let json = pack.to_json_pretty();
    verify_request_pack(json.as_bytes()).expect("it verifies");
    json
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_has_the_same_packs_and_every_switch_is_engaged() {
    let url = empty().await;
    let store = Arc::new(migrated(&url).await);
    let pool = stores::pool(&url).await;
    for switch in ["ai", "sms"] {
        let sql = format!("select moltbot_audit.reset('{switch}', 'a test', 'a test')");
        pool.execute(AssertSqlSafe(sql)).await.expect("a switch is reset");
    }
    let requests = [fresh_request(), fresh_request()];
    for request in &requests {
        store.append(&records(request, 3)).await.expect("the batch lands");
    }
    let case = Case { store: store.clone(), request: requests[0].clone() };
    let (done, running) = (case.keyed("done"), case.keyed("running"));
    case.admit(&done).await;
    case.succeed(&done, json!({ "id": 7 })).await;
    case.admit(&running).await;

    let mut shell = Shell::new(&url);
    let kept = shell.folder.path().join("kept");
    std::fs::create_dir(&kept).expect("our own folder");
    let mut before = Vec::new();
    for request in &requests {
        for profile in [Profile::internal(), Profile::external(&KEY)] {
            let pack = json_of(&pack(&*store, request, &profile).await);
            let file = format!("{}.json", unique());
            std::fs::write(kept.join(file), &pack).expect("our own folder");
            before.push((request, profile, pack));
        }
    }
    let blocks = blocks("sh");
    let [backup] = &blocks["Backup"][..] else { panic!("one block") };
    shell.paste(backup);
    store.append(&records(&requests[1], 1)).await.expect("the batch lands");
    let later = json_of(&pack(&*store, &requests[1], &Profile::internal()).await);

    // The server under test: with `scripts/test --postgres 17` it is later than the programs and the dump.
    let server = Cluster::start(&["fsync=off"]);
    let restored = server.create_database().await;
    shell.environment.insert("RESTORED_URL", restored.clone());
    let [restore, engage, verify] = &blocks["Restore"][..] else { panic!("three blocks") };
    shell.paste(restore);
    shell.paste(engage);
    let store = stores::connected(&restored).await;
    for (request, profile, pack) in &before {
        assert_eq!(json_of(&self::pack(&store, request, profile).await), *pack);
    }
    let admission = store.admission().expect("Postgres decides");
    let switches = admission.switches().await.expect("readable");
    let engaged: Vec<_> = switches.iter().map(|it| (it.switch.as_str(), it.is_engaged)).collect();
    assert_eq!(engaged, [("ai", true), ("calling", true), ("ocr", true), ("sms", true)]);
    let open = admission
        .open_effects(OpenPage { of: OpenKind::All, after: None, max: 9 })
        .await
        .expect("readable");
    assert_eq!(open.len(), 1, "{open:?}");
    // It may be recorded into, by whoever has the roles.
    store.migrate().await.expect("there is nothing to do");
    store.append(&records(&requests[1], 1)).await.expect("the batch lands");

    shell.paste(verify);
    std::fs::write(kept.join("later.json"), later).expect("our own folder");
    let output = shell.run(verify);
    assert!(!output.status.success(), "an event is missing: {output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("kept/later.json: events are missing"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_month_is_kept_emptied_and_brought_back() {
    let url = empty().await;
    let store = migrated(&url).await;
    let pool = stores::pool(&url).await;
    let this = "select to_char(now() at time zone 'UTC', 'YYYY_MM')";
    let month: String = sqlx::query_scalar(this).fetch_one(&pool).await.expect("a month");
    let request = fresh_request();
    let auditor = Auditor::builder(Arc::new(store.clone()), KEY).build();
    for _ in 0..3 {
        let told = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request);
        auditor.record(told).await.expect("it is recorded");
    }
    auditor.shutdown(Duration::from_mins(1)).await.expect("nothing is left");
    let before = json_of(&pack(&store, &request, &Profile::internal()).await);

    let mut shell = Shell::new(&url);
    let first_day = format!("{}-01", month.replace('_', "-"));
    let blocks = blocks("sh");
    let [look, archive] = &blocks["Archiving a month"][..] else { panic!("two blocks") };
    let [back] = &blocks["Back again"][..] else { panic!("one block") };
    assert!(look.contains("month=2026_01 first_day=2026-01-01"), "{look}");
    let look = look.replace("2026_01", &month).replace("2026-01-01", &first_day);
    assert_eq!(shell.paste(&look).trim(), "1", "somebody goes on with it");
    shell.environment.extend([("month", month), ("first_day", first_day)]);
    shell.paste(archive);
    let error = export_request_pack(&store, &request, &Profile::internal()).await;
    let error = error.expect_err("it is archived");
    assert!(
        matches!(&error, ExportError::Store(StoreError::Archived { missing: 3, .. })),
        "{error}"
    );
    shell.paste(back);
    assert_eq!(json_of(&pack(&store, &request, &Profile::internal()).await), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_are_pruned_until_none_is_left() {
    let url = empty().await;
    migrated(&url).await;
    let pool = stores::pool(&url).await;
    let fill = "insert into moltbot_audit.audit_effects
        select moltbot_audit.event_id(now() - interval '100 days', moltbot_audit.random_salt()),
            gen_random_uuid(), null, null, 'x', null,
            sha256(''), 'done', 'running', now() - interval '100 days', now()
        from generate_series(1, 1100)";
    pool.execute(fill).await.expect("old effects");
    let [prune] = &blocks("sh")["Pruning"][..] else { panic!("one block") };
    Shell::new(&url).paste(prune);
    let left = "select (select count(*) from moltbot_audit.audit_effects),
        (select count(*) from moltbot_audit.audit_events where event_type = 'audit.effects_pruned')";
    let left: (i64, i64) = sqlx::query_as(left).fetch_one(&pool).await.expect("counts");
    assert_eq!(left, (0, 3));
}

#[tokio::test]
async fn what_one_types_at_night_runs_with_the_operators_role() {
    let url = empty().await;
    migrated(&url).await;
    let shell = Shell::new(&url);
    let [table, weekly] = ["At 3 a.m.", "What to watch"].map(|heading| {
        let section = PAGE.split("\n## ").find(|section| section.starts_with(heading));
        section.expect(heading)
    });
    let mut statements = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cell = row.split(" | ").nth(1).expect("what to run");
        let Some((_, code)) = cell.split_once('`') else {
            assert!(cell.contains("]("), "nothing to run: {row}");
            continue;
        };
        let code = code.split('`').next().expect("code");
        if code.starts_with("psql ") {
            // First of all: it makes the role.
            shell.paste(code);
        } else {
            statements.push((code.to_owned(), cell.contains("(as the owner)")));
        }
    }
    assert!(weekly.contains("```sql"), "{weekly}");
    statements.extend(blocks("sql")["What to watch"].iter().map(|sql| ((*sql).to_owned(), false)));
    // Readers may do this too.
    let blocks = blocks("sql");
    for heading in ["Processes that died", "Who reset the AI?"] {
        statements.extend(blocks[heading].iter().map(|sql| ((*sql).to_owned(), true)));
    }
    assert!(statements.len() >= 7, "{statements:?}");
    let pool = stores::pool(&url).await;
    for (sql, by_owner) in statements {
        let mut connection = pool.acquire().await.expect("a connection");
        if !by_owner {
            connection.execute("set role moltbot_audit_operator").await.expect("the role");
        }
        let ran = connection.execute(AssertSqlSafe(sql.as_str())).await;
        assert!(ran.is_ok(), "{sql}\n{ran:?}");
        connection.execute("reset role").await.expect("our own role");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_found_by_what_one_knows_of_it_and_exported() {
    let url = empty().await;
    let store = Arc::new(migrated(&url).await);
    let auditor = Auditor::builder(store, KEY).build();
    let request = auditor.request_id("order-1").expect("a name");
    let told = |event_type, input| {
        AuditEvent::new(event_type, Actor::System).request(&request).input(input)
    };
    for event in [
        told(EventType::WHATSAPP_INBOUND_RECEIVED, json!({ "from_phone": "+250 788 123 456" })),
        told(EventType::VENDOR_OUTREACH_SENT, json!({ "vendor_id": "shop_volt" })),
        told(EventType::REQUEST_STATE_CHANGED, json!({ "to_state": "handed_off" })),
    ] {
        auditor.record(event).await.expect("it is recorded");
    }
    let shell = Shell::new(&url);
    let shells = blocks("sh");
    let [find, named, export] = &shells["Find a request"][..] else { panic!("three blocks") };
    assert!(shell.paste(find).contains(&request.to_string()), "by its state");
    let found = shell.paste(named).matches(&request.to_string()).count();
    assert_eq!(found, 2, "by a phone number, and by a vendor");
    assert!(shell.paste(export).contains(&format!("verified: request {request}")));

    shell.paste("psql \"$DATABASE_URL\" --quiet --file=docs/roles.sql");
    let pool = stores::pool(&url).await;
    let mut reader = pool.acquire().await.expect("a connection");
    reader.execute("set role moltbot_audit_reader").await.expect("the role");
    let statements = &blocks("sql")["Find a request"];
    let [sql] = statements[..] else { panic!("one statement") };
    let found: Vec<(uuid::Uuid, chrono::DateTime<chrono::Utc>)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut *reader).await.expect(sql);
    assert_eq!(found.len(), 1, "{sql}");
    assert_eq!(found[0].0.to_string(), request.to_string());
}

/// The installed client programs and the server under test may be of different versions.
#[tokio::test]
async fn a_dump_is_taken_by_programs_of_the_servers_version_or_a_later_one() {
    let server = Cluster::start(&["fsync=off"]);
    let url = server.create_database().await;
    migrated(&url).await;
    let pool = stores::pool(&url).await;
    let version: String = sqlx::query_scalar("select current_setting('server_version_num')")
        .fetch_one(&pool)
        .await
        .expect("a version");
    let shell = Shell::new(&url);
    let own = shell.paste("pg_dump --version | sed 's/[^0-9]*\\([0-9]*\\).*/\\1/'");
    let is_later = version[..2] > *own.trim();
    let [backup] = &blocks("sh")["Backup"][..] else { panic!("one block") };
    let output = shell.run(backup);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), !is_later, "{said}");
    assert!(!is_later || said.contains("server version mismatch"), "{said}");
    assert!(PAGE.contains("\"server version mismatch\""));
}
