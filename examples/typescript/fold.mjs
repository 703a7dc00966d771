// Folds names for comparison, as src/redact/fold.rs does: removes case, accents, width and invisible characters.

import { LETTERS } from "./names.mjs";

/** What each small letter is compared as. @type {Map<string, string>} */
const BASES = new Map(
  LETTERS.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" "))
    .flatMap(([to, from]) => [...from].map((letter) => [letter, to])),
);

/** The zeros of the scripts whose digits have consecutive code points, and of decorated digits. */
const ZEROS = [
  0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6,
  0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0,
  0x1c40, 0x1c50, 0x2080, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xaa50, 0xabf0, 0xff10, 0x1fbf0,
];
/** The ones of rows without a zero, or with the zero elsewhere. */
const ONES = [0x1369, 0x2460, 0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a, 0x1f102];

const ACCENT = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]/;
const UNSEEN =
  /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u115f\u1160\u3164\ufeff\u{e0000}-\u{e0fff}]/u;

/**
 * What a character is compared as: its letters or digit, `""` for an accent, which belongs to the letter before it, and
 * `" "` for a character that ends a word.
 * @param {string} c
 * @returns {string}
 */
export function fold(c) {
  if (/[\0-\x7f]/.test(c)) return /[A-Za-z0-9]/.test(c) ? c.toLowerCase() : " ";
  if (ACCENT.test(c)) return "";
  if (UNSEEN.test(c)) return " ";
  const value = digit(c);
  if (value !== null) return String(value);
  const [lower] = imitated(c) ?? c.toLowerCase();
  return BASES.get(lower) ?? (/[\p{Alphabetic}\p{N}]/u.test(lower) ? lower : " ");
}

/**
 * The words of a key, folded, and the index of the first word after the last dot.
 * @param {string} key
 * @returns {{ words: string[], component: number }}
 */
export function wordsOf(key) {
  /** @type {string[]} */
  const words = [];
  let component = 0;
  let before = " ";
  const chars = [...key];
  chars.forEach((c, at) => {
    const folded = fold(c);
    if (folded === "") return;
    if (folded === " ") {
      if (c === "." || c === "/") component = words.length;
      before = " ";
      return;
    }
    const nextIsSmall = /\p{Lowercase}/u.test(chars[at + 1] ?? "");
    const begins =
      before === " " ||
      (/\p{Uppercase}/u.test(c) && (!/\p{Uppercase}/u.test(before) || nextIsSmall));
    if (begins) words.push(folded);
    else words[words.length - 1] += folded;
    before = c;
  });
  return { words, component };
}

/** The value of a digit of any script. @param {string} c @returns {number | null} */
function digit(c) {
  const code = /** @type {number} */ (c.codePointAt(0));
  if (code === 0xb9) return 1;
  if (code === 0xb2 || code === 0xb3) return code - 0xb0;
  if (code < 0x660) return null;
  if ([0x2070, 0x24ea, 0x24ff, 0x1f100, 0x1f101, 0x1f10b, 0x1f10c].includes(code)) return 0;
  if (code >= 0x2074 && code <= 0x2079) return code - 0x2070;
  if (code >= 0x1d7ce && code <= 0x1d7ff) return (code - 0x1d7ce) % 10;
  const zero = ZEROS.find((zero) => code >= zero && code < zero + 10);
  if (zero !== undefined) return code - zero;
  const one = ONES.find((one) => code >= one && code < one + 9);
  return one === undefined ? null : code - one + 1;
}

/** The small letter that a full-width, circled or mathematical letter imitates. @param {string} c @returns {string | null} */
function imitated(c) {
  const code = /** @type {number} */ (c.codePointAt(0));
  for (const first of [0xff21, 0xff41, 0x24b6, 0x24d0]) {
    if (code >= first && code < first + 26) return String.fromCharCode(97 + code - first);
  }
  return code >= 0x1d400 && code <= 0x1d6a3 ? String.fromCharCode(97 + ((code - 0x1d400) % 26)) : null;
}
