//! What a disclosure claims is compared with the record, and what a pack claims with its events.

use moltbot_audit::Actor;
use moltbot_audit::event::payload::{DisclosureInput, Nothing, RequestCreated, RequestInput};
use moltbot_audit::pack::{VerifyError, verify_request_pack};
use serde_json::{Value, json};

use super::{TOLD, Talk, wamid};
use crate::pack::both_packs;
use crate::pack::sections::findings;
use crate::support::forger::{Chain, Forger};

#[tokio::test]
async fn a_disclosure_of_an_earlier_request_is_the_hosts_word_and_no_finding() {
    for target_role in [None, Some("client".to_owned())] {
        let talk = Talk::new();
        let earlier = talk.teller.auditor().event_id().expect("an id");
        talk.discloses(DisclosureInput { target_role, ..Talk::naming(earlier) }).await;
        talk.asks("a").await;
        assert_eq!(talk.verdict().await, ("elsewhere".to_owned(), vec![]));
        // One that this pack shows is better.
        talk.informs("d").await;
        assert_eq!(talk.verdict().await.0, "elsewhere");
    }
    // One that names no message at all is nobody's word.
    let talk = Talk::new();
    talk.discloses(DisclosureInput::of(TOLD, "en")).await;
    talk.asks("a").await;
    assert_eq!(talk.verdict().await.0, "never");
    // The id of the message says when it was sent.
    let talk = Talk::new();
    talk.asks("a").await;
    let later = talk.teller.auditor().event_id().expect("an id");
    talk.discloses(Talk::naming(later)).await;
    assert_eq!(talk.verdict().await.0, "later");
}

#[tokio::test]
async fn contradictions_of_a_disclosure_are_findings() {
    let talk = Talk::new();
    let request = RequestInput { language: Some("rw".into()), ..Default::default() };
    talk.teller.typed::<RequestCreated>(Actor::System, request, Nothing {}).await;
    let one = talk.tell(Talk::to_client(TOLD, "a"), None).await;
    talk.tell(Talk::to_client(TOLD, "b"), None).await;
    talk.discloses(DisclosureInput { provider_message_id: Some(wamid("b")), ..Talk::naming(one) })
        .await;
    let vendor = DisclosureInput { vendor_id: Some("v1".into()), ..Talk::naming(one) };
    talk.discloses(DisclosureInput { target_role: Some("vendor".into()), ..vendor }).await;
    let (_, findings) = talk.said().await;
    let language = "the disclosure is in en, and the client's language is rw";
    assert_eq!(
        findings,
        [
            "4: the disclosure names two messages: one by its event, another by the provider's id",
            &format!("4: {language}"),
            "5: the disclosure names another recipient than its message has",
            &format!("5: {language}"),
        ]
    );
    // Region and case say nothing.
    let talk = Talk::new();
    let request = RequestInput { language: Some("EN_rw".into()), ..Default::default() };
    talk.teller.typed::<RequestCreated>(Actor::System, request, Nothing {}).await;
    talk.informs("d").await;
    assert_eq!(talk.said().await.1, [] as [&str; 0]);
}

#[tokio::test]
async fn a_message_with_another_text_carries_no_disclosure() {
    let talk = Talk::new();
    let message = talk.tell(Talk::to_client("Welcome to our shops.", "d"), None).await;
    talk.discloses(Talk::naming(message)).await;
    talk.asks("a").await;
    let [internal, external] = both_packs(&*talk.store, &talk.teller.request).await;
    let of = |pack: &Value| pack["ai_disclosure"]["content"]["recipients"][0].clone();
    assert_eq!(of(&internal)["verdict"], "never");
    let findings = findings(&internal);
    assert_eq!(
        findings[0],
        "2: no line of the message that carried the disclosure (event 1) has its digest"
    );
    assert_eq!(findings.len(), 2, "{findings:?}");
    // What a reader may not see, the verifier does not judge, and it says so.
    let carried = &of(&external)["disclosures"][0]["message"];
    assert_eq!(
        (&of(&external)["verdict"], &carried["text_check"]),
        (&json!("sent_before"), &json!("not_shown"))
    );
}

#[tokio::test]
async fn a_pack_that_says_otherwise_is_refused() {
    let talk = Talk::new();
    talk.asks("a").await;
    talk.informs("d").await;
    for pack in both_packs(&*talk.store, &talk.teller.request).await {
        for (pointer, forged) in [
            ("/verdict", json!("delivered_before")),
            ("/recipients/0/verdict", json!("delivered_before")),
            ("/recipients/0/first_ai_message", Value::Null),
            ("/recipients", json!([])),
        ] {
            let mut pack = pack.clone();
            *pack["ai_disclosure"]["content"].pointer_mut(pointer).expect("it is there") = forged;
            let refused = verify_request_pack(pack.to_string().as_bytes());
            let refused = refused.expect_err("it says otherwise");
            let VerifyError::Section { section, .. } = refused else { panic!("{refused}") };
            assert_eq!(section, "ai_disclosure");
        }
        // Whoever hides what the verdict rests on does not get a better one unnoticed.
        let disclosed = Forger::of(&pack).first("ai.disclosed");
        for pointer in ["/input/text_digest", "/input/outbound_event_id", "/input"] {
            for rule in ["not_of_kind", "not_listed", "id", "contact"] {
                let mut forger = Forger::of(&pack);
                forger.hide(disclosed, pointer, rule, json!("[hidden]"));
                if let Ok(verified) = forger.verify(Chain::Untouched) {
                    assert!(!verified.unchecked().is_empty(), "{pointer} {rule}");
                }
            }
        }
    }
}
