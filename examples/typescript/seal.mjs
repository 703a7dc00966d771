// Seals an audit event as the Rust library does: fixes its bytes, commits to its parts, hashes it. It has
// no dependencies, and its types are in JSDoc, so that TypeScript checks the callers.
//
// TypeScript callers must keep secrets and raw media out themselves: `seal` withholds nothing, unlike the
// Rust library. See docs/typescript.md.

import { randomBytes } from "node:crypto";

import { asHostId, parseUuid } from "./host-id.mjs";
import { createdAtOf, eventId, microsOf, streamOf } from "./ids.mjs";
import { canonical, commitmentsTo, eventHash, keepText, pointersLen, sanitise } from "./proof.mjs";

export const ACTORS = ["admin", "client", "moltbot", "system", "vendor"];
export const OUTCOMES = ["cancelled", "failed", "panicked", "refused", "succeeded"];
export const ERROR_CODES = [
  "already_in_call",
  "budget_exceeded",
  "calling_disabled",
  "cancelled",
  "consent_denied",
  "consent_expired",
  "cooldown_active",
  "effect_failed",
  "in_doubt",
  "in_progress",
  "invalid_output",
  "invalid_state",
  "key_conflict",
  "no_consent",
  "not_performed",
  "panicked",
  "provider_error",
  "rate_limited",
  "switched_off",
  "time_exceeded",
  "timed_out",
  "unavailable",
];

/** Domains of event types that only the library writes. */
export const RESERVED_DOMAINS = ["audit", "budget", "effect", "pack", "switch"];

/** The largest payload of one event: input, output and host ids as canonical JSON, in bytes. */
const MAX_PAYLOAD_LEN = 1 << 20;
/** The most bytes that the JSON pointers into an input, or into an output, may have together. */
const MAX_POINTERS_LEN = 8 << 20;
/** The longest idempotency key, in bytes. */
const MAX_KEY_LEN = 512;
/** How far an event's time may be ahead of this clock: 24 hours, in microseconds. */
const MAX_AHEAD_US = 86_400_000_000n;
/** @typedef {import("./host-id.mjs").HostId} HostId */

/**
 * What the host reports.
 * @typedef {object} AuditEvent
 * @property {string} type what happened, as `domain.action`
 * @property {string} actor who acted, one of `ACTORS`
 * @property {HostId | string} [requestId] the request: its UUID, or the result of `hostId` for its name
 * @property {HostId | string} [conversationId] the conversation, in the same form
 * @property {unknown} [input] what went in: JSON
 * @property {unknown} [output] what came out: JSON
 * @property {string} [idempotencyKey] the host's idempotency key; use `phoneHash` for phone numbers in it
 * @property {string} [outcome] one of `OUTCOMES`; default `succeeded`
 * @property {string} [errorCode] why it did not succeed, one of `ERROR_CODES`
 * @property {number} [durationMs] how long it took, by a monotonic clock
 * @property {string} [id] from `eventId`; default: a new id that holds the time
 * @property {Date | bigint} [createdAt] when it happened; a bigint counts microseconds since 1970
 * @property {string} [traceparent] the header of W3C Trace Context
 * @property {string} [causedBy] the id of the event that led to this one
 */

/**
 * An event whose bytes are fixed. Keep it until you have its receipt, because a retry must send the same one.
 * @typedef {object} SealedEvent
 * @property {Header} header
 * @property {string | null} input canonical JSON
 * @property {string | null} output canonical JSON
 * @property {string | null} idempotencyKey
 * @property {string | null} hostIds canonical JSON
 * @property {Buffer} salt
 * @property {Buffer[]} commitments to input, output, idempotency key and host ids
 * @property {Buffer} eventHash
 */

/**
 * @typedef {object} Header
 * @property {string} id
 * @property {string} stream_id
 * @property {string | null} request_id
 * @property {string | null} conversation_id
 * @property {string} event_type
 * @property {string} actor
 * @property {string} outcome
 * @property {string | null} error_code
 * @property {number | null} duration_ms
 * @property {bigint} created_at_us microseconds since 1970
 * @property {string | null} trace_id
 * @property {string | null} span_id
 * @property {string | null} caused_by
 * @property {string | null} writer_id
 * @property {number} version
 */

/**
 * Seals an event. Throws a `TypeError` or `RangeError` if the event cannot be recorded as it is.
 * @param {AuditEvent} event
 * @returns {SealedEvent}
 */
export function seal(event) {
  const header = headerOf(event);
  const [input, output] = [event.input, event.output].map(sanitised);
  checkConsent(event, input);
  const hostIds = sanitised(hostIdsOf(event));
  const idempotencyKey = event.idempotencyKey === undefined ? null : keepText(event.idempotencyKey);
  const texts = [input, output, hostIds].map((part) => (part === null ? null : canonical(part)));
  const len = texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);
  if (len > MAX_PAYLOAD_LEN) {
    throw new RangeError(`the payload has ${len} bytes, at most ${MAX_PAYLOAD_LEN} are allowed`);
  }
  if (Math.max(pointersLen(input), pointersLen(output)) > MAX_POINTERS_LEN) {
    throw new RangeError("the JSON pointers of the payload's values are too long together: shorten the names, or record a reference");
  }
  if (Buffer.byteLength(idempotencyKey ?? "") > MAX_KEY_LEN) {
    throw new RangeError(`the idempotency key has over ${MAX_KEY_LEN} bytes: hash the long part`);
  }
  const salt = randomBytes(16);
  const commitments = commitmentsTo(salt, { input, output, idempotencyKey, hostIds });
  return {
    header,
    input: texts[0],
    output: texts[1],
    idempotencyKey,
    hostIds: texts[2],
    salt,
    commitments,
    eventHash: eventHash(header, commitments),
  };
}

/** @param {AuditEvent} event @returns {Header} */
function headerOf(event) {
  const id = event.id ?? eventId(event.createdAt);
  const createdAt = createdAtOf(id);
  if (event.createdAt !== undefined && microsOf(event.createdAt) !== createdAt) {
    throw new TypeError("the event's id and its time disagree: give one of the two");
  }
  if (createdAt > BigInt(Date.now()) * 1000n + MAX_AHEAD_US) {
    throw new RangeError(
      "the event is dated more than 24 hours ahead: give the time at which it happened",
    );
  }
  const isType = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$/.test(event.type);
  if (!isType || event.type.length > 64 || event.type.replace(/[^0-9]/g, "").length > 4) {
    throw new TypeError("the event's type is not of the form domain.action");
  }
  if (RESERVED_DOMAINS.includes(event.type.split(".")[0])) {
    throw new TypeError(`events of type ${event.type} are written by the library itself`);
  }
  const { requestId, conversationId } = event;
  const request = requestId === undefined ? null : asHostId("request", requestId).uuid;
  const conversation =
    conversationId === undefined ? null : asHostId("conversation", conversationId).uuid;
  const trace = traceOf(event.traceparent);
  return {
    id: /** @type {string} */ (parseUuid(id)),
    stream_id: streamOf(request, conversation),
    request_id: request,
    conversation_id: conversation,
    event_type: event.type,
    actor: oneOf(ACTORS, "actor", event.actor),
    outcome: oneOf(OUTCOMES, "outcome", event.outcome ?? "succeeded"),
    error_code:
      event.errorCode === undefined ? null : oneOf(ERROR_CODES, "error code", event.errorCode),
    duration_ms: event.durationMs === undefined ? null : duration(event.durationMs),
    created_at_us: createdAt,
    trace_id: trace?.traceId ?? null,
    span_id: trace?.spanId ?? null,
    caused_by: event.causedBy === undefined ? null : causeOf(event.causedBy, id),
    writer_id: null,
    version: 1,
  };
}

/** @param {string} cause @param {string} id of the event itself */
function causeOf(cause, id) {
  createdAtOf(cause);
  const uuid = /** @type {string} */ (parseUuid(cause));
  if (uuid === parseUuid(id)) throw new TypeError("the event names itself as its cause");
  return uuid;
}

/**
 * Refuses an event about a consent that an admission could not read: it would find no consent, or a lapsed one.
 * @param {AuditEvent} event @param {any} input
 */
function checkConsent({ type, input: given }, input) {
  if (!/^call\.consent_(requested|granted|denied|expired)$/.test(type)) return;
  const consentId = /** @type {any} */ (given)?.consent_id ?? null;
  if (consentId !== null && typeof consentId !== "string") {
    throw new TypeError("input.consent_id of an event about a consent is not a text");
  }
  const expiresAt = input?.expires_at ?? null;
  if (expiresAt !== null && !isTime(expiresAt)) {
    throw new TypeError(
      'input.expires_at of an event about a consent is not a time with its zone, such as "2036-03-02T07:15:00Z"',
    );
  }
}

/** Whether a value is a time in the form of RFC 3339, without a leap second. @param {unknown} value */
function isTime(value) {
  const form =
    /^(?!0000)(\d{4}-\d\d-\d\d)[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:0\d|1[0-5]):[0-5]\d)$/;
  const day = typeof value === "string" ? form.exec(value)?.[1] : undefined;
  if (day === undefined) return false;
  const midnight = new Date(`${day}T00:00:00Z`);
  // JavaScript moves a day that a month does not have into the next month.
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/** The host's own names of request and conversation, if they are not UUIDs. @param {AuditEvent} event */
function hostIdsOf({ requestId, conversationId }) {
  const request = requestId === undefined ? null : asHostId("request", requestId).original;
  const conversation =
    conversationId === undefined ? null : asHostId("conversation", conversationId).original;
  const names = Object.entries({ request_id: request, conversation_id: conversation });
  const own = names.filter(([, name]) => name !== null);
  return own.length > 0 ? Object.fromEntries(own) : null;
}

/** A sanitised part. JSON `null` is the same as no part. @param {unknown} part @returns {any} */
function sanitised(part) {
  return part === undefined ? null : sanitise(part);
}

/** @param {string[]} set @param {string} what @param {string} value */
function oneOf(set, what, value) {
  if (!set.includes(value)) throw new TypeError(`the event's ${what} is none of ${set.join(", ")}`);
  return value;
}

/** @param {number} millis */
function duration(millis) {
  if (!(millis >= 0))
    throw new RangeError("the event's duration is negative: use a monotonic clock");
  return Math.min(Math.trunc(millis), 2 ** 31 - 1);
}

/** @param {string | undefined} header */
function traceOf(header) {
  const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/s;
  const [, version, traceId, spanId, more] = form.exec(header?.trim() ?? "") ?? [];
  // A later version may append fields; version 00 has exactly four.
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  return /^0+$/.test(traceId) || /^0+$/.test(spanId) ? null : { traceId, spanId };
}
