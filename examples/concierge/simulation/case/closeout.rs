//! From the replies to a shortlist that the client has.

use moltbot_audit::auditor::Clock;
use moltbot_audit::event::payload::{
    HandoffInput, HandoffOutput, ShortlistExclusion, ShortlistGenerated, ShortlistHandoff,
    ShortlistInput, ShortlistItem, ShortlistOutput,
};
use moltbot_audit::{Actor, AuditEvent, EventId, EventType, RecordError};
use serde_json::json;

use super::super::contract::{HandoffType, ITEMS_MAX, Shortlist};
use super::super::ranking::{Ranked, SHORTLIST_RULE, TIE_BREAKS, rank};
use super::super::state::RequestState;
use super::super::texts::Say;
use super::Case;

/// The order that the client gets, and how it was decided.
struct Decided {
    ranked: Vec<Ranked>,
    excluded: Vec<ShortlistExclusion>,
    rule_order: Vec<String>,
    moltbot_order: Vec<String>,
}

impl Decided {
    /// Who decided: Moltbot, only if its order differs from the rule's.
    fn by(&self) -> &'static str {
        let as_the_rule = ids(&self.ranked) == self.rule_order;
        if as_the_rule { "rule" } else { "moltbot" }
    }
}

impl Case {
    /// Ranks the replies, sends the shortlist and hands off. If Moltbot gave a shortlist, it decides on order and
    /// choice among the replies that may be shown. It cannot add a shop.
    pub(super) async fn close_out(
        &mut self,
        moltbot: Option<(EventId, Shortlist)>,
    ) -> Result<(), RecordError> {
        if self.state == RequestState::AwaitingVendorReplies && !self.replies.is_empty() {
            let next = RequestState::ShortlistReady;
            self.move_to(next, "Moltbot goes on with the replies at hand").await?;
        }
        if !self.state.allows(RequestState::HandedOff) {
            // The state machine refuses and records it, because there is no shop to hand off to yet.
            self.move_to(RequestState::HandedOff, "Moltbot sent a shortlist too early").await?;
            return self.say(Say::HumanTakesOver).await.map(drop);
        }
        let decided = self.order(moltbot.as_ref().map(|(_, list)| list));
        if decided.ranked.is_empty() {
            self.generated(&decided, moltbot.as_ref(), &[]).await?;
            self.say(Say::NothingFound).await?;
            return self.move_to(RequestState::Closed, "no reply can be shown").await.map(drop);
        }
        let items = self.items(&decided, moltbot.as_ref().map(|(_, list)| list));
        self.generated(&decided, moltbot.as_ref(), &items).await?;
        self.shortlist = items.iter().map(|item| item.vendor_id.clone()).collect();
        let list = moltbot.as_ref().map(|(_, list)| list);
        let sent = self.tell(self.shortlist_text(&items, list), None).await?;
        let Some(message) = sent else {
            // The client has no links, so there is no handoff. A colleague takes over.
            return self.move_to(RequestState::Error, "the shortlist was not sent").await.map(drop);
        };
        let input = json!({ "vendor_ids": self.shortlist, "outbound_event_id": message });
        self.note(EventType::SHORTLIST_SENT, Actor::System, input).await?;
        self.hand_off(list).await
    }

    fn order(&self, moltbot: Option<&Shortlist>) -> Decided {
        let (mut ranked, mut excluded) =
            rank(&self.replies, self.scene.requirements().budget_max());
        let rule_order = ids(&ranked);
        let Some(list) = moltbot else {
            return Decided { ranked, excluded, rule_order, moltbot_order: Vec::new() };
        };
        let moltbot_order: Vec<String> = list.items.iter().map(|i| i.vendor_id.clone()).collect();
        let mut chosen: Vec<Ranked> = Vec::new();
        for vendor_id in &moltbot_order {
            let place = ranked.iter().position(|scored| scored.reply.vendor_id == *vendor_id);
            if let Some(place) = place {
                chosen.push(ranked.remove(place));
            } else if !self.replies.iter().any(|reply| reply.vendor_id == *vendor_id) {
                let (vendor_id, reason) = (vendor_id.clone(), "no_reply".into());
                excluded.push(ShortlistExclusion { vendor_id, reason, ..Default::default() });
            }
        }
        excluded.extend(ranked.into_iter().map(|scored| scored.exclude("not_chosen_by_moltbot")));
        for exclusion in &mut excluded {
            exclusion.rule_rank = rank_in(&rule_order, &exclusion.vendor_id);
            exclusion.moltbot_rank = rank_in(&moltbot_order, &exclusion.vendor_id);
        }
        Decided { ranked: chosen, excluded, rule_order, moltbot_order }
    }

    fn items(&self, decided: &Decided, list: Option<&Shortlist>) -> Vec<ShortlistItem> {
        let item = |scored: &Ranked| {
            let vendor_id = scored.reply.vendor_id.clone();
            let vendor = self.scene.vendors.iter().find(|vendor| vendor.id == vendor_id);
            let written =
                list.and_then(|l| l.items.iter().find(|item| item.vendor_id == vendor_id));
            ShortlistItem {
                vendor_name: vendor.map(|vendor| vendor.name.clone()),
                vendor_phone: vendor.map(|vendor| vendor.phone.clone()),
                response_summary: Some(
                    written
                        .map_or_else(|| self.summary(scored), |item| item.response_summary.clone()),
                ),
                price: scored.reply.parsed.price_min,
                total: scored.total,
                factors: scored.factors.clone(),
                reply_event_id: Some(scored.reply.event_id.clone()),
                rule_rank: rank_in(&decided.rule_order, &vendor_id),
                moltbot_rank: rank_in(&decided.moltbot_order, &vendor_id),
                vendor_id,
                ..Default::default()
            }
        };
        decided.ranked.iter().map(item).collect()
    }

    /// A reply in our own words. It contains only what was understood.
    fn summary(&self, scored: &Ranked) -> String {
        let parsed = &scored.reply.parsed;
        let price = parsed.price_min.map(|price| format!("{price} RWF"));
        let parts: Vec<_> = [price, parsed.location_note.clone()].into_iter().flatten().collect();
        if parts.is_empty() {
            return Say::AskTheShop.text(self.language()).to_owned();
        }
        parts.join(", ")
    }

    async fn generated(
        &self,
        decided: &Decided,
        moltbot: Option<&(EventId, Shortlist)>,
        items: &[ShortlistItem],
    ) -> Result<(), RecordError> {
        let input = ShortlistInput {
            rule_version: Some(SHORTLIST_RULE.into()),
            mode: Some(if moltbot.is_some() { "ai" } else { "coded" }.into()),
            budget_max: self.scene.requirements().budget_max(),
            items_max: u32::try_from(ITEMS_MAX).ok(),
            ..Default::default()
        };
        let output = ShortlistOutput {
            items: items.to_vec(),
            excluded: decided.excluded.clone(),
            decided_by: Some(decided.by().into()),
            moltbot_event_id: moltbot.map(|(id, _)| id.to_string()),
            tie_breaks: TIE_BREAKS.iter().map(|by| (*by).to_owned()).collect(),
            summary_text: moltbot.map(|(_, list)| list.summary_text.clone()),
            ..Default::default()
        };
        self.trail
            .record_typed::<ShortlistGenerated>(Actor::System, &input, &output)
            .await
            .map(drop)
    }

    fn shortlist_text(&self, items: &[ShortlistItem], list: Option<&Shortlist>) -> String {
        let coded = Say::ShortlistIntro.text(self.language()).to_owned();
        let lead = list.map_or(coded, |list| list.summary_text.clone());
        let greeting = list.and_then(|list| list.handoff.message_template.as_deref());
        let line = |(index, item): (usize, &ShortlistItem)| {
            let name = item.vendor_name.as_deref().unwrap_or_default();
            let summary = item.response_summary.as_deref().unwrap_or_default();
            let link = wa_link(item.vendor_phone.as_deref().unwrap_or_default(), greeting);
            format!("\n{}. {name}: {summary}\n{link}", index + 1)
        };
        lead + &items.iter().enumerate().map(line).collect::<String>()
    }

    async fn hand_off(&mut self, list: Option<&Shortlist>) -> Result<(), RecordError> {
        let open: Vec<&str> = self
            .outreach
            .iter()
            .filter(|outreach| !outreach.replied)
            .map(|outreach| outreach.vendor_id.as_str())
            .collect();
        let by_phone = list.is_some_and(|l| matches!(l.handoff.handoff_type, HandoffType::Phone));
        let input = HandoffInput {
            handoff_type: Some(if by_phone { "phone" } else { "wa_link" }.into()),
            vendor_ids: self.shortlist.clone(),
            ..Default::default()
        };
        let now = self.world.clock().now();
        let output = HandoffOutput {
            handed_off_at: Some(now),
            cancelled_count: u32::try_from(open.len()).ok(),
            ..Default::default()
        };
        let event = AuditEvent::typed::<ShortlistHandoff>(Actor::System, &input, &output)?.at(now);
        self.trail.record(event).await?;
        if !open.is_empty() {
            let input = json!({ "vendor_ids": open, "cancelled_count": open.len() });
            self.note(EventType::SHORTLIST_OUTREACH_CANCELLED, Actor::System, input).await?;
        }
        self.last_active = now;
        self.move_to(RequestState::HandedOff, "the client has the links").await.map(drop)
    }
}

fn ids(ranked: &[Ranked]) -> Vec<String> {
    ranked.iter().map(|scored| scored.reply.vendor_id.clone()).collect()
}

/// The place of a vendor in an order, from 1.
fn rank_in(order: &[String], vendor_id: &str) -> Option<u32> {
    let place = order.iter().position(|id| id == vendor_id)?;
    u32::try_from(place + 1).ok()
}

fn wa_link(phone: &str, greeting: Option<&str>) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let text = greeting.map(|greeting| format!("?text={}", percent_encoded(greeting)));
    format!("https://wa.me/{digits}{}", text.unwrap_or_default())
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
