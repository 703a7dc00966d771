//! Compensations that contradict the record.

use std::collections::{HashMap, HashSet};

use super::act::Act;
use super::compensation::Compensation;
use crate::pack::SetAsideEvent;
use crate::pack::sections::Finding;
use crate::pack::sections::budgets::EffectState;

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
