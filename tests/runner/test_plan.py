"""The plan: what runs, for whom, after what."""

import pickle
from pathlib import Path

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import Workspace
from spi_analysis.runner.plan import METHOD_CHECKS, design_simulator_step, method_checks_step, plan_steps


def test_all_notebooks_for_every_institution_and_one_overview():
    steps = plan_steps(["a", "b"])
    assert [step.key for step in steps] == [
        (number, institution) for number in ("10", "20", "30", "40", "50") for institution in ("a", "b")
    ] + [("90", ""), ("92", "")]


def test_a_step_waits_for_what_it_needs_of_its_own_institution():
    after = {step.key: step.after for step in plan_steps(["a", "b"])}
    assert after[("40", "a")] == (("30", "a"),)
    assert after[("50", "b")] == (("40", "b"),)
    assert after[("90", "")] == (("50", "a"), ("50", "b"))
    assert after[("10", "a")] == ()
    assert after[("92", "")] == (), "the published years are there before any answer"


def test_a_chosen_notebook_does_not_wait_for_one_that_is_not_run():
    assert [step.after for step in plan_steps(["a"], ["40"])] == [()]


def test_unknown_notebook_names_the_nearest():
    with pytest.raises(ParameterError, match="40_score_analysis"):
        plan_steps(["a"], ["4x_score_analysis"])


def test_outputs_go_where_they_belong(tmp_path):
    workspace = Workspace(tmp_path)
    by_key = {step.key: step for step in plan_steps(["a"])}
    assert by_key[("50", "a")].folder(workspace, "r") == tmp_path / "outputs" / "r" / "a"
    assert by_key[("90", "")].folder(workspace, "r") == tmp_path / "outputs" / "r"


def test_a_step_is_the_same_after_it_crossed_a_process():
    step = pickle.loads(pickle.dumps(method_checks_step()))
    assert step.notebook == METHOD_CHECKS
    assert step.folder(Workspace(Path("x")), "r").name == "method_checks"


def test_what_researchers_explore_is_run_for_all_when_it_is_asked_for():
    assert "60" not in {planned.notebook.number for planned in plan_steps(["a"])}
    (step,) = plan_steps(["a"], ["60"])
    assert step.key == ("60", "")
    assert step.folder(Workspace(Path("x")), "r") == Path("x/outputs/r")


def test_the_design_simulator_is_run_for_one_institution_and_never_by_the_batch():
    step = design_simulator_step("a")
    assert step.key == ("15", "a")
    assert step.folder(Workspace(Path("x")), "r") == Path("x/outputs/r/a")
    assert "15" not in {planned.notebook.number for planned in plan_steps(["a"])}
