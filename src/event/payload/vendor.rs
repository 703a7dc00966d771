//! Vendors: who could be asked, who was, what they said.

use super::{event, payload};

event! {
    /// Vendors were filtered and scored for a need.
    VendorCandidatesSelected = VENDOR_CANDIDATES_SELECTED(CandidatesInput, CandidatesOutput);
    /// A batch of vendors was messaged.
    VendorBatchSent = VENDOR_BATCH_SENT(BatchInput, BatchOutput);
    /// One vendor was messaged.
    VendorOutreachSent = VENDOR_OUTREACH_SENT(OutreachInput, OutreachOutput);
    /// One vendor was told that its offer is no longer needed.
    VendorOutreachWithdrawn = VENDOR_OUTREACH_WITHDRAWN(WithdrawalInput, OutreachOutput);
    /// A vendor's reply was parsed.
    VendorReplyRecorded = VENDOR_REPLY_RECORDED(ReplyInput, ReplyOutput);
}

payload! {
    /// One reason of a score. The deltas of a score add up to its total.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    ScoreFactor {
        /// Which rule: `availability`, `price`, `distance`, `confidence`, `speed`, …
        code: String,
        /// What it added or took away.
        #[serde(serialize_with = "crate::json::number")]
        score_delta: f64,
        /// The number that the rule read: kilometres, hours, seconds, stars, whole francs, or a share of 1. Without
        /// it, nobody can compute the delta again.
        #[serde(serialize_with = "crate::json::number")]
        measured: Option<f64>,
        /// In words.
        description: Option<String>,
    }

    /// What vendors were looked for.
    CandidatesInput {
        /// The market category.
        category: Option<String>,
        /// The need, as it was put to vendors.
        normalized_need: Option<String>,
        /// `ai` or `coded`.
        mode: Option<String>,
        /// Version of the selection rule.
        rule_version: Option<String>,
        /// The `moltbot.called` event that asked for it.
        moltbot_event_id: Option<String>,
    }

    /// Who was found.
    CandidatesOutput {
        /// How many vendors were looked at.
        pool_size: Option<u32>,
        /// Who may be asked, best first.
        candidates: Vec<Candidate>,
        /// Who may not, and why.
        excluded: Vec<Exclusion>,
    }

    /// A vendor that may be asked.
    Candidate {
        /// The host's row for the vendor.
        vendor_id: String,
        /// The shop's name.
        vendor_name: Option<String>,
        /// Its score.
        #[serde(serialize_with = "crate::json::number")]
        total: f64,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
    }

    /// A vendor that may not be asked.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    Exclusion {
        /// The host's row for the vendor.
        vendor_id: String,
        /// Why not: `opted_out`, `busy`, `out_of_radius`, `already_contacted`, …
        reason: String,
    }

    /// The batch.
    BatchInput {
        /// Which batch of this request it is, from 1.
        batch_number: Option<u32>,
        /// How many batches the request may have.
        batches_max: Option<u32>,
        /// Who is in it.
        vendor_ids: Vec<String>,
    }

    /// How it went.
    BatchOutput {
        /// How many messages went out.
        sent: Option<u32>,
        /// How many did not.
        failed: Option<u32>,
    }

    /// The message to one vendor.
    OutreachInput {
        /// The host's row for the outreach.
        outreach_id: Option<String>,
        /// The host's row for the vendor.
        vendor_id: String,
        /// The shop's name.
        vendor_name: Option<String>,
        /// The vendor's number.
        vendor_phone: Option<String>,
        /// Which batch of this request it is in, from 1.
        batch_number: Option<u32>,
        /// What was written.
        text: Option<String>,
    }

    /// What the provider answered.
    OutreachOutput {
        /// The provider's id of the message.
        provider_message_id: Option<String>,
    }

    /// The message to one vendor that its offer is no longer needed.
    WithdrawalInput {
        /// The host's row for the outreach.
        outreach_id: Option<String>,
        /// The host's row for the vendor.
        vendor_id: String,
        /// The vendor's number.
        vendor_phone: Option<String>,
        /// What was written.
        text: Option<String>,
    }

    /// What the vendor wrote.
    ReplyInput {
        /// The host's row for the outreach it answers.
        outreach_id: Option<String>,
        /// The host's row for the vendor.
        vendor_id: String,
        /// The vendor's number.
        vendor_phone: Option<String>,
        /// The provider's id of the message.
        provider_message_id: Option<String>,
        /// What was written.
        text: Option<String>,
    }

    /// What the host understood.
    ReplyOutput {
        /// `in_stock`, `out_of_stock`, `unclear`.
        availability: Option<String>,
        /// Lowest price, in whole Rwandan francs.
        price_min: Option<i64>,
        /// Highest price, in whole Rwandan francs.
        price_max: Option<i64>,
        /// Where the shop is, in its own words.
        location_note: Option<String>,
        /// Variants on offer.
        options: Vec<String>,
        /// How sure the parser is, 0 to 1.
        #[serde(serialize_with = "crate::json::number")]
        confidence: Option<f64>,
        /// Version of the parser.
        parser_version: Option<String>,
        /// What the parser noticed, for example a prompt injection.
        warnings: Vec<String>,
        /// Seconds from the outreach to the reply.
        #[serde(serialize_with = "crate::json::number")]
        latency_seconds: Option<f64>,
        /// It came after the handoff, and was not acted on.
        post_handoff: bool,
    }
}
