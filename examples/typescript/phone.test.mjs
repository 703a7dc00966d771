// `node --test examples/typescript`: compares keyed hashes of phone numbers with their vectors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { PhoneError, canonicalPhone, phoneHash } from "./phone.mjs";

const KEY = Buffer.alloc(32, 7);

/** @param {string} path */
function file(path) {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

/** @param {string} name */
function vectors(name) {
  return JSON.parse(file(`tests/vectors/v1/${name}.json`));
}

test("hashes equal the vectors", () => {
  const cases = vectors("phone_hash").filter((/** @type {any} */ { number }) => !number.startsWith("?"));
  assert.ok(cases.length >= 8);
  for (const { key, number, hash } of cases) {
    assert.equal(phoneHash(Buffer.from(key, "hex"), `+${number}`), hash);
  }
});

test("all spellings of one number give the same hash", () => {
  for (const { calling_code, number, texts } of vectors("phone_spellings").spellings) {
    for (const text of texts) assert.equal(canonicalPhone(text, calling_code), number, text);
  }
});

test("numbers of all countries stay distinct, with and without a plus", () => {
  const { numbers } = vectors("phone_spellings");
  assert.ok(numbers.length > 400);
  for (const number of numbers) {
    const spellings = [`+${number}`, `00${number}`, number];
    const hashes = new Set(spellings.map((text) => phoneHash(KEY, text)));
    assert.equal(hashes.size, 1, number);
  }
  const distinct = new Set(numbers.map((/** @type {string} */ number) => phoneHash(KEY, `+${number}`)));
  assert.equal(distinct.size, numbers.length);
});

test("digits that fit no country equal no number", () => {
  assert.equal(canonicalPhone("7881234567", "250"), "?7881234567");
  assert.equal(canonicalPhone("+7881234567", "250"), "7881234567");
});

test("a text that is not a phone number is an error that does not repeat it", () => {
  for (const [fault, texts] of Object.entries(vectors("phone_spellings").refused)) {
    for (const text of texts) {
      assert.throws(
        () => phoneHash(KEY, text),
        (error) => error instanceof PhoneError && error.fault === fault,
        text,
      );
    }
  }
  for (const wrong of [undefined, null, 788123456]) {
    assert.throws(() => phoneHash(KEY, /** @type {any} */ (wrong)), PhoneError);
  }
  for (const callingCode of ["", "25", "+250"]) {
    assert.throws(() => phoneHash(KEY, "0788123456", { callingCode }), PhoneError);
  }
});

test("the table is the library's", () => {
  assert.ok(file("examples/typescript/phone.mjs").includes(file("src/redact/e164/calling_codes.txt")));
});
