// Reads JSON strictly, and writes it in the canonical form of RFC 8785.

/** A text that is no JSON, or no pack. `code` names what is wrong. */
class Malformed extends Error {
  constructor(code, where = "") {
    super(where ? `${code}: ${where}` : code);
    this.code = code;
    this.where = where;
  }
}

/** The value of a JSON text in which no name stands twice in one object: JSON.parse would take the last of them. */
function parseStrictly(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Malformed("no_json");
  }
  let names = 0;
  for (const match of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)) names += match[1] ? 1 : 0;
  if (names !== countNames(value)) throw new Malformed("name_twice");
  return value;
}

function countNames(value) {
  let names = 0;
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (next === null || typeof next !== "object") continue;
    if (!Array.isArray(next)) names += Object.keys(next).length;
    for (const inner of Object.values(next)) open.push(inner);
  }
  return names;
}

/** JSON.stringify writes numbers and texts as RFC 8785 wants them. Names are in the order of their UTF-16 code units. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") {
    if (typeof value === "number" && !Number.isFinite(value)) throw new Malformed("number");
    return JSON.stringify(value);
  }
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** One reference token of a JSON pointer. */
function escapePointer(name) {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Microseconds since 1970 of a time that is written with six decimals, as a BigInt; null if it is none. */
function microseconds(text) {
  const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z$/;
  const match = typeof text === "string" ? form.exec(text) : null;
  if (!match) return null;
  const seconds = Date.parse(`${text.slice(0, 19)}Z`);
  // A day that does not exist would be read as another day.
  if (Number.isNaN(seconds) || new Date(seconds).toISOString().slice(0, 19) !== text.slice(0, 19)) return null;
  return BigInt(seconds) * 1000n + BigInt(match[7]);
}
