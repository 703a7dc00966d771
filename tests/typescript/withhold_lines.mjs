// Reads payloads, one a line; writes for each what is left of it.

import { createInterface } from "node:readline";

import { withhold } from "../../examples/typescript/withhold.mjs";

const key = Buffer.alloc(32, 1);
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(withhold(key, JSON.parse(line))));
}
