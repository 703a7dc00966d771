//! Picks the store by the URL's scheme.

use std::sync::Arc;

use super::{AuditStore, StoreError};

/// Opens the store that `url` names, and brings its schema up to date.
///
/// `postgres://…` and `postgresql://…` need feature `postgres`, `sqlite:…` needs feature `sqlite`.
///
/// # Errors
/// [`StoreError::InvalidUrl`] where no store of this build goes by the URL's scheme, else as the store
/// fails.
pub async fn open(url: &str) -> Result<Arc<dyn AuditStore>, StoreError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => {
            let store = super::PostgresStore::connect(url).await?;
            store.migrate().await?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "sqlite")]
        Some("sqlite") => {
            let store = super::SqliteStore::open(url).await?;
            store.migrate().await?;
            Ok(Arc::new(store))
        }
        _ => {
            let mut schemes = Vec::new();
            if cfg!(feature = "postgres") {
                schemes.push("postgres://user@host/database");
            }
            if cfg!(feature = "sqlite") {
                schemes.push("sqlite://path/to/file.sqlite");
            }
            let reason = format!("expected {}", schemes.join(" or "));
            Err(StoreError::InvalidUrl { reason })
        }
    }
}
