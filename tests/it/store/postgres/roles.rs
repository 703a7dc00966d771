//! The roles of `docs/roles.sql`: pasted by one who is no superuser, and tried on everything there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::task::Poll;

use moltbot_audit::auditor::Finding;
use moltbot_audit::event::payload::{MoltbotInput, MoltbotOutput};
use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::{self, PostgresStore, StoreError};
use moltbot_audit::{Auditor, ControlError, Effect, EffectError, StreamId, Switch};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row};

use tokio::sync::Mutex;

use crate::support::cluster::Cluster;
use crate::support::records::{KEY, event, fresh_request};
use crate::support::stores::migrated;
use crate::support::wait::eventually;

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.sql");
const LOGINS: [(&str, &str); 3] = [
    ("an_operator", "moltbot_audit_operator"),
    ("a_reader", "moltbot_audit_reader"),
    ("a_host", "moltbot_audit_writer"),
];

/// The login of an API gateway, and the roles that it takes for its callers, as Supabase has them.
const GATEWAY: &str = "create role authenticator login;
    create role authenticated; create role service_role; grant authenticated, service_role to authenticator;";

/// Roles belong to a whole cluster, so these tests have one of their own.
fn cluster() -> &'static Cluster {
    static OWN: OnceLock<Cluster> = OnceLock::new();
    OWN.get_or_init(|| {
        let cluster = Cluster::start(&["fsync=off"]);
        let url = cluster.url("postgres");
        let logins = LOGINS.map(|(login, _)| format!("create role {login} login;")).concat();
        let made = format!(
            "create role maker login createrole; create role passer_by login; {logins}
                 {GATEWAY}"
        );
        psql(&cluster, &url, &["--command", &made]);
        cluster
    })
}

fn psql(cluster: &Cluster, url: &str, arguments: &[&str]) {
    let output = cluster.psql(url, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A database that was migrated, and given its roles, by one who is no superuser. For each login its URL.
pub(super) async fn database() -> impl Fn(&str) -> String {
    // Two at once would make the same roles.
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let url = cluster().create_database().await;
    let options: PgConnectOptions = url.parse().expect("our own URL");
    let name = options.get_database().expect("a database of its own");
    psql(cluster(), &url, &["--command", &format!("alter database {name} owner to maker")]);
    let by = move |login: &str| url.replacen("postgres@", &format!("{login}@"), 1);
    migrated(&by("maker")).await;
    // A right that was given by hand is no part of the roles any more once the file is run again.
    psql(cluster(), &by("maker"), &["--file", ROLES]);
    let by_hand = "grant execute on function moltbot_audit.reset to moltbot_audit_writer;
                   grant all on all tables in schema moltbot_audit to moltbot_audit_reader";
    psql(cluster(), &by("maker"), &["--command", by_hand, "--file", ROLES]);
    for (login, role) in LOGINS {
        psql(cluster(), &by("postgres"), &["--command", &format!("grant {role} to {login}")]);
    }
    by
}

/// Every function of the schema, as a call on it.
async fn calls(pool: &PgPool) -> BTreeMap<String, String> {
    let sql = "select p.proname::text, array_to_string(array(
            select 'null::' || format_type(t, null)
            from unnest(p.proargtypes) with ordinality as x (t, n) order by n
        ), ', ')
        from pg_proc p where p.pronamespace = 'moltbot_audit'::regnamespace";
    let rows = sqlx::query(sql).fetch_all(pool).await.expect("a catalogue");
    let call = |(name, arguments): (String, String)| {
        let call = format!("select moltbot_audit.{name}({arguments})");
        (name, call)
    };
    let calls: BTreeMap<_, _> = rows.iter().map(|row| call((row.get(0), row.get(1)))).collect();
    assert_eq!(calls.len(), rows.len(), "no two functions have one name");
    calls
}

/// Every table of the schema, with what may be done to it.
async fn accesses(pool: &PgPool) -> BTreeMap<String, String> {
    let sql = "select c.relname::text, (
            select quote_ident(a.attname) from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 order by a.attnum limit 1
        )
        from pg_class c
        where c.relnamespace = 'moltbot_audit'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')";
    let rows = sqlx::query(sql).fetch_all(pool).await.expect("a catalogue");
    let mut accesses = BTreeMap::new();
    for row in rows {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let on = format!("moltbot_audit.{table}");
        for (access, sql) in [
            ("select", format!("select from {on} limit 1")),
            ("insert", format!("insert into {on} default values")),
            ("update", format!("update {on} set {column} = null where false")),
            ("delete", format!("delete from {on} where false")),
            ("truncate", format!("truncate {on} cascade")),
        ] {
            accesses.insert(format!("{access} {table}"), sql);
        }
    }
    accesses
}

/// What of these a login may do, found by doing it.
async fn allowed(url: &str, tried: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut connection = PgConnection::connect(url).await.expect("a login");
    let mut allowed = BTreeSet::new();
    for (name, sql) in tried {
        let mut transaction = connection.begin().await.expect("a transaction");
        let done = transaction.execute(AssertSqlSafe(sql.as_str())).await;
        // The functions themselves may refuse what they are given, with words of their own.
        let denied = done.is_err_and(|error| error.to_string().contains("permission denied for"));
        if !denied {
            allowed.insert(name.clone());
        }
        transaction.rollback().await.expect("nothing is left");
    }
    allowed
}

fn names(list: &str) -> BTreeSet<String> {
    list.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn each_role_may_do_what_the_file_says_and_nothing_else() {
    let by = database().await;
    let pool = PgPool::connect(&by("postgres")).await.expect("the database accepts connections");
    let (calls, accesses) = (calls(&pool).await, accesses(&pool).await);
    assert!(calls.len() > 25 && accesses.len() > 50, "{} {}", calls.len(), accesses.len());
    for (login, functions, tables) in [
        ("passer_by", "", ""),
        ("a_reader", "stream_of", "select audit_effects\nselect audit_events\nselect audit_keys\nselect audit_streams"),
        (
            "an_operator",
            "append_pending_flips\nconclude\nengage\nensure_partitions\nforget_switch\nlapse_switch
             prune_effects\nrelease\nreset\nset_limit\nset_switch\nset_switch_of_host\ntakeover",
            "select audit_budgets\nselect audit_day_budgets\nselect audit_effects
             select audit_limits\nselect audit_switches\nselect schema_migrations",
        ),
        (
            "a_host",
            "admit\nappend\nappend_alone\nappend_batch\nappend_effects\nappend_pending_flips\nconclude
             engage\nensure_partitions\nforget_switch\nlapse_switch\nrelease\nrenew_leases\nrotate_key
             set_switch_of_host\nstream_of\ntakeover\nuse_key",
            "select audit_budgets\nselect audit_day_budgets\nselect audit_effects\nselect audit_events
             select audit_keys\nselect audit_limits\nselect audit_streams\nselect audit_switches\nselect schema_migrations",
        ),
    ] {
        assert_eq!(allowed(&by(login), &calls).await, names(functions), "{login}");
        assert_eq!(allowed(&by(login), &accesses).await, names(tables), "{login}");
    }
}

#[tokio::test]
async fn nobody_writes_a_table_makes_an_object_or_takes_another_role() {
    let by = database().await;
    for (login, _) in LOGINS {
        let mut connection = PgConnection::connect(&by(login)).await.expect("a login");
        for sql in [
            "create table moltbot_audit.x ()",
            "create function moltbot_audit.x() returns int language sql return 1",
            "drop table moltbot_audit.audit_events",
            "alter function moltbot_audit.engage set lock_timeout = 0",
            "set role maker",
            "set role postgres",
        ] {
            let error = connection.execute(sql).await.expect_err(sql);
            let code = error.as_database_error().and_then(|error| error.code().map(String::from));
            assert_eq!(code.as_deref(), Some("42501"), "{login}: {sql}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_lives_by_the_writers_role_alone() {
    let by = database().await;
    // Migrations are looked at, and need no more rights where nothing is left to do.
    let store = store::open(&by("a_host")).await.expect("nothing is left to do");
    let auditor = Auditor::builder(store.clone(), KEY).environment(|_| None).build();
    let request = fresh_request();
    auditor.record(event(&request)).await.expect("it is recorded");
    let batch = (0..40).map(|_| auditor.record(event(&request)));
    for recorded in futures(batch).await {
        recorded.expect("it is recorded");
    }
    let (input, output) = (MoltbotInput::default(), MoltbotOutput::default());
    let call = || Effect::moltbot_call(&input).request(&request);
    let refused = auditor.effect(call()).run(async || Ok::<_, String>(output.clone())).await;
    assert!(matches!(refused, Err(EffectError::Refused(_))), "nobody has reset the AI");
    let error = auditor.kill_switch().reset(&Switch::AI, "a host", "why").await;
    let error = error.expect_err("a host resets nothing");
    assert!(matches!(&error, ControlError::Store(StoreError::Database { .. })), "{error:?}");
    let mut operator = PgConnection::connect(&by("an_operator")).await.expect("a login");
    operator.execute("select moltbot_audit.reset('ai', 'Aline', 'why')").await.expect("reset");
    auditor.effect(call()).run(async || Ok::<_, String>(output.clone())).await.expect("it runs");

    let permit = auditor.effect(call()).admit().await.expect("it may run");
    let id = permit.effect_id().uuid();
    drop(permit);
    let is_in_doubt = async || {
        let listed = auditor.in_doubt().await.expect("readable");
        listed.iter().any(|open| open.effect_id == id).then_some(())
    };
    eventually("it is in doubt", is_in_doubt).await;
    auditor.resolve(id, Finding::NotPerformed, "a host", "why").await.expect("it is resolved");
    auditor.self_test().await.expect("the kill switch works");
    let switch = auditor.kill_switch();
    switch.engage(&Switch::AI, "a host", "why").await.expect("stopping is always safe");
    assert!(
        auditor.kill_switch().states().await.expect("readable").iter().all(|one| one.is_engaged)
    );
    assert!(!auditor.budgets().usage(&request).await.expect("readable").is_empty());
    store.prepared_until().await.expect("the gauges are read").expect("months are prepared");

    let pool = PgPool::connect(&by("a_host")).await.expect("a login");
    let mut transaction = pool.begin().await.expect("a transaction");
    let appended = auditor.append_in(&mut transaction, [event(&request)]).await;
    let appended = appended.expect("it is appended");
    transaction.commit().await.expect("committed");
    drop(appended.committed());
    pool.execute("listen moltbot_audit_switches").await.expect("anybody may listen");
    let own = PostgresStore::connect(&by("a_host")).await.expect("a login");
    own.ensure_partitions().await.expect("a host prepares its months");

    let pack = export_request_pack(&*store, &request, &Profile::internal()).await;
    let pack = pack.expect("a host exports").to_json_pretty();
    verify_request_pack(pack.as_bytes()).expect("it verifies");

    // And a reader exports what was recorded, and nothing else.
    let reader = store::connect(&by("a_reader")).await.expect("a login");
    let pack = export_request_pack(&*reader, &request, &Profile::internal()).await;
    let pack = pack.expect("a reader reads").to_json_pretty();
    verify_request_pack(pack.as_bytes()).expect("it verifies");
    let auditor = Auditor::builder(reader, KEY).build();
    auditor.record(event(&request)).await.expect_err("a reader writes nothing");
}

#[tokio::test]
async fn an_operator_stops_and_starts_and_resolves_and_reads_no_event() {
    let by = database().await;
    let store = store::connect(&by("an_operator")).await.expect("a login");
    let auditor = Auditor::builder(store.clone(), KEY).environment(|_| None).build();
    let switch = auditor.kill_switch();
    switch.reset(&Switch::OCR, "Aline", "why").await.expect("an operator resets");
    switch.engage(&Switch::OCR, "Aline", "why").await.expect("and engages");
    assert!(auditor.in_doubt().await.expect("readable").is_empty());
    auditor.record(event(&fresh_request())).await.expect_err("an operator records nothing");
    let read = store.read_stream(StreamId::SYSTEM).await;
    read.expect_err("an operator reads no event");
}

/// Polls all at once.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T> + Send>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(value) => {
                done.push(value);
                false
            }
            Poll::Pending => true,
        });
        if all.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done
}
