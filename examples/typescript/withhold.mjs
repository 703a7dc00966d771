// Keeps secrets out of a payload, as the Rust library does when it seals: by the names of keys, and by what keys of
// providers begin with. The same tables, the same marks; a test compares the two.

import { createHmac } from "node:crypto";

import { KEY_NAMES, SECRET_PREFIXES } from "./names.mjs";

/** What never enters the store, and how its mark names it. */
const WITHHELD = new Map([
  ["code", "secret"],
  ["media", "media"],
  ["password", "secret"],
  ["secret", "secret"],
  ["signed_url", "signed_url"],
]);

/** How often JSON in a text in JSON is looked into. */
const MAX_NESTED = 4;

const MARK = /^\[(?:media|secret|signed_url) \d+ [0-9a-f]{12}\]$/;

/** @typedef {{ names: Map<string, { kind: string, isWhole: boolean }>, endings: [string, string][],
 *     anywhere: [string, string][], qualifiers: Set<string> }} Table */

const TABLE = tableOf(KEY_NAMES);

/** What a text is made of, without white space, quotes and brackets, as src/redact/scan has it. */
const TOKEN = /[^\0- "'`|\\\x7f<>()[\]{}]{12,}/g;

const CLASSES = {
  alnum: (/** @type {string} */ _, /** @type {string} */ first) => /^[A-Za-z0-9]*$/.test(first),
  any: () => true,
  hex: (/** @type {string} */ _, /** @type {string} */ first) => /^[0-9A-Fa-f]*$/.test(first),
  mixed: (/** @type {string} */ rest) => /[0-9]/.test(rest) && /[A-Z]/.test(rest) && /[a-z]/.test(rest),
  rand: (/** @type {string} */ rest) => /[0-9]/.test(rest),
  upper: (/** @type {string} */ _, /** @type {string} */ first) => /^[A-Z0-9]*$/.test(first),
};

const PREFIXES = prefixesOf(SECRET_PREFIXES);

/**
 * A copy of a payload in which what stands below a telling name, and each key of a provider, is replaced by what it
 * was, its length in bytes and its keyed hash: `[secret 43 0f3a9b2c1d4e]`. Give it what goes into `input` and `output`.
 *
 * In texts it knows keys by how they begin, and nothing else: leave out passwords that stand in a sentence.
 * @param {Buffer} redactionKey the deployment's 32 secret bytes
 * @param {unknown} payload what `JSON.stringify` takes
 * @returns {any}
 */
export function withhold(redactionKey, payload) {
  if (redactionKey.length !== 32) throw new TypeError("the redaction key is not 32 bytes");
  return keepOut(redactionKey, payload, MAX_NESTED);
}

/**
 * The kind of what stands below a key, or `null` if the table does not say.
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
      // A count of tokens is no token.
      return kind === null || WITHHELD.has(kind) ? null : kind;
    }
  }
}

/** @param {string} text @returns {Table} */
export function tableOf(text) {
  /** @type {Table} */
  const table = { names: new Map(), endings: [], anywhere: [], qualifiers: new Set() };
  for (const line of text.split("\n")) {
    const [kind, names] = line.startsWith("#") ? [] : line.split(":");
    for (const name of (names ?? "").split(/\s+/).filter((name) => name !== "")) {
      const glued = name.replace(/[^a-z0-9]/g, "");
      if (kind === "qualifier") table.qualifiers.add(glued);
      else {
        table.names.set(glued, { kind, isWhole: name.startsWith("=") });
        if (name.startsWith("~")) table.endings.push([glued, kind]);
        if (name.startsWith("*")) table.anywhere.push([glued, kind]);
      }
    }
  }
  return table;
}

/**
 * @typedef {{ text: string, len: number, isExact: boolean, holds: (rest: string, first: string) => boolean,
 *     part: string }} Prefix
 */

/** @param {string} text @returns {Prefix[]} */
function prefixesOf(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [text, len, name, part = ""] = line.split(" ");
    const holds = CLASSES[/** @type {keyof typeof CLASSES} */ (name)];
    return { text, len: Number(len.replace("=", "")), isExact: len.startsWith("="), holds, part };
  });
}

/** Whether a provider's key begins at a word of a token. @param {string} token */
function hasKey(token) {
  for (const { index } of token.matchAll(/(?<![A-Za-z0-9])[^]/g)) {
    const rest = token.slice(index, index + 300);
    if (PREFIXES.some((prefix) => begins(prefix, rest))) return true;
  }
  return false;
}

/** @param {Prefix} prefix @param {string} rest */
function begins({ text, len, isExact, holds, part }, rest) {
  if (!rest.startsWith(text)) return false;
  const key = /^[A-Za-z0-9+/\-_.]{0,200}/.exec(rest.slice(text.length))?.[0] ?? "";
  const first = len - text.length;
  return (
    (isExact ? key.length === first : key.length >= first) &&
    holds(key, key.slice(0, first)) &&
    key.includes(part) &&
    // It begins article numbers too.
    (text !== "sk-" || key.split("-").some((run) => run.length >= 16))
  );
}

/** @param {Table} table @param {string[]} words @param {number} component */
function lookUp({ names, endings, anywhere }, words, component) {
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

/** The words of a key without case and accents, and the first of its last part behind a dot. @param {string} key */
function wordsOf(key) {
  const parts = key.normalize("NFD").replace(/[\u0300-\u036f]/g, "").split(/[./]/);
  const all = parts.map((part) =>
    part
      .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, "$1 $2")
      .replace(/([^\p{Lu}\P{L}]|\p{N})(\p{Lu})/gu, "$1 $2")
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word !== "")
      .map((word) => word.toLowerCase()),
  );
  return { words: all.flat(), component: all.slice(0, -1).flat().length };
}

/** @param {Buffer} key @param {any} value @param {number} nested @returns {any} */
function keepOut(key, value, nested) {
  if (typeof value === "string") {
    const text = inNested(key, value, nested);
    return text.replace(TOKEN, (token) => (hasKey(token) ? mark(key, "secret", token) : token));
  }
  if (Array.isArray(value)) {
    const [name, secret] = value;
    const kind = value.length === 2 && [name, secret].every((item) => typeof item === "string");
    const named = kind ? kindOf(name) : null;
    return named !== null && WITHHELD.has(named)
      ? [name, under(key, named, secret)]
      : value.map((item) => keepOut(key, item, nested));
  }
  if (!isObject(value)) return value;
  const name = value.name ?? value.key;
  const beside = "value" in value && typeof name === "string" ? kindOf(name) : null;
  const members = Object.entries(value).map(([name, member]) => {
    const kind = name === "value" && WITHHELD.has(beside ?? "") ? beside : kindOf(name);
    const isWithheld = kind !== null && WITHHELD.has(kind);
    return [name, isWithheld ? under(key, kind, member) : keepOut(key, member, nested)];
  });
  return Object.fromEntries(members);
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

/** Replaces every text and number below a telling name. @param {Buffer} key @param {string} kind @param {any} value
 * @returns {any} */
function under(key, kind, value) {
  if (typeof value === "string") return value === "" || MARK.test(value) ? value : mark(key, kind, value);
  if (typeof value === "number" || typeof value === "bigint") {
    const written = String(value);
    // Below a credential's name a short number counts something.
    return kind === "code" || written.length >= 4 ? mark(key, kind, written) : value;
  }
  if (Array.isArray(value)) return value.map((item) => under(key, kind, item));
  if (!isObject(value)) return value;
  const members = Object.entries(value);
  return Object.fromEntries(members.map(([name, member]) => [name, under(key, kind, member)]));
}

/** Members that JSON has; a `Date` or whatever else writes itself is left to `seal`. @param {any} value */
function isObject(value) {
  return typeof value === "object" && value !== null && typeof value.toJSON !== "function";
}

/** @param {Buffer} key @param {string} kind @param {string} removed */
function mark(key, kind, removed) {
  const what = /** @type {string} */ (WITHHELD.get(kind));
  const hash = createHmac("sha256", key).update(`${what}\0${removed}`).digest("hex").slice(0, 12);
  return `[${what} ${Buffer.byteLength(removed)} ${hash}]`;
}
