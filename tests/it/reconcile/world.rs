//! A database with the audit and the host's tables, and requests that are in both.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::event::Budget;
use moltbot_audit::proof::Salt;
use moltbot_audit::reconcile::Finding;
use moltbot_audit::record::{Record, seal};
use moltbot_audit::store::{AuditSink as _, PostgresStore};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use uuid::Uuid;

use super::planted::Trail;
use crate::support::claims;
use crate::support::cluster::Cluster;
use crate::support::records::{KEY, unique};
use crate::support::stores;

pub(super) struct World {
    pub(super) store: PostgresStore,
    pub(super) pool: PgPool,
    pub(super) url: String,
    /// When everything happens.
    at: DateTime<Utc>,
}

/// One request and its ids.
pub(super) struct Case {
    pub(super) n: usize,
}

/// Names of rows, each of which has an id in each case.
const NAMES: [&str; 12] = [
    "request",
    "conversation",
    "stranger",
    "vendor_a",
    "vendor_b",
    "vendor_c",
    "outreach_a",
    "outreach_b",
    "job",
    "consent",
    "attempt",
    "inbound_row",
];

impl Case {
    pub(super) fn id(&self, name: &str) -> String {
        let nth = NAMES.iter().position(|known| *known == name).expect("a name of the list");
        Uuid::from_u128(
            0x5eed_0000_0000_4000_8000_0000_0000_0000 + (self.n as u128) * 256 + nth as u128,
        )
        .to_string()
    }

    pub(super) fn wamid(&self, name: &str) -> String {
        format!("wamid.{name}.{}", self.n)
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let url = Cluster::shared().create_database().await;
        let (store, pool) = (stores::migrated(&url).await, stores::pool(&url).await);
        pool.execute(include_str!("host.sql")).await.expect("the host's tables");
        Self { store, pool, url, at: SystemClock::new().now().trunc_subsecs(0) }
    }

    /// A time that holds everything.
    pub(super) fn period(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.at - TimeDelta::hours(1), self.at + TimeDelta::hours(1))
    }

    /// When leases and deliveries are over.
    pub(super) fn later(&self) -> DateTime<Utc> {
        self.at + TimeDelta::days(2)
    }

    /// The case in which a finding is.
    pub(super) fn case_of(finding: &Finding) -> Option<usize> {
        let of = |id: Uuid| usize::try_from((id.as_u128() & 0xffff_ffff) / 256).ok();
        let is_ours = |id: &Uuid| id.as_u128() >> 96 == 0x5eed_0000;
        finding.request_id.or(finding.conversation_id).filter(is_ours).and_then(of)
    }

    /// Records the trail, fills the tables, and then changes them.
    pub(super) async fn plant(&self, n: usize, trail: Trail, sql: &str) -> Case {
        let case = Case { n };
        if trail != Trail::Nothing {
            self.record(&case, trail).await;
        }
        self.fill(&case, trail).await;
        if !sql.is_empty() {
            self.run(&case, sql).await;
        }
        case
    }

    pub(super) async fn run(&self, case: &Case, sql: &str) {
        let mut sql = NAMES
            .iter()
            .fold(sql.to_owned(), |sql, name| sql.replace(&format!("{{{name}}}"), &case.id(name)));
        let at = (self.at + TimeDelta::seconds(10)).to_rfc3339();
        for (name, value) in [
            ("inbound", case.wamid("in")),
            ("outbound", case.wamid("out")),
            ("n", case.n.to_string()),
            ("at", at),
        ] {
            sql = sql.replace(&format!("{{{name}}}"), &value);
        }
        self.pool.execute(AssertSqlSafe(sql.clone())).await.expect(&sql);
    }

    async fn record(&self, case: &Case, trail: Trail) {
        let mut story = Story { case, at: self.at, records: Vec::new() };
        story.tell(trail);
        let records = std::mem::take(&mut story.records);
        self.store.append(&records).await.expect("the batch lands");
        if matches!(trail, Trail::InDoubt | Trail::NeverSettled) {
            self.leave_open(case, trail).await;
        }
    }

    /// An effect that is admitted, and has no end or an unclear one.
    async fn leave_open(&self, case: &Case, trail: Trail) {
        let request = KEY.request_id(&case.id("request")).expect("a UUID");
        let of = claims::Case { store: std::sync::Arc::new(self.store.clone()), request };
        let claim = of.charged([claims::charge(Budget::MOLTBOT_CALLS, 1, 8)]);
        of.admit(&moltbot_audit::store::admission::Claim {
            lease: Duration::from_secs(1),
            ..claim.clone()
        })
        .await;
        if trail == Trail::InDoubt {
            of.fail(&claim, Outcome::Cancelled, ErrorCode::Cancelled).await;
        }
    }

    async fn fill(&self, case: &Case, trail: Trail) {
        let consent = if trail == Trail::NoConsent {
            "'requested', null, null"
        } else {
            "'granted', '{at}', '{at}'::timestamptz + interval '1 day'"
        };
        let state = if trail == Trail::IllegalStep { "closed" } else { "handed_off" };
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let sql = format!(
            "
            insert into moltbot_conversations (id, client_phone) values
                ('{{conversation}}', '+250788000{n:03}'), ('{{stranger}}', '+250788001{n:03}');
            insert into vendors (id, business_name, phone) values
                ('{{vendor_a}}', 'A', '+2507890{n:03}1'), ('{{vendor_b}}', 'B', '+2507890{n:03}2'),
                ('{{vendor_c}}', 'C', '+2507890{n:03}3');
            insert into moltbot_conversation_messages
                (conversation_id, provider_message_id, direction, message_type, body, timestamp) values
                ('{{conversation}}', '{{inbound}}', 'inbound', 'text', 'Muraho, ndashaka charger', '{{at}}'),
                ('{{conversation}}', '{{outbound}}', 'outbound', 'text', 'Dore amaduka abiri', '{{at}}'),
                ('{{conversation}}', 'wamid.ask.{n}', 'outbound', 'text', 'Twaguhamagara?', '{{at}}');
            insert into moltbot_marketplace_requests
                (id, conversation_id, state, requirements, shortlist, created_at) values
                ('{{request}}', '{{conversation}}', '{state}', '{{\"from_number\": \"+250788000001\"}}',
                '[{{\"vendor_id\": \"{{vendor_a}}\", \"vendor_phone\": \"+250789\", \"price\": 12000}},
                  {{\"vendor_id\": \"{{vendor_b}}\", \"price\": 15000}}]', '{at}');
            insert into moltbot_ocr_jobs (id, request_id, status, media_url, confidence, created_at) values
                ('{{job}}', '{{request}}', 'completed', 'https://x/1', 0.91, '{{at}}');
            insert into moltbot_vendor_outreach
                (id, request_id, vendor_id, state, outreach_sent_at, response_message, response_received_at) values
                ('{{outreach_a}}', '{{request}}', '{{vendor_a}}', 'replied', '{{at}}', '12 000', '{{at}}'),
                ('{{outreach_b}}', '{{request}}', '{{vendor_b}}', 'sent', '{{at}}', null, null);
            insert into moltbot_call_consents (id, conversation_id, state, granted_at, expires_at, created_at) values
                ('{{consent}}', '{{conversation}}', {consent}, '{{at}}');
            insert into moltbot_call_attempts
                (id, consent_id, provider_call_id, status, duration_seconds, initiated_at) values
                ('{{attempt}}', '{{consent}}', 'call.{n}', 'completed', 42, '{{at}}')",
            n = case.n,
        );
        let sql = if trail == Trail::Nothing {
            // The host's row alone: what it did in it would be a finding each.
            sql.split(';').take(2).collect::<Vec<_>>().join(";")
                + &format!(
                    "; insert into moltbot_marketplace_requests (id, conversation_id, created_at)
                    values ('{{request}}', '{{conversation}}', '{at}')"
                )
        } else {
            sql
        };
        self.run(case, &sql).await;
    }
}

/// The trail of one request.
struct Story<'a> {
    case: &'a Case,
    at: DateTime<Utc>,
    records: Vec<Record>,
}

impl Story<'_> {
    fn tell(&mut self, trail: Trail) {
        let id = |name| self.case.id(name);
        let (inbound, outbound) = (self.case.wamid("in"), self.case.wamid("out"));
        let job = id("job");
        self.add(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client,
            json!({ "provider_message_id": inbound, "message_type": "text", "text": "Muraho, ndashaka charger" }),
            json!({ "duplicate": false }));
        self.add(EventType::REQUEST_CREATED, Actor::System, json!({}), json!({}));
        self.step(None, "collecting_requirements");
        if trail == Trail::IllegalStep {
            self.step(Some("collecting_requirements"), "handed_off");
        } else {
            self.step(Some("collecting_requirements"), "vendor_outreach");
        }
        self.add(EventType::OCR_JOB_CREATED, Actor::System, json!({}), json!({ "job_id": job }));
        self.add(
            EventType::OCR_JOB_DONE,
            Actor::System,
            json!({ "job_id": job }),
            json!({ "status": "completed", "confidence": 0.91 }),
        );
        self.vendors();
        if trail == Trail::IllegalStep {
            self.step(Some("handed_off"), "closed");
        } else {
            self.step(Some("vendor_outreach"), "awaiting_vendor_replies");
            self.step(Some("awaiting_vendor_replies"), "shortlist_ready");
            self.step(Some("shortlist_ready"), "handed_off");
        }
        self.call(trail);
        self.add(
            EventType::WHATSAPP_OUTBOUND_SENT,
            Actor::System,
            json!({ "message_type": "text", "text": "Dore amaduka abiri" }),
            json!({ "provider_message_id": outbound }),
        );
        self.report(&outbound, "sent");
        self.report(&outbound, if trail == Trail::NotDelivered { "failed" } else { "delivered" });
    }

    fn vendors(&mut self) {
        let n = self.case.n;
        let (a, b) = (self.case.id("vendor_a"), self.case.id("vendor_b"));
        let (outreach_a, outreach_b) = (self.case.id("outreach_a"), self.case.id("outreach_b"));
        for (vendor, outreach, name) in [(&a, outreach_a, "a"), (&b, outreach_b, "b")] {
            let wamid = format!("wamid.vendor.{name}.{n}");
            self.add(
                EventType::VENDOR_OUTREACH_SENT,
                Actor::System,
                json!({ "vendor_id": vendor, "outreach_id": outreach, "text": "Mufite charger?" }),
                json!({ "provider_message_id": wamid }),
            );
            self.report(&wamid, "delivered");
        }
        self.add(
            EventType::VENDOR_REPLY_RECORDED,
            Actor::Vendor,
            json!({ "vendor_id": a, "provider_message_id": format!("wamid.reply.{n}") }),
            json!({ "availability": "in_stock", "price_min": 12_000 }),
        );
        self.add(
            EventType::SHORTLIST_GENERATED,
            Actor::System,
            json!({}),
            json!({ "items": [
            { "vendor_id": a, "price": 12_000, "total": 102.0 },
            { "vendor_id": b, "price": 15_000, "total": 18.0 },
        ] }),
        );
    }

    fn call(&mut self, trail: Trail) {
        let n = self.case.n;
        let (consent, attempt) = (self.case.id("consent"), self.case.id("attempt"));
        let asked = format!("wamid.ask.{n}");
        self.add(
            EventType::CALL_CONSENT_REQUESTED,
            Actor::System,
            json!({ "consent_id": consent, "text": "Twaguhamagara?" }),
            json!({ "provider_message_id": asked }),
        );
        self.report(&asked, "read");
        if trail != Trail::NoConsent {
            self.add(
                EventType::CALL_CONSENT_GRANTED,
                Actor::Client,
                json!({ "consent_id": consent }),
                json!({}),
            );
        }
        self.add(
            EventType::CALL_STARTED,
            Actor::System,
            json!({ "consent_id": consent, "attempt_id": attempt, "target_role": "client" }),
            json!({ "provider_call_id": format!("call.{n}") }),
        );
        self.add(
            EventType::CALL_STATUS_UPDATED,
            Actor::System,
            json!({ "attempt_id": attempt }),
            json!({ "status": "completed", "duration_seconds": 42 }),
        );
    }

    fn step(&mut self, from: Option<&str>, to: &str) {
        let input = json!({ "from_state": from, "to_state": to });
        self.add(EventType::REQUEST_STATE_CHANGED, Actor::System, input, json!({}));
    }

    fn report(&mut self, wamid: &str, status: &str) {
        let input = json!({ "provider_message_id": wamid });
        self.add(
            EventType::WHATSAPP_STATUS_UPDATED,
            Actor::System,
            input,
            json!({ "status": status }),
        );
    }

    fn add(&mut self, event_type: EventType, actor: Actor, input: Value, output: Value) {
        let step = TimeDelta::seconds(i64::try_from(self.records.len()).expect("a few"));
        let number = unique();
        let event = AuditEvent::new(event_type, actor)
            .request(&KEY.request_id(&self.case.id("request")).expect("a UUID"))
            .conversation(&KEY.conversation_id(&self.case.id("conversation")).expect("a UUID"))
            .id(EventId::new(self.at + step, number).expect("a time of this century"))
            .input(input)
            .output(output);
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&number.to_be_bytes());
        let now = self.at + TimeDelta::minutes(5);
        let record = seal(event, now, number, Salt::from_bytes(salt), &KEY);
        self.records.push(record.expect("a valid event"));
    }
}
