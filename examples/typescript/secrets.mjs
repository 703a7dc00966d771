// Finds secrets, signed URLs and media in a text, as src/redact/scan finds what must not be stored: by prefix, by shape,
// and by the name beside a value. Every search is bounded, so that the time is proportional to the length of the text.

import { SECRET_PREFIXES } from "./names.mjs";

/** The longest part of a token that is looked at as one key, the longest name before a value, and the longest run of base64 that may be an id. */
const [KEY_MAX, NAME_MAX, BASE64_MAX] = [200, 48, 256];

/** A token: no white space, quotes or brackets. */
const TOKEN = /[^\0- "'`|\\\x7f<>()[\]{}]+/g;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[^0-9a-z]?$/i;
const KEYED_HASH =
  /^(?:attempt|consent|job|media|message|outreach|phone|provider_call|provider_message|vendor)-(?!07)(?=.*[a-f])[0-9a-f]{12}[^0-9A-Za-z]?$/i;
const BASE64 = /[A-Za-z0-9+/_-]/;

const WHITE_OR_QUOTE = /["'`\\ \t\n\r]/;
const QUOTE = /["'`\\]/;
const QUOTE_WRITTEN = /^(?:%2[267]|&#3[49];|&quot;)/;
const NAME = /[A-Za-z0-9_\-\u0080-\uffff]/;
const PHRASE = /[A-Za-z0-9_\- '.\u0080-\uffff]/;
const WORD = /[A-Za-z0-9\u0080-\uffff]/;

/** @param {string} text */
const words = (text) => new Set(text.split(" "));
const TYPES = words("any char const let mut securestring static str string text val var varchar");
const LINKS = words("are est ari is ni sont was");
const AS = words("as comme nka niyo");
const CODES = words("code kode");
const OWN = words("mon my ton votre yanjye yawe your");
const SENDERS = words("facebook google instagram telegram uber whatsapp");
const VERBS = words("avec enter entrez injiza koresha saisir saisis saisissez shyiramo tape tapez type ukoresheje use utilise utilisez with");
const FOR = words("for kugira ngo pour ryo to wo yo");
const FROM = words("i nous que sent that twakwoherereje wahawe we you");
const PURPOSES =
  /^(?:accéder|activ|approuv|approve|authenti|authori|autoris|confirm|connect|connexion|emeza|finalis|gufungura|kugenzura|kwemeza|kwinjira|kwiyandikisha|log|reset|réinitialis|sign|unlock|valid|verif|vérifi|winjir)/i;
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
 * @typedef {(key: string) => string | null} KindOf the kind of the values below a key
 * @typedef {{ start: number, end: number, kind: "secret" | "signed_url" | "media" }} Found
 * @typedef {{ kind: string, joint: string }} Assigned the kind of secret that a name announces, and the sign that assigns the value
 */

const PREFIXES = prefixesOf(SECRET_PREFIXES);

/**
 * The parts of a text that must not be stored, from left to right, without overlap.
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
    // A token such as `911602140448729|AY-…` begins in the token before.
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
    // Most tokens are words of a language.
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

  /** The part of a token that is a secret because of the name beside it. @param {string} token @param {number} start @returns {Found | null} */
  beside(token, start) {
    if (/[=:%]/.test(token)) {
      const inside = this.inToken(token, start);
      if (inside !== null) return inside;
    }
    const value = token.replace(/[,;.!?:]+$/, "");
    const end = start + value.length;
    const code = this.withGroups(start, end);
    const by = this.assigned(start);
    if (by !== null) return this.found(by, start, by.kind === "code" ? code : end);
    if (!/[0-9]/.test(token)) return null;
    const said = this.said(start);
    if (said !== null) return this.isPrice(start, code) ? null : this.found(said, start, code);
    const isTold = this.isSaidBehind(start, code) && isCode(this.text.slice(start, code));
    return isTold ? { start, end: code, kind: "secret" } : null;
  }

  /** @param {Assigned} by @param {number} start @param {number} end @returns {Found | null} */
  found(by, start, end) {
    return isValue(by, this.text.slice(start, end)) ? { start, end, kind: "secret" } : null;
  }

  /** Where a code in groups of one length ends: `482 913`, `48 29 13`. @param {number} start @param {number} end */
  withGroups(start, end) {
    const len = end - start;
    if (len < 1 || len > 4 || !/^[0-9]+$/.test(this.text.slice(start, end))) return end;
    const rest = this.text.slice(end, end + 24);
    const groups = new RegExp(`^(?: [0-9]{${len}}){1,8}`).exec(rest)?.[0] ?? "";
    const goesOn = /^(?:[ \-.,:/][0-9]|[0-9A-Za-z])/.test(rest.slice(groups.length));
    const digits = (groups.length / (len + 1) + 1) * len;
    return groups === "" || goesOn || digits < 4 || digits > 8 ? end : end + groups.length;
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
    for (const { 0: sign, index } of token.matchAll(/[=:]|%3[DdAa]/g)) {
      const signs = countWhile(token.slice(index + sign.length), (c) => "=:".includes(c), token.length);
      const behind = index + sign.length + signs;
      const quote = QUOTE_WRITTEN.exec(token.slice(behind, behind + 6))?.[0].length ?? 0;
      const rest = token.slice(behind + quote);
      const isName = index === 0 || /[^0-9=:]/.test(token.slice(0, index));
      if (rest === "" || !isName) continue;
      const at = start + index;
      const kind = this.assignedTo(sign.length === 1 ? this.operatorStart(at + 1) : at);
      if (kind === null) continue;
      const stop = rest.slice(0, KEY_MAX).search(/[&;,]|%2[267]/);
      const value = (stop < 0 ? rest : rest.slice(0, stop)).replace(/[.!?]+$/, "");
      if (isValue({ kind, joint: sign === ":" ? ":" : "=" }, value.slice(0, KEY_MAX))) {
        const from = start + behind + quote;
        const end = from + value.length;
        return { start: from, end: kind === "code" ? this.withGroups(from, end) : end, kind: "secret" };
      }
    }
    return null;
  }

  /** The kind of secret that the name before `at` announces. @param {number} at @returns {Assigned | null} */
  assigned(at) {
    const named = this.nameOf(at);
    const kind = named === null ? null : this.kindOfPhrase(named.phrase);
    return kind === null || named === null ? null : { kind, joint: named.joint };
  }

  /** The kind of secret that the name before the sign at `at` announces. @param {number} at */
  assignedTo(at) {
    const phrase = this.nameBeforeSign(at);
    return phrase === null ? null : this.kindOfPhrase(phrase);
  }

  /** @param {string} phrase @returns {string | null} */
  kindOfPhrase(phrase) {
    return this.secretKind(phrase) ?? (isOnesOwnCode(phrase) ? "code" : null);
  }

  /** The name of the value at `at`. @param {number} at @returns {{ phrase: string, joint: string } | null} */
  nameOf(at) {
    const { text } = this;
    if (text[at - 1] === " " && WORD.test(text[at - 2] ?? "")) {
      const start = at - 1 - this.lastWord(at - 1).length;
      if (!/[-_]/.test(text[start - 1] ?? "")) return null;
      const phrase = this.nameBefore(at - 1);
      return phrase.startsWith("-") || /^[A-Z0-9_]*$/.test(phrase) ? { phrase, joint: " " } : null;
    }
    return this.columnOf(at) ?? this.nameBySign(at);
  }

  /** @param {number} at @returns {{ phrase: string, joint: string } | null} */
  nameBySign(at) {
    const { text } = this;
    const value = this.behindSign(this.unwrapped(at));
    const end = this.gapStart(value);
    const gap = text.slice(end, value);
    const isQuoted = QUOTE.test(gap);
    const before = text.slice(Math.max(0, end - 3), end);
    let nameEnd;
    if (/(?:[=:]|=>)$/.test(before)) nameEnd = this.operatorStart(end);
    else if (/%3[DdAa]$/.test(before)) nameEnd = end - 3;
    else if (/: [>|]$/.test(before) && gap.includes("\n")) nameEnd = end - 3;
    else if (before.endsWith(">")) return this.tagBefore(end - 1);
    else if (before.endsWith(",") && isQuoted && QUOTE.test(text[end - 2] ?? "")) nameEnd = end - 1;
    else if (before.endsWith("(") && (isQuoted || end === at)) nameEnd = end - 1;
    else return null;
    const isPair = isQuoted && QUOTE.test(text[nameEnd - 1] ?? "");
    const isEqual = isPair || /[=,(|>%]/.test(text.slice(nameEnd, end));
    const phrase = this.nameBeforeSign(nameEnd);
    return phrase === null ? null : { phrase, joint: isEqual ? "=" : ":" };
  }

  /** The column of a value in the detail of a Postgres error: `Key (tenant, otp)=(a7, …`. @param {number} at @returns {{ phrase: string, joint: string } | null} */
  columnOf(at) {
    const value = this.back(at, 1, (c) => c === "'");
    if (!/(?:, |[= ]\()$/.test(this.text.slice(Math.max(0, value - 2), value))) return null;
    const before = this.text.slice(Math.max(0, value - 200), value);
    const between = [")=(", ") values (", ") VALUES ("].find((between) => before.includes(between)) ?? ")=(";
    const [names, values] = splitLast(before, between);
    const [, listed] = splitLast(names ?? "", "(");
    if (values === undefined || listed === undefined || values.includes(")")) return null;
    const phrase = listed.split(", ")[values.split(", ").length - 1];
    return phrase === undefined ? null : { phrase: phrase.replace(/^"+|"+$/g, ""), joint: "=" };
  }

  /** The place of a bracket between an assigning sign and a value, or else the value's own place. @param {number} value */
  behindSign(value) {
    const bracket = this.gapStart(value) - 1;
    const isBracket = bracket >= 0 && "([".includes(this.text[bracket]);
    const sign = isBracket ? this.text[this.gapStart(bracket) - 1] : "";
    return sign === "=" || sign === ":" ? bracket : value;
  }

  /** The start of the white space and quotes that end at `end`, also as URLs and HTML write them. @param {number} end */
  gapStart(end) {
    let start = end;
    while (end - start < 12) {
      const before = this.text.slice(Math.max(0, start - 6), start);
      const len = /(?:["'`\\ \t\n\r]|%2[027]|&#3[49];|&quot;)$/.exec(before)?.[0].length ?? 0;
      if (len === 0) break;
      start -= len;
    }
    return start;
  }

  /** The kind of secret that a sentence says the value at `at` is. @param {number} at @returns {Assigned | null} */
  said(at) {
    const { text } = this;
    const quote = this.back(at, 1, (c) => QUOTE.test(c));
    if (text[quote - 1] !== " " && text[quote - 1] !== "\n") return null;
    let end = this.back(at, 3, (c) => WHITE_OR_QUOTE.test(c));
    const word = this.lastWord(end);
    if (!LINKS.has(word.toLowerCase())) {
      return this.secretSaid(text, end) === "code" ? { kind: "code", joint: " " } : null;
    }
    const link = end - word.length;
    end = link;
    for (let nth = 0; nth < 9; nth += 1) {
      end = this.back(end, 3, (c) => c === " " || QUOTE.test(c));
      const kind = this.secretSaid(text, end);
      if (kind !== null) return { kind, joint: " " };
      const before = this.lastWord(end);
      if (before === "") return null;
      end -= before.length;
      if (CODES.has(before.toLowerCase()) && isCodeFor(text.slice(end, link))) return { kind: "code", joint: " " };
    }
    return null;
  }

  /** @param {string} text @param {number} end @returns {string | null} */
  secretSaid(text, end) {
    const phrase = ending(text, end, PHRASE);
    return this.secretKind(phrase) ?? (isOnesOwnCode(phrase) ? "code" : null);
  }

  /** Whether a sentence goes on to say that the value is a code. @param {number} start @param {number} end */
  isSaidBehind(start, end) {
    const behind = this.text.slice(end, end + 80);
    if (!behind.startsWith(" ")) return this.isSaidApart(behind);
    const rest = behind.slice(1);
    const link = /^[A-Za-z]{0,7}/.exec(rest)?.[0] ?? "";
    if (FOR.has(link.toLowerCase()) && isPurpose(rest.slice(link.length))) {
      const before = /([A-Za-z\u0080-\uffff]{1,24})[ "]{0,4}$/.exec(this.text.slice(Math.max(0, start - 28), start));
      return VERBS.has(before?.[1].toLowerCase() ?? "");
    }
    if (!LINKS.has(link.toLowerCase()) && !AS.has(link.toLowerCase())) return this.isSaidApart(behind);
    const said = sentenceOf(rest).slice(link.length);
    if (!said.startsWith(" ")) return false;
    const words = said.slice(1);
    const ends = [...words.matchAll(/ /g)].map(({ index }) => index);
    return (
      [...ends, words.length].slice(0, 9).some((end) => this.secretSaid(words, end) === "code") || isTheCode(words)
    );
  }

  /** `… - your code`, `… (votre code)`. @param {string} behind */
  isSaidApart(behind) {
    if (!/^(?:[:(]| [-:(\u2000-\u2fff])/.test(behind)) return false;
    const sentence = sentenceOf(behind);
    const all = sentence.replace(/^[ \-:(\u2013\u2014]+/, "");
    const gap = Buffer.byteLength(sentence) - Buffer.byteLength(all);
    const said = all.split(/[),;]/)[0];
    if (gap < 2 || gap > 4 || said.split(" ").length >= 9) return false;
    return this.secretSaid(said, said.length) === "code" || isCodeFor(said);
  }

  /** The name before a sign, with the words before it. @param {number} at @returns {string | null} */
  nameBeforeSign(at) {
    const { text } = this;
    let end = this.back(this.gapStart(at), 6, (c) => WHITE_OR_QUOTE.test(c) || "])*".includes(c));
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
    if (name.toLowerCase() !== "value") return ending(text, end, PHRASE);
    const other = this.back(end - name.length, 12, (c) => WHITE_OR_QUOTE.test(c) || ",<>/{".includes(c));
    return this.nameBefore(other);
  }

  /** The tag that ends at `at`. @param {number} at @returns {{ phrase: string, joint: string } | null} */
  tagBefore(at) {
    const end = this.back(at, 1, (c) => QUOTE.test(c));
    const phrase = this.nameBefore(end);
    const opens = this.text[end - phrase.length - 1] ?? "";
    const isTag = end === at ? opens === "<" || opens === ":" : QUOTE.test(opens);
    return isTag ? { phrase, joint: "=" } : null;
  }

  /** Whether a currency stands before or after an amount. @param {number} start @param {number} end */
  isPrice(start, end) {
    const behind = /^[ \u00a0\u202f]{0,7}([A-Za-z]{1,12}|[$€]|%(?![0-9A-Fa-f]{2}))/.exec(this.text.slice(end, end + 24))?.[1] ?? "";
    const before = this.text.slice(Math.max(0, start - 28), start);
    const word = /([A-Za-z\u0080-\uffff]{1,24})[ :]{0,4}$/.exec(before)?.[1] ?? "";
    return (
      /[$€%]/.test(behind) ||
      CURRENCIES.has(behind.toLowerCase()) ||
      /[$€][ \u00a0]*$/.test(before) ||
      CURRENCIES.has(word.toLowerCase())
    );
  }

  /** Where a value begins, including the wrappers that Rust's `Debug` prints. @param {number} at */
  unwrapped(at) {
    let start = at;
    for (let nth = 0; nth < 2; nth += 1) {
      const behind = this.back(start, 3, (c) => c === '"' || c === "\\");
      const wrapper = /(?<![A-Za-z0-9])(?:Number|Ok|Some|String)\($/.exec(this.text.slice(Math.max(0, behind - 8), behind));
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
  // The digits of a percent-encoded sign are not part of the name: `%22pin`.
  if (text[start - 1] === "%" && /^[0-9A-Fa-f]{2}/.test(text.slice(start, at))) start += 2;
  return text.slice(start, at);
}

/** The text before and after the last separator. @param {string} text @param {string} separator @returns {string[]} */
function splitLast(text, separator) {
  const at = text.lastIndexOf(separator);
  return at < 0 ? [] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The rest of a sentence, at most 64 bytes. @param {string} text */
function sentenceOf(text) {
  const bytes = Buffer.from(text.slice(0, 64)).subarray(0, 64);
  return bytes.toString().replace(/\ufffd+$/, "").split(/[.!?\n]/)[0];
}

/** `the code`, followed only by what it is for or where it came from. @param {string} said */
function isTheCode(said) {
  const [article, code, ...rest] = said.split(" ");
  const first = (rest[0] ?? "").toLowerCase();
  const isSent = rest.join(" ") === "" || FROM.has(first) || (FOR.has(first) && isPurpose(` ${rest.slice(1).join(" ")}`));
  return ARTICLES.has(article.toLowerCase()) && CODES.has((code ?? "").toLowerCase()) && isSent;
}

/** `code to confirm your payment`, `kode yo kwinjira`. @param {string} phrase */
function isCodeFor(phrase) {
  const all = phrase.split(" ");
  const at = all.findIndex((word) => CODES.has(word.toLowerCase()));
  if (at < 0 || all.length === at + 1) return false;
  return FOR.has(all[at + 1].toLowerCase()) && isPurpose([""].concat(all.slice(at + 2)).join(" "));
}

/** Whether one of the next words says what a one-time code is for. @param {string} text */
function isPurpose(text) {
  return sentenceOf(text).split(/[ ']/).slice(0, 4).some((word) => PURPOSES.test(word));
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
  return (CODES.has(last) && isSent) || (CODES.has(before) && OWN.has(last)) || isCodeFor(phrase);
}

/** Whether a text beside the name of a secret is the secret, and not a remark about it. @param {Assigned} by @param {string} value */
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

/** Digits, also in groups or after a letter as in `G-482913`. @param {string} value */
function isCode(value) {
  const digits = value.replace(/[^0-9]/g, "").length;
  return value.length <= 15 && digits >= 4 && digits <= 10 && /^(?:.-)?[0-9 -]*$/.test(value);
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

/** Whether the token holds a key that only its whole form reveals. @param {string} token */
function hasForm(token) {
  if (/(?<![0-9])[0-9]{5,16}:A[A-Za-z0-9+/_-]{31}/.test(token)) return true;
  if (/AC[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}/.test(token)) return true;
  return token.length >= 37 && token.length <= 44 && (/[0-9]Q~|_mmk/.test(token) || /^[^]{0,11}?[0-9A-Fa-f]{32}-us/.test(token));
}

/** Whether a provider's key or a JWT begins at a word of the token. @param {string} token */
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
  const form = isExact ? /^[A-Za-z0-9+/\-_.]{0,200}/ : /^[A-Za-z0-9+/\-_.=]{0,200}/;
  const key = form.exec(rest.slice(text.length))?.[0] ?? "";
  const first = len - text.length;
  return (
    (isExact ? key.length === first : key.length >= first) &&
    holds(key, key.slice(0, first)) &&
    key.includes(part) &&
    // Article numbers begin with `sk-` too.
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
