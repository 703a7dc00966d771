// A caller with a mistake: the database takes it, and the verifier finds it.

import { createRequire } from "node:module";

import { append } from "../../examples/typescript/append.mjs";
import { hostId } from "../../examples/typescript/host-id.mjs";
import { seal } from "../../examples/typescript/seal.mjs";

const [name] = process.argv.slice(2);
const requestId = hostId(Buffer.alloc(32, 7), "request", name);
const require = createRequire(new URL("../../examples/typescript/append.mjs", import.meta.url));
const pg = require("pg");
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const sealed = seal({ type: "moltbot.called", actor: "moltbot", requestId, input: { n: 1 } });
const [receipt] = await append(client, [{ ...sealed, eventHash: Buffer.alloc(32) }]);
if (receipt.status !== "stored") throw new Error(receipt.status);
await client.end();
