// Validates packs with docs/pack.schema.json in Ajv, which shares nothing with the library. Then it changes one member of
// a pack at a time: one that is renamed, removed, or of a wrong type must not pass.
// `node validate_schema.mjs FOLDER` reads each pack of the folder.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const schema = JSON.parse(readFileSync(join(root, "docs/pack.schema.json"), "utf8"));
// Ajv has no formats of its own; what has one here has a pattern too.
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: false });
const isValid = ajv.compile(schema);

// What a host may fill as it likes, by the paths that lead there. `*` stands for a place in a list, or a name that is data.
const FREE = [
  /\/(input|output|idempotency_key|host_ids)\/value$/,
  /\/other_shape\/(input|output)$/,
  /^\/request\/content\/snapshot\/requirements$/,
  /^\/ocr_jobs\/content\/\*\/extracted$/,
  /^\/moltbot_decisions\/content\/calls\/\*\/action$/,
  /^\/reconciliation\/content\/findings\/\*\/(trail|tables)$/,
];
// Objects whose names are data: pointers, rules, fields, words.
const MAPS = /\/(salts|hidden|field_confidence|digests|additions\/(shown|words))$|^\/redactions\/content$/;
// Payloads of the host, which may have members that this release does not know.
const OPEN = /\/(items|excluded|factors|limits)\/\*$|^\/writers\/content\/\*\/said$/;
// Members that are left out where there is nothing to say.
const OPTIONAL = new Set(
  `cause caused_by claimed digests duration_ms email error_code events factor method not_checkable other_shape reason
  replies_first role session_user signed_note vendors words`.split(/\s+/),
);

/** Every member of a pack once for each path, as `[path, object, name]`. */
function* members(value, path = "") {
  if (FREE.some((free) => free.test(path)) || value === null || typeof value !== "object") return;
  for (const [name, member] of Object.entries(value)) {
    const isData = Array.isArray(value) || MAPS.test(path);
    const below = `${path}/${isData ? "*" : name}`;
    yield [below, path, value, name];
    yield* members(member, below);
  }
}

/** A value of another type than this one. Of null, the type is not known, and no type has this member. */
const ofAnotherType = (value) =>
  typeof value === "string" ? 7 : value === null || Array.isArray(value) ? { unknown: 1 } : "another type";

const packs = readdirSync(process.argv[2]).map((name) => [name, readFileSync(join(process.argv[2], name), "utf8")]);
// Small packs first, because each member is changed in the first pack that has it.
packs.sort(([, one], [, other]) => one.length - other.length);
const failures = [];
const seen = new Set();
let changes = 0;
for (const [name, text] of packs) {
  const pack = JSON.parse(text);
  if (!isValid(pack)) {
    failures.push(`${name}: ${ajv.errorsText(isValid.errors)}`);
    continue;
  }
  for (const [path, parent, object, member] of members(pack)) {
    const kind = `${path} ${object[member] === null ? "null" : typeof object[member]}`;
    if (seen.has(kind)) continue;
    seen.add(kind);
    const mustFail = (what) => {
      changes += 1;
      if (isValid(pack)) failures.push(`${name}: ${path} may be ${what}`);
    };
    const value = object[member];
    if (!FREE.some((free) => free.test(path))) {
      object[member] = ofAnotherType(value);
      mustFail("of another type");
      object[member] = value;
    }
    if (Array.isArray(object) || MAPS.test(parent)) continue;
    const isOpen = OPEN.test(parent);
    delete object[member];
    if (!isOpen && !OPTIONAL.has(member)) mustFail("absent");
    object[`${member}_`] = value;
    if (!isOpen) mustFail("renamed");
    delete object[`${member}_`];
    object[member] = value;
  }
}
if (failures.length > 0) {
  console.error(failures.slice(0, 40).join("\n"));
  process.exit(1);
}
console.log(`${packs.length} packs are valid; ${changes} changes of ${seen.size} members are not`);
