"""Degrees of freedom of domains: one rule in every estimator, R's figures, and the rank itself on random designs."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.survey.estimation import (
    ReplicateDesign,
    SurveyDesign,
    chi_square,
    contrast,
    estimate_mean,
    estimate_proportion,
    estimate_quantile,
    estimate_ratio,
    estimate_regression,
    estimate_total,
    estimate_variance,
    replication,
    t_test,
)
from spi_analysis.survey.weighting import ReplicateWeights, brr_replicates, jackknife_replicates, rake
from spi_analysis.survey.weighting.bootstrap import bootstrap_replicates

Rows = Callable[[pd.DataFrame], pd.Series]


def toy(rows_per_unit: int = 1) -> pd.DataFrame:
    """Four strata of four primary units."""
    cells = [(k, u, h) for h in range(1, 5) for u in range(1, 5) for k in range(1, rows_per_unit + 1)]
    data = pd.DataFrame(cells, columns=["k", "u", "h"])
    y = np.arange(1.0, len(data) + 1) ** 1.3
    return data.assign(psu=data["h"].astype(str) + "-" + data["u"].astype(str), w=10.0 + data["u"] + data["k"], y=y)


def designs(data: pd.DataFrame) -> dict[str, SurveyDesign | ReplicateDesign]:
    made = jackknife_replicates(data, "w", "h", "psu")
    return {"taylor": SurveyDesign(data, "w", "h", "psu"), "jkn": design_of(data, made)}


def design_of(data: pd.DataFrame, made: ReplicateWeights, **options: object) -> ReplicateDesign:
    return ReplicateDesign(data, "w", made.values, "other", scale=made.scale, rscales=made.rscales, **options)


# R survey 4.1.1 (R 4.2.2), 2026-11-28: t <- svydesign(~psu, strata=~h, weights=~w, data=d);
# j <- as.svrepdesign(t, type="JKn"); degf(t), degf(subset(t, h < 4)), ... and the same of j, in the order of DOMAINS.
DOMAINS: dict[str, tuple[Rows, float, float]] = {
    "everybody": (lambda d: d["h"] > 0, 12, 12),
    "three whole strata": (lambda d: d["h"] < 4, 9, 9),
    "one whole stratum": (lambda d: d["h"] == 1, 3, 3),
    "half of every stratum": (lambda d: d["u"] < 3, 4, 7),
    "one unit": (lambda d: (d["h"] == 1) & (d["u"] == 1), 0, 0),
    "a stratum, and three units of another": (lambda d: (d["h"] == 2) | (d["h"] == 1) & (d["u"] < 4), 5, 6),
}


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_domains_of_a_jackknife_have_the_degrees_that_r_gives_them(domain: str, rows_per_unit: int) -> None:
    data = toy(rows_per_unit)
    rows, taylor, jackknife = DOMAINS[domain]
    for name, wanted in (("taylor", taylor), ("jkn", jackknife)):
        design = designs(data)[name].subset(rows(data))
        assert estimate_mean(design, "y").table["df_design"].tolist() == [wanted], name


def test_a_missing_value_is_outside_the_domain() -> None:
    """R as above, on two rows a unit, y missing in the first unit of stratum 2 and in half the rows of stratum 3:
    degf(subset(t, !is.na(y))) 11, of stratum 2 alone 2, of strata 1 and 2 5; of the jackknife 12, 2, 6."""
    data = toy(2)
    gone = (data["h"] == 2) & (data["u"] == 1) | (data["h"] == 3) & (data["k"] == 1)
    data = data.assign(y=data["y"].mask(gone))
    for name, wanted in (("taylor", [11, 2, 5]), ("jkn", [12, 2, 6])):
        design = designs(data)[name]
        parts = [design, design.subset(data["h"] == 2), design.subset(data["h"] < 3)]
        assert [estimate_mean(part, "y").table["df_design"][0] for part in parts] == wanted, name
    # svyglm(I(y > 40) ~ u, subset(j, !is.na(y) & h < 4)): df.residual 8.
    jackknife = designs(data.assign(yes=(data["y"] > 40).astype(float).mask(gone)))["jkn"]
    assert estimate_regression(jackknife.subset(data["h"] < 4), "yes ~ u").table["df_design"].tolist() == [8, 8]


@pytest.mark.parametrize("fay", [0.0, 0.3])
def test_domains_of_balanced_half_samples(fay: float) -> None:
    """R as above, 8 strata of 2 units, type "BRR" and "Fay": 8, of four strata 4, of one unit each 7, of both 8, of one
    stratum 1."""
    data = pd.DataFrame([(u, h) for h in range(8) for u in range(2)], columns=["u", "h"])
    data = data.assign(psu=data["h"] * 2 + data["u"], w=5.0 + data["h"], y=np.arange(16.0))
    design = design_of(data, brr_replicates(data, "w", "h", "psu", fay=fay))
    first, four = data["u"] == 0, data["h"] < 4
    domains = [first | ~first, four, first, four | first, data["h"] == 2]
    assert [design.subset(rows).df() for rows in domains] == [8, 4, 7, 8, 1]


def test_every_estimator_has_the_degrees_of_its_domain() -> None:
    """Domain a: strata 1 to 3, b: stratum 4: 9 and 3 with either design, whatever is estimated."""
    data = toy(2).assign(x=1.0, d=lambda t: np.where(t["h"] < 4, "a", "b"), c=lambda t: np.where(t["k"] > 1, "m", "n"))
    for name, design in designs(data).items():
        found = {
            "mean": estimate_mean(design, "y", by="d"),
            "total": estimate_total(design, "y", by="d"),
            "ratio": estimate_ratio(design, "y", "x", by="d"),
            "variance": estimate_variance(design, "y", by="d"),
            "quantile": estimate_quantile(design, "y", 0.5, by="d"),
        }
        if name == "jkn":
            found["quantile of replicates"] = estimate_quantile(design, "y", 0.5, by="d", interval="quantile")
        assert {k: v.table["df_design"].tolist() for k, v in found.items()} == {key: [9, 3] for key in found}, name
        shares = estimate_proportion(design, "c", by="d").table
        assert shares.groupby("d")["df_design"].unique().map(list).to_dict() == {"a": [9], "b": [3]}
        assert contrast(found["mean"], {0: 1, 1: -1}).table["df_design"].tolist() == [3], "the smaller of the two"
        part = design.subset(data["d"] == "a")
        assert t_test(part, "y").df == (8,)
        assert chi_square(part.with_columns(data[["u"]] > 2), "u", "c").df[1] == pytest.approx(9), (
            "one contrast times 9"
        )


def test_declared_degrees_are_those_of_the_whole_and_the_most_of_a_domain() -> None:
    data = toy()
    made = jackknife_replicates(data, "w", "h", "psu")
    design = design_of(data, made, df_design=5)
    assert [design.df(), design.subset(data["h"] < 4).df(), design.subset(data["h"] == 1).df()] == [5, 5, 3]
    assert estimate_mean(design, "y", by="h").table["df_design"].tolist() == [3, 3, 3, 3]


def test_nobody_in_the_domain_has_no_degrees() -> None:
    design = designs(toy())["jkn"]
    assert design.df(np.zeros(16, dtype=bool)) == 0


def random_design(seed: int) -> tuple[pd.DataFrame, ReplicateDesign]:
    """Unequal strata, clusters or none, few or many replicates, raked or not, some rows without weight."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 60))
    data = pd.DataFrame({"h": rng.integers(0, int(rng.integers(1, 6)), n), "w": rng.uniform(1, 50, n)})
    sizes = data["h"].map(data["h"].value_counts())
    clusters = rng.integers(0, 6, n) if rng.random() < 0.4 else np.arange(n)
    data = data.assign(sex=rng.integers(0, 2, n), psu=clusters, N=100)[sizes > 1].reset_index(drop=True)
    kind = rng.choice(["bootstrap", "jackknife", "few"])
    if kind == "jackknife":
        made = jackknife_replicates(data.assign(psu=range(len(data))), "w", "h", "psu")
    else:
        count = 150 if kind == "bootstrap" else 12
        made = bootstrap_replicates(data, "w", "h", "psu", "N", count, seed)
    values = made.values * (rng.random(len(data)) < 0.95)[:, None]
    if rng.random() < 0.4 and kind == "bootstrap":
        values = raked(data, values)
    return data, ReplicateDesign(data, "w", values, "other", scale=made.scale, rscales=made.rscales)


def raked(data: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    totals = {"sex": data.groupby("sex")["w"].sum().to_dict()}
    columns = [rake(data.assign(w=column), "w", totals) for column in values.T]
    return np.column_stack(columns)


@given(seed=st.integers(0, 10_000), eliminated=st.booleans())
@settings(max_examples=60, deadline=None)
def test_ranks_in_coordinates_are_ranks(seed: int, eliminated: bool) -> None:
    """The quick rank against singular values of each domain's own replicates: whole strata, both sexes, random rows."""
    data, design = random_design(seed)
    table = replication.RowRanks(design.replicates)
    rng = np.random.default_rng(seed + 1)
    domains = [
        data["h"] <= rng.integers(0, 5),
        data["sex"] == 1,
        *(rng.random((4, len(data))) < [[0.1], [0.5], [0.9], [1]]),
    ]
    rank = table.of if eliminated else table._by_itself
    for rows in map(np.asarray, domains):
        places = np.flatnonzero(rows & (design.replicates > 0).any(axis=1))
        if len(places):
            assert rank(places) == np.linalg.matrix_rank(design.replicates[places], tol=1e-6), len(places)


def test_a_large_table_is_not_eliminated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data, design = random_design(5)
    codes = data["h"].to_numpy()
    wanted = design.df_by(codes, 5).tolist()
    monkeypatch.setattr(replication, "MOST_ROWS", 10)
    assert random_design(5)[1].df_by(codes, 5).tolist() == wanted
