// `node --test examples/typescript`: what is kept out of a payload by the names of its keys.

import assert from "node:assert/strict";
import { test } from "node:test";

import { KEY_NAMES } from "./names.mjs";
import { seal } from "./seal.mjs";
import { kindOf, tableOf, withhold } from "./withhold.mjs";

const KEY = Buffer.alloc(32, 7);

test("a secret below a telling name becomes a mark, the same each time", () => {
  const payload = { password1: "Umuganda#2026", otp: 482913, note: "ok", tokens: 12, pin: null };
  const kept = withhold(KEY, payload);
  assert.match(kept.password1, /^\[secret 13 [0-9a-f]{12}\]$/);
  assert.match(kept.otp, /^\[secret 6 [0-9a-f]{12}\]$/);
  assert.deepEqual({ ...kept, password1: 0, otp: 0 }, { ...payload, password1: 0, otp: 0 });
  assert.deepEqual(withhold(KEY, kept), kept);
  assert.equal(payload.otp, 482913, "the caller's object is left alone");
});

test("a name that is added to the table works in every spelling", () => {
  const table = tableOf(`${KEY_NAMES}\nsecret: umukono_wanjye`);
  for (const key of ["umukono_wanjye", "umukonoWanjye", "UMUKONO-WANJYE2", "new.umukono.wanjye"]) {
    assert.equal(kindOf(key), null);
    assert.equal(kindOf(key, table), "secret");
  }
});

test("what writes itself is withheld as it is written, and what is no JSON is left to be refused", () => {
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
