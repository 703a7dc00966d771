//! What a comparison has found so far.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Finding;
use crate::event::Subject;
use crate::store::{Cell, HostTable, NotCheckable, WhyNot};

/// Findings that have not been handed out, and what was compared.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The request to which the next findings belong.
    pub(super) request_id: Option<Uuid>,
    /// The conversation to which they belong, if it is not known to which request.
    pub(super) conversation_id: Option<Uuid>,
    pub(super) findings: Vec<Finding>,
    /// How many of each kind both sides have, whether they agree in all respects or not.
    pub(super) matched: BTreeMap<Subject, u64>,
    pub(super) not_checkable: BTreeSet<NotCheckable>,
    /// Rows of messages that are in another conversation than the trail says: there, nothing knows them.
    moved: BTreeSet<Uuid>,
}

/// Most rows that are remembered as moved. Of one more, two findings are made.
const MOVED_MAX: usize = 10_000;

impl Found {
    pub(super) fn add(&mut self, finding: Finding) {
        let request_id = finding.request_id.or(self.request_id);
        let conversation_id = finding.conversation_id.or(self.conversation_id);
        self.findings.push(Finding { request_id, conversation_id, ..finding });
    }

    pub(super) fn move_row(&mut self, row_id: Option<Uuid>) {
        if self.moved.len() < MOVED_MAX {
            self.moved.extend(row_id);
        }
    }

    pub(super) fn is_moved(&self, row_id: Option<Uuid>) -> bool {
        row_id.is_some_and(|row_id| self.moved.contains(&row_id))
    }

    pub(super) fn matched(&mut self, subject: Subject) {
        *self.matched.entry(subject).or_default() += 1;
    }

    /// Notes a column that a row does not have, and returns the cell.
    pub(super) fn seen<T>(
        &mut self,
        table: HostTable,
        column: &'static str,
        cell: Cell<T>,
    ) -> Cell<T> {
        if matches!(cell, Cell::NotCheckable) {
            let why = WhyNot::NoColumn;
            self.not_checkable.insert(NotCheckable { table, column: Some(column), why });
        }
        cell
    }
}
