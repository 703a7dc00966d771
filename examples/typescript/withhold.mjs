// Keeps secrets out of a payload, as the Rust library does when it seals: by the names of keys, and in texts by prefix,
// shape and the name beside them. Both use the same tables and the same marks, and tests compare them.

import { createHmac } from "node:crypto";

import { wordsOf } from "./fold.mjs";
import { KEY_NAMES } from "./names.mjs";
import { secretsIn } from "./secrets.mjs";

/** The kinds that never enter the store, and their names in marks. */
const WITHHELD = new Map([
  ["code", "secret"],
  ["media", "media"],
  ["password", "secret"],
  ["secret", "secret"],
  ["signed_url", "signed_url"],
]);

/** How many levels of JSON inside texts of JSON are searched. */
const MAX_NESTED = 4;

/** Members that hold a name, `{"field": "password", "old": …}`, and members that hold its values. */
const NAMES = ["name", "key", "field", "column", "label", "header", "param", "parameter", "property", "attribute", "type"];
const VALUES = ["value", "val", "old", "new", "oldvalue", "newvalue", "before", "after", "previous", "current"];

const MARK = /^\[(?:media|secret|signed_url) \d+ [0-9a-f]{12}\]$/;

/** @typedef {{ names: Map<string, { kind: string, isWhole: boolean }>, endings: [string, string][],
 *     anywhere: [string, string][], beginnings: [string, string][], qualifiers: Set<string> }} Table */

const TABLE = tableOf(KEY_NAMES);

/**
 * Copies a payload, and replaces each value below the name of a secret, and each secret in a text, by its kind, its length
 * in bytes and its keyed hash: `[secret 43 0f3a9b2c1d4e]`. Pass everything that goes into `input` and `output` through it.
 * @param {Buffer} redactionKey the deployment's 32 secret bytes
 * @param {unknown} payload anything that `JSON.stringify` takes
 * @returns {any}
 */
export function withhold(redactionKey, payload) {
  if (redactionKey.length !== 32) throw new TypeError("the redaction key is not 32 bytes");
  return keepOut(redactionKey, payload, MAX_NESTED);
}

/**
 * The kind of the values below a key, or `null` if the table does not say.
 * @param {string} key
 * @param {Table} [table]
 * @returns {string | null}
 */
export function kindOf(key, table = TABLE) {
  let { words, component } = wordsOf(key);
  for (;;) {
    const kind = lookUp(table, words, component);
    if (kind !== null) return kind;
    const last = words.at(-1) ?? "";
    const withoutDigits = last.replace(/[0-9]+$/, "");
    if (withoutDigits !== "" && withoutDigits !== last) {
      words = [...words.slice(0, -1), withoutDigits];
    } else if (words.length > 1 && table.qualifiers.has(last)) {
      words = words.slice(0, -1);
    } else {
      if (!last.endsWith("s")) return null;
      const kind = lookUp(table, [...words.slice(0, -1), last.slice(0, -1)], component);
      // A plural such as `tokens` is a count, not a secret.
      return kind === null || WITHHELD.has(kind) ? null : kind;
    }
  }
}

/** @param {string} text @returns {Table} */
export function tableOf(text) {
  /** @type {Table} */
  const table = { names: new Map(), endings: [], anywhere: [], beginnings: [], qualifiers: new Set() };
  for (const line of text.split("\n")) {
    const [kind, names] = line.startsWith("#") ? [] : line.split(":");
    for (const name of (names ?? "").split(/\s+/).filter((name) => name !== "")) {
      const glued = name.replace(/[^a-z0-9]/g, "");
      if (kind === "qualifier") table.qualifiers.add(glued);
      else {
        const [signs] = name.match(/^[=~*^]*/) ?? [""];
        table.names.set(glued, { kind, isWhole: signs.includes("=") });
        if (signs.includes("~")) table.endings.push([glued, kind]);
        if (signs.includes("*")) table.anywhere.push([glued, kind]);
        if (signs.includes("^")) table.beginnings.push([glued, kind]);
      }
    }
  }
  return table;
}

/** @param {Table} table @param {string[]} words @param {number} component */
function lookUp({ names, endings, anywhere, beginnings }, words, component) {
  const begins = beginnings.find(([first]) => [0, component].some((start) => beginsWith(words.slice(start), first)));
  if (begins !== undefined) return begins[1];
  for (let start = 0; start < words.length; start += 1) {
    const listed = names.get(words.slice(start).join(""));
    if (listed !== undefined && (!listed.isWhole || start === component)) return listed.kind;
  }
  const glued = words.join("");
  const match =
    endings.find(([ending]) => glued.endsWith(ending)) ??
    anywhere.find(([part]) => glued.includes(part));
  return match === undefined ? null : match[1];
}

/** Whether the first of these words are the name. @param {string[]} words @param {string} name */
function beginsWith(words, name) {
  let glued = "";
  for (const word of words) {
    glued += word;
    if (glued.length >= name.length) break;
  }
  return glued === name;
}

/** @param {Buffer} key @param {any} value @param {number} nested @returns {any} */
function keepOut(key, value, nested) {
  if (typeof value === "string") {
    return inText(key, inNested(key, value, nested));
  }
  if (Array.isArray(value)) {
    const [name, secret] = value;
    const kind = value.length === 2 && [name, secret].every((item) => typeof item === "string");
    const named = kind ? kindOf(name) : null;
    return named !== null && WITHHELD.has(named)
      ? [name, under(key, named, secret)]
      : value.map((item) => keepOut(key, item, nested));
  }
  if (writesItself(value)) return keepOut(key, value.toJSON(), nested);
  if (!isObject(value)) return value;
  // Bytes as Node.js writes them.
  if (value.type === "Buffer" && Array.isArray(value.data) && Object.keys(value).length === 2) {
    return mark(key, "media", JSON.stringify({ data: value.data, type: value.type }));
  }
  const beside = kindBeside(value);
  const members = Object.entries(value).map(([name, member]) => {
    const kind = VALUES.some((word) => isWritten(word, name)) && WITHHELD.has(beside ?? "") ? beside : kindOf(name);
    const isWithheld = kind !== null && WITHHELD.has(kind);
    return [inText(key, name), isWithheld ? under(key, kind, member) : keepOut(key, member, nested)];
  });
  return Object.fromEntries(members);
}

/** The kind that a name announces which is a value itself, beside the values that it names. @param {Record<string, any>} members */
function kindBeside(members) {
  const written = Object.keys(members);
  if (!written.some((member) => VALUES.some((word) => isWritten(word, member)))) return null;
  for (const wanted of NAMES) {
    const member = written.find((member) => isWritten(wanted, member));
    const name = member === undefined ? undefined : members[member];
    const kind = typeof name === "string" ? kindOf(name) : null;
    if (kind !== null) return kind;
  }
  return null;
}

/** Whether a member's name is this word, in any case style. @param {string} word @param {string} member */
function isWritten(word, member) {
  return member.length <= word.length + 1 && member.replaceAll("_", "").toLowerCase() === word;
}

/** A text without the secrets in it. @param {Buffer} key @param {string} text */
function inText(key, text) {
  let kept = "";
  let from = 0;
  for (const { start, end, kind } of secretsIn(text, kindOf)) {
    kept += text.slice(from, start) + mark(key, kind, text.slice(start, end));
    from = end;
  }
  return kept + text.slice(from);
}

/** @param {Buffer} key @param {string} text @param {number} nested */
function inNested(key, text, nested) {
  if (nested === 0 || !/^\s*(?:\{[^]*\}|\[[^]*\])\s*$/.test(text)) return text;
  try {
    const before = JSON.parse(text);
    const after = keepOut(key, before, nested - 1);
    return JSON.stringify(after) === JSON.stringify(before) ? text : JSON.stringify(after);
  } catch {
    return text;
  }
}

/** Replaces every text and number below the name of a secret. @param {Buffer} key @param {string} kind @param {any} value
 * @returns {any} */
function under(key, kind, value) {
  if (typeof value === "string") return value === "" || MARK.test(value) ? value : mark(key, kind, value);
  if (typeof value === "number" || typeof value === "bigint") {
    const written = String(value);
    // A short number below the name of a credential is a count.
    return kind === "code" || written.length >= 4 ? mark(key, kind, written) : value;
  }
  if (Array.isArray(value)) return value.map((item) => under(key, kind, item));
  if (writesItself(value)) return under(key, kind, value.toJSON());
  if (!isObject(value)) return value;
  const members = Object.entries(value);
  return Object.fromEntries(members.map(([name, member]) => [inText(key, name), under(key, kind, member)]));
}

/** Whether a value has a `toJSON` that we call. We leave dates and bytes to `seal`, which refuses what it cannot take. @param {any} value */
function writesItself(value) {
  return typeof value?.toJSON === "function" && tagOf(value) !== "Date" && !ArrayBuffer.isView(value);
}

/**
 * Whether JSON has the members of a value. The content of a `Map`, a `Set`, an `Error` or the like is not in its members:
 * we leave such a value as it is, and `seal` refuses it.
 * @param {any} value
 */
function isObject(value) {
  return typeof value === "object" && value !== null && tagOf(value) === "Object";
}

/** @param {unknown} value */
function tagOf(value) {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** @param {Buffer} key @param {string} kind @param {string} removed */
function mark(key, kind, removed) {
  const what = WITHHELD.get(kind) ?? kind;
  const hash = createHmac("sha256", key).update(`${what}\0${removed}`).digest("hex").slice(0, 12);
  return `[${what} ${Buffer.byteLength(removed)} ${hash}]`;
}
