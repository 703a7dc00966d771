//! Contradictions in consents and calls.

use std::collections::HashMap;

use super::super::finding::Finding;
use super::super::typed_events::is_hidden;
use super::{Attempt, Consent, ConsentDecision, ConsentState, attempts, consents, decisions};
use crate::pack::PackEvent;

/// Answers before their question, calls that share an id, and calls without a valid consent.
pub(in crate::pack::sections) fn findings(events: &[PackEvent]) -> Vec<Finding> {
    let (decisions, unclear) = decisions(events);
    let attempts = attempts(events, &decisions, &unclear);
    let mut findings = early_answers(&consents(events), &decisions);
    let placed: Vec<_> = attempts.iter().filter(|attempt| !attempt.source.was_refused()).collect();
    let mut first: HashMap<&str, &Attempt> = HashMap::new();
    for attempt in placed {
        if let Some(id) = attempt.attempt_id.as_deref().filter(|id| !is_hidden(Some(id))) {
            if let Some(first) = first.get(id) {
                let seq = first.source.seq;
                let what = format!("the call has the id {id}, as the call of event {seq} has");
                findings.push(Finding::at(&attempt.source, what));
            }
            first.entry(id).or_insert(attempt);
        }
        if attempt.consent_granted == ConsentState::No {
            findings.push(Finding::at(&attempt.source, attempt.lacks_consent(&decisions)));
        }
    }
    findings
}

impl Attempt {
    fn lacks_consent(&self, decisions: &[ConsentDecision]) -> String {
        let Some(id) = self.consent_id.as_deref() else {
            return "the call names no consent".to_owned();
        };
        let is_word = |word: &&ConsentDecision| word.consent_id.as_deref() == Some(id);
        match decisions.iter().rfind(|word| is_word(word) && word.source.seq < self.source.seq) {
            Some(ConsentDecision { decision: "granted", source, .. }) if source.succeeded() => {
                format!(
                    "the call rests on {id}, which had lapsed (granted in event {})",
                    source.seq
                )
            }
            Some(ConsentDecision { decision, source, .. }) => {
                format!("the call rests on {id}, which event {} says is {decision}", source.seq)
            }
            None => format!("the call rests on {id}, which was not granted before it"),
        }
    }
}

/// Answers that were recorded before their question.
fn early_answers(consents: &[Consent], decisions: &[ConsentDecision]) -> Vec<Finding> {
    let mut first = HashMap::new();
    for consent in consents {
        first.entry(&consent.consent_id).or_insert(&consent.source);
    }
    let early = decisions.iter().filter_map(|word| {
        let id = word.consent_id.as_deref().filter(|id| !is_hidden(Some(id)))?;
        let asked = first.get(&word.consent_id)?;
        let what = format!("{id} is {} before event {} asks for it", word.decision, asked.seq);
        (word.source.seq < asked.seq).then(|| Finding::at(&word.source, what))
    });
    early.collect()
}
