//! The roles of `docs/roles.sql`: pasted by one who is no superuser, and tried on everything there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row};

use tokio::sync::Mutex;

use super::postgres::migrated;
use super::support::cluster::Cluster;

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.sql");
const LOGINS: [(&str, &str); 3] = [
    ("an_operator", "moltbot_audit_operator"),
    ("a_reader", "moltbot_audit_reader"),
    ("a_host", "moltbot_audit_writer"),
];

/// Roles belong to a whole cluster, so these tests have one of their own.
fn cluster() -> &'static Cluster {
    static OWN: OnceLock<Cluster> = OnceLock::new();
    OWN.get_or_init(|| {
        let cluster = Cluster::start(&["fsync=off"]);
        let url = cluster.url("postgres");
        let logins = LOGINS.map(|(login, _)| format!("create role {login} login;")).concat();
        let made =
            format!("create role maker login createrole; create role passer_by login; {logins}");
        psql(&cluster, &url, &["--command", &made]);
        cluster
    })
}

fn psql(cluster: &Cluster, url: &str, arguments: &[&str]) {
    let output = cluster.psql(url, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A database that was migrated, and given its roles, by one who is no superuser. For each login its URL.
async fn database() -> impl Fn(&str) -> String {
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
        let code = done.err().and_then(|error| error.as_database_error()?.code().map(String::from));
        if code.as_deref() != Some("42501") {
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
        ("a_reader", "stream_of", "select audit_events\nselect audit_streams"),
        (
            "an_operator",
            "append_pending_flips\nconclude\nengage\nensure_partitions\nforget_switch\nreset\nset_switch",
            "select audit_budgets\nselect audit_day_budgets\nselect audit_effects
             select audit_switches\nselect schema_migrations",
        ),
        (
            "a_host",
            "admit
append
append_alone
append_batch
append_effects
append_pending_flips
             conclude
engage
ensure_partitions
rotate_key
stream_of
use_key",
            "select audit_budgets\nselect audit_day_budgets\nselect audit_effects\nselect audit_events
             select audit_streams\nselect audit_switches\nselect schema_migrations",
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
