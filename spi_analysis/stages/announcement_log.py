"""The log of announcements and draws: every entry bound to the one before it, signed, and stamped where it can be."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from spi_analysis.errors import StoreError
from spi_analysis.survey.sampling import Difference, canonical
from spi_analysis.tables import Store

LOG = "announcements"
SIGNING_LABEL = b"key that signs announcements of draws, version 1\x00"
# What is not covered by the digest of an entry, since it confirms that digest.
STAMP = "stamp"


def keep_announcement(
    store: Store, institution_id: str, bound: Mapping[str, Any], secret: bytes, at: dt.datetime, *,
    time_from: str = "clock", counted: int = 0, server: str | None = None, plan: Mapping[str, str] | None = None,
    reason: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Sign, stamp and append what is announced; ``counted``: announcements that are remembered elsewhere.

    ``plan``: the analysis plan, bound together with it; ``reason``: why it is announced once more.
    """
    entries = log_entries(store, institution_id)
    number = max(len(announcements(entries)), counted) + 1
    facts = {"kind": "announced", "institution_id": institution_id, "number": number, "time_from": time_from}
    facts |= {"at": at.isoformat(timespec="seconds"), "previous": entry_digest(entries[-1]) if entries else ""}
    facts |= {"reason": reason} if reason else {}
    entry = signed({**facts, **bound, **({"analysis_plan": dict(plan)} if plan else {})}, secret)
    if server:
        entry[STAMP] = time_stamp(entry_digest(entry), server)
    append_entry(store, institution_id, entries, entry)
    return entry


def note_draw(store: Store, institution_id: str, record: Mapping[str, Any], value: str, on: str, secret: bytes) -> None:
    """Count a draw in the log; the same one again, after a process was killed, is no second one."""
    entries = log_entries(store, institution_id)
    facts = {"kind": "drawn", "number": len(draws(entries)) + 1, "on": on, "public_value": value}
    facts |= {"record": entry_digest(record), "previous": entry_digest(entries[-1])}
    if not any(entry["record"] == facts["record"] for entry in draws(entries)):
        append_entry(store, institution_id, entries, signed(facts, secret))


def log_entries(store: Store, institution_id: str, check: bool = True) -> list[dict[str, Any]]:
    """Announcements and draws so far, in their order."""
    return list((store.read_record(LOG, institution_id, check) or {}).get("entries", []))


def announcements(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The announcements of a log."""
    return [dict(entry) for entry in entries if entry["kind"] == "announced"]


def draws(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The draws of a log."""
    return [dict(entry) for entry in entries if entry["kind"] == "drawn"]


def entry_digest(entry: Mapping[str, Any]) -> str:
    """What is printed of an entry, stamped, and carried by the next one: SHA-256 of its text."""
    return hashlib.sha256(entry_text(entry)).hexdigest()


def entry_text(entry: Mapping[str, Any]) -> bytes:
    """The bytes of an entry that its digest is made from: all but the stamp."""
    return canonical({key: value for key, value in entry.items() if key != STAMP}).encode()


def signed(facts: Mapping[str, Any], secret: bytes) -> dict[str, Any]:
    """Facts with a signature (Ed25519) whose key follows from the secret; anybody can check it by the public key."""
    key = Ed25519PrivateKey.from_private_bytes(hmac.digest(secret, SIGNING_LABEL, "sha256"))
    whole = {**facts, "public_key": key.public_key().public_bytes_raw().hex()}
    return whole | {"signature": key.sign(canonical(whole).encode()).hex()}


def is_signed(entry: Mapping[str, Any]) -> bool:
    """Whether the signature of an entry is that of its public key."""
    whole = {key: value for key, value in entry.items() if key not in (STAMP, "signature")}
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(entry["public_key"])))
        key.verify(bytes.fromhex(str(entry["signature"])), canonical(whole).encode())
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def append_entry(
    store: Store, institution_id: str, entries: Sequence[Mapping[str, Any]], entry: Mapping[str, Any]
) -> None:
    """Write the log with one entry more."""
    store.write_record(LOG, institution_id, {"institution_id": institution_id, "entries": [*entries, entry]})


def log_differences(entries: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> list[Difference]:
    """What is wrong with a log: entries changed, taken out or put in, announced too late, drawn more than once."""
    found, previous = [], ""
    for place, entry in enumerate(entries, 1):
        if entry.get("previous") != previous or not is_signed(entry):
            found.append(Difference(f"announcements: entry {place} was changed, or does not follow the one before it"))
        previous = entry_digest(entry)
    for entry in announcements(entries):
        found += order_differences(entry)
    drawn = draws(entries)
    if len(drawn) != 1:
        found.append(Difference("announcements: not drawn once", recorded=f"{len(drawn)} draws", found="1 draw"))
    elif drawn[-1]["record"] != entry_digest(record):
        found.append(Difference("announcements: the record is not the one of the draw that was counted"))
    return found


def order_differences(entry: Mapping[str, Any]) -> list[Difference]:
    """That an announcement is not older than the public value; of co-ordinated rounds the value is an earlier one's."""
    said, known = str(entry["at"])[:10], str(entry["public_value_date"])
    coordinated = any(part["context"]["coordination"] for part in entry["sources"].values())
    if said < known or coordinated:
        return []
    return [Difference("the announcement is not older than the public value", recorded=f"before {known}", found=said)]


# Time stamps of others (RFC 3161).

# TimeStampReq: version 1, SHA-256 of 32 bytes, which follow; the certificate is asked for.
QUERY_HEAD = bytes.fromhex("30390201013031300d060960864801650304020105000420")
QUERY_TAIL = bytes.fromhex("0101ff")
STAMP_SECONDS = 30
GRANTED = (0, 1)


def time_stamp(digest: str, server: str) -> dict[str, str]:
    """What a time-stamping service says of a digest: its address, and its answer in base64 (a ``.tsr`` file).

    Raises
    ------
    StoreError   the service cannot be reached, or did not stamp this digest.
    """
    query = QUERY_HEAD + bytes.fromhex(digest) + QUERY_TAIL
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        with urllib.request.urlopen(urllib.request.Request(server, query, headers), timeout=STAMP_SECONDS) as reply:
            answer = reply.read()
    except OSError as error:
        raise _no_stamp(server, str(error)) from None
    if _status(answer) not in GRANTED or bytes.fromhex(digest) not in answer:
        raise _no_stamp(server, "an answer that stamps another digest, or none")
    return {"server": server, "token": base64.b64encode(answer).decode()}


def _status(answer: bytes) -> int:
    """TimeStampResp begins with a sequence, in it a sequence, in it the status as an integer of one byte."""
    status = _inside(_inside(answer))
    return status[2] if status[:2] == b"\x02\x01" and len(status) > 2 else -1


def _inside(der: bytes) -> bytes:
    """What follows the head of a DER element: the tag, and a length of one byte or of as many as its first one says."""
    more = der[1] & 0x7F if len(der) > 1 and der[1] & 0x80 else 0
    return der[2 + more :]


def _no_stamp(server: str, got: str) -> StoreError:
    return StoreError(
        "no time stamp was given, and nothing was announced",
        file=server,
        got=got,
        expected="the answer of a time-stamping service (RFC 3161)",
        hint="try again, or take draw.timestamp_server out: the signed page, printed in a newspaper, is dated too",
    )
