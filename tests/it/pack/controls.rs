//! What kill switches, consents and keys let run, and what not.

use moltbot_audit::event::Identity;
use moltbot_audit::event::payload::{
    AdmissionInput, EffectExpired, EffectRefused, EffectReplayed, EffectResolved, ExpiryInput,
    Nothing, RefusalOutput, ReplayOutput, ResolutionInput,
};
use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventType, Outcome};
use serde_json::{Value, json};

use super::effects::{Effects, admission, called};

async fn refuse(effects: &Effects, input: AdmissionInput, output: RefusalOutput, code: ErrorCode) {
    let event = AuditEvent::typed::<EffectRefused>(Actor::System, &input, &output);
    let event = event.expect("payloads are JSON").ended(Outcome::Refused, code);
    effects.teller.tell(event).await;
}

/// One effect for each way to be let run or not.
async fn tell() -> Effects {
    let effects = Effects::new();
    let id = effects.admit("moltbot.called", Vec::new()).await;
    effects.end(id, called()).await;
    let asked = |effect: &str| admission(effects.fresh_id(), effect, Vec::new());
    let by_store = || RefusalOutput { switched_by: Some("store".into()), ..Default::default() };
    refuse(&effects, asked("moltbot.called"), by_store(), ErrorCode::SwitchedOff).await;
    let call = AdmissionInput {
        switches: vec!["calling".into()],
        consent_id: Some("consent-7".into()),
        ..asked("call.started")
    };
    refuse(&effects, call.clone(), by_store(), ErrorCode::CallingDisabled).await;
    refuse(&effects, call, RefusalOutput::default(), ErrorCode::ConsentDenied).await;
    let other = || RefusalOutput { other_effect_id: Some(id.to_string()), ..Default::default() };
    refuse(&effects, asked("moltbot.called"), other(), ErrorCode::KeyConflict).await;
    refuse(&effects, asked("moltbot.called"), other(), ErrorCode::InProgress).await;
    refuse(&effects, asked("moltbot.called"), other(), ErrorCode::Unavailable).await;
    let budget = RefusalOutput { budget: Some("tokens".into()), ..Default::default() };
    refuse(&effects, asked("moltbot.called"), budget, ErrorCode::BudgetExceeded).await;
    let again = ReplayOutput { other_effect_id: Some(id.to_string()), ..Default::default() };
    effects.teller.typed::<EffectReplayed>(Actor::System, asked("moltbot.called"), again).await;
    let lost = effects.admit("moltbot.called", Vec::new()).await;
    let expired = ExpiryInput {
        effect_id: Some(lost.to_string()),
        effect: Some("moltbot.called".into()),
        lease_until: Some(Effects::start()),
        ..Default::default()
    };
    effects.teller.typed::<EffectExpired>(Actor::System, expired, Nothing {}).await;
    let resolution = ResolutionInput {
        effect_id: Some(lost.to_string()),
        effect: Some("moltbot.called".into()),
        finding: Some("not_performed".into()),
        by: Some(Identity::host("Keza", "sso")),
        reason: Some("unseen".into()),
        ..Default::default()
    };
    effects.teller.typed::<EffectResolved>(Actor::Admin, resolution, Nothing {}).await;
    effects
}

#[tokio::test]
async fn each_way_to_be_let_run_or_not_is_told_where_it_belongs() {
    for (pack, _) in tell().await.packs().await {
        let content = &pack["controls"]["content"];
        let [ai, calling] = &content["switches"].as_array().expect("a list")[..] else {
            panic!("two switches: {content}")
        };
        assert_eq!((&ai["switch"], &calling["switch"]), (&json!("ai"), &json!("calling")));
        assert_eq!(ai["admitted"].as_array().map(Vec::len), Some(2));
        assert_eq!(ai["refused"][0]["error_code"], "switched_off");
        assert_eq!(ai["refused"][0]["switched_by"], "store");
        assert_eq!(calling["refused"][0]["error_code"], "calling_disabled");
        assert_eq!(calling["admitted"], json!([]));
        for (list, code) in [
            ("consent_refusals", "consent_denied"),
            ("conflicts", "key_conflict"),
            ("repeats", "in_progress"),
            ("other_refusals", "unavailable"),
        ] {
            let refusals = content[list].as_array().expect("a list");
            assert_eq!(refusals.len(), 1, "{list}: {refusals:?}");
            assert_eq!(refusals[0]["error_code"], code);
        }
        let first = &pack["events"][1]["header"]["id"];
        assert_eq!(&content["conflicts"][0]["other_effect_id"], first);
        assert_eq!(&content["replays"][0]["other_effect_id"], first);
        assert_eq!(content["expirations"][0]["lease_until"], "2026-09-21T14:13:20Z");
        assert_eq!(content["resolutions"][0]["finding"], "not_performed");
        assert!(
            content["switches_set"].as_str().is_some_and(|at| at.contains("stream of the system"))
        );
        assert_eq!(pack["budgets"]["content"]["refusals"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn who_resolved_what_and_why_is_shown_inside_only() {
    let [(internal, _), (external, _)] = tell().await.packs().await;
    let resolution = |pack: &Value| pack["controls"]["content"]["resolutions"][0].clone();
    assert_eq!(
        resolution(&internal)["by"],
        json!({ "how": "host", "who": "Keza", "method": "sso" })
    );
    assert_eq!(resolution(&internal)["reason"], "unseen");
    let hidden = json!({ "how": "host", "who": "[hidden]", "method": "[hidden]" });
    assert_eq!(resolution(&external)["by"], hidden);
    assert_eq!(resolution(&external)["reason"], "[hidden]");
    assert!(!external.to_string().contains("Keza") && !external.to_string().contains("unseen"));
    // The consent is one of the host's own ids.
    let consent = &external["controls"]["content"]["consent_refusals"][0]["consent_id"];
    assert!(consent.as_str().is_some_and(|id| id.starts_with("consent-") && id != "consent-7"));
}

#[tokio::test]
async fn a_claim_is_never_shown_as_known() {
    let effects = Effects::new();
    let id = effects.admit("moltbot.called", Vec::new()).await;
    // A program sealed these, and so nobody but a program says so.
    let told = [
        json!({ "how": "session", "who": "postgres", "claimed": "Keza" }),
        json!({
            "how": "jwt", "who": "a-subject", "role": "authenticated", "email": "k***@***.rw",
            "session_user": "authenticator", "claimed": "keza@example.rw",
        }),
        json!({ "how": "notary", "who": "Keza" }),
        json!("{\"how\":\"session\",\"who\":\"postgres\"}"),
        json!({ "how": "claimed", "who": "Keza" }),
    ];
    for by in &told {
        let input = json!({ "effect_id": id, "finding": "performed", "by": by, "reason": "seen" });
        let event = AuditEvent::new(EventType::EFFECT_RESOLVED, Actor::Admin).input(input);
        effects.teller.tell(event).await;
    }
    for (pack, _) in effects.packs().await {
        let resolutions = pack["controls"]["content"]["resolutions"].as_array().expect("a list");
        assert_eq!(resolutions.len(), told.len());
        for resolution in resolutions {
            assert_eq!(resolution["by"]["how"], "claimed", "{resolution}");
            assert!(resolution["by"].get("role").is_none(), "{resolution}");
        }
        assert!(!pack.to_string().contains("keza@example"), "an address is masked");
        // Nor can a forger change what the section says, or what the event says.
        for at in ["/controls/content/resolutions/4/by/how", "/events/5/input/value/by/how"] {
            let mut forged = pack.clone();
            *forged.pointer_mut(at).expect(at) = json!("host");
            let verified = verify_request_pack(forged.to_string().as_bytes());
            assert!(verified.is_err(), "{at}");
        }
    }
}

#[tokio::test]
async fn a_reason_of_the_hosts_own_code_is_shown_outside_as_before() {
    let effects = Effects::new();
    let step = json!({ "to_state": "collecting_requirements", "reason": "new_request" });
    let event = AuditEvent::new(EventType::REQUEST_STATE_CHANGED, Actor::System);
    effects.teller.tell(event.input(step)).await;
    for event_type in [EventType::SWITCH_ENGAGED, EventType::SWITCH_RESET] {
        let flip = json!({ "switch": "ai", "by": "keza", "reason": "unseen" });
        effects.teller.tell(AuditEvent::new(event_type, Actor::Admin).input(flip)).await;
    }
    let [(internal, _), (external, _)] = effects.packs().await;
    assert_eq!(external["events"][0]["input"]["value"]["reason"], "new_request");
    for flip in [1, 2] {
        let shown = &external["events"][flip]["input"]["value"];
        assert_eq!(shown, &json!({ "switch": "ai", "by": "[hidden]", "reason": "[hidden]" }));
        assert_eq!(internal["events"][flip]["input"]["value"]["reason"], "unseen");
    }
    assert_eq!(internal["controls"]["status"], "empty");
}
