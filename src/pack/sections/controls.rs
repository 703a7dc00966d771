//! What kill switches, consents and idempotency keys let run, and what they refused.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::budgets::is_of_budget;
use super::stops::{Stop, StopVerdict, stops};
use super::typed_events::{OtherShape, Source, typed};
use crate::event::payload::{
    EffectAdmitted, EffectExpired, EffectRefused, EffectReplayed, EffectResolved,
};
use crate::event::{ErrorCode, Identity};
use crate::pack::{PackEvent, Section, SetAsideEvent};

/// What was admitted, and what was refused for other reasons than limits.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Controls {
    /// What each kill switch let run in this request, and what it stopped, by name.
    pub switches: Vec<SwitchUse>,
    /// The stream that says who set a switch everywhere, when and why.
    pub switches_set: &'static str,
    /// When a switch was engaged for this request, or for a conversation that it is in.
    pub stops: Vec<Stop>,
    /// Whether anything that the switch governs ran inside one of them.
    pub check: StopVerdict,
    /// Effects without a consent, or with one that had lapsed.
    pub consent_refusals: Vec<ControlRefusal>,
    /// Effects whose idempotency key belonged to another input.
    pub conflicts: Vec<ControlRefusal>,
    /// Effects that had begun before and were running or in doubt.
    pub repeats: Vec<ControlRefusal>,
    /// Effects that were refused for another reason.
    pub other_refusals: Vec<ControlRefusal>,
    /// Effects that were answered from the record of their first run.
    pub replays: Vec<Replayed>,
    /// Effects whose lease ended without an outcome.
    pub expirations: Vec<Expiration>,
    /// What operators found out about effects in doubt.
    pub resolutions: Vec<Resolution>,
}

/// One kill switch, as far as this request met it.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SwitchUse {
    /// The switch.
    pub switch: String,
    /// Effects that it let run, by the events that admitted them.
    pub admitted: Vec<Source>,
    /// Effects whose outcome says that it was engaged while they ran.
    pub stopped: Vec<Source>,
    /// Effects that it stopped.
    pub refused: Vec<ControlRefusal>,
}

/// An effect that was refused.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ControlRefusal {
    /// The event that records it. Its error code says why.
    #[serde(flatten)]
    pub source: Source,
    /// What was refused, by the event type under which its success is recorded.
    pub effect: Option<String>,
    /// The version of the host's policy that was in force.
    pub policy_version: Option<String>,
    /// What said that the switch is engaged: `environment`, `store` or `unknown`.
    pub switched_by: Option<String>,
    /// Where it was engaged: `conversation` or `request`. None everywhere.
    pub switch_scope: Option<String>,
    /// The event that engaged it there.
    pub switch_event_id: Option<String>,
    /// The consent it would have rested on.
    pub consent_id: Option<String>,
    /// The effect that holds, or held, its idempotency key.
    pub other_effect_id: Option<String>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// An effect that was answered from the record of its first run.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Replayed {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// What it was.
    pub effect: Option<String>,
    /// The effect whose output was given again.
    pub other_effect_id: Option<String>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// A lease that ended without an outcome.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Expiration {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The effect.
    pub effect_id: Option<String>,
    /// What it was.
    pub effect: Option<String>,
    /// When the lease ended.
    pub lease_until: Option<DateTime<Utc>>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

/// What an operator found out about an effect in doubt.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Resolution {
    /// The event that records it.
    #[serde(flatten)]
    pub source: Source,
    /// The effect.
    pub effect_id: Option<String>,
    /// What it was.
    pub effect: Option<String>,
    /// `performed` or `not_performed`.
    pub finding: Option<String>,
    /// Who found it out, and how that is known.
    pub by: Option<Identity>,
    /// How.
    pub reason: Option<String>,
    /// The payload as it is, if it does not have the shape of its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_shape: Option<OtherShape>,
}

pub(super) fn section(
    events: &[PackEvent],
    set_aside: &[SetAsideEvent],
    switch_events: &[PackEvent],
) -> Section<Controls> {
    let (stops, check) = stops(events, set_aside, switch_events);
    let mut content = Controls {
        switches: Vec::new(),
        // They govern all requests, and a pack is a function of one request's events.
        switches_set: "switches are set for all requests: who set them, when and why is recorded in \
                       the stream of the system, which is exported on its own",
        stops,
        check,
        consent_refusals: Vec::new(),
        conflicts: Vec::new(),
        repeats: Vec::new(),
        other_refusals: Vec::new(),
        replays: replays(events),
        expirations: expirations(events),
        resolutions: resolutions(events),
    };
    content.switches = refuse(&mut content, events);
    let lists = [
        content.switches.len(),
        content.stops.len(),
        content.consent_refusals.len(),
        content.conflicts.len(),
        content.repeats.len(),
        content.other_refusals.len(),
        content.replays.len(),
        content.expirations.len(),
        content.resolutions.len(),
    ];
    if lists == [0; 9] { Section::Empty } else { Section::Recorded { content } }
}

/// Sorts the refusals, and returns those by a switch together with what the switch let run.
fn refuse(content: &mut Controls, events: &[PackEvent]) -> Vec<SwitchUse> {
    let (mut switches, mut effects) = (BTreeMap::new(), BTreeSet::new());
    for typed in typed::<EffectAdmitted>(events) {
        effects.extend(typed.input.effect_id);
        for switch in typed.input.switches {
            entry(&mut switches, switch).admitted.push(typed.source.clone());
        }
    }
    let is_effect = |event: &&PackEvent| effects.contains(&event.header.id.to_string());
    for event in events.iter().filter(is_effect) {
        if let Some(switch) = event.output.value.get("stopped_by").and_then(Value::as_str) {
            entry(&mut switches, switch.to_owned()).stopped.push(Source::of(event));
        }
    }
    for typed in typed::<EffectRefused>(events).filter(|typed| !is_of_budget(&typed.source)) {
        // Its own switch comes first, and counts if the event does not say which switch it was.
        let switch = typed.output.switch.or_else(|| typed.input.switches.into_iter().next());
        let refusal = ControlRefusal {
            source: typed.source,
            effect: typed.input.effect,
            policy_version: typed.input.policy_version,
            switched_by: typed.output.switched_by,
            switch_scope: typed.output.switch_scope,
            switch_event_id: typed.output.switch_event_id,
            consent_id: typed.input.consent_id,
            other_effect_id: typed.output.other_effect_id,
            other_shape: typed.other_shape,
        };
        let code = refusal.source.error_code.as_deref().and_then(ErrorCode::parse);
        let list = match (code, switch) {
            (Some(ErrorCode::SwitchedOff | ErrorCode::CallingDisabled), Some(switch)) => {
                &mut entry(&mut switches, switch).refused
            }
            (
                Some(ErrorCode::NoConsent | ErrorCode::ConsentDenied | ErrorCode::ConsentExpired),
                _,
            ) => &mut content.consent_refusals,
            (Some(ErrorCode::KeyConflict), _) => &mut content.conflicts,
            (Some(ErrorCode::InDoubt | ErrorCode::InProgress), _) => &mut content.repeats,
            _ => &mut content.other_refusals,
        };
        list.push(refusal);
    }
    switches.into_values().collect()
}

fn entry(switches: &mut BTreeMap<String, SwitchUse>, switch: String) -> &mut SwitchUse {
    switches.entry(switch.clone()).or_insert_with(|| SwitchUse {
        switch,
        admitted: Vec::new(),
        stopped: Vec::new(),
        refused: Vec::new(),
    })
}

fn replays(events: &[PackEvent]) -> Vec<Replayed> {
    let replayed = typed::<EffectReplayed>(events).map(|typed| Replayed {
        source: typed.source,
        effect: typed.input.effect,
        other_effect_id: typed.output.other_effect_id,
        other_shape: typed.other_shape,
    });
    replayed.collect()
}

fn expirations(events: &[PackEvent]) -> Vec<Expiration> {
    let expired = typed::<EffectExpired>(events).map(|typed| Expiration {
        source: typed.source,
        effect_id: typed.input.effect_id,
        effect: typed.input.effect,
        lease_until: typed.input.lease_until,
        other_shape: typed.other_shape,
    });
    expired.collect()
}

fn resolutions(events: &[PackEvent]) -> Vec<Resolution> {
    let resolved = typed::<EffectResolved>(events).map(|typed| Resolution {
        by: typed.known(typed.input.by.clone()),
        source: typed.source,
        effect_id: typed.input.effect_id,
        effect: typed.input.effect,
        finding: typed.input.finding,
        reason: typed.input.reason,
        other_shape: typed.other_shape,
    });
    resolved.collect()
}
