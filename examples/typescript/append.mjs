// Appends sealed events through the same SQL function as the Rust library, with any client that has
// node-postgres' `query`. It makes no named prepared statement, so poolers in transaction mode work.

import { seal } from "./seal.mjs";

/** @typedef {import("./seal.mjs").AuditEvent} AuditEvent */
/** @typedef {import("./seal.mjs").SealedEvent} SealedEvent */
/** @typedef {{ query(text: string, values?: any[]): Promise<{ rows: any[] }> }} Client */
/** @typedef {import("node:events").EventEmitter & Client & { release(error?: boolean): void }} PoolClient */

/**
 * What became of an event.
 * @typedef {object} Receipt
 * @property {"stored" | "duplicate" | "conflict"} status `duplicate`: the event was there already, and
 *     this is its first receipt; `conflict`: another event has its id, with other content, and stays
 * @property {bigint} seq its place in the stream, from 1
 * @property {bigint} recordedAtUs the database's time, in microseconds since 1970
 * @property {string} eventHash the hash of the stored event, in hex
 * @property {string} chainHash the chain up to here, in hex
 */

const APPEND = `
  select status, seq, (extract(epoch from recorded_at) * 1000000)::bigint as recorded_at_us,
    event_hash, chain_hash
  from moltbot_audit.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20, $21, $22, $23, $24)`;

/** One array for each parameter of the function, in order. @type {((event: SealedEvent) => unknown)[]} */
const COLUMNS = [
  ({ header }) => header.id,
  ({ header }) => header.stream_id,
  ({ header }) => header.request_id,
  ({ header }) => header.conversation_id,
  ({ header }) => header.event_type,
  ({ header }) => header.actor,
  ({ header }) => header.outcome,
  ({ header }) => header.error_code,
  ({ header }) => header.duration_ms,
  ({ header }) => timestamp(header.created_at_us),
  ({ header }) => header.trace_id,
  ({ header }) => header.span_id,
  ({ header }) => header.caused_by,
  ({ header }) => header.writer_id,
  (event) => event.input,
  (event) => event.output,
  (event) => event.idempotencyKey,
  (event) => event.hostIds,
  (event) => event.salt,
  (event) => event.commitments[0],
  (event) => event.commitments[1],
  (event) => event.commitments[2],
  (event) => event.commitments[3],
  (event) => event.eventHash,
];

/** SQLSTATEs after which the same call may succeed later: whole classes, and single codes. */
const PASSING = /^(08|40|53|57|58)|^(25006|25P03|25P04|26000|42P05|54000|55P03)$/;

/** Another event has the event's id, with other content. */
export class ConflictError extends Error {
  /** @param {string} eventId */
  constructor(eventId) {
    super(`event ${eventId} is already recorded with other content: give the new event its own id`);
  }
}

/**
 * Appends a batch in one statement. Inside a transaction, it is durable when that commits. Returns one
 * receipt for each event, in order.
 * @param {Client} client
 * @param {SealedEvent[]} events
 * @returns {Promise<Receipt[]>}
 */
export async function append(client, events) {
  const { rows } = await client.query(
    APPEND,
    COLUMNS.map((column) => events.map(column)),
  );
  return rows.map((row) => ({
    status: row.status,
    seq: BigInt(row.seq),
    recordedAtUs: BigInt(row.recorded_at_us),
    eventHash: row.event_hash.toString("hex"),
    chainHash: row.chain_hash.toString("hex"),
  }));
}

/**
 * Records one event in a transaction of its own, and returns when it is durable.
 * @param {Client} pool
 * @param {AuditEvent} event
 * @returns {Promise<Receipt>}
 */
export async function record(pool, event) {
  // We seal once, so that every try sends the same event.
  const sealed = seal(event);
  return retrying(() => appendOne(pool, sealed));
}

/**
 * Records an event together with the host's own change: both are committed once, or neither is.
 * @param {{ connect(): Promise<PoolClient> }} pool
 * @param {AuditEvent} event
 * @param {(client: Client) => Promise<unknown>} change must be short, because the stream is locked meanwhile
 * @returns {Promise<Receipt>}
 */
export async function recordWith(pool, event, change) {
  const sealed = seal(event);
  return retrying(async () => {
    const client = await pool.connect();
    // Without a listener, an error of the connection between two queries would end the process.
    client.on("error", ignore);
    let isBroken = true;
    try {
      await client.query("begin");
      const receipt = await appendOne(client, sealed);
      // A duplicate was committed by an earlier try whose answer got lost, together with the change.
      if (receipt.status === "stored") await change(client);
      await client.query("commit");
      isBroken = false;
      return receipt;
    } finally {
      client.off("error", ignore);
      // We close a connection that is still in a transaction, which rolls it back.
      client.release(isBroken);
    }
  });
}

/**
 * Whether the same call may succeed later. An error without a severity does not come from the server:
 * the connection failed, and the batch may have landed or not.
 * @param {any} error
 * @returns {boolean}
 */
export function isRetryable(error) {
  if (error instanceof ConflictError || error instanceof TypeError) return false;
  if (error?.severity === undefined) return true;
  // Supabase's pooler answers XX000 when it is full. The Rust library spools such an event.
  return PASSING.test(error.code) || (error.severity === "FATAL" && error.code === "XX000");
}

/** @param {Client} client @param {SealedEvent} event */
async function appendOne(client, event) {
  const [receipt] = await append(client, [event]);
  if (receipt.status === "conflict") throw new ConflictError(event.header.id);
  return receipt;
}

/** The next query reports the same error. */
function ignore() {}

/**
 * Retries for about half a minute, as long as the call may succeed later.
 * @template T
 * @param {() => Promise<T>} attempt
 * @returns {Promise<T>}
 */
async function retrying(attempt) {
  for (let wait = 50; ; wait *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRetryable(error) || wait > 12_800) throw error;
      // A random wait, so that not all hosts retry at once when a database comes back.
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
    }
  }
}

/** A time as text, because a Date has only milliseconds. @param {bigint} micros */
function timestamp(micros) {
  const millis = new Date(Number(micros / 1_000n)).toISOString();
  return millis.replace("Z", `${String(micros % 1_000n).padStart(3, "0")}Z`);
}
