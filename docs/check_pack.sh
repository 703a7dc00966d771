#!/usr/bin/env bash
# Checks a pack with standard tools alone: bash, jq, sha256sum, base64 and openssl 3.
#
#   check_pack.sh pack.json                     event hashes, chain and head
#   check_pack.sh pack.json NAME+ID+BASE64      and the signature by this verifier key
#
# It does not compare values with their commitments, nor sections with events: verify_pack does. docs/format.md gives
# the bytes.
set -euo pipefail
export LC_ALL=C
pack=$1 key=${2-}

fail() {
    echo "not so: $*" >&2
    exit 1
}

# Bytes of hex digits, eight bytes of a number, and the tag that begins each hash.
bytes() { printf "$(sed 's/../\\x&/g' <<<"$1")"; }
number() { bytes "$(printf '%016x' "$1")"; }
tag() { printf 'moltbot-audit/v1/%s\0' "$1"; }
hash() { sha256sum | cut -c 1-64; }

# The stream is the UUIDv8 of a hash over the request's id.
request=$(jq -r .request_id "$pack")
h=$({ tag request-stream; bytes "${request//-/}"; } | hash)
variant=$(printf '%02x' $((0x${h:16:2} & 0x3f | 0x80)))
stream=${h:0:8}-${h:8:4}-8${h:13:3}-$variant${h:18:2}-${h:20:12}

# A line for each place: hashes, time, and of events that are shown the commitments and the header in canonical form.
places='
def us: (.[:19] + "Z" | fromdate) * 1000000 + (.[20:26] | tonumber);
def header: . + {created_at_us: (.created_at | us)} | del(.created_at) | to_entries | sort_by(.key) | from_entries;
.events + .set_aside | sort_by(.seq)[]
| [.seq, .event_hash, .chain_hash, (.recorded_at | us), .header.stream_id // "-",
   ([.input, .output, .idempotency_key, .host_ids | .commitment // ""] | add), (if .header then .header | header | tojson else "" end)]
| map(tostring) | join("\t")'

chain=$({ tag stream; bytes "${stream//-/}"; } | hash)
seq=0 hashes=0
while IFS=$'\t' read -r at event_hash chain_hash recorded_at of commitments header; do
    seq=$((seq + 1))
    [ "$at" = "$seq" ] || fail "event $seq is there: the next one is $at"
    if [ "$of" != - ]; then
        [ "$of" = "$stream" ] || fail "event $seq is of this request"
        h=$({ tag event; number "${#header}"; printf %s "$header"; bytes "$commitments"; } | hash)
        [ "$h" = "$event_hash" ] || fail "event $seq has the hash of its header and commitments"
        hashes=$((hashes + 1))
    fi
    chain=$({ tag chain; bytes "$chain$event_hash"; number "$seq"; number "$recorded_at"; } | hash)
    [ "$chain" = "$chain_hash" ] || fail "event $seq follows from the one before it"
done < <(jq -r "$places" "$pack")
[ "$(jq -r '.integrity.head | "\(.seq) \(.chain_hash)"' "$pack")" = "$seq $chain" ] || fail "the head is that of the last event"
echo "$hashes event hashes, and a chain of $seq events with head $chain"
[ -n "$key" ] || exit 0

# A signed note: its text, an empty line, and a line for each signature.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
name=${key%%+*} id=${key#*+} id=${id%%+*}
base64 -d <<<"${key#*+*+}" | tail -c 32 >"$folder/raw"
{ bytes 302a300506032b6570032100; cat "$folder/raw"; } >"$folder/key.der"
note=$(jq -r '.signed_note // ""' "$pack")
printf '%s\n' "${note%%$'\n\n'*}" >"$folder/text"
while read -r _ by signature; do
    # Four bytes name the key.
    [ "$by $(base64 -d <<<"$signature" | od -An -tx1 -N4 | tr -d ' ')" = "$name $id" ] || continue
    base64 -d <<<"$signature" | tail -c 64 >"$folder/signature"
done < <(grep '^— ' <<<"$note")
[ -s "$folder/signature" ] || fail "it is signed by $name+$id"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$folder/key.der" -rawin -in "$folder/text" \
    -sigfile "$folder/signature" >/dev/null 2>&1 || fail "$name signed this text"
digest=$(jq -jcS 'del(.signed_note)' "$pack" | hash)
expected="$(jq -r .schema "$pack")
request $request
sha256 $digest
head $seq $chain"
[ "$expected" = "$(cat "$folder/text")" ] || fail "the signed text is about this pack"
echo "signed by ${key%+*}"
