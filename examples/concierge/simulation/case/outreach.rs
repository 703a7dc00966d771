//! Decides who is asked and in which batch, and handles the answers.

use chrono::{DateTime, Utc};
use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    BatchInput, CandidatesInput, OutreachInput, ReplyInput, VendorCandidatesSelected,
    VendorReplyRecorded,
};
use moltbot_audit::policy::{Refusal, RefusalReason};
use moltbot_audit::{Actor, AuditEvent, EventId, EventType, Permit, RecordError};
use serde_json::json;

use super::super::contract::VendorOutreachPlan;
use super::super::ranking::{Need, Reply, SELECTION_RULE, select};
use super::super::replies::parse_reply;
use super::super::scenario::{Vendor, VendorInbound};
use super::super::state::RequestState;
use super::super::texts::Say;
use super::super::world::{NoPermit, VendorMessaged};
use super::Case;
use super::budget::{BATCH_VENDORS_MAX, BATCHES_MAX, VENDORS_MAX};

const REPLIES_WANTED: usize = 3;

/// The current or last task of the outreach worker.
#[derive(Debug)]
pub(super) struct Plan {
    /// Vendors, best first. Empty once the batch went out.
    queue: Vec<String>,
    questions: Vec<String>,
    need: String,
    replies_wanted: usize,
    pending: bool,
    batch_number: Option<u32>,
    /// The permit to send it.
    permit: Option<Permit>,
}

/// A message that reached a vendor.
#[derive(Debug)]
pub(super) struct Outreach {
    pub(super) vendor_id: String,
    id: String,
    sent_at: DateTime<Utc>,
    pub(super) replied: bool,
}

impl Case {
    /// Chooses vendors for Moltbot's plan. The outreach worker messages them when its turn comes.
    pub(super) async fn plan_outreach(
        &mut self,
        moltbot_event: EventId,
        plan: VendorOutreachPlan,
    ) -> Result<(), RecordError> {
        let from_photo = self.state == RequestState::OcrProcessing;
        let need = Need {
            category: &plan.category,
            radius_km: plan.vendor_filters.location_radius_km,
            min_rating: plan.vendor_filters.min_rating,
            tags: &plan.vendor_filters.tags,
            contacted: &self.contacted,
        };
        let selected = select(&self.scene.vendors, &need);
        // We ask for at least one vendor, even beyond Moltbot's own limit. The library decides.
        let left = plan.stop_conditions.max_vendors.saturating_sub(self.contacted.len()).max(1);
        let size = plan.batch_size.min(BATCH_VENDORS_MAX).min(left);
        let queue: Vec<String> =
            selected.candidates.iter().take(size).map(|c| c.vendor_id.clone()).collect();
        let batch = BatchInput {
            batch_number: Some(self.counts.batches + 1),
            batches_max: Some(BATCHES_MAX),
            vendor_ids: queue.clone(),
            ..Default::default()
        };
        // We record the candidates first, so that a refused batch still says who would have been in it.
        let input = CandidatesInput {
            category: Some(plan.category.clone()),
            normalized_need: Some(plan.normalized_need.clone()),
            mode: Some("ai".into()),
            rule_version: Some(SELECTION_RULE.into()),
            moltbot_event_id: Some(moltbot_event.to_string()),
            ..Default::default()
        };
        self.trail
            .record_typed::<VendorCandidatesSelected>(Actor::System, &input, &selected)
            .await?;
        let mut permit = None;
        if !queue.is_empty() {
            permit = match self.world.ask_for_batch(&self.trail, &batch).await? {
                Ok(permit) => Some(permit),
                Err(NoPermit::Done) => return Ok(()),
                Err(NoPermit::Refused(refusal)) => return self.batch_refused(&refusal).await,
            };
        }
        if !self.move_to(RequestState::VendorOutreach, "Moltbot planned an outreach").await? {
            if let Some(permit) = permit {
                self.world.leave(permit, "the request is past its outreach").await?;
            }
            return self.say(Say::HumanTakesOver).await.map(drop);
        }
        self.plan = Some(Plan {
            queue,
            questions: plan.vendor_questions,
            need: plan.normalized_need,
            replies_wanted: plan.stop_conditions.min_replies.unwrap_or(REPLIES_WANTED),
            pending: true,
            batch_number: batch.batch_number,
            permit,
        });
        self.say(if from_photo { Say::PrescriptionSearching } else { Say::Searching }).await?;
        Ok(())
    }

    /// Messages the vendors that were asked before the scene begins.
    pub(super) async fn ask_vendors_of_the_scene(&mut self) -> Result<(), RecordError> {
        let scene = self.scene.clone();
        let vendors = &scene.vendors[..scene.vendors.len().min(VENDORS_MAX)];
        if vendors.is_empty() {
            return Ok(());
        }
        let batch = BatchInput {
            batch_number: Some(self.counts.batches + 1),
            batches_max: Some(BATCHES_MAX),
            vendor_ids: vendors.iter().map(|vendor| vendor.id.clone()).collect(),
            ..Default::default()
        };
        if let Ok(permit) = self.world.ask_for_batch(&self.trail, &batch).await? {
            let need = self.with_vendor_disclosure("what was asked before this scenario");
            let message = |vendor| message(vendor, batch.batch_number, need.clone());
            let messages: Vec<_> = vendors.iter().map(message).collect();
            self.send(permit, &messages).await?;
        }
        Ok(())
    }

    /// Sends a batch, and notes which vendors it reached.
    async fn send(
        &mut self,
        permit: Permit,
        messages: &[OutreachInput],
    ) -> Result<(), RecordError> {
        self.counts.batches += 1;
        self.contacted.extend(messages.iter().map(|message| message.vendor_id.clone()));
        let reached = self.world.message_vendors(&self.trail, permit, messages).await?;
        let sent_at = self.world.clock().now();
        self.note_vendor_disclosures(&reached).await?;
        for vendor in &reached {
            let id = vendor.provider_message_id.clone();
            self.accepted(vendor.event_id, id, &vendor.vendor_id, vendor.vendor_phone.clone());
        }
        self.outreach.extend(reached.into_iter().map(|VendorMessaged { vendor_id, .. }| {
            Outreach { id: outreach_id(&vendor_id), vendor_id, sent_at, replied: false }
        }));
        Ok(())
    }

    async fn batch_refused(&mut self, refusal: &Refusal) -> Result<(), RecordError> {
        // The vendors who answered have to be enough.
        if self.state == RequestState::AwaitingVendorReplies && !self.replies.is_empty() {
            self.heed(refusal).await?;
            self.move_to(RequestState::ShortlistReady, "no further batch is allowed").await?;
            return self.close_out(None).await;
        }
        if let RefusalReason::Time { .. } = refusal.reason {
            return self.heed(refusal).await;
        }
        self.note_refusal(refusal).await?;
        self.say(Say::HumanTakesOver).await.map(drop)
    }

    /// The outreach worker's turn: messages the batch that was planned, if there is one.
    pub(crate) async fn send_pending_batch(&mut self) -> Result<(), RecordError> {
        let Some(plan) = self.plan.as_mut().filter(|plan| plan.pending) else { return Ok(()) };
        plan.pending = false;
        let queue = std::mem::take(&mut plan.queue);
        if queue.is_empty() {
            self.move_to(RequestState::Error, "no vendor can be asked").await?;
            return self.say(Say::NothingFound).await.map(drop);
        }
        let Some(permit) = plan.permit.take() else { return Ok(()) };
        let text = format!("{}\n{}", plan.need, plan.questions.join("\n"));
        let batch_number = plan.batch_number;
        let text = self.with_vendor_disclosure(&text);
        let scene = self.scene.clone();
        let vendors = queue.iter().filter_map(|id| scene.vendors.iter().find(|v| v.id == *id));
        let messages: Vec<_> = vendors.map(|v| message(v, batch_number, text.clone())).collect();
        self.send(permit, &messages).await?;
        let next = RequestState::AwaitingVendorReplies;
        self.move_to(next, "the batch is out").await.map(drop)
    }

    /// A vendor wrote. A reply after the handoff is recorded, but not acted on.
    pub(crate) async fn vendor_wrote(
        &mut self,
        inbound: &VendorInbound,
        provider_message_id: String,
    ) -> Result<(), RecordError> {
        self.check_time().await?;
        let now = self.world.clock().now();
        let scene = self.scene.clone();
        let vendor = scene.vendors.iter().find(|vendor| vendor.id == inbound.vendor_id);
        let outreach = self.outreach.iter_mut().find(|o| o.vendor_id == inbound.vendor_id);
        let mut parsed = parse_reply(&inbound.text);
        let injection = "prompt_injection".to_owned();
        if inbound.is_injection_attempt && !parsed.warnings.contains(&injection) {
            parsed.warnings.push(injection);
        }
        parsed.post_handoff = self.state.is_over();
        let input = ReplyInput {
            outreach_id: outreach.as_ref().map(|outreach| outreach.id.clone()),
            vendor_id: inbound.vendor_id.clone(),
            vendor_phone: vendor.map(|vendor| vendor.phone.clone()),
            provider_message_id: Some(provider_message_id.clone()),
            text: Some(inbound.text.clone()),
            ..Default::default()
        };
        let asked = outreach.is_some();
        if let Some(outreach) = outreach {
            let latency = (now - outreach.sent_at).num_milliseconds();
            // A float holds the milliseconds of a request exactly.
            parsed.latency_seconds =
                Some(f64::from(i32::try_from(latency).unwrap_or(i32::MAX)) / 1e3);
            outreach.replied = true;
        } else {
            parsed.warnings.push("not_asked".into());
        }
        let id = self.trail.event_id()?;
        let event = AuditEvent::typed::<VendorReplyRecorded>(Actor::Vendor, &input, &parsed)?
            .id(id)
            .idempotency_key(provider_message_id);
        self.trail.record(event).await?;
        let reply = Reply {
            vendor_id: inbound.vendor_id.clone(),
            event_id: id.to_string(),
            distance_km: vendor.and_then(|vendor| vendor.distance_km),
            parsed,
        };
        if !reply.is_safe() {
            let input = json!({ "reply_event_id": id, "warnings": reply.parsed.warnings });
            self.note(EventType::MOLTBOT_INJECTION_DETECTED, Actor::System, input).await?;
        }
        if !asked || reply.parsed.post_handoff {
            return Ok(());
        }
        self.replies.push(reply);
        self.stop_waiting_if_enough().await
    }

    async fn stop_waiting_if_enough(&mut self) -> Result<(), RecordError> {
        let wanted = self.plan.as_ref().map_or(REPLIES_WANTED, |plan| plan.replies_wanted);
        let replied = self.outreach.iter().filter(|outreach| outreach.replied).count();
        let enough = replied >= wanted || replied == self.outreach.len();
        if self.state != RequestState::AwaitingVendorReplies || !enough {
            return Ok(());
        }
        let reason = format!("{replied} of {} vendors replied", self.outreach.len());
        self.move_to(RequestState::ShortlistReady, &reason).await?;
        // If Moltbot is stopped, no decision of it will come.
        if self.ai { Ok(()) } else { self.close_out(None).await }
    }
}

fn message(vendor: &Vendor, batch_number: Option<u32>, text: String) -> OutreachInput {
    OutreachInput {
        outreach_id: Some(outreach_id(&vendor.id)),
        vendor_id: vendor.id.clone(),
        vendor_name: Some(vendor.name.clone()),
        vendor_phone: Some(vendor.phone.clone()),
        batch_number,
        text: Some(text),
        ..Default::default()
    }
}

/// A vendor is asked once for a request.
fn outreach_id(vendor_id: &str) -> String {
    format!("outreach-{vendor_id}")
}
