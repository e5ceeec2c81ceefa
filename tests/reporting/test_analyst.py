"""The analysts' tables: nothing that gives somebody away, units said, empty where there is nothing."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spi_analysis.operations.coverage import save_simulation
from spi_analysis.params import Workspace
from spi_analysis.reporting.analyst.nonresponse_weighting import (
    partials_table,
    representativity_table,
    response_chart,
    response_model_tables,
)
from spi_analysis.reporting.analyst.score_analysis import estimates_table, questions_chart
from spi_analysis.reporting.method_checks import (
    coverage_results,
    coverage_table,
    institution_coverage_table,
    means_results,
    means_table,
    truth_table,
    weightings_table,
)
from spi_analysis.stages.weight import WeightedSample, representativity
from tests.views import views_in


def _sample(groups):
    """People of units: name -> (invited, answered)."""
    rows = [
        {"source": "external", "unit": unit, "disposition": "I" if i < answered else "NC", "base_weight": 1.0}
        for unit, (invited, answered) in groups.items()
        for i in range(invited)
    ]
    nothing = pd.DataFrame()
    return WeightedSample(nothing, nothing, nothing, pd.DataFrame(rows))


def _evenness(groups, setup):
    """Representativity of a source whose units answered so many of so many."""
    people = _sample(groups).sample.assign(sex="female", age_group="30-39", stratum="all")
    alone = setup.round.model_copy(update={"sources": {"external": setup.round.sources["external"]}})
    return representativity(people, alone)


def test_the_r_indicator_stands_beside_the_cv_that_is_to_be_read(setup):
    """8 % in all, in one half twice as often as in the other: R is 1 - 2 * 0.08 / 3, the CV one third."""
    found = _evenness({"A": (3000, 160), "B": (3000, 320)}, setup)
    (row,) = representativity_table(found, setup.round).data.to_dict("records")
    assert row["response"] == pytest.approx(0.08)
    assert pytest.approx(row["r"], abs=0.005) == 1 - 2 * 0.08 / 3
    assert row["cv"] == pytest.approx(1 / 3, abs=0.02)
    html = representativity_table(found, setup.round).to_html("en")
    assert "at a rate of 8.0% it would be 0.95 even if half" in html
    (part,) = partials_table(found, setup.round).data.to_dict("records")
    assert part["variable"] == "unit"
    assert part["between"] == pytest.approx(row["cv"], abs=0.02)


def test_odds_of_answering_are_compared_with_the_largest_group(setup):
    """A: 40 of 100, odds 2/3; B: 160 of 200, odds 4; the ratio is 1/6."""
    found = _evenness({"A": (100, 40), "B": (200, 160)}, setup)
    (view,) = views_in(response_model_tables(found, setup.round))
    (row,) = view.data.to_dict("records")
    assert (row["variable"], row["category"], row["estimate"]) == ("unit", "A", pytest.approx(1 / 6, abs=0.005))
    assert row["ci_low"] < row["estimate"] < row["ci_high"] < 1
    assert "Compared with: Unit: B." in view.to_html("en")
    assert "Dibandingkan dengan: Unit kerja: B." in view.to_html("id")


def test_no_odds_where_few_answered(setup):
    shown = response_model_tables(_evenness({"A": (100, 9), "B": (100, 50)}, setup), setup.round)
    assert views_in(shown) == []
    assert "Too few answered" in shown.to_html("en")


def test_too_few_answers_tell_nothing_of_groups(setup):
    found = _evenness({"A": (100, 9), "B": (100, 50)}, setup)
    assert found == {"external": None}, "A is merged with B, and then there is one group"
    for shown in (representativity_table(found, setup.round), partials_table(found, setup.round)):
        assert "Too few answered" in shown.to_html("en")
        assert "<table" not in shown.to_html("en")


def _chart(groups, setup, language="id"):
    return response_chart(_sample(groups).sample, setup.round, "external", "unit").to_html(language)


def test_a_rate_is_hidden_by_the_number_of_answers_not_of_invitations(setup):
    html = _chart({"A": (100, 50), "B": (100, 40), "C": (100, 4), "D": (100, 95), "E": (100, 60)}, setup)
    description = re.search(r"<desc[^>]*>(.*?)</desc>", html).group(1)
    assert re.findall(r"\b([A-E]): ", description) == ["B", "A", "E"]
    assert "Tidak ditampilkan (2)" in html
    assert "C; D." in html


def test_a_single_hidden_rate_takes_another_with_it(setup):
    """From the total and the others the hidden one could be worked out."""
    html = _chart({"A": (100, 50), "B": (100, 40), "C": (100, 4)}, setup)
    assert "Tidak ditampilkan (2)" in html
    assert "B; C." in html


@pytest.mark.parametrize("groups", [{"A": (9, 5), "B": (4, 1)}, {"A": (12, 12)}, {"A": (30, 0)}])
def test_an_institution_too_small_for_any_rate_gets_a_sentence(setup, groups):
    html = _chart(groups, setup)
    assert "<svg" not in html
    assert "terlalu sedikit" in html
    assert "%" not in html


def test_the_index_has_no_effective_number_and_chances_are_percent(scored, setup):
    index = estimates_table(scored, "index", setup.instrument, setup.round).to_html("en")
    row = re.search(r"(?s)<tr[^>]*>(?:(?!</tr>).)*>Index</th>.*?</tr>", index).group()
    assert re.findall(r">([^<>]*)</td>", row)[-1] == "–"
    chances = estimates_table(scored, "chances", setup.instrument, setup.round).to_html("en")
    assert all("%" in cell for cell in re.findall(r">([^<>]*)</td>", chances))


def test_every_question_has_a_cell_and_a_hidden_one_a_dash(scored, setup):
    """29 questions for employees, 11 for users, 6 for experts; 49.6 % is written 50 % and reaches the first step."""
    ours = scored.estimates["measure"].eq("item_favourable")
    changed = scored.estimates.assign(estimate=scored.estimates["estimate"].mask(ours, 49.6))
    changed.loc[ours & changed["part"].eq("int_tra_2"), "estimate"] = None
    view = questions_chart(replace(scored, estimates=changed), setup.instrument)
    assert view.data["source"].value_counts().to_dict() == {"internal": 29, "external": 11, "expert": 6}
    assert view.data.loc[view.data["estimate"].isna(), ["number", "item"]].to_numpy().tolist() == [[2, "int_tra_2"]]
    axes = view.figure("en").axes[0]
    assert [text.get_text() for text in axes.texts[:46]].count("50%") == 45
    assert axes.texts[1].get_text() == "–"
    assert "Transparency (Internal)" in [text.get_text() for text in axes.texts]
    (mesh,) = axes.collections
    assert sorted(set(mesh.get_array().compressed())) == [0, 1], "none, and the first of the steps"


def test_a_round_without_questions_has_no_picture_of_them(scored, setup):
    none = scored.estimates[scored.estimates["measure"] != "item_favourable"]
    html = questions_chart(replace(scored, estimates=none), setup.instrument).to_html("en")
    assert "There is nothing to show." in html


def test_without_a_simulation_the_method_checks_say_what_to_run(setup, tmp_path):
    assert coverage_table(None).to_html("id") == "<p>Belum dihitung: jalankan `spi coverage`.</p>"
    for shown in (institution_coverage_table(None, setup, "additive", "own"), truth_table(None, setup)):
        assert "run `spi coverage`" in shown.to_html("en")


def test_the_interval_of_a_coverage_does_not_vanish_at_100_percent(setup):
    runs = pd.DataFrame(
        {
            "world": "additive", "response": "own", "measure": "index", "institution_id": "kota-mojokerto",
            "seed": range(50), "truth": 70.0, "estimate": 70 + np.linspace(-1, 1, 50), "unweighted": 71.0, "se": 1.0,
            "ci_low": 60.0, "ci_high": 80.0, "n": 500,
        }
    )  # fmt: skip
    html = coverage_table(runs).to_html("id")
    assert "100,0%" in html
    # Wilson at 50 of 50: from 50 / (50 + 1.96^2) = 92.9 % on.
    assert "93% sampai 100%" in html
    # Always one point too high without weights.
    assert re.search(r"Galat tanpa bobot</th>", html)
    assert "1,00</td>" in html


def test_results_are_read_where_the_simulation_keeps_them(setup, tmp_path):
    elsewhere = replace(setup, workspace=Workspace(tmp_path))
    for name, read in {"coverage": coverage_results, "means": means_results}.items():
        assert read(elsewhere) is None
        save_simulation(elsewhere, name, pd.DataFrame({"world": [name]}))
        assert read(elsewhere)["world"].tolist() == [name]


def test_ways_of_weighting_stand_side_by_side():
    """Ten runs each: one way always 1 too high (RMSE 1), the other 2; a run without a model is not counted."""
    way = {"world": "additive", "response": "census", "measure": "internal", "truth": 70.0, "unweighted": 73.0, "n": 90}
    runs = pd.DataFrame(
        [
            {**way, "weighting": name, "estimate": 70 + off, "se": 1.0, "ci_low": 68.5 + off, "ci_high": 71.5 + off}
            for name, off in (("round", 1.0), ("unit_model", 2.0))
            for _ in range(10)
        ]
        + [{**way, "weighting": "unit_model"}]
    )
    shown = weightings_table(runs)
    assert shown.data.set_index("weighting")[["runs", "rmse", "below"]].to_dict("index") == {
        "round": {"runs": 10, "rmse": 1.0, "below": 0.0}, "unit_model": {"runs": 10, "rmse": 2.0, "below": 1.0},
    }  # fmt: skip
    assert "model of units and classes" in shown.to_html("en")
    assert "coverage --compare" in weightings_table(None).to_html("id")


def test_results_of_before_there_were_worlds_count_as_none(setup, tmp_path):
    elsewhere = replace(setup, workspace=Workspace(tmp_path))
    save_simulation(elsewhere, "coverage", pd.DataFrame({"mechanism": ["at_random"]}))
    assert coverage_results(elsewhere) is None


def test_small_cells_of_the_grid_stand_apart(setup):
    means = pd.DataFrame(
        {
            "population": [80, 400, 80], "invited": 1.0, "response": [0.6, 0.25, 0.08], "shape": "skewed",
            "runs": [2000, 2000, 1], "n": [47.8, 12.3, 2.0], "bias": 0.1, "sd": 1.4, "se": 1.4, "width": 5.6,
            "coverage": [0.941, 0.903, 1.0], "coverage_error": 0.005,
        }
    )  # fmt: skip
    many, few = (means_table(means, setup, enough=enough).to_html("id") for enough in (True, False))
    assert "94,1%" in many
    assert "90,3%" not in many
    assert "90,3%" in few
    assert "100,0%" not in few, "a single run says nothing of coverage"
    assert "spi coverage" in means_table(None, setup, enough=True).to_html("en")


def test_what_sources_of_different_kind_share_has_no_effective_number_of_answers(scored, setup):
    """Neither the index nor its change: employees, users and experts cannot be counted as one kind."""
    for which, measure in (("index", "Index"), ("change", "Change since")):
        html = estimates_table(scored, which, setup.instrument, setup.round).to_html("en")
        rows = [re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"(?s)<tr.*?</tr>", html)]
        heads, found = rows[0], [row for row in rows if row[0].startswith(measure)]
        assert found
        assert "Effective answers" not in heads or {row[heads.index("Effective answers")] for row in found} == {"–"}
