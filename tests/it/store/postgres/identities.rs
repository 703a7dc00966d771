//! Who acted by SQL: what the database knows of a session, and what is only claimed.

use moltbot_audit::event::Identity;
use moltbot_audit::store::{AuditSink, AuditStore, PostgresStore};
use moltbot_audit::{StreamId, Switch};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::roles;
use crate::support::claims::flip_by;
use crate::support::records::assert_unbroken;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/admission.md"));
const SUBJECT: &str = "0d9f8a54-6c1e-4a6f-9f0e-2b8c4f7a1d33";

fn claims(claims: &Value) -> String {
    format!("select set_config('request.jwt.claims', '{claims}', true)")
}

/// Runs these statements in one transaction, as an API gateway does, and then engages the AI as `who`.
async fn engage(url: &str, before: &[String], who: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a login");
    let mut transaction = connection.begin().await.expect("a transaction");
    for sql in before {
        transaction.execute(AssertSqlSafe(sql.as_str())).await.expect(sql);
    }
    let engage = sqlx::query("select moltbot_audit.engage('ai', $1, 'why')").bind(who);
    engage.execute(&mut *transaction).await.expect("stopping is always safe");
    transaction.commit().await.expect("committed");
}

/// What a gateway's verified token says of Aline.
fn known() -> Value {
    json!({
        "how": "jwt", "who": SUBJECT, "role": "authenticated", "email": "a***@***.rw",
        "session_user": "authenticator", "claimed": "Aline",
    })
}

/// Who logs in, what they do before they act, and what is recorded of them.
fn cases() -> Vec<(&'static str, Vec<String>, Value)> {
    let role = |role: &str| format!("set local role {role}");
    let user = json!({ "sub": SUBJECT, "role": "authenticated", "email": "aline@moltbot.rw" });
    let known = known();
    let session = |login: &str| json!({ "how": "session", "who": login, "claimed": "Aline" });
    let gateway = |role: &str| {
        let mut said = session("authenticator");
        said["role"] = json!(role);
        said
    };
    let addressed = json!({ "sub": "7@moltbot", "role": "authenticated", "email": 7 });
    let mut masked = known.clone();
    masked["who"] = json!("***@***.***");
    masked.as_object_mut().expect("members").remove("email");
    let forged = json!({ "sub": SUBJECT, "role": "none" });
    let as_user = role("authenticated");
    vec![
        // A login of its own. Whatever it says of a token is not the gateway's word.
        ("an_operator", vec![], session("an_operator")),
        ("an_operator", vec![claims(&user)], session("an_operator")),
        ("an_operator", vec![claims(&forged)], session("an_operator")),
        // One that takes the same role as the gateway's callers.
        ("postgres", vec![as_user.clone(), claims(&user)], session("postgres")),
        // The gateway.
        ("authenticator", vec![as_user.clone(), claims(&user)], known.clone()),
        // A subject that is an address is masked too.
        ("authenticator", vec![as_user.clone(), claims(&addressed)], masked.clone()),
        ("authenticator", vec![as_user.clone()], session("authenticator")),
        ("authenticator", vec![claims(&user)], session("authenticator")),
        ("authenticator", vec![claims(&forged)], session("authenticator")),
        ("authenticator", vec![role("service_role"), claims(&user)], session("authenticator")),
        (
            "authenticator",
            vec![role("service_role"), claims(&json!({ "role": "service_role" }))],
            gateway("service_role"),
        ),
        (
            "authenticator",
            vec![as_user.clone(), claims(&json!({ "sub": " ", "role": "authenticated" }))],
            gateway("authenticated"),
        ),
        (
            "authenticator",
            vec![
                as_user.clone(),
                "select set_config('request.jwt.claims', 'no JSON', true)".into(),
            ],
            session("authenticator"),
        ),
        ("authenticator", vec![as_user.clone(), claims(&json!([user]))], session("authenticator")),
    ]
}

#[tokio::test]
async fn the_database_says_what_it_knows_and_nobody_can_make_it_say_more() {
    let by = roles::database().await;
    let owner = PostgresStore::connect(&by("postgres")).await.expect("a login");
    let mut grants = PgConnection::connect(&by("postgres")).await.expect("a login");
    let granted = "grant moltbot_audit_operator to authenticated, service_role, authenticator";
    grants.execute(granted).await.expect("they may stop the AI");
    let cases = cases();
    for (login, before, expected) in &cases {
        engage(&by(login), before, "Aline").await;
        let states = owner.admission().expect("it decides").switches().await.expect("readable");
        let read = Identity::deserialize(expected).expect("an identity");
        assert_eq!(states[0].by, Some(read), "{login} {before:?}");
    }
    // What looks like an identity is a text that was typed.
    engage(&by("an_operator"), &[], &known().to_string()).await;

    let snapshot = owner.read_stream(StreamId::SYSTEM).await.expect("readable").expect("events");
    assert_unbroken(&snapshot);
    let said: Vec<_> = snapshot
        .records
        .iter()
        .map(|row| row.input.as_ref().expect("an input")["by"].clone())
        .collect();
    let (last, before) = said.split_last().expect("events");
    for ((login, set, expected), said) in cases.iter().zip(before) {
        assert_eq!(said, expected, "{login} {set:?}");
    }
    assert_eq!(last["how"], "session");
    assert_eq!(last["who"], "an_operator");
    assert_eq!(last["claimed"], known().to_string());
}

#[tokio::test]
async fn a_console_behind_the_api_acts_under_its_callers_token_as_the_page_says() {
    let by = roles::database().await;
    let mut blocks = PAGE.split("```");
    let function = blocks
        .find_map(|block| block.strip_prefix("sql\n").filter(|sql| sql.contains("stop_the_ai")));
    let function = function.expect("the page's function");
    let mut owner = PgConnection::connect(&by("postgres")).await.expect("a login");
    owner.execute(AssertSqlSafe(function)).await.expect("the page's function");
    let stop = async |on_call: bool| {
        let user = json!({
            "sub": SUBJECT, "role": "authenticated", "app_metadata": { "on_call": on_call },
        });
        let mut gateway = PgConnection::connect(&by("authenticator")).await.expect("a login");
        let mut transaction = gateway.begin().await.expect("a transaction");
        transaction.execute("set local role authenticated").await.expect("its callers' role");
        transaction.execute(AssertSqlSafe(claims(&user))).await.expect("the claims");
        let stopped = transaction.execute("select public.stop_the_ai('odd answers')").await;
        transaction.commit().await.expect("the transaction ends");
        stopped
    };
    let error = stop(false).await.expect_err("a client").to_string();
    assert!(error.contains("only people on call"), "{error}");
    stop(true).await.expect("somebody on call");
    let store = PostgresStore::connect(&by("postgres")).await.expect("a login");
    let snapshot = store.read_stream(StreamId::SYSTEM).await.expect("readable").expect("events");
    let [flip] = &snapshot.records[..] else { panic!("one event: {snapshot:?}") };
    let expected = json!({
        "how": "jwt", "who": SUBJECT, "role": "authenticated", "session_user": "authenticator",
        "claimed": "console",
    });
    assert_eq!(flip.input.as_ref().expect("an input")["by"], expected);
}

#[tokio::test]
async fn an_operator_who_calls_set_switch_makes_no_claim_a_known_identity() {
    let by = roles::database().await;
    let operator = PostgresStore::connect(&by("an_operator")).await.expect("a login");
    for identity in [
        json!({ "how": "session", "who": "postgres", "claimed": "Aline" }),
        json!({ "how": "jwt", "who": SUBJECT, "role": "authenticated" }),
    ] {
        let (state, record) = flip_by(Switch::AI, false, &identity);
        let set = operator.admission().expect("it decides").set_switch(&state, &record).await;
        let error = set.expect_err("it is refused").to_string();
        assert!(error.contains("says another flip"), "{error}");
    }
    let identity = json!({ "how": "claimed", "who": "Aline" });
    let (state, record) = flip_by(Switch::AI, false, &identity);
    operator.admission().expect("it decides").set_switch(&state, &record).await.expect("reset");
}
