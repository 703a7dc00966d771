// `node --test examples/typescript`: compares ids of the host's rows and of streams with their vectors, and tests refusals.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { HostIdError, asHostId, hostId } from "./host-id.mjs";
import { messageEventId, streamOf } from "./ids.mjs";

const KEY = Buffer.alloc(32, 7);
const UUID = "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11";

/** @param {string} name */
function vectors(name) {
  return JSON.parse(
    readFileSync(new URL(`../../tests/vectors/v1/${name}.json`, import.meta.url), "utf8"),
  );
}

test("ids of names equal the vectors", () => {
  const cases = vectors("host_id");
  assert.ok(cases.length >= 20);
  for (const { key, kind, name, id } of cases) {
    const derived = { kind, uuid: id, original: name };
    assert.deepEqual(hostId(Buffer.from(key, "hex"), kind, name), derived);
    assert.deepEqual(asHostId(kind, derived), derived);
  }
});

test("streams equal the vectors", () => {
  const cases = vectors("stream_id");
  assert.ok(cases.length >= 6);
  for (const { request_id, conversation_id, stream_id } of cases) {
    assert.equal(streamOf(request_id, conversation_id), stream_id);
  }
});

test("a provider's message has the same event id in every process and at any time", () => {
  for (const { key, message_id, sent_at_us, event_id } of vectors("message_event_id")) {
    const redactionKey = Buffer.from(key, "hex");
    assert.equal(messageEventId(redactionKey, message_id, BigInt(sent_at_us)), event_id);
  }
  assert.throws(() => messageEventId(KEY, "undefined", 0n), HostIdError);
});

test("a text that unrelated rows would share is refused, and the error does not repeat it", () => {
  let count = 0;
  for (const [fault, names] of Object.entries(vectors("refused_host_id"))) {
    for (const text of names) {
      const name = text.replace("${257 times x}", "x".repeat(257));
      assert.throws(
        () => hostId(KEY, "request", name),
        (error) => error instanceof HostIdError && error.fault === fault,
        `${fault}: ${JSON.stringify(name)}`,
      );
      assert.throws(() => asHostId("conversation", name), TypeError);
      count += 1;
    }
  }
  assert.ok(count > 100);
  for (const wrong of [undefined, null, 7, {}, [UUID]]) {
    assert.throws(() => hostId(KEY, "request", /** @type {any} */ (wrong)), TypeError);
  }
});

test("a UUID has the same id in each of its written forms", () => {
  const simple = UUID.replaceAll("-", "");
  for (const form of [
    UUID,
    UUID.toUpperCase(),
    simple,
    `{${UUID}}`,
    `(${simple})`,
    `"${UUID}"`,
    `urn:uuid:${UUID}`,
    `URN:UUID:{${UUID}}`,
    `uuid:${simple}`,
  ]) {
    const expected = { kind: "request", uuid: UUID, original: null };
    assert.deepEqual(hostId(KEY, "request", form), expected, form);
    assert.deepEqual(asHostId("request", form), expected, form);
  }
});

test("names that hosts do use are accepted", () => {
  for (const name of [
    "1",
    "req-7",
    "fallback",
    "+250 788 123 456",
    "250788123456@s.whatsapp.net",
    "wamid.HBgLMjUwNzg4MTIzNDU2FQIAEhg=",
    "V1StGXR8_Z5jdHi6B-NaN",
    "annulled-3",
    "Nile-7",
    "<CAF=1@mail.example>",
    "100%sure",
    "a%20b",
    "ikiganiro-\u{1F64F}",
  ]) {
    assert.equal(hostId(KEY, "request", name).original, name);
  }
});
