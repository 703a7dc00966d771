// `DATABASE_URL=postgres://… node --test examples/typescript`: appends to a database of its own.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, test } from "node:test";

import { ConflictError, append, isRetryable, record, recordWith } from "./append.mjs";
import { hostId } from "./host-id.mjs";
import { eventId, microsOf, streamOf } from "./ids.mjs";
import { seal } from "./seal.mjs";

const pg = createRequire(import.meta.url)("pg");
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 });
pool.on("error", () => {});
after(() => pool.end());

const KEY = Buffer.alloc(32, 7);

/** @param {string} name */
const request = (name) => hostId(KEY, "request", name);

/** @param {object} [more] */
function event(more) {
  return {
    type: "moltbot.called",
    actor: "moltbot",
    requestId: request("typescript"),
    id: eventId(),
    ...more,
  };
}

/** @param {string} sql */
async function value(sql) {
  return Object.values((await pool.query(sql)).rows[0])[0];
}

test("a batch gets its places in order, and a retry gets the first receipt", async () => {
  const batch = ["a", "b", "c"].map((input) => seal(event({ requestId: request("a batch"), input })));
  const first = await append(pool, batch);
  assert.deepEqual(
    first.map(({ status, seq }) => [status, seq]),
    [
      ["stored", 1n],
      ["stored", 2n],
      ["stored", 3n],
    ],
  );
  assert.deepEqual(
    first.map((receipt) => receipt.eventHash),
    batch.map((sealed) => sealed.eventHash.toString("hex")),
  );
  const again = await append(pool, batch);
  assert.deepEqual(
    again,
    first.map((receipt) => ({ ...receipt, status: "duplicate" })),
  );
});

test("the same content sealed again is a duplicate, and other content is a conflict that changes nothing", async () => {
  const told = event({ input: { n: 1 } });
  const first = await record(pool, told);
  const again = await record(pool, told);
  assert.deepEqual(again, { ...first, status: "duplicate" });
  const other = { ...told, input: { n: 2 } };
  await assert.rejects(record(pool, other), ConflictError);
  const [conflict] = await append(pool, [seal(other)]);
  assert.deepEqual(conflict, { ...first, status: "conflict" });
});

test("every column is stored as it was sealed, to the microsecond", async () => {
  const id = eventId(1_772_435_700_123_456n);
  await record(
    pool,
    event({
      id,
      conversationId: hostId(KEY, "conversation", "conv_001"),
      input: { "quotes \" ' and \\": "{,}", nothing: null, null: "NULL", price: 12500.5 },
      output: "",
      idempotencyKey: 'k\\"{}',
      outcome: "failed",
      errorCode: "provider_error",
      durationMs: 12.9,
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }),
  );
  const row = (
    await pool.query(
      `select input, output, idempotency_key, outcome, error_code, duration_ms, trace_id, span_id, host_ids,
       (extract(epoch from created_at) * 1000000)::bigint::text as created_at_us
     from moltbot_audit.audit_events where id = $1`,
      [id],
    )
  ).rows[0];
  assert.deepEqual(
    { ...row },
    {
      input: { "quotes \" ' and \\": "{,}", nothing: null, null: "NULL", price: 12500.5 },
      output: "",
      idempotency_key: 'k\\"{}',
      outcome: "failed",
      error_code: "provider_error",
      duration_ms: 12,
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
      span_id: "00f067aa0ba902b7",
      host_ids: { conversation_id: "conv_001", request_id: "typescript" },
      created_at_us: "1772435700123456",
    },
  );
});

test("the host's change and its event are both committed, or neither is", async () => {
  await pool.query("create table orders (id text primary key)");
  const count = (/** @type {any} */ told) =>
    value(`select (select count(*) from orders) || '/' || count(*) from moltbot_audit.audit_events
           where id = '${told.id}'`);
  const insert = (/** @type {any} */ client) => client.query("insert into orders values ('one')");

  const refused = event();
  await assert.rejects(
    recordWith(pool, refused, async (client) => {
      await insert(client);
      throw new TypeError("the host thinks better of it");
    }),
    /thinks better/,
  );
  assert.equal(await count(refused), "0/0");

  const told = event({ input: "order one" });
  await recordWith(pool, told, insert);
  assert.equal(await count(told), "1/1");

  // Other content under a known id is a conflict, and the change is rolled back.
  const conflict = { ...told, input: "order two" };
  await assert.rejects(
    recordWith(pool, conflict, (client) => client.query("insert into orders values ('two')")),
    ConflictError,
  );
  assert.equal(await count(told), "1/1");
});

/** A pool whose first `statement` fails, before or after it has landed. */
function failingOnce(/** @type {string} */ statement, /** @type {"landed" | "not landed"} */ how) {
  let hasFailed = false;
  const failing = (/** @type {any} */ client) => ({
    on() {},
    off() {},
    release: () => client.release?.(true),
    async query(/** @type {string} */ text, /** @type {any[]} */ values) {
      if (hasFailed || !text.includes(statement)) return client.query(text, values);
      hasFailed = true;
      if (how === "landed") await client.query(text, values);
      throw new Error("Connection terminated unexpectedly");
    },
  });
  return { ...failing(pool), connect: async () => failing(await pool.connect()) };
}

test("a lost answer leaves one event and one change", async () => {
  await pool.query("create table payments (id text)");
  for (const how of /** @type {const} */ (["landed", "not landed"])) {
    const status = how === "landed" ? "duplicate" : "stored";
    const paid = event({ requestId: request(how) });
    const pay = (/** @type {any} */ client) =>
      client.query(`insert into payments values ('${how}')`);
    assert.equal((await recordWith(failingOnce("commit", how), paid, pay)).status, status);
    assert.equal(await value(`select count(*) from payments where id = '${how}'`), "1");
    const told = event({ requestId: request(how) });
    const receipt = await record(failingOnce("moltbot_audit.append", how), told);
    assert.deepEqual([receipt.status, receipt.seq], [status, 2n]);
  }
});

test("a refusal by the database is not retried, but a passing failure is", async () => {
  const sealed = seal(event());
  const broken = { ...sealed, salt: Buffer.from("short") };
  await assert.rejects(append(pool, [broken]), (error) => !isRetryable(error));
  // The event of a request is refused in the stream of a conversation, and in that of the system.
  for (const stream of [streamOf(null, hostId(KEY, "request", "typescript").uuid), streamOf(null, null)]) {
    const strayed = { ...sealed, header: { ...sealed.header, stream_id: stream } };
    await assert.rejects(append(pool, [strayed]), /not that of its request or conversation/);
  }
  // Of another version, of another time, and with a fraction that rounds to the same microsecond.
  const { id, created_at_us: at } = sealed.header;
  const fraction = (Number.parseInt(id.slice(15, 18), 16) + 1).toString(16).padStart(3, "0");
  for (const header of [
    { ...sealed.header, id: "6f1c0e5a-8f4e-4d0b-9b9e-2f0e6d1f7a11" },
    { ...sealed.header, created_at_us: at - 1n },
    { ...sealed.header, id: `${id.slice(0, 14)}4${id.slice(15)}` },
    { ...sealed.header, id: `${id.slice(0, 15)}${fraction}${id.slice(18)}` },
    { ...sealed.header, id: `${id.slice(0, 19)}c${id.slice(20)}` },
  ]) {
    await assert.rejects(append(pool, [{ ...sealed, header }]), /does not carry its time/);
  }
  const nil = "00000000-0000-0000-0000-000000000000";
  const nobodys = { ...sealed.header, request_id: nil, stream_id: streamOf(nil, null) };
  await assert.rejects(append(pool, [{ ...sealed, header: nobodys }]), /the nil and the max UUID/);
  const gone = new pg.Pool({ host: "127.0.0.1", port: 1 });
  await assert.rejects(gone.query("select 1"), isRetryable);
  await assert.rejects(pool.query("do $$ begin raise sqlstate '40001'; end $$"), isRetryable);
  await assert.rejects(pool.query("do $$ begin raise sqlstate '25006'; end $$"), isRetryable);
  assert.equal(isRetryable(new Error("Connection terminated unexpectedly")), true);
  // A full pooler is worth a retry. A wrong password and an internal error of the server are not.
  assert.equal(isRetryable({ severity: "FATAL", code: "XX000" }), true);
  assert.equal(isRetryable({ severity: "ERROR", code: "XX000" }), false);
  assert.equal(isRetryable({ severity: "FATAL", code: "28P01" }), false);
});

test("the database refuses an event that is dated more than a day ahead", async () => {
  const ahead = (/** @type {number} */ hours) => new Date(Date.now() + hours * 3_600_000);
  const sealed = seal(event({ id: eventId(ahead(23)), requestId: request("ahead") }));
  const header = { ...sealed.header, created_at_us: microsOf(ahead(25)) };
  await assert.rejects(append(pool, [sealed, { ...sealed, header }]), /dated more than 24 hours/);
  assert.equal((await append(pool, [sealed]))[0].status, "stored");
});
