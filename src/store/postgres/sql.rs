//! The text of a statement, for both kinds of connections.

use sqlx::Arguments as _;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;

use super::pooling::Pooling;

pub(super) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// The text of a statement, once for each way to run it.
///
/// The driver looks up a prepared statement by its text, even if it is told to run without one. So a statement
/// that must not use a prepared one has a text of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql {
    pub(super) named: &'static str,
    pub(super) unnamed: &'static str,
}

macro_rules! sql {
    ($($text:literal),+ $(,)?) => {
        $crate::store::postgres::sql::Sql {
            named: concat!($($text),+),
            unnamed: concat!($($text,)+ " -- not to be prepared"),
        }
    };
}
pub(super) use sql;

impl Sql {
    pub(super) fn query(self, pooling: Pooling) -> PgQuery<'static> {
        self.query_of_len(pooling, 0)
    }

    /// A query whose arguments take about so many bytes. A buffer that grows by doubling would copy them several
    /// times.
    pub(super) fn query_of_len(self, pooling: Pooling, len: usize) -> PgQuery<'static> {
        let mut arguments = PgArguments::default();
        arguments.reserve(0, len);
        match pooling {
            Pooling::Session => sqlx::query_with(self.named, arguments),
            Pooling::Transaction => sqlx::query_with(self.unnamed, arguments).persistent(false),
        }
    }
}
