//! The host's seven `moltbot_*` tables, read as they are found.
//!
//! The catalog is asked first, once: which tables and columns are there, of which type, and what this role may read. A
//! statement then names only columns that it can read, so a host of another age is no error. A role to which row-level
//! security applies would see fewer rows and no error, and every hidden row would look like one that is missing. Such a
//! table is not checkable.

mod catalog;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::OnceCell;
use uuid::Uuid;

use self::catalog::{Catalog, Column, Kind};
use super::connections::Connections;
use super::error::sqlstate;
use crate::store::{
    BoxFuture, HostIds, HostQuery, HostRecords, HostRow, HostRows, HostTable, NotCheckable,
    StoreError, WhyNot,
};

/// Most rows that one query of keys reads.
const ROWS_MAX: usize = 20_000;
/// Largest JSON value that is read, in bytes as stored.
const JSON_BYTES_MAX: u32 = 1_000_000;
/// Longest text that is read, in characters.
const TEXT_CHARS_MAX: u32 = 1_000_000;

/// The host's `moltbot_*` tables in Postgres, for a comparison with the trail. It only reads.
///
/// What is there is looked up once: make a new one for each comparison.
#[derive(Clone, Debug)]
pub struct MoltbotTables {
    connections: Connections,
    schema: String,
    catalog: Arc<OnceCell<Catalog>>,
}

impl MoltbotTables {
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections, schema: "public".to_owned(), catalog: Arc::default() }
    }

    /// Sets the schema that the tables are in. Default: `public`.
    #[must_use]
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { schema: schema.into(), catalog: Arc::default(), ..self }
    }

    async fn catalog(&self) -> Result<&Catalog, StoreError> {
        self.catalog.get_or_try_init(|| Catalog::read(&self.connections, &self.schema)).await
    }

    async fn read(&self, query: HostQuery<'_>) -> Result<HostRows, StoreError> {
        let table = query.table;
        let found = match self.catalog().await?.table(table) {
            Ok(found) => found,
            Err(why) => return Ok(whole(table, why)),
        };
        let kind = match column_of(found, table, query.column) {
            Ok(Column { kind: kind @ (Kind::Uuid | Kind::Text), .. }) => *kind,
            Ok(_) => return Ok(of_column(table, query.column, WhyNot::OtherType)),
            Err(not) => return Ok(HostRows::NotCheckable(not)),
        };
        let between = match query.between {
            Some((time, ..)) => match column_of(found, table, time) {
                Ok(Column { kind: Kind::Time, .. }) => {
                    format!("and t.{0} >= $2 and t.{0} < $3", quoted(time))
                }
                Ok(_) => return Ok(of_column(table, time, WhyNot::OtherType)),
                Err(not) => return Ok(HostRows::NotCheckable(not)),
            },
            None => String::new(),
        };
        let (cells, schema, key) = (cells(found), quoted(&self.schema), quoted(query.column));
        let sql = format!(
            "select jsonb_build_object({cells})::text as host_row from {schema}.{table} t
            where t.{key} = any ($1) {between} limit {}",
            ROWS_MAX + 1
        );
        // A key that is no UUID is in no column of UUIDs.
        let uuids =
            || -> Vec<Uuid> { query.keys.iter().filter_map(|key| key.parse().ok()).collect() };
        let rows = self.connections.fetch_all("read the host's rows", |_| {
            let bound = sqlx::query(AssertSqlSafe(sql.clone())).persistent(false);
            let bound = match kind {
                Kind::Uuid => bound.bind(uuids()),
                _ => bound.bind(query.keys.to_vec()),
            };
            match query.between {
                Some((_, from, before)) => bound.bind(from).bind(before),
                None => bound,
            }
        });
        match rows.await {
            Ok(rows) if rows.len() > ROWS_MAX => Ok(whole(table, WhyNot::TooMany)),
            Ok(rows) => {
                let rows = rows.iter().map(|row| host_row(row, found));
                rows.collect::<Result<_, _>>().map(HostRows::Rows)
            }
            Err(error) => gone(&error).map(|why| whole(table, why)).ok_or(error),
        }
    }

    /// Ids that a statement lists. Its parameters are the two times, the id after which to begin, and how many.
    async fn ids(
        &self,
        sql: String,
        (from, before): (DateTime<Utc>, DateTime<Utc>),
        after: Option<Uuid>,
        max: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        let after = after.unwrap_or(Uuid::nil());
        let rows = self.connections.fetch_all("list the host's rows", |_| {
            let bound = sqlx::query(AssertSqlSafe(sql.clone())).persistent(false);
            bound.bind(from).bind(before).bind(after).bind(i64::from(max))
        });
        let id = |row: &PgRow| row.try_get::<Uuid, _>(0).map_err(|_| unreadable());
        rows.await?.iter().map(id).collect()
    }

    async fn list_requests(
        &self,
        time: (DateTime<Utc>, DateTime<Utc>),
        after: Option<Uuid>,
        max: u32,
    ) -> Result<HostIds, StoreError> {
        let table = HostTable::Requests;
        let needed = [("id", Kind::Uuid), ("created_at", Kind::Time)];
        if let Err(not) = self.catalog().await?.has(table, &needed) {
            return Ok(HostIds::NotCheckable(not));
        }
        let sql = format!(
            "select t.id from {}.{table} t where t.created_at >= $1 and t.created_at < $2 and t.id > $3
            order by t.id limit $4",
            quoted(&self.schema)
        );
        ids_or_gone(table, self.ids(sql, time, after, max).await)
    }

    async fn list_conversations(
        &self,
        time: (DateTime<Utc>, DateTime<Utc>),
        after: Option<Uuid>,
        max: u32,
    ) -> Result<HostIds, StoreError> {
        let catalog = self.catalog().await?;
        let schema = quoted(&self.schema);
        let conversation = ("conversation_id", Kind::Uuid);
        let of_messages =
            catalog.has(HostTable::Messages, &[conversation, ("timestamp", Kind::Time)]);
        let of_consents =
            catalog.has(HostTable::CallConsents, &[conversation, ("created_at", Kind::Time)]);
        let calls = [("consent_id", Kind::Uuid), ("initiated_at", Kind::Time)];
        let of_calls = catalog.has(HostTable::CallAttempts, &calls).and_then(|()| {
            catalog.has(HostTable::CallConsents, &[conversation, ("id", Kind::Uuid)])
        });
        let one = |table: HostTable, time: &str| {
            format!(
                "select t.conversation_id from {schema}.{table} t
                where t.{time} >= $1 and t.{time} < $2 and t.conversation_id > $3"
            )
        };
        let mut parts = Vec::new();
        if of_messages.is_ok() {
            parts.push(one(HostTable::Messages, "\"timestamp\""));
        }
        if of_consents.is_ok() {
            parts.push(one(HostTable::CallConsents, "created_at"));
        }
        if of_calls.is_ok() {
            parts.push(format!(
                "select c.conversation_id from {schema}.{} t join {schema}.{} c on c.id = t.consent_id
                where t.initiated_at >= $1 and t.initiated_at < $2 and c.conversation_id > $3",
                HostTable::CallAttempts,
                HostTable::CallConsents
            ));
        }
        if let (true, Err(not)) = (parts.is_empty(), of_messages) {
            return Ok(HostIds::NotCheckable(not));
        }
        let sql = format!("{} order by 1 limit $4", parts.join(" union "));
        ids_or_gone(HostTable::Messages, self.ids(sql, time, after, max).await)
    }
}

impl HostRecords for MoltbotTables {
    fn find<'a>(&'a self, query: HostQuery<'a>) -> BoxFuture<'a, Result<HostRows, StoreError>> {
        Box::pin(self.read(query))
    }

    fn requests(
        &self,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
        after: Option<Uuid>,
        max: u32,
    ) -> BoxFuture<'_, Result<HostIds, StoreError>> {
        Box::pin(self.list_requests((from, before), after, max))
    }

    fn conversations(
        &self,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
        after: Option<Uuid>,
        max: u32,
    ) -> BoxFuture<'_, Result<HostIds, StoreError>> {
        Box::pin(self.list_conversations((from, before), after, max))
    }
}

/// The columns of a table as arguments of `jsonb_build_object`. Each is bounded.
fn cells(columns: &[Column]) -> String {
    let cell = |Column { name, kind }: &Column| {
        let value = format!("t.{}", quoted(name));
        let value = match kind {
            // As a text: a number that no double holds would make the whole row unreadable.
            Kind::Json | Kind::Number => format!(
                "case when pg_column_size({value}) > {JSON_BYTES_MAX} then 'too large' \
                 else {value}::text end"
            ),
            Kind::Text => format!("left({value}::text, {TEXT_CHARS_MAX})"),
            Kind::Time | Kind::Uuid => value,
        };
        format!("'{name}', {value}")
    };
    columns.iter().map(cell).collect::<Vec<_>>().join(", ")
}

fn column_of<'a>(
    found: &'a [Column],
    table: HostTable,
    name: &'static str,
) -> Result<&'a Column, NotCheckable> {
    let column = found.iter().find(|column| column.name == name);
    column.ok_or(NotCheckable { table, column: Some(name), why: WhyNot::NoColumn })
}

fn whole(table: HostTable, why: WhyNot) -> HostRows {
    HostRows::NotCheckable(NotCheckable { table, column: None, why })
}

fn of_column(table: HostTable, column: &'static str, why: WhyNot) -> HostRows {
    HostRows::NotCheckable(NotCheckable { table, column: Some(column), why })
}

fn ids_or_gone(
    table: HostTable,
    ids: Result<Vec<Uuid>, StoreError>,
) -> Result<HostIds, StoreError> {
    match ids {
        Ok(ids) => Ok(HostIds::Ids(ids)),
        Err(error) => match gone(&error) {
            Some(why) => Ok(HostIds::NotCheckable(NotCheckable { table, column: None, why })),
            None => Err(error),
        },
    }
}

/// What a migration or a revoked right has changed since the catalog was read.
fn gone(error: &StoreError) -> Option<WhyNot> {
    match sqlstate(error)? {
        "42P01" | "3F000" => Some(WhyNot::NoTable),
        "42703" => Some(WhyNot::NoColumn),
        "42501" => Some(WhyNot::NoRight),
        _ => None,
    }
}

fn host_row(row: &PgRow, columns: &[Column]) -> Result<HostRow, StoreError> {
    let text: &str = row.try_get("host_row").map_err(|_| unreadable())?;
    let Ok(Value::Object(mut cells)) = serde_json::from_str(text) else { return Err(unreadable()) };
    let nested = |column: &&Column| matches!(column.kind, Kind::Json | Kind::Number);
    for column in columns.iter().filter(nested) {
        if let Some(cell) = cells.get_mut(column.name)
            && let Some(text) = cell.as_str()
        {
            // What cannot be read stays a text, which is no value of the column.
            let read = serde_json::from_str(text).ok().filter(|read: &Value| !read.is_null());
            *cell = read.unwrap_or_else(|| Value::from("unreadable"));
        }
    }
    Ok(HostRow::new(cells))
}

fn unreadable() -> StoreError {
    StoreError::database("read the host's rows", "a row does not have the form that was asked for")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
