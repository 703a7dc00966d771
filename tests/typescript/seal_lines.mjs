// Reads JSON values, one a line; writes for each what it is kept as, and its commitment.

import { createInterface } from "node:readline";

import { canonical, commit, sanitise } from "../../examples/typescript/proof.mjs";

const salt = Buffer.alloc(16, 7);
for await (const line of createInterface({ input: process.stdin })) {
  const kept = sanitise(JSON.parse(line));
  console.log(JSON.stringify([canonical(kept), commit(kept, salt, "/input").toString("hex")]));
}
