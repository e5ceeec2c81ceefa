"""Units estimated by a model: between the direct score and the common mean, and nearer to the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.stages.score import model_rows, model_state


def units(scores: list[float], answers: list[float], sd: float = 20.0, source: str = "internal") -> pd.DataFrame:
    n = np.array(answers)
    columns = {"source": source, "domain": [f"unit {i}" for i in range(len(n))], "estimate": scores, "n": n}
    figures = {"se": sd / np.sqrt(n), "effective_n": n, "df_design": n - 1, "ci_low": 0.0, "ci_high": 100.0}
    return pd.DataFrame(columns | figures | {"measure": "unit_score", "status": "shown"})


GIVEN = units([50.0, 60, 70, 75, 80, 62], [12, 200, 12, 200, 40, 90])


def rows(table: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    return model_rows(table, setup.round.small_area, 0.95)


def test_few_answers_are_drawn_towards_the_common_mean(setup: RoundSetup) -> None:
    made = rows(GIVEN, setup).set_index("domain")
    direct = GIVEN.set_index("domain")["estimate"]
    moved = (made["estimate"] - direct).abs()
    assert made.loc["unit 0", "estimate"] > 50
    assert made.loc["unit 4", "estimate"] < 80
    assert moved["unit 0"] > moved["unit 1"], "12 answers move, 200 hardly do"
    assert (made["se"] < GIVEN.set_index("domain")["se"]).all()


def test_every_figure_is_there(setup: RoundSetup) -> None:
    made = rows(GIVEN, setup)
    assert (made["measure"] == "unit_score_model").all()
    assert ((made["ci_low"] < made["estimate"]) & (made["estimate"] < made["ci_high"])).all()
    assert made["n"].tolist() == GIVEN["n"].tolist()


def test_hidden_units_neither_appear_nor_count(setup: RoundSetup) -> None:
    hidden = GIVEN.assign(status=["suppressed"] + ["shown"] * 5)
    changed = hidden.assign(estimate=[99.0, *GIVEN["estimate"][1:]])
    pd.testing.assert_frame_equal(rows(hidden, setup), rows(changed, setup))
    assert "unit 0" not in set(rows(hidden, setup)["domain"])


def test_too_few_units_have_no_model(setup: RoundSetup) -> None:
    assert rows(GIVEN.head(4), setup).empty
    assert rows(GIVEN.assign(status="withheld"), setup).empty


def test_units_that_differ_by_chance_only_have_no_model(setup: RoundSetup) -> None:
    """Every unit would get the same figure, and the one measured best the widest interval."""
    alike = units([60.1, 60.0, 59.9, 60.05, 60.0], [10, 20, 40, 80, 160])
    assert rows(alike, setup).empty
    assert model_state(alike, "internal", setup.round.small_area) == "no_spread"


def test_one_source_without_spread_leaves_the_other_its_model(setup: RoundSetup) -> None:
    alike = units([60.1, 60.0, 59.9, 60.05, 60.0], [10] * 5, source="external")
    both = pd.concat([GIVEN, alike], ignore_index=True)
    made = rows(both, setup)
    assert set(made["source"]) == {"internal"}
    whole = pd.concat([both, made], ignore_index=True)
    states = {source: model_state(whole, source, setup.round.small_area) for source in ("internal", "external")}
    assert states == {"internal": "modelled", "external": "no_spread"}
    assert model_state(GIVEN.head(4), "internal", setup.round.small_area) == "few_units"


def test_nearer_to_the_truth_than_the_direct_scores(setup: RoundSetup) -> None:
    """200 institutions of eight units, true spread 5 points, 12 answers each (error 5.8): mean squared errors.

    Where there is no model the direct scores stand.
    """
    rng = np.random.default_rng(4)
    lost = []
    for _ in range(200):
        true = rng.normal(70, 5, 8)
        direct = true + rng.normal(0, 20 / np.sqrt(12), 8)
        found = rows(units(list(direct), [12.0] * 8), setup)["estimate"].to_numpy()
        made = found if len(found) else direct
        lost.append([((made - true) ** 2).mean(), ((direct - true) ** 2).mean()])
    model, direct_error = np.mean(lost, axis=0)
    assert model < 0.75 * direct_error
