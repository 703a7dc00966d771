// The report's verifier against the golden vectors. It has no salts to derive, because packs show those of leaves: the
// derivation here is this test's own. `node vectors.mjs` prints how many vectors it went through.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

import { verifier } from "./script.mjs";

const names = ["canonical", "parseStrictly", "commitmentOf", "eventHash", "chainStart", "chainHash", "streamId", "hex",
  "unhex", "idOfContent", "microseconds", "Malformed", "carriesTime"];
const page = verifier(names);
const PARTS = ["input", "output", "idempotency_key", "host_ids"];
let count = 0;

function vectors(name) {
  const cases = JSON.parse(readFileSync(new URL(`../vectors/v1/${name}.json`, import.meta.url), "utf8"));
  count += Array.isArray(cases) ? cases.length : cases.events.length;
  return cases;
}

function derived(salt, pointer) {
  return createHmac("sha256", salt).update(pointer).digest().subarray(0, 16);
}

function leaves(value, pointer) {
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) return [pointer];
  const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, `${pointer}/${escaped(name)}`));
}

/** A part as a pack shows it to someone who sees all of it. */
function view(value, salt, root, commitment) {
  const part = derived(Buffer.from(salt, "hex"), root);
  const shown = value === null ? [] : leaves(value, root);
  const salts = Object.fromEntries(shown.map((pointer) => [pointer, derived(part, pointer).toString("hex")]));
  return { value, commitment, salts, hidden: {} };
}

async function committed(value, salt, root, commitment) {
  const found = await page.commitmentOf(root.slice(1), view(value, salt, root, commitment));
  return found.commitment;
}

for (const { json, canonical } of vectors("canonical")) {
  assert.equal(page.canonical(page.parseStrictly(json)), canonical);
}
for (const { canonical } of vectors("numbers")) {
  assert.equal(page.canonical(page.parseStrictly(canonical)), canonical);
}
for (const { salt, pointer, derived: expected } of vectors("salt")) {
  assert.equal(derived(Buffer.from(salt, "hex"), pointer).toString("hex"), expected);
}
for (const { salt, root, value, commitment } of vectors("commitment")) {
  // Those at other roots than a part's cannot stand in a pack.
  if (PARTS.includes(root.slice(1))) await committed(value, salt, root, commitment);
}
for (const { canonical, commitment } of vectors("sanitise")) {
  await committed(page.parseStrictly(canonical), "000102030405060708090a0b0c0d0e0f", "/input", commitment);
}
for (const { header, salt, parts, event_hash: expected } of vectors("event")) {
  const commitments = [];
  for (const part of PARTS) {
    // The commitment is not in the vector, so the hash over it has to tell.
    const shown = view(parts[part], salt, `/${part}`, null);
    const found = await page.commitmentOf(part, shown).catch((error) => error);
    assert.equal(found.code, "commitment");
    commitments.push(await rebuilt(part, shown));
  }
  assert.equal(page.hex(await page.eventHash(header, commitments)), expected);
}
const chain = vectors("chain");
let before = await page.chainStart(chain.stream_id);
assert.equal(page.hex(before), chain.start);
for (const [at, event] of chain.events.entries()) {
  before = await page.chainHash(before, page.unhex(event.event_hash, 32), at + 1, event.recorded_at_us);
  assert.equal(page.hex(before), event.chain_hash);
}
for (const ids of vectors("stream_id")) {
  const [kind, id] = ids.request_id
    ? ["request-stream", ids.request_id]
    : ids.conversation_id ? ["conversation-stream", ids.conversation_id] : ["system-stream", null];
  assert.equal(await page.streamId(kind, id), ids.stream_id);
}
for (const { input_commitment: commitment, at_us: at, event_id: id } of vectors("writer_event_id")) {
  assert.equal(page.idOfContent(BigInt(at), page.unhex(commitment, 32)), id);
}
for (const { sent_at_us: at, event_id: id } of vectors("message_event_id")) {
  assert.ok(page.carriesTime(id, BigInt(at)));
  assert.ok(!page.carriesTime(id, BigInt(at) + 1n));
}
for (const json of ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]', "{", '{"a":1}x', ""]) {
  assert.throws(() => page.parseStrictly(json), page.Malformed, json);
}
assert.ok(page.parseStrictly('["a\\":1", {"a\\"": "\\\\"}, {"a": {"a": ":"}}]'));
for (const time of ["2026-02-30T00:00:00.000000Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000+00:00"]) {
  assert.equal(page.microseconds(time), null);
}
console.log(count);

/** The commitment of a view whose own commitment is not known. */
async function rebuilt(part, shown) {
  const { digestOf, memberDigest, nothingDigest } = verifier(["digestOf", "memberDigest", "nothingDigest"]);
  if (shown.value === null) return nothingDigest();
  const reading = { ...shown, used: new Set(), leaves: 0, masked: 0 };
  const [kind, digest] = await digestOf(shown.value, `/${part}`, 0, reading);
  return memberDigest(kind, part, digest);
}
