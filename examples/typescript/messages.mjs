// Events about messages: that a person was told of the AI, and what the provider reports on a message.

import { createHash } from "node:crypto";

/** @typedef {import("./host-id.mjs").HostId} HostId */

/**
 * The event that a person was told of the AI. `text` is the whole message that told, or one line of it. Name the message by
 * the event that records it, by the provider's id, or by both. If it belongs to an earlier request of the conversation, also
 * say who was told.
 *
 * @param {object} told
 * @param {HostId | string} told.requestId
 * @param {HostId | string} [told.conversationId]
 * @param {string} told.text
 * @param {string} told.language `en`, `fr`, `rw`
 * @param {string} [told.outboundEventId]
 * @param {string} [told.providerMessageId]
 * @param {"client" | "vendor"} [told.targetRole]
 * @param {string} [told.vendorId]
 */
export function disclosed(told) {
  return {
    type: "ai.disclosed",
    actor: "system",
    requestId: told.requestId,
    ...known({ conversationId: told.conversationId, causedBy: told.outboundEventId }),
    input: {
      text_digest: createHash("sha256").update(told.text, "utf8").digest("hex"),
      language: told.language,
      ...known({
        outbound_event_id: told.outboundEventId,
        provider_message_id: told.providerMessageId,
        target_role: told.targetRole,
        vendor_id: told.vendorId,
      }),
    },
    output: {},
  };
}

/**
 * The event of one element of `statuses` in a webhook of WhatsApp. `timestamp` is in seconds since 1970.
 *
 * @param {object} where
 * @param {HostId | string} where.requestId
 * @param {HostId | string} [where.conversationId]
 * @param {{ id: string, status: string, timestamp?: string | number, recipient_id?: string,
 *   errors?: { code?: number, title?: string, message?: string }[] }} status
 */
export function statusUpdated(where, status) {
  const seconds = Number(status.timestamp);
  const at = status.timestamp !== undefined && Number.isFinite(seconds) ? new Date(seconds * 1000) : undefined;
  const [error] = status.errors ?? [];
  return {
    type: "whatsapp.status_updated",
    actor: "system",
    requestId: where.requestId,
    ...known({ conversationId: where.conversationId }),
    input: {
      provider_message_id: status.id,
      original_status: status.status,
      ...known({
        to_phone: status.recipient_id,
        reported_at: at !== undefined && Number.isFinite(at.getTime()) ? at.toISOString() : undefined,
      }),
    },
    output: {
      status: String(status.status).toLowerCase(),
      ...known({ error_message: error?.message ?? error?.title }),
    },
  };
}

/**
 * Without the members that are not known.
 *
 * @template T
 * @param {Record<string, T | undefined>} members
 * @returns {Record<string, T>}
 */
function known(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
