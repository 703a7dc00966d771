//! The plan of a request, and its undo from beginning to end.

use moltbot_audit::event::payload::BatchInput;
use moltbot_audit::event::{Reversal, Until};
use moltbot_audit::pack::sections::UndoProgress::{
    ActInDoubt, ActRunning, Covered, Done, Final, InDoubt, Open,
};
use moltbot_audit::undo::{StepEnd, UndoError};
use moltbot_audit::{Actor, AuditEvent, Effect, EventType};
use serde_json::json;

use super::{Teller, World, is_done, progress, step};
use crate::support::records::fresh_request;
use crate::support::stores;

#[tokio::test]
async fn a_whole_request_is_undone_newest_first_and_once() {
    for fresh in [stores::memory().await, stores::sqlite().await, stores::postgres().await] {
        let teller = Teller::on(fresh.store.clone());
        teller.whole_request().await;
        let plan = teller.plan().await;
        let planned = [
            ("request.state_changed", Open),
            ("whatsapp.outbound_sent", Open),
            ("request.state_changed", Covered),
            ("shortlist.generated", Open),
            ("shortlist.generated", Covered),
            ("request.state_changed", Covered),
            ("vendor.outreach_sent", Open),
            ("vendor.outreach_sent", Open),
            ("vendor.outreach_sent", Covered),
            ("request.state_changed", Covered),
            ("whatsapp.outbound_sent", Covered),
            ("request.state_changed", Covered),
        ];
        assert_eq!(progress(&plan), planned);
        let message = step(&plan, &EventType::WHATSAPP_OUTBOUND_SENT);
        assert_eq!((message.reversal.as_str(), message.until), ("final", None));
        let outreach = step(&plan, &EventType::VENDOR_OUTREACH_SENT);
        let a_day = chrono::TimeDelta::hours(24);
        assert_eq!(outreach.until, Some(outreach.source.recorded_at + a_day));

        let world = World::default();
        let report = teller.undo(&world).await;
        let undone = [
            "request.state_changed closed",
            "whatsapp.outbound_sent",
            "shortlist.withdrawn",
            "vendor.outreach_withdrawn v1",
            "vendor.outreach_withdrawn v2",
        ];
        assert_eq!(world.undone(), undone);
        assert!(report.steps.iter().all(|step| is_done(&step.end)), "{report:?}");
        assert!(report.is_done(), "{:?}", progress(&report.plan));
        assert_eq!(report.plan.undos.len(), 1);
        assert_eq!(report.plan.undos[0].reason.as_deref(), Some("the client gave up"));

        // Again, by a plan of before, and by one of now: nothing is left, and nothing is written.
        let again = World::default();
        let repeated = teller.auditor.undo(&plan, "Aline", "again", &again).await;
        assert!(repeated.expect("readable").steps.is_empty());
        assert!(teller.undo(&again).await.started.is_none());
        assert_eq!(again.undone(), [] as [&str; 0]);
        drop(fresh.keep);
    }
}

#[tokio::test]
async fn compensations_are_audited_effects_of_a_person_that_name_what_they_reverse() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.run(Teller::outreach("v1")).await;
    let act = teller.plan().await.steps[0].act_id;
    let report = teller.undo(&World::default()).await;
    let StepEnd::Done { effect_id } = report.steps[0].end else { panic!("{report:?}") };
    let snapshot = teller.store.read_stream((&teller.request).into()).await.expect("readable");
    let records = snapshot.expect("a stream").records;
    let of_type = |event_type: &str| {
        records.iter().rev().find(|record| record.header.event_type == event_type).expect("it is")
    };
    let started = of_type("effect.undo_started");
    assert_eq!(started.header.actor, "admin");
    let by = json!({ "by": { "how": "claimed", "who": "Aline" }, "reason": "the client gave up" });
    assert_eq!(started.input.as_ref(), Some(&by));
    let intent = of_type("effect.admitted");
    let said = intent.input.as_ref().expect("an input");
    assert_eq!((&said["reverses"], &said["effect_id"]), (&json!(act), &json!(effect_id)));
    assert_eq!(said["reversal"], "final");
    let outcome = of_type("vendor.outreach_withdrawn");
    assert_eq!(outcome.header.id, effect_id);
    assert_eq!(outcome.header.actor, "admin");
    assert_eq!(outcome.header.caused_by, Some(started.header.id));
    assert_eq!(outcome.idempotency_key, Some(format!("undo:{act}")));
    assert_eq!(outcome.input, Some(json!({ "vendor_id": "v1" })));
    drop(fresh.keep);
}

#[tokio::test]
async fn a_request_is_closed_by_states_that_the_machine_allows() {
    let steps: [(&[&str], &[&str]); 6] = [
        (&["collecting_requirements"], &["closed"]),
        (&["collecting_requirements", "ocr_processing"], &["collecting_requirements", "closed"]),
        (&["collecting_requirements", "vendor_outreach"], &["error", "closed"]),
        (
            &["collecting_requirements", "vendor_outreach", "awaiting_vendor_replies"],
            &["error", "closed"],
        ),
        (&["collecting_requirements", "error"], &["closed"]),
        (&["collecting_requirements", "closed"], &[]),
    ];
    let fresh = stores::memory().await;
    for (states, way) in steps {
        let teller = Teller::on(fresh.store.clone());
        let mut from = None;
        for to in states {
            teller.state(from, to).await;
            from = Some(*to);
        }
        assert_eq!(teller.plan().await.steps[0].way, way);
        let world = World::default();
        let report = teller.undo(&world).await;
        let undone: Vec<_> =
            way.iter().map(|state| format!("request.state_changed {state}")).collect();
        assert_eq!(world.undone(), undone);
        assert!(report.is_done(), "{:?}", progress(&report.plan));
    }
    // A state of another machine: what leads out of it is not known.
    let teller = Teller::on(fresh.store.clone());
    teller.state(None, "negotiating").await;
    assert_eq!(progress(&teller.plan().await), [("request.state_changed", Final)]);
    drop(fresh.keep);
}

#[tokio::test]
async fn an_act_in_doubt_or_under_way_is_left_alone() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let admit = async |effect: Effect| {
        let permit = teller.auditor.effect(effect.request(&teller.request)).admit().await;
        permit.expect("it may run")
    };
    let running = admit(Teller::outreach("v1")).await;
    let lost = admit(Teller::outreach("v2")).await;
    let lost_id = lost.effect_id().uuid();
    drop(lost);
    crate::support::wait::eventually("it is recorded as cancelled", async || {
        (teller.plan().await.steps.iter().any(|step| step.progress == ActInDoubt)).then_some(())
    })
    .await;
    let world = World::default();
    let report = teller.undo(&world).await;
    assert!(report.steps.is_empty() && !report.is_done());
    let sent = "vendor.outreach_sent";
    assert_eq!(progress(&report.plan), [(sent, ActInDoubt), (sent, ActRunning)]);
    running.succeeded(&json!({})).await.expect("recorded");
    let performed = moltbot_audit::auditor::Finding::Performed;
    teller.auditor.resolve(lost_id, performed, "Aline", "on the phone").await.expect("resolved");
    assert!(teller.undo(&world).await.is_done());
    assert_eq!(world.undone(), ["vendor.outreach_withdrawn v1", "vendor.outreach_withdrawn v2"]);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_compensation_in_doubt_is_left_alone_until_it_is_resolved() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.run(Teller::outreach("v1")).await;
    let panics = tokio::spawn({
        let auditor = teller.auditor.clone();
        let plan = teller.plan().await;
        async move { auditor.undo(&plan, "Aline", "off", &Panics).await.map(drop) }
    });
    assert!(panics.await.expect_err("it goes on to the caller").is_panic());
    let world = World::default();
    let report = teller.undo(&world).await;
    assert_eq!(progress(&report.plan), [("vendor.outreach_sent", InDoubt)]);
    assert!(world.undone().is_empty() && !report.is_done());
    let in_doubt = report.plan.steps[0].tries[0].effect_id;
    let finding = moltbot_audit::auditor::Finding::NotPerformed;
    teller.auditor.resolve(in_doubt, finding, "Aline", "no message").await.expect("resolved");
    assert!(teller.undo(&world).await.is_done());
    assert_eq!(world.undone().len(), 1);
    drop(fresh.keep);
}

struct Panics;

impl moltbot_audit::undo::UndoHandler for Panics {
    type Error = String;

    async fn perform(
        &self,
        _: &moltbot_audit::undo::Compensation<'_>,
    ) -> Result<serde_json::Value, String> {
        panic!("a handler with a mistake")
    }
}

#[tokio::test]
async fn a_handler_that_fails_leaves_its_step_open_and_the_next_undo_goes_on_there() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.whole_request().await;
    let report = teller.undo(&World::failing_from(2)).await;
    assert_eq!(report.steps.iter().filter(|step| is_done(&step.end)).count(), 2);
    let failed = |step: &&moltbot_audit::undo::StepReport<_>| {
        matches!(step.end, StepEnd::Failed { error: "the provider answered 503", .. })
    };
    assert_eq!(report.steps.iter().filter(failed).count(), 3);
    assert!(!report.is_done());
    let world = World::default();
    let report = teller.undo(&world).await;
    let rest =
        ["shortlist.withdrawn", "vendor.outreach_withdrawn v1", "vendor.outreach_withdrawn v2"];
    assert_eq!(world.undone(), rest);
    assert!(report.is_done());
    assert_eq!(report.plan.undos.len(), 2);
    drop(fresh.keep);
}

#[tokio::test]
async fn what_comes_after_the_plan_is_not_undone_by_it() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.run(Teller::outreach("v1")).await;
    let plan = teller.plan().await;
    teller.run(Teller::outreach("v2")).await;
    let world = World::default();
    let undone = teller.auditor.undo(&plan, "Aline", "off", &world).await;
    let report = undone.expect("readable");
    assert_eq!(world.undone(), ["vendor.outreach_withdrawn v1"]);
    let sent = "vendor.outreach_sent";
    assert_eq!(progress(&report.plan), [(sent, Open), (sent, Done)]);
    drop(fresh.keep);
}

#[tokio::test]
async fn an_undo_is_not_undone_and_what_is_done_anew_has_a_step_anew() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.run(Teller::outreach("v1")).await;
    teller.message("searching").await;
    teller.undo(&World::default()).await;
    assert!(teller.plan().await.open().next().is_none(), "compensations are no steps");
    teller.run(Teller::outreach("v1")).await;
    let world = World::default();
    assert!(teller.undo(&world).await.is_done());
    assert_eq!(world.undone(), ["vendor.outreach_withdrawn v1"]);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_batch_is_undone_by_its_messages_or_as_a_whole_if_it_has_none() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let batch = |vendor: &str| {
        let vendor_ids = vec![vendor.to_owned()];
        Effect::vendor_batch(&BatchInput { vendor_ids, ..BatchInput::default() })
    };
    let with_parts = teller.auditor.effect(batch("v1").request(&teller.request));
    let sent = with_parts.run(async || {
        teller.run(Teller::outreach("v1")).await;
        Ok::<_, String>(json!({}))
    });
    sent.await.expect("it may run");
    teller.run(batch("v2")).await;
    let plan = teller.plan().await;
    let (batch, one) = ("vendor.batch_sent", "vendor.outreach_sent");
    assert_eq!(progress(&plan), [(batch, Open), (batch, Covered), (one, Open)]);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_host_declares_how_its_own_effects_are_undone() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let reserve = EventType::new("stock.reserved").expect("a name");
    let release = EventType::new("stock.released").expect("a name");
    let custom = || Effect::custom(reserve.clone(), Actor::System, json!({ "shelf": 4 }));
    teller.run(custom()).await;
    teller.run(custom().reversal(Reversal::Reversible { by: release.clone() })).await;
    let until = "2126-03-02T18:00:00Z".parse().expect("a time");
    let by = release.clone();
    let until = Some(Until::Time(until));
    teller.run(custom().reversal(Reversal::Compensable { by, until })).await;
    let plan = teller.plan().await;
    let reserved = "stock.reserved";
    assert_eq!(progress(&plan), [(reserved, Open), (reserved, Open), (reserved, Final)]);
    assert_eq!(
        plan.steps[0].until.map(|until| until.to_rfc3339()).as_deref(),
        Some("2126-03-02T18:00:00+00:00")
    );
    let world = World::default();
    assert!(teller.undo(&world).await.is_done());
    assert_eq!(world.undone(), ["stock.released", "stock.released"]);
    drop(fresh.keep);
}

#[tokio::test]
async fn what_a_host_withdrew_or_closed_itself_needs_no_step() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.whole_request().await;
    let told = AuditEvent::new(EventType::VENDOR_OUTREACH_WITHDRAWN, Actor::Admin);
    teller.record(told.input(json!({ "vendor_id": "v1" }))).await;
    teller.record(AuditEvent::new(EventType::SHORTLIST_WITHDRAWN, Actor::Admin)).await;
    teller.state(Some("handed_off"), "closed").await;
    let plan = teller.plan().await;
    let open: Vec<_> = plan.open().map(|step| step.event_type.as_str()).collect();
    assert_eq!(open, ["whatsapp.outbound_sent", "vendor.outreach_sent"]);
    assert_eq!(plan.open().last().and_then(|step| step.vendor_id.as_deref()), Some("v2"));
    drop(fresh.keep);
}

#[tokio::test]
async fn a_rehearsal_says_what_would_run_and_writes_nothing() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    teller.whole_request().await;
    let plan = teller.plan().await;
    let world = World::default();
    let rehearsed = teller.auditor.rehearse_undo(&plan, &world).await;
    let effects: Vec<_> = rehearsed
        .expect("readable")
        .into_iter()
        .map(|step| step.effect.expect("declared").0)
        .collect();
    let expected = [
        "request.state_changed",
        "whatsapp.outbound_sent",
        "shortlist.withdrawn",
        "vendor.outreach_withdrawn",
        "vendor.outreach_withdrawn",
    ];
    assert_eq!(effects, expected);
    assert!(world.undone().is_empty());
    assert_eq!(teller.plan().await, plan);
    drop(fresh.keep);
}

#[tokio::test]
async fn a_request_that_nobody_knows_or_a_person_without_a_name_undoes_nothing() {
    let fresh = stores::memory().await;
    let teller = Teller::on(fresh.store.clone());
    let unknown = teller.auditor.undo_plan(&fresh_request()).await;
    assert!(matches!(unknown, Err(UndoError::UnknownRequest { .. })), "{unknown:?}");
    teller.message("Muraho").await;
    let plan = teller.plan().await;
    for (by, reason) in [("", "off"), ("Aline", " ")] {
        let world = World::default();
        let refused = teller.auditor.undo(&plan, by, reason, &world).await;
        assert!(matches!(refused, Err(UndoError::Control(_))), "{refused:?}");
        assert!(world.undone().is_empty());
    }
    drop(fresh.keep);
}
