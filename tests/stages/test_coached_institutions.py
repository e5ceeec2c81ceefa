"""Institutions compared with each other: from the store to the operator's lines and the page of all institutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from spi_analysis.cli import app
from spi_analysis.commands.simulations import _print_comparison, _print_forms
from spi_analysis.params import RoundSetup
from spi_analysis.params.roster import Roster
from spi_analysis.params.round import FormParams
from spi_analysis.reporting.national import coaching_text, forms_text
from spi_analysis.stages import Comparison, compare_forms, compare_institutions
from spi_analysis.synthetic import example_inputs, example_institutions
from spi_analysis.tables import Store
from tests.conftest import PROJECT
from tests.stages.conftest import elsewhere

COUNT, PEOPLE = 40, 31


@pytest.fixture(scope="module")
def country(setup: RoundSetup, tmp_path_factory: pytest.TempPathFactory) -> RoundSetup:
    """Forty institutions with 31 employees each who answered, and one who did not finish; the third was coached."""
    made = example_institutions([], COUNT)
    codes = [one.institution_id for one in made]
    coaching = setup.round.coaching
    assert coaching is not None
    small = replace(
        elsewhere(setup, tmp_path_factory.mktemp("country")),
        roster=Roster(institutions={one.institution_id: one for one in made}),
        inputs={code: example_inputs(code) for code in codes},
        round=setup.round.model_copy(
            update={"coaching": coaching.model_copy(update={"min_institutions": COUNT, "score_classes": 3})}
        ),
    )
    store, rng = store_of(small), np.random.default_rng(3)
    for number, code in enumerate(codes):
        store.write("responses", code, _answers(small, code, rng, coached=number == 2))
    return small


def store_of(setup: RoundSetup) -> Store:
    return Store(setup.workspace.data / setup.round.round_id)


def _answers(setup: RoundSetup, code: str, rng: np.random.Generator, coached: bool) -> pd.DataFrame:
    items = setup.instrument.items("internal")
    level = rng.normal(3.2, 0.8, (PEOPLE + 1, 1)) + rng.normal(0, 1, (PEOPLE + 1, len(items)))
    levels = np.clip(np.rint(level), 0, 5)
    if coached:
        script = np.where(np.arange(len(items)) % 2, 5, 4)
        levels = np.where(rng.random(levels.shape) < 0.8, script, levels)
    codes = {
        item.code: 1 + (one if item.direction == "positive" else 5 - one)
        for item, one in zip(items, levels.T, strict=True)
    }
    started = pd.Timestamp("2024-08-01 09:00") + pd.to_timedelta(rng.uniform(0, 900, PEOPLE + 1), "h")
    people = {"institution_id": code, "source": "internal", "person_id": [f"{code}-{n}" for n in range(PEOPLE + 1)]}
    completed = (started + pd.Timedelta(minutes=9)).where(np.arange(PEOPLE + 1) < PEOPLE)
    return pd.DataFrame({**people, "mode": "web", "started_at": started, "completed_at": completed, **codes})


def test_the_coached_institution_is_named_to_those_who_run_the_survey(
    country: RoundSetup, capsys: pytest.CaptureFixture[str]
) -> None:
    found, coached = compare_institutions(country, store_of(country)), country.institution_ids[2]
    assert found.looked_at == found.enough == COUNT
    assert found.flagged["institution_id"].tolist() == [coached]
    assert found.flagged["n"].tolist() == [PEOPLE], "who did not finish does not count"
    _print_comparison(country)
    said = capsys.readouterr().out
    assert "40 institutions compared, 1 to look at" in said
    assert "in at most 5% of rounds" in " ".join(said.split())
    assert coached[:9] in said


def test_the_page_names_nobody_and_no_small_number(country: RoundSetup) -> None:
    found = compare_institutions(country, store_of(country))
    html = coaching_text(found, country).to_html("en")
    assert "In each of 40 institutions the answers were compared" in html
    assert "fewer than 10, perhaps none." in html
    assert "contoh" not in html
    assert "kurang dari 10, mungkin juga tidak ada." in coaching_text(found, country).to_html("id")


@pytest.mark.parametrize(
    ("flagged", "said"),
    [
        (0, "fewer than 10"),
        (9, "fewer than 10"),
        (10, "10 institutions are flagged. On average at most about one flag in 20 is a false alarm."),
        (30, "30 inst"),
        (31, "How many are flagged is not shown"),
        (40, "How many are flagged is not shown"),
    ],
)
def test_a_number_that_gives_somebody_away_is_not_shown(country: RoundSetup, flagged: int, said: str) -> None:
    rows = pd.DataFrame({"institution_id": country.institution_ids, "flagged": np.arange(COUNT) < flagged})
    assert said in coaching_text(Comparison(rows, COUNT), country).to_html("en")


def test_one_institution_too_few_and_nobody_is_compared(
    country: RoundSetup, capsys: pytest.CaptureFixture[str]
) -> None:
    coaching = country.round.coaching
    assert coaching is not None
    more = country.round.model_copy(update={"coaching": coaching.model_copy(update={"min_institutions": COUNT + 1})})
    wider = replace(country, round=more)
    found = compare_institutions(wider, store_of(wider))
    assert found.rows.empty
    assert (found.looked_at, found.enough) == (0, COUNT)
    _print_comparison(wider)
    assert "this takes 41 with at least 30 answers of a source; here 40" in " ".join(capsys.readouterr().out.split())
    assert "takes at least 41 institutions with 30 answers each" in coaching_text(found, wider).to_html("en")


def test_a_round_that_names_no_comparison_makes_none(country: RoundSetup, capsys: pytest.CaptureFixture[str]) -> None:
    without = replace(country, round=country.round.model_copy(update={"coaching": None}))
    _print_comparison(without)
    assert "no `coaching` parameters" in capsys.readouterr().out
    found = compare_institutions(without, store_of(without))
    assert "There is nothing to show." in coaching_text(found, without).to_html("en")


def test_a_small_round_is_told_how_many_it_takes() -> None:
    result = CliRunner().invoke(app, ["check-conduct", "--workspace", str(PROJECT)])
    assert result.exit_code == 0
    assert "this takes 100 with at least 30 answers" in " ".join(result.output.split())


# Forms of the questionnaire, given by the draw.


@pytest.fixture(scope="module")
def formed(country: RoundSetup, tmp_path_factory: pytest.TempPathFactory) -> RoundSetup:
    """The same institutions with both forms; in the sixth half of the people tick the places of one form in both."""
    given = {"institutions": list(country.institution_ids), "sources": ["internal"],
             "shares": {"usual": 0.5, "reversed": 0.5}, "source": "a test", "as_of": "2024-07-01"}  # fmt: skip
    round_ = country.round.model_copy(update={"forms": FormParams.model_validate(given)})
    made = replace(elsewhere(country, tmp_path_factory.mktemp("forms")), round=round_)
    store, rng = store_of(made), np.random.default_rng(4)
    items = [item.code for item in made.instrument.items("internal")]
    for number, code in enumerate(made.institution_ids):
        answers = _answers(made, code, rng, coached=False)
        form = np.where(np.arange(len(answers)) % 2, "reversed", "usual")
        if number == 5:
            told = np.arange(len(answers)) % 4 < 2
            best = np.array([item.direction == "positive" for item in made.instrument.items("internal")])
            ticks = np.where((form[:, None] == "usual") == best, 6.0, 1.0)
            answers[items] = np.where(told[:, None], ticks, answers[items])
        # The first person of the first institution has no form: she was not drawn.
        answers["form"] = np.where((number == 0) & (np.arange(len(answers)) == 0), None, form)
        store.write("responses", code, answers)
        people = answers[["institution_id", "source", "person_id", "form"]]
        drawn = {"stratum": "all", "pop_size": 100, "inclusion_prob": 0.5, "base_weight": 2.0, "prn": 0.5, "wave": 1}
        store.write("sample", code, people.assign(**drawn))
    return made


def test_who_answers_by_place_is_named_to_those_who_run_the_survey(
    formed: RoundSetup, capsys: pytest.CaptureFixture[str]
) -> None:
    found, told = compare_forms(formed, store_of(formed)), formed.institution_ids[5]
    assert (found.looked_at, found.enough) == (COUNT, COUNT)
    assert found.flagged["institution_id"].tolist() == [told]
    first = found.rows.set_index("institution_id").loc[formed.institution_ids[0]]
    assert first["n_usual"] + first["n_reversed"] == PEOPLE - 1, "neither who did not finish nor who has no form"
    _print_forms(formed)
    said = " ".join(capsys.readouterr().out.split())
    assert "40 with two orders of the questionnaire, 1 where answers follow the place" in said


def test_the_page_says_of_how_many_it_was_asked_and_names_nobody(formed: RoundSetup, country: RoundSetup) -> None:
    found = compare_forms(formed, store_of(formed))
    html = forms_text(found, formed).to_html("en")
    assert "(number of institutions: 40)" in html
    assert "at least 90% of surveys like this would end without a single flag" in html
    assert "fewer than 10, perhaps none." in html
    assert "contoh" not in html
    assert "(jumlah instansi: 40)" in forms_text(found, formed).to_html("id")
    nowhere = compare_forms(country, store_of(country))
    assert nowhere.rows.empty
    assert "in two orders" in forms_text(nowhere, country).to_html("en")


def test_too_few_answers_by_forms_are_said(formed: RoundSetup, capsys: pytest.CaptureFixture[str]) -> None:
    coaching = formed.round.coaching
    assert coaching is not None
    wider = replace(formed, round=formed.round.model_copy(
        update={"coaching": coaching.model_copy(update={"min_answers": PEOPLE + 9})}))  # fmt: skip
    assert compare_forms(wider, store_of(wider)).rows.empty
    _print_forms(wider)
    assert "this takes 40 answers of a source by both forms" in " ".join(capsys.readouterr().out.split())
    without = replace(formed, round=formed.round.model_copy(update={"coaching": None}))
    assert compare_forms(without, store_of(without)).rows.empty
    _print_forms(without)
    assert capsys.readouterr().out == ""
