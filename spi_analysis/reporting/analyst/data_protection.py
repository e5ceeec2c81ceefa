"""Papers of data protection (UU 27/2022), drafted from the parameters: processing, risks, notice of a breach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting.analyst.announcement_page import sheet_of_paper
from spi_analysis.reporting.translations import speak_of
from spi_analysis.reporting.wording import Words, message, words
from spi_analysis.tables import CONTRACTS, PRIVATE, write_csv, write_text

# Codes and marks of the workbench, which say nothing of a person.
TECHNICAL = ("institution_id", "person_id", "source", "stream", "n_listings", "is_eligible", "frame_status",
             "frame_problem", "also_listed_as")  # fmt: skip
FIELDS = {
    "name": message("name"),
    "phone": message("telephone number"),
    "phone_2": message("second telephone number"),
    "email": message("e-mail address"),
    "email_2": message("second e-mail address"),
    "employee_number": message("employee number (NIP)"),
    "person_id": message("code of the person"),
    "link": message("personal link to the questionnaire"),
}
ONE_TOKEN = message("Whoever holds both the invitations and the answers of the platform can join them by the link.")
TWO_TOKENS = message("Whoever holds the invitations, the table of redirects and the answers together can join them.")
# Risk, measures, what is left (None: what the tokens of the round leave).
RISKS = (
    (
        message("A file of invitations is lost or passed on"),
        message("The file is private and removed once it is sent; spi breach says in minutes whose data were in it."),
        message("Names, numbers and links of those invited."),
    ),
    (
        message("Answers are traced to a person"),
        message(
            "Codes in the place of names, bands in the place of exact years, no figure on fewer than {least} people."
        ),
        None,
    ),
    (
        message("The key of the vault is lost or stolen"),
        message("A second copy in another place, another key at any time (spi vault rotate), no key in notebooks."),
        message("Whoever has key and data reads all contacts."),
    ),
    (
        message("Contacts are kept too long"),
        message(
            "A date in the parameters, a reminder in spi status, destruction with a certificate (spi vault destroy)."
        ),
        message("Backups that were made before."),
    ),
    (
        message("People are put under pressure for their answers"),
        message(
            "Who answered is shown to nobody; counts under {least} are hidden, and signs of coaching are looked for."
        ),
        message("In small units colleagues may guess."),
    ),
)


def write_processing_record(setup: RoundSetup) -> list[Path]:
    """Write the record of processing and the assessment of risks (drafts) in every language of the round."""
    speak_of(setup)
    folder = setup.workspace.outputs / setup.round.round_id / "data_protection"
    return [write_text(folder / f"processing.{one}.html", processing_page(setup, one)) for one in setup.round.languages]


def processing_page(setup: RoundSetup, language: Language) -> str:
    """The record of processing, then the risks; what the parameters do not know is named as open."""
    say, least = words(language), setup.round.disclosure.min_cell
    heads = (message("Risk"), message("Measures"), message("What is left"))
    left = TWO_TOKENS if setup.round.fieldwork.tokens == "two" else ONE_TOKEN
    rows = [[text or left for text in row] for row in RISKS]
    risks = [[say(text, least=least) if "{" in text else say(text) for text in row] for row in rows]
    content = _table([], list(_processing(setup, say))) + f"<h2>{escape(say('Risks'))}</h2>"
    content += _table([say(one) for one in heads], risks)
    title = say("Record of processing and assessment of risks (draft)")
    return sheet_of_paper(title, say.pick(setup.round.title), content, language)


def _processing(setup: RoundSetup, say: Words) -> Iterator[tuple[str, str]]:
    """What the parameters say of the processing, in its order: name and value."""
    round_ = setup.round
    listed = [say.column(name) for name in CONTRACTS["frame"].columns if name not in TECHNICAL]
    items = len({code for source in setup.instrument.sources for code in setup.instrument.codes(source)})
    until = round_.retention.contacts_until if round_.retention else None
    yield say("Purpose"), say("A survey of the integrity of public institutions, for statistics only.")
    yield say("Institutions"), say.number(len(setup.institution_ids), 0)
    yield say("Who is asked"), ", ".join(say.pick(part.label) for part in round_.sources.values())
    yield say("Kept of everyone listed"), ", ".join(listed)
    yield (
        say("Kept encrypted, apart"),
        ", ".join(say(FIELDS[name]) for name in FIELDS if name not in ("person_id", "link")),
    )
    yield say("Kept of those who answer"), say("answers to {n} questions, under a code without a name", n=items)
    yield say("Fieldwork"), f"{say.date(round_.fieldwork.start)} – {say.date(round_.fieldwork.end)}"
    yield (
        say("Who could tell who answered what"),
        say("only who holds invitations, redirects and answers: sender and questionnaire know different tokens")
        if round_.fieldwork.tokens == "two"
        else say("who holds invitations and answers: sender and questionnaire know the same token"),
    )
    yield say("Contacts are kept until"), say.date(until) if until else say("no date is set yet")
    yield (
        say("Who receives contacts"),
        say("whoever sends the invitations, and the institution for numbers to be checked"),
    )
    yield say("Objection"), say("spi opt-out: nobody who objects is written to again, in later rounds too")
    yield say("Erasure"), say("spi forget: gone from contacts and invitations; the rows that count belong to nobody")
    yield say("Still to be filled in"), say("controller, legal basis, contracts with processors, person responsible")


def write_notices(
    setup: RoundSetup, folder: Path, people: pd.DataFrame, file_name: str, digest: str, at: dt.datetime
) -> list[Path]:
    """After a leak: the list of people for the controller alone, and a draft of the notice in every language."""
    speak_of(setup)
    listed = write_csv(folder / "people.csv", people, PRIVATE)
    pages = [
        write_text(folder / f"notice.{one}.html", notice_page(people, file_name, digest, at, one), PRIVATE)
        for one in setup.round.languages
    ]
    return [listed, *pages]


def notice_page(people: pd.DataFrame, file_name: str, digest: str, at: dt.datetime, language: Language) -> str:
    """The draft of a notice: what was disclosed, of how many people, when, and what is still to be said."""
    say = words(language)
    fields = sorted({field for text in people["fields"] for field in text.split(", ")}, key=list(FIELDS).index)
    rows = [
        (say("What was disclosed"), ", ".join(say(FIELDS[name]) for name in fields)),
        (say("People"), say.number(len(people.drop_duplicates(["name", "phone", "email"])), 0)),
        (say("Institutions"), say.number(people["institution_id"].nunique(), 0)),
        (say("Found in"), f"{file_name} (SHA-256 {digest})"),
        (say("Looked into"), f"{say.date(at.date())}, {at:%H:%M} (UTC{at:%z})"),
        (say("Still to be filled in"), say("when and how it was disclosed, what was done, whom to ask")),
    ]
    rule = say(
        "Whoever is concerned, and the authority, are told in writing within 3 x 24 hours (UU 27/2022, article 46)."
    )
    title = say("Notice of a personal data breach (draft)")
    return sheet_of_paper(title, say("To everyone concerned"), _table([], rows) + f"<p>{escape(rule)}</p>", language)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows with their names in front."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(one)}</td>" for one in others)}</tr>'
        for first, *others in rows
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"
