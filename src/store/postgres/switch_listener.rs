//! Waits for switches to change: by LISTEN if a connection is a session, else by polling.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::connections::Connections;
use super::pooling::Pooling;

/// The channel of `set_switch` in migration 0004.
const CHANNEL: &str = "moltbot_audit_switches";

/// How long to wait for a notification before reading the switches anyway: one gets lost with its connection.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A connection of its own that listens while a caller waits. Clones share it.
#[derive(Clone, Default)]
pub(super) struct SwitchListener {
    listener: Arc<Mutex<Option<PgListener>>>,
}

impl SwitchListener {
    /// Returns when a switch was set, or after a while without a change.
    pub(super) async fn switch_moved(&self, connections: &Connections) {
        if connections.pooling.get() == Pooling::Transaction {
            return sleep(LOOK_AGAIN).await;
        }
        let heard = timeout(LOOK_AGAIN, self.hear(connections)).await;
        if matches!(heard, Ok(Err(_))) {
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn hear(&self, connections: &Connections) -> Result<(), sqlx::Error> {
        let mut slot = self.listener.lock().await;
        if slot.is_none() {
            // Not of the store's pool, whose few connections are for statements.
            let options = (*connections.pool.connect_options()).clone();
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            *slot = Some(listener);
            // What was set before this is not heard: it is looked at now.
            return Ok(());
        }
        let Some(listener) = &mut *slot else { return Ok(()) };
        let heard = listener.recv().await;
        if heard.is_err() {
            *slot = None;
        }
        heard.map(drop)
    }
}

impl fmt::Debug for SwitchListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchListener").finish_non_exhaustive()
    }
}
