//! Compensations: effects whose admission names what they reverse.

use std::collections::HashMap;

use uuid::Uuid;

use crate::event::payload::EffectAdmitted;
use crate::pack::PackEvent;
use crate::pack::sections::budgets::{AdmittedEffect, EffectState};
use crate::pack::sections::typed_events::{Source, typed};

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
