// Records events of one request one after the other, each with a row of the host's, whatever happens
// to the connections meanwhile.

import { createRequire } from "node:module";

import { record, recordWith } from "../../examples/typescript/append.mjs";

const [requestId, count] = process.argv.slice(2);
const require = createRequire(new URL("../../examples/typescript/append.mjs", import.meta.url));
const pg = require("pg");
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
pool.on("error", () => {});
for (let n = 0; n < Number(count); n++) {
  const event = { type: "moltbot.called", actor: "moltbot", requestId, input: { n } };
  if (n % 2 === 0) await record(pool, event);
  // Without a key that would object to a second time.
  else
    await recordWith(pool, event, (client) => client.query("insert into calls values ($1)", [n]));
}
await pool.end();
