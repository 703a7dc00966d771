// Verifies the signature of a pack from the specifications alone: C2SP signed-note, RFC 8785, RFC 8032. It shares no
// code with the library. `node verify_signature.mjs PACK VERIFIER_KEY` prints what was signed.

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, verifierKey] = process.argv.slice(2);
const pack = JSON.parse(readFileSync(file, "utf8"));

// The verifier key: NAME+ID+BASE64, where the base64 holds a type byte and the public key.
const [, name, id, data] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey);
const typed = Buffer.from(data, "base64");
const hash = createHash("sha256").update(`${name}\n`).update(typed).digest();
check(typed.length === 33 && typed[0] === 1, "the key is an Ed25519 key");
check(hash.subarray(0, 4).toString("hex") === id, "the key's id fits");
const x = typed.subarray(1).toString("base64url");
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });

// The note: a text, an empty line, and signature lines.
const note = pack.signed_note;
const end = note.lastIndexOf("\n\n");
const text = note.slice(0, end + 1);
const lines = note.slice(end + 2).split("\n").slice(0, -1);
const signatures = lines
  .map((line) => line.split(" "))
  .filter(([dash, by, bytes]) => {
    const keyId = Buffer.from(bytes, "base64").subarray(0, 4).toString("hex");
    return dash === "—" && by === name && keyId === id;
  });
check(signatures.length === 1, "the key signed it, once");
const signature = Buffer.from(signatures[0][2], "base64").subarray(4);
check(verify(null, Buffer.from(text), key, signature), "the signature is right");

// The text says what the pack is.
const { signed_note: _, ...covered } = pack;
const digest = createHash("sha256").update(canonical(covered)).digest("hex");
const { seq, chain_hash: chainHash } = pack.integrity.head;
const expected = [pack.schema, `request ${pack.request_id}`, `sha256 ${digest}`, `head ${seq} ${chainHash}`];
check(text === expected.map((line) => `${line}\n`).join(""), "the note is about this pack");
process.stdout.write(text);

/** RFC 8785: what JSON.stringify writes of numbers and texts, with members in order. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((member) => `${JSON.stringify(member)}:${canonical(value[member])}`).join(",")}}`;
}

function check(isRight, what) {
  if (!isRight) {
    console.error(`not so: ${what}`);
    process.exit(1);
  }
}
