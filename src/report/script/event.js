// Checks one event of a pack by itself: its header, its id, its commitments and its hash (docs/format.md, section 5).

const HEADER = ["actor", "caused_by", "conversation_id", "created_at", "duration_ms", "error_code", "event_type", "id",
  "outcome", "request_id", "span_id", "stream_id", "trace_id", "version", "writer_id"];
const EVENT = ["seq", "recorded_at", "event_hash", "chain_hash", "header", ...PARTS];
const ACTORS = ["admin", "client", "moltbot", "system", "vendor"];
const OUTCOMES = ["cancelled", "failed", "panicked", "refused", "succeeded"];
const DURATION_MAX = 2 ** 31 - 1;

function isWord(text) {
  return /^[a-z][a-z0-9_]*$/.test(text);
}

/** Words with a dot between, at most 64 bytes and four digits in all. */
function isName(text, fewest, most) {
  if (typeof text !== "string" || text.length > 64) return false;
  const words = text.split(".");
  const digits = text.replace(/[^0-9]/g, "").length;
  return words.length >= fewest && words.length <= most && words.every(isWord) && digits <= 4;
}

function isHexId(text, length) {
  return typeof text === "string" && text.length === length && /^[0-9a-f]+$/.test(text) && !/^0+$/.test(text);
}

function orNull(isRight) {
  return (value) => value === null || isRight(value);
}

const MEMBERS = {
  actor: (value) => ACTORS.includes(value),
  caused_by: orNull(isUuid),
  conversation_id: orNull(isUuid),
  created_at: (value) => microseconds(value) !== null,
  duration_ms: orNull((value) => Number.isInteger(value) && value >= 0 && value <= DURATION_MAX),
  error_code: orNull((value) => isName(value, 1, 1)),
  event_type: (value) => isName(value, 2, 3),
  id: isUuid,
  outcome: (value) => OUTCOMES.includes(value),
  request_id: orNull(isUuid),
  span_id: orNull((value) => isHexId(value, 16)),
  stream_id: isUuid,
  trace_id: orNull((value) => isHexId(value, 32)),
  version: (value) => value === 1,
  writer_id: orNull(isUuid),
};

/** The stream that a header's ids give. */
function streamOf({ request_id: request, conversation_id: conversation }) {
  if (request) return streamId("request-stream", request);
  return conversation ? streamId("conversation-stream", conversation) : streamId("system-stream");
}

function checkForm(event) {
  if (!hasExactly(event, EVENT)) throw new Fault("form");
  const { header } = event;
  if (!hasExactly(header, HEADER)) throw new Fault("form", "header");
  for (const [name, isRight] of Object.entries(MEMBERS)) {
    if (!isRight(header[name])) throw new Fault("form", name);
  }
  const isPlaced = Number.isSafeInteger(event.seq) && microseconds(event.recorded_at) !== null;
  if (!isPlaced || !unhex(event.event_hash, 32) || !unhex(event.chain_hash, 32)) throw new Fault("form");
}

/** Checks the event but for its place in a stream. Returns how many values it shows and hides, and its commitments. */
async function checkEvent(event) {
  checkForm(event);
  const { header } = event;
  if (header.caused_by === header.id) throw new Fault("own_cause");
  if (header.stream_id !== (await streamOf(header))) throw new Fault("stream");
  if (!carriesTime(header.id, microseconds(header.created_at))) throw new Fault("id_time");
  const views = await Promise.all(PARTS.map((part) => commitmentOf(part, event[part])));
  const commitments = views.map((view) => view.commitment);
  if (hex(await eventHash(header, commitments)) !== event.event_hash) throw new Fault("event_hash");
  const sum = (member) => views.reduce((total, view) => total + view[member], 0);
  return { commitments, leaves: sum("leaves"), masked: sum("masked") };
}

/** Like `checkEvent`, for an event whose id is made of its time and the commitment to its input. */
async function checkEventOfContent(event, types) {
  const checked = await checkEvent(event);
  const { header } = event;
  if (!types.includes(header.event_type)) throw new Fault("event_type");
  const id = idOfContent(microseconds(header.created_at), checked.commitments[0]);
  if (header.id !== id) throw new Fault("id_content");
  return checked;
}
