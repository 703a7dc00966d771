// Keyed hashes of phone numbers, as in src/redact/e164. All spellings of one number give the same hash, and two
// numbers never do. Both implementations are tested against tests/vectors/v1.

import { createHmac } from "node:crypto";

const MAX_DIGITS = 15;
const MAX_EXTENSION = 11;

/** The zeros of the scripts whose digits have consecutive code points, and of subscript and segmented digits. */
const ZEROS = [
  0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
  0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0,
  0x1c40, 0x1c50, 0x2080, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xaa50, 0xabf0, 0xff10, 0x1fbf0,
];

/** The ones of rows without a zero, or with the zero elsewhere: circled, in brackets, with a full stop. */
const ONES = [0x1369, 0x2460, 0x2474, 0x2488, 0x24f5, 0x2776, 0x2780, 0x278a, 0x1f102];

/** Digits without consecutive code points. */
const OTHERS = new Map([
  ...[0x2070, 0x24ea, 0x24ff, 0x1f100, 0x1f101, 0x1f10b, 0x1f10c].map((code) => [code, "0"]),
  [0xb9, "1"],
  ...[0xb2, 0xb3].map((code) => [code, String(code - 0xb0)]),
  ...[4, 5, 6, 7, 8, 9].map((value) => [0x2070 + value, String(value)]),
]);

/** What may stand between two digits: spaces, dashes, dots, slashes, brackets, and invisible characters. */
const SEPARATOR =
  /^[ \-_.()/[\]~\t\n\r\u{a0}\u{ad}\u{b7}\u{34f}\u{61c}\u{180e}\u{2022}\u{20e3}\u{2212}\u{2219}\u{1680}\u{3000}\u{3164}\u{30fb}\u{fe58}\u{fe63}\u{feff}\u{ff08}\u{ff09}\u{2000}-\u{2015}\u{2024}-\u{202f}\u{205f}-\u{206f}\u{fe00}-\u{fe0f}\u{ff0d}-\u{ff0f}]$/u;

const SCHEME = /^(?:tel:|sms:|smsto:|callto:|phone:|whatsapp:|https:|http:|\/\/|www\.)\s*/i;
const LINK = /^(?:wa\.me\/|(?:(?:api|web)\.whatsapp\.com\/)?send\/?\?phone=)/i;
const ADDRESS = /^([^:_@]*)[^@]*@(?:s\.whatsapp\.net|c\.us|whatsapp\.net)$/i;

const FAULTS = {
  no_digit: "the phone number has no digit",
  not_a_number:
    "the phone number has letters or signs that do not belong in it: pass only the number",
  too_long: "the phone number has over 15 digits",
  unknown_calling_code: "no country has this calling code: give its digits, such as 250",
};

/** A text is not a phone number. The message never holds the text. */
export class PhoneError extends TypeError {
  /** @param {keyof typeof FAULTS} fault */
  constructor(fault) {
    super(FAULTS[fault]);
    this.fault = fault;
  }
}

/**
 * The replacement for a phone number in an idempotency key. The Rust library uses the same one when it finds a number
 * there. Throws a `PhoneError` if the text is not a phone number.
 * @param {Buffer} redactionKey the deployment's 32 secret bytes
 * @param {string} phone
 * @param {{ callingCode?: string }} [options] the deployment's country. A number without a plus is read as one of
 *     its numbers, if it can be one. Default: Rwanda, "250"
 * @returns {string}
 */
export function phoneHash(redactionKey, phone, { callingCode = "250" } = {}) {
  if (redactionKey.length !== 32) throw new TypeError("the redaction key is not 32 bytes");
  const number = canonicalPhone(phone, callingCode);
  const mac = createHmac("sha256", redactionKey).update(`phone\0${number}`).digest("hex");
  return `phone-${mac.slice(0, 32)}`;
}

/**
 * The digits of a number with its calling code, and `;ext=` before an extension. Digits that fit no country get a
 * question mark before them, so that they never equal a number.
 * @param {string} phone
 * @param {string} callingCode
 */
export function canonicalPhone(phone, callingCode) {
  if (!PLANS.has(callingCode)) throw new PhoneError("unknown_calling_code");
  if (typeof phone !== "string") throw new PhoneError("not_a_number");
  const { digits, isInternational, extension } = read(phone);
  if (digits === "") throw new PhoneError("no_digit");
  const number = ofDigits(digits, isInternational, callingCode);
  if (number.replace("?", "").length > MAX_DIGITS) throw new PhoneError("too_long");
  return extension === null ? number : `${number};ext=${extension}`;
}

/** @param {string} digits @param {boolean} isInternational @param {string} callingCode */
function ofDigits(digits, isInternational, callingCode) {
  const home = /** @type {Plan} */ (PLANS.get(callingCode));
  // A plus before a trunk zero says nothing.
  if (isInternational && !digits.startsWith("0")) return international(digits);
  const prefix = home.abroad.find((prefix) => digits.startsWith(prefix));
  const rest = prefix === undefined ? "" : digits.slice(prefix.length);
  if (rest !== "" && !rest.startsWith("0")) return international(rest);
  return (
    national(digits, callingCode, isPlausible) ?? national(digits, callingCode, hasLength) ?? `?${digits}`
  );
}

/** A number that begins with its calling code. @param {string} digits */
function international(digits) {
  const code = codeOf(digits);
  return code === null ? digits : code + withoutTrunk(digits, code);
}

/**
 * A number that does not say whether it has a calling code.
 * @param {string} digits
 * @param {string} code
 * @param {(plan: Plan, national: string) => boolean} isFit
 */
function national(digits, code, isFit) {
  const home = /** @type {Plan} */ (PLANS.get(code));
  const fits = (/** @type {string | undefined} */ national) =>
    national !== undefined && isFit(home, national);
  const behindCode = (/** @type {string} */ digits) =>
    digits.startsWith(code) ? withoutTrunk(digits, code) : undefined;
  const trunkless = home.trunks
    .filter((trunk) => digits.startsWith(trunk))
    .map((trunk) => digits.slice(trunk.length));
  const [withTrunk, withCode] = [trunkless.find(fits), behindCode(digits)];
  // If a country has a trunk prefix, few people leave it out. Countries without one have national numbers of at most
  // ten digits.
  const bare = [digits, withCode];
  if (home.trunks.length > 0 || digits.length > 10) bare.reverse();
  // A trunk zero before the calling code: 0250 788 …
  const found = [withTrunk, ...bare, ...trunkless.map(behindCode)].find(fits);
  if (found !== undefined) return code + found;
  const other = codeOf(digits);
  if (other === null) return null;
  const rest = withoutTrunk(digits, other);
  return isFit(/** @type {Plan} */ (PLANS.get(other)), rest) ? other + rest : null;
}

/** The calling code that digits begin with. No code is the beginning of another. @param {string} digits */
function codeOf(digits) {
  return [1, 2, 3].map((len) => digits.slice(0, len)).find((code) => PLANS.has(code)) ?? null;
}

/**
 * The digits after the calling code, without the trunk prefix that some people write there: +44 (0) 20 …
 * @param {string} digits
 * @param {string} code
 */
function withoutTrunk(digits, code) {
  const plan = /** @type {Plan} */ (PLANS.get(code));
  const national = digits.slice(code.length);
  if (isPlausible(plan, national)) return national;
  const bare = plan.trunks
    .filter((trunk) => national.startsWith(trunk))
    .map((trunk) => national.slice(trunk.length));
  const beginsWithZero = national.startsWith("0") && !plan.starts.has("0");
  return (
    bare.find((rest) => isPlausible(plan, rest)) ??
    (hasLength(plan, national) ? undefined : bare.find((rest) => hasLength(plan, rest))) ??
    (beginsWithZero ? bare[0] : undefined) ??
    national
  );
}

/** @param {Plan} plan @param {string} national */
function hasLength(plan, national) {
  return plan.lengths.has(national.length);
}

/** @param {Plan} plan @param {string} national */
function isPlausible(plan, national) {
  return (
    hasLength(plan, national) && (plan.starts.get(national[0])?.includes(national[1] ?? "x") ?? false)
  );
}

/** @param {string} text */
function read(text) {
  const { inner, isLink } = withoutAddress(text);
  const end = endOfNumber(inner);
  const { digits, hasPlus } = digitsOf(inner.slice(0, end));
  const extension = end === inner.length ? null : extensionOf(inner.slice(end));
  return { digits, isInternational: hasPlus || isLink, extension };
}

/** The number inside a URI, a link or an address of WhatsApp. @param {string} text */
function withoutAddress(text) {
  const chars = Array.from(text);
  while (chars.length > 0 && SEPARATOR.test(chars[0])) chars.shift();
  while (chars.length > 0 && SEPARATOR.test(chars[chars.length - 1])) chars.pop();
  let inner = chars.join("");
  while (SCHEME.test(inner)) inner = inner.replace(SCHEME, "");
  if (LINK.test(inner)) {
    return { inner: inner.replace(LINK, "").split(/[?&/]/)[0], isLink: true };
  }
  // An address may name one of the account's devices: 250788123456:12@…
  const account = ADDRESS.exec(inner);
  return account === null ? { inner, isLink: false } : { inner: account[1], isLink: true };
}

/** Where the extension begins: at the first letter, comma, semicolon or hash after a digit. @param {string} text */
function endOfNumber(text) {
  let hasDigit = false;
  for (let at = 0; at < text.length; ) {
    if (isEscape(text, at)) {
      at += 3;
      continue;
    }
    const char = /** @type {string} */ (String.fromCodePoint(text.codePointAt(at) ?? 0));
    hasDigit ||= digit(char) !== null;
    if (hasDigit && /[a-z,;#]/i.test(char)) return at;
    at += char.length;
  }
  return text.length;
}

/** @param {string} text */
function digitsOf(text) {
  let [digits, hasPlus] = ["", false];
  for (let at = 0; at < text.length; ) {
    const escaped = isEscape(text, at);
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const isPlus = char === "+" || char === "\u{ff0b}" || (escaped && /^%2b/i.test(text.slice(at)));
    const value = digit(char);
    if (isPlus && digits === "" && !hasPlus) {
      hasPlus = true;
    } else if (value !== null) {
      digits += value;
    } else if (isPlus || (!escaped && !SEPARATOR.test(char))) {
      const hasDigit = digits !== "" || Array.from(text).some((char) => digit(char) !== null);
      throw new PhoneError(hasDigit ? "not_a_number" : "no_digit");
    }
    at += escaped ? 3 : char.length;
  }
  return { digits, hasPlus };
}

/** @param {string} text */
function extensionOf(text) {
  const bare = text.trim().replace(/^(?:(?:;ext=|extension|extn|ext|poste|x|[#,;.:=])\s*)+/i, "");
  const digits = Array.from(bare).map(digit);
  if (digits.length === 0 || digits.length > MAX_EXTENSION || digits.includes(null)) {
    throw new PhoneError("not_a_number");
  }
  return digits.join("");
}

/**
 * `%20` in a link. `%07` stands in no link, so the digits of `%07` begin a number. So do those after a percent sign that
 * would encode a letter or a digit.
 * @param {string} text
 * @param {number} at
 */
function isEscape(text, at) {
  return /^%(?!07|3[0-9]|[46][1-9a-f]|[57][0-9a])[0-9a-f]{2}/i.test(text.slice(at, at + 3));
}

/** The value of a digit of any script. @param {string} char @returns {string | null} */
function digit(char) {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0x1d7ce && code <= 0x1d7ff) return String((code - 0x1d7ce) % 10);
  const zero = ZEROS.find((zero) => code >= zero && code < zero + 10);
  if (zero !== undefined) return String(code - zero);
  const one = ONES.find((one) => code >= one && code < one + 9);
  return one === undefined ? (OTHERS.get(code) ?? null) : String(code - one + 1);
}

/** @typedef {{ trunks: string[], abroad: string[], lengths: Set<number>, starts: Map<string, string> }} Plan */

/** @param {string} line @returns {[string, Plan]} */
function planOf(line) {
  const [code, trunks, abroad, lengths, starts] = line.split(" ");
  /** @type {Set<number>} */
  const all = new Set();
  for (const range of lengths.split(",")) {
    const [first, last = first] = range.split("-").map(Number);
    for (let len = first; len <= last; len++) all.add(len);
  }
  const groups = starts.matchAll(/(\d)(?:\[(\d+)\])?/g);
  return [
    code,
    {
      trunks: trunks === "-" ? [] : trunks.split("|"),
      abroad: abroad === "00" ? [abroad] : [abroad, "00"],
      lengths: all,
      starts: new Map(Array.from(groups, ([, first, second = "0123456789"]) => [first, second])),
    },
  ];
}

/** The lines of src/redact/e164/calling_codes.txt. src/redact/e164/plan.rs says what they hold. */
const CALLING_CODES = `
1 1 011 10 2[012345678]3[01234568]4[012345678]5[012345678]6[012345678]7[012345678]8[01234567]9[01234578]
20 0 00 8-10 1[01235]234[05678]5[057]6[245689]8[2468]9[23567]
211 0 00 9 1[289]9[125789]
212 0 00 9 5[123459]67[0125678]8[0]
213 0 00 8-9 1234[01345689]5[456]67[789]9[68]
216 - 00 8 23[01269]4[012345678]578[1]9
218 0 00 9 2[012345678]3[12]4[12578]5[1234578]6[12345789]7[123]8[12458]9[123456]
220 - 00 7 234[012345]56789
221 - 00 9 3[02369]7[01256789]9[3]
222 - 00 8 234
223 - 00 8 2[01]4[04]5[0123]678[23459]9
224 - 00 8-9 3[01]6[012356]7[2]
225 - 00 10 0[157]2[157]
226 - 00 8 0[1234567]2[045]4[456]5[012345678]67
227 - 00 8 2[013]7[0467]89
228 - 00 8 2[234567]7[01289]9[01236789]
229 - 00 8,10 0[1]8[5]
230 - 00 7-8 2[0134678]3[29]4[012356789]5[245789]67[03]8[13]
231 0 00 7-9 23[3]4[267]567[67]8[8]
232 0 00 8 2[25]3[012345]6[6]78[08]9[09]
233 0 00 9 2[03456789]35[0345679]
234 0 009 10 2[0]7[012]8[01]9[01]
235 - 00 8 2[2]3[01]67[7]8[567]9
236 - 00 8 2[12]6[1]7[0234567]
237 - 00 9 2[234]6[2456789]
238 - 00 7 2[2345678]3[3456]4[356]5[12389]9
239 - 00 7 2[2]9[089]
240 - 00 9 2[2]3[35]5[5]
241 - 00 7-8 0[1234567]1[1]234567
242 - 00 9 0[12456]2[2]
243 0 00 7-10 1234568[012345689]9[016789]
244 - 00 9 29[12345679]
245 - 00 7,9 4[04]9[567]
246 - 00 7 3[78]
247 - 00 5 46[23467]
248 - 00 7 2[125678]4[2346]6[4]9[57]
249 0 00 9 1[01258]9[0123569]
250 0 00 8-9 0[6]2[23568]7[23789]
251 0 00 9 1[1]2[25]3[34]4[67]5[78]7[0123789]8[01]9
252 0 00 6-9 12345[5789]678[01258]9[023456789]
253 - 00 8 2[17]7[7]
254 0 000 7-9 1[01234]2[0]4[0123456]56[012456789]7
255 0 000 9 2[2345678]4[1]6[12356789]7[013456789]
256 0 000 9 2[0]347
257 - 00 8 2[29]3[1]6[123456789]7[1256789]
258 - 00 8-9 2[13456789]8[2345679]
260 0 00 9 2[1]5[5678]6[3]7[56789]9[5678]
261 0 00 9 2[02]3[23456789]
262 0 00 9 2[6]6[39]7[0]9[347]
263 0 00 5-10 1[3456789]234567[12378]8[134569]9[23456789]
264 0 00 8-9 6[01234567]8[123458]
265 0 00 7,9 1[123456789]2[12]3[1]7[7]8[89]9[89]
266 - 00 8 256
267 - 00 7-8 2[469]3[1256789]4[679]5[34789]6[258]7[123456789]
268 - 00 8 2[2345]3[2345]7[056789]
269 - 00 7 347[4567]
27 0 00 5-9 12[0123478]3[1234569]45[01234678]678[123457]
290 - 00 4-5 2568
291 0 00 7 1[124567]78
297 - 00 7 2[89]5[02689]6[023469]7[347]9[69]
298 - 00 6 23456[01236]7[123456789]8[189]9[16]
299 - 00 6 1[9]23[123456789]456[123456789]7[0]8[123456789]9
30 - 00 10 2[12345678]6[89]7[0]9[4]
31 0 00 9,11 1[0135678]2[0234569]3[01234568]4[01356789]56[1234568]78[5]9[17]
32 0 00 8-9 1[01234569]2[2345678]3[2345678]4[2356789]56[01345789]7[1]8[012345679]9[234]
33 0 00 9 1234[123456789]567[3456789]9
34 - 00 9 5[9]67[012348]8[12345678]9[12345678]
350 - 00 8 2[012]5[124678]6[0]
351 - 00 9 1[6]2[123456789]3[0]6[023568]8[8]9[12346]
352 - 00 4-11 2[023456789]3456[256789]78[013456789]9[0234579]
353 0 00 7-10 12[123456789]45[01236789]6[123456789]7[0146]8[2356789]9[013456789]
354 - 00 7,9 3[8]4[123456789]56[123456789]7[56789]8[23456789]
355 0 00 8-9 2[123456789]3[123456789]4[23456789]5[123456789]6[789]7[0]8[123456789]
356 - 00 8 2[0123567]3[5]7[1279]9[2689]
357 - 00 8 2[23456]7[0]9[145679]
358 0 00 5-10 1[3456789]2[12345678]3[12345678]45[012345678]6[12345678]8[12345678]9[012345678]
359 0 00 6-9 234[1234567]5[123456789]678[123456789]9[123456789]
36 06 00 8-9 123[01234567]4[2456789]5[02345679]6[23689]7[023456789]8[2345789]9[234569]
370 0|8 00 8 3[1478]4[12456]5[2]67[0]8[0]9[0]
371 - 00 8 26
372 - 00 7-8 3[23589]4[345678]5678[123489]
373 0 00 8 2[123456789]35[356]67[16789]
374 0 00 8 1[0125]2[234568]3[123]4[13479]5[5]6[0]7[7]8[8]9[13456789]
375 80|8 810 9 1[567]2[123459]3[3]4[4]
376 - 00 6,9 35678
377 0 00 8-9 34[456]678[7]9[234789]
378 - 00 8,10 0[5]5[158]6[16]
380 0 00 9 3[123456789]4[1345678]5[01234567]6[123456789]7[123579]8[9]9[123456789]
381 0 00 7-12 1236
382 0 00 8 2[0]3[0123]4[01]5[012]6[036789]7[8]
383 0 00 8-12 2[89]3[89]4[3456789]
385 0 00 8-9 12[0123]3[12345]4[0234789]5[123]7[45]9[0125789]
386 0 00 8 1[2345678]2[2345678]3[012345678]4[012345678]5[123456789]6[4589]7[012345678]8[123]
387 0 00 8-9 34[9]56[01234567]
389 0 00 8 2[01235678]3[1234]4[2345678]7
39 - 00 6-12 0[123456789]1[79]3[123456789]4[3]5[5]
40 0 00 6,9 2[13456]3[13456]6[023]7
41 0 00 9 2[12467]3[1234]4[134]5[256]6[1289]7[123456789]8[17]9[1]
420 - 00 9 23[125789]4[16789]5[13456789]6[0]7[012379]9[17]
421 0 00 6-7,9 2[123456789]3[12345678]4[12345678]5[12345678]6[059]8[1]9[0145]
423 0 00 7,9 2[012369]3[234789]6[456]7[345789]
43 0 00 4-13 1[123456789]2[1256789]3[134568]4[23678]5[012345679]6[12456789]7[23456789]
44 0 00 9-10 1[123456789]2[03489]5[6]7
45 - 00 8 2345678[126789]9[12346789]
46 0 00 7-9 1[123456789]2[123456789]34567[0234569]89[012345678]
47 - 00 8 2[1234]3[123578]45[123567]6[12346789]78[58]9
48 - 00 6-9 1[2345678]2[1234569]3[02349]4[12345678]567[123456789]8[123456789]9[145]
49 0 00 4-15 1[567]23[023456789]456789
500 - 00 5 234567
501 - 00 7 2[02368]3[0268]4[0268]5[0268]6[0123567]7[02368]8[0268]
502 - 00 8 2[23456789]3456[23456789]7[23456789]8[0]
503 - 00 8 2[123456789]567
504 - 00 8 2[245678]3789
505 - 00 8 25[578]6[2345789]7[5678]8
506 - 00 8 2[0124567]3[0]45[017]6[012345]7[0123]8[3456789]
507 - 00 7-8 1234[0347]5[012567]67[023456789]8[01234578]9
508 0 00 6,9 23456789
509 - 00 8 2[2589]345[568]9[6789]
51 0 00 8-9 1[012345678]4[1234]5[12346]6[12345678]7[123456]8[0123467]9
52 1|01|044|045 00 10 2[0234789]3[12345789]4[123456789]5[05689]6[123456789]7[123456789]8[1234679]9[12356789]
53 0 119 6-8,10 2[1234]3[123]4[12356789]56[234]78[07]
54 0 00 10-11 1[1]2[234689]3[345678]6[7]9[123]
55 0 0015 10-11 1[123456789]2[12478]3[1234578]4[123456789]5[1345]6[123456789]7[134579]8[123456789]9[123456789]
56 - 00 9 2[1236]3[2345]4[12345]5[123578]6[013457]7[1235]89[123456789]
57 0 009 8,10 3[012357]4[6]6[0]9[14]
58 0 00 10 2[13456789]4[012]5[0]6[0]
590 0 00 9 5[9]6[9]7[0]8[0]9[347]
591 0 00 8 2[2568]3[3489]4[46]5[07]67
592 - 001 7 2[123567]3[23]4[45]5[01]67[01234567]
593 0 00 8-9 2[2345678]3[2345678]4[2345678]5[2345678]6[2345678]7[2345678]9[356789]
594 0 00 9 5[9]6[9]7[0]8[0]9[347]
595 0 00 7-9 2[12456789]3[123456789]4[123456789]5[12345]6[1347]7[12345678]8[123567]9[56789]
596 0 00 9 5[9]6[9]7[0]8[0]9[347]
597 - 00 6-7 2[123]3[01234567]45[2345678]6[08]7[124567]8[123456789]9[1]
598 0 00 8 1[79]24[234567]9[123456789]
599 - 00 7-8 3[1]4[1]7[0125789]9[45678]
60 0 00 8-10 13[23456789]4[23456789]5[23456789]6[23456789]7[23456789]8[23456789]9
61 0 0011 5-9 1[46]2347[012345789]8[56789]
62 0 001 7-12 2[123456789]3[12345678]4[012345678]5[123456]6[12345]7[01234567]8[12356789]9[0125678]
63 0 00 6,8-10 23[234568]4[23456789]5[23456]6[23458]7[24578]8[123456789]9
64 0 00 8-10 2[01246789]3[2345679]4[23456789]6[2356789]7[02345789]9[23456789]
65 - 000 8 3[12]689[012345678]
66 0 001 8-9 1[04689]23[23456789]4[2345]5[23456]6[012345678]7[34567]89
670 - 00 7-8 2[12345]3[123456789]4[1234]7[02345678]
672 - 00 6 1[01234]3[01258]
673 - 00 7 234578
674 - 00 7 2[2]4[4]5[5]6[6]7[7]89[9]
675 - 00 7-8 2[07]3[012]4[257]5[34]6[4]78[123458]9[78]
676 - 00 5,7 23[012345678]4[01234]5[045]6[0389]78[0456789]9[9]
677 - 00 5,7 1[45679]234[0128]5[0123]6[0123789]7[123456789]8[456789]9[123456789]
678 - 00 5,7 2[023456789]3[45678]4[8]57[01234567]89[01]
679 - 00 7 23[012345]4[5]5[01568]6[02567]78[03456789]9
680 - 00 7 2[57]3[4]4[568]5[348]6[23456789]7[3478]8[23578]9[0]
681 - 00 6 7[2]8[23]9[23]
682 - 00 5 23[134567]4[12345]578
683 - 00 4,7 45678[8]
685 - 00 5-7,10 234567[1235678]8[345679]
686 0 00 5,8 2345[0]6[235]78[012345]
687 - 00 6 2[03456789]3[012345]4[1234567]5789
688 - 00 5-7 2[023456789]7[01]9[0]
689 - 00 8 4[09]8[789]
690 - 00 4-7 2[234]347[234]
691 - 00 7 3[12356789]8[2]9[234567]
692 1 011 7 2[34]3[2]4[5]5[24]6[23]
7 8 810 10 3[0345689]4[012789]7[01245678]8[01234567]9
800 - 00 8 0[0]123456789
808 - 00 8 123456789
81 0 010 9-10 1[123456789]2[023456789]3[123456789]4[23456789]5[023456789]67[023456789]8[023456789]9[023456789]
82 0 001 5-6,8-11 1[01256789]2[123456789]3[123]4[1234]5[012345]6[1234]7[0]
84 0 00 9-10 1[26]235[125689]6[7]7[06789]8[123456789]9
850 0 00 8,10 1[9]23[19]4[159]5[37]6[17]7[39]8[5]
852 - 001 8 2[123456789]3[1456789]4[02467]5[123456789]678[1234]9[012345678]
853 - 00 8 2[8]6[23568]8[12345789]
855 0 001 8-9 12[3456]3[1234568]4[234]5[2345]678[013456789]9
856 0 00 8-10 2[013]3[014]4[1]5[14]6[14]7[14]8[1468]
86 0 00 7-11 1[03456789]2[012345789]3[134579]4[1235678]5[123456789]6[369]7[012345679]8[01235789]9[0134579]
870 - 00 9,12 23567[678]
878 - 00 12 1[0]
880 0 00 6-10 1[13456789]2[2345789]3[012345678]456[023456789]78[01234567]9[01234568]
881 - 00 9-10 01236789
882 - 00 7-12 1[036]2[38]3[12345679]4[156789]5[012]9[89]
883 - 00 8-12 1[012345679]2[01245689]3[023456789]4[01234]5[1]
886 0 002 8-11 2[2345678]3[23456789]4[01234789]5[2345678]6[012345679]78[234789]9
888 - 00 11 0123456789
90 0 00 10 2[12345678]3[123456789]4[12345678]5[012345679]8[5]
91 0 00 10 1[123456789]23[012345678]45[123456789]6789
92 0 00 9-10 1[2]2[123459]3[01234567]4[012456789]5[12345678]6[012345678]7[124]8[123456]9[123469]
93 0 00 9 2[012345678]3[01234]4[01234]5[012345678]6[012345]7
94 0 00 9 1[12]2[134567]3[12345678]4[157]5[12457]6[03567]7[01245678]8[12]9[129]
95 0 00 6-10 1[123456789]2[23456789]4[23456]5[23456789]67[012345]8[123456]9[23456789]
960 - 00 7 3[03]4[6]6[5678]79
961 0 00 7-8 12[1456789]3456789
962 0 00 8-9 2[67]3[2]4[2]5[3]6[2345]7[04789]8[7]
963 0 00 8-9 1[123456]2[1235]3[134]4[134]5[0123]9[123456789]
964 0 00 8-10 12[1345]3[02367]4[023]5[03]6[026]7[3456789]
965 - 00 8 2[2345]4[1]5[0125678]69
966 0 00 9 1[123467]5[013456789]
967 0 00 7-9 1[2345678]2[234568]3[2358]4[23458]5[23456]6[3458]7[012345678]
968 - 00 8 1[5]2[123456]7[12456789]9
970 0 00 8-9 2[2]4[2]5[69]8[2]9[2]
971 0 00 8-9 2[2345678]3[2345678]4[2345678]5[0234568]6[2345678]7[2345678]9[2345678]
972 0 00 8-9,11-12 1[5]2345[012345689]7[12346789]89
973 - 00 8 1[367]36[134569]7[017]
974 - 00 7-8 2[136]34[01249]567
975 - 00 7-8 1[67]2[3456]3[567]4[567]5[236]6[2346]7[2467]8[2347]
976 0 001 8-10 1[12345]2[123456]5[03568]6[069]7[01256789]8[01356789]9
977 0 00 8,10 1[0123456]2[1345679]3[135678]4[146789]5[13567]6[13456789]7[156789]8[12346789]9
979 - 00 9 1359
98 0 00 6-7,10 1[137]2[134568]3[1458]4[145]5[1468]6[16]7[1467]8[13467]9[012349]
992 - 810 9 01[012789]2[0127]3[01234578]4[01478]5[05]6[6]7[015789]8[01789]9
993 8 810 8 1[23]2[24]3[24]4[2346]5[256]67[1]
994 0 00 9 1[028]2[0123456]3[6]4[046]5[015]6[0]7[07]9[9]
995 0 00 9 3[24567]4[123479]57[09]
996 0 00 9 2[02]3[1245679]5[0124567]6[012]7[057]8[8]9[19]
998 - 00 9 2[0]3[3]5[05]6[125679]78[078]9[012345789]
`;

const PLANS = new Map(CALLING_CODES.trim().split("\n").map(planOf));
