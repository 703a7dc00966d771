//! What of the host's tables is there, and may be read.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::super::connections::Connections;
use super::super::error::unanswered;
use crate::store::{HostTable, NotCheckable, StoreError, WhyNot};

const CATALOG: &str = "
    select
        c.relname::text as table_name, a.attname::text as column_name,
        case when y.typtype = 'e' then 'enum' else y.typname::text end as type_name,
        has_schema_privilege(n.oid, 'usage')
            and has_column_privilege(c.oid, a.attnum, 'select') as is_readable,
        c.relkind in ('r', 'p') and row_security_active(c.oid) as is_filtered
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type y on y.oid = a.atttypid
    where n.nspname = $1 and c.relname = any ($2) and c.relkind in ('r', 'p', 'v', 'm', 'f')";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Number,
    Text,
    Time,
    Uuid,
}

/// A column that can be read.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What is there, by table. A table that is not in it does not exist.
#[derive(Debug)]
pub(super) struct Catalog(BTreeMap<HostTable, Result<Vec<Column>, WhyNot>>);

impl Catalog {
    pub(super) async fn read(connections: &Connections, schema: &str) -> Result<Self, StoreError> {
        const DOING: &str = "look for the host's tables";
        let tables: Vec<&str> = HostTable::ALL.iter().map(|table| table.as_str()).collect();
        let rows = connections.fetch_all(DOING, |_| {
            sqlx::query(CATALOG).bind(schema.to_owned()).bind(tables.clone()).persistent(false)
        });
        let mut found: BTreeMap<HostTable, Result<Vec<Column>, WhyNot>> = BTreeMap::new();
        for row in rows.await? {
            let read = described(&row).map_err(|error| unanswered(DOING, error.to_string()))?;
            let Some((table, column)) = read else { continue };
            let columns = found.entry(table).or_insert_with(|| Ok(Vec::new()));
            match (column, columns) {
                (Err(WhyNot::RowSecurity), columns) => *columns = Err(WhyNot::RowSecurity),
                (Ok(column), Ok(columns)) => columns.push(column),
                _ => {}
            }
        }
        for columns in found.values_mut() {
            if columns.as_ref().is_ok_and(Vec::is_empty) {
                *columns = Err(WhyNot::NoRight);
            }
        }
        Ok(Self(found))
    }

    /// The columns of a table that can be read.
    pub(super) fn table(&self, table: HostTable) -> Result<&[Column], WhyNot> {
        match self.0.get(&table) {
            Some(Ok(columns)) => Ok(columns),
            Some(Err(why)) => Err(*why),
            None => Err(WhyNot::NoTable),
        }
    }

    /// Whether a table has these columns.
    pub(super) fn has(
        &self,
        table: HostTable,
        needed: &[(&'static str, Kind)],
    ) -> Result<(), NotCheckable> {
        let columns = self.table(table).map_err(|why| NotCheckable { table, column: None, why })?;
        for (name, kind) in needed {
            let why = match columns.iter().find(|column| column.name == *name) {
                Some(column) if column.kind == *kind => continue,
                Some(_) => WhyNot::OtherType,
                None => WhyNot::NoColumn,
            };
            return Err(NotCheckable { table, column: Some(name), why });
        }
        Ok(())
    }
}

type Described = Option<(HostTable, Result<Column, WhyNot>)>;

/// A column that is compared. `None` for every other, and for one whose type could run a function of the host's when it
/// is read.
fn described(row: &PgRow) -> Result<Described, sqlx::Error> {
    let Some(table) = HostTable::parse(row.try_get("table_name")?) else { return Ok(None) };
    if row.try_get::<bool, _>("is_filtered")? {
        return Ok(Some((table, Err(WhyNot::RowSecurity))));
    }
    let name: &str = row.try_get("column_name")?;
    let Some(name) = table.columns().iter().find(|known| **known == name) else { return Ok(None) };
    if !row.try_get::<bool, _>("is_readable")? {
        return Ok(Some((table, Err(WhyNot::NoRight))));
    }
    let kind = match row.try_get("type_name")? {
        "uuid" => Kind::Uuid,
        "timestamptz" => Kind::Time,
        "enum" | "text" | "varchar" | "bpchar" => Kind::Text,
        "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" => Kind::Number,
        "jsonb" => Kind::Json,
        _ => return Ok(Some((table, Err(WhyNot::OtherType)))),
    };
    Ok(Some((table, Ok(Column { name, kind }))))
}
