//! The host's rows for a page of requests, read with one query a table.

use std::collections::HashMap;

use uuid::Uuid;

use super::found::Found;
use super::trail::Trail;
use crate::store::{Cell, HostQuery, HostRecords, HostRow, HostRows, HostTable, StoreError};

/// Rows by a key. None if the table cannot be checked.
#[derive(Debug, Default)]
pub(super) struct Rows(Option<HashMap<String, Vec<HostRow>>>);

impl Rows {
    /// The rows with this key; `None` if nothing can be said of them.
    pub(super) fn of(&self, key: &str) -> Option<&[HostRow]> {
        let rows = self.0.as_ref()?;
        Some(rows.get(&canonical(key)).map(Vec::as_slice).unwrap_or_default())
    }

    /// Every row.
    pub(super) fn all(&self) -> impl Iterator<Item = &HostRow> {
        self.0.iter().flat_map(HashMap::values).flatten()
    }

    pub(super) async fn read(
        host: &dyn HostRecords,
        query: HostQuery<'_>,
        found: &mut Found,
    ) -> Result<Self, StoreError> {
        if query.keys.is_empty() {
            return Ok(Self(Some(HashMap::new())));
        }
        match host.find(query).await? {
            HostRows::NotCheckable(not) => {
                found.not_checkable.insert(not);
                Ok(Self(None))
            }
            HostRows::Rows(rows) => {
                let mut by_key: HashMap<String, Vec<HostRow>> = HashMap::new();
                for row in rows {
                    // A row whose own key cannot be read was not asked for.
                    let Cell::Value(key) = row.text(query.column) else { continue };
                    let key = canonical(key);
                    by_key.entry(key).or_default().push(row);
                }
                Ok(Self(Some(by_key)))
            }
        }
    }
}

/// A UUID has several written forms, and names one row.
fn canonical(key: &str) -> String {
    Uuid::parse_str(key).map_or_else(|_| key.to_owned(), |uuid| uuid.to_string())
}

/// Every row that a page of requests has, or should have.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) requests: Rows,
    pub(super) conversations: Rows,
    pub(super) messages: Rows,
    pub(super) jobs: Rows,
    pub(super) outreach: Rows,
    pub(super) consents: Rows,
    /// By their own id.
    pub(super) attempts: Rows,
    /// By the provider's id, for events that name no row.
    pub(super) provider_calls: Rows,
}

impl Tables {
    pub(super) async fn read(
        host: &dyn HostRecords,
        trails: &[Trail],
        found: &mut Found,
    ) -> Result<Self, StoreError> {
        let requests: Vec<_> = trails.iter().map(|trail| trail.request_id.to_string()).collect();
        let conversations: Vec<_> = trails
            .iter()
            .filter_map(|trail| trail.conversation_id.map(|id| id.to_string()))
            .collect();
        let calls = || trails.iter().flat_map(|trail| &trail.calls);
        let messages = keys(trails.iter().flat_map(|trail| trail.messages.keys()));
        let attempts = keys(calls().filter_map(|call| call.attempt_id.as_ref()));
        let provider_calls = keys(calls().filter_map(|call| call.provider_call_id.as_ref()));
        let attempts = read(host, HostTable::CallAttempts, "id", &attempts, found).await?;
        let provider_calls =
            read(host, HostTable::CallAttempts, "provider_call_id", &provider_calls, found).await?;
        // A call names its consent in its row.
        let of_calls = attempts.all().chain(provider_calls.all());
        let of_calls = of_calls.filter_map(|row| row.text("consent_id").value().map(str::to_owned));
        let of_trail = trails.iter().flat_map(|trail| trail.consents.keys()).cloned();
        let mut consents: Vec<_> = of_trail.chain(of_calls).collect();
        consents.sort_unstable();
        consents.dedup();
        Ok(Self {
            requests: read(host, HostTable::Requests, "id", &requests, found).await?,
            conversations: read(host, HostTable::Conversations, "id", &conversations, found)
                .await?,
            messages: read(host, HostTable::Messages, "provider_message_id", &messages, found)
                .await?,
            jobs: read(host, HostTable::OcrJobs, "request_id", &requests, found).await?,
            outreach: read(host, HostTable::Outreach, "request_id", &requests, found).await?,
            consents: read(host, HostTable::CallConsents, "id", &consents, found).await?,
            attempts,
            provider_calls,
        })
    }
}

fn keys<'a>(of: impl Iterator<Item = &'a String>) -> Vec<String> {
    of.cloned().collect()
}

async fn read(
    host: &dyn HostRecords,
    table: HostTable,
    column: &'static str,
    keys: &[String],
    found: &mut Found,
) -> Result<Rows, StoreError> {
    Rows::read(host, HostQuery { table, column, keys, between: None }, found).await
}
