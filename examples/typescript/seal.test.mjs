// `node --test examples/typescript`: compares the formats with their golden vectors, and tests refusals.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { hostId } from "./host-id.mjs";
import { createdAtOf, eventId, microsOf } from "./ids.mjs";
import {
  canonical,
  canonicalHeader,
  commit,
  commitmentsTo,
  eventHash,
  saltAt,
  sanitise,
} from "./proof.mjs";
import { seal } from "./seal.mjs";

/** The bytes 0 to 15, as in the vectors. */
const SALT = Buffer.from(Array.from({ length: 16 }, (_, at) => at));

const EVENT = { type: "request.created", actor: "system" };

/** @param {string} name */
function vectors(name) {
  return JSON.parse(
    readFileSync(new URL(`../../tests/vectors/v1/${name}.json`, import.meta.url), "utf8"),
  );
}

/** @param {string} hex */
function bytes(hex) {
  return Buffer.from(hex, "hex");
}

test("canonical JSON equals the vectors", () => {
  const cases = vectors("canonical");
  assert.ok(cases.length >= 10);
  for (const { name, json, canonical: expected } of cases) {
    assert.equal(canonical(JSON.parse(json)), expected, name);
  }
});

test("sanitised values equal the vectors", () => {
  const cases = vectors("sanitise");
  assert.ok(cases.length >= 20);
  for (const { name, json, canonical: expected, commitment } of cases) {
    const kept = sanitise(JSON.parse(json));
    assert.equal(canonical(kept), expected, name);
    assert.equal(commit(kept, SALT, "/input").toString("hex"), commitment, name);
  }
});

test("sanitised numbers equal the vectors", () => {
  const cases = vectors("numbers");
  assert.ok(cases.length >= 20);
  for (const { is, number, canonical: expected } of cases) {
    const kept = sanitise(is === "integer" ? BigInt(number) : Number(number));
    assert.equal(canonical(kept), expected, `${is} ${number}`);
  }
});

test("salts are derived as the vectors have it", () => {
  const cases = vectors("salt");
  assert.ok(cases.length >= 8);
  for (const { salt, pointer, derived } of cases) {
    assert.equal(saltAt(bytes(salt), pointer).toString("hex"), derived, pointer);
  }
});

test("commitments equal the vectors", () => {
  const cases = vectors("commitment");
  assert.ok(cases.length >= 40);
  for (const { salt, root, value, commitment } of cases) {
    assert.equal(
      commit(value, bytes(salt), root).toString("hex"),
      commitment,
      JSON.stringify(value),
    );
    assert.deepEqual(sanitise(value), value);
  }
});

test("event hashes equal the vectors", () => {
  const cases = vectors("event");
  assert.ok(cases.length >= 2);
  for (const {
    header: { created_at, ...rest },
    salt,
    parts,
    canonical_header,
    event_hash,
  } of cases) {
    const micros = BigInt(Date.parse(created_at)) * 1_000n + BigInt(created_at.slice(23, 26));
    const header = { ...rest, created_at_us: micros };
    const { input, output, idempotency_key: idempotencyKey, host_ids: hostIds } = parts;
    const commitments = commitmentsTo(bytes(salt), { input, output, idempotencyKey, hostIds });
    assert.equal(canonicalHeader(header), canonical_header);
    assert.equal(eventHash(header, commitments).toString("hex"), event_hash);
  }
});

test("a value that jsonb would change is changed before it is hashed", () => {
  const date = new Date(0);
  for (const [given, kept] of [
    [
      { "a\0": 1, "a\uFFFD": 2 },
      { "a\uFFFD": 2, "a\uFFFD\uFFFD": 1 },
    ],
    ["\uD800x\0", "\uFFFDx\uFFFD"],
    ["\u{1F64F}", "\u{1F64F}"],
    [
      [2 ** 53, -(2 ** 53), 2 ** 53 - 1],
      ["9007199254740992", "-9007199254740992", 2 ** 53 - 1],
    ],
    [
      [9007199254740993n, 7n],
      ["9007199254740993", 7],
    ],
    [
      { "b\uDC00": 1, "b\0": 2, "b\uFFFD": 3 },
      { "b\uFFFD": 3, "b\uFFFD\uFFFD": 2, "b\uFFFD\uFFFD\uFFFD": 1 },
    ],
    [[1e21, -(2 ** 60)], ["1e+21", "-1152921504606847000"]],
    [{ toJSON: "text", constructor: { name: "x" } }, { toJSON: "text", constructor: { name: "x" } }],
    [Object.create(null, { a: { value: 1, enumerable: true }, b: { value: 2 } }), { a: 1 }],
    [new (class Point { x = 1; #y = 2; get y() { return this.#y; } })(), { x: 1 }],
    [{ get now() { return 7; } }, { now: 7 }],
    [
      { left: undefined, list: [undefined], date },
      { list: [null], date: "1970-01-01T00:00:00.000Z" },
    ],
    [JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}')],
  ]) {
    assert.deepEqual(sanitise(given), kept);
    assert.deepEqual(sanitise(kept), kept, "a second time changes nothing");
  }
});

test("a value that lies too deep is kept as its text, and one deeper still is refused", () => {
  const nested = (/** @type {number} */ depth) =>
    Array.from({ length: depth }).reduce((inner) => [inner], 1);
  let innermost = sanitise(nested(70));
  for (let depth = 0; depth < 64; depth++) [innermost] = innermost;
  assert.equal(innermost, "[[[[[[1]]]]]]");
  sanitise(nested(512));
  assert.throws(() => sanitise(nested(513)), RangeError);
});

test("an id holds its time to the microsecond", () => {
  for (const micros of [0n, 1n, 999n, 1_772_435_700_123_456n, 253_402_300_799_999_999n]) {
    assert.equal(createdAtOf(eventId(micros)), micros);
  }
  assert.equal(createdAtOf(eventId(new Date(5))), microsOf(new Date(5)));
  assert.throws(() => eventId(-1n), RangeError);
  assert.throws(() => eventId(253_402_300_800_000_000n), RangeError);
  for (const id of [
    "0195550a-1f00-47d0-8000-000000000001",
    "0195550a-1f00-7001-8000-000000000001",
    "x",
  ]) {
    assert.throws(() => createdAtOf(id), TypeError, id);
  }
});

/** @type {any[]} */
const CYCLE = [];
CYCLE.push({ again: CYCLE });

test("an event that cannot be recorded as it is is refused", () => {
  for (const wrong of [
    { type: "REQUEST" },
    { type: "request" },
    { type: "request.created12345" },
    { type: "effect.admitted" },
    { type: "switch.reset" },
    { type: "audit.of.tomorrow" },
    { actor: "robot" },
    { outcome: "fine" },
    { errorCode: "because" },
    { durationMs: -1 },
    { input: Number.NaN },
    { input: { photo: Buffer.from("JPEG") } },
    { output: () => 1 },
    { input: [1, , 2] },
    { input: new Array(3) },
    { input: new Map([["a", 1]]) },
    { input: { of: new Set([1]) } },
    { input: new WeakMap() },
    { input: [new Error("lost")] },
    { input: Promise.resolve(1) },
    { input: /x/ },
    { input: new String("boxed") },
    { input: new Number(1) },
    { input: Object(1n) },
    { input: Symbol("s") },
    { input: new Date(Number.NaN) },
    { input: new ArrayBuffer(8) },
    { input: new Float64Array(2) },
    { input: new DataView(new ArrayBuffer(8)) },
    { input: new (class Hidden { #content = 1; has() { return this.#content; } })() },
    { input: { a: Number.POSITIVE_INFINITY } },
    { input: { toJSON: () => undefined } },
    { input: CYCLE },
    { input: { ["k".repeat(100_000)]: Array.from({ length: 200 }, () => 1) } },
    { input: "x".repeat(1 << 20) },
    { idempotencyKey: "k".repeat(513) },
    { requestId: "" },
    { requestId: "req-7" },
    { requestId: null },
    { requestId: 7 },
    { conversationId: "undefined" },
    { conversationId: hostId(Buffer.alloc(32, 7), "request", "req-7") },
    { id: "0195550a-1f00-77d0-8000-000000000001", createdAt: new Date() },
    { createdAt: new Date(Date.now() + 25 * 3_600_000) },
    { id: eventId(new Date(Date.now() + 25 * 3_600_000)) },
  ]) {
    assert.throws(
      () => seal({ ...EVENT, ...wrong }),
      /^(Type|Range)Error/,
      JSON.stringify(Object.keys(wrong)),
    );
  }
});

test("an event about a consent must name it by a text, and give its end as a time", () => {
  const { times, others } = JSON.parse(
    readFileSync(new URL("../../tests/vectors/consent_times.json", import.meta.url), "utf8"),
  );
  /** @param {unknown} input */
  const granted = (input) => seal({ type: "call.consent_granted", actor: "client", input });
  for (const expires_at of [...times, null, undefined, new Date()]) {
    granted({ consent_id: "consent-1", expires_at });
  }
  for (const expires_at of others) {
    assert.throws(() => granted({ expires_at }), /expires_at.*zone/, JSON.stringify(expires_at));
  }
  for (const consent_id of [5, 2 ** 60, true, [], {}, 5n]) {
    assert.throws(() => granted({ consent_id }), TypeError);
  }
  granted("yes");
  seal({ type: "call.started", actor: "system", input: { consent_id: 5, expires_at: 5 } });
});

test("a traceparent is read as the library reads it", () => {
  const [trace, span] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  for (const traceparent of [
    `00-${trace}-${span}-01`,
    ` 00-${trace}-${span}-ff `,
    `01-${trace}-${span}-01`,
    `01-${trace}-${span}-01-what-comes-later`,
  ]) {
    const { header } = seal({ ...EVENT, traceparent });
    assert.deepEqual([header.trace_id, header.span_id], [trace, span], traceparent);
  }
  for (const traceparent of [
    "",
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01-more`,
    `01-${trace}-${span}-01more`,
    `ff-${trace}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `01-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
  ]) {
    assert.equal(seal({ ...EVENT, traceparent }).header.trace_id, null, traceparent);
  }
});

test("JSON null is the same as nothing", () => {
  const [nothing, none] = [seal(EVENT), seal({ ...EVENT, input: null, output: null })];
  assert.deepEqual([none.input, none.output], [null, null]);
  assert.deepEqual([nothing.input, nothing.output], [null, null]);
});
