// Reads events, one a line; seals them, and appends those of each request at once.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { append } from "../../examples/typescript/append.mjs";
import { hostId } from "../../examples/typescript/host-id.mjs";
import { seal } from "../../examples/typescript/seal.mjs";

const require = createRequire(new URL("../../examples/typescript/append.mjs", import.meta.url));
const pg = require("pg");
const key = Buffer.from(process.env.MOLTBOT_AUDIT_KEY, "hex");
const requests = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const { conversation, ...event } = JSON.parse(line);
  // What the host leaves out is undefined, and not null.
  for (const name in event) if (event[name] === null) delete event[name];
  if (conversation !== null) event.conversationId = hostId(key, "conversation", conversation);
  const events = requests.get(event.requestId) ?? [];
  requests.set(event.requestId, [...events, seal(event)]);
}
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
for (const events of requests.values()) {
  for (const { status } of await append(client, events)) {
    if (status !== "stored") throw new Error(status);
  }
}
await client.end();
