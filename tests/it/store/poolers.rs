//! Behind a pooler: the same store, whatever a connection turns out to be.

mod append_in;
mod find_out;
mod load;

use std::sync::{Arc, LazyLock};

use moltbot_audit::store::{Pooling, PostgresStore};

use crate::store::Fresh;
use crate::store::postgres;
use crate::support::pgbouncer::PgBouncer;

/// Opens an empty store behind a pooler in transaction mode, with no hint that it is one.
pub(crate) async fn open() -> Fresh {
    let (fresh, direct) = postgres::open_with_url().await;
    drop(fresh);
    let store = connect(&PgBouncer::shared().url(&direct)).await;
    assert_eq!(store.current_pooling(), Pooling::Transaction);
    store.migrate().await.expect("nothing is left to do");
    Fresh { store: Arc::new(store), keep: Box::new(()) }
}

/// Opens an empty store behind a pooler in session mode.
pub(crate) async fn open_session() -> Fresh {
    static SHARED: LazyLock<PgBouncer> = LazyLock::new(|| PgBouncer::start("session", 8));
    let (fresh, direct) = postgres::open_with_url().await;
    drop(fresh);
    let store = connect(&SHARED.url(&direct)).await;
    assert_eq!(store.current_pooling(), Pooling::Session);
    Fresh { store: Arc::new(store), keep: Box::new(()) }
}

async fn connect(url: &str) -> PostgresStore {
    PostgresStore::connect(url).await.expect("the pooler accepts connections")
}

/// Adds parameters to a URL of the tests, which all have some.
fn with(url: &str, parameters: &str) -> String {
    format!("{url}&{parameters}")
}
