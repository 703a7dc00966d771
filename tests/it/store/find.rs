//! Requests are found by time, state and the host's ids, on every store alike.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::store::{
    AuditStore, FindError, FoundRequest, RequestCursor, RequestPage, RequestQuery, StoreError,
    find_requests,
};
use moltbot_audit::testing::{FaultySink, MemoryStore};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::records::{event, named_conversation, named_request, sealed};
use crate::support::stores;

fn moved(name: &str, to: &str) -> AuditEvent {
    AuditEvent::new(EventType::REQUEST_STATE_CHANGED, Actor::System)
        .request(&named_request(name))
        .input(json!({ "to_state": to }))
}

async fn append(store: &dyn AuditStore, event: AuditEvent) {
    store.append(&[sealed(event)]).await.expect("it lands")[0].expect("a receipt");
}

/// Seven requests, of which three are handed off, one of them after an error and one with a refused step behind
/// it; two of one conversation; and streams that are no requests'.
async fn seven(store: &dyn AuditStore) {
    for nth in 0..7 {
        let name = format!("order-{nth}");
        let mut first = event(&named_request(&name));
        if nth < 2 {
            first = first.conversation(&named_conversation("chat-1"));
        }
        append(store, first).await;
        append(store, moved(&name, "collecting_requirements")).await;
        let talk = AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System);
        append(store, talk.conversation(&named_conversation(&name)).input(json!({}))).await;
    }
    append(store, AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System).input(json!({}))).await;
    append(store, moved("order-1", "error")).await;
    for name in ["order-1", "order-3", "order-6"] {
        append(store, moved(name, "handed_off")).await;
    }
    let refused = moved("order-3", "error").ended(Outcome::Refused, ErrorCode::InvalidState);
    append(store, refused).await;
}

async fn found(store: &dyn AuditStore, query: RequestQuery) -> RequestPage {
    find_requests(store, &query).await.expect("the store lists streams")
}

/// The requests of all pages, by the names that the test gave them.
async fn names(store: &dyn AuditStore, query: RequestQuery) -> Vec<String> {
    let (mut names, mut query) = (Vec::new(), query);
    loop {
        let page = found(store, query.clone()).await;
        names.extend(page.requests.iter().map(name));
        let Some(next) = page.next else { return names };
        // As a person passes it on.
        let next: RequestCursor = next.to_string().parse().expect("its own text");
        query = query.after(next);
    }
}

fn name(request: &FoundRequest) -> String {
    let is_it = |name: &String| named_request(name).uuid() == request.request_id;
    (0..7).map(|nth| format!("order-{nth}")).find(is_it).expect("one of the seven")
}

async fn are_found(store: &dyn AuditStore) {
    assert_eq!(names(store, RequestQuery::new()).await, [""; 0]);
    let before = SystemClock::new().now() - TimeDelta::hours(1);
    seven(store).await;
    let all: Vec<_> = (0..7).rev().map(|nth| format!("order-{nth}")).collect();
    for page in [1, 2, 3, 7, 50, 1_000] {
        assert_eq!(names(store, RequestQuery::new().page(page)).await, all, "pages of {page}");
        let handed_off = RequestQuery::new().state("handed_off").page(page);
        let most = usize::try_from(page).expect("small");
        assert!(found(store, handed_off.clone()).await.requests.len() <= most, "pages of {page}");
        assert_eq!(names(store, handed_off).await, ["order-6", "order-3", "order-1"]);
    }
    assert_eq!(names(store, RequestQuery::new().state("error")).await, [""; 0]);
    let conversation = RequestQuery::new().conversation(&named_conversation("chat-1"));
    assert_eq!(names(store, conversation.clone()).await, ["order-1", "order-0"]);
    assert_eq!(names(store, conversation.page(1).state("handed_off")).await, ["order-1"]);
    let one = RequestQuery::new().request(&named_request("order-3"));
    assert_eq!(names(store, one).await, ["order-3"]);
    let none = RequestQuery::new().request(&named_request("order-77"));
    assert_eq!(names(store, none).await, [""; 0]);

    let page = found(store, RequestQuery::new()).await;
    let third = page.requests.iter().find(|one| name(one) == "order-3").expect("it is there");
    assert_eq!((third.state.as_deref(), third.events), (Some("handed_off"), 4));
    assert!(third.began_at <= third.last_at && third.began_at > before);
    let later = RequestQuery::new().began_from(third.began_at);
    assert_eq!(names(store, later).await, ["order-6", "order-5", "order-4", "order-3"]);
    let earlier = RequestQuery::new().began_before(third.began_at).page(2);
    assert_eq!(names(store, earlier).await, ["order-2", "order-1", "order-0"]);
    assert_eq!(names(store, RequestQuery::new().began_before(before)).await, [""; 0]);
    let first = page.requests.iter().find(|one| name(one) == "order-0").expect("it is there");
    assert_eq!(first.conversation_id, Some(named_conversation("chat-1").uuid()));
}

#[tokio::test]
async fn requests_are_found_in_memory_also_behind_a_sink_that_fails() {
    let store = Arc::new(MemoryStore::new());
    are_found(&FaultySink::new(store)).await;
}

#[tokio::test]
async fn requests_are_found_in_sqlite() {
    let fresh = stores::sqlite().await;
    are_found(&*fresh.store).await;
}

#[tokio::test]
async fn requests_are_found_in_postgres() {
    let fresh = stores::postgres().await;
    are_found(&*fresh.store).await;
}

/// Somebody may have written anything into a payload.
#[tokio::test]
async fn a_state_that_is_no_text_hides_no_request() {
    let stores = [stores::sqlite().await, stores::postgres().await];
    for fresh in &stores {
        let store = &*fresh.store;
        for to in [json!(7), json!({ "a": 1 }), json!(null)] {
            let event = moved("order-1", "").input(json!({ "to_state": to }));
            append(store, event).await;
            assert_eq!(names(store, RequestQuery::new()).await, ["order-1"]);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_an_error_that_says_why() {
    let store = MemoryStore::new();
    let ask = async |query: RequestQuery| find_requests(&store, &query).await.expect_err("a fault");
    for asked in [0, 1_001, u32::MAX] {
        let error = ask(RequestQuery::new().page(asked)).await;
        assert!(matches!(error, FindError::PageSize { .. }), "{error:?}");
        assert!(error.to_string().contains("1 to 1000"), "{error}");
    }
    let now: DateTime<Utc> = "2026-03-02T07:15:00Z".parse().expect("a time");
    let error = ask(RequestQuery::new().began_from(now).began_before(now)).await;
    assert!(error.to_string().contains("swap them"), "{error}");
    let cursors = ["", "/", "2026-03-02T07:15:00Z", "2026-03-02T07:15:00Z/x", "x/y", "é/"];
    for text in cursors {
        let error = text.parse::<RequestCursor>().expect_err(text);
        assert!(matches!(error, FindError::MalformedCursor), "{text}: {error:?}");
    }
    let cluster = crate::support::cluster::Cluster::shared();
    let url = cluster.create_database().await;
    let bare = moltbot_audit::store::connect(&url).await.expect("it is there");
    let error = find_requests(&*bare, &RequestQuery::new()).await.expect_err("no schema");
    assert!(matches!(error, FindError::Store(StoreError::Database { .. })), "{error:?}");
    assert!(error.to_string().contains("migrate bring it up to date"), "{error}");
}

/// A page reads its own streams by the index, however many there are.
#[tokio::test]
async fn a_page_is_read_by_the_index() {
    let (_fresh, url) = stores::postgres_with_url().await;
    let mut session = PgConnection::connect(&url).await.expect("a connection");
    let fill = "insert into moltbot_audit.audit_streams (stream_id, seq, head, started_at, last_at, heard_at)
        select gen_random_uuid(), 1, sha256(''), t, t, t
        from (select now() - n * interval '1 second' as t from generate_series(1, 50000) as n) as times";
    sqlx::query(fill).execute(&mut session).await.expect("our own table");
    sqlx::query("analyze moltbot_audit.audit_streams").execute(&mut session).await.expect("ours");
    let page = "explain select stream_id from moltbot_audit.audit_streams
        where started_at >= 'epoch' and started_at < now()
            and (started_at, stream_id) < (now() - interval '1 hour', gen_random_uuid())
        order by started_at desc, stream_id desc limit 50";
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(page.to_owned()))
        .fetch_all(&mut session)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("audit_streams_started_at_idx") && !plan.contains("Sort"), "{plan}");
}
