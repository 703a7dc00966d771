// Signed notes (c2sp.org/signed-note): the signature of a pack (docs/verifying.md, "Signatures").

const ED25519 = 1;

/** Standard base64 with padding, in its only spelling; null if it is none. */
function unbase64(text) {
  try {
    const raw = atob(text);
    return btoa(raw) === text ? Uint8Array.from(raw, (letter) => letter.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

async function keyId(name, typed) {
  return hex((await sha256(`${name}\n`, typed)).slice(0, 4));
}

/** Reads a verifier key: `NAME+ID+BASE64`. */
async function readKey(text) {
  const [, name, id, data] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim()) ?? [];
  const typed = data === undefined ? null : unbase64(data);
  if (!typed || typed.length < 2 || (await keyId(name, typed)) !== id) throw new Malformed("key", text.trim());
  if (typed[0] !== ED25519 || typed.length !== 33) throw new Malformed("key_kind", `${name}+${id}`);
  return { name, id, bytes: typed.slice(1) };
}

/** Reads a note: its text, and its signatures by name and key id. */
function readNote(note) {
  const end = typeof note === "string" ? note.lastIndexOf("\n\n") : -1;
  if (end < 0 || !note.endsWith("\n")) throw new Malformed("note");
  const lines = note.slice(end + 2).split("\n").slice(0, -1);
  const signatures = lines.map((line) => {
    const [, name, data] = /^\u2014 ([^+\s]+) (\S+)$/u.exec(line) ?? [];
    const bytes = data === undefined ? null : unbase64(data);
    if (!bytes || bytes.length < 5) throw new Malformed("note");
    return { name, id: hex(bytes.slice(0, 4)), bytes: bytes.slice(4) };
  });
  if (signatures.length === 0) throw new Malformed("note");
  return { text: note.slice(0, end + 1), signatures };
}

/** What the note of this pack has to say. */
async function noteText(pack) {
  const { signed_note: _, ...covered } = pack;
  const { seq, chain_hash: chain } = pack.integrity.head;
  const digest = hex(await sha256(canonical(covered)));
  return `${pack.schema}\nrequest ${pack.request_id}\nsha256 ${digest}\nhead ${seq} ${chain}\n`;
}

/** True if this browser can check Ed25519 signatures. */
async function knowsEd25519() {
  // The public key of RFC 8032, section 7.1, test 1.
  const known = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", 32);
  try {
    return Boolean(await crypto.subtle.importKey("raw", known, { name: "Ed25519" }, false, ["verify"]));
  } catch {
    return false;
  }
}

async function isSignedBy(key, signature, text) {
  try {
    const imported = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, imported, signature, utf8.encode(text));
  } catch {
    return false;
  }
}

/**
 * Checks a pack's note against the pack, and its signatures against the keys that the reader trusts.
 * Returns `{ state, code, where }`: `passed`, `failed`, or `not_checked`.
 */
async function checkSignature(pack, keys) {
  if (pack.signed_note === undefined) {
    if (keys.length === 0) return { state: "not_checked", code: "not_signed", where: "" };
    return { state: "failed", code: "not_signed_by", where: named(keys) };
  }
  const note = readNote(pack.signed_note);
  const claimed = named(note.signatures);
  if (note.text !== (await noteText(pack))) return { state: "failed", code: "other_content", where: "" };
  if (keys.length === 0) return { state: "not_checked", code: "no_key", where: claimed };
  if (!(await knowsEd25519())) return { state: "not_checked", code: "no_ed25519", where: claimed };
  const right = [];
  for (const key of keys) {
    const made = note.signatures.filter(({ name, id }) => name === key.name && id === key.id);
    const found = await Promise.all(made.map(({ bytes }) => isSignedBy(key, bytes, note.text)));
    if (found.includes(false)) return { state: "failed", code: "wrong_signature", where: named([key]) };
    if (found.length > 0) right.push(key);
  }
  if (right.length === 0) return { state: "failed", code: "signed_by_others", where: claimed };
  return { state: "passed", code: "signed", where: named(right) };
}

function named(keys) {
  return keys.map(({ name, id }) => `${name}+${id}`).join(", ");
}
