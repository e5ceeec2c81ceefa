"""The announcement of a draw as one page to be printed and published, and as the file that its fingerprint is of."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from spi_analysis.params import Language, RoundParams, RoundSetup, ValueForm
from spi_analysis.reporting.names import EXCLUDED
from spi_analysis.reporting.translations import speak_of, with_marks
from spi_analysis.reporting.wording import MISSING, Words, message, words
from spi_analysis.stages import entry_digest, entry_text
from spi_analysis.tables import write_bytes, write_text

FOLDER = "announcement"
# One sheet of A4 in black, whatever the screen; long fingerprints break anywhere.
STYLE = (
    "body{font:11pt/1.35 sans-serif;max-width:46rem;margin:1rem auto;padding:0 1rem;color-scheme:light dark}"
    "h1{font-size:1.3rem;margin:0}h2{font-size:1rem;margin:.8rem 0 .2rem}p{margin:.3rem 0}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.15rem .4rem;"
    "border-bottom:1px solid;font-weight:normal}thead th{font-weight:bold}td.n{text-align:right}"
    "code{overflow-wrap:anywhere}@media print{@page{size:A4;margin:14mm}body{font-size:9pt;margin:0;max-width:none}}"
)


def write_announcement(setup: RoundSetup, institution_id: str, entry: Mapping[str, Any]) -> list[Path]:
    """Write the page in every language of the round, the announced text, and the answer of a time-stamping service.

    The SHA-256 of ``announcement.json`` is the fingerprint on the page.
    """
    speak_of(setup)
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id) / FOLDER
    pages = [
        write_text(folder / f"announcement.{one}.html", announcement_page(setup, institution_id, entry, one))
        for one in setup.round.languages
    ]
    files = {"announcement.json": entry_text(entry)}
    if "stamp" in entry:
        files["announcement.tsr"] = base64.b64decode(entry["stamp"]["token"])
    return [*pages, *(write_bytes(folder / name, content) for name, content in files.items())]


def announcement_page(setup: RoundSetup, institution_id: str, entry: Mapping[str, Any], language: Language) -> str:
    """The page in one language: facts, people per source, and who can check what."""
    say = words(language)
    institution = setup.roster[institution_id].name
    title = say("Announcement of a draw")
    parts = {source: entry["sources"][source] for source in setup.round.sources}
    rows = "".join(_row(name, value) for name, value in _facts(entry, say))
    round_ = setup.round_for(institution_id)
    people = "".join(_people_row(round_, source, part, say) for source, part in parts.items())
    heads = (message("Source"), message("May be drawn"), message("Invited first"), message("In reserve"),
             message("On the lists, but excluded"))  # fmt: skip
    head = "".join(f'<th scope="col">{escape(say(one))}</th>' for one in heads)
    checks = "".join(f"<p>{escape(say(one))}</p>" for one in CHECKS)
    return sheet_of_paper(
        title,
        f"{institution}, {say.pick(setup.round.title)}",
        f"{_generated(entry, say)}<table><tbody>{rows}</tbody></table><h2>{escape(say('Whom the draw is about'))}</h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{people}</tbody></table>"
        f"<h2>{escape(say('Who can check what'))}</h2>{checks}",
        language,
    )


def sheet_of_paper(title: str, about: str, content: str, language: Language) -> str:
    """A page to be printed, of its own: heading, a line that says what it is about, and HTML below."""
    return with_marks(
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}: {escape(about)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"<p>{escape(about)}</p>{content}</main></body></html>\n"
    )


CHECKS = (
    message(
        "Anybody: that the public value is the one that was published on its day, that it came after this page, and "
        "that the record of the draw names the same secret, lists and plan as this page. The fingerprint is the "
        "SHA-256 of the file announcement.json."
    ),
    message(
        "Whoever holds the lists: also that nobody was added, changed, excluded or removed after this page, neither "
        "among those who may be drawn nor among those who may not."
    ),
    message(
        "An auditor with the secret, after the fieldwork: also that the people drawn are exactly those whom lists, "
        "secret and public value determine."
    ),
    message(
        "Nobody: that the lists were complete and true when they were announced, or that no other secret was thrown "
        "away before. Compare the number of this page, and the commitment with that of earlier rounds."
    ),
)


def _generated(entry: Mapping[str, Any], say: Words) -> str:
    if entry["time_from"] != "parameters":
        return ""
    said = say("Generated data for demonstration: the time of this announcement is taken from the parameters.")
    return f"<p><strong>{escape(said)}</strong></p>"


def _facts(entry: Mapping[str, Any], say: Words) -> Iterator[tuple[str, str]]:
    """What is printed, in its order: name and value."""
    at = dt.datetime.fromisoformat(entry["at"])
    form = ValueForm(**entry["public_value_form"])
    yield say("Announced"), f"{say.date(at.date())}, {at:%H:%M} (UTC{at:%z})"
    yield say("Announcement number"), say.number(entry["number"], 0)
    yield say("Public value that decides the draw"), entry["public_value_name"]
    yield say("Its day"), say.date(dt.date.fromisoformat(entry["public_value_date"]))
    yield say("Written in one way only"), say("like {example}", example=form.example)
    yield say("Commitment of the secret"), entry["secret_commitment"]
    yield say("Fingerprint of this announcement"), entry_digest(entry)
    yield say("Fingerprint of the one before it"), entry["previous"] or MISSING
    yield say("Key of the signature"), entry["public_key"]
    yield say("Signature"), entry["signature"]
    stamp = entry.get("stamp", {}).get("server")
    yield say("Time stamp (RFC 3161)"), stamp or say("none: keep a printed, dated copy of this page")


def _row(name: str, value: str) -> str:
    return f'<tr><th scope="row">{escape(name)}</th><td><code>{escape(value)}</code></td></tr>'


def _people_row(round_: RoundParams, source: str, part: Mapping[str, Any], say: Words) -> str:
    """Counts of a source; of a panel, and of few excluded people, none is shown."""
    panel, least = source in round_.nominated, round_.disclosure.min_cell
    first = sum(sizes[0] for sizes in part["waves"].values())
    numbers = (sum(one["people"] for one in part["eligible"].values()), first, _sum(part["waves"]) - first)
    cells = "".join(f'<td class="n">{MISSING if panel else say.number(n, 0)}</td>' for n in numbers)
    excluded = "; ".join(_excluded(reason, one["people"], least, say) for reason, one in part["excluded"].items())
    said = MISSING if panel or not excluded else excluded
    return f'<tr><th scope="row">{escape(say.value("source", source))}</th>{cells}<td>{escape(said)}</td></tr>'


def _excluded(reason: str, people: int, least: int, say: Words) -> str:
    why = say(EXCLUDED[reason]) if reason in EXCLUDED else reason
    number = say.number(people, 0) if people >= least else say("fewer than {least}", least=say.number(least, 0))
    return f"{why}: {number}"


def _sum(waves: Mapping[str, list[int]]) -> int:
    return sum(map(sum, waves.values()))
