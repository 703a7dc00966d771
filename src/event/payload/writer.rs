//! Payloads of the events in which a process says who writes, and under what.

use std::collections::BTreeMap;

use super::{Nothing, event, payload};

event! {
    /// A process began to write.
    WriterStarted = AUDIT_WRITER_STARTED(WriterInput, Nothing);
    /// What a process works by changed.
    ConfigurationChanged = AUDIT_CONFIGURATION_CHANGED(WriterInput, Nothing);
}

payload! {
    /// Who writes, and what is in force in it.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    WriterInput {
        /// The host's program.
        program: Option<String>,
        /// Its version.
        program_version: Option<String>,
        /// The commit that it was built from.
        commit: Option<String>,
        /// The version of this crate.
        crate_version: Option<String>,
        /// The version of the rules by which it redacts.
        profile_version: Option<u32>,
        /// The writer whose configuration this one replaces in the same process.
        previous_writer_id: Option<String>,
        /// The version of the host's policy that the limits are of.
        policy_version: Option<String>,
        /// Which rejected output in a row stops the AI for its request; 0 if none does.
        rejected_outputs_max: Option<u32>,
        /// The limits of budgets.
        limits: Vec<LimitInForce>,
        /// The longest that a request without a shortlist may take, in milliseconds.
        elapsed_max_ms: Option<u64>,
        /// How long an effect may take before it is in doubt, in milliseconds.
        lease_ms: Option<u64>,
        /// How long a consent holds that does not say when it lapses, in milliseconds.
        consent_lifetime_ms: Option<u64>,
        /// SHA-256 of what the program works by, 64 hex digits, by its name.
        digests: BTreeMap<String, String>,
    }

    /// The limit of one budget.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    LimitInForce {
        /// The budget.
        budget: Option<String>,
        /// `request` or `day`.
        period: Option<String>,
        /// How much may be used.
        limit: Option<i64>,
    }
}
