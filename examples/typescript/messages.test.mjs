// `node --test examples/typescript/messages.test.mjs`: needs no database.

import assert from "node:assert/strict";
import { test } from "node:test";

import { disclosed, statusUpdated } from "./messages.mjs";

const requestId = { id: "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11" };

test("a disclosure has the digest of its text, and names its message", () => {
  const event = disclosed({ requestId, text: "You are chatting with an AI.", language: "en", providerMessageId: "wamid.1" });
  assert.equal(event.type, "ai.disclosed");
  assert.deepEqual(event.input, {
    text_digest: "61ff5a7aa8a198793514f9ff0a96acf1e67f695f3aa08afd4063f277aa31e025",
    language: "en",
    provider_message_id: "wamid.1",
  });
});

test("a report of the webhook is read as it comes", () => {
  const status = { id: "wamid.1", status: "failed", timestamp: "1772435705", recipient_id: "250788123456", errors: [{ code: 131026, title: "Message undeliverable" }] };
  const event = statusUpdated({ requestId }, status);
  assert.equal(event.input.reported_at, "2026-03-02T07:15:05.000Z");
  assert.deepEqual(event.output, { status: "failed", error_message: "Message undeliverable" });
  // A time that is none says nothing.
  for (const timestamp of [undefined, "soon", Number.MAX_VALUE]) {
    assert.equal(statusUpdated({ requestId }, { id: "wamid.1", status: "sent", timestamp }).input.reported_at, undefined);
  }
});
