//! Random trails: what hosts, models and clients could write, and what nobody would.

use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::event::{Actor, ErrorCode, Outcome};
use moltbot_audit::redact::{FieldKind, Profile};
use moltbot_audit::{AuditEvent, EventId, EventType, RequestId, TraceContext};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::strategy::{BoxedStrategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};

use crate::support::json::{json, number};
use crate::support::records::{KEY, fresh_request, morning, named_conversation, unique};

/// Names that the library knows, that begin like one, or that mean something to JSON, JavaScript or SQL.
const NAMES: [&str; 73] = [
    "action",
    "amount",
    "attempt_id",
    "availability",
    "batch_number",
    "body",
    "budget",
    "candidates",
    "category",
    "charges",
    "client_phone",
    "code",
    "confidence",
    "consent_id",
    "context",
    "cost_microusd",
    "decided_by",
    "description",
    "effect_id",
    "elapsed_max_ms",
    "elapsed_ms",
    "errors",
    "excluded",
    "expires_at",
    "extracted",
    "factors",
    "field_confidence",
    "from_phone",
    "from_state",
    "handed_off_at",
    "input_tokens",
    "items",
    "job_id",
    "latency_seconds",
    "lease_ms",
    "limit",
    "media_id",
    "message_id",
    "message_type",
    "moltbot_event_id",
    "name",
    "normalized_need",
    "order",
    "orderId",
    "order2_id",
    "outbound_event_id",
    "output_tokens",
    "period",
    "price",
    "price_max",
    "profile_name",
    "provider_message_id",
    "raw",
    "reason",
    "reply_event_id",
    "requirements",
    "safe_client_message",
    "score_delta",
    "status",
    "switch",
    "text",
    "to_state",
    "total",
    "used",
    "vendor_id",
    "vendor_ids",
    "vendor_name",
    "vendor_phone",
    "warnings",
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
    "__proto__",
    "toJSON",
];
const ODD_NAMES: [&str; 14] = [
    "",
    "0",
    "01",
    "a/b",
    "a~b",
    "~1",
    "/input",
    "/input/text",
    "\0",
    "a\0",
    "a\u{fffd}",
    "\u{e000}",
    "🙏",
    "constructor",
];

const WORDS: [&str; 32] = [
    "",
    "vendor-1",
    "vendor-2",
    "0788 123 456",
    "+250788123456",
    "call 0788123456 now",
    "Marie",
    "Aline Uwase",
    "a@b.rw",
    "[hidden]",
    "***456",
    "[name]",
    "pharmacy",
    "electronics",
    "medicine",
    "in_stock",
    "succeeded",
    "moltbot_calls",
    "tokens",
    "request",
    "day",
    "ai",
    "2036-03-02T07:15:00Z",
    "2036-03-02 07:15:00Z",
    "collecting",
    "closed",
    "ndashaka charger",
    "12,500 RWF",
    "[1]",
    "{\"a\":\"0788123456\",\"n\":1e400}",
    "{\"$serde_json::private::RawValue\":\"[1]\"}",
    "\u{fffd}\0",
];

/// Event types of no vocabulary.
const OTHER_TYPES: [&str; 4] = ["a.b", "vendor.reply_recorded.again", "call.started2", "host.note"];

/// The `nth` value of a seed: the same in every run.
pub(super) fn sampled<S: Strategy>(seed: u64, nth: u64, strategy: &S) -> S::Value {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..16].copy_from_slice(&nth.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).expect("nothing is rejected").current()
}

/// An event of any type that hosts record.
pub(super) fn any_told() -> impl Strategy<Value = Told> {
    told(&NAMES.to_vec())
}

/// An input and an output.
pub(super) fn any_payloads() -> impl Strategy<Value = [Value; 2]> {
    [payload(&NAMES.to_vec()), payload(&NAMES.to_vec())]
}

/// What one host does within one request, and how it is exported.
#[derive(Debug)]
pub(super) struct Trail {
    pub(super) request: RequestId,
    pub(super) events: Vec<AuditEvent>,
    pub(super) additions: Vec<(String, Option<FieldKind>)>,
}

impl Trail {
    /// The `nth` trail of a seed: the same in every run, but for the ids.
    pub(super) fn nth(seed: u64, nth: u64) -> Self {
        // Few names, so that what is added to a profile meets what is told.
        let names = (subset(&NAMES, 3..16), subset(&ODD_NAMES, 0..4));
        let strategy = names.prop_flat_map(|(known, odd)| {
            let names = [known, odd].concat();
            (prop::collection::vec(told(&names), 1..6), additions(&names), leaf())
        });
        let (told, additions, leaf) = sampled(seed, nth, &strategy);
        let request = fresh_request();
        let mut events: Vec<_> = told.into_iter().map(|told| told.event(&request)).collect();
        // What the host adds to a profile stands somewhere, and is seen.
        if let Some(Value::Object(members)) = &mut events[0].input {
            members.extend(additions.iter().map(|(name, _)| (name.clone(), leaf.clone())));
        }
        events.iter_mut().for_each(understandable);
        Self { request, events, additions }
    }

    /// Both profiles, with the host's additions.
    pub(super) fn profiles(&self) -> [Profile; 2] {
        [Profile::internal(), Profile::external(&KEY)].map(|profile| {
            self.additions.iter().fold(profile, |profile, (field, kind)| match kind {
                None => profile.hide(field.clone()),
                Some(kind) => profile.danger_show(field.clone(), *kind),
            })
        })
    }
}

/// Takes out of a word about a consent what admission would not understand: that is refused when it is recorded.
fn understandable(event: &mut AuditEvent) {
    if event.event_type.as_str().starts_with("call.consent_")
        && let Some(Value::Object(input)) = &mut event.input
    {
        input.retain(|name, value| name != "consent_id" || value.is_string());
        input.remove("expires_at");
    }
}

/// One event without the ids that make it unique.
#[derive(Clone, Debug)]
pub(super) struct Told {
    event_type: EventType,
    actor: Actor,
    outcome: Outcome,
    error_code: Option<ErrorCode>,
    payloads: [Option<Value>; 2],
    key: Option<String>,
    conversation: Option<String>,
    duration: Option<Duration>,
    later: i64,
    trace: Option<(u128, u64)>,
}

impl Told {
    pub(super) fn event(self, request: &RequestId) -> AuditEvent {
        let at = morning() + TimeDelta::microseconds(self.later);
        let mut event = AuditEvent::new(self.event_type, self.actor)
            .request(request)
            .id(EventId::new(at, unique()).expect("a time of this century"));
        [event.input, event.output] = self.payloads;
        event.outcome = self.outcome;
        event.error_code = self.error_code;
        // A key is of one effect.
        event.idempotency_key = self.key.map(|key| format!("{key}:{}", unique()));
        event.conversation_id = self.conversation.map(|name| named_conversation(&name));
        event.duration = self.duration;
        event.trace = self.trace.and_then(|(trace, span)| TraceContext::new(trace, span));
        event
    }
}

type Names = Vec<&'static str>;

fn subset(of: &[&'static str], len: std::ops::Range<usize>) -> impl Strategy<Value = Names> {
    prop::sample::subsequence(of.to_vec(), len)
}

fn told(names: &Names) -> impl Strategy<Value = Told> + use<> {
    let known: Vec<EventType> =
        EventType::KNOWN.iter().filter(|known| !known.is_reserved()).cloned().collect();
    let other = OTHER_TYPES.map(|name| EventType::new(name).expect("well formed"));
    let event_type =
        prop_oneof![8 => prop::sample::select(known), 1 => prop::sample::select(other.to_vec())];
    let outcome = prop_oneof![4 => Just(Outcome::Succeeded), 1 => prop::sample::select(Outcome::ALL.to_vec())];
    let words = (
        event_type,
        prop::sample::select(Actor::ALL.to_vec()),
        outcome,
        prop::option::of(prop::sample::select(ErrorCode::ALL.to_vec())),
    );
    let rest = (
        prop::option::of(prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned)),
        prop::option::of(prop_oneof!["[a-z]{3,9}-[0-9]{1,4}", Just("+250 788 123 456".to_owned())]),
        prop::option::of(any::<u32>().prop_map(|ms| Duration::from_millis(ms.into()))),
        -1_000_000_000_000_i64..0,
        prop::option::of((any::<u128>(), any::<u64>())),
    );
    (words, [prop::option::of(payload(names)), prop::option::of(payload(names))], rest).prop_map(
        |((event_type, actor, outcome, error_code), payloads, rest)| {
            let (key, conversation, duration, later, trace) = rest;
            Told {
                event_type,
                actor,
                outcome,
                error_code,
                payloads,
                key,
                conversation,
                duration,
                later,
                trace,
            }
        },
    )
}

fn payload(names: &Names) -> impl Strategy<Value = Value> + use<> {
    prop_oneof![12 => shaped(names), 6 => json(), 1 => long()]
}

/// JSON with names of the vocabulary, and values of kinds that may or may not be theirs.
fn shaped(names: &Names) -> impl Strategy<Value = Value> + use<> {
    let within = names.clone();
    let inner = leaf().prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            2 => object(&within, inner),
        ]
    });
    object(names, inner)
}

fn leaf() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
        2 => "[ -~]{0,12}".prop_map(Value::from),
        3 => (-3_i64..20).prop_map(Value::from),
        1 => prop::sample::select(vec![
            720_000_000_i64, 788_123_456, 250_788_123_456, 9_007_199_254_740_991, 9_007_199_254_740_992, -1,
        ]).prop_map(Value::from),
        2 => prop::sample::select(vec![0.5, 74.0, -0.0, 1e-7, 1e21, 0.1]).prop_map(number),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => (0_u64..8).prop_map(|n| EventId::new(morning(), n).expect("a time").to_string().into()),
    ]
    .boxed()
}

fn object<S: Strategy<Value = Value>>(
    names: &Names,
    member: S,
) -> impl Strategy<Value = Value> + use<S> {
    let name = prop::sample::select(names.clone()).prop_map(str::to_owned);
    prop::collection::vec((name, member), 0..7)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

/// Long texts, long names, and many values.
fn long() -> impl Strategy<Value = Value> {
    let of = |name: String, value: Value| Value::from_iter([(name, value)]);
    prop_oneof![
        (1_000_usize..20_000).prop_map(move |len| of("text".to_owned(), "ä".repeat(len).into())),
        (1_000_usize..20_000).prop_map(move |len| of("k".repeat(len), 1.into())),
        (100_usize..1_000)
            .prop_map(move |len| of("items".to_owned(), vec![Value::Null; len].into())),
    ]
}

type Additions = Vec<(String, Option<FieldKind>)>;

fn additions(names: &Names) -> impl Strategy<Value = Additions> + use<> {
    let kinds =
        [FieldKind::Container, FieldKind::Id, FieldKind::Id, FieldKind::Open, FieldKind::Text];
    let kind = prop::option::weighted(0.6, prop::sample::select(kinds.to_vec()));
    let name = prop::sample::select(names.clone()).prop_map(str::to_owned);
    prop::collection::vec((name, kind), 0..8)
}
