// The ids of events and of streams, as in src/event/ids.rs.

import { createHash, createHmac, randomBytes } from "node:crypto";

import { hostId, parseUuid, uuidV8 } from "./host-id.mjs";

/**
 * Makes the id of an event that happened at this time: a UUIDv7 that holds it to the microsecond.
 * @param {Date | bigint} [createdAt] default: now
 * @returns {string}
 */
export function eventId(createdAt = new Date()) {
  return eventIdOf(createdAt, randomBytes(8));
}

/**
 * The id of the event that records a provider's message. It is the same each time the webhook is delivered, to
 * any process, so the second `record` answers `duplicate`.
 * @param {Buffer} redactionKey the deployment's 32 secret bytes
 * @param {string} messageId the provider's id of the message
 * @param {Date | bigint} sentAt the provider's time of the message
 * @returns {string}
 */
export function messageEventId(redactionKey, messageId, sentAt) {
  // This refuses a message id that several messages would share.
  hostId(redactionKey, "message", messageId);
  const mac = createHmac("sha256", redactionKey).update("moltbot-audit/v1/message-event-id\0");
  return eventIdOf(sentAt, mac.update(messageId).digest());
}

/** @param {Date | bigint} createdAt @param {Buffer} random at least 8 bytes */
function eventIdOf(createdAt, random) {
  const micros = microsOf(createdAt);
  if (micros < 0n || micros >= 253_402_300_800_000_000n) {
    throw new RangeError("the event's time is outside the years 1970 to 9999");
  }
  // RFC 9562, section 6.2, method 3: the 12 bits after the version hold the fraction of the millisecond.
  const fraction = ((micros % 1_000n) * 4_096n) / 1_000n;
  const high = ((micros / 1_000n) << 16n) | (7n << 12n) | fraction;
  const low = (random.readBigUInt64BE() & ((1n << 62n) - 1n)) | (0b10n << 62n);
  return hyphenated((high << 64n) | low);
}

/**
 * The time that an event's id holds, in microseconds since 1970.
 * @param {string} id
 * @returns {bigint}
 */
export function createdAtOf(id) {
  const uuid = parseUuid(id);
  const high = BigInt(`0x${(uuid ?? "").replaceAll("-", "") || "0"}`) >> 64n;
  const [millis, version, fraction] = [high >> 16n, (high >> 12n) & 15n, high & 4_095n];
  const sub = (fraction * 1_000n + 4_095n) / 4_096n;
  if (
    uuid === null ||
    version !== 7n ||
    !"89ab".includes(uuid[19]) ||
    (sub * 4_096n) / 1_000n !== fraction
  ) {
    throw new TypeError(
      "the id is not an event id (a UUIDv7 to the microsecond): make it with eventId",
    );
  }
  return millis * 1_000n + sub;
}

/**
 * The stream of an event: that of its request, or else of its conversation, or else of the deployment. The id is a
 * hash of the kind and the id of these, so that streams of different kinds never have the same id.
 * @param {string | null} requestId
 * @param {string | null} conversationId
 * @returns {string}
 */
export function streamOf(requestId, conversationId) {
  const kind = requestId !== null ? "request" : conversationId !== null ? "conversation" : "system";
  const hash = createHash("sha256").update(`moltbot-audit/v1/${kind}-stream\0`);
  const id = requestId ?? conversationId ?? "";
  return uuidV8(hash.update(id.replaceAll("-", ""), "hex").digest());
}

/** @param {Date | bigint} time */
export function microsOf(time) {
  return typeof time === "bigint" ? time : BigInt(time.getTime()) * 1_000n;
}

/** @param {bigint} uuid */
function hyphenated(uuid) {
  return uuid
    .toString(16)
    .padStart(32, "0")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
