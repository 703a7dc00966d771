//! The result of comparing a bill.

use std::collections::BTreeMap;

use crate::event::{FindingCode, Severity};
use crate::reconcile::Finding;

/// What was compared, and how many findings there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BillReconciled {
    /// Lines of the bill in the period.
    pub lines: u64,
    /// Calls that the trail has in the period.
    pub calls: u64,
    /// Calls that were matched by the provider's response id.
    pub matched_by_id: u64,
    /// Calls that were matched by time and tokens only.
    pub matched_by_time: u64,
    /// Values of which one side says nothing, so that they were not compared.
    pub unknown: u64,
    /// Lines, or values on them, that cannot be read. They count as unknown in every sum.
    pub unreadable: u64,
    /// The sum of the costs that can be read, of lines in the period, in millionths of a US dollar.
    pub billed_microusd: i64,
    /// The sum of the costs that the trail knows, of calls in the period.
    pub recorded_microusd: i64,
    /// How many findings there are, by code.
    pub codes: BTreeMap<FindingCode, u64>,
    /// How many findings are errors.
    pub errors: u64,
    /// How many are warnings.
    pub warnings: u64,
}

impl BillReconciled {
    pub(super) fn add(&mut self, finding: Finding, on_finding: &mut impl FnMut(Finding)) {
        *self.codes.entry(finding.code).or_default() += 1;
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if finding.code == FindingCode::Unreadable {
            self.unreadable += 1;
        }
        on_finding(finding);
    }
}
