// `node --test examples/typescript`: tests what the names of keys keep out of a payload.

import assert from "node:assert/strict";
import { test } from "node:test";

import { KEY_NAMES } from "./names.mjs";
import { seal } from "./seal.mjs";
import { kindOf, tableOf, withhold } from "./withhold.mjs";

const KEY = Buffer.alloc(32, 7);

test("a value below the name of a secret becomes a mark, the same each time", () => {
  const payload = { password1: "Umuganda#2026", otp: 482913, note: "ok", tokens: 12, pin: null };
  const kept = withhold(KEY, payload);
  assert.match(kept.password1, /^\[secret 13 [0-9a-f]{12}\]$/);
  assert.match(kept.otp, /^\[secret 6 [0-9a-f]{12}\]$/);
  assert.deepEqual({ ...kept, password1: 0, otp: 0 }, { ...payload, password1: 0, otp: 0 });
  assert.deepEqual(withhold(KEY, kept), kept);
  assert.equal(payload.otp, 482913, "the caller's object is left alone");
});

test("a name that is added to the table matches every spelling", () => {
  const table = tableOf(`${KEY_NAMES}\nsecret: umukono_wanjye`);
  for (const key of ["umukono_wanjye", "umukonoWanjye", "UMUKONO-WANJYE2", "new.umukono.wanjye"]) {
    assert.equal(kindOf(key), null);
    assert.equal(kindOf(key, table), "secret");
  }
});

test("a value with toJSON is withheld as it is written, and a value that is not JSON is left for seal to refuse", () => {
  class Account {
    toJSON() {
      return { password: "Umuganda#2026", pin: { toJSON: () => 1234 } };
    }
  }
  const kept = withhold(KEY, { account: new Account(), mot_de_passe: { toJSON: () => "x9!kL" } });
  assert.match(kept.account.password, /^\[secret 13 /);
  assert.match(kept.account.pin, /^\[secret 4 /);
  assert.match(kept.mot_de_passe, /^\[secret 5 /);
  const holes = [1, , 3]; // eslint-disable-line no-sparse-arrays
  for (const given of [new Map([["pin", 1234]]), new Set([1]), new Error("x"), Buffer.alloc(2), holes]) {
    for (const payload of [{ given }, { a: [given] }]) {
      const event = { type: "moltbot.called", actor: "moltbot", input: withhold(KEY, payload) };
      assert.throws(() => seal(event), TypeError, String(given));
    }
  }
});

test("names, numbers and dates of other kinds stay", () => {
  const payload = { from: "250788123456", amazina: "Uwase", at: new Date(0), max_tokens: 100 };
  assert.deepEqual(withhold(KEY, payload), payload);
  assert.throws(() => withhold(Buffer.alloc(3), {}), TypeError);
});
