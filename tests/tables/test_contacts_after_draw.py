"""After the draw: reminders, numbers put right, objections. Nobody who answered or objected is written to again."""

import csv
import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.fieldwork.reminders import log_of_reminders, prepare_reminders
from spi_analysis.tables.identity import check_codes, link_tokens
from spi_analysis.tables.importing.contacts import import_contacts, opt_out
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.invitations import objectors, record_objections, write_invitations
from spi_analysis.tables.store import Store
from tests.tables.lists import codes, users

CITY, ROUND = "kota-mojokerto", "spi_2024"
DAY = dt.date(2024, 8, 14)
BUDI, SITI, AGUS = "+6281200000001", "+6281200000002", "agus@contoh.id"


@pytest.fixture
def people(setup, store, vault, write_xlsx, employees, draw_everyone):
    """Person codes: Budi has a number and an address, Siti a number, Agus an address; all three are drawn."""
    import_frame([write_xlsx(f"{CITY}__internal.xlsx", employees)], setup, store, vault)
    draw_everyone(CITY)
    listed = vault.read_contacts(ROUND, CITY, "internal").set_index("person_id")
    return {row.phone if isinstance(row.phone, str) else row.email: person for person, row in listed.iterrows()}


@pytest.fixture
def happened(store):
    def happened(person, event, at="2024-07-30 09:00", channel="whatsapp", source="internal", round_=store):
        row = {"institution_id": CITY, "person_id": person, "source": source, "event": event,
               "at": pd.Timestamp(at), "channel": channel}  # fmt: skip
        earlier = round_.read_if_there("events", CITY)
        round_.write("events", CITY, pd.concat([*([] if earlier is None else [earlier]), pd.DataFrame([row])]))

    return happened


@pytest.fixture
def remind(setup, store, vault):
    """Contacts in the files of a reminder, by channel."""

    def remind(week=2):
        made = prepare_reminders(setup, store, vault, CITY, DAY, week)
        made.write(store, DAY)
        files = {channel: store.root / "invitations" / f"{CITY}__reminder{made.number}__{channel}.csv"
                 for channel in made.people}  # fmt: skip
        return {channel: {row["contact"] for row in read(path)} for channel, path in files.items()}

    return remind


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def bring_changes(setup, store, vault, path, date=DAY):
    return import_contacts([path], setup, store, vault, reported_by="institution", date=date)


def code_of(person, vault, source="internal"):
    return check_codes([person], ROUND, CITY, source, vault.secret("link_token"))[0]


def everything(store):
    """All files of the draw and of the list, by name."""
    paths = [path for folder in ("sample", "frame", "draw") for path in sorted((store.root / folder).glob("*"))]
    return {path.name: path.read_bytes() for path in paths}


def test_over_four_reminders_nobody_who_answered_or_objected_is_in_a_file(
    people, setup, store, vault, happened, remind
):
    for person in people.values():
        happened(person, "sent")
    assert remind(2) == {"whatsapp": {BUDI, SITI}, "email": {"budi@contoh.id", AGUS}}
    happened(people[SITI], "opted_out", "2024-08-13 10:00")
    assert remind(4) == {"whatsapp": {BUDI}, "email": {"budi@contoh.id", AGUS}}
    happened(people[BUDI], "started", "2024-08-27 10:00", "web")
    assert remind(6)["whatsapp"] == {BUDI}, "who broke off is reminded"
    happened(people[BUDI], "completed", "2024-09-10 10:00", "web")
    assert remind(9) == {"whatsapp": set(), "email": {AGUS}}
    log = log_of_reminders(store, CITY)
    assert [(entry["number"], entry["channel"], entry["people"]) for entry in log] == [
        (1, "whatsapp", {"internal": 2}), (1, "email", {"internal": 2}),
        (2, "whatsapp", {"internal": 1}), (2, "email", {"internal": 2}),
        (3, "whatsapp", {"internal": 1}), (3, "email", {"internal": 2}),
        (4, "whatsapp", {}), (4, "email", {"internal": 1}),
    ]  # fmt: skip
    remind(9)
    assert log_of_reminders(store, CITY) == log, "the same file written again is no new reminder"


def test_a_reminder_goes_to_the_sender_in_the_shape_of_the_invitation(people, setup, store, vault, happened):
    """Columns and addresses as ``spi invite --as whatsapp --link``; addresses of e-mail stay in plain columns."""
    happened(people[BUDI], "sent")
    made = prepare_reminders(setup, store, vault, CITY, DAY, 2)
    token = made.people["whatsapp"]["token"].item()
    made.write(store, DAY, "whatsapp", "https://survei.example/{token}")
    folder, stem = store.root / "invitations", f"{CITY}__reminder1"
    (row,) = read(folder / f"{stem}__whatsapp.csv")
    assert list(row) == ["phone_number", "customer_name", "body_variable1", "body_variable2"]
    assert (row["phone_number"], row["body_variable2"]) == (BUDI[1:], f"https://survei.example/{token}")
    (row,) = read(folder / f"{stem}__email.csv")
    assert (row["link"], row["contact"]) == (f"https://survei.example/{token}", "budi@contoh.id")
    with pytest.raises(InputError, match="unknown platform"):
        made.write(store, DAY, "whatsap")


def test_only_who_was_invited_is_reminded(people, setup, store, vault, happened, remind):
    happened(people[BUDI], "sent")
    assert remind() == {"whatsapp": {BUDI}, "email": {"budi@contoh.id"}}
    assert prepare_reminders(setup, store, vault, CITY, DAY, 2).left_out["not_invited"] == 2


def test_new_numbers_change_nothing_of_the_draw_and_are_used_from_then_on(
    people, setup, store, vault, happened, remind, write_csv
):
    for person in people.values():
        happened(person, "sent")
    happened(people[SITI], "invalid_number", "2024-08-01 10:00")
    assert remind()["whatsapp"] == {BUDI}
    before = everything(store)
    (asked,) = [
        row for row in read(store.root / "invitations" / f"{CITY}__to_check.csv") if row["nama"] == "Siti Contoh"
    ]
    assert asked["nomor sekarang"] == SITI
    assert asked["kode periksa"] == code_of(people[SITI], vault)
    rows = [list(asked), [{**asked, "nomor baru": "0812-9999-0002"}[name] for name in asked]]
    result = bring_changes(setup, store, vault, write_csv(f"{CITY}__to_check.csv", rows))
    assert result.counts[["accepted", "rejected"]].to_numpy().tolist() == [[1, 0]]
    assert everything(store) == before, "the draw and the list are as they were"
    assert remind()["whatsapp"] == {BUDI, "+6281299990002"}
    (path,) = write_invitations(setup, store, vault, CITY)
    assert {row["phone"] for row in read(path)} == {BUDI, "+6281299990002", ""}
    register = store.read("contact_events", CITY)
    assert register[["person_id", "change", "reported_by"]].to_numpy().tolist() == [
        [people[SITI], "new_phone", "institution"]
    ]
    assert "81299990002" not in register.to_csv(), "who, when and by whom; never which number"
    bring_changes(setup, store, vault, write_csv(f"{CITY}__again.csv", rows), DAY + dt.timedelta(3))
    assert len(store.read("contact_events", CITY)) == 1, "what is known already changes nothing"


def test_rows_of_nobody_are_turned_away_and_those_left_empty_change_nothing(people, setup, store, vault, write_csv):
    rows = [
        ["kode periksa", "nomor baru", "surel baru", "keberatan"],
        ["a" * 20, "081299990003", "", ""],
        [code_of(people[BUDI], vault), "", "", ""],
        [code_of(people[SITI], vault), "0812", "", "barangkali"],
        [code_of(people[AGUS], vault), "", "agus.baru@contoh.id", "tidak"],
    ]
    result = bring_changes(setup, store, vault, write_csv(f"{CITY}__to_check.csv", rows))
    assert codes(result, severity="rejected") == ["unknown_check_code"]
    assert codes(result, severity="note") == ["nothing_new"]
    assert result.counts[["read", "accepted", "rejected"]].sum().tolist() == [4, 3, 1]
    assert result.changes == 1, "one new address; a list that was not filled in brings nothing"
    assert codes(result, severity="flagged") == ["phone_too_short", "unknown_objection"]
    assert store.read("contact_events", CITY)["change"].tolist() == ["new_email"]


def test_an_objection_is_entered_in_every_source_where_the_number_is_listed(
    people, setup, store, vault, write_xlsx, draw_everyone
):
    """Budi is an employee by his NIP and a service user by his telephone: two codes, one telephone."""
    store.path("sample", CITY).unlink()
    rows = users(("Satu", "081200000001", "01/05/2024"), ("Dua", "081200000009", "02/05/2024"))
    import_frame([write_xlsx(f"{CITY}__external.xlsx", rows)], setup, store, vault)
    draw_everyone(CITY)
    object_ = lambda known_by: opt_out(  # noqa: E731
        setup, store, vault, CITY, known_by, scope="all", reported_by="person", date=DAY
    )
    assert object_("0812-0000-0001") == 2
    assert object_("0812 0000 0001") == 0, "the register holds them already"
    events = store.read("events", CITY)
    assert events[["source", "event", "channel"]].to_numpy().tolist() == [
        ["external", "opted_out", "register"], ["internal", "opted_out", "register"]
    ]  # fmt: skip
    with pytest.raises(InputError, match="nobody on this institution's lists") as error:
        object_("081277776666")
    assert "081277776666" not in str(error.value)


@pytest.mark.parametrize(("scope", "holds"), [("all", True), ("round", False)])
def test_an_objection_to_this_round_alone_ends_with_it(people, setup, store, vault, scope, holds):
    token = link_tokens([people[SITI]], ROUND, CITY, "internal", vault.secret("link_token"))[0]
    opt_out(setup, store, vault, CITY, token, scope=scope, reported_by="person", date=DAY)
    assert objectors(store) == {people[SITI]}
    assert objectors(Store(store.root.with_name("spi_2025"))) == ({people[SITI]} if holds else set())


def test_an_objection_of_an_earlier_round_counts_as_a_refusal_of_this_one(people, setup, store, vault, happened):
    """Nothing is ever sent to Siti: without a word in the log she would count as not reached."""
    happened(people[SITI], "opted_out", "2023-09-01", round_=Store(store.root.with_name("spi_2023")))
    sample = store.path("sample", CITY).read_bytes()
    assert record_objections(setup, store, vault, CITY).to_dict() == {"internal": 1}
    events = store.read("events", CITY)
    assert events[["person_id", "event"]].to_numpy().tolist() == [[people[SITI], "opted_out"]]
    assert events["at"].tolist() == [pd.Timestamp("2024-07-29")], "from the start of fieldwork on"
    record_objections(setup, store, vault, CITY)
    assert len(store.read("events", CITY)) == 1
    assert store.path("sample", CITY).read_bytes() == sample, "the person stays in the sample"


@pytest.mark.parametrize("others", [0, 1])
def test_the_list_to_look_up_does_not_tell_who_was_drawn(people, setup, store, vault, happened, others):
    """Siti is drawn and her number is dead; one of those who were not drawn stands beside her."""
    sample = store.read("sample", CITY)
    store.write("sample", CITY, sample[sample["person_id"] == people[SITI]])
    happened(people[SITI], "sent")
    happened(people[SITI], "invalid_number", "2024-08-01 10:00")
    fieldwork = setup.round.fieldwork.model_copy(update={"others_to_check": others})
    frame = store.read("frame", CITY).assign(is_eligible=True)
    store.write("frame", CITY, frame)
    setup = replace(setup, round=setup.round.model_copy(update={"fieldwork": fieldwork}))
    names = prepare_reminders(setup, store, vault, CITY, DAY, 2).to_check["name"].tolist()
    assert "Siti Contoh" in names
    assert len(names) == 1 + others


def by_interviewers(setup, week, mode):
    waves = [{"week": week, "mode": mode}]
    fieldwork = type(setup.round.fieldwork)(**setup.round.fieldwork.model_dump() | {"interviews": waves})
    return replace(setup, round=setup.round.model_copy(update={"fieldwork": fieldwork}))


@pytest.mark.parametrize(("mode", "asked"), [("telephone", [BUDI, SITI]), ("face_to_face", ["", BUDI, SITI])])
def test_interviewers_get_a_list_of_everybody_who_has_not_answered(people, setup, store, vault, happened, mode, asked):
    happened(people[BUDI], "sent")
    happened(people[BUDI], "invalid_number", "2024-07-31 09:00")
    there = by_interviewers(setup, 8, mode)
    made = prepare_reminders(there, store, vault, CITY, DAY, 8)
    assert (made.number, made.week, list(made.people)) == (4, 8, [mode]), "after the reminders of weeks 2, 4 and 6"
    path = next(path for path in made.write(store, DAY) if path.name.endswith(f"__{mode}.csv"))
    listed = read(path)
    assert sorted(row["phone"] for row in listed) == asked, "whom no message reached can be called or visited"
    assert {row["unit"] for row in listed} == {"Dinas Sosial"}
    assert list(listed[0]) == ["token", "source", "name", "unit", "phone", "language"]
    assert path.stat().st_mode & 0o777 == 0o600
    happened(people[SITI], "completed", "2024-09-10 10:00", "web")
    happened(people[BUDI], "opted_out", "2024-09-10 10:00")
    left = prepare_reminders(there, store, vault, CITY, DAY, 8).people[mode]
    assert left["phone"].isna().tolist() == ([] if mode == "telephone" else [True]), "Agus has an address alone"
    assert (log_of_reminders(store, CITY)[0]["channel"], log_of_reminders(store, CITY)[0]["number"]) == (mode, 4)


def test_a_week_has_one_contact(setup):
    with pytest.raises(ValueError, match="two reminders or interviews"):
        by_interviewers(setup, 2, "telephone")
