// What someone with a text editor would change in a pack, and which step of the page's verifier has to name it.
// `node forgeries.mjs PACK KEY OTHER_KEY` tries them all on a signed pack, and prints how many there were.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { verifier } from "./script.mjs";

const other = (hex) => (hex[0] === "0" ? "1" : "0") + hex.slice(1);

/** The first view of a pack in which something is shown or hidden, with its event. */
function first(pack, member) {
  for (const event of pack.events) {
    for (const part of ["input", "output"]) {
      if (Object.keys(event[part][member]).length > 0) return [event, event[part]];
    }
  }
  throw new Error(`no event with ${member}`);
}

/** Changes a text that is shown somewhere below a value; true if there was one. */
function changeText(value) {
  for (const [name, inner] of Object.entries(value ?? {})) {
    if (typeof inner === "string") {
      value[name] = `${inner}!`;
      return true;
    }
    if (inner !== null && typeof inner === "object" && changeText(inner)) return true;
  }
  return false;
}

const conversation = (pack) => pack.events.find(({ header }) => header.event_type === "whatsapp.inbound_received");

/** `step` and `code` are what the verifier has to say; `seq`, if given, computes the event that it has to name. */
export const FORGERIES = [
  { name: "a text", step: "events", code: "commitment", seq: (pack) => conversation(pack).seq,
    change: (pack) => { conversation(pack).input.value.text += "!"; } },
  { name: "the order", step: "chain", code: "chain_hash",
    change: ({ events }) => {
      [events[3].seq, events[4].seq] = [events[4].seq, events[3].seq];
      [events[3], events[4]] = [events[4], events[3]];
    } },
  { name: "an event left out", step: "chain", code: "gap", change: ({ events }) => events.splice(5, 1) },
  { name: "the count of the head", step: "head", code: "head_count",
    change: ({ integrity }) => { integrity.head.seq += 1; } },
  { name: "the last events cut off", step: "head", code: "head_count",
    change: ({ events, integrity }) => { events.pop(); integrity.event_digests.pop(); } },
  { name: "the head's hash", step: "head", code: "head_hash",
    change: ({ integrity }) => { integrity.head.chain_hash = other(integrity.head.chain_hash); } },
  { name: "the head's time", step: "head", code: "head_time",
    change: ({ integrity }) => { integrity.head.last_at = integrity.head.last_at.replace(/\d{6}Z/, "000000Z"); } },
  { name: "a salt", step: "events", code: "commitment",
    change: (pack) => {
      const { salts } = first(pack, "salts")[1];
      const [pointer] = Object.keys(salts);
      salts[pointer] = other(salts[pointer]);
    } },
  { name: "a salt that is missing", step: "events", code: "no_salt",
    change: (pack) => {
      const { salts } = first(pack, "salts")[1];
      delete salts[Object.keys(salts)[0]];
    } },
  { name: "a salt too many", step: "events", code: "left_over",
    change: (pack) => { first(pack, "salts")[1].salts["/input/nowhere"] = "0".repeat(32); } },
  { name: "what is hidden", step: "events", code: "commitment",
    change: (pack) => {
      const { hidden } = first(pack, "hidden")[1];
      const [entry] = Object.values(hidden);
      entry.digest = other(entry.digest);
    } },
  { name: "the name of a rule", step: "digests", code: "shown",
    change: (pack) => { Object.values(first(pack, "hidden")[1].hidden)[0].rule = "secret"; } },
  { name: "a number", step: "events", code: "event_hash",
    change: ({ events }) => { events[6].header.duration_ms = 1; } },
  { name: "the actor", step: "events", code: "event_hash", seq: ({ events }) => events[4].seq,
    change: ({ events }) => { events[4].header.actor = events[4].header.actor === "admin" ? "client" : "admin"; } },
  { name: "an actor that nobody is", step: "events", code: "form",
    change: ({ events }) => { events[4].header.actor = "nobody"; } },
  { name: "when it happened", step: "events", code: "id_time",
    change: ({ events }) => { events[4].header.created_at = events[4].header.created_at.replace(/^..../, "2020"); } },
  { name: "when it was recorded", step: "chain", code: "chain_hash",
    change: ({ events }) => { events[4].recorded_at = events[4].recorded_at.replace(/\d{6}Z/, "999999Z"); } },
  { name: "the request", step: "events", code: "stream",
    change: ({ events }) => { events[4].header.request_id = "00000000-0000-4000-8000-000000000001"; } },
  { name: "another request's pack", step: "events", code: "other_request",
    change: (pack) => { pack.request_id = "00000000-0000-4000-8000-000000000001"; } },
  { name: "an event twice", step: "events", code: "repeated",
    change: ({ events }) => events.splice(5, 0, structuredClone(events[4])) },
  { name: "the cause", step: "events", code: "event_hash",
    change: ({ events }) => { events[4].header.caused_by = events[4].header.writer_id; } },
  { name: "what a writer said", step: "writers", code: "commitment",
    change: (pack) => { pack.writer_events[0].input.value.profile_version += 1; } },
  { name: "a writer that nobody names", step: "writers", code: "repeated",
    change: (pack) => pack.writer_events.push(structuredClone(pack.writer_events[0])) },
  { name: "the profile", step: "digests", code: "shown", change: (pack) => { pack.profile.version += 1; } },
  { name: "a member that is not of the format", step: "form", code: "no_pack",
    change: ({ integrity }) => { integrity.note = "checked"; } },
  { name: "another schema", step: "form", code: "other_schema",
    change: (pack) => { pack.schema = "moltbot-audit/request-pack/v1"; } },
  { name: "the signature", step: "signature", code: "wrong_signature",
    change: (pack) => {
      const note = pack.signed_note;
      const at = note.length - 20;
      pack.signed_note = note.slice(0, at) + (note[at] === "A" ? "B" : "A") + note.slice(at + 1);
    } },
  { name: "the signed text", step: "signature", code: "other_content",
    change: (pack) => { pack.signed_note = pack.signed_note.replace(/head \d+/, "head 1"); } },
  { name: "no signature", step: "signature", code: "not_signed_by", change: (pack) => { delete pack.signed_note; } },
  { name: "what a section says", step: "signature", code: "other_content",
    change: (pack) => changeText(pack.conversation) },
  { name: "a checkpoint that is made up", step: "signature", code: "other_content",
    change: ({ integrity }) => { integrity.checkpoint = { status: "recorded", content: null }; } },
];

/** The pack with one change. */
export function forged(text, { change }) {
  const pack = JSON.parse(text);
  change(pack);
  return JSON.stringify(pack);
}

function failed(result) {
  return result.steps.flatMap(({ name, faults }) => faults.map((fault) => ({ step: name, ...fault })));
}

/** `verifyPack`, with results that compare as equal to ours: objects of another context never do. */
function inOwnRealm({ verifyPack }) {
  return async (...given) => JSON.parse(JSON.stringify(await verifyPack(...given)));
}

async function main([file, key, otherKey]) {
  const text = readFileSync(file, "utf8");
  const verifyPack = inOwnRealm(verifier(["verifyPack"]));
  const intact = await verifyPack(text, [key]);
  assert.equal(intact.verdict, "passed", JSON.stringify(intact));
  assert.equal(intact.steps.at(-1).code, "signed");
  const states = intact.steps.map(({ name, state }) => (state === "passed" ? "" : name)).filter(Boolean);
  assert.deepEqual(states, ["proof"], "all else was checked");
  assert.equal(intact.steps.find(({ name }) => name === "proof").code, "no_checkpoint");

  for (const forgery of FORGERIES) {
    const { name, step, code, seq } = forgery;
    const result = await verifyPack(forged(text, forgery), [key]);
    assert.equal(result.verdict, "failed", name);
    const found = failed(result).find((fault) => fault.step === step && fault.code === code);
    assert.ok(found, `${name}: ${JSON.stringify(failed(result))}`);
    if (seq) assert.equal(found.seq, seq(JSON.parse(text)), name);
  }

  // Without a key, and with another one.
  const alone = await verifyPack(text);
  assert.deepEqual([alone.verdict, alone.steps.at(-1).state, alone.steps.at(-1).code], ["passed", "not_checked", "no_key"]);
  const others = await verifyPack(text, [otherKey]);
  assert.deepEqual([others.verdict, others.steps.at(-1).code], ["failed", "signed_by_others"]);
  assert.equal((await verifyPack(text, [otherKey, key])).verdict, "passed");
  const typo = await verifyPack(text, [key.replace(/.$/, "x")]);
  assert.deepEqual([typo.verdict, failed(typo)[0].code], ["failed", "key"]);

  // A browser without Ed25519 says so, and does not pass the signature off as checked.
  const old = inOwnRealm(verifier(["verifyPack"], { without: ["Ed25519"] }));
  const unknown = await old(text, [key]);
  assert.deepEqual([unknown.steps.at(-1).state, unknown.steps.at(-1).code], ["not_checked", "no_ed25519"]);

  // Text that is no pack.
  for (const [input, code] of [["", "no_json"], ["{}", "no_pack"], ["[]", "no_pack"], ["\ufeff{}", "no_json"],
    [text.replace("{", '{"schema":"x",'), "name_twice"], [text.slice(0, -9), "no_json"], ["null", "no_pack"]]) {
    const result = await verifyPack(input);
    assert.deepEqual([result.verdict, failed(result)[0]?.code], ["failed", code], input.slice(0, 20));
  }

  // Any part of any event may be anything: the verifier names it, and does not throw.
  for (const junk of [null, 0, "x", [], {}, [[]], { value: 1 }]) {
    for (const path of [["events"], ["events", 3], ["events", 3, "header"], ["events", 3, "input"], ["events", 3, "seq"],
      ["events", 3, "input", "salts"], ["events", 3, "input", "hidden"], ["events", 3, "event_hash"], ["set_aside"],
      ["set_aside", 0], ["writer_events", 0], ["writer_events", 0, "header"], ["switch_events", 0], ["integrity"],
      ["integrity", "head"], ["integrity", "event_digests"], ["integrity", "checkpoint"], ["profile"], ["signed_note"]]) {
      const pack = JSON.parse(text);
      const last = path.pop();
      const holder = path.reduce((value, name) => value[name], pack);
      if (JSON.stringify(holder[last]) === JSON.stringify(junk)) continue;
      holder[last] = junk;
      const result = await verifyPack(JSON.stringify(pack), [key]);
      assert.equal(result.verdict, "failed", JSON.stringify([path, last, junk]));
    }
  }
  console.log(FORGERIES.length);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
