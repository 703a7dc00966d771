// Checks a whole pack (docs/format.md, sections 7 and 8). Nothing here draws: page.js does.

const SCHEMA = "moltbot-audit/request-pack/v2";
const WRITER_TYPES = ["audit.configuration_changed", "audit.writer_started"];
const SWITCH_TYPES = ["switch.engaged", "switch.lapsed", "switch.reset"];
const SET_ASIDE = ["seq", "id", "recorded_at", "event_hash", "chain_hash", "reason"];
const HEAD = ["seq", "chain_hash", "started_at", "last_at"];
const INTEGRITY = ["sections_version", "head", "profile_digest", "event_digests", "set_aside_digest", "writers_digest",
  "switches_digest", "checkpoint"];
const LISTS = ["events", "set_aside", "writer_events", "switch_events"];
const STEPS = ["form", "events", "chain", "head", "digests", "writers", "switches", "proof", "signature"];
const AT_ONCE = 32;
const FAULTS_MAX = 20;

/** What came of each step. A step that never ran says so. */
class Findings {
  constructor() {
    this.steps = STEPS.map((name) => ({ name, state: "not_checked", count: 0, code: "not_reached", faults: [] }));
  }

  step(name) {
    return this.steps.find((step) => step.name === name);
  }

  passed(name, count) {
    const step = this.step(name);
    Object.assign(step, { count, code: "" });
    if (step.state !== "failed") step.state = "passed";
  }

  fail(name, fault) {
    const step = this.step(name);
    step.state = "failed";
    step.code = "";
    if (step.faults.length < FAULTS_MAX) step.faults.push(fault);
  }
}

/**
 * Verifies a pack. `keys` are verifier keys as texts. `progress(done, all)` is called while it works.
 * The result has the `verdict` (`passed` or `failed`), and the steps with what failed in each, and where.
 */
async function verifyPack(text, keys = [], progress = () => {}) {
  const findings = new Findings();
  const counts = { events: 0, leaves: 0, masked: 0, set_aside: 0, unknown_writers: 0 };
  let pack = null;
  try {
    pack = readPack(text);
    findings.passed("form", 1);
    await checkEvents(pack, findings, counts, progress);
    await checkChain(pack, findings);
    checkHead(pack, findings);
    await checkDigests(pack, findings);
    await checkWriters(pack, findings, counts);
    await checkSwitches(pack, findings);
    const proof = findings.step("proof");
    Object.assign(proof, checkProof(pack));
    const trusted = await Promise.all(keys.map(readKey));
    const { state, code, where } = await checkSignature(pack, trusted);
    Object.assign(findings.step("signature"), { state, code, where });
    if (state === "failed") findings.step("signature").faults.push({ code, where });
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const at = ["key", "key_kind", "note"].includes(error.code) ? "signature" : "form";
    findings.fail(at, { code: error.code, where: error.where });
  }
  const failed = findings.steps.some((step) => step.state === "failed");
  return { verdict: failed ? "failed" : "passed", steps: findings.steps, counts, head: pack?.integrity.head ?? null };
}

/** The parts of a pack, whose lists and integrity have the right form. */
function readPack(text) {
  if (text.startsWith("\ufeff")) throw new Malformed("no_json");
  const pack = parseStrictly(text);
  if (kindOf(pack) !== "o" || typeof pack.schema !== "string") throw new Malformed("no_pack");
  if (pack.schema !== SCHEMA) throw new Malformed("other_schema", pack.schema);
  if (!isUuid(pack.request_id)) throw new Malformed("no_pack", "request_id");
  for (const list of LISTS) {
    if (!Array.isArray(pack[list])) throw new Malformed("no_pack", list);
  }
  if (!hasExactly(pack.integrity, INTEGRITY)) throw new Malformed("no_pack", "integrity");
  const { head, event_digests: digests } = pack.integrity;
  const isHead = hasExactly(head, HEAD) && Number.isSafeInteger(head.seq) && unhex(head.chain_hash, 32);
  if (!isHead || !Array.isArray(digests)) throw new Malformed("no_pack", "integrity");
  for (const place of pack.set_aside) {
    const isPlace = hasExactly(place, SET_ASIDE) && Number.isSafeInteger(place.seq) && unhex(place.event_hash, 32) &&
      unhex(place.chain_hash, 32) && microseconds(place.recorded_at) !== null && (place.id === null || isUuid(place.id));
    if (!isPlace) throw new Malformed("no_pack", "set_aside");
  }
  return pack;
}

function placeOf(event) {
  const header = kindOf(event?.header ?? null) === "o" ? event.header : {};
  return { seq: event?.seq ?? null, event_type: header.event_type ?? null };
}

/** Runs `check` over a list, some at once, and reports what fails in the step. */
async function checkEach(list, name, findings, check, progress = () => {}) {
  for (let at = 0; at < list.length; at += AT_ONCE) {
    const some = list.slice(at, at + AT_ONCE).map(async (event) => {
      try {
        await check(event);
      } catch (error) {
        if (!(error instanceof Fault || error instanceof Malformed)) throw error;
        findings.fail(name, { ...placeOf(event), code: error.code, where: error.where });
      }
    });
    await Promise.all(some);
    await progress(Math.min(at + AT_ONCE, list.length), list.length);
  }
  findings.passed(name, list.length);
}

async function checkEvents(pack, findings, counts, progress) {
  const ids = new Set();
  const check = async (event) => {
    const { leaves, masked } = await checkEvent(event);
    counts.events += 1;
    counts.leaves += leaves;
    counts.masked += masked;
    if (event.header.request_id !== pack.request_id) throw new Fault("other_request");
    if (ids.has(event.header.id)) throw new Fault("repeated");
    ids.add(event.header.id);
  };
  await checkEach(pack.events, "events", findings, check, progress);
  counts.set_aside = pack.set_aside.length;
}

/** Every place of the stream in its order: an event, or one that is set aside. Each list has to be in order by itself. */
function placesOf({ events, set_aside: aside }) {
  const places = [];
  let [event, place] = [0, 0];
  while (event < events.length || place < aside.length) {
    const takesEvent = place === aside.length || (event < events.length && events[event]?.seq <= aside[place].seq);
    places.push(takesEvent ? events[event++] : aside[place++]);
  }
  return places;
}

async function checkChain(pack, findings) {
  let chain = await chainStart(await streamId("request-stream", pack.request_id));
  let [expected, before] = [1, null];
  for (const place of placesOf(pack)) {
    const event = unhex(place?.event_hash, 32);
    const at = microseconds(place?.recorded_at);
    // What has no hash or no time is named by the step before, and nothing can follow from it.
    if (!event || at === null) {
      findings.fail("chain", { ...placeOf(place), code: "form", where: "" });
      return;
    }
    if (place.seq !== expected) {
      findings.fail("chain", { ...placeOf(place), code: "gap", where: String(expected) });
      return;
    }
    if (before !== null && at < before) findings.fail("chain", { ...placeOf(place), code: "time_back", where: "" });
    chain = await chainHash(chain, event, expected, at);
    if (hex(chain) !== place.chain_hash) {
      findings.fail("chain", { ...placeOf(place), code: "chain_hash", where: "" });
      return;
    }
    [expected, before] = [expected + 1, at];
  }
  findings.passed("chain", expected - 1);
}

function checkHead(pack, findings) {
  const places = placesOf(pack);
  const { head } = pack.integrity;
  if (places.length === 0) {
    findings.fail("head", { code: "empty", where: "" });
    return;
  }
  const [first, last] = [places[0], places[places.length - 1]];
  if (head.seq !== last?.seq) findings.fail("head", { code: "head_count", where: String(head.seq) });
  if (head.chain_hash !== last?.chain_hash) findings.fail("head", { code: "head_hash", where: "" });
  if (head.last_at !== last?.recorded_at || head.started_at !== first?.recorded_at) {
    findings.fail("head", { code: "head_time", where: "" });
  }
  findings.passed("head", 1);
}

/** The digests over what is shown, masks and names of rules included. */
async function checkDigests(pack, findings) {
  const { integrity } = pack;
  const whole = [["profile", "profile_digest"], ["set_aside", "set_aside_digest"], ["switch_events", "switches_digest"],
    ["writer_events", "writers_digest"]];
  for (const [member, digest] of whole) {
    if (hex(await shownDigest(pack[member] ?? null)) !== integrity[digest]) {
      findings.fail("digests", { code: "shown", where: member });
    }
  }
  if (integrity.event_digests.length !== pack.events.length) {
    findings.fail("digests", { code: "shown_count", where: "event_digests" });
  }
  const places = pack.events.map((event, at) => ({ event, digest: integrity.event_digests[at] }));
  for (const { event, digest } of places) {
    if (hex(await shownDigest(event)) !== digest) {
      findings.fail("digests", { ...placeOf(event), code: "shown", where: "" });
    }
  }
  findings.passed("digests", pack.events.length + whole.length);
}

async function checkWriters(pack, findings, counts) {
  const events = pack.events.map((event) => event?.header?.writer_id).filter(Boolean);
  const causes = pack.writer_events.map((event) => event?.header?.caused_by).filter(Boolean);
  const named = new Set([...events, ...causes]);
  const seen = new Set();
  await checkEach(pack.writer_events, "writers", findings, async (event) => {
    await checkEventOfContent(event, WRITER_TYPES);
    const { id, request_id: request, conversation_id: conversation } = event.header;
    if (request !== null || conversation !== null) throw new Fault("stream");
    if (!named.has(id)) throw new Fault("not_named");
    if (seen.has(id)) throw new Fault("repeated");
    seen.add(id);
  });
  counts.unknown_writers = new Set(events.filter((id) => !seen.has(id))).size;
}

async function checkSwitches(pack, findings) {
  const conversations = new Set(pack.events.map((event) => event?.header?.conversation_id).filter(Boolean));
  const seen = new Set();
  await checkEach(pack.switch_events, "switches", findings, async (event) => {
    await checkEventOfContent(event, SWITCH_TYPES);
    const { id, request_id: request, conversation_id: conversation } = event.header;
    if (request !== null || !conversations.has(conversation)) throw new Fault("stream");
    if (seen.has(id)) throw new Fault("repeated");
    seen.add(id);
  });
  const order = pack.switch_events.map((event) => [event?.header?.conversation_id, event?.seq]);
  const isBefore = ([left, first], [right, second]) => left < right || (left === right && first < second);
  for (let at = 1; at < order.length; at += 1) {
    if (!isBefore(order[at - 1], order[at])) {
      findings.fail("switches", { ...placeOf(pack.switch_events[at]), code: "order", where: "" });
    }
  }
}

/** This format's packs have no checkpoint yet. One that claims to have one is not passed off as checked. */
function checkProof({ integrity: { checkpoint } }) {
  const isMissing = checkpoint?.status === "not_recorded";
  return { state: "not_checked", code: isMissing ? "no_checkpoint" : "unknown_checkpoint" };
}
