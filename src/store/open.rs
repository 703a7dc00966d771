//! Picks the store by the URL's scheme.

use std::sync::Arc;

use super::{AuditStore, StoreError};

/// Opens the store that `url` names, and brings its schema up to date.
///
/// `postgres://…` and `postgresql://…` need feature `postgres`, `sqlite:…` needs feature `sqlite`.
///
/// # Errors
/// [`StoreError::InvalidUrl`] if this build has no store for the URL's scheme, otherwise as the
/// store fails.
pub async fn open(url: &str) -> Result<Arc<dyn AuditStore>, StoreError> {
    opened(url, true).await
}

/// Opens the store that `url` names, without touching its schema. For readers.
///
/// # Errors
/// Like [`open`]. A database without the schema fails when it is used.
pub async fn connect(url: &str) -> Result<Arc<dyn AuditStore>, StoreError> {
    opened(url, false).await
}

async fn opened(url: &str, migrate: bool) -> Result<Arc<dyn AuditStore>, StoreError> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => {
            let store = super::PostgresStore::connect(url).await?;
            if migrate {
                store.migrate().await?;
            }
            Ok(Arc::new(store))
        }
        #[cfg(feature = "sqlite")]
        Some("sqlite") => {
            let store = super::SqliteStore::open(url).await?;
            if migrate {
                store.migrate().await?;
            }
            Ok(Arc::new(store))
        }
        _ => Err(StoreError::InvalidUrl { reason: expected_schemes() }),
    }
}

fn expected_schemes() -> String {
    let postgres = cfg!(feature = "postgres").then_some("postgres://user@host/database");
    let sqlite = cfg!(feature = "sqlite").then_some("sqlite://path/to/file.sqlite");
    let schemes: Vec<_> = postgres.into_iter().chain(sqlite).collect();
    format!("expected {}", schemes.join(" or "))
}
