// Secrets, signed URLs and media in a text, as src/redact/scan finds what must not be stored: by prefix, by shape, and by
// the name that a value stands beside. Every look is bounded, so that the time follows the text's length.

import { SECRET_PREFIXES } from "./names.mjs";

/** Longest part of a token that is looked at as one key, longest name before a value, longest run of base64 that is an id. */
const [KEY_MAX, NAME_MAX, BASE64_MAX] = [200, 48, 256];

/** What a text is made of, without white space, quotes and brackets. */
const TOKEN = /[^\0- "'`|\\\x7f<>()[\]{}]+/g;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[^0-9a-z]?$/i;
const KEYED_HASH =
  /^(?:attempt|consent|job|media|message|outreach|phone|provider_call|provider_message|vendor)-(?!07)(?=.*[a-f])[0-9a-f]{12}[^0-9A-Za-z]?$/i;
const BASE64 = /[A-Za-z0-9+/_-]/;

const WHITE_OR_QUOTE = /["'`\\ \t\n\r]/;
const QUOTE = /["'`\\]/;
const NAME = /[A-Za-z0-9_\-\u0080-\uffff]/;
const PHRASE = /[A-Za-z0-9_\- '.\u0080-\uffff]/;
const WORD = /[A-Za-z0-9\u0080-\uffff]/;

/** @param {string} text */
const words = (text) => new Set(text.split(" "));
const TYPES = words("any char const let mut securestring static str string text val var varchar");
const LINKS = words("are est ari is ni sont was");
const AS = words("as comme");
const CODES = words("code kode");
const OWN = words("mon my ton votre yanjye yawe your");
const SENDERS = words("facebook google instagram telegram uber whatsapp");
const VERBS = words("enter entrez injiza koresha saisir saisissez shyiramo tapez type use");
const ARTICLES = words("ce iyi le the this");
const CURRENCIES = words("bif cdf eur fcfa franc francs frs frw frws kes rwf tzs ugx usd");

const SIGNING = words(
  "access_token= api_key= apikey= auth= awsaccesskeyid= client_secret= expires= googleaccessid= hash= hmac= jwt= key-pair-id= key= oh= password= policy= refresh_token= sig= signature= token= x-amz- x-goog-",
);
const WEBHOOKS =
  /\.webhook\.office\.com\/webhookb2\/|discord(?:app)?\.com\/api\/webhooks\/|hooks\.slack\.com\/(?:services|triggers|workflows)\/|hooks\.zapier\.com\/hooks\/|outlook\.office(?:365)?\.com\/webhook\//;

const CLASSES = {
  alnum: (/** @type {string} */ _, /** @type {string} */ first) => /^[A-Za-z0-9]*$/.test(first),
  any: () => true,
  hex: (/** @type {string} */ _, /** @type {string} */ first) => /^[0-9A-Fa-f]*$/.test(first),
  mixed: (/** @type {string} */ rest) => /[0-9]/.test(rest) && /[A-Z]/.test(rest) && /[a-z]/.test(rest),
  rand: (/** @type {string} */ rest) => /[0-9]/.test(rest),
  upper: (/** @type {string} */ _, /** @type {string} */ first) => /^[A-Z0-9]*$/.test(first),
};

/**
 * @typedef {{ text: string, len: number, isExact: boolean, holds: (rest: string, first: string) => boolean,
 *     part: string }} Prefix
 * @typedef {(key: string) => string | null} KindOf what stands below the name of a key
 * @typedef {{ start: number, end: number, kind: "secret" | "signed_url" | "media" }} Found
 * @typedef {{ kind: string, joint: string }} Assigned a secret's name, and the sign by which a value is assigned to it
 */

const PREFIXES = prefixesOf(SECRET_PREFIXES);

/**
 * What of a text must not be stored, from left to right, without overlap.
 * @param {string} text
 * @param {KindOf} kindOf
 * @returns {Found[]}
 */
export function secretsIn(text, kindOf) {
  if (text.length < 6) return [];
  const scan = new Scan(text, kindOf);
  /** @type {Found[]} */
  const found = [];
  TOKEN.lastIndex = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const last = found.at(-1);
    if (last !== undefined && index < last.end) continue;
    const one = scan.token(token, index);
    if (one === null) continue;
    // `bot…|key` begins before its token.
    if (last !== undefined && one.start < last.end) last.end = Math.max(last.end, one.end);
    else found.push(one);
  }
  return found;
}

class Scan {
  /** @param {string} text @param {KindOf} kindOf */
  constructor(text, kindOf) {
    this.text = text;
    this.kindOf = kindOf;
  }

  /** @param {string} token @param {number} start @returns {Found | null} */
  token(token, start) {
    const end = start + token.length;
    // Words of a language.
    if (/^[a-z\u0080-\uffff]*$/.test(token) && !/[\u0660-\uffff]/.test(token)) return null;
    const isOpaque = UUID.test(token) || KEYED_HASH.test(token);
    if (isOpaque && this.assigned(start) === null) return null;
    const block = this.pem(token, end);
    if (block !== null) return block;
    if (token.includes(":")) {
      const whole = this.urlWithPassword(token, start);
      if (whole !== null) return whole;
    }
    const isWord = !/[0-9=:]/.test(token);
    const isPlain = /^[a-z\u0080-\uffff]*$/.test(token);
    if (isWord && token.length < (isPlain ? 16 : 8)) return null;
    if (token.length >= 12) {
      const kind = kindOfToken(token);
      if (kind !== null) return { start, end, kind };
      const isRandom = /[0-9]/.test(token);
      const isAfter = (/** @type {string} */ scheme) => this.isAfterScheme(start, scheme);
      const isLong = token.length >= 16;
      if (isRandom && (isAfter("bearer") || (isLong && (isAfter("token") || isAfter("apikey"))))) {
        return { start, end, kind: "secret" };
      }
      const bar = this.text[start - 1] === "|" ? /(?<![0-9])[0-9]{15,16}$/.exec(this.text.slice(Math.max(0, start - 18), start - 1)) : null;
      const key = countWhile(token, (c) => BASE64.test(c), token.length);
      if (bar !== null && key >= 27 && key <= 40) {
        return { start: start - 1 - bar[0].length, end, kind: "secret" };
      }
    }
    if (token.length >= 8 && this.isAfterScheme(start, "basic") && isCredentials(token)) {
      return { start, end, kind: "secret" };
    }
    return this.beside(token, start);
  }

  /** PEM blocks (RFC 7468). @param {string} token @param {number} end @returns {Found | null} */
  pem(token, end) {
    if (!token.endsWith("-----BEGIN")) return null;
    const label = /^[A-Z0-9 ]{0,64}/.exec(this.text.slice(end, end + 64))?.[0].length ?? 0;
    const body = end + label;
    if (!this.text.startsWith("-----", body)) return null;
    const last = this.text.indexOf("-----END ", body);
    const dashes = last < 0 ? -1 : this.text.indexOf("-----", last + 9);
    return { start: end - 10, end: dashes < 0 ? this.text.length : dashes + 5, kind: "secret" };
  }

  /** A URL whose password holds brackets, quotes or bars. @param {string} token @param {number} start @returns {Found | null} */
  urlWithPassword(token, start) {
    const cut = this.text[start + token.length];
    if (cut === undefined || !"()[]{}'|".includes(cut)) return null;
    const at = token.indexOf("://");
    if (at < 0) return null;
    const from = start + at + 3;
    const rest = /^[^\0- "<>\\`\x7f]*/.exec(this.text.slice(from, from + 200))?.[0] ?? "";
    const user = userAndPassword(token.slice(0, at), rest);
    const isCutInside = user !== null && user.length > start + token.length - from;
    return isCutInside ? { start, end: from + rest.length, kind: "secret" } : null;
  }

  /** @param {number} at @param {string} scheme */
  isAfterScheme(at, scheme) {
    const end = this.back(at, 4, (c) => " :\"'\t".includes(c));
    const start = end - scheme.length;
    return (
      end < at &&
      start >= 0 &&
      this.text.slice(start, end).toLowerCase() === scheme &&
      !/[A-Za-z0-9]/.test(this.text[start - 1] ?? " ")
    );
  }

  /** The part of a token that is a secret by the name beside it. @param {string} token @param {number} start @returns {Found | null} */
  beside(token, start) {
    if (/[=:]/.test(token)) {
      const inside = this.inToken(token, start);
      if (inside !== null) return inside;
    }
    const value = token.replace(/[,;.!?]+$/, "");
    let end = start + value.length;
    const by = this.assigned(start);
    if (by !== null) return isValue(by, value) ? { start, end, kind: "secret" } : null;
    if (!/[0-9]/.test(token)) return null;
    const said = this.said(start);
    if (said !== null) {
      if (/^[0-9]{3}$/.test(value) && /^ [0-9]{3}(?![A-Za-z0-9])/.test(this.text.slice(end, end + 5))) end += 4;
      return isValue(said, value) && !this.isPrice(start, end) ? { start, end, kind: "secret" } : null;
    }
    return isCode(value) && this.isSaidBehind(start + token.length) ? { start, end, kind: "secret" } : null;
  }

  /** @param {string} token @param {number} start @returns {Found | null} */
  inToken(token, start) {
    const gap = this.back(start, 4, (c) => "\"' =".includes(c));
    const flag = this.text.slice(Math.max(0, gap - 7), gap);
    const colon = token.indexOf(":");
    if (gap < start && colon >= 0 && colon < KEY_MAX && (flag.endsWith(" -u") || flag === " --user")) {
      const password = token.slice(colon + 1);
      if (isValue({ kind: "password", joint: "=" }, password.slice(0, KEY_MAX))) {
        return { start: start + colon + 1, end: start + token.length, kind: "secret" };
      }
    }
    for (const { index } of token.matchAll(/[=:]/g)) {
      const behind = index + 1 + countWhile(token.slice(index + 1), (c) => "=:".includes(c), token.length);
      const isName = index === 0 || /[^0-9=:]/.test(token.slice(0, index));
      if (behind >= token.length || !isName) continue;
      const kind = this.kindBefore(this.operatorStart(start + index + 1));
      if (kind === null) continue;
      const rest = token.slice(behind);
      const stop = rest.slice(0, KEY_MAX).search(/[&;,]/);
      const value = (stop < 0 ? rest : rest.slice(0, stop)).replace(/[.!?]+$/, "");
      if (isValue({ kind, joint: token[index] }, value.slice(0, KEY_MAX))) {
        return { start: start + behind, end: start + behind + value.length, kind: "secret" };
      }
    }
    return null;
  }

  /** What secret a value at `at` is by the name before it. @param {number} at @returns {Assigned | null} */
  assigned(at) {
    const { text } = this;
    if (text[at - 1] === " " && /[A-Za-z0-9]/.test(text[at - 2] ?? "")) {
      const start = at - 1 - this.lastWord(at - 1).length;
      if (!/[-_]/.test(text[start - 1] ?? "")) return null;
      const name = this.nameBefore(at - 1);
      if (!name.startsWith("-") && !/^[A-Z0-9_]*$/.test(name)) return null;
      const kind = this.secretKind(name);
      return kind === null ? null : { kind, joint: " " };
    }
    const value = this.unwrapped(at);
    const end = this.back(value, 12, (c) => WHITE_OR_QUOTE.test(c));
    const gap = text.slice(end, value);
    const joint = text[end - 1];
    let nameEnd;
    if ((joint === "=" || joint === ":") && gap !== "") nameEnd = this.operatorStart(end);
    else if (joint === ">" && text[end - 2] === "=") nameEnd = this.operatorStart(end);
    else if ((joint === ">" || joint === "|") && gap.includes("\n") && text.slice(end - 3, end - 1) === ": ") nameEnd = end - 3;
    else if (joint === ">") return this.inTag(end - 1);
    else if ((joint === "," || joint === "(") && QUOTE.test(gap)) nameEnd = end - 1;
    else return null;
    const isQuoted = QUOTE.test(text[nameEnd - 1] ?? "");
    if (joint === "," && !isQuoted) return null;
    const isEqual = (isQuoted && QUOTE.test(gap)) || /[=,(|>]/.test(text.slice(nameEnd, end));
    const kind = this.kindBefore(nameEnd);
    return kind === null ? null : { kind, joint: isEqual ? "=" : ":" };
  }

  /** What secret a sentence says that the value at `at` is. @param {number} at @returns {Assigned | null} */
  said(at) {
    const { text } = this;
    const quote = this.back(at, 1, (c) => QUOTE.test(c));
    if (text[quote - 1] !== " " && text[quote - 1] !== "\n") return null;
    let end = this.back(at, 3, (c) => WHITE_OR_QUOTE.test(c));
    const word = this.lastWord(end);
    if (!LINKS.has(word.toLowerCase())) {
      return this.secretSaid(text, end) === "code" ? { kind: "code", joint: " " } : null;
    }
    end -= word.length;
    for (let nth = 0; nth < 9; nth += 1) {
      end = this.back(end, 3, (c) => c === " " || QUOTE.test(c));
      const kind = this.secretSaid(text, end);
      if (kind !== null) return { kind, joint: " " };
      const before = this.lastWord(end);
      if (before === "") return null;
      end -= before.length;
    }
    return null;
  }

  /** @param {string} text @param {number} end @returns {string | null} */
  secretSaid(text, end) {
    const phrase = ending(text, end, PHRASE);
    return this.secretKind(phrase) ?? (isOnesOwnCode(phrase) ? "code" : null);
  }

  /** Whether a sentence goes on to say that the value before `at` is a code. @param {number} at */
  isSaidBehind(at) {
    if (this.text[at] !== " ") return false;
    const sentence = this.text.slice(at + 1, at + 65).split(/[.!?\n]/)[0];
    const link = sentence.split(" ")[0].toLowerCase();
    if (!LINKS.has(link) && !AS.has(link)) return false;
    const said = sentence.slice(link.length + 1);
    const ends = [...said.matchAll(/ /g)].map(({ index }) => index);
    return [...ends, said.length].slice(0, 9).some((end) => this.secretSaid(said, end) === "code");
  }

  /** What the name that ends before a sign says. @param {number} at @returns {string | null} */
  kindBefore(at) {
    const { text } = this;
    let end = this.back(at, 6, (c) => WHITE_OR_QUOTE.test(c) || "])*".includes(c));
    for (let nth = 0; nth < 3; nth += 1) {
      const word = this.lastWord(end).toLowerCase();
      if (!TYPES.has(word) && !LINKS.has(word)) break;
      const before = this.back(end - word.length, 6, (c) => " :&*'[]<?".includes(c));
      if (before === end - word.length) break;
      end = before;
    }
    const name = this.nameBefore(end);
    // `10:30` and `18:` are times.
    if (/^[0-9]*$/.test(name)) return null;
    const phrase = ending(text, end, PHRASE);
    const kind = this.secretKind(phrase);
    if (kind !== null) return kind;
    if (name.toLowerCase() === "value") {
      const other = this.back(end - name.length, 12, (c) => WHITE_OR_QUOTE.test(c) || ",<>/{".includes(c));
      const pair = this.secretKind(this.nameBefore(other));
      if (pair !== null) return pair;
    }
    return isOnesOwnCode(phrase) ? "code" : null;
  }

  /** What the tag says that ends at `at`. @param {number} at @returns {Assigned | null} */
  inTag(at) {
    const end = this.back(at, 1, (c) => QUOTE.test(c));
    const name = this.nameBefore(end);
    const opens = this.text[end - name.length - 1] ?? "";
    const isTag = end === at ? opens === "<" || opens === ":" : QUOTE.test(opens);
    const kind = isTag ? this.secretKind(name) : null;
    return kind === null ? null : { kind, joint: "=" };
  }

  /** Whether a currency stands before or behind an amount. @param {number} start @param {number} end */
  isPrice(start, end) {
    const behind = /^[ \u00a0\u202f]{0,7}([A-Za-z]{1,12}|[$€%])/.exec(this.text.slice(end, end + 24))?.[1] ?? "";
    const before = this.text.slice(Math.max(0, start - 28), start);
    const word = /([A-Za-z\u0080-\uffff]{1,24})[ :]{0,4}$/.exec(before)?.[1] ?? "";
    return (
      /[$€%]/.test(behind) ||
      CURRENCIES.has(behind.toLowerCase()) ||
      /[$€][ \u00a0]*$/.test(before) ||
      CURRENCIES.has(word.toLowerCase())
    );
  }

  /** Where a value begins that Rust's `Debug` has wrapped. @param {number} at */
  unwrapped(at) {
    let start = at;
    for (let nth = 0; nth < 2; nth += 1) {
      const behind = this.back(start, 3, (c) => c === '"' || c === "\\");
      const wrapper = /(?:Number|Ok|Some|String)\($/.exec(this.text.slice(Math.max(0, behind - 8), behind));
      if (wrapper === null) break;
      start = behind - wrapper[0].length;
    }
    return start;
  }

  /** @param {number} end */
  operatorStart(end) {
    return this.back(end, 4, (c) => "=:?.+>|~".includes(c));
  }

  /** @param {string} name @returns {string | null} */
  secretKind(name) {
    const kind = name.length < 3 ? null : this.kindOf(name);
    return kind === "code" || kind === "password" || kind === "secret" ? kind : null;
  }

  /** @param {number} at */
  nameBefore(at) {
    return ending(this.text, at, NAME);
  }

  /** @param {number} at */
  lastWord(at) {
    return ending(this.text, at, WORD);
  }

  /** @param {number} end @param {number} max @param {(c: string) => boolean} is */
  back(end, max, is) {
    let at = end;
    while (at > 0 && end - at < max && is(this.text[at - 1])) at -= 1;
    return at;
  }
}

/** @param {string} text @param {number} at @param {RegExp} is */
function ending(text, at, is) {
  let start = at;
  while (start > 0 && at - start < NAME_MAX && is.test(text[start - 1])) start -= 1;
  return text.slice(start, at);
}

/** @param {string} text @param {(c: string) => boolean} is @param {number} max */
function countWhile(text, is, max) {
  let len = 0;
  while (len < Math.min(text.length, max) && is(text[len])) len += 1;
  return len;
}

/** `your code`, `kode yawe`, `enter the code`. @param {string} phrase */
function isOnesOwnCode(phrase) {
  const all = phrase.split(/[ ']/).filter((word) => word !== "");
  const [third, before, last] = ["", "", "", ...all].slice(-3).map((word) => word.toLowerCase());
  const verb = ARTICLES.has(before) ? third : before;
  const isSent = OWN.has(before) || SENDERS.has(before) || VERBS.has(verb);
  return (CODES.has(last) && isSent) || (CODES.has(before) && OWN.has(last));
}

/** Whether a text beside a secret's name is one, and not a remark on it. @param {Assigned} by @param {string} value */
function isValue({ kind, joint }, value) {
  if (/^[*$]/.test(value) || value.includes("***") || value.startsWith("//")) return false;
  if (/^[0-9]+$/.test(value)) {
    if (kind === "code") return value.length >= 3 && value.length <= 10;
    return kind === "password" && value.length >= 4;
  }
  if (kind === "code" && isCode(value)) return true;
  const hasDigit = /[0-9]/.test(value);
  const isAssigned = joint === "=";
  const isRandom = hasDigit && /[A-Za-z]/.test(value) && value.length >= (isAssigned ? 6 : 8);
  const isMixed = /[A-Z]/.test(value) && /[a-z]/.test(value) && value.length >= 16;
  const isPassword = (isAssigned || hasDigit) && value.length >= 4 && kind === "password";
  if (kind === "code" && joint === " ") return false;
  if (kind === "secret" && joint === " ") return isRandom && value.length >= 12;
  return isRandom || isMixed || isPassword;
}

/** Digits, also in halves or behind a letter as `G-482913`. @param {string} value */
function isCode(value) {
  const digits = value.replace(/[^0-9]/g, "").length;
  return value.length <= 12 && digits >= 4 && digits <= 10 && /^(?:.-)?[0-9-]*$/.test(value);
}

/** @param {string} token @returns {Found["kind"] | null} */
function kindOfToken(token) {
  if (/^data:/i.test(token) && token.includes(";base64,")) return "media";
  if (/[:=]/.test(token)) {
    const kind = kindOfUrl(token);
    if (kind !== null) return kind;
  }
  if (hasKey(token) || hasForm(token)) return "secret";
  const runs = token.length > BASE64_MAX ? token.split(/[^A-Za-z0-9+/_-]+/) : [];
  const isMedia = runs.some(
    (run) =>
      run.length > BASE64_MAX &&
      /[0-9]/.test(run) &&
      /[A-Za-z]/.test(run) &&
      (/^[0-9A-Fa-f]*$/.test(run) || (/[A-Z]/.test(run) && /[a-z]/.test(run))),
  );
  return isMedia ? "media" : null;
}

/** @param {string} token @returns {Found["kind"] | null} */
function kindOfUrl(token) {
  const at = token.indexOf("://");
  if (at < 0 && !/[./]/.test(token)) return null;
  const [scheme, rest] = at < 0 ? ["https", token] : [token.slice(0, at), token.slice(at + 3)];
  if (WEBHOOKS.test(rest) || (at >= 0 && userAndPassword(scheme, rest) !== null)) return "secret";
  const path = /[/?#].*$/s.exec(rest)?.[0] ?? "";
  const parameters = /[?#].*$/s.exec(path)?.[0] ?? "";
  const isSigned = parameters
    .split(/[?#&;]/)
    .some((parameter) => [...SIGNING].some((name) => parameter.slice(0, name.length).toLowerCase() === name));
  return isSigned ? "signed_url" : null;
}

/** `user:password` before the host of a URL. @param {string} scheme @param {string} rest @returns {string | null} */
function userAndPassword(scheme, rest) {
  const mayHold = /https?$/.test(scheme) ? rest.split(/[/?#]/)[0] : rest;
  const at = mayHold.lastIndexOf("@");
  const user = at < 0 ? "" : mayHold.slice(0, at);
  return user.includes(":") ? user : null;
}

/** Whether a key is in it that is told by its whole form. @param {string} token */
function hasForm(token) {
  if (/(?<![0-9])[0-9]{5,16}:A[A-Za-z0-9+/_-]{31}/.test(token)) return true;
  if (/AC[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}/.test(token)) return true;
  return token.length >= 37 && token.length <= 44 && (/[0-9]Q~|_mmk/.test(token) || /^[^]{0,11}?[0-9A-Fa-f]{32}-us/.test(token));
}

/** Whether a provider's key or a JWT begins at one of the token's words. @param {string} token */
function hasKey(token) {
  for (const { index } of token.matchAll(/(?<![A-Za-z0-9])[^]/g)) {
    const rest = token.slice(index, index + 300);
    if (PREFIXES.some((prefix) => begins(prefix, rest))) return true;
    if (rest.startsWith("eyJ") && /^[A-Za-z0-9+/_-]{12,}\.[A-Za-z0-9+/_-]{4,}\./.test(token.slice(index))) return true;
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

/** `user:password` as HTTP's Basic scheme encodes it (RFC 7617). @param {string} token */
function isCredentials(token) {
  const encoded = token.replace(/=+$/, "");
  if (token.length > KEY_MAX || !/^[A-Za-z0-9+/_-]*$/.test(encoded)) return false;
  const decoded = Buffer.from(encoded.replaceAll("-", "+"), "base64");
  return decoded.includes(0x3a) && decoded.every((byte) => byte >= 0x20);
}

/** @param {string} text @returns {Prefix[]} */
function prefixesOf(text) {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [text, len, name, part = ""] = line.split(" ");
    const holds = CLASSES[/** @type {keyof typeof CLASSES} */ (name)];
    return { text, len: Number(len.replace("=", "")), isExact: len.startsWith("="), holds, part };
  });
}
