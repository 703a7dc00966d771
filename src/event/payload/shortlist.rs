//! The shortlist and the handoff.

use chrono::{DateTime, Utc};

use super::{Nothing, ScoreFactor, event, payload};

event! {
    /// Replies were scored into a shortlist.
    ShortlistGenerated = SHORTLIST_GENERATED(ShortlistInput, ShortlistOutput);
    /// The shortlist was taken back.
    ShortlistWithdrawn = SHORTLIST_WITHDRAWN(WithdrawnInput, Nothing);
    /// The client was handed off to the vendors.
    ShortlistHandoff = SHORTLIST_HANDOFF(HandoffInput, HandoffOutput);
}

payload! {
    /// How the shortlist was made.
    ShortlistInput {
        /// Version of the ranking rule.
        rule_version: Option<String>,
        /// `ai` or `coded`.
        mode: Option<String>,
        /// The client's budget, in whole Rwandan francs.
        budget_max: Option<i64>,
        /// How many items it may have.
        items_max: Option<u32>,
    }

    /// The shortlist.
    ShortlistOutput {
        /// The items, best first.
        items: Vec<ShortlistItem>,
        /// Who replied and is not on it, and why.
        excluded: Vec<ShortlistExclusion>,
        /// Who decided the final order: `rule`, `price`, `moltbot`.
        decided_by: Option<String>,
        /// The `moltbot.called` event that decided it.
        moltbot_event_id: Option<String>,
        /// What broke ties, in order.
        tie_breaks: Vec<String>,
        /// What the client was told.
        summary_text: Option<String>,
    }

    /// One vendor on the shortlist.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ShortlistItem {
        /// The host's row for the vendor.
        vendor_id: String,
        /// The shop's name.
        vendor_name: Option<String>,
        /// The vendor's number.
        vendor_phone: Option<String>,
        /// The reply in short.
        response_summary: Option<String>,
        /// Price, in whole Rwandan francs.
        price: Option<i64>,
        /// Its score.
        #[serde(serialize_with = "crate::json::number")]
        total: f64,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
        /// The `vendor.reply_recorded` event it rests on.
        reply_event_id: Option<String>,
        /// Its place by the rule alone, from 1.
        rule_rank: Option<u32>,
        /// Its place on Moltbot's own shortlist, from 1, where Moltbot gave one.
        moltbot_rank: Option<u32>,
    }

    /// A vendor that replied and is not on the shortlist.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ShortlistExclusion {
        /// The host's row for the vendor.
        vendor_id: String,
        /// Why not: `out_of_stock`, `negative_score`, `over_limit`, `duplicate`,
        /// `no_reply`, `not_chosen_by_moltbot`, …
        reason: String,
        /// Its score.
        #[serde(serialize_with = "crate::json::number")]
        total: Option<f64>,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
        /// The `vendor.reply_recorded` event that was scored.
        reply_event_id: Option<String>,
        /// Its place by the rule alone, from 1, where the rule had it.
        rule_rank: Option<u32>,
        /// Its place on Moltbot's own shortlist, from 1, where Moltbot had it.
        moltbot_rank: Option<u32>,
    }

    /// Why the shortlist was taken back.
    WithdrawnInput {
        /// Why.
        reason: Option<String>,
    }

    /// How the client reaches the vendors.
    HandoffInput {
        /// `wa_link` or `phone`.
        handoff_type: Option<String>,
        /// Who the client was handed to.
        vendor_ids: Vec<String>,
    }

    /// The handoff.
    HandoffOutput {
        /// When the client had the links.
        handed_off_at: Option<DateTime<Utc>>,
        /// How many open outreaches were cancelled.
        cancelled_count: Option<u32>,
    }
}
