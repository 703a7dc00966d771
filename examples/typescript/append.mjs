// Appends sealed events through the same SQL function as the Rust library, with any client that has
// node-postgres' `query`. Nothing is prepared under a name, so that poolers in transaction mode do.

import { seal } from "./seal.mjs";

/** @typedef {import("./seal.mjs").AuditEvent} AuditEvent */
/** @typedef {import("./seal.mjs").SealedEvent} SealedEvent */
/** @typedef {{ query(text: string, values?: any[]): Promise<{ rows: any[] }> }} Client */
/** @typedef {import("node:events").EventEmitter & Client & { release(error?: boolean): void }} PoolClient */

/**
 * What became of an event.
 * @typedef {object} Receipt
 * @property {"stored" | "duplicate" | "conflict"} status `duplicate`: it was there already, and this
 *     is its first receipt; `conflict`: its id is taken by an event with other content, which stands
 * @property {bigint} seq place in the stream, from 1
 * @property {bigint} recordedAtUs the database's time, in microseconds since 1970
 * @property {string} eventHash of what is stored, in hex
 * @property {string} chainHash the chain up to here, in hex
 */

const APPEND = `
  select status, seq, (extract(epoch from recorded_at) * 1000000)::bigint as recorded_at_us,
    event_hash, chain_hash
  from moltbot_audit.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20, $21, $22, $23, $24)`;

/** One array a parameter of the function, in its order. @type {((event: SealedEvent) => unknown)[]} */
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

/** SQLSTATEs after which the same call may succeed later, by class or whole. */
const PASSING = /^(08|40|53|57|58)|^(25006|25P03|25P04|26000|42P05|54000|55P03)$/;

/** The id of the event is taken by one with other content. */
export class ConflictError extends Error {
  /** @param {string} eventId */
  constructor(eventId) {
    super(`event ${eventId} is already recorded with other content: give the new event its own id`);
  }
}

/**
 * Appends a batch in one statement; inside a transaction, it is durable with that. Returns a receipt
 * for each event, in their order.
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
  // Sealed once: however often it is sent, it is the same event.
  const sealed = seal(event);
  return retrying(() => appendOne(pool, sealed));
}

/**
 * Records an event together with the host's own change: both are there, once, or neither.
 * @param {{ connect(): Promise<PoolClient> }} pool
 * @param {AuditEvent} event
 * @param {(client: Client) => Promise<unknown>} change short, because it holds the stream's lock
 * @returns {Promise<Receipt>}
 */
export async function recordWith(pool, event, change) {
  const sealed = seal(event);
  return retrying(async () => {
    const client = await pool.connect();
    // Unheard, the end of a connection between two queries would be the end of the process.
    client.on("error", ignore);
    let isBroken = true;
    try {
      await client.query("begin");
      const receipt = await appendOne(client, sealed);
      // A duplicate was committed by an earlier try, whose answer got lost, and with it the change.
      if (receipt.status === "stored") await change(client);
      await client.query("commit");
      isBroken = false;
      return receipt;
    } finally {
      client.off("error", ignore);
      // A connection in the middle of a transaction is closed, which rolls it back.
      client.release(isBroken);
    }
  });
}

/**
 * Whether the same call may succeed later. What has no severity is not the server's word: the
 * connection failed, and whether the batch has landed is not known.
 * @param {any} error
 * @returns {boolean}
 */
export function isRetryable(error) {
  if (error instanceof ConflictError || error instanceof TypeError) return false;
  if (error?.severity === undefined) return true;
  // Supabase's pooler says so of a connection when it is full. Rust's queue keeps such an event in its spool.
  return PASSING.test(error.code) || (error.severity === "FATAL" && error.code === "XX000");
}

/** @param {Client} client @param {SealedEvent} event */
async function appendOne(client, event) {
  const [receipt] = await append(client, [event]);
  if (receipt.status === "conflict") throw new ConflictError(event.header.id);
  return receipt;
}

/** The next query says it again. */
function ignore() {}

/**
 * Tries again, for about half a minute, what may succeed later.
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
      // Not all at once, when a database comes back.
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
    }
  }
}

/** As text, because a Date has milliseconds only. @param {bigint} micros */
function timestamp(micros) {
  const millis = new Date(Number(micros / 1_000n)).toISOString();
  return millis.replace("Z", `${String(micros % 1_000n).padStart(3, "0")}Z`);
}
