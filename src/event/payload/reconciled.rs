//! What a comparison of the trail with the host's tables found.

use chrono::{DateTime, Utc};

use super::{event, payload};
use crate::event::Identity;

event! {
    /// The trail was compared with the host's tables.
    Reconciled = AUDIT_RECONCILED(ReconciledInput, ReconciledOutput);
}

payload! {
    /// What was compared. In a request's stream it is the request, otherwise a period.
    ReconciledInput {
        /// The start of the period.
        period_from: Option<DateTime<Utc>>,
        /// The end of the period.
        period_before: Option<DateTime<Utc>>,
        /// Who had it compared.
        by: Option<Identity>,
    }

    /// What was found.
    ReconciledOutput {
        /// How many requests were compared.
        requests_compared: Option<u64>,
        /// How many rows and events were found on both sides.
        rows_matched: Option<u64>,
        /// How many findings are errors.
        errors_found: Option<u64>,
        /// How many findings are warnings.
        warnings_found: Option<u64>,
        /// Tables, and columns as `table.column`, that could not be compared.
        not_checkable: Vec<String>,
        /// The findings, in a request's stream.
        findings: Vec<ReconciledFinding>,
        /// How many findings are not listed.
        findings_left_out: Option<u64>,
    }

    /// One finding. Nothing in it was written by a person.
    ReconciledFinding {
        /// What was found, by [`FindingCode`](crate::event::FindingCode).
        finding_code: Option<String>,
        /// `error` or `warning`.
        severity: Option<String>,
        /// What it is about, by [`Subject`](crate::event::Subject).
        subject: Option<String>,
        /// In which respect the sides differ, by [`Aspect`](crate::event::Aspect).
        aspect: Option<String>,
        /// The event of the trail.
        trail_event_id: Option<String>,
        /// The host's row.
        row_id: Option<String>,
        /// What the trail says.
        said_by_trail: Option<ReconciledSide>,
        /// What the tables say.
        said_by_tables: Option<ReconciledSide>,
    }

    /// What one side says: at most one of these.
    ReconciledSide {
        /// A word of a closed set; `absent`, `unlisted` or `unreadable` if there is none to show.
        side_word: Option<String>,
        /// A number.
        #[serde(serialize_with = "crate::json::number")]
        side_number: Option<f64>,
        /// A time.
        side_time: Option<DateTime<Utc>>,
    }
}
