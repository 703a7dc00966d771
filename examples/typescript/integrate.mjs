// The host of docs/integrate.md, in TypeScript: `DATABASE_URL=postgres://… node integrate.mjs WAMID`.
// Prints one receipt on each line. `world` is the host as it was before the audit.

import { createRequire } from "node:module";

import { record } from "./append.mjs";
import { hostId } from "./host-id.mjs";
import { eventId, messageEventId } from "./ids.mjs";
import { disclosed, statusUpdated } from "./messages.mjs";
import { withhold } from "./withhold.mjs";

// In your own project, write `import pg from "pg"`. This line also finds Debian's node-pg.
const pg = createRequire(import.meta.url)("pg");

const world = {
  vendors: [
    { id: "vendor-1", phone: "+250788000001", reply: "Ndayifite, 12 000", price: 12000 },
    { id: "vendor-2", phone: "+250788000002", reply: "Yes, 9500", price: 9500 },
  ],
  askModel: async () => ({
    action: { type: "vendor_outreach_plan", why: "the need is clear" },
    input_tokens: 812,
    output_tokens: 64,
  }),
  send: async (to) => `wamid.sent${to.slice(-1)}`,
};

// What people are told with the first message that they get.
const TOLD = "Ubu butumwa bwanditswe na Moltbot, umufasha ukoresha ubwenge bw'ubukorano (AI).";

const key = Buffer.from(process.env.MOLTBOT_AUDIT_KEY ?? "", "hex");
if (key.length !== 32) throw new Error("MOLTBOT_AUDIT_KEY is not 64 hex digits");
const [wamid = "wamid.HBgL2"] = process.argv.slice(2);
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 2,
  connectionTimeoutMillis: 10_000,
  query_timeout: 30_000,
});
pool.on("error", () => {});

/** Asks whether a switch is engaged. A switch that was never reset is. */
async function isEngaged(name) {
  const { rows } = await pool.query(
    "select coalesce(bool_or(engaged), true) as engaged from moltbot_audit.audit_switches where switch = $1",
    [name],
  );
  return rows[0].engaged;
}

/** Performs a call, and then records how it ended. `fill` turns its result into the output. */
async function effect(event, call, fill) {
  const started = performance.now();
  try {
    const result = await call();
    const durationMs = performance.now() - started;
    const receipt = await record(pool, { ...event, output: withhold(key, fill(result)), durationMs });
    return { receipt, result };
  } catch (error) {
    const durationMs = performance.now() - started;
    await record(pool, { ...event, outcome: "failed", errorCode: "provider_error", durationMs });
    throw error;
  }
}

const receipts = [];

// A webhook arrives.
const requestId = hostId(key, "request", wamid);
const text = "Muraho, ndashaka charger";
const sentAt = new Date("2026-03-02T07:15:00Z");
const inbound = await record(pool, {
  id: messageEventId(key, wamid, sentAt),
  type: "whatsapp.inbound_received",
  actor: "client",
  requestId,
  input: withhold(key, { provider_message_id: wamid, message_type: "text", text }),
});
receipts.push(inbound);
const isNew = inbound.status === "stored";

if (isNew && !(await isEngaged("ai"))) {
  // The host asks the model.
  const decisionId = eventId();
  const asked = await effect(
    {
      id: decisionId,
      type: "moltbot.called",
      actor: "moltbot",
      requestId,
      input: { model: "m-1", prompt_version: "p-7", attempt: 1 },
      idempotencyKey: `${requestId}:moltbot:1`,
    },
    () => world.askModel(text),
    (output) => output,
  );
  receipts.push(asked.receipt);

  // A batch: the host records each message, and then the batch.
  const vendorIds = world.vendors.map(({ id }) => id);
  for (const { id, phone } of world.vendors) {
    const message = `${TOLD}\nMufite charger?`;
    const outboundEventId = eventId();
    const outreach = { outreach_id: `outreach-${id}`, vendor_id: id, batch_number: 1, text: message };
    const sent = await effect(
      {
        id: outboundEventId,
        type: "vendor.outreach_sent",
        actor: "system",
        requestId,
        causedBy: decisionId,
        input: { ...outreach, vendor_phone: phone },
        idempotencyKey: `${requestId}:vendor:${id}`,
      },
      () => world.send(phone, message),
      (messageId) => ({ provider_message_id: messageId }),
    );
    receipts.push(sent.receipt);
    receipts.push(
      await record(pool, disclosed({ requestId, text: TOLD, language: "rw", outboundEventId })),
    );
    // Later, the provider's webhook says how far the message came.
    const status = { id: sent.result, status: "delivered", timestamp: "1772435705" };
    receipts.push(await record(pool, statusUpdated({ requestId }, status)));
  }
  receipts.push(
    await record(pool, {
      type: "vendor.batch_sent",
      actor: "system",
      requestId,
      input: { batch_number: 1, vendor_ids: vendorIds },
      output: { sent: vendorIds.length, failed: 0 },
      idempotencyKey: `${requestId}:batch:1`,
    }),
  );

  // The replies, and the shortlist that is made from them.
  const items = [];
  for (const { id, reply, price } of world.vendors) {
    const replyId = eventId();
    const replied = await record(pool, {
      id: replyId,
      type: "vendor.reply_recorded",
      actor: "vendor",
      requestId,
      input: withhold(key, { outreach_id: `outreach-${id}`, vendor_id: id, text: reply }),
      output: { availability: "in_stock", price_min: price, confidence: 0.9 },
    });
    receipts.push(replied);
    const total = price < 10_000 ? 20 : 10;
    const factors = [{ code: "price", score_delta: total }];
    items.push({ vendor_id: id, price, total, factors, reply_event_id: replyId });
  }
  items.sort((a, b) => b.total - a.total);
  receipts.push(
    await record(pool, {
      type: "shortlist.generated",
      actor: "system",
      requestId,
      input: { rule_version: "r-1" },
      output: { items, decided_by: "rule" },
    }),
  );
}

for (const receipt of receipts) {
  console.log(
    JSON.stringify(receipt, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
}
await pool.end();
