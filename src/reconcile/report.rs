//! The result of a comparison.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Finding;
use super::found::Found;
use crate::auditor::RecordError;
use crate::event::{FindingCode, Severity, Subject};
use crate::pack::ExportError;
use crate::store::{FindError, NotCheckable, StoreError};

/// A comparison could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The period ends before it begins, or has not ended.
    #[error("the period from {from} to {before} is empty: swap the two times")]
    EmptyPeriod {
        /// Its start.
        from: DateTime<Utc>,
        /// Its end.
        before: DateTime<Utc>,
    },
    /// The trail could not be searched.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The pack could not be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The comparison could not be recorded, so nothing was exported.
    #[error("the comparison could not be recorded, so nothing was exported")]
    NotRecorded(#[source] RecordError),
    /// A database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No event of the request was ever recorded, and the host has no row of it.
    #[error("request {request_id} is unknown to the trail and to the tables")]
    UnknownRequest {
        /// The request.
        request_id: Uuid,
    },
}

/// What was compared, and how many findings there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// How many requests were compared.
    pub requests: u64,
    /// How many of each kind both sides have.
    pub matched: BTreeMap<Subject, u64>,
    /// How many findings there are, by code.
    pub codes: BTreeMap<FindingCode, u64>,
    /// How many findings are errors.
    pub errors: u64,
    /// How many are warnings.
    pub warnings: u64,
    /// Tables and columns that could not be compared: of them, nothing was found and nothing agreed.
    pub not_checkable: BTreeSet<NotCheckable>,
}

impl Reconciled {
    /// Takes over what was found, and hands out each finding.
    pub(super) fn take(&mut self, found: &mut Found, mut on_finding: impl FnMut(Finding)) {
        for (subject, count) in std::mem::take(&mut found.matched) {
            *self.matched.entry(subject).or_default() += count;
        }
        self.not_checkable.append(&mut found.not_checkable);
        for finding in found.findings.drain(..) {
            self.count(&finding);
            on_finding(finding);
        }
    }

    pub(super) fn count(&mut self, finding: &Finding) {
        *self.codes.entry(finding.code).or_default() += 1;
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
    }
}
