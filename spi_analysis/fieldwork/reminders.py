"""Who is reminded, by which channel, and whose number the institution should look up."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import FieldworkParams, RoundSetup
from spi_analysis.tables import (
    WEB,
    Store,
    Vault,
    barred_people,
    check_codes,
    eligible_list,
    for_sender,
    given_by_chance,
    in_shape,
    one_writer,
    require_shape,
    with_tokens,
    write_csv,
)

# The contact behind each channel. Interviewers call a number whatever became of messages to it.
CHANNELS = {"whatsapp": "phone", "email": "email"}
# By these a number was tried that messages go to, too. That it is wrong they tell; that it takes messages they do not.
SAME_NUMBER = {"whatsapp": ("sms", "telephone"), "email": ()}
LOG = "reminders"
# What is final in a round; who broke off is reminded.
FINAL = ("refused", "ineligible")
LEFT_OUT = {
    "answered": "answered",
    "opted_out": "asked not to be contacted",
    "refused": "refused",
    "ineligible": "found ineligible",
    "not_invited": "nothing was sent so far (spi invite)",
    "no_channel": "no number or address that works",
}
WHO = ["source", "person_id"]
COLUMNS = ["token", "source", "name", "contact", "language"]
# What interviewers get: the questionnaire asks for the token.
FOR_INTERVIEWERS = ["token", "source", "name", "unit", "phone", "language"]
# The words of the list for the institution; params/mappings/contacts.yaml reads them back.
TO_CHECK = {
    "code": "kode periksa", "source": "sumber", "unit": "unit kerja", "name": "nama", "phone": "nomor sekarang",
    "email": "surel sekarang", "new_phone": "nomor baru", "new_email": "surel baru", "opted_out": "keberatan",
}  # fmt: skip


@dataclass(frozen=True)
class Reminders:
    """One reminder of one institution, or one wave of interviews.

    ``people``: the channel -> who is written to (COLUMNS), or the mode -> who is asked (FOR_INTERVIEWERS);
    ``left_out``: reason -> number of people; ``to_check``: the list that goes back to the institution (columns of
    TO_CHECK).
    """

    institution_id: str
    number: int
    week: int
    people: dict[str, pd.DataFrame]
    left_out: dict[str, int]
    to_check: pd.DataFrame

    @property
    def count(self) -> int:
        """How many messages these are."""
        return sum(len(people) for people in self.people.values())

    @property
    def said_of(self) -> str:
        """How many are left out, and why."""
        return "; ".join(f"{n:,} {LEFT_OUT[reason]}" for reason, n in self.left_out.items() if n)

    def shaped(self, shape: str = "", link: str = "") -> dict[str, pd.DataFrame]:
        """The people as the sender takes them in: the same ``shape`` and ``link`` as those of ``Invitations.shaped``.

        A shape is that of its channel (``whatsapp``); interviewers' lists keep theirs.
        """
        require_shape(shape)
        asked = {channel: people for channel, people in self.people.items() if channel in CHANNELS}
        return self.people | {
            channel: in_shape(people.assign(phone=people["contact"]), shape if shape == channel else "", link, COLUMNS)
            for channel, people in asked.items()
        }

    def write(self, store: Store, date: dt.date, shape: str = "", link: str = "") -> list[Path]:
        """Write a file for each channel, readable by its owner only, and an entry of the log; and the list to check."""
        folder, stem = store.root / "invitations", f"{self.institution_id}__reminder{self.number}"
        with one_writer(store.root.parent):
            files = {
                channel: write_csv(folder / f"{stem}__{channel}.csv", people, mode=0o600)
                for channel, people in self.shaped(shape, link).items()
            }
            self._log(store, date, files)
            path = folder / f"{self.institution_id}__to_check.csv"
            if len(self.to_check) or path.exists():
                return [*files.values(), write_csv(path, self.to_check.rename(columns=TO_CHECK), mode=0o600)]
            return list(files.values())

    def _log(self, store: Store, date: dt.date, files: dict[str, Path]) -> None:
        """One entry for every file that was written; the same file written again is not logged twice."""
        entries = log_of_reminders(store, self.institution_id)
        known = {(entry["number"], entry["channel"], entry["sha256"]) for entry in entries}
        for channel, path in files.items():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if (self.number, channel, digest) not in known:
                counts = self.people[channel].groupby("source").size()
                entry = {"number": self.number, "week": self.week, "date": date.isoformat(), "channel": channel,
                         "people": {str(source): int(n) for source, n in counts.items()}, "sha256": digest}  # fmt: skip
                entries.append(entry)
        store.write_record(LOG, self.institution_id, {"institution_id": self.institution_id, "reminders": entries})


def log_of_reminders(store: Store, institution_id: str) -> list[dict]:
    """The reminders so far, in their order: number, week, date, channel, people by source, digest of the file."""
    return list((store.read_record(LOG, institution_id) or {}).get("reminders", []))


def next_reminder(fieldwork: FieldworkParams, date: dt.date, week: int | None = None) -> tuple[int, int]:
    """Number and week of the reminder that is due on a day: the first whose week is not over; or that of ``week``.

    Weeks of interviews count as reminders.

    Raises
    ------
    InputError   no reminder is left, or ``week`` is none of them.
    """
    weeks = list(fieldwork.contact_weeks)
    ends = {one: fieldwork.start + dt.timedelta(7 * one + 6) for one in weeks}
    due = [one for one in weeks if one == week or (week is None and ends[one] >= date)]
    if not due:
        raise InputError(
            "no reminder is planned for this week" if week is not None else "all reminders of this round are over",
            key="fieldwork.reminder_weeks",
            got=f"week {week}" if week is not None else date.isoformat(),
            expected=f"week {', '.join(map(str, weeks))} after {fieldwork.start}",
            hint="name the week of a reminder with --week, or plan one more in the round's parameters",
        )
    return weeks.index(due[0]) + 1, due[0]


def prepare_reminders(
    setup: RoundSetup, store: Store, vault: Vault, institution_id: str, date: dt.date, week: int | None = None
) -> Reminders:
    """Everyone to be reminded: invited, silent so far or broken off, not refused, not opted out, channel still good.

    Who can be reached by two channels is in both files. In a week of interviews there is one list for the interviewers,
    and it holds those, too, whom no message has reached.

    Raises
    ------
    InputError   no reminder is planned then; no contact events are here, so that nobody knows who was invited.
    """
    fieldwork = setup.round_for(setup.require(institution_id)).fieldwork
    number, week = next_reminder(fieldwork, date, week)
    mode = fieldwork.contact_weeks[week]
    sample, events = store.read("sample", institution_id), store.read("events", institution_id)
    barred = barred_people(setup, store, vault, institution_id, FINAL)
    parts = []
    for source, sampled in sample.groupby("source"):
        people = with_tokens(setup, vault, institution_id, str(source), sampled).assign(source=source)
        good = good_channels(people, events, _corrected(setup, vault, institution_id, str(source)))
        works = {f"by_{channel}": column for channel, column in good.items()}
        people = people.assign(**works, reason=barred.reasons(people, str(source)))
        parts.append(for_sender(setup, institution_id, people))
    people = pd.concat(parts, ignore_index=True)
    people["reason"] = _reasons(people, events, mode)
    left = people["reason"].value_counts()
    return Reminders(
        institution_id,
        number,
        week,
        {channel: _by_channel(people, channel) for channel in CHANNELS}
        if mode == WEB
        else {mode: _for_interviewers(people, store.read("frame", institution_id))},
        {reason: int(left.get(reason, 0)) for reason in LEFT_OUT},
        _to_check(setup, store, vault, institution_id, people),
    )


def good_channels(people: pd.DataFrame, events: pd.DataFrame, corrected: pd.DataFrame) -> dict[str, pd.Series]:
    """Which channels still work for people of one source.

    A channel works if there is a contact for it, unless the last that was heard of it is that the number is not valid
    (a wrong number found by telephone or SMS gets no WhatsApp either).
    What was heard up to the day on which the number was put right says nothing of the new one.

    Parameters
    ----------
    people : DataFrame (n, ...)   source, person_id, phone, email
    events : DataFrame            source, person_id, event, at, channel
    corrected : DataFrame         person_id, phone, email, at (the vault's; None where it did not change)

    Returns
    -------
    dict: the channel -> bool Series (n,)
    """
    told = events[events["event"].isin(["delivered", "read", "invalid_number"])].sort_values("at", kind="stable")
    told = told[told["source"].isin(people["source"].unique())]
    found = {}
    for channel, contact in CHANNELS.items():
        wrong = told["channel"].isin(SAME_NUMBER[channel]) & told["event"].eq("invalid_number")
        heard = told[(told["channel"] == channel) | wrong]
        last = heard.drop_duplicates("person_id", keep="last").set_index("person_id")
        renewed = corrected.dropna(subset=[contact]).groupby("person_id")["at"].max()
        day = last["at"].dt.normalize()
        dead = last["event"].eq("invalid_number") & ~(day <= pd.to_datetime(renewed.reindex(last.index)))
        found[channel] = people[contact].notna() & ~people["person_id"].isin(last.index[dead])
    return found


def _corrected(setup: RoundSetup, vault: Vault, institution_id: str, source: str) -> pd.DataFrame:
    return vault.read_corrected(setup.round.round_id, institution_id, source)


def _reasons(people: pd.DataFrame, events: pd.DataFrame, mode: str) -> pd.Series:
    """Why somebody is not reminded, or not interviewed; None for whoever is."""
    if mode != WEB:
        unreachable = people["reason"].isna() & people["phone"].isna() & (mode == "telephone")
        return people["reason"].mask(unreachable, "no_channel")
    sent = pd.MultiIndex.from_frame(events.loc[events["event"] != "opted_out", WHO].drop_duplicates())
    invited = pd.MultiIndex.from_frame(people[WHO]).isin(sent)
    reason = people["reason"].mask(people["reason"].isna() & ~invited, "not_invited")
    return reason.mask(reason.isna() & ~people[[f"by_{channel}" for channel in CHANNELS]].any(axis=1), "no_channel")


def _by_channel(people: pd.DataFrame, channel: str) -> pd.DataFrame:
    reminded = people[people["reason"].isna() & people[f"by_{channel}"]]
    reminded = reminded.assign(contact=reminded[CHANNELS[channel]]).sort_values(["source", "token"])
    return reminded[[*COLUMNS, *given_by_chance(reminded)]]


def _for_interviewers(people: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Who is asked by interviewers, and where they are found."""
    listed = frame[[*WHO, "unit", "service"]]
    asked = people[people["reason"].isna()].merge(listed, on=WHO, how="left", validate="1:1")
    asked["unit"] = asked["unit"].fillna(asked["service"])
    asked = asked.sort_values(["source", "unit", "token"], na_position="last")
    return asked[[*FOR_INTERVIEWERS, *given_by_chance(asked)]]


def _to_check(setup: RoundSetup, store: Store, vault: Vault, institution_id: str, people: pd.DataFrame) -> pd.DataFrame:
    """People whose numbers do not work, among others who were not drawn: the list must not tell who was."""
    frame, sampled = store.read("frame", institution_id), set(people["person_id"])
    others, secret, parts = setup.round_for(institution_id).fieldwork.others_to_check, vault.secret("link_token"), []
    for source, failed in people[people["reason"] == "no_channel"].groupby("source"):
        listed = eligible_list(frame, str(source))[["person_id", "unit", "service"]]
        listed = listed.assign(unit=listed["unit"].fillna(listed["service"]))
        codes = check_codes(listed["person_id"], setup.round.round_id, institution_id, str(source), secret)
        listed = listed.assign(source=source, code=codes).sort_values("code")
        decoys = listed[~listed["person_id"].isin(sampled)].head(others * len(failed))
        chosen = pd.concat([listed[listed["person_id"].isin(failed["person_id"])], decoys])
        contacts = vault.current_contacts(setup.round.round_id, institution_id, str(source))
        parts.append(chosen.merge(contacts[["person_id", "name", "phone", "email"]], on="person_id"))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=list(TO_CHECK))
    table = table.reindex(columns=list(TO_CHECK)).sort_values(["source", "unit", "name", "code"])
    return table.replace({np.nan: None})
