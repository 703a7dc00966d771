#!/usr/bin/env python3
"""Format v1, written a second time, from its description alone, with hashlib and hmac.

Every hash is SHA-256 over a tag that ends in NUL and then parts of fixed length or preceded by their
length (8 bytes, big-endian):

    leaf        tag "leaf"     leaf_salt(16) canonical(leaf)
    leaf_salt   HMAC-SHA-256(part_salt, json_pointer)[:16]
    part_salt   HMAC-SHA-256(event_salt, json_pointer of the part)[:16]
    array       tag "array"    count(8) { kind(1) digest(32) } per item
    object      tag "object"   count(8) { member(32) } per member, sorted as bytes
    member      tag "member"   kind(1: s | a | o) name_length(8) name digest(32)
    commitment  the member of the part's name; of a part that is not there: tag "nothing"
    event_hash  tag "event"    header_length(8) canonical(header)
                               input(32) output(32) idempotency_key(32) host_ids(32)
    chain(0)    tag "stream"   stream_id(16)
    chain(n)    tag "chain"    chain(n-1)(32) event_hash(32) seq(8) recorded_at(8, microseconds since 1970)

A stream's id is the UUIDv8 of the hash of a tag and the id of its request or conversation:

    tag "request-stream" request_id(16) | tag "conversation-stream" conversation_id(16) | tag "system-stream"

The id of a request or a conversation that the host names by a text which is no UUID is the UUIDv8 of
HMAC-SHA-256(deployment_key, tag name), with the tags "request-id" and "conversation-id".

canonical is RFC 8785. A leaf is a scalar, [] or {}; a part that is null is not there. The kind of [] is a, that of {}
is o. JSON pointers are RFC 6901 and begin with /input, /output, /idempotency_key or /host_ids.

The id of the event of a provider's message is the UUIDv7 of the message's time, as every event's id, whose 62 random bits
are the last of the first 8 bytes of HMAC-SHA-256(deployment_key, tag message_id), with the tag "message-event-id". Those of a
writer's event are the last of the first 8 bytes of the commitment to its input.

The hash of a phone number is "phone-" and the first 32 hex digits of HMAC-SHA-256(deployment_key, "phone" NUL
number), with the number as E.164 without its plus, and ";ext=" before an extension.

This script wrote the files beside it. Once the format is released it never changes: do not run it again.
"""

import datetime
import hashlib
import hmac
import json
import pathlib
import uuid


def canonical(value):
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return number(float(value))
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    members = (string(key) + ":" + canonical(value[key]) for key in in_order(value))
    return "{" + ",".join(members) + "}"


def in_order(members):
    """By UTF-16 code units, which is the order of their big-endian bytes."""
    return sorted(members, key=lambda key: key.encode("utf-16-be"))


def number(double):
    """Number::toString of ECMA-262; Python's repr gives the same shortest digits."""
    if double == 0:
        return "0"
    if double < 0:
        return "-" + number(-double)
    mantissa, _, exponent = repr(double).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    sign = "+" if point > 0 else "-"
    rest = "." + digits[1:] if count > 1 else ""
    return f"{digits[0]}{rest}e{sign}{abs(point - 1)}"


def string(text):
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    out = []
    for char in text:
        if char in short:
            out.append(short[char])
        elif ord(char) < 0x20:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def tagged(tag, *parts):
    return hashlib.sha256(b"moltbot-audit/v1/" + tag + b"\0" + b"".join(parts)).digest()


def length(count):
    return count.to_bytes(8, "big")


def salt_at(salt, pointer):
    """Of a part under the event's salt, of a leaf under its part's."""
    return hmac.new(salt, pointer.encode(), hashlib.sha256).digest()[:16]


def escape(token):
    return token.replace("~", "~0").replace("/", "~1")


def value_digest(value, part_salt, pointer):
    if isinstance(value, list) and value:
        items = [kind(item) + value_digest(item, part_salt, f"{pointer}/{i}") for i, item in enumerate(value)]
        return tagged(b"array", length(len(items)), *items)
    if isinstance(value, dict) and value:
        members = [
            member(name, kind(value[name]), value_digest(value[name], part_salt, f"{pointer}/{escape(name)}"))
            for name in value
        ]
        return tagged(b"object", length(len(members)), *sorted(members))
    return tagged(b"leaf", salt_at(part_salt, pointer), canonical(value).encode())


def kind(value):
    return b"a" if isinstance(value, list) else b"o" if isinstance(value, dict) else b"s"


def member(name, kind, digest):
    return tagged(b"member", kind, length(len(name.encode())), name.encode(), digest)


def commit(value, salt, root):
    if value is None:
        return tagged(b"nothing")
    return member(root[1:], kind(value), value_digest(value, salt_at(salt, root), root))


def uuid8(digest):
    """The digest's first 16 bytes, under the version and variant of RFC 9562, section 5.8."""
    low = bytes([digest[8] & 0x3F | 0x80]) + digest[9:16]
    return str(uuid.UUID(bytes=digest[:6] + bytes([digest[6] & 0x0F | 0x80]) + digest[7:8] + low))


def stream_id(request=None, conversation=None):
    if request:
        return uuid8(tagged(b"request-stream", uuid.UUID(request).bytes))
    if conversation:
        return uuid8(tagged(b"conversation-stream", uuid.UUID(conversation).bytes))
    return uuid8(tagged(b"system-stream"))


def host_id(key, kind, name):
    tag = b"moltbot-audit/v1/" + kind.encode() + b"-id\0"
    return uuid8(hmac.new(key, tag + name.encode(), hashlib.sha256).digest())


def message_event_id(key, message_id, micros):
    digest = hmac.new(key, b"moltbot-audit/v1/message-event-id\0" + message_id.encode(), hashlib.sha256).digest()
    return event_id(digest, micros)


def event_id(digest, micros):
    """The UUIDv7 of a time, whose random bits are the last 62 of the digest's first 8 bytes."""
    fraction = micros % 1000 * 4096 // 1000
    low = int.from_bytes(digest[:8], "big") & (1 << 62) - 1 | 1 << 63
    return str(uuid.UUID(int=(micros // 1000 << 16 | 7 << 12 | fraction) << 64 | low))


def phone_hash(key, number):
    return "phone-" + hmac.new(key, b"phone\0" + number.encode(), hashlib.sha256).hexdigest()[:32]


def micros(time):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (time - epoch) // datetime.timedelta(microseconds=1)


def event_hash(header, commitments):
    hashed = {key: value for key, value in header.items() if key != "created_at"}
    time = datetime.datetime.fromisoformat(header["created_at"].replace("Z", "+00:00"))
    hashed["created_at_us"] = micros(time)
    text = canonical(hashed)
    return text, tagged(b"event", length(len(text.encode())), text.encode(), *commitments)


SAFE = 2**53 - 1
DEPTH = 64


def sanitise(value, depth=0, depth_max=DEPTH):
    """What a value gives up, as src/proof/mod.rs has it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= SAFE else str(value)
    if isinstance(value, float):
        if abs(value) > SAFE:
            return number(value)
        return int(value) if value == int(value) else value
    if isinstance(value, str):
        return clean(value)
    if value and depth == depth_max:
        return canonical(sanitise(value, 0, None))
    if isinstance(value, list):
        return [sanitise(item, depth + 1, depth_max) for item in value]
    kept = {key: value[key] for key in value if clean(key) == key}
    for key in in_order(key for key in value if clean(key) != key):
        name = clean(key)
        while name in kept:
            name += "\ufffd"
        kept[name] = value[key]
    return {key: sanitise(member, depth + 1, depth_max) for key, member in kept.items()}


def clean(text):
    return text.replace("\0", "\ufffd")


def nested(text, depth):
    return "[" * depth + text + "]" * depth


SANITISED = {
    "a name that serde_json takes for a raw value": "{\"$serde_json::private::RawValue\": \"[1]\"}",
    "the same of another member": "{\"$serde_json::private::RawValue\": 5, \"to\": \"x\"}",
    "a name that serde_json takes for a number": "{\"$serde_json::private::Number\": \"12\"}",
    "the same within": "{\"context\": [{\"$serde_json::private::Number\": {\"a\": 1}}]}",
    "names of JavaScript": "{\"__proto__\": {\"a\": 1}, \"constructor\": 1, \"toJSON\": 2, \"length\": 3, \"0\": 4}",
    "nul in a text": "[\"\\u0000\", \"a\\u0000b\"]",
    "nul in a name": "{\"a\\u0000\": 1}",
    "names that meet: the clean ones stay": "{\"a\\u0000\": 1, \"a\\ufffd\": 2, \"a\\ufffd\\ufffd\": 3}",
    "names that meet, in another order": "{\"a\\ufffd\\ufffd\": 3, \"a\\ufffd\": 2, \"a\\u0000\": 1}",
    "changed names in canonical order": "{\"\\u0000\\ufffd\": 1, \"\\ufffd\\u0000\": 2, \"\\u0000\\u0000\": 3}",
    "names by utf-16 code units": "{\"\\ud83d\\ude00\\u0000\": 1, \"\\ue000\\u0000\": 2}",
    "whole numbers": "[1.0, -0.0, 0.0, 1e3, -12500.00, 9007199254740991.0]",
    "doubles beyond 2^53 - 1": "[9007199254740992.0, -9007199254740992.0, 1e21, 1.5e300, -1e22, 123456789012345680000.0]",
    "small doubles": "[1e-7, 5e-324, -0.1, 333333333.3333333]",
    "as deep as is kept": nested("1", 64),
    "deeper": nested("1", 65),
    "empty at the limit": nested("[], {}", 64),
    "deeper, with all that is changed": nested(
        "{\"b\\u0000\": \"\\u0000\", \"a\": [1.0, 1e21, [[\"\\\"\"]]], \"$serde_json::private::Number\": \"1\"}", 64),
    "an empty name": "{\"\": {\"\": \"\"}}",
    "noncharacters": "[\"\\ufffe\", \"\\uffff\", \"\\udbff\\udfff\"]",
}

INTEGERS = [0, SAFE, -SAFE, SAFE + 1, -SAFE - 1, SAFE + 2, 2**63 - 1, -(2**63), 2**64 - 1]
DOUBLES = [
    0.0, -0.0, 1.0, 0.1, 1e-7, 5e-324, float(SAFE), -float(SAFE), float(SAFE + 1), -float(SAFE + 1), 2.0**54, 1e20,
    1e21, -1e21, 1.2345678901234568e20, 1.5e300, 1.7976931348623157e308,
]

CANONICAL = {
    "scalars": "[null, true, false, 0, -1, \"\"]",
    "empty containers": "[[], {}, [[]], {\"\": {}}]",
    "white space goes, order is fixed": " { \"b\" : 1 , \"a\" : [ 2 , 1 ] } ",
    "keys by utf-16 code units": "{\"\\ue000\": 1, \"\\ud83d\\ude00\": 2, \"\\uffff\": 3, \"z\": 4, \"\\u00e9\": 5}",
    "keys that are prefixes": "{\"aa\": 1, \"a\": 2, \"\": 3, \"a\\u0001\": 4}",
    "escapes": "[\"\\b\\t\\n\\f\\r\\\"\\\\/\", \"\\u0001\\u001f\\u007f\\u0080\\u2028\"]",
    "floats that are integers": "[1.0, -0.0, 1e3, 1E+2, 100e-2]",
    "floats": "[0.1, 1.5, 0.85, 1e-6, 1e-7, 123456789.125, 333333333.3333333]",
    "floats at the ends": "[5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e21, 1e20, 999999999999999900000]",
    "integers at the ends": "[9007199254740991, -9007199254740991]",
    "kinyarwanda, french, emoji": "{\"text\": \"Muraho, d\\u00e9sol\\u00e9 \\ud83d\\ude4f\"}",
}

VALUES = [
    None, True, 0, 12500, 0.85, "", "a", [], {}, [None], [[]], [{}], {"": None},
    ["a", "b"], ["b", "a"], {"a": 1, "b": 2}, {"a": {"b": [1, 2, {"c": None}]}},
    {"a/b": 1, "a~b": 2, "~1": 3, "/": 4}, {"0": "a", "1": "b"},
    {"\ue000": 1, "\U0001f600": 2}, {"text": "Muraho", "photos": [], "price": {"min": 12500, "max": None}},
]

NAMES = ["fallback", "conv_001", "req-7", "+250788123456", "ikiganiro-\U0001f64f", "a b/c?d=é"]

SALT = bytes(range(16))
OTHER_SALT = bytes([0xFF] * 16)
REQUEST = "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11"
CONVERSATION = "0b6cf9a0-5d0a-5c55-9d53-0c5b2c6f3f6a"

FULL_HEADER = {
    "id": "0195550a-1f00-77d0-8000-000000000001",
    "stream_id": stream_id(REQUEST, CONVERSATION),
    "request_id": REQUEST,
    "conversation_id": CONVERSATION,
    "event_type": "vendor.reply_recorded",
    "actor": "vendor",
    "outcome": "failed",
    "error_code": "provider_error",
    "duration_ms": 1250,
    "created_at": "2026-03-02T07:15:00.123456Z",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "caused_by": "0195550a-1efc-7000-8000-00000000000f",
    "writer_id": "01955509-0000-7000-bfff-0000000000aa",
    "version": 1,
}
BARE_HEADER = FULL_HEADER | {
    "stream_id": stream_id(), "request_id": None, "conversation_id": None, "error_code": None, "duration_ms": None,
    "trace_id": None, "span_id": None, "caused_by": None, "writer_id": None, "outcome": "succeeded", "created_at": "1970-01-01T00:00:00.000000Z",
}


PHONES = ["250788123456", "256788123456", "14155552671", "250788123456;ext=12", "?99"]


def main():
    write("message_event_id", [
        {"key": key.hex(), "message_id": name, "sent_at_us": micros, "event_id": message_event_id(key, name, micros)}
        for key in (bytes([7] * 32), bytes(range(32)))
        for name, micros in (("wamid.HBgL1", 1772435700000000), ("m-2", 1772435700123456))
    ])
    write("writer_event_id", [
        {"input_commitment": commitment.hex(), "at_us": micros, "event_id": event_id(commitment, micros)}
        for commitment in (commit({"program": "orchestrator"}, SALT, "/input"), bytes([0xFF] * 32))
        for micros in (1772435700000000, 1772435700123456)
    ])
    write("phone_hash", [
        {"key": key.hex(), "number": number, "hash": phone_hash(key, number)}
        for key in (bytes([7] * 32), bytes(range(32))) for number in PHONES
    ])
    write("stream_id", [
        {"request_id": request, "conversation_id": conversation, "stream_id": stream_id(request, conversation)}
        for request in (REQUEST, None) for conversation in (CONVERSATION, REQUEST, None)
    ])
    write("host_id", [
        {"key": key.hex(), "kind": kind, "name": name, "id": host_id(key, kind, name)}
        for key in (bytes([7] * 32), bytes(range(32)))
        for kind in ("request", "conversation") for name in NAMES
    ])
    write("canonical", [
        {"name": name, "json": text, "canonical": canonical(json.loads(text))}
        for name, text in CANONICAL.items()
    ])
    pointers = ["/input", "/output", "/input/a~1b/0", "/input/é"]
    write("sanitise", [
        {"name": name, "json": text, "canonical": canonical(kept), "commitment": commit(kept, SALT, "/input").hex()}
        for name, text in SANITISED.items() for kept in [sanitise(json.loads(text))]
    ])
    # As text, because not every reader of JSON has integers.
    write("numbers", [
        {"is": kind, "number": str(value), "canonical": canonical(sanitise(value))}
        for kind, values in (("integer", INTEGERS), ("double", DOUBLES)) for value in values
    ])
    write("salt", [
        {"salt": salt.hex(), "pointer": pointer, "derived": salt_at(salt, pointer).hex()}
        for salt in (SALT, OTHER_SALT) for pointer in pointers
    ])
    write("commitment", [
        {"salt": salt.hex(), "root": root, "value": value, "commitment": commit(value, salt, root).hex()}
        for value in VALUES for salt, root in ((SALT, "/input"), (OTHER_SALT, "/output"))
    ])
    parts = [({"text": "Muraho"}, {"price": 12500}, "wamid.1", {"request_id": "fallback"}), (None,) * 4]
    at = ["/input", "/output", "/idempotency_key", "/host_ids"]
    events = []
    for header, values in zip((FULL_HEADER, BARE_HEADER), parts):
        commitments = [commit(value, SALT, pointer) for value, pointer in zip(values, at)]
        text, digest = event_hash(header, commitments)
        names = ["input", "output", "idempotency_key", "host_ids"]
        events.append({
            "header": header, "salt": SALT.hex(), "parts": dict(zip(names, values)),
            "canonical_header": text, "event_hash": digest.hex(),
        })
    write("event", events)
    stream = stream_id(REQUEST)
    head = tagged(b"stream", uuid.UUID(stream).bytes)
    chain = {"stream_id": stream, "start": head.hex(), "events": []}
    for count, recorded_at in enumerate([1772435700123456, 1772435700123457, 0]):
        digest = bytes.fromhex(events[count % 2]["event_hash"])
        head = tagged(b"chain", head, digest, length(count + 1), recorded_at.to_bytes(8, "big"))
        chain["events"].append(
            {"event_hash": digest.hex(), "recorded_at_us": recorded_at, "chain_hash": head.hex()})
    write("chain", chain)


def write(name, vectors):
    path = pathlib.Path(__file__).with_name(name + ".json")
    path.write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
