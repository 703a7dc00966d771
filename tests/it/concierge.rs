//! The concierge of `examples/`: every scenario plays on every store, and whatever it does to the
//! world is in the trail.

mod explained;
mod format;
mod packs;
mod ranking;
mod reconciled;
mod replies;
mod scenario;
#[allow(dead_code, reason = "the example uses some of it, the tests the rest")]
#[path = "../../examples/concierge/simulation/mod.rs"]
mod simulation;
mod undone;
mod what_if;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::pack::export_request_pack;
use moltbot_audit::policy::Limits;
use moltbot_audit::record::{Record, StoredRecord};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::admission::{Claim, Decision};
use moltbot_audit::store::{Appended, AuditSink, AuditStore, BoxFuture, StoreError, StoreLayer};
use moltbot_audit::testing::{MemoryStore, assert_no_personal_data};
use moltbot_audit::{Auditor, Budget, RequestId, StreamId};
use serde_json::{Value, json};

use self::simulation::{
    clock::ScriptedClock,
    play::{PlayError, play, set_up},
    scenario::Scenario,
    scripted_time::ScriptedTime,
    story::{Story, ToldSink},
    tally::differences,
    world::{Kind, Went, World},
};
use crate::support::records::KEY;
use crate::support::stores;

/// What each scenario must leave in the trail, by event type: every path of the orchestrator.
const TRAILS: &[(&str, &str)] = &[
    (
        "budget_moltbot",
        "ai.disclosed 1, budget.warned 1, effect.admitted 18, effect.refused 1, \
         moltbot.budget_exceeded 1, moltbot.called 8, moltbot.output_accepted 8, \
         request.created 1, request.state_changed 1, whatsapp.inbound_received \
         10, whatsapp.outbound_sent 10, whatsapp.status_updated 25",
    ),
    (
        "budget_time",
        "ai.disclosed 4, effect.admitted 9, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 2, request.state_changed 6, \
         request.time_budget_exceeded 1, vendor.batch_sent 1, \
         vendor.candidates_selected 1, vendor.outreach_sent 2, \
         vendor.reply_recorded 2, whatsapp.inbound_received 2, \
         whatsapp.outbound_sent 4, whatsapp.status_updated 16",
    ),
    (
        "budget_vendors",
        "ai.disclosed 16, budget.warned 2, effect.admitted 27, effect.refused 1, \
         moltbot.called 4, moltbot.output_accepted 4, request.created 1, \
         request.state_changed 9, shortlist.generated 1, shortlist.handoff 1, \
         shortlist.outreach_cancelled 1, shortlist.sent 1, \
         vendor.batch_limit_reached 1, vendor.batch_sent 3, \
         vendor.candidates_selected 4, vendor.outreach_sent 15, \
         vendor.reply_recorded 1, whatsapp.inbound_received 4, \
         whatsapp.outbound_sent 5, whatsapp.status_updated 50",
    ),
    (
        "call_denied",
        "ai.disclosed 1, call.consent_denied 1, call.consent_requested 1, \
         effect.admitted 4, effect.refused 1, moltbot.called 1, \
         moltbot.output_accepted 1, request.created 1, request.state_changed 1, \
         whatsapp.inbound_received 2, whatsapp.outbound_sent 2, \
         whatsapp.status_updated 8",
    ),
    (
        "call_no_answer",
        "ai.disclosed 1, call.consent_granted 1, call.consent_requested 1, \
         call.failed 2, call.started 1, call.status_updated 2, effect.admitted 5, \
         effect.refused 1, moltbot.called 1, moltbot.output_accepted 1, \
         request.created 1, request.state_changed 1, whatsapp.inbound_received 3, \
         whatsapp.outbound_sent 2, whatsapp.status_updated 8",
    ),
    (
        "duplicate_webhook",
        "ai.disclosed 2, effect.admitted 6, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 1, request.state_changed 5, \
         shortlist.generated 1, shortlist.handoff 1, shortlist.sent 1, \
         vendor.batch_sent 1, vendor.candidates_selected 1, vendor.outreach_sent \
         1, vendor.reply_recorded 1, whatsapp.duplicate_message 2, \
         whatsapp.inbound_received 1, whatsapp.outbound_sent 2, \
         whatsapp.status_updated 8",
    ),
    (
        "invalid_output",
        "ai.disclosed 1, effect.admitted 9, moltbot.called 4, \
         moltbot.output_accepted 1, moltbot.output_rejected 3, request.created 1, \
         request.state_changed 2, switch.engaged 1, whatsapp.inbound_received 5, \
         whatsapp.outbound_sent 5, whatsapp.status_updated 13",
    ),
    (
        "messages_undelivered",
        "ai.disclosed 4, effect.admitted 9, moltbot.called 3, \
         moltbot.output_accepted 3, request.created 1, request.state_changed 3, \
         vendor.batch_sent 1, vendor.candidates_selected 1, vendor.outreach_sent \
         2, whatsapp.inbound_received 3, whatsapp.outbound_sent 3, \
         whatsapp.status_updated 8",
    ),
    (
        "ocr_low_confidence",
        "ai.disclosed 3, budget.warned 1, effect.admitted 13, effect.refused 1, \
         moltbot.called 2, moltbot.output_accepted 2, ocr.budget_exceeded 1, \
         ocr.job_created 2, ocr.job_done 2, request.created 1, \
         request.state_changed 8, shortlist.generated 1, shortlist.handoff 1, \
         shortlist.sent 1, vendor.batch_sent 1, vendor.candidates_selected 1, \
         vendor.outreach_sent 2, vendor.reply_recorded 2, \
         whatsapp.inbound_received 3, whatsapp.outbound_sent 6, \
         whatsapp.status_updated 20",
    ),
    (
        "phone_charger",
        "ai.disclosed 4, effect.admitted 10, moltbot.called 3, \
         moltbot.output_accepted 3, request.created 1, request.state_changed 5, \
         shortlist.generated 1, shortlist.handoff 1, shortlist.sent 1, \
         vendor.batch_sent 1, vendor.candidates_selected 1, vendor.outreach_sent \
         3, vendor.reply_recorded 4, whatsapp.inbound_received 2, \
         whatsapp.outbound_sent 3, whatsapp.status_updated 15",
    ),
    (
        "providers_down",
        "ai.disclosed 1, call.consent_granted 1, call.consent_requested 1, \
         call.failed 1, effect.admitted 9, moltbot.called 1, ocr.job_created 1, \
         ocr.job_failed 1, request.created 1, request.state_changed 3, \
         whatsapp.inbound_received 3, whatsapp.outbound_sent 3, \
         whatsapp.send_failed 2, whatsapp.status_updated 10",
    ),
    (
        "ranking_worked_example",
        "ai.disclosed 3, effect.admitted 8, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 1, request.state_changed 5, \
         request.time_budget_warning 1, shortlist.generated 1, shortlist.handoff \
         1, shortlist.sent 1, vendor.batch_sent 1, vendor.candidates_selected 1, \
         vendor.outreach_sent 2, vendor.reply_recorded 2, \
         whatsapp.inbound_received 1, whatsapp.outbound_sent 3, \
         whatsapp.status_updated 13",
    ),
    (
        "refusals_fr_rw",
        "ai.disclosed 5, effect.admitted 10, moltbot.called 2, \
         moltbot.output_accepted 1, request.created 1, request.state_changed 5, \
         shortlist.generated 1, shortlist.handoff 1, shortlist.sent 1, \
         vendor.batch_sent 1, vendor.candidates_selected 1, vendor.outreach_sent \
         4, vendor.reply_recorded 4, whatsapp.inbound_received 1, \
         whatsapp.outbound_sent 2, whatsapp.send_failed 1, \
         whatsapp.status_updated 15",
    ),
    (
        "switch_midway",
        "ai.disclosed 1, effect.admitted 5, effect.refused 1, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 1, request.state_changed 1, \
         whatsapp.inbound_received 3, whatsapp.outbound_sent 3, \
         whatsapp.status_updated 8",
    ),
    (
        "takeover",
        "ai.disclosed 1, effect.admitted 5, effect.refused 2, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 1, request.state_changed 1, \
         whatsapp.inbound_received 4, whatsapp.outbound_sent 3, \
         whatsapp.status_updated 8",
    ),
    (
        "time_up_asked",
        "ai.disclosed 1, effect.admitted 5, effect.refused 1, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 1, request.state_changed 2, \
         request.time_budget_exceeded 1, request.time_budget_warning 1, \
         whatsapp.inbound_received 3, whatsapp.outbound_sent 3, \
         whatsapp.status_updated 8",
    ),
    (
        "undone_request",
        "ai.disclosed 3, effect.admitted 14, effect.undo_started 2, moltbot.called 2, \
         moltbot.output_accepted 2, request.created 1, request.state_changed 6, \
         request.time_budget_warning 1, shortlist.generated 1, shortlist.handoff \
         1, shortlist.sent 1, shortlist.withdrawn 1, vendor.batch_sent 1, \
         vendor.candidates_selected 1, vendor.outreach_sent 2, \
         vendor.outreach_withdrawn 2, vendor.reply_recorded 2, \
         whatsapp.inbound_received 1, whatsapp.outbound_sent 4, \
         whatsapp.send_failed 1, whatsapp.status_updated 13",
    ),
    (
        "vendor_injection",
        "ai.disclosed 3, effect.admitted 7, moltbot.called 2, \
         moltbot.injection_detected 1, moltbot.output_accepted 1, \
         moltbot.output_blocked 1, request.created 1, request.state_changed 5, \
         shortlist.generated 1, shortlist.handoff 1, shortlist.sent 1, \
         vendor.batch_sent 1, vendor.candidates_selected 1, vendor.outreach_sent \
         2, vendor.reply_recorded 2, whatsapp.inbound_received 1, \
         whatsapp.outbound_sent 2, whatsapp.status_updated 10",
    ),
    (
        "webhook_replayed",
        "ai.disclosed 1, budget.warned 1, effect.admitted 6, effect.replayed 1, \
         moltbot.called 1, moltbot.output_accepted 1, ocr.job_created 1, \
         ocr.job_done 1, ocr.job_failed 1, request.created 1, \
         request.state_changed 3, whatsapp.inbound_received 2, \
         whatsapp.outbound_sent 3, whatsapp.status_updated 8",
    ),
];

#[tokio::test]
async fn every_path_of_the_orchestrator_writes_its_audit_events() {
    let mut seen = Vec::new();
    for scenario in scenarios() {
        let played = Played::on_sqlite(&scenario).await;
        seen.push((scenario.name.clone(), multiset(&played.trail)));
    }
    seen.sort();
    let wanted = TRAILS.iter().map(|(name, trail)| ((*name).to_owned(), (*trail).to_owned()));
    assert_eq!(seen, wanted.collect::<Vec<_>>());
}

/// The seed's test: what a scenario's refusal is recorded as, and what the client is told instead.
#[tokio::test]
async fn budget_exceeded_leads_to_a_safe_fallback() {
    let cases = [
        ("budget_moltbot", "moltbot_calls", "Umukozi wacu agiye kureba ibyo mwasabye"),
        ("ocr_low_confidence", "ocr_jobs", "Envoyez une photo plus nette"),
        ("budget_vendors", "vendor_batches", "Here is what those who answered have"),
        ("budget_vendors", "vendors", "Here is what those who answered have"),
        ("time_up_asked", "time", "Mushobora guhamagara umurongo wacu"),
    ];
    for (scenario, budget, told) in cases {
        // Fewer vendors than batches would reach, so that they run out first.
        let (mut played, mut limits) = (scenario_file(scenario), Limits::default());
        if budget == "vendors" {
            limits = limits.per_request(Budget::VENDORS, 12).expect("a limit");
            played.steps.iter_mut().for_each(|step| step.assert = None);
        }
        let fresh = stores::sqlite().await;
        let played = Played::under(&played, fresh.store.clone(), limits).await;
        let refused: Vec<_> =
            played.trail.iter().filter(|r| r.header.event_type == "effect.refused").collect();
        let output = refused[0].output.clone().unwrap_or_default();
        let code = refused[0].header.error_code.as_deref();
        if budget == "time" {
            assert_eq!(code, Some("time_exceeded"));
        } else {
            assert_eq!((code, output["budget"].as_str()), (Some("budget_exceeded"), Some(budget)));
        }
        let texts = played.ledger.iter().filter(|went| went.kind == Kind::ClientMessage);
        assert!(texts.clone().any(|went| went.text.contains(told)), "{scenario}: {budget}");
    }
}

/// "Can disable AI instantly, audit continues."
#[tokio::test]
async fn with_the_ai_stopped_decisions_are_refused_and_the_next_message_is_in_the_pack() {
    let fresh = stores::sqlite().await;
    let played = Played::on(&scenario_file("switch_midway"), fresh.store.clone()).await;
    let at = |event_type: &str, nth: usize| {
        let mut of_type = played.trail.iter().filter(|r| r.header.event_type == event_type);
        of_type.nth(nth).expect("it is there").seq
    };
    let (second, refused) = (at("whatsapp.inbound_received", 1), at("effect.refused", 0));
    assert!(second < refused && refused < at("whatsapp.inbound_received", 2));
    assert_eq!(outputs(&played.trail, "effect.refused")[0]["switched_by"], "store");
    let request = &played.requests[0];
    let pack = export_request_pack(&*fresh.store, request, &Profile::internal()).await;
    let pack = pack.expect("exportable").to_json_pretty();
    let pack: Value = serde_json::from_str(&pack).expect("JSON");
    let messages = pack["conversation"]["content"].as_array().expect("messages");
    let wrote = |text: &str| messages.iter().any(|message| message.to_string().contains(text));
    assert!(wrote("One and a half litres") && wrote("Are you there?"));
}

#[tokio::test]
async fn in_a_conversation_that_was_taken_over_a_person_answers_and_the_ai_does_not() {
    let fresh = stores::sqlite().await;
    let played = Played::on(&scenario_file("takeover"), fresh.store.clone()).await;
    let request = &played.requests[0];
    let pack = export_request_pack(&*fresh.store, request, &Profile::internal()).await;
    let pack = pack.expect("exportable").to_json_pretty();
    let pack: Value = serde_json::from_str(&pack).expect("JSON");
    let stops = pack["controls"]["content"]["stops"].as_array().expect("stops");
    let stop = stops.iter().map(|stop| &stop["reason"]).collect::<Vec<_>>();
    assert_eq!(stop, ["the client asks for a person"]);
    assert_eq!(
        pack["controls"]["content"]["check"],
        json!({ "verdict": "nothing_ran", "stops": 1 })
    );
    let of_type = |event_type: &'static str| {
        let record = played.trail.iter().filter(move |r| r.header.event_type == event_type);
        record.map(move |record| record.header.actor.clone())
    };
    assert_eq!(of_type("effect.refused").count(), 2);
    let wrote = of_type("whatsapp.outbound_sent");
    assert_eq!(wrote.collect::<Vec<_>>(), ["system", "admin", "system"]);
}

#[tokio::test]
async fn whatever_reaches_the_world_is_recorded_exactly_once() {
    for scenario in scenarios() {
        let played = Played::on_sqlite(&scenario).await;
        assert!(!played.ledger.is_empty(), "{} reaches the world", scenario.name);
        assert_eq!(differences(&played.ledger, &played.trail), [""; 0], "{}", scenario.name);
    }
}

#[tokio::test]
async fn an_effect_that_is_missing_from_the_trail_is_noticed() {
    let played = Played::on_sqlite(&scenario_file("phone_charger")).await;
    let without = |event_type: &str| -> Vec<StoredRecord> {
        let others = played.trail.iter().filter(|record| record.header.event_type != event_type);
        others.cloned().collect()
    };
    for event_type in ["vendor.outreach_sent", "whatsapp.outbound_sent", "moltbot.called"] {
        assert!(!differences(&played.ledger, &without(event_type)).is_empty(), "{event_type}");
    }
    assert!(!differences(&[], &played.trail).is_empty());
}

/// Time is paused: nobody waits for a store that does not come back, and a busy machine breaks no limit.
#[tokio::test(start_paused = true)]
async fn when_the_trail_fails_at_most_the_effect_under_way_goes_unrecorded() {
    let scenario = scenario_file("phone_charger");
    let whole = Played::on(&scenario, Arc::new(MemoryStore::new())).await.trail;
    let mut recorded = 0;
    for (fails_at, record) in whole.iter().enumerate() {
        let inner = Arc::new(MemoryStore::new());
        let sink = Arc::new(FailingSink { inner, left: fails_at.into() });
        let (auditor, world) = stage(sink).await;
        let stopped = play(&scenario, &auditor, &world, &Story::new(std::io::sink())).await;
        assert!(matches!(stopped, Err(PlayError::Audit { .. })), "the play stops at {fails_at}");
        let went_out = world.ledger().len();
        assert!(went_out <= recorded + 1, "{went_out} effects went out, {recorded} are recorded");
        let effects = ["moltbot.called", "vendor.outreach_sent", "whatsapp.outbound_sent"];
        recorded += usize::from(effects.contains(&record.header.event_type.as_str()));
    }
}

#[tokio::test]
async fn every_store_tells_the_same_story() {
    for scenario in scenarios() {
        let fresh = stores::postgres().await;
        let on_postgres = Played::on(&scenario, fresh.store.clone()).await;
        let on_sqlite = Played::on_sqlite(&scenario).await;
        let told = |played: &Played| -> Vec<_> {
            let record = |record: &StoredRecord| {
                let header = &record.header;
                (record.seq, header.event_type.clone(), header.outcome.clone(), header.created_at)
            };
            played.trail.iter().map(record).collect()
        };
        assert_eq!(told(&on_sqlite), told(&on_postgres), "{}", scenario.name);
    }
}

#[tokio::test]
async fn a_scenario_can_be_played_twice_into_one_database() {
    let scenario = scenario_file("duplicate_webhook");
    let fresh = stores::sqlite().await;
    let first = Played::on(&scenario, fresh.store.clone()).await;
    let second = Played::on(&scenario, fresh.store.clone()).await;
    assert_ne!(first.requests, second.requests);
    assert_eq!(first.trail.len(), second.trail.len());
}

#[tokio::test]
async fn every_event_carries_its_request_and_its_conversation() {
    let played = Played::on_sqlite(&scenario_file("budget_moltbot")).await;
    for record in &played.trail {
        assert_eq!(record.header.request_id, Some(played.requests[0].uuid()));
        assert!(record.header.conversation_id.is_some());
        let host_ids = record.host_ids.as_ref().expect("the host's own name is kept");
        assert_eq!(host_ids["conversation_id"], "fallback");
    }
}

#[tokio::test]
async fn nothing_personal_is_told_in_the_story_or_printed_of_its_records() {
    for scenario in scenarios() {
        let played = Played::on_sqlite(&scenario).await;
        assert!(played.told.contains("whatsapp.inbound_received"));
        assert_no_personal_data(&played.told);
        assert_no_personal_data(&format!("{:?}", played.trail));
    }
}

#[tokio::test]
async fn a_failed_assertion_names_scenario_and_step() {
    let mut scenario = scenario_file("call_denied");
    let assert = scenario.steps[0].assert.as_mut().expect("it asserts");
    assert.vendor_outreach_count = Some(7);
    let fresh = stores::sqlite().await;
    let (auditor, world) = stage(fresh.store.clone()).await;
    let failed = play(&scenario, &auditor, &world, &Story::new(std::io::sink())).await;
    let said = failed.expect_err("it fails").to_string();
    assert_eq!(said, "scenario call_denied, step asks: vendor_outreach_count: expected 7, found 0");
}

/// One play, with all that it left.
struct Played {
    requests: Vec<RequestId>,
    trail: Vec<StoredRecord>,
    ledger: Vec<Went>,
    told: String,
}

impl Played {
    async fn on_sqlite(scenario: &Scenario) -> Self {
        let fresh = stores::sqlite().await;
        Self::on(scenario, fresh.store.clone()).await
    }

    async fn on(scenario: &Scenario, store: Arc<dyn AuditStore>) -> Self {
        Self::under(scenario, store, Limits::default()).await
    }

    async fn under(scenario: &Scenario, store: Arc<dyn AuditStore>, limits: Limits) -> Self {
        let told = Told::default();
        let narrator = Story::new(told.clone());
        let sink = Arc::new(ToldSink::new(store.clone(), narrator.clone()));
        let (auditor, world) = stage_under(sink, limits).await;
        let requests = play(scenario, &auditor, &world, &narrator).await;
        let requests = requests.expect("the scenario plays, and its assertions hold");
        let mut trail = Vec::new();
        for request in &requests {
            let stream = store.read_stream(StreamId::from(request)).await.expect("readable");
            trail.extend(stream.expect("the request has events").records);
        }
        let told = String::from_utf8(told.0.lock().expect("not poisoned").clone());
        Self { requests, trail, ledger: world.ledger(), told: told.expect("UTF-8") }
    }
}

/// Where a story is kept.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Stores so many batches, and then none.
#[derive(Debug)]
struct FailingSink {
    inner: Arc<dyn AuditStore>,
    left: AtomicUsize,
}

impl StoreLayer for FailingSink {
    type Inner = dyn AuditStore;

    fn inner(&self) -> &Self::Inner {
        &*self.inner
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Ok(_) => self.inner.append(batch),
            Err(_) => Box::pin(async { Err(StoreError::unavailable("append", "pulled the plug")) }),
        }
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        Box::pin(async move {
            match left {
                Ok(_) => self.inner_admission()?.admit(claim).await,
                Err(_) => Err(StoreError::unavailable("admit", "pulled the plug")),
            }
        })
    }
}

async fn stage(sink: Arc<dyn AuditSink>) -> (Auditor, Arc<World>) {
    stage_under(sink, Limits::default()).await
}

/// An hour ago, as in the example: a consent lapses by the store's clock. The same in each play, so that plays
/// can be compared.
static START: LazyLock<DateTime<Utc>> =
    LazyLock::new(|| (SystemClock::new().now() - TimeDelta::hours(1)).trunc_subsecs(0));

async fn stage_under(sink: Arc<dyn AuditSink>, limits: Limits) -> (Auditor, Arc<World>) {
    let clock = Arc::new(ScriptedClock::new(*START));
    let world = Arc::new(World::new(clock.clone()));
    let key = KEY;
    let sink = Arc::new(ScriptedTime::over(sink, world.clone()));
    let auditor = Auditor::builder(sink, key)
        .budgets(limits)
        .clock(clock.clone())
        .environment(|_| None)
        .limits(QueueLimits::default().wait(Duration::from_mins(2)))
        .build();
    set_up(&auditor).await.expect("the switches are reset");
    (auditor, world)
}

fn scenarios() -> Vec<Scenario> {
    scenarios_in(&folder())
}

/// The scenarios of a folder, by the names of their files.
fn scenarios_in(folder: &Path) -> Vec<Scenario> {
    let files = std::fs::read_dir(folder).expect("a folder of scenarios");
    let files = files.map(|file| file.expect("listed").path());
    let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let mut paths: Vec<_> = files.filter(is_json).collect();
    paths.sort();
    paths.iter().map(|path| Scenario::read(path).expect("a scenario")).collect()
}

fn scenario_file(name: &str) -> Scenario {
    Scenario::read(&folder().join(format!("{name}.json"))).expect("a scenario")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios")
}

/// `type count, type count, …`, in alphabetical order.
fn multiset(trail: &[StoredRecord]) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    for record in trail {
        *counts.entry(record.header.event_type.as_str()).or_default() += 1;
    }
    let counts = counts.iter().map(|(event_type, count)| format!("{event_type} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// The outputs of all events of one type, in order.
fn outputs(trail: &[StoredRecord], event_type: &str) -> Vec<Value> {
    let of_type = trail.iter().filter(|record| record.header.event_type == event_type);
    of_type.map(|record| record.output.clone().unwrap_or_default()).collect()
}
