//! Compensations: effects whose admission names what they reverse.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::act::Act;
use crate::event::payload::EffectAdmitted;
use crate::pack::sections::Finding;
use crate::pack::sections::budgets::{AdmittedEffect, EffectState};
use crate::pack::sections::typed_events::{Source, typed};
use crate::pack::{PackEvent, SetAsideEvent};

/// One compensation.
pub(super) struct Compensation {
    /// The event that admitted it.
    pub(super) intent: Source,
    pub(super) effect_id: Uuid,
    /// The act that it reverses, if the id can be read.
    pub(super) reverses: Option<Uuid>,
    pub(super) state: EffectState,
}

/// In the order of the stream.
pub(super) fn compensations(events: &[PackEvent], effects: &[AdmittedEffect]) -> Vec<Compensation> {
    let reverses: HashMap<_, _> = typed::<EffectAdmitted>(events)
        .filter_map(|typed| Some((typed.source.event_id, typed.input.reverses?)))
        .collect();
    let compensation = |effect: &AdmittedEffect| {
        let reverses = reverses.get(&effect.source.event_id)?;
        Some(Compensation {
            intent: effect.source.clone(),
            effect_id: effect.effect_id,
            reverses: reverses.parse().ok(),
            state: effect.state,
        })
    };
    effects.iter().filter_map(compensation).collect()
}

/// Compensations of nothing, of something that was undone before, and those that came too late.
pub(super) fn findings(
    acts: &[Act],
    compensations: &[Compensation],
    set_aside: &[SetAsideEvent],
) -> Vec<Finding> {
    let by_id: HashMap<_, _> = acts.iter().map(|act| (act.id, act)).collect();
    let set_aside: HashSet<_> = set_aside.iter().filter_map(|event| event.id).collect();
    let mut undone = HashMap::new();
    let mut findings = Vec::new();
    for one in compensations {
        let Some(reverses) = one.reverses else {
            findings.push(Finding::at(&one.intent, "it reverses what has no id of an event"));
            continue;
        };
        let Some(act) = by_id.get(&reverses).filter(|act| act.source.seq < one.intent.seq) else {
            if !set_aside.contains(&reverses) {
                let what =
                    format!("it reverses {reverses}, which nothing before it in the request is");
                findings.push(Finding::at(&one.intent, what));
            }
            continue;
        };
        let was_admitted = !matches!(one.state, EffectState::Voided);
        if act.undoing.until.is_some_and(|until| was_admitted && until < one.intent.recorded_at) {
            let what = format!("it reverses {reverses} after the deadline of that");
            findings.push(Finding::at(&one.intent, what));
        }
        if one.state == EffectState::Done
            && let Some(before) = undone.insert(reverses, one.intent.seq)
        {
            let what = format!("it reverses {reverses} again, as event {before} did");
            findings.push(Finding::at(&one.intent, what));
        }
    }
    findings
}
