"""A round's file of an earlier form, brought to today's: values, comments and all else stay."""

import pytest

from spi_analysis.errors import ParameterError
from spi_analysis.params import Workspace, load_setup, upgrade_parameters
from spi_analysis.params.earlier_forms import with_steps
from spi_analysis.params.loading import read_yaml

OLD = """\
# Judgements of the round.
sources:
  internal:
    weighting:
      # Thin classes merge.
      nonresponse: {classes: [unit, sex], min_respondents: 5}
      rake:
        margins: [unit, age_group]
        min_respondents: 4
        tolerance: 1.0e-10

      # Loose.
      trim: {k: 6}
      source: somebody
      as_of: 2024-07-01
  expert:
    nature: panel
schema_version: 2
"""
NEW = """\
# Judgements of the round.
sources:
  internal:
    weighting:
      # Thin classes merge.
      steps:
        - {step: unknown_eligibility, by: [unit, sex], min_respondents: 5}
        - {step: weighting_classes, by: [unit, sex], min_respondents: 5}
        - {step: rake, margins: [unit, age_group], min_respondents: 4, tolerance: 1.0e-10}
        - {step: trim, k: 6}
        - {step: rake, margins: [unit, age_group], min_respondents: 4, tolerance: 1.0e-10, column: recal_weight}
        - {step: drop_ineligible}

      # Loose.
      source: somebody
      as_of: 2024-07-01
  expert:
    nature: panel
schema_version: 2
"""


def test_the_fixed_cascade_becomes_its_steps(tmp_path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(OLD, encoding="utf-8")
    assert with_steps(OLD, read_yaml(path)) == NEW
    path.write_text(NEW, encoding="utf-8")
    assert with_steps(NEW, read_yaml(path)) == NEW, "twice is once"


def in_schema_2(workspace: Workspace) -> str:
    """The project's own round with the weighting as schema 2 had it; its file loses what schema 2 could not say."""
    path, old = workspace.round_params("spi_2024"), []
    path.write_text(path.read_text(encoding="utf-8").replace(", rates: shrunken", ""), encoding="utf-8")
    for line in path.read_text(encoding="utf-8").splitlines():
        step = line.strip().removeprefix("- {step: ").rstrip("}")
        values = step.partition(", ")[2]
        if line == "      steps:" or step in ("drop_ineligible",) or step.startswith("unknown_") or "recal" in step:
            continue
        if step.startswith("weighting_classes"):
            line = f"      nonresponse: {{{values.replace('by:', 'classes:')}}}"
        elif step.startswith(("rake", "trim")):
            line = f"      {step[:4]}: {{{values}}}"
        old.append(line.replace("schema_version: 4", "schema_version: 2"))
    return "\n".join(old) + "\n"


def test_a_round_of_the_earlier_form_is_rewritten_and_kept(workspace: Workspace) -> None:
    path, old = workspace.round_params("spi_2024"), in_schema_2(workspace)
    today = load_setup(workspace, "spi_2024").round
    path.write_text(old, encoding="utf-8")
    with pytest.raises(ParameterError, match=r"(?s)earlier version.*run: spi upgrade"):
        load_setup(workspace, "spi_2024")
    kept = upgrade_parameters(path, dry_run=True)
    assert path.read_text(encoding="utf-8") == old, "said, not done"
    assert upgrade_parameters(path) == kept
    assert kept.read_text(encoding="utf-8") == old
    assert load_setup(workspace, "spi_2024").round == today
    assert upgrade_parameters(path) is None


def test_what_else_is_wrong_stops_the_upgrade(workspace: Workspace) -> None:
    path = workspace.round_params("spi_2024")
    old = in_schema_2(workspace).replace("min_cell: 10", "min_cell: 1")
    path.write_text(old, encoding="utf-8")
    with pytest.raises(ParameterError, match="min_cell"):
        upgrade_parameters(path)
    assert path.read_text(encoding="utf-8") == old
    assert sorted(one.name for one in path.parent.glob("*schema*")) == []
