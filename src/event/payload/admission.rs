//! Payloads of the library's own events: admission, refusal, resolution, switches.

use chrono::{DateTime, Utc};

use super::{Nothing, event, payload};
use crate::event::Identity;

event! {
    /// An effect may run.
    EffectAdmitted = EFFECT_ADMITTED(AdmissionInput, Nothing);
    /// An effect may not run.
    EffectRefused = EFFECT_REFUSED(AdmissionInput, RefusalOutput);
    /// An effect was answered from its record.
    EffectReplayed = EFFECT_REPLAYED(AdmissionInput, ReplayOutput);
    /// A lease ended without an outcome.
    EffectExpired = EFFECT_EXPIRED(ExpiryInput, Nothing);
    /// An operator found out how an effect ended.
    EffectResolved = EFFECT_RESOLVED(ResolutionInput, Nothing);
    /// A person began to undo a request.
    UndoStarted = EFFECT_UNDO_STARTED(UndoInput, Nothing);
    /// A budget is nearly used up.
    BudgetWarned = BUDGET_WARNED(BudgetWarningInput, Nothing);
    /// The redaction key was replaced.
    KeyRotated = AUDIT_KEY_ROTATED(KeyRotationInput, Nothing);
    /// The key that signs packs was replaced, or is the first one.
    SigningKeyRotated = AUDIT_SIGNING_KEY_ROTATED(SigningKeyRotationInput, Nothing);
    /// A kill switch was engaged.
    SwitchEngaged = SWITCH_ENGAGED(SwitchInput, Nothing);
    /// The time limit of a kill switch ended.
    SwitchLapsed = SWITCH_LAPSED(SwitchInput, Nothing);
    /// A kill switch was reset.
    SwitchReset = SWITCH_RESET(SwitchInput, Nothing);
}

payload! {
    /// Which effect asked to run, and under which limits.
    AdmissionInput {
        /// The id of the event that records how it ended.
        effect_id: Option<String>,
        /// The event type under which its success is recorded.
        effect: Option<String>,
        /// The version of the host's policy whose limits are in force.
        policy_version: Option<String>,
        /// The kill switches that govern it: its own, then those of the effects inside which it runs.
        switches: Vec<String>,
        /// What it is charged, all of it or nothing.
        charges: Vec<ChargeInput>,
        /// The longest that a request without a shortlist may take, in milliseconds.
        elapsed_max_ms: Option<u64>,
        /// How long it may take before it is in doubt, in milliseconds.
        lease_ms: Option<u64>,
        /// The consent it rests on.
        consent_id: Option<String>,
        /// How long after it was recorded a grant of it holds that does not say when it lapses, in
        /// milliseconds.
        consent_lifetime_ms: Option<u64>,
        /// Keyed hash of the idempotency key, 64 hex digits.
        key_hash: Option<String>,
        /// Keyed hash of the input, 64 hex digits.
        input_hash: Option<String>,
        /// Whether it can be undone: `reversible`, `compensable` or `final`.
        reversal: Option<String>,
        /// The event type of the effect that undoes it, or corrects it if it is final.
        compensation: Option<String>,
        /// How long after its outcome was recorded it can be compensated, in milliseconds.
        compensable_within_ms: Option<u64>,
        /// Until when it can be compensated.
        compensable_until: Option<DateTime<Utc>>,
        /// The event that it undoes.
        reverses: Option<String>,
    }

    /// Which redaction key, by which.
    KeyRotationInput {
        /// The fingerprint of the key that was in use, 32 hex digits.
        previous_fingerprint: Option<String>,
        /// That of the key in use from now on.
        fingerprint: Option<String>,
    }

    /// Which key signs packs from now on, and who says so. All of it is public.
    SigningKeyRotationInput {
        /// The verifier key of the key that signed until now: `NAME+ID+BASE64`.
        previous_verifier_key: Option<String>,
        /// That of the key that signs from now on.
        verifier_key: Option<String>,
        /// Who replaced it.
        by: Option<Identity>,
        /// Why.
        reason: Option<String>,
    }

    /// A charge to one budget.
    ChargeInput {
        /// The budget.
        budget: Option<String>,
        /// `request` or `day`.
        period: Option<String>,
        /// How much is held until the outcome is known.
        amount: Option<i64>,
        /// The most that may be used.
        limit: Option<i64>,
    }

    /// What stood in the way. The error code says which kind it is.
    RefusalOutput {
        /// The budget that would have passed its limit.
        budget: Option<String>,
        /// Its period.
        period: Option<String>,
        /// What of it was used.
        used: Option<i64>,
        /// What was asked for.
        amount: Option<i64>,
        /// Its limit.
        limit: Option<i64>,
        /// How long the request had taken, in milliseconds.
        elapsed_ms: Option<u64>,
        /// The kill switch that is engaged.
        switch: Option<String>,
        /// What said that the switch is engaged: `environment`, `store` or `unknown`.
        switched_by: Option<String>,
        /// Where it is engaged: `conversation` or `request`. Everywhere if it is not said.
        switch_scope: Option<String>,
        /// The event that engaged it there.
        switch_event_id: Option<String>,
        /// The effect that holds, or held, the idempotency key.
        other_effect_id: Option<String>,
    }

    /// Where the answer came from.
    ReplayOutput {
        /// The effect whose output was given again.
        other_effect_id: Option<String>,
    }

    /// Which lease ended.
    ExpiryInput {
        /// The effect.
        effect_id: Option<String>,
        /// What it was.
        effect: Option<String>,
        /// When the lease ended.
        lease_until: Option<DateTime<Utc>>,
    }

    /// What was found out.
    ResolutionInput {
        /// The effect.
        effect_id: Option<String>,
        /// What it was.
        effect: Option<String>,
        /// `performed` or `not_performed`.
        finding: Option<String>,
        /// Who found it out.
        by: Option<Identity>,
        /// How.
        reason: Option<String>,
    }

    /// Who undoes a request, and why.
    UndoInput {
        /// Who.
        by: Option<Identity>,
        /// Why.
        reason: Option<String>,
    }

    /// What is nearly used up.
    BudgetWarningInput {
        /// The budget; `elapsed_ms` where it is the request's time.
        budget: Option<String>,
        /// `request` or `day`.
        period: Option<String>,
        /// What of it is used.
        used: Option<i64>,
        /// The limit.
        limit: Option<i64>,
    }

    /// Who switched what, and why.
    SwitchInput {
        /// The switch.
        switch: Option<String>,
        /// Where: `conversation` or `request`, which is the event's own. Everywhere if it is not said.
        scope: Option<String>,
        /// Until when it is engaged, by the database's clock; without a limit if it is not said.
        until: Option<DateTime<Utc>>,
        /// Who.
        by: Option<Identity>,
        /// Why.
        reason: Option<String>,
    }
}
