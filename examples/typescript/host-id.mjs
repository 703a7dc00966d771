// Ids of the host's rows, as in src/event/host_id.rs. A host may name a row by any text or UUID that can belong to
// only one row. Both implementations are tested against tests/vectors/v1.

import { createHmac } from "node:crypto";

/** The longest name, in bytes. It is stored with every event. */
const MAX_LEN = 256;

/** What common languages print for a missing value, and what examples use as a placeholder. */
const MISSING = new Set(
  `anonymous any blank boolean chat conversation conversationid empty error example false function guid
   here id inf infinity integer invalid missing my na name nan nat nil none nothing null nullptr number
   object pending placeholder promise ref request requestid session sessionid string symbol tba tbd todo
   true unknown unset uuid value void your`.split(/\s+/),
);

/** Control characters, invisible characters, and the replacement for undecodable bytes. */
const INVISIBLE =
  /[\p{Cc}\p{Cs}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}-\u{180f}\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{2800}\u{3164}\u{fe00}-\u{fe0f}\u{feff}\u{ffa0}\u{fff0}-\u{fffd}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u;

const HYPHENATED = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const WRAPPER = "[{}()\\[\\]<>\"']*";
const UUID = new RegExp(
  `^${WRAPPER}(?:(?:urn:)?uuid:)?${WRAPPER}([0-9a-f]{32}|${HYPHENATED})${WRAPPER}$`,
  "i",
);

const FAULTS = {
  blank: "is blank",
  untrimmed: "begins or ends with a blank: trim it",
  invisible: "holds a control character or an invisible one: remove it",
  too_long: `has over ${MAX_LEN} bytes: name the row by its key`,
  missing: "is a text for a missing value, such as undefined, null, NaN or [object Object]",
  template: "is a template that was not filled in, such as {{id}} or %s",
  zero: "has no letter and no digit other than zero",
  nil_uuid: "is the nil UUID",
  max_uuid: "is the max UUID",
};

/** @typedef {keyof typeof FAULTS} HostIdFault */
/** @typedef {{ kind: "request" | "conversation" | "message", uuid: string, original: string | null }} HostId */

/** A text that several rows could share. The message never holds the text. */
export class HostIdError extends TypeError {
  /** @param {HostId["kind"]} kind @param {HostIdFault} fault */
  constructor(kind, fault) {
    super(`the id of the ${kind} ${FAULTS[fault]}; give each ${kind} an id of its own`);
    this.fault = fault;
  }
}

/**
 * The id of a row that the host names by any text. A UUID is taken as it is, in any of its written forms.
 * Throws a `HostIdError` for a text that unrelated rows would share.
 * @param {Buffer} redactionKey the deployment's 32 secret bytes
 * @param {HostId["kind"]} kind
 * @param {string} name
 * @returns {HostId}
 */
export function hostId(redactionKey, kind, name) {
  const uuid = checked(kind, name);
  if (uuid !== null) return { kind, uuid, original: null };
  if (redactionKey.length !== 32) throw new TypeError("the redaction key is not 32 bytes");
  const tag = `moltbot-audit/v1/${kind}-id\0`;
  const hash = createHmac("sha256", redactionKey).update(tag).update(name).digest();
  return { kind, uuid: uuidV8(hash), original: name };
}

/**
 * The id of a row that was given as a UUID, or by `hostId`.
 * @param {HostId["kind"]} kind
 * @param {HostId | string} given
 * @returns {HostId}
 */
export function asHostId(kind, given) {
  if (typeof given === "object" && given?.kind === kind) return given;
  const uuid = checked(kind, given);
  if (uuid === null) {
    throw new TypeError(`the id of the ${kind} is not a UUID: derive one with hostId(key, "${kind}", …)`);
  }
  return { kind, uuid, original: null };
}

/** The UUID of a text in any of its forms, in lower case with hyphens. @param {string} text */
export function parseUuid(text) {
  const digits = UUID.exec(text)?.[1].replaceAll("-", "").toLowerCase();
  return digits?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") ?? null;
}

/** The UUIDv8 (RFC 9562, section 5.8) that holds the first 122 bits of a hash. @param {Buffer} hash */
export function uuidV8(hash) {
  const bytes = Buffer.from(hash.subarray(0, 16));
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return /** @type {string} */ (parseUuid(bytes.toString("hex")));
}

/** @param {HostId["kind"]} kind @param {unknown} name */
function checked(kind, name) {
  if (typeof name !== "string") throw new TypeError(`the id of the ${kind} is not a text`);
  const fault = faultOf(name);
  if (fault !== null) throw new HostIdError(kind, fault);
  return parseUuid(name);
}

/** @param {string} text @returns {HostIdFault | null} */
function faultOf(text) {
  if (Array.from(text).every((char) => /\p{White_Space}/u.test(char) || INVISIBLE.test(char)))
    return "blank";
  if (/^\p{White_Space}|\p{White_Space}$/u.test(text)) return "untrimmed";
  if (INVISIBLE.test(text)) return "invisible";
  const uuid = parseUuid(text);
  if (uuid !== null) return /^[0-]+$/.test(uuid) ? "nil_uuid" : /^[f-]+$/.test(uuid) ? "max_uuid" : null;
  if (Buffer.byteLength(text) > MAX_LEN) return "too_long";
  // A template or a missing value may have been percent-encoded in a URL on its way here.
  const bytes = text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString(),
  );
  return faultOfName(text) ?? faultOfName(bytes);
}

/** @param {string} text @returns {HostIdFault | null} */
function faultOfName(text) {
  if (/undefined|\[object /i.test(text)) return "missing";
  const words = text.split(/[^\p{Alphabetic}\p{N}]+/u).filter((word) => word !== "");
  if (words.every((word) => /^(0x)?0*$/.test(word))) return "zero";
  if (isTemplate(text)) return "template";
  const lower = words.map((word) => word.toLowerCase());
  const isMissing =
    text === "-1" ||
    text === "\\N" ||
    MISSING.has(lower.join("")) ||
    lower.every((word) => MISSING.has(word)) ||
    // As in `req-null`. Case counts, because a random id may hold any short word.
    words.some((word) => ["null", "NULL", "None"].includes(word)) ||
    (words.includes("NaN") && !/\p{N}/u.test(text));
  return isMissing ? "missing" : null;
}

/** @param {string} text */
function isTemplate(text) {
  return (
    // The Message-ID of an e-mail stands in angle brackets, and is not a template.
    (/[<>]/.test(text) && !text.includes("@")) ||
    /[{}]|\$\(|%\(|%!|xxxxxxxx-xxxx|^[$:]|^\[.*\]$|^%.*%$/su.test(text) ||
    /%(1\$)?[sdivuq@](?![\p{Alphabetic}\p{N}])/u.test(text)
  );
}
