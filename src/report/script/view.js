// Rebuilds the commitment of one part of an event from what a pack shows of it (docs/format.md, sections 2, 4 and 8).

const PARTS = ["input", "output", "idempotency_key", "host_ids"];
const DEPTH_MAX = 64;

/** A fault in one event. `code` names what is wrong; `where` is a JSON pointer or a member. */
class Fault extends Error {
  constructor(code, where = "") {
    super(where ? `${code}: ${where}` : code);
    this.code = code;
    this.where = where;
  }
}

function hasExactly(value, members) {
  if (kindOf(value) !== "o") return false;
  const names = Object.keys(value);
  return names.length === members.length && members.every((member) => Object.hasOwn(value, member));
}

function isWellFormed(text) {
  return !text.includes("\0") && !/\p{Surrogate}/u.test(text);
}

/** The commitment of a part, from its view. Throws a `Fault` if the view is not what a pack may hold. */
async function commitmentOf(part, view) {
  if (!hasExactly(view, ["value", "commitment", "salts", "hidden"])) throw new Fault("form", `/${part}`);
  const { value, salts, hidden } = view;
  if (kindOf(salts) !== "o" || kindOf(hidden) !== "o") throw new Fault("form", `/${part}`);
  const reading = { salts, hidden, used: new Set(), leaves: 0, masked: 0 };
  const root = `/${part}`;
  let commitment;
  if (value === null && !Object.hasOwn(hidden, root)) {
    commitment = await nothingDigest();
  } else {
    if (!Object.hasOwn(hidden, root)) checkShape(part, value);
    const [kind, digest] = await digestOf(value, root, 0, reading);
    commitment = await memberDigest(kind, part, digest);
  }
  for (const pointer of [...Object.keys(salts), ...Object.keys(hidden)]) {
    if (!reading.used.has(pointer)) throw new Fault("left_over", pointer);
  }
  if (hex(commitment) !== view.commitment) throw new Fault("commitment", root);
  return { commitment, leaves: reading.leaves, masked: reading.masked };
}

/** What a key and the host's names must be, if they are shown. */
function checkShape(part, value) {
  if (part === "idempotency_key" && !(typeof value === "string" && utf8.encode(value).length <= 512)) {
    throw new Fault("form", `/${part}`);
  }
  if (part === "host_ids") {
    const names = ["request_id", "conversation_id"];
    const isRight = kindOf(value) === "o" && Object.keys(value).every((name) => names.includes(name));
    if (!isRight) throw new Fault("form", `/${part}`);
  }
}

/** Kind and digest of a value. What is at a hidden pointer counts by its digest, and nothing below it counts. */
async function digestOf(value, pointer, depth, reading) {
  if (Object.hasOwn(reading.hidden, pointer)) return hiddenDigest(pointer, reading);
  if (isLeaf(value)) {
    checkScalar(value, pointer);
    const salt = Object.hasOwn(reading.salts, pointer) ? unhex(reading.salts[pointer], 16) : null;
    if (!salt) throw new Fault("no_salt", pointer);
    reading.used.add(pointer);
    reading.leaves += 1;
    return [kindOf(value), await leafDigest(salt, value)];
  }
  if (depth >= DEPTH_MAX) throw new Fault("too_deep", pointer);
  if (Array.isArray(value)) {
    const items = value.map((item, at) => digestOf(item, `${pointer}/${at}`, depth + 1, reading));
    const digests = await Promise.all(items);
    return ["a", await arrayDigest(digests)];
  }
  const members = Object.entries(value).map(async ([name, member]) => {
    if (!isWellFormed(name)) throw new Fault("not_sanitised", pointer);
    const below = `${pointer}/${escapePointer(name)}`;
    const [kind, digest] = await digestOf(member, below, depth + 1, reading);
    return memberDigest(kind, name, digest);
  });
  return ["o", await objectDigest(await Promise.all(members))];
}

function hiddenDigest(pointer, reading) {
  const entry = reading.hidden[pointer];
  if (!hasExactly(entry, ["digest", "kind", "rule"]) || !Object.hasOwn(KIND, entry.kind)) {
    throw new Fault("form", pointer);
  }
  const digest = unhex(entry.digest, 32);
  if (!digest || typeof entry.rule !== "string") throw new Fault("form", pointer);
  reading.used.add(pointer);
  reading.masked += 1;
  return [KIND[entry.kind], digest];
}

/** A value that a writer would have changed before it committed to it was never recorded so. */
function checkScalar(value, pointer) {
  if (typeof value === "string" && !isWellFormed(value)) throw new Fault("not_sanitised", pointer);
  if (typeof value === "number" && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
    throw new Fault("not_sanitised", pointer);
  }
}
