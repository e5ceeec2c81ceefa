"""The covariance by blocks of rows is that of a column per domain, which nobody could afford for many rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.survey.estimation import SurveyDesign, estimate_mean, estimate_ratio, estimate_total
from spi_analysis.survey.estimation.domains import BLOCK, RUN, Ratios, Variable, domains_of


def survey(seed: int, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    h = rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "h": h,
            "w": rng.uniform(1, 5, n) * (rng.random(n) > 0.1),
            "N": np.array([100.0, 60, 80, 300])[h],
            "d": rng.choice(["a", "b", "c", None], n),
            "y": rng.normal(1000, 5, n),
            "x": np.where(rng.random(n) < 0.2, np.nan, rng.uniform(1, 2, n)),
        }
    )


@given(seed=st.integers(0, 300), fpc=st.booleans(), total=st.booleans(), by=st.sampled_from([None, "d", ["d", "h"]]))
def test_blocks_are_the_full_matrix(seed: int, fpc: bool, total: bool, by) -> None:
    data = survey(seed)
    design = SurveyDesign(data, "w", stratum="h", pop_size="N" if fpc else None, lonely_psu="certainty")
    variables = [Variable({}, data["y"].to_numpy()), Variable({}, data["x"].to_numpy(), data["y"].to_numpy())]
    ratios = Ratios(design, variables, domains_of(data, design.in_domain, by), total)
    assert design.rows_are_units
    by_blocks, by_columns = ratios.covariance()[0], design.covariance(ratios._influence())
    known = ~np.isnan(by_blocks)
    np.testing.assert_allclose(by_blocks[known], by_columns[known], rtol=1e-9, atol=1e-12 * np.abs(by_columns).max())


def test_more_rows_than_a_block_holds() -> None:
    """The same people twice, in other strata: the variance of the total doubles."""
    n = (RUN + 1) * BLOCK + 17
    data = survey(1, n)
    both = pd.concat([data, data.assign(h=data["h"] + 10)], ignore_index=True)
    once, twice = (estimate_total(SurveyDesign(d, "w", "h"), "y", by="d").table["se"] ** 2 for d in (data, both))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-12)


def test_what_is_constant_in_every_stratum_is_estimated_without_error() -> None:
    data = survey(2).assign(y=lambda d: 1e6 + 1000.0 * d["h"], w=lambda d: 3.0 + d["h"])
    assert estimate_total(SurveyDesign(data, "w", "h"), "y").table["se"].iloc[0] == pytest.approx(0, abs=1e-6)


def test_a_ratio_of_a_variable_to_itself_has_no_error() -> None:
    data = survey(3)
    table = estimate_ratio(SurveyDesign(data, "w", "h"), "y", "y", by="d").table
    assert table["estimate"].tolist() == pytest.approx([1.0] * 3)
    assert table["se"].tolist() == pytest.approx([0.0] * 3, abs=1e-15)


def test_domain_codes_follow_the_order_of_the_labels() -> None:
    data = pd.DataFrame({"a": pd.Categorical(["y", "x", "y", None], ["x", "y", "z"]), "b": [2, 1, 1, 1]})
    domains = domains_of(data, np.array([True, True, True, True]), ["a", "b"])
    assert domains.labels.to_numpy().tolist() == [["x", 1], ["y", 1], ["y", 2]], "no empty cells, z does not occur"
    assert domains.codes.tolist() == [2, 0, 1, -1]


def test_rows_outside_the_subset_are_in_no_domain() -> None:
    data = survey(4)
    inside = (data["y"] > 1000).to_numpy()
    design = SurveyDesign(data, "w", "h").subset(inside)
    table = estimate_mean(design, "y", by="d").table
    counted = data[inside & (data["w"] > 0)].groupby("d").size()
    assert table["n"].tolist() == counted.tolist()
