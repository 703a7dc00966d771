//! STUB
use crate::event::StreamId;
use crate::record::Record;
use chrono::{DateTime, Utc};
/// S
#[derive(Clone, Debug)]
pub struct Spool;
/// E
#[derive(Debug, thiserror::Error)]
#[error("spool")]
pub struct SpoolError;
/// S
#[derive(Debug)]
pub struct Spooled {
    /// p
    pub place: u64,
    /// r
    pub record: Record,
}
/// D
#[derive(Debug)]
pub struct SpoolDepth {
    /// e
    pub events: u64,
    /// o
    pub oldest_at: Option<DateTime<Utc>>,
}
#[allow(
    missing_docs,
    clippy::unused_async,
    clippy::unused_self,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    reason = "stub"
)]
impl Spool {
    pub async fn push(&self, _: &[Record]) -> Result<(), SpoolError> {
        Err(SpoolError)
    }
    pub async fn front(&self, _: usize, _: usize) -> Result<Vec<Spooled>, SpoolError> {
        Ok(Vec::new())
    }
    pub async fn remove(&self, _: &[u64]) -> Result<(), SpoolError> {
        Ok(())
    }
    pub async fn set_aside(&self, _: u64, _: &str) -> Result<(), SpoolError> {
        Ok(())
    }
    pub async fn adopt(&self) -> Result<usize, SpoolError> {
        Ok(0)
    }
    pub fn holds(&self, _: StreamId) -> bool {
        false
    }
    pub fn depth(&self) -> SpoolDepth {
        SpoolDepth { events: 0, oldest_at: None }
    }
}
