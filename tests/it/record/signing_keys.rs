//! Which key signs packs is an event, with who said so.

use moltbot_audit::pack::PackSigner;
use moltbot_audit::record::StoredRecord;
use moltbot_audit::store::AuditStore;
use moltbot_audit::{Auditor, StreamId};
use serde_json::json;

use crate::support::records::KEY;
use crate::support::signing::{NAME, signer};
use crate::support::stores;

/// What the system stream says of signing keys.
async fn rotations(store: &dyn AuditStore) -> Vec<StoredRecord> {
    let stream = store.read_stream(StreamId::SYSTEM).await.expect("it is there");
    let records = stream.expect("it was written to").records.into_iter();
    records.filter(|record| record.header.event_type == "audit.signing_key_rotated").collect()
}

#[tokio::test]
async fn each_key_that_is_put_to_use_is_in_the_system_stream() {
    for fresh in [stores::memory().await, stores::sqlite().await, stores::postgres().await] {
        let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
        let (first, second) = (signer(1), signer(2));
        let key = PackSigner::verifier_key;
        let put = auditor.record_signing_key(key(&first), None, "Aline", "the first key");
        put.await.expect("it is recorded");
        let put = auditor.record_signing_key(key(&second), Some(key(&first)), "Aline", "leaked");
        let receipt = *put.await.expect("it is recorded").receipt().expect("the store is there");

        let records = rotations(&*fresh.store).await;
        assert_eq!(records.len(), 2);
        let text = |signer| key(signer).to_string();
        let by = json!({ "how": "claimed", "who": "Aline" });
        assert_eq!(
            records[0].input,
            Some(json!({ "verifier_key": text(&first), "by": by, "reason": "the first key" }))
        );
        assert_eq!(
            records[1].input,
            Some(json!({
                "previous_verifier_key": text(&first), "verifier_key": text(&second),
                "by": by, "reason": "leaked",
            }))
        );
        assert!(records.iter().all(|record| record.header.actor == "admin"));
        assert_eq!(records[1].chain_hash, receipt.chain_hash);
        // No part of either secret went the same way.
        let written = format!("{:?}", records.iter().map(|row| &row.input).collect::<Vec<_>>());
        for signer in [&first, &second] {
            let secret = signer.to_signing_key();
            assert!(!written.contains(secret.rsplit_once('+').expect("three parts").1));
            assert!(written.contains(NAME));
        }
    }
}

/// A host that hands a signing key on by mistake has not recorded it.
#[tokio::test]
async fn a_signing_key_never_enters() {
    let fresh = stores::memory().await;
    let auditor = Auditor::builder(fresh.store.clone(), KEY).build();
    let secret = signer(1).to_signing_key();
    let by = format!("Aline with {}", *secret);
    let recorded = auditor.record_signing_key(signer(2).verifier_key(), None, by, &secret).await;
    recorded.expect("it is recorded");
    let input = format!("{:?}", rotations(&*fresh.store).await[0].input);
    assert!(!input.contains(secret.rsplit_once('+').expect("three parts").1), "{input}");
    assert!(input.contains("Aline with"), "{input}");
}
