"""The vendor: works off invitation files, knows contacts and tokens only, and returns events and answers by token.

In a round of two tokens two vendors stand behind it: the sender's events carry the sender's token; that a questionnaire
was begun or sent off, and the answers, carry the token to which the survey owner's redirect led.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat

from spi_analysis.errors import InputError
from spi_analysis.params import Instrument, RoundSetup, Scale, Source
from spi_analysis.synthetic.city import SyntheticCity
from spi_analysis.synthetic.fieldwork import Reach, run_fieldwork, stranger_events
from spi_analysis.synthetic.lists import write_workbook
from spi_analysis.synthetic.randomness import Streams
from spi_analysis.tables import ARMS, whole_file, write_bytes, write_parquet

# Whom the contacts in the invitation files belong to.

# What the workbench calls the columns of an invitation file.
ARM = "arm"
INVITATION_COLUMNS = {"token": "token", "source": "source", "name": "name", "phone": "phone", "email": "email"}


def read_invitations(files: Iterable[Path], sources: Collection[str]) -> pd.DataFrame:
    """All invitations: token, source, name, phone (digits only) and email; "" where nothing is given.

    A file without a column for the source must name it in its own name.
    """
    parts = [_read(Path(file), sources) for file in files]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(INVITATION_COLUMNS), dtype=str)


def find_people(city: SyntheticCity, invitations: pd.DataFrame) -> np.ndarray:
    """Row in the city's people of everyone invited, by phone, else e-mail, else a unique name; -1 for nobody."""
    rows = np.full(len(invitations), -1)
    people = pd.DataFrame(
        {
            "source": city.people["source"],
            "phone": city.people["phone"].map(_digits),
            "email": city.people["email"],
            "name": city.people["name"].str.casefold(),
        }
    )
    for column in ("phone", "email", "name"):
        found = _match(people, invitations, column)
        rows = np.where(rows < 0, found, rows)
    return rows


def _read(file: Path, sources: Collection[str]) -> pd.DataFrame:
    table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table = table.rename(columns={given: column for column, given in INVITATION_COLUMNS.items()})
    if "source" not in table:
        table["source"] = next((source for source in sources if source in file.name), "")
    missing = [INVITATION_COLUMNS[column] for column in INVITATION_COLUMNS if column not in table]
    if missing or not table["source"].isin(sources).all():
        raise InputError(
            "this is not an invitation file",
            file=file.name,
            column=", ".join(missing) or INVITATION_COLUMNS["source"],
            expected=f"the columns {', '.join(INVITATION_COLUMNS.values())}, and sources {', '.join(sources)}",
        )
    table["phone"] = table["phone"].map(_digits)
    table["email"] = table["email"].str.strip().str.lower()
    table["name"] = table["name"].str.strip().str.casefold()
    return table[[*INVITATION_COLUMNS, *([ARM] if ARM in table else [])]]


def _digits(phone: str) -> str:
    """National digits of a phone number, without 0 or 62 in front."""
    return re.sub(r"^(62|0)", "", re.sub(r"\D", "", phone))


def _match(people: pd.DataFrame, invitations: pd.DataFrame, column: str) -> np.ndarray:
    """Row of the one person of the source with the same value; -1 for none, several or an empty value."""
    known = people.drop_duplicates(["source", column], keep=False)
    index = pd.MultiIndex.from_frame(known[["source", column]])
    place = index.get_indexer(pd.MultiIndex.from_frame(invitations[["source", column]]))
    found = known.index.to_numpy()[place]
    return np.where((place >= 0) & (invitations[column] != "").to_numpy(), found, -1)


# The vendor's words; the workbench's import knows them.
EVENT_COLUMNS = {"token": "token", "event": "kejadian", "at": "waktu", "channel": "saluran"}
ANSWER_COLUMNS = {"token": "token", "started_at": "started_at", "completed_at": "completed_at"}
EVENT_WORDS = {
    "sent": "terkirim",
    "delivered": "diterima",
    "read": "dibaca",
    "started": "mulai",
    "completed": "selesai",
    "refused": "menolak",
    "opted_out": "berhenti",
    "invalid_number": "nomor salah",
    "ineligible": "tidak memenuhi syarat",
}
# What the platform of the questionnaire knows, and the sender of the messages does not.
ON_THE_PLATFORM = ("started", "completed")
# Cities where interviewers asked those who had not answered by the last reminder, and the share of each mode. What
# people answer does not depend on it: the scores of the modes differ by chance and by who answers late.
INTERVIEWED = {"kota-tebing-tinggi": {"telepon": 0.7, "tatap muka": 0.3}}
BY_THEMSELVES = "daring"
CHANNEL_WORDS = {"whatsapp": "WhatsApp", "email": "surel", "web": "web"}
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

EVENTS_FILE = "kejadian_{}.csv"
ANSWER_FILES = {
    "internal": "jawaban_internal_{}.csv",
    "external": "jawaban_eksternal_{}.sav",
    "expert": "jawaban_eksper_{}.xlsx",
}
EXPORTED = "{}__{}.parquet"

# Place and content of the time of writing in the header of an SPSS system file.
SAV_STAMP, SAV_WRITTEN = slice(92, 109), b"01 Jan 2400:00:00"


def vendor_files(
    city: SyntheticCity,
    invitation_files: Iterable[Path],
    folder: Path,
    setup: RoundSetup,
    seed: int,
    *,
    exported: bool = False,
    redirects: Iterable[Path] = (),
) -> list[Path]:
    """Do the fieldwork for the invitation files and write what the vendor delivers; same seed, same bytes.

    The people behind the contacts behave as in ``simulate_fieldwork`` with the same seed;
    where a contact is missing, only the other channel reaches them. A contact that
    belongs to nobody comes back as a wrong number. ``exported``: Parquet throughout, as out of a database.
    ``redirects``: tables of token and answer_token; without any there is one token.
    """
    invitations = read_invitations(invitation_files, list(city.kinds))
    rows = find_people(city, invitations)
    known = invitations.assign(row=rows)[rows >= 0]
    events, responses = run_fieldwork(city, known["row"].to_numpy(), _reach(known, len(city.people)), setup, seed)
    tokens = known[["row", "token"]]
    strangers = stranger_events(setup, invitations.loc[rows < 0, ["token"]].reset_index(drop=True))
    events = pd.concat([events.merge(tokens, on="row"), strangers], ignore_index=True)
    answers = responses.merge(tokens, on="row").sort_values("started_at", kind="stable")
    tables = [pd.read_csv(path, dtype=str, encoding="utf-8-sig") for path in redirects]
    arms = pd.concat([known, *tables]).reindex(columns=["token", ARM]).dropna().set_index("token")[ARM]
    answers = with_module_answers(answers, answers["token"].map(arms), city, setup, seed)
    answers = with_interviews(answers, city, setup, Streams(city.institution_id, (city.seed, seed)))
    led = _led_to(tables)
    answers["token"] = answers["token"].map(lambda token: led.get(token, token))
    there = events["event"].isin(ON_THE_PLATFORM)
    events.loc[there, "token"] = events.loc[there, "token"].map(lambda token: led.get(token, token))
    return [
        _write_events(events, folder / (EXPORTED if exported else EVENTS_FILE).format(city.institution_id, "kejadian")),
        *_write_answers(answers, folder, city, setup.instrument, exported),
    ]


def with_interviews(answers: pd.DataFrame, city: SyntheticCity, setup: RoundSetup, streams: Streams) -> pd.DataFrame:
    """The answers with the column ``mode`` where interviewers asked; as they are where nobody did.

    Nominated people answer by themselves.
    """
    round_, shares = setup.round_for(city.institution_id), INTERVIEWED.get(city.institution_id)
    if not shares or not round_.fieldwork.reminder_weeks:
        return answers
    last = pd.Timestamp(round_.fieldwork.start) + pd.Timedelta(weeks=round_.fieldwork.reminder_weeks[-1])
    late = (answers["started_at"] >= last) & ~answers["source"].isin(round_.nominated)
    # Drawn for everyone of the city: a person is asked the same way whoever else is in the sample.
    modes = streams("modes").choice(list(shares), size=len(city.people), p=list(shares.values()))
    return answers.assign(mode=np.where(late, modes[answers["row"]], BY_THEMSELVES))


# Answers to the optional modules of those with an arm: so many of those with contact who say no when asked directly had
# the experience; the harmless items of a list, of which the second hardly goes with the first; who gives no answer; who
# says yes to the questions on reporting, in their order.
HIDDEN, HARMLESS, WITH_FIRST, NO_ANSWER = 0.15, (0.55, 0.7, 0.4), 0.1, 0.02
REPORTING = (0.45, 0.03, 0.4, 0.35, 0.4)


def with_module_answers(
    answers: pd.DataFrame, arms: pd.Series, city: SyntheticCity, setup: RoundSetup, seed: int
) -> pd.DataFrame:
    """The answers with those to the optional modules, by a stream of random numbers of their own.

    ``answers``: column ``row`` of the city's people; ``arms``: of each of its rows. Without arms the answers stay as
    they are; who broke off has not come as far as the modules.
    """
    if not arms.isin(ARMS).any():
        return answers
    told = pd.DataFrame(index=answers.index)
    asking = {source: part for source, part in setup.instrument.sources.items() if part.modules.questions}
    for source, part in asking.items():
        mine = (answers["source"] == source).to_numpy() & answers["completed_at"].notna().to_numpy()
        made = _module_answers(city, source, setup, seed).iloc[answers["row"]]
        for question in part.modules.questions:
            asked = mine & (arms == question.arm if question.arm else arms.isin(ARMS)).to_numpy()
            told[question.code] = np.where(asked, made[question.code], np.nan)
    return pd.concat([answers, told.dropna(axis=1, how="all")], axis=1)


def _module_answers(city: SyntheticCity, source: Source, setup: RoundSetup, seed: int) -> pd.DataFrame:
    """What everybody of a city would answer to the modules of a source (people, questions)."""
    rng, n = Streams(city.institution_id, (seed,))(f"{source} modules"), len(city.people)
    modules, table = setup.instrument.sources[source].modules, {}
    first, second, third = (rng.random(n) < share for share in HARMLESS)
    harmless = first + (second & (~first | (rng.random(n) < WITH_FIRST))) + third.astype(int)
    if (listed := modules.list_experiment) is not None:
        has = _had(city, listed.experience, setup.instrument, source, rng)
        table |= {listed.short.code: harmless, listed.long.code: harmless + has}
    if (crossed := modules.crosswise) is not None:
        has = _had(city, crossed.experience, setup.instrument, source, rng)
        table[crossed.question.code] = has == (rng.random(n) < crossed.share)
    table |= {one.code: rng.random(n) < share for one, share in zip(modules.climate, cycle(REPORTING), strict=False)}
    refused = {code: rng.random(n) < NO_ANSWER for code in table}
    codes = {question.code: _refusal(setup.instrument.scales[question.scale]) for question in modules.questions}
    return pd.DataFrame({code: np.where(refused[code], codes[code], values) for code, values in table.items()})


def _had(
    city: SyntheticCity, code: str, instrument: Instrument, source: Source, rng: np.random.Generator
) -> np.ndarray:
    """Who had an experience: those who say so, and some of those with contact who do not."""
    question = next(one for one in instrument.sources[source].experiences if one.code == code)
    said, met = (
        city.answers[one].to_numpy() == instrument.scales[question.scale].maximum for one in (code, question.contact)
    )
    return said | (met & (rng.random(len(said)) < HIDDEN))


def _refusal(scale: Scale) -> float:
    return next((float(code) for code, meaning in scale.missing.items() if meaning == "refused"), np.nan)


def _led_to(tables: Iterable[pd.DataFrame]) -> dict[str, str]:
    """The questionnaire's token for the sender's."""
    return {token: led for table in tables for token, led in zip(table["token"], table["answer_token"], strict=True)}


def _reach(known: pd.DataFrame, n: int) -> Reach:
    """Which contacts the invitation files give for every person of the city."""
    phone, email = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    phone[known["row"][known["phone"] != ""]] = True
    email[known["row"][known["email"] != ""]] = True
    return Reach(phone, email)


def _write_events(events: pd.DataFrame, path: Path) -> Path:
    table = events.sort_values("at", kind="stable").assign(
        event=events["event"].map(EVENT_WORDS),
        channel=events["channel"].map(CHANNEL_WORDS),
        at=events["at"].dt.strftime(TIME_FORMAT),
    )
    table = table[list(EVENT_COLUMNS)].rename(columns=EVENT_COLUMNS)
    if path.suffix == ".parquet":
        return write_parquet(path, table)
    return write_bytes(path, table.to_csv(index=False, sep=";", lineterminator="\r\n").encode("utf-8"))


def _write_answers(
    answers: pd.DataFrame, folder: Path, city: SyntheticCity, instrument: Instrument, exported: bool
) -> list[Path]:
    writers = {".csv": _write_csv, ".sav": _write_sav, ".xlsx": _write_xlsx, ".parquet": _write_parquet}
    paths = []
    for source in city.kinds:
        modules = [one for one in instrument.sources[source].modules.questions if one.code in answers]
        asked = [*instrument.codes(source), *(one.code for one in modules)]
        columns = [*ANSWER_COLUMNS, *(["mode"] if "mode" in answers else []), *asked]
        table = answers.loc[answers["source"] == source, columns].rename(columns=ANSWER_COLUMNS)
        name = EXPORTED if exported or source not in ANSWER_FILES else ANSWER_FILES[source]
        path = folder / name.format(city.institution_id, f"jawaban_{source}")
        labels = {
            question.code: {code: text["id"] for code, text in instrument.scales[question.scale].labels.items()}
            for question in [*instrument.questions[source], *modules]
        }
        paths.append(writers[path.suffix](path, table, labels))
    return paths


def _write_csv(path: Path, table: pd.DataFrame, labels: dict[str, dict[int, str]]) -> Path:
    text = _whole(table, labels).to_csv(index=False, sep=";", lineterminator="\r\n", date_format=TIME_FORMAT)
    return write_bytes(path, text.encode("utf-8"))


def _write_xlsx(path: Path, table: pd.DataFrame, labels: dict[str, dict[int, str]]) -> Path:
    cells = _whole(table, labels).astype(object).where(table.notna(), None)
    return write_workbook(path, "Jawaban", [list(cells), *cells.itertuples(index=False)])


def _write_sav(path: Path, table: pd.DataFrame, labels: dict[str, dict[int, str]]) -> Path:
    """An SPSS file with value labels, without the time of writing that its header would carry."""
    with whole_file(path) as beside:
        # pyreadstat takes other units of time for nanoseconds.
        times = dict.fromkeys(("started_at", "completed_at"), "datetime64[ns]")
        pyreadstat.write_sav(table.astype(times), str(beside), variable_value_labels=labels)
        content = bytearray(beside.read_bytes())
        content[SAV_STAMP] = SAV_WRITTEN
        beside.write_bytes(content)
    return path


def _write_parquet(path: Path, table: pd.DataFrame, labels: dict[str, dict[int, str]]) -> Path:
    return write_parquet(path, _whole(table, labels))


def _whole(table: pd.DataFrame, labels: dict[str, dict[int, str]]) -> pd.DataFrame:
    """Answer codes as whole numbers."""
    return table.astype(dict.fromkeys(labels, "Int64"))
