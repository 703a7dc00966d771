// Format v1, as src/proof/mod.rs describes it: sanitised values, canonical JSON, commitments, and the
// event's hash.

import { createHash, createHmac } from "node:crypto";

/** The deepest nesting that is kept as structure. Deeper values are kept as their JSON text. */
const MAX_DEPTH = 64;
/** The deepest nesting that is accepted at all. */
const MAX_NESTING = 512;

/**
 * Turns a value into plain JSON (or `null`) that survives `jsonb` with the same canonical bytes.
 * @param {unknown} value
 * @returns {unknown}
 */
export function sanitise(value) {
  return atDepth(value, 0, MAX_DEPTH);
}

/**
 * How many bytes the JSON pointers of all parts of a sanitised value have together. Each part is hashed with its pointer.
 * @param {any} value
 * @param {number} [len] of the pointer to the value
 * @returns {number}
 */
export function pointersLen(value, len = 0) {
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + pointersLen(item, len + 4), len);
  if (value === null || typeof value !== "object") return len;
  return Object.entries(value).reduce(
    (sum, [name, member]) => sum + pointersLen(member, len + 1 + Buffer.byteLength(name)),
    len,
  );
}

/**
 * The canonical JSON (RFC 8785) of a sanitised value. `JSON.stringify` writes scalars as the RFC asks; the rest is order.
 * @param {any} value
 * @returns {string}
 */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = inOrder(value).map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}

/**
 * The commitment to a part of an event, which stands at the JSON pointer `/` and its name. A part that is null is not
 * there.
 * @param {any} value
 * @param {Buffer} salt the event's
 * @param {string} root
 * @returns {Buffer}
 */
export function commit(value, salt, root) {
  if (value === null) return tagged("nothing");
  return member(root.slice(1), kindOf(value), digestOf(value, saltAt(salt, root), root));
}

/**
 * The salt at a JSON pointer: of a part under the event's salt, of a leaf under its part's.
 * @param {Buffer} salt
 * @param {string} pointer
 * @returns {Buffer}
 */
export function saltAt(salt, pointer) {
  return createHmac("sha256", salt).update(pointer).digest().subarray(0, 16);
}

/**
 * @param {Buffer} salt
 * @param {{ input: any, output: any, idempotencyKey: string | null, hostIds: any }} parts
 * @returns {Buffer[]}
 */
export function commitmentsTo(salt, { input, output, idempotencyKey, hostIds }) {
  return [
    commit(input, salt, "/input"),
    commit(output, salt, "/output"),
    commit(idempotencyKey, salt, "/idempotency_key"),
    commit(hostIds, salt, "/host_ids"),
  ];
}

/**
 * The bytes of a header, as they are hashed.
 * @param {import("./seal.mjs").Header} header
 * @returns {string}
 */
export function canonicalHeader(header) {
  return canonical({ ...header, created_at_us: Number(header.created_at_us) });
}

/**
 * @param {import("./seal.mjs").Header} header
 * @param {Buffer[]} commitments to input, output, idempotency key and host ids
 * @returns {Buffer}
 */
export function eventHash(header, commitments) {
  const text = Buffer.from(canonicalHeader(header));
  return tagged("event", length(text.length), text, ...commitments);
}

/** Replaces NUL and unpaired surrogates, which no database keeps. @param {string} text */
export function keepText(text) {
  return text.replace(/[\0\p{Surrogate}]/gu, "\uFFFD");
}

/**
 * @param {any} given
 * @param {number} depth
 * @param {number} depthMax
 * @returns {any}
 */
function atDepth(given, depth, depthMax) {
  if (depth > MAX_NESTING) {
    throw new RangeError(`the event's payload is nested deeper than ${MAX_NESTING}`);
  }
  if (ArrayBuffer.isView(given)) {
    throw new TypeError("the event's payload holds bytes: record a reference and a hash instead");
  }
  if (tagOf(given) === "Date" && Number.isNaN(Number(given))) {
    throw new TypeError("the event's payload holds an invalid date");
  }
  // `JSON.stringify` does the same, for dates and the like.
  const value = typeof given?.toJSON === "function" ? given.toJSON() : given;
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      return keepText(value);
    case "bigint":
      return isSafe(Number(value)) ? Number(value) : value.toString();
    case "number":
      if (!Number.isFinite(value))
        throw new TypeError("the event's payload holds NaN or an infinite number");
      return isSafe(value) ? value : String(value);
    case "object":
      break;
    default:
      throw new TypeError(`the event's payload holds a ${typeof value}, which is not JSON`);
  }
  if (value === null) return null;
  const members = Array.isArray(value) ? itemsOf(value) : membersOf(value);
  if (depth === depthMax && members.length > 0) {
    // The text has no such limit inside it, because each level of text in text would double the escapes.
    return canonical(atDepth(value, depth, Infinity));
  }
  if (Array.isArray(value)) return value.map((item) => atDepth(item ?? null, depth + 1, depthMax));
  const kept = new Map(members.filter(([name]) => keepText(name) === name));
  // In canonical order, so that the writer's order never decides which of two members gets the shorter name.
  const changed = members.filter(([name]) => keepText(name) !== name);
  for (const [name, member] of changed.sort(([a], [b]) => (a < b ? -1 : 1))) {
    let key = keepText(name);
    // If two names became one, a member would be lost.
    while (kept.has(key)) key += "\uFFFD";
    kept.set(key, member);
  }
  return Object.fromEntries(
    [...kept].map(([name, member]) => [name, atDepth(member, depth + 1, depthMax)]),
  );
}

/** The items of a list, which must have no holes: `map` would keep the holes, and the result would not be JSON. @param {any[]} list */
function itemsOf(list) {
  for (let at = 0; at < list.length; at++) {
    if (!(at in list)) throw new TypeError("the event's payload holds a list with holes");
  }
  return list;
}

/**
 * The members of an object. Throws for a `Map`, an `Error`, a promise or the like, whose content is not in its members:
 * it would be recorded as `{}`.
 * @param {object} value
 */
function membersOf(value) {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const prototype = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (tagOf(value) !== "Object" || (members.length === 0 && !isPlain)) {
    const name = prototype?.constructor?.name ?? tagOf(value);
    throw new TypeError(`the event's payload holds a ${name}, which is not JSON: record its content`);
  }
  return members;
}

/** @param {unknown} value */
function tagOf(value) {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** @param {number} value */
function isSafe(value) {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** The members ordered by UTF-16 code units, which is how JavaScript sorts. @param {object} members */
function inOrder(members) {
  return Object.keys(members).sort();
}

/** @param {any} value @param {Buffer} partSalt @param {string} pointer @returns {Buffer} */
function digestOf(value, partSalt, pointer) {
  if (Array.isArray(value) && value.length > 0) {
    const items = value.flatMap((item, at) => [
      kindOf(item),
      digestOf(item, partSalt, `${pointer}/${at}`),
    ]);
    return tagged("array", length(value.length), ...items);
  }
  const names = value !== null && typeof value === "object" ? Object.keys(value) : [];
  if (names.length > 0) {
    const members = names.map((name) => {
      const token = name.replaceAll("~", "~0").replaceAll("/", "~1");
      return member(name, kindOf(value[name]), digestOf(value[name], partSalt, `${pointer}/${token}`));
    });
    return tagged("object", length(names.length), ...members.sort(Buffer.compare));
  }
  return tagged("leaf", saltAt(partSalt, pointer), Buffer.from(canonical(value)));
}

/** @param {any} value */
function kindOf(value) {
  if (Array.isArray(value)) return Buffer.from("a");
  return Buffer.from(value !== null && typeof value === "object" ? "o" : "s");
}

/** @param {string} name @param {Buffer} kind @param {Buffer} digest */
function member(name, kind, digest) {
  const bytes = Buffer.from(name);
  return tagged("member", kind, length(bytes.length), bytes, digest);
}

/** @param {string} tag @param {Buffer[]} parts */
function tagged(tag, ...parts) {
  const hash = createHash("sha256").update(`moltbot-audit/v1/${tag}\0`);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** A length as it is hashed: 8 bytes, big-endian. @param {number} len */
function length(len) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(len));
  return bytes;
}
