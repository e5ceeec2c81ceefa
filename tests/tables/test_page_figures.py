"""What is released is what is shown: one rounding for words, charts and files."""

import pandas as pd
import pytest

from spi_analysis.reporting.wording import words
from spi_analysis.tables.page_figures import EXACT, as_shown, rounded


@pytest.mark.parametrize("x", [0.075, 2.675, 0.125, -0.004, 77.295, 1e-9, -12.345, 100.0, 0.5, 1.5])
@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_a_figure_reads_in_the_file_as_on_the_page(x: float, decimals: int) -> None:
    """Also halves and what is nearly one: 0.075 is a little less in binary, so 0.07 (numpy's rounding says 0.08)."""
    assert f"{rounded(x, decimals):.{decimals}f}".replace("-", "−") == words("en").number(x, decimals).replace(",", "")


def test_every_figure_is_rounded_and_nothing_else_is_touched() -> None:
    table = pd.DataFrame(
        {
            "unit": ["a", "b"],
            "estimate": [70.61261208702625, float("nan")],
            "se": [2.881082670063905, float("nan")],
            "effective_n": [8.172322609716453, float("nan")],
            "n": [11.0, float("nan")],
            "level": [0.9755, 0.9755],
            "kish_deff": [1.3079718, 1.0],
            "nobody_thought_of": [0.123456789, -0.001],
            "mixed": pd.Series([2.675, "x"], dtype=object),
            "shown": [True, False],
            "count": [1, 2],
        }
    )
    shown = as_shown(table, {"estimate": 1, "se": 1, "n": 0})
    assert shown.iloc[0].tolist() == ["a", 70.6, 2.9, 8, 11, 0.9755, 1.31, 0.12, 2.67, True, 1]
    assert shown["nobody_thought_of"].tolist() == [0.12, 0.0]
    assert shown[["estimate", "se", "effective_n", "n"]].iloc[1].isna().all(), "what is hidden stays hidden"
    assert str(shown["effective_n"].dtype) == str(shown["n"].dtype) == "Int64", "a count is written as one"
    assert as_shown(table, {"estimate": EXACT})["estimate"][0] == table["estimate"][0]
