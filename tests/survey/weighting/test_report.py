"""The report of a recipe: its figures by hand, in print, and in pictures."""

import subprocess
import sys

import pandas as pd
import pytest

from spi_analysis.survey.weighting import (
    PostStratify,
    Rake,
    Trim,
    TrimFixed,
    UnknownEligibility,
    WeightingClasses,
    WeightingReport,
    apply_recipe,
    begin_recipe,
)

PEOPLE = pd.DataFrame(
    {"unit": ["a", "a", "b", "b", "<i>"], "base_weight": [1.0, 1, 1, 1, 1], "disposition": ["I", "R", "I", "I", "I"]}
)


def report() -> WeightingReport:
    totals = {"a": 4.0, "b": 4.0, "<i>": 2.0}
    steps = [WeightingClasses("unit"), PostStratify("unit", totals, min_respondents=2), TrimFixed(upper=4)]
    return apply_recipe(PEOPLE, steps).report


def test_figures_by_hand() -> None:
    """Weights 1 1 1 1 1; 2 0 1 1 1; and with a and <i> merged 4 0 2 2 2."""
    table = report().table
    assert table["column"].tolist() == ["base_weight", "nr_weight", "cal_weight", "trimmed_weight"]
    assert table["cases"].tolist() == [5, 4, 4, 4]
    assert table["sum"].tolist() == pytest.approx([5, 5, 10, 10])
    assert table["kish_deff"].tolist() == pytest.approx([1, 4 * 7 / 25, 4 * 28 / 100, 4 * 28 / 100])
    assert table["effective_n"].tolist() == pytest.approx([5, 25 / 7, 100 / 28, 100 / 28])
    assert table["largest"].tolist() == pytest.approx([1, 2, 4, 4])


def test_contribution_of_every_step() -> None:
    steps = report().contributions()
    assert steps["step"].tolist() == ["WeightingClasses", "PostStratify", "TrimFixed"]
    assert steps["deff_factor"].tolist() == pytest.approx([28 / 25, 1, 1])
    assert steps["effective_n_change"].tolist() == pytest.approx([25 / 7 - 5, 0, 0])


def test_it_prints_steps_and_remarks() -> None:
    lines = str(report()).splitlines()
    assert lines[0].split() == ["step", "column", "cases", "sum", "kish_deff", "effective_n", "smallest", "largest"]
    assert lines[2].split() == ["WeightingClasses", "nr_weight", "4", "5.0", "1.120", "3.6", "1", "2"]
    assert lines[5] == "PostStratify: merged unit: a, <i>"
    assert lines[6] == "TrimFixed: no weight is above 4 (fixed)"


def test_its_page_is_escaped() -> None:
    page = report()._repr_html_()
    assert "<td>WeightingClasses</td>" in page
    assert "merged unit: a, &lt;i&gt;" in page
    assert "<i>" not in page


def test_warnings_are_shown() -> None:
    people = pd.DataFrame({"base_weight": [1.0, 1, 1, 1, 8], "disposition": "I"})
    made = apply_recipe(people, [Trim(3.0)]).report
    assert len(made.warnings) == 1
    assert f"Trim: WARNING: {made.warnings[0].removeprefix('Trim: ')}" in str(made)


def test_picture_has_a_line_for_every_step() -> None:
    weights, deff = report().plot().axes
    assert [t.get_text() for t in weights.get_yticklabels()] == list(report().weights.columns)
    assert deff.lines[0].get_xdata().tolist() == report()["kish_deff"].tolist()


def test_picture_of_a_step_that_leaves_nobody_can_be_drawn() -> None:
    people = PEOPLE.assign(disposition="NE")
    made = apply_recipe(people, [Rake({"unit": {"a": 1.0, "b": 2.0, "<i>": 2.0}}, min_respondents=0)]).report
    empty = WeightingReport(made.table, made.weights.assign(cal_weight=0.0))
    assert len(empty.plot().axes) == 2


def test_pictures_are_loaded_when_asked_for() -> None:
    code = "import sys, spi_analysis.survey.weighting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_recipe_can_be_carried_out_step_by_step():
    """Two people stand for 10 each; one answered: 10 and 10, then 20 and 0."""
    sample = pd.DataFrame({"unit": "a", "base_weight": 10.0, "disposition": ["I", "R"]})
    run = begin_recipe(sample, [UnknownEligibility("unit"), WeightingClasses("unit")])
    weights = [run.advanced(n).so_far.weight.tolist() for n in range(4)]
    assert weights == [[10, 10], [10, 10], [20, 0], [20, 0]]
    assert [len(run.advanced(n).left) for n in range(4)] == [2, 1, 0, 0]
    assert len(run.left) == 2, "what has begun stays as it is"
