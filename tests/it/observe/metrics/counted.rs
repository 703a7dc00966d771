//! Every stored record is counted, once, where it belongs.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use moltbot_audit::delivery::Spool;
use moltbot_audit::event::payload::{
    BatchInput, MoltbotCalled, MoltbotInput, MoltbotOutput, OcrInput, OcrJobDone, OcrOutput,
};
use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::testing::Fault;
use moltbot_audit::{Actor, AuditEvent, Effect, ErrorCode, EventType, Outcome, Switch};
use serde_json::{Value, json};

use super::{play, play_with, recorder, request};

fn event(event_type: EventType) -> AuditEvent {
    AuditEvent::new(event_type, Actor::System).request(&request())
}

fn failed(event: AuditEvent) -> AuditEvent {
    event.ended(Outcome::Failed, ErrorCode::ProviderError)
}

#[test]
fn known_series_start_at_0() {
    play(async |host| {
        for series in [
            "requests_created_total",
            "ocr_failures_total",
            "moltbot_output_rejected_total{reason=\"invalid_output\"}",
            "budget_refusals_total{kind=\"vendors\"}",
            "audit_events_total{event_type=\"vendor.outreach_sent\"}",
            "audit_append_failures_total{why=\"spool\"}",
        ] {
            assert_eq!(host.value(series), Some(0.0), "{series}");
        }
    });
}

/// Records an event, and sees what is counted, and what is not.
fn counts(event: AuditEvent, counted: &[&str], not_counted: &[&str]) {
    play(async |host| {
        let name = event.event_type.to_string();
        let of_type = format!("audit_events_total{{event_type=\"{name}\"}}");
        host.auditor.record(event).await.expect("recorded");
        for series in counted.iter().copied().chain([of_type.as_str()]) {
            host.settles(series, 1.0).await;
        }
        for series in not_counted {
            assert_eq!(host.value(series), Some(0.0), "{name}: {series}");
        }
    });
}

#[test]
fn requests_vendors_and_moltbot_are_counted_by_what_their_events_are() {
    counts(event(EventType::REQUEST_CREATED), &["requests_created_total"], &[]);
    let sent = || event(EventType::VENDOR_OUTREACH_SENT);
    counts(sent(), &["vendor_messages_sent_total"], &["vendor_replies_total"]);
    counts(failed(sent()), &[], &["vendor_messages_sent_total"]);
    counts(event(EventType::VENDOR_REPLY_RECORDED), &["vendor_replies_total"], &[]);
    let rejected = event(EventType::MOLTBOT_OUTPUT_REJECTED);
    counts(
        rejected.ended(Outcome::Failed, ErrorCode::InvalidOutput),
        &["moltbot_output_rejected_total{reason=\"invalid_output\"}"],
        &["moltbot_output_rejected_total{reason=\"other\"}"],
    );
    counts(
        event(EventType::MOLTBOT_CALLED),
        &["moltbot_calls_total{outcome=\"succeeded\"}"],
        &["moltbot_calls_total{outcome=\"failed\"}"],
    );
}

#[test]
fn an_ocr_job_fails_by_its_type_its_outcome_or_its_status() {
    let reading = |output: Value| event(EventType::OCR_JOB_DONE).output(output);
    let ended = "ocr_jobs_total";
    counts(reading(json!({})), &[ended], &["ocr_failures_total"]);
    counts(failed(reading(json!({}))), &[ended, "ocr_failures_total"], &[]);
    counts(reading(json!({ "status": "failed" })), &[ended, "ocr_failures_total"], &[]);
    counts(event(EventType::OCR_JOB_FAILED), &[ended, "ocr_failures_total"], &[]);
    counts(event(EventType::OCR_JOB_CREATED), &[], &[ended]);
}

#[test]
fn a_call_that_nobody_answers_or_that_is_not_placed_is_no_failure() {
    let status =
        |status: &str| event(EventType::CALL_STATUS_UPDATED).output(json!({ "status": status }));
    let (started, lost) = ("calls_started_total", "calls_failed_total");
    counts(event(EventType::CALL_STARTED), &[started], &[lost]);
    counts(failed(event(EventType::CALL_FAILED)), &[started, lost], &[]);
    let refused = event(EventType::CALL_FAILED).ended(Outcome::Refused, ErrorCode::NoConsent);
    counts(refused, &[], &[started, lost]);
    counts(status("failed"), &[lost], &[started]);
    counts(status("no_answer"), &[], &[started, lost]);
    counts(status("busy"), &[], &[started, lost]);
}

/// What is counted of events in the order in which they come; nothing more follows.
fn counts_of(events: Vec<AuditEvent>, counted: &[(&str, f64)]) {
    play(async |host| {
        for event in events {
            host.auditor.record(event).await.expect("recorded");
        }
        for (series, value) in counted {
            host.settles(series, *value).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        for (series, value) in counted {
            assert_eq!(host.value(series), Some(*value), "{series}");
        }
    });
}

#[test]
fn a_call_counts_once_however_often_it_is_reported() {
    let started = |attempt: &str, call: &str| {
        event(EventType::CALL_STARTED)
            .input(json!({ "attempt_id": attempt }))
            .output(json!({ "provider_call_id": call }))
    };
    let status = |input: Value| {
        event(EventType::CALL_STATUS_UPDATED).input(input).output(json!({ "status": "failed" }))
    };
    let mut events = vec![started("a1", "p1"), started("a2", "p2"), started("a3", "p3")];
    for _ in 0..6 {
        // The provider knows its own id, the host both.
        events.push(status(json!({ "provider_call_id": "p1" })));
        events.push(failed(event(EventType::CALL_FAILED).input(json!({ "attempt_id": "a1" }))));
        events.push(status(json!({ "attempt_id": "a2", "provider_call_id": "p2" })));
    }
    counts_of(events, &[("calls_started_total", 3.0), ("calls_failed_total", 2.0)]);
}

#[test]
fn a_message_counts_once_as_delivered_read_and_failed_whatever_is_reported_of_it() {
    let status = |id: &str, status: &str| {
        event(EventType::WHATSAPP_STATUS_UPDATED)
            .input(json!({ "provider_message_id": id }))
            .output(json!({ "status": status }))
    };
    let mut events = Vec::new();
    for _ in 0..2 {
        for (id, one) in [
            ("wamid.1", "read"),
            ("wamid.1", "delivered"),
            ("wamid.1", "sent"),
            ("wamid.2", "delivered"),
            ("wamid.3", "sent"),
            ("wamid.3", "failed"),
            ("wamid.4", "warped"),
        ] {
            events.push(status(id, one));
        }
    }
    // The host did not take the report.
    events.push(status("wamid.5", "failed").ended(Outcome::Refused, ErrorCode::InvalidState));
    counts_of(
        events,
        &[
            ("messages_delivered_total", 2.0),
            ("messages_read_total", 1.0),
            ("messages_failed_total", 1.0),
        ],
    );
}

#[test]
fn a_message_counts_one_reply_and_a_vendor_as_many_as_it_got_messages() {
    let to = |message: &str, vendor: &str| {
        event(EventType::VENDOR_OUTREACH_SENT)
            .input(json!({ "outreach_id": message, "vendor_id": vendor }))
    };
    let reply = |input: Value| event(EventType::VENDOR_REPLY_RECORDED).input(input);
    let events = vec![
        to("m1", "v1"),
        to("m2", "v2"),
        reply(json!({ "outreach_id": "m1", "vendor_id": "v1" })),
        // Delivered again, and a second thought that names no message.
        reply(json!({ "outreach_id": "m1", "vendor_id": "v1" })),
        reply(json!({ "vendor_id": "v1" })),
        reply(json!({ "vendor_id": "v2" })),
        to("m3", "v1"),
        reply(json!({ "vendor_id": "v1" })),
        reply(json!({ "vendor_id": "v1" })),
    ];
    counts_of(events, &[("vendor_messages_sent_total", 3.0), ("vendor_replies_total", 3.0)]);
}

#[test]
fn effects_and_admissions_are_timed() {
    play(async |host| {
        let clock = host.clock.clone();
        let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
        let call = async || {
            clock.advance(Duration::from_secs(7));
            Ok::<_, String>(json!(null))
        };
        host.auditor.effect(effect).run(call).await.expect("it ran");
        let own = EventType::new("host.fax_sent").expect("a type");
        let effect = Effect::custom(own, Actor::System, json!({}));
        host.auditor.effect(effect).run(async || Err::<Value, _>("no paper")).await.ok();
        host.settles("effect_seconds_count{effect=\"other\"}", 1.0).await;
        assert_eq!(host.value("effect_seconds_sum{effect=\"moltbot.called\"}"), Some(7.0));
        assert_eq!(host.value("audit_admit_seconds_count"), Some(2.0));
    });
}

#[test]
fn tokens_cost_and_confidence_are_what_the_outputs_say() {
    play(async |host| {
        let output = MoltbotOutput {
            input_tokens: Some(900),
            cache_read_input_tokens: Some(5_000),
            cache_creation_input_tokens: Some(70),
            output_tokens: Some(120),
            reasoning_output_tokens: Some(33),
            cost_microusd: Some(4_200),
            ..Default::default()
        };
        let called =
            AuditEvent::typed::<MoltbotCalled>(Actor::Moltbot, &MoltbotInput::default(), &output);
        host.auditor.record(called.expect("an event").request(&request())).await.expect("recorded");
        // A percentage is no confidence between 0 and 1.
        for confidence in [0.5, 0.91, 91.0, -1.0] {
            let output = OcrOutput { confidence: Some(confidence), ..Default::default() };
            let done =
                AuditEvent::typed::<OcrJobDone>(Actor::System, &OcrInput::default(), &output);
            host.auditor.record(done.expect("an event")).await.expect("recorded");
        }
        for (kind, tokens) in [
            ("input", 900.0),
            ("cache_read", 5_000.0),
            ("cache_creation", 70.0),
            ("output", 120.0),
            ("reasoning", 33.0),
        ] {
            host.settles(&format!("llm_tokens_total{{kind=\"{kind}\"}}"), tokens).await;
        }
        host.settles("llm_cost_microusd_total", 4_200.0).await;
        host.settles("ocr_jobs_total", 4.0).await;
        assert_eq!(host.value("ocr_confidence_count"), Some(2.0));
        assert_eq!(host.value("ocr_confidence_bucket{le=\"0.9\"}"), Some(1.0));
    });
}

#[test]
fn effects_are_counted_as_they_are_let_run_and_refused() {
    play(async |host| {
        let input = BatchInput {
            vendor_ids: (0..5).map(|nth| format!("v{nth}")).collect(),
            ..Default::default()
        };
        for _ in 0..4 {
            let effect = Effect::vendor_batch(&input).request(&request());
            drop(host.auditor.effect(effect).run(async || Ok::<_, String>(json!(null))).await);
        }
        host.settles("effects_admitted_total{switch=\"none\"}", 3.0).await;
        host.settles("budget_refusals_total{kind=\"vendor_batches\"}", 1.0).await;
        host.settles("effects_refused_total{reason=\"budget_exceeded\"}", 1.0).await;
        host.settles("budget_warnings_total{kind=\"vendors\"}", 1.0).await;
        host.settles("audit_events_total{event_type=\"vendor.batch_sent\"}", 3.0).await;
    });
}

#[test]
fn a_switch_that_is_engaged_is_counted_as_the_reason() {
    play(async |host| {
        host.auditor
            .kill_switch()
            .engage(&Switch::AI, "an operator", "a drill")
            .await
            .expect("set");
        let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
        drop(host.auditor.effect(effect).run(async || Ok::<_, String>(json!(null))).await);
        host.settles("effects_refused_total{reason=\"switched_off\"}", 1.0).await;
        host.settles("audit_events_total{event_type=\"switch.engaged\"}", 1.0).await;
        assert_eq!(host.value("effects_admitted_total{switch=\"ai\"}"), Some(0.0));
    });
}

#[test]
fn an_append_that_landed_and_failed_is_counted_once() {
    play(async |host| {
        host.sink.at_calls([1], Fault::landed());
        host.auditor.record(event(EventType::REQUEST_CREATED)).await.expect("recorded");
        host.settles("requests_created_total", 1.0).await;
        assert_eq!(host.sink.calls(), 2, "it was tried again");
    });
}

#[test]
fn what_is_not_stored_counts_as_a_failure_only() {
    play(async |host| {
        host.sink.every_call(Fault::not_landed());
        host.auditor.record(event(EventType::REQUEST_CREATED)).await.expect_err("not recorded");
        host.settles("audit_append_failures_total{why=\"store\"}", 1.0).await;
        assert_eq!(host.value("requests_created_total"), Some(0.0));
        assert_eq!(host.value("audit_events_total{event_type=\"request.created\"}"), Some(0.0));
    });
}

#[test]
fn what_is_spooled_is_counted_once_it_is_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    play_with(
        async |builder| builder.spool(Spool::open(folder.path()).await.expect("a spool")),
        async |host| {
            host.sink.every_call(Fault::not_landed());
            host.auditor.record(event(EventType::REQUEST_CREATED)).await.expect("spooled");
            host.settles("audit_spooled_events_total", 1.0).await;
            assert_eq!(host.value("requests_created_total"), Some(0.0), "it is not stored yet");
            host.sink.heal();
            host.settles("requests_created_total", 1.0).await;
            host.settles("audit_events_total{event_type=\"audit.spool_drained\"}", 1.0).await;
            assert_eq!(host.value("requests_created_total"), Some(1.0));
        },
    );
}

#[test]
fn the_time_to_the_first_shortlist_counts_from_the_requests_first_event() {
    play(async |host| {
        host.auditor.record(event(EventType::REQUEST_CREATED)).await.expect("recorded");
        host.clock.advance(Duration::from_secs(200));
        host.auditor.record(event(EventType::SHORTLIST_GENERATED)).await.expect("recorded");
        host.settles("time_to_shortlist_seconds_count", 1.0).await;
        assert_eq!(host.value("time_to_shortlist_seconds_sum"), Some(200.0));
        host.clock.advance(Duration::from_secs(500));
        host.auditor.record(event(EventType::SHORTLIST_GENERATED)).await.expect("recorded");
        host.settles("audit_events_total{event_type=\"shortlist.generated\"}", 2.0).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(host.value("time_to_shortlist_seconds_count"), Some(1.0), "a second is none");
    });
}

#[test]
fn verified_packs_are_counted_by_their_verdict() {
    play(async |host| {
        host.auditor.record(event(EventType::REQUEST_CREATED)).await.expect("recorded");
        let store = &**host.sink.inner();
        let pack = export_request_pack(store, &request(), &Profile::internal()).await;
        let json = pack.expect("a pack").to_json_pretty();
        verify_request_pack(json.as_bytes()).expect("untampered");
        let forged = json.replace("request.created", "request.deleted");
        verify_request_pack(forged.as_bytes()).expect_err("tampered");
        assert_eq!(host.value("audit_verifications_total{verdict=\"passed\"}"), Some(1.0));
        assert_eq!(host.value("audit_verifications_total{verdict=\"failed\"}"), Some(1.0));
    });
}

/// A recorder that panics at what is admitted.
struct Panics<R>(R);

impl<R: Recorder> Recorder for Panics<R> {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        assert!(key.labels().all(|label| label.value() != "effect.admitted"), "on purpose");
        self.0.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.0.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.0.register_histogram(key, metadata)
    }
}

#[test]
fn a_recorder_that_panics_takes_no_admission_with_it() {
    play(async |host| {
        let panics = Panics(recorder().build_recorder());
        let _panicking = metrics::set_default_local_recorder(&panics);
        let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
        let ran = host.auditor.effect(effect).run(async || Ok::<_, String>(json!(null))).await;
        ran.expect("it runs");
        assert!(host.auditor.in_doubt().await.expect("the store is up").is_empty());
    });
}
