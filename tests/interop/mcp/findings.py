#!/usr/bin/env python3
"""Checks what `mcptrust diff --format json` printed, without mcptrust's own code.

    findings.py expected FILE [--exactly] "CODE KIND NAME POINTER"...   each is there (shell wildcards); with --exactly, nothing else is
    findings.py cover FILE BEFORE.json AFTER.json    every difference of the two lockfiles lies under, or over, some finding
    findings.py same FILE FILE                       the findings are the same, those on the source apart
"""
import json, sys
from fnmatch import fnmatchcase

KINDS = {"tools": "tool", "prompts": "prompt", "resources": "resource", "resourceTemplates": "resourceTemplate"}
SCALARS = {"protocolVersion", "serverInfo", "capabilities", "instructions"}


def load(path):
    return json.load(open(path))["findings"]


def row(f):
    return f'{f["code"]} {f["kind"]} {f["name"] or "-"} {f["pointer"] or "-"}'


def differences(before, after, pointer=""):
    """Pointers at which two JSON values differ, as deep as both have a value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            below = pointer + "/" + key.replace("~", "~0").replace("/", "~1")
            if key in before and key in after:
                yield from differences(before[key], after[key], below)
            else:
                yield below
    elif before != after:
        yield pointer


def raw(before, after):
    """(kind, name, pointer) of every difference of two servers' entries."""
    for member in SCALARS:
        for pointer in differences(before.get(member, {}), after.get(member, {})):
            yield member, None, f"/{member}{pointer}"
    for member, kind in KINDS.items():
        old, new = before.get(member, {}), after.get(member, {})
        for name in sorted(old.keys() | new.keys()):
            for pointer in differences(old[name], new[name]) if name in old and name in new else [""]:
                yield kind, name, pointer


def cover(findings, before, after):
    servers = [json.load(open(path))["servers"] for path in (before, after)]
    count = 0
    for server in servers[0]:
        for kind, name, pointer in raw(servers[0][server], servers[1][server]):
            count += 1
            # a list of required properties is told property by property
            places = [pointer, pointer.removesuffix("/required") + "/properties"] if pointer.endswith("/required") else [pointer]
            near = lambda f, at: at.startswith(f["pointer"]) or f["pointer"].startswith(at)
            if not any((f["kind"], f["name"]) == (kind, name) and near(f, at) for f in findings for at in places):
                yield f"no finding for {kind} {name} {pointer}"
    if not count:
        yield "the lockfiles do not differ"


def expected(findings, patterns, exactly):
    rows = [row(f) for f in findings]
    for pattern in patterns:
        if not any(fnmatchcase(r, pattern) for r in rows):
            yield f"missing: {pattern}"
    for r in rows if exactly else []:
        if not any(fnmatchcase(r, pattern) for pattern in patterns):
            yield f"not expected: {r}"


def main(verb, path, *rest):
    findings = load(path)
    for member in ("code", "severity", "server", "kind", "name", "pointer", "before", "after", "message"):
        assert all(member in f for f in findings), f"a finding has no {member}"
    if verb == "expected":
        exactly = rest[0] == "--exactly"
        wrong = list(expected(findings, rest[exactly:], exactly))
    elif verb == "cover":
        wrong = list(cover(findings, *rest))
    else:
        texts = [sorted(json.dumps(f, sort_keys=True) for f in fs if f["kind"] != "source") for fs in (findings, load(*rest))]
        wrong = [] if texts[0] == texts[1] else ["they differ"]
    if wrong:
        print("\n".join(wrong), "the findings are:", *map(row, findings), sep="\n")
    return bool(wrong)


sys.exit(main(*sys.argv[1:]))
