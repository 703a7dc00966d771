#!/usr/bin/env python3
"""Writes what the scanner and its tests know of the world's phone numbers.

Source: libphonenumber's public metadata, by its Python port: `pip install phonenumbers==9.0.43`.

    scripts/numbering_plans.py

src/redact/e164/mobile_prefixes.txt: the numbers that mobile phones have.
tests/it/redact/example_numbers.txt: one mobile and one landline number of each region.
"""

import re._parser as regex
from pathlib import Path

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

ROOT = Path(__file__).resolve().parent.parent
# With two digits the table is half as long and takes a third more other numbers for mobile ones; with four it is
# twice as long and takes a tenth fewer.
PREFIX = 3


def steps(pattern):
    """The digits that a pattern may begin with, each with the pattern of what follows; None where it may end."""
    if not pattern:
        yield None
        return
    (op, argument), rest = pattern[0], pattern[1:]
    match str(op):
        case "SUBPATTERN":
            yield from steps(tuple(argument[-1]) + rest)
        case "BRANCH":
            for branch in argument[1]:
                yield from steps(tuple(branch) + rest)
        case "MAX_REPEAT":
            least, most, body = argument
            most = min(int(most), 20)
            if least == 0:
                yield from steps(rest)
            if most > 0:
                more = ((op, (max(least - 1, 0), most - 1, body)),) if most > 1 else ()
                yield from steps(tuple(body) + more + rest)
        case _:
            yield digits(op, argument), rest


def digits(op, argument):
    """The digits that one element of a pattern stands for."""
    match str(op):
        case "LITERAL":
            return {chr(argument)}
        case "RANGE":
            return {chr(code) for code in range(argument[0], argument[1] + 1)}
        case "CATEGORY":
            return set("0123456789")
        case "IN":
            return set().union(*(digits(*part) for part in argument))
        case other:
            raise ValueError(f"numbering plans had no {other} before")


def lengths(pattern, known):
    """How many digits a pattern may have."""
    name = repr(pattern)
    if name not in known:
        found = set()
        for step in steps(pattern):
            found |= {0} if step is None else {1 + more for more in lengths(step[1], known)}
        known[name] = found
    return known[name]


def prefixes(pattern, known):
    """The first digits of what matches a pattern, each with the lengths of the whole."""
    front = {"": {repr(pattern): pattern}}
    for _ in range(PREFIX):
        following = {}
        for prefix, patterns in front.items():
            for step in filter(None, (s for p in patterns.values() for s in steps(p))):
                for digit in step[0]:
                    following.setdefault(prefix + digit, {})[repr(step[1])] = step[1]
        front = following
    return {
        prefix: {PREFIX + more for pattern in patterns.values() for more in lengths(pattern, known)}
        for prefix, patterns in front.items()
    }


def ranges(values):
    """1, 2, 3, 5 as 1-3 and 5."""
    parts, values = [], sorted(values)
    while values:
        first = last = values.pop(0)
        while values and int(values[0]) == int(last) + 1:
            last = values.pop(0)
        parts.append(f"{first}" if first == last else f"{first}-{last}")
    return ",".join(parts)


def metadata(code, region):
    if region == "001":
        return PhoneMetadata.metadata_for_nongeo_region(code, None)
    return PhoneMetadata.metadata_for_region(region, None)


def mobile_prefixes():
    known = {}
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        by_length = {}
        for region in regions:
            mobile = metadata(code, region).mobile
            if mobile is None or not mobile.national_number_pattern:
                continue
            pattern = tuple(regex.parse(mobile.national_number_pattern))
            for prefix, all_lengths in prefixes(pattern, known).items():
                for length in all_lengths:
                    by_length.setdefault(length, set()).add(prefix)
        by_prefixes = {}
        for length, all_prefixes in sorted(by_length.items()):
            by_prefixes.setdefault(ranges(all_prefixes), []).append(length)
        if by_prefixes:
            plans = (f"{ranges(all_lengths)}:{found}" for found, all_lengths in by_prefixes.items())
            yield f"{code} {' '.join(plans)}\n"


def example_numbers():
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind, name in (PhoneNumberType.MOBILE, "mobile"), (PhoneNumberType.FIXED_LINE, "landline"):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
                abroad = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
                yield f"{region}\t{name}\t{number.country_code}\t{abroad}\t{national}\n"


(ROOT / "src/redact/e164/mobile_prefixes.txt").write_text("".join(mobile_prefixes()))
(ROOT / "tests/it/redact/example_numbers.txt").write_text("".join(example_numbers()))
