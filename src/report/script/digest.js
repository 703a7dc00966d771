// The hashes of format v1 (docs/format.md), computed by the browser's own SHA-256.

const utf8 = new TextEncoder();

function concat(...parts) {
  const bytes = parts.map((part) => (typeof part === "string" ? utf8.encode(part) : part));
  const joined = new Uint8Array(bytes.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

function tag(name) {
  return utf8.encode(`moltbot-audit/v1/${name}\0`);
}

const TAGS = Object.fromEntries(
  ["array", "chain", "conversation-stream", "event", "leaf", "member", "nothing", "object", "request-stream", "shown",
    "stream", "system-stream"].map((name) => [name, tag(name)]),
);

/** Eight bytes, big-endian. */
function int64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(number));
  return bytes;
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of lower-case hex with so many bytes; null if it is none. */
function unhex(text, length) {
  if (typeof text !== "string" || text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) return null;
  return Uint8Array.from({ length }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

function uuidBytes(uuid) {
  return unhex(uuid.replaceAll("-", ""), 16);
}

function uuidText(bytes) {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function isUuid(text) {
  return typeof text === "string" && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
}

function lessThan(left, right) {
  for (let at = 0; at < left.length; at += 1) {
    if (left[at] !== right[at]) return left[at] < right[at];
  }
  return false;
}

const KIND = { scalar: "s", array: "a", object: "o" };

function kindOf(value) {
  if (value === null || typeof value !== "object") return "s";
  return Array.isArray(value) ? "a" : "o";
}

function isLeaf(value) {
  return value === null || typeof value !== "object" || Object.keys(value).length === 0;
}

function leafDigest(salt, value) {
  return sha256(TAGS.leaf, salt, canonical(value));
}

/** `items` are pairs of a kind and a digest, in order. */
function arrayDigest(items) {
  return sha256(TAGS.array, int64(items.length), ...items.flat());
}

function memberDigest(kind, name, digest) {
  const bytes = utf8.encode(name);
  return sha256(TAGS.member, kind, int64(bytes.length), bytes, digest);
}

/** `members` are digests of members, in any order. */
function objectDigest(members) {
  const sorted = [...members].sort((left, right) => (lessThan(left, right) ? -1 : 1));
  return sha256(TAGS.object, int64(sorted.length), ...sorted);
}

function nothingDigest() {
  return sha256(TAGS.nothing);
}

function shownDigest(value) {
  return sha256(TAGS.shown, canonical(value));
}

/** `header` has `created_at` as a text, as a pack shows it. The commitments are those of the four parts, in order. */
function eventHash(header, commitments) {
  const { created_at: createdAt, ...rest } = header;
  const bytes = utf8.encode(canonical({ ...rest, created_at_us: Number(microseconds(createdAt)) }));
  return sha256(TAGS.event, int64(bytes.length), bytes, ...commitments);
}

function chainStart(streamId) {
  return sha256(TAGS.stream, uuidBytes(streamId));
}

function chainHash(before, event, seq, recordedAtUs) {
  return sha256(TAGS.chain, before, event, int64(seq), int64(recordedAtUs));
}

/** `name` is `request-stream`, `conversation-stream` or `system-stream`; the last has no id. */
async function streamId(name, id) {
  const bytes = (await sha256(TAGS[name], id ? uuidBytes(id) : new Uint8Array())).slice(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return uuidText(bytes);
}

/** An event id without its random bits: they are zero. */
function idOfTime(us) {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, ((us / 1000n) << 16n) | 0x7000n | (((us % 1000n) * 4096n) / 1000n));
  bytes[8] = 0x80;
  return bytes;
}

/** The id of a writer's event, or of a switch's: made of its time and the commitment to its input. */
function idOfContent(us, commitment) {
  const bytes = idOfTime(us);
  bytes.set(commitment.subarray(0, 8), 8);
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return uuidText(bytes);
}

/** Whether an event id carries this time. */
function carriesTime(id, us) {
  const bytes = uuidBytes(id);
  const bare = idOfTime(us);
  return bytes[8] >> 6 === 2 && bare.subarray(0, 8).every((byte, at) => byte === bytes[at]);
}
