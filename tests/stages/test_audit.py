"""The audit of an institution's lists: what to put right, and nothing on few people."""

from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup, UnitFacts, Workspace
from spi_analysis.stages.audit import audit_frame, save_audit
from spi_analysis.tables.store import Store
from tests.stages.town import TOWN, Town


def told(setup: RoundSetup, *facts: tuple[str, str, int]) -> RoundSetup:
    units = tuple(
        UnitFacts(institution_id=TOWN, source=source, unit=unit, known_people=people, basis="a test")
        for source, unit, people in facts
    )
    return replace(setup, units=units)


def tasks(audit) -> set[tuple[str, str, str]]:
    return set(audit.tasks[["source", "unit", "task"]].itertuples(index=False, name=None))


def test_a_unit_whose_people_are_missing_is_named_with_their_number(store: Store, setup: RoundSetup) -> None:
    audit = audit_frame(told(setup, ("internal", "Dinas Dua", 90), ("internal", "Dinas Satu", 82)), store, TOWN)
    (row,) = audit.tasks[audit.tasks["task"] == "people_missing"].to_dict("records")
    assert (row["source"], row["unit"], row["people"], row["known"]) == ("internal", "Dinas Dua", 30, 90)
    assert row["share"] == pytest.approx(60 / 90)
    assert ("internal", "Dinas Satu", "people_missing") not in tasks(audit), "80 of 82 is near enough"


def test_a_unit_nobody_is_listed_of_is_named(store: Store, setup: RoundSetup) -> None:
    audit = audit_frame(told(setup, ("internal", "Dinas Lupa", 40)), store, TOWN)
    assert ("internal", "Dinas Lupa", "people_missing") in tasks(audit)


def test_more_people_than_there_are(store: Store, setup: RoundSetup) -> None:
    audit = audit_frame(told(setup, ("external", "", 100)), store, TOWN)
    (row,) = audit.tasks[audit.tasks["task"] == "too_many_people"].to_dict("records")
    assert row["people"] == 68, "168 of the list stream are listed; two registered themselves"


def test_units_without_e_mail_and_units_too_small(store: Store, town: Town, setup: RoundSetup) -> None:
    frame = town.frame.copy()
    frame.loc[frame["unit"] == "Puskesmas", "channels"] = "email"
    small = frame.index[(frame["unit"] == "Kecamatan")][:4]
    frame.loc[small, "unit"] = "Dinas Kecil"
    store.write("frame", TOWN, frame)
    audit = audit_frame(setup, store, TOWN)
    assert ("external", "Puskesmas", "no_whatsapp") in tasks(audit)
    assert ("internal", "Dinas Kecil", "few_people") in tasks(audit)
    hidden = audit.tasks[audit.tasks["task"] == "few_people"]
    assert hidden["people"].isna().all()
    assert len(hidden) == 1
    shown = set(audit.units.loc[audit.units["source"] == "internal", "unit"])
    assert shown == {"Dinas Satu", "Dinas Dua", "Dinas Tiga"}, "from the sum the 4 would follow: 16 go, too"


def test_rows_turned_away_are_counted_by_what_can_be_done(store: Store, setup: RoundSetup) -> None:
    rows = [{"code": code, "row": i} for i, code in enumerate(["shared_phone"] * 12 + ["no_contact"] * 3)]
    rows += [{"code": "shared_phone", "row": None}, {"code": "sex_unknown", "row": 99}]
    store.write_record("frame_imports", TOWN, {"internal": {"counts": [], "problems": rows}})
    audit = audit_frame(setup, store, TOWN)
    found = audit.tasks.set_index("task")["people"]
    assert found["shared_contact"] == 12
    assert pd.isna(found["no_contact"]), "three people: said, but not how many"
    assert "listed_twice" not in found.index, "nothing to do"


def test_nothing_of_few_people_is_in_the_files(store: Store, town: Town, setup: RoundSetup, tmp_path) -> None:
    frame = town.frame.copy()
    frame.loc[frame.index[::17], "channels"] = "email"
    frame.loc[frame.index[3:7], "frame_status"] = "flagged"
    store.write("frame", TOWN, frame)
    elsewhere = replace(setup, workspace=Workspace(tmp_path))
    audit = audit_frame(setup, store, TOWN)
    paths = save_audit(elsewhere, TOWN, audit)
    assert [path.name for path in paths] == ["tasks.csv", "units.csv"]
    for path in paths:
        table = pd.read_csv(path)
        counts = table.filter(["people", "no_whatsapp", "no_email", "flagged"])
        assert not ((counts > 0) & (counts < 10)).to_numpy().any()
    flagged = audit.sources.set_index("source")["flagged"]
    assert pd.isna(flagged["internal"])
    assert flagged["external"] == 0


def test_the_panel_has_no_units_and_its_list_tells_nothing_of_few(store: Store, town: Town, setup: RoundSetup) -> None:
    frame = town.frame.copy()
    frame.loc[frame.index[frame["source"] == "expert"][:2], "is_eligible"] = False
    store.write("frame", TOWN, frame)
    audit = audit_frame(setup, store, TOWN)
    panel = audit.sources.set_index("source").loc["expert"]
    assert (panel["eligible"], pd.isna(panel["listed"])) == (12, True), "14 listed less 12 would tell of two"
    assert "expert" not in set(audit.units["source"])


def test_the_coverage_of_a_list_whose_length_is_hidden_is_hidden_too(
    store: Store, town: Town, setup: RoundSetup
) -> None:
    """14 experts listed, 12 eligible, 20 known: a share of 70 % of 20 would tell the 14, and so the two."""
    frame = town.frame.copy()
    frame.loc[frame.index[frame["source"] == "expert"][:2], "is_eligible"] = False
    store.write("frame", TOWN, frame)
    audit = audit_frame(told(setup, ("expert", "", 20), ("external", "", 100)), store, TOWN)
    sources = audit.sources.set_index("source")
    assert pd.isna(sources.loc["expert", "share"])
    assert ("expert", "", "people_missing") not in tasks(audit)
    assert sources.loc["external", "share"] == pytest.approx(1.68), "168 listed, all eligible: nothing to hide"
