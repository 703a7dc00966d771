// A host in TypeScript that works on one request: `DATABASE_URL=postgres://… node concierge.mjs REQUEST`.
// Prints one receipt on each line. The Rust library or the Supabase CLI must have applied the migrations.

import { createRequire } from "node:module";

import { record, recordWith } from "./append.mjs";
import { hostId } from "./host-id.mjs";
import { phoneHash } from "./phone.mjs";

// In your own project, write `import pg from "pg"`. This line also finds Debian's node-pg.
const pg = createRequire(import.meta.url)("pg");

const [request] = process.argv.slice(2);
if (request === undefined) throw new Error("usage: node concierge.mjs REQUEST");
const key = Buffer.from(process.env.MOLTBOT_AUDIT_KEY ?? "", "hex");
if (key.length !== 32) throw new Error("MOLTBOT_AUDIT_KEY is not 64 hex digits");
const requestId = hostId(key, "request", request.trim());
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 2,
  // A network that drops all packets must not hang the host. An event that was sent is sent again, with the same id.
  connectionTimeoutMillis: 10_000,
  query_timeout: 30_000,
});
// The next call replaces an idle connection that died. Without this listener, its error would end the process.
pool.on("error", () => {});

// Something happened.
const inbound = await record(pool, {
  type: "whatsapp.inbound_received",
  actor: "client",
  requestId,
  conversationId: hostId(key, "conversation", "conv_001"),
  input: { message_type: "text", text: "Muraho, ndashaka charger" },
  idempotencyKey: `${requestId}:1`,
});

// The host changes a row of its own, and the event is committed together with it.
await pool.query("create table if not exists approvals (vendor_id text not null)");
const approval = await recordWith(
  pool,
  {
    type: "admin.vendor.approved",
    actor: "admin",
    requestId,
    input: { vendor_id: "vendor-7", reason: "papers are in order" },
  },
  (client) => client.query("insert into approvals values ($1)", ["vendor-7"]),
);

// Something was done, and its duration was measured. The key holds no phone number, only its hash.
const started = performance.now();
const sent = await record(pool, {
  type: "vendor.outreach_sent",
  actor: "system",
  requestId,
  input: { vendor_id: "vendor-7", text: "Do you have a charger?" },
  output: { provider_message_id: "wamid.2" },
  idempotencyKey: `outreach:${phoneHash(key, "+250 788 123 456")}`,
  durationMs: performance.now() - started,
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
});

for (const receipt of [inbound, approval, sent]) {
  console.log(
    JSON.stringify(receipt, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
}
await pool.end();
