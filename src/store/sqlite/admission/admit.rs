//! One claim, one transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use super::chain::{Placed, append_one, now};
use super::entry::{Whose, apply, bytes, entry, insert, json, malformed};
use super::{failed, key};
use crate::event::{Budget, SwitchScope};
use crate::json::parse;
use crate::store::StoreError;
use crate::store::admission::rules::{
    self, ConsentWord, Earlier, EffectEntry, Facts, Grant, SetSwitch,
};
use crate::store::admission::{Claim, ConsentClaim, DOING, Decision, KeyedHashes};
use crate::store::sqlite::row::Row;

/// What became of a claim.
pub(super) enum Answer {
    /// It is not admitted, and nothing is written.
    Decided(Decision),
    /// It is.
    Admitted { placed: Placed, used: Vec<i64>, elapsed: Option<Duration> },
}

pub(super) async fn admit(
    writer: &SqlitePool,
    claim: &Claim,
    row: &Row,
) -> Result<Answer, StoreError> {
    let fault = |error| failed(DOING, error);
    claim.check()?;
    // From here on no other process writes, so what is read below still holds at the write.
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let answer = decide(&mut transaction, claim, row).await?;
    match &answer {
        Answer::Admitted { placed: Ok(_), .. } => transaction.commit().await.map_err(fault)?,
        Answer::Admitted { .. } | Answer::Decided(_) => {
            transaction.rollback().await.map_err(fault)?;
        }
    }
    Ok(answer)
}

async fn decide(
    transaction: &mut SqliteConnection,
    claim: &Claim,
    row: &Row,
) -> Result<Answer, StoreError> {
    let now = now();
    let in_use = key::in_use_or(transaction, claim.key, now).await?;
    rules::check_key(claim, in_use)?;
    match earlier(transaction, claim, now).await? {
        None => {}
        Some(Earlier::Decides(decision)) => return Ok(Answer::Decided(decision)),
        Some(Earlier::Succeeded { effect_id }) => {
            let output = output(transaction, effect_id).await?;
            return Ok(Answer::Decided(Decision::Replay { effect_id, output }));
        }
        Some(Earlier::SameClaim) => {
            let (placed, _) = append_one(transaction, row, now).await?;
            return Ok(Answer::Admitted { placed, used: Vec::new(), elapsed: None });
        }
    }
    let facts = facts(transaction, claim, now).await?;
    let Grant { used, elapsed } = match rules::decide(claim, &facts) {
        Ok(grant) => grant,
        Err(obstacle) => return Ok(Answer::Decided(Decision::Refused(obstacle))),
    };
    let (placed, is_new) = append_one(transaction, row, now).await?;
    if placed.is_ok() && !is_new {
        return Err(StoreError::refused(DOING, rules::STORED_WITHOUT_ENTRY));
    }
    let entry = EffectEntry::admitted(claim, now);
    insert(transaction, &entry).await.map_err(|error| failed(DOING, error))?;
    apply(transaction, &entry.reserved()).await.map_err(|error| failed(DOING, error))?;
    Ok(Answer::Admitted { placed, used, elapsed })
}

async fn earlier(
    transaction: &mut SqliteConnection,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Option<Earlier>, StoreError> {
    let select = "select * from audit_effects where effect_id = ?1 or key_hash = ?2";
    let select = sqlx::query(select).bind(claim.effect_id.to_string());
    let found = select.bind(bytes(claim.key_hash.as_ref())).fetch_all(&mut *transaction).await;
    let rows = found.map_err(|error| failed(DOING, error))?;
    let entries = rows.iter().map(|row| entry(row, DOING)).collect::<Result<Vec<_>, _>>()?;
    let own = entries.iter().find(|entry| entry.effect_id == claim.effect_id);
    let holds = |entry: &&EffectEntry| entry.key_hash.is_some() && entry.key_hash == claim.key_hash;
    let mut previous = None;
    for hashes in &claim.previous {
        previous = previous.or(holder(transaction, hashes).await?);
    }
    Ok(rules::earlier(claim, own, entries.iter().find(holds).or(previous.as_ref()), now))
}

/// The effect that holds a key under a redaction key that was used before.
async fn holder(
    transaction: &mut SqliteConnection,
    hashes: &KeyedHashes,
) -> Result<Option<EffectEntry>, StoreError> {
    let select = sqlx::query("select * from audit_effects where key_hash = ?1");
    let select = select.bind(bytes(hashes.key_hash.as_ref()));
    let found = select.fetch_optional(transaction).await.map_err(|error| failed(DOING, error))?;
    found.map(|row| entry(&row, DOING)).transpose()
}

/// What a succeeded effect returned.
async fn output(
    transaction: &mut SqliteConnection,
    effect_id: Uuid,
) -> Result<Option<Value>, StoreError> {
    let select = sqlx::query("select outcome, output from audit_events where id = ?1");
    let found = select.bind(effect_id.to_string()).fetch_optional(transaction).await;
    let fault = |error| failed(DOING, error);
    let Some(row) = found.map_err(fault)? else { return Ok(None) };
    let output: Option<&str> = row.try_get("output").map_err(fault)?;
    let output = output.map(parse).transpose();
    let output = output.map_err(|_| malformed(DOING, "an outcome's output"))?;
    Ok(rules::replayed(row.try_get("outcome").map_err(fault)?, output))
}

/// Everything but the consent. `?1` is the list of switches, and `?3` that of [`AskedBudget`], whose order the
/// amounts keep. `?4` is the list of the claim's scopes; `?5` is true if a request names no conversation, and then it is
/// in those that its events name.
const FACTS: &str = "
    select
        (
            select json_group_array(json_object(
                'switch', known.switch, 'scope', known.scope, 'is_engaged', known.engaged = 1,
                'until', known.until, 'event_id', known.event_id
            ))
            from json_each(?1) as each
            join audit_switches as known on known.switch = each.value
            where known.scope in (select value from json_each(?4))
                or ?5 and known.scope in (
                    select 'conversation:' || conversation_id from audit_events
                    where stream_id = ?2 and conversation_id is not null
                )
        ) as set_switches,
        (select heard_at from audit_streams where stream_id = ?2) as heard_at,
        exists (
            select 1 from audit_events
            where stream_id = ?2 and event_type = 'shortlist.generated'
                and outcome = 'succeeded'
        ) as has_shortlist,
        (
            select json_group_array(coalesce(asked.used, 0) order by asked.key)
            from (
                select
                    each.key,
                    coalesce(of_request.used, of_day.used) as used
                from json_each(?3) as each
                left join audit_budgets as of_request
                on of_request.request_id = each.value ->> 'request'
                and of_request.budget = each.value ->> 'budget'
                left join audit_day_budgets as of_day
                on of_day.day = each.value ->> 'day'
                and of_day.budget = each.value ->> 'budget'
            ) as asked
        ) as used
";

/// A budget whose usage is read.
#[derive(Serialize)]
struct AskedBudget<'a> {
    budget: &'a Budget,
    #[serde(flatten)]
    whose: Whose,
}

/// A row of `audit_switches`.
#[derive(Deserialize)]
struct SetRow {
    switch: String,
    scope: String,
    is_engaged: i64,
    until: Option<i64>,
    event_id: Option<Uuid>,
}

impl From<SetRow> for SetSwitch {
    fn from(row: SetRow) -> Self {
        let until = |us| DateTime::from_timestamp_micros(us).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Self {
            switch: row.switch,
            // The query found it by a scope of the claim's.
            scope: SwitchScope::parse(&row.scope).unwrap_or(SwitchScope::Everywhere),
            is_engaged: row.is_engaged != 0,
            until: row.until.map(until),
            event_id: row.event_id,
        }
    }
}

async fn facts(
    transaction: &mut SqliteConnection,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Facts, StoreError> {
    let fault = |error| failed(DOING, error);
    let asked = claim.charges.iter().map(|charge| AskedBudget {
        budget: &charge.budget,
        whose: claim.scope(charge.period, now).into(),
    });
    let select = sqlx::query(FACTS).bind(json(&claim.switches));
    let select = select.bind(claim.intent.stream_id().to_string());
    let select = select.bind(json(&asked.collect::<Vec<_>>()));
    let scopes: Vec<String> = claim.scopes().map(|scope| scope.to_string()).collect();
    let select = select.bind(json(&scopes)).bind(claim.is_unnamed());
    let row = select.fetch_one(&mut *transaction).await.map_err(fault)?;
    let set: &str = row.try_get("set_switches").map_err(fault)?;
    let set: Vec<SetRow> = serde_json::from_str(set).map_err(|_| malformed(DOING, "a switch"))?;
    let set: Vec<SetSwitch> = set.into_iter().map(SetSwitch::from).collect();
    let heard_at: Option<i64> = row.try_get("heard_at").map_err(fault)?;
    let used: &str = row.try_get("used").map_err(fault)?;
    let used: Vec<i64> =
        serde_json::from_str(used).map_err(|_| malformed(DOING, "what is used"))?;
    let consent = match &claim.consent {
        Some(consent) => last_word(transaction, claim, consent).await.map_err(fault)?,
        None => None,
    };
    Ok(Facts {
        now,
        engaged: rules::engaged(&claim.switches, &set, now),
        consent,
        used,
        heard_at: heard_at.and_then(DateTime::from_timestamp_micros),
        has_shortlist: row.try_get("has_shortlist").map_err(fault)?,
    })
}

async fn last_word(
    transaction: &mut SqliteConnection,
    claim: &Claim,
    consent: &ConsentClaim,
) -> Result<Option<ConsentWord>, sqlx::Error> {
    // The list of types word for word as the index has it. The columns beside the one `max` are of its row.
    const SELECT: &str = "
        select
            event_type, recorded_at, input -> '$.expires_at' as expires_at, max(seq)
        from audit_events
        where stream_id in (?1, ?2)
        and event_type in ('call.consent_granted', 'call.consent_denied', 'call.consent_expired')
        and input ->> '$.consent_id' = ?3
        group by stream_id
    ";
    let [of_request, of_conversation] =
        claim.consent_streams().map(|stream_id| stream_id.map(|id| id.to_string()));
    let select = sqlx::query(SELECT).bind(of_request).bind(of_conversation);
    let select = select.bind(&consent.consent_id);
    let rows = select.fetch_all(transaction).await?;
    let words = rows.iter().map(consent_word).collect::<Result<Vec<_>, _>>()?;
    Ok(ConsentWord::that_counts(words))
}

fn consent_word(row: &SqliteRow) -> Result<ConsentWord, sqlx::Error> {
    let expires_at: Option<&str> = row.try_get("expires_at")?;
    // A time beyond the calendar has long passed.
    let time = |micros| DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH);
    Ok(ConsentWord {
        event_type: row.try_get("event_type")?,
        recorded_at: time(row.try_get("recorded_at")?),
        expires_at: expires_at.map(|text| parse(text).unwrap_or(Value::from(0))),
    })
}
