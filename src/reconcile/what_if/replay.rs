//! Replays one request.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Deserialize as _;
use serde_json::Value;
use uuid::Uuid;

use super::alternative::Alternative;
use super::report::{NotReplayable, Replayed, WouldBeRefused, WouldRefuse};
use crate::event::payload::AdmissionInput;
use crate::event::{Budget, ErrorCode, EventType, Outcome, Period, SwitchScope};
use crate::policy::{Demand, DemandError, Unpriced};
use crate::record::{Settlement, StoredRecord};
use crate::store::StreamSnapshot;
use crate::store::admission::rules::{Asked, ConsentWord, Facts, decide};
use crate::store::admission::{Charge, ConsentClaim, Obstacle};

/// A budget, how much of it was used, how much was asked for, and the limit.
type Used = (Budget, i64, i64, i64);

/// One request under other limits.
pub(super) struct Replay<'a> {
    alternative: &'a Alternative,
    heard_at: DateTime<Utc>,
    has_shortlist: bool,
    /// How much of each budget the request has used.
    used: BTreeMap<Budget, i64>,
    /// What admitted effects hold.
    held: HashMap<Uuid, Vec<(Budget, i64)>>,
    /// The last event about each consent.
    consents: HashMap<String, (String, DateTime<Utc>, Option<Value>)>,
    has_refusal: bool,
}

/// What an effect would ask for.
struct Question {
    charges: Vec<Charge>,
    consent: Option<ConsentClaim>,
    elapsed_max: Option<std::time::Duration>,
    switches: Vec<String>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(alternative: &'a Alternative, stream: &StreamSnapshot) -> Self {
        Self {
            alternative,
            heard_at: stream.head.started_at,
            has_shortlist: false,
            used: BTreeMap::new(),
            held: HashMap::new(),
            consents: HashMap::new(),
            has_refusal: false,
        }
    }

    pub(super) fn run(
        mut self,
        records: &[StoredRecord],
        report: &mut Replayed,
        on_refused: &mut impl FnMut(WouldBeRefused),
    ) {
        report.requests += 1;
        for record in records {
            self.take(record, report, on_refused);
        }
        report.requests_refused += u64::from(self.has_refusal);
    }

    fn take(
        &mut self,
        record: &StoredRecord,
        report: &mut Replayed,
        on_refused: &mut impl FnMut(WouldBeRefused),
    ) {
        let is = |event_type: &EventType| record.header.is(event_type);
        if is(&EventType::EFFECT_ADMITTED) {
            self.admit(record, report, on_refused);
        } else if is(&EventType::EFFECT_REFUSED) {
            self.refused(record, report);
        } else if is(&EventType::EFFECT_RESOLVED) {
            let finding = record.input.as_ref().and_then(|input| input.get("finding")?.as_str());
            let effect = record.input.as_ref().and_then(|input| input.get("effect_id")?.as_str());
            if let Some(effect) = effect.and_then(|id| id.parse().ok()) {
                self.settle(
                    effect,
                    |held| if finding == Some("not_performed") { 0 } else { held.1 },
                );
            }
        } else if self.held.contains_key(&record.header.id) {
            let header = &record.header;
            let settlement = Settlement::of(&header.outcome, header.error_code.as_deref());
            let output = record.output.as_ref();
            match settlement {
                Settlement::InDoubt => {}
                Settlement::Voided => self.settle(header.id, |_| 0),
                Settlement::Succeeded | Settlement::Failed => self
                    .settle(header.id, |(budget, held)| {
                        Settlement::used(budget.as_str(), output).unwrap_or(*held)
                    }),
            }
        }
        self.has_shortlist |= is(&EventType::SHORTLIST_GENERATED)
            && record.header.outcome == Outcome::Succeeded.as_str();
        self.hear_of_consent(record);
    }

    fn hear_of_consent(&mut self, record: &StoredRecord) {
        const WORDS: [EventType; 3] = [
            EventType::CALL_CONSENT_DENIED,
            EventType::CALL_CONSENT_EXPIRED,
            EventType::CALL_CONSENT_GRANTED,
        ];
        if !WORDS.iter().any(|word| word.as_str() == record.header.event_type) {
            return;
        }
        let Some(input) = &record.input else { return };
        let Some(id) = input.get("consent_id").and_then(Value::as_str) else { return };
        let word = (
            record.header.event_type.clone(),
            record.recorded_at,
            input.get("expires_at").cloned(),
        );
        self.consents.insert(id.to_owned(), word);
    }

    fn admit(
        &mut self,
        record: &StoredRecord,
        report: &mut Replayed,
        on_refused: &mut impl FnMut(WouldBeRefused),
    ) {
        report.admissions += 1;
        let input = record.input.as_ref().and_then(|input| AdmissionInput::deserialize(input).ok());
        let mut cannot = |why| *report.not_replayable.entry(why).or_default() += 1;
        let Some(input) = input else { return cannot(NotReplayable::Unreadable) };
        let Some(effect_id) = input.effect_id.as_deref().and_then(|id| id.parse().ok()) else {
            return cannot(NotReplayable::Unreadable);
        };
        let question = match self.question(&input) {
            Ok(question) => question,
            Err(Ok(why)) => return cannot(why),
            Err(Err(batch)) => {
                return self.refuse(
                    record,
                    (WouldRefuse::BatchTooLarge, Some(batch)),
                    report,
                    on_refused,
                );
            }
        };
        if question.charges.iter().any(|charge| charge.period == Period::Day) {
            cannot(NotReplayable::DayBudget);
        }
        let is_elsewhere =
            |consent: &ConsentClaim| !self.consents.contains_key(&consent.consent_id);
        let question = if question.consent.as_ref().is_some_and(is_elsewhere) {
            cannot(NotReplayable::ConsentElsewhere);
            Question { consent: None, ..question }
        } else {
            question
        };
        let of_request = of_request(&question.charges);
        match self.decide(&question, &of_request, record.recorded_at) {
            Ok(()) => {
                report.admitted_after_refusal += u64::from(self.has_refusal);
                self.hold(effect_id, &of_request);
            }
            Err(obstacle) => {
                let why = why(&obstacle, &of_request);
                self.refuse(record, why, report, on_refused);
            }
        }
    }

    /// What the effect would ask for under the other limits; or why that is not known, or the batch that is too large.
    fn question(&self, input: &AdmissionInput) -> Result<Question, Result<NotReplayable, Used>> {
        let limits = &self.alternative.limits;
        let mut amounts = Vec::new();
        for charge in &input.charges {
            let budget = charge.budget.clone().and_then(|budget| Budget::new(budget).ok());
            let (Some(budget), Some(amount)) = (budget, charge.amount) else {
                return Err(Ok(NotReplayable::Unreadable));
            };
            amounts.push((budget, amount));
        }
        let demand = Demand::recorded(input.effect.as_deref().unwrap_or_default(), amounts);
        let charges = demand.charges(limits, true).map_err(|unpriced| match unpriced {
            Unpriced::Unknown { .. } => Ok(NotReplayable::NoPrice),
            Unpriced::Invalid(DemandError::BatchTooLarge { vendors, max }) => {
                let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
                Err((Budget::VENDORS, 0, number(vendors), number(max)))
            }
            Unpriced::Invalid(DemandError::NoLimit { .. }) => Ok(NotReplayable::NoLimit),
            Unpriced::Invalid(_) => Ok(NotReplayable::Unreadable),
        })?;
        let consent = input.consent_id.clone();
        Ok(Question {
            charges,
            consent: consent
                .map(|consent_id| ConsentClaim { consent_id, lifetime: limits.consent_lifetime }),
            elapsed_max: input.elapsed_max_ms.map(|_| limits.elapsed_max),
            switches: input.switches.clone(),
        })
    }

    fn decide(
        &self,
        question: &Question,
        charges: &[Charge],
        now: DateTime<Utc>,
    ) -> Result<(), Obstacle> {
        let engaged = question.switches.iter().position(|switch| {
            self.alternative.engaged.iter().any(|engaged| engaged.as_str() == switch)
        });
        let consent = question.consent.as_ref().and_then(|consent| {
            let (event_type, recorded_at, expires_at) =
                self.consents.get(&consent.consent_id)?.clone();
            Some(ConsentWord { event_type, recorded_at, expires_at })
        });
        let used = |charge: &Charge| self.used.get(&charge.budget).copied().unwrap_or_default();
        let facts = Facts {
            now,
            engaged: engaged.map(|switch| Obstacle::Switch {
                switch,
                scope: SwitchScope::Everywhere,
                event_id: None,
            }),
            consent,
            used: charges.iter().map(used).collect(),
            heard_at: Some(self.heard_at),
            has_shortlist: self.has_shortlist,
        };
        let consent = question.consent.as_ref();
        let asked = Asked { consent, charges, elapsed_max: question.elapsed_max };
        decide(asked, &facts).map(|grant| debug_assert_eq!(grant.used.len(), charges.len()))
    }

    fn hold(&mut self, effect_id: Uuid, charges: &[Charge]) {
        for charge in charges {
            let used = self.used.entry(charge.budget.clone()).or_default();
            *used = used.saturating_add(charge.amount);
        }
        let held = charges.iter().map(|charge| (charge.budget.clone(), charge.amount));
        self.held.insert(effect_id, held.collect());
    }

    fn settle(&mut self, effect_id: Uuid, used: impl Fn(&(Budget, i64)) -> i64) {
        for held in self.held.remove(&effect_id).unwrap_or_default() {
            let sum = self.used.entry(held.0.clone()).or_default();
            *sum = sum.saturating_sub(held.1).saturating_add(used(&held));
        }
    }

    fn refuse(
        &mut self,
        record: &StoredRecord,
        (why, budget): (WouldRefuse, Option<Used>),
        report: &mut Replayed,
        on_refused: &mut impl FnMut(WouldBeRefused),
    ) {
        self.has_refusal = true;
        report.refused += 1;
        *report.refused_by.entry(why).or_default() += 1;
        if let Some((budget, ..)) = &budget {
            *report.refused_by_budget.entry(budget.clone()).or_default() += 1;
        }
        on_refused(WouldBeRefused {
            request_id: record.header.request_id,
            event_id: record.header.id,
            seq: record.seq,
            at: record.recorded_at,
            why,
            budget,
        });
    }

    /// An effect that was refused. Only a budget and the time can be decided again: the state of switches then is not
    /// replayed.
    fn refused(&self, record: &StoredRecord, report: &mut Replayed) {
        let codes = [ErrorCode::BudgetExceeded, ErrorCode::TimeExceeded].map(ErrorCode::as_str);
        if !record.header.error_code.as_deref().is_some_and(|code| codes.contains(&code)) {
            return;
        }
        let input = record.input.as_ref().and_then(|input| AdmissionInput::deserialize(input).ok());
        let Some(Ok(question)) = input.map(|input| self.question(&input)) else { return };
        let question = Question { consent: None, ..question };
        let of_request = of_request(&question.charges);
        if self.decide(&question, &of_request, record.recorded_at).is_ok() {
            report.refusals_lifted += 1;
        }
    }
}

fn of_request(charges: &[Charge]) -> Vec<Charge> {
    charges.iter().filter(|charge| charge.period == Period::Request).cloned().collect()
}

fn why(obstacle: &Obstacle, charges: &[Charge]) -> (WouldRefuse, Option<Used>) {
    match obstacle {
        Obstacle::Budget { charge, used } => {
            let charge = charges.get(*charge);
            let budget = charge.map(|of| (of.budget.clone(), *used, of.amount, of.limit));
            (WouldRefuse::BudgetExceeded, budget)
        }
        Obstacle::ConsentDenied => (WouldRefuse::ConsentDenied, None),
        Obstacle::ConsentExpired => (WouldRefuse::ConsentExpired, None),
        Obstacle::NoConsent => (WouldRefuse::NoConsent, None),
        Obstacle::Switch { .. } => (WouldRefuse::SwitchedOff, None),
        Obstacle::Time { .. } => (WouldRefuse::TimeExceeded, None),
    }
}
