//! The other way to audit: a trigger that copies each changed row into an audit table, in the host's
//! own transaction, as `supa_audit` does. No hash, no chain, no reason why.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

const ROWS: usize = 10_000;
/// What each client does before the time runs, so that it has its plans.
const WARM_UP: usize = 10;

/// A host's table, and the audit of its rows as `supa_audit` 0.3 does it, step by step: the operation is
/// an enum; ids are derived from table and primary key, whose columns are looked up for each row; both
/// versions are kept as jsonb, under the same five checks and the same five indexes. Its trigger on
/// truncate, and its columns for Supabase's `auth`, are left out: they would cost it more.
///
/// Beside it the least that a trigger written by hand for this one table can do.
const SCHEMA: &str = r#"
    create table requests (
        id uuid primary key, client text not null, state text not null, details jsonb not null
    );
    insert into requests
    select md5(n::text)::uuid, 'client ' || n, 'created', jsonb_build_object(
        'text', 'Muraho! Do you have paracetamol 500mg, 2 boxes, in stock, and at what price?',
        'vendor_id', md5(n::text || 'v')::uuid, 'batch', 1, 'channel', 'whatsapp'
    )
    from generate_series(1, 10000) n;
    create extension "uuid-ossp";
    create type operation as enum ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');
    create table row_versions (
        id bigserial primary key, record_id uuid, old_record_id uuid, op operation not null,
        ts timestamptz not null default now(), table_oid oid not null, table_schema name not null,
        table_name name not null, record jsonb, old_record jsonb,
        check (op = 'TRUNCATE' or coalesce(record_id, old_record_id) is not null),
        check ((record_id is not null) = (op in ('INSERT', 'UPDATE'))),
        check ((record is not null) = (op in ('INSERT', 'UPDATE'))),
        check ((old_record_id is not null) = (op in ('UPDATE', 'DELETE'))),
        check ((old_record is not null) = (op in ('UPDATE', 'DELETE')))
    );
    create index row_versions_record on row_versions (record_id) where record_id is not null;
    create index row_versions_old on row_versions (old_record_id) where old_record_id is not null;
    create index row_versions_ts on row_versions using brin (ts);
    create index row_versions_table on row_versions (table_oid);
    create function key_columns(of oid) returns text[]
    language sql stable security definer set search_path = '' as $$
        select coalesce(array_agg(a.attname::text order by a.attnum), '{}')
        from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indrelid = of and i.indisprimary
    $$;
    create function version_id(of oid, keys text[], version jsonb) returns uuid
    language sql stable as $$
        select case
            when version is null then null
            when keys = '{}' then uuid_generate_v4()
            else (
                select uuid_generate_v5(
                    '6ba7b812-9dad-11d1-80b4-00c04fd430c8',
                    (jsonb_build_array(to_jsonb(of)) || jsonb_agg(version ->> key))::text
                )
                from unnest(keys) k (key)
            )
        end
    $$;
    create function audit_row() returns trigger language plpgsql security definer as $$
    declare
        keys text[] = key_columns(tg_relid);
        after jsonb = to_jsonb(new);
        after_id uuid = version_id(tg_relid, keys, after);
        before jsonb = to_jsonb(old);
        before_id uuid = version_id(tg_relid, keys, before);
    begin
        insert into row_versions
            (record_id, old_record_id, op, table_oid, table_schema, table_name, record, old_record)
        select after_id, before_id, tg_op::operation, tg_relid, tg_table_schema, tg_table_name,
            after, before;
        return coalesce(new, old);
    end
    $$;
    create trigger audit_row after insert or update or delete on requests
    for each row execute function audit_row();

    create table lean_versions (
        id bigserial primary key, record_id uuid, old_record_id uuid, op text not null,
        ts timestamptz not null default now(), table_oid oid not null, table_schema name not null,
        table_name name not null, record jsonb, old_record jsonb
    );
    create index lean_versions_record on lean_versions (record_id) where record_id is not null;
    create index lean_versions_old on lean_versions (old_record_id) where old_record_id is not null;
    create index lean_versions_ts on lean_versions using brin (ts);
    create function lean_audit_row() returns trigger language plpgsql security definer as $$
    begin
        insert into lean_versions
            (record_id, old_record_id, op, table_oid, table_schema, table_name, record, old_record)
        values (new.id, old.id, tg_op, tg_relid, tg_table_schema, tg_table_name, to_jsonb(new),
            to_jsonb(old));
        return new;
    end
    $$;
    create trigger lean_audit_row after insert or update on requests
    for each row execute function lean_audit_row();
"#;

/// Who audits the rows.
#[derive(Clone, Copy)]
pub(crate) enum Audit {
    Lean,
    Supa,
}

pub(crate) async fn prepare(pool: &PgPool) {
    sqlx::raw_sql(SCHEMA).execute(pool).await.expect("the cluster is ours");
}

/// Back to where it began, without the dead rows of the updates.
pub(crate) async fn empty(pool: &PgPool, audit: Audit) {
    let (on, off) = match audit {
        Audit::Lean => ("lean_audit_row", "audit_row"),
        Audit::Supa => ("audit_row", "lean_audit_row"),
    };
    let set = format!(
        "alter table requests enable trigger {on}, disable trigger {off};
         truncate row_versions, lean_versions"
    );
    sqlx::raw_sql(AssertSqlSafe(set)).execute(pool).await.expect("the cluster is ours");
    for sql in ["vacuum requests", "checkpoint"] {
        sqlx::query(sql).execute(pool).await.expect("the cluster is ours");
    }
}

/// So many clients change one row at a time, each change in a commit of its own.
pub(crate) async fn update(url: &str, clients: u32, count: usize) -> Duration {
    let pool = PgPoolOptions::new()
        .min_connections(clients)
        .max_connections(clients)
        .test_before_acquire(false)
        .connect(url)
        .await
        .expect("the cluster accepts connections");
    update_rows(&pool, clients, WARM_UP * clients as usize).await;
    let started = Instant::now();
    update_rows(&pool, clients, count).await;
    let took = started.elapsed();
    pool.close().await;
    took
}

async fn update_rows(pool: &PgPool, clients: u32, count: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..clients)
        .map(|_| {
            let (pool, next) = (pool.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let row = i32::try_from(number % ROWS + 1).expect("a small number");
                    sqlx::query("update requests set state = $2 where id = md5($1::text)::uuid")
                        .bind(row)
                        .bind(format!("state {number}"))
                        .execute(&pool)
                        .await
                        .expect("the row changes");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a client ends");
    }
}
