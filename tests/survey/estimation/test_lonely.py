"""Strata of a single unit: the rules against R, for totals, means, ratios, domains and three stages.

R 4.2.2, survey 4.1-1 (Debian), 2026-11-22, options(survey.lonely.psu = "adjust" or "average").
"""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.estimation import SurveyDesign, estimate_mean, estimate_ratio, estimate_total

# s <- svydesign(id = ~1, strata = ~h, weights = ~w, fpc = ~N, data = d), or without fpc
DATA = pd.DataFrame(
    {
        "h": list("aaabbcd"),
        "N": [9, 9, 9, 8, 8, 5, 4],
        "w": [3.0, 3, 3, 4, 4, 5, 4],
        "y": [2.0, 7, 4, 9, 5, 8, 3],
        "x": [1.0, 4, 2, 6, 2, 4, 2],
        "g": list("ppqppqq"),
    }
)

# In R: s <- svydesign(id = ~cl + hh + p, strata = ~h, fpc = ~N + M + K, weights = ~w, data = m)
THREE_STAGES = pd.DataFrame(
    {
        "cl": [1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4],
        "hh": [1, 1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 8],
        "p": range(1, 13),
        "h": list("aaaaaaaaaabb"),
        "N": [6] * 10 + [5] * 2,
        "M": [4, 4, 4, 4, 3, 3, 3, 5, 5, 5, 4, 4],
        "K": [3, 3, 2, 2, 4, 4, 3, 2, 5, 5, 2, 3],
        "y": [3.0, 5, 4, 8, 6, 2, 1, 3, 7, 9, 4, 6],
        "g": list("pqppqpqqppqp"),
    }
).assign(
    w=lambda d: d["N"] / d["h"].map({"a": 3, "b": 1}) * d["M"] / 2 * d["K"] / d.groupby("hh")["p"].transform("size")
)


def design(rule: str, pop_size: str | None = "N", data: pd.DataFrame = DATA) -> SurveyDesign:
    return SurveyDesign(data, "w", stratum="h", pop_size=pop_size, lonely_psu=rule)


def errors(estimate) -> list[float]:
    return list(estimate.table["se"])


@pytest.mark.parametrize(
    ("rule", "pop_size", "total", "mean", "ratio"),
    [
        ("adjust", "N", 41.15823125451336, 0.86054505767893874, 0.14870736187317657),
        ("adjust", None, 46.593991028886975, 1.0009591090475998, 0.1714458147817132),
        ("average", "N", 24.738633753705962, 0.95148591360407553, 0.19857595807075523),
        ("average", None, 29.223278392404914, 1.1239722458617276, 0.2295044761815786),
    ],
)
def test_totals_means_and_ratios_are_those_of_r(
    rule: str, pop_size: str | None, total: float, mean: float, ratio: float
) -> None:
    """SE(svytotal(~y, s)), SE(svymean(~y, s)), SE(svyratio(~y, ~x, s))."""
    given = design(rule, pop_size)
    found = [
        *errors(estimate_total(given, "y")),
        *errors(estimate_mean(given, "y")),
        *errors(estimate_ratio(given, "y", "x")),
    ]
    assert found == pytest.approx([total, mean, ratio], rel=1e-9)


@pytest.mark.parametrize(
    ("pop_size", "totals", "means"),
    [
        ("N", (20.639767440550294, 38.522720568516448), (1.2712377424191499, 1.2310288781200187)),
        (None, (24.637369989509839, 43.451121964800862), (1.5035966182803007, 1.3966450099973928)),
    ],
)
def test_adjust_in_domains_is_that_of_r(pop_size: str | None, totals: tuple, means: tuple) -> None:
    """SE(svyby(~y, ~g, s, svytotal)), SE(svyby(~y, ~g, s, svymean))."""
    given = design("adjust", pop_size)
    assert errors(estimate_total(given, "y", by="g")) == pytest.approx(totals, rel=1e-9)
    assert errors(estimate_mean(given, "y", by="g")) == pytest.approx(means, rel=1e-9)


def test_adjust_in_three_stages_is_that_of_r() -> None:
    """SE(svytotal(~y, s)), SE(svymean(~y, s)), SE(svyby(~y, ~g, s, svytotal)), SE(svyby(~y, ~g, s, svymean))."""
    given = SurveyDesign(
        THREE_STAGES, "w", stratum="h", psu=["cl", "hh", "p"], pop_size=["N", "M", "K"], lonely_psu="adjust"
    )
    assert errors(estimate_total(given, "y")) == pytest.approx([281.29344108954973], rel=1e-9)
    assert errors(estimate_mean(given, "y")) == pytest.approx([0.69047536735458448], rel=1e-9)
    assert errors(estimate_total(given, "y", by="g")) == pytest.approx([240.31021617900475, 84.899941107164508])
    assert errors(estimate_mean(given, "y", by="g")) == pytest.approx([0.78718255526189229, 0.48872732294814736])


@pytest.mark.parametrize(
    ("pop_size", "totals", "means", "one_missing"),
    [
        ("N", (20.639767440550294, 16.970562748477139), (1.2712377424191499, 0.4714045207910319), 0.9738311493467523),
        (None, (24.637369989509839, 20.784609690826525), (1.5035966182803007, 0.57735026918962595), 1.1503682486221605),
    ],
)
def test_average_counts_the_strata_of_the_domain_as_r(
    pop_size: str | None, totals: tuple, means: tuple, one_missing: float
) -> None:
    """svyby as above; d$y[7] <- NA; SE(svymean(~y, s, na.rm = TRUE)): stratum d is then in no domain."""
    given = design("average", pop_size)
    assert errors(estimate_total(given, "y", by="g")) == pytest.approx(totals, rel=1e-9)
    assert errors(estimate_mean(given, "y", by="g")) == pytest.approx(means, rel=1e-9)
    for g, se in zip("pq", means, strict=True):
        assert errors(estimate_mean(given.subset(DATA["g"] == g), "y")) == pytest.approx([se], rel=1e-9)
    gap = design("average", pop_size, DATA.assign(y=DATA["y"].where(DATA.index != 6)))
    assert errors(estimate_mean(gap, "y")) == pytest.approx([one_missing], rel=1e-9)


def test_average_after_calibration_counts_all_strata_as_r() -> None:
    """c <- calibrate(s, ~g, c(26, 12)); SE(svyby(~y, ~g, c, svymean)): residuals lie in every stratum."""
    given = design("average").calibrated({"g": {"p": 14, "q": 12}})
    assert errors(estimate_mean(given, "y", by="g")) == pytest.approx([1.797801656329717, 0.38490017945975041])


def test_average_of_lone_units_alone_is_missing() -> None:
    given = design("average").subset(DATA["h"].isin(["c", "d"]))
    assert errors(estimate_mean(given, "y")) == pytest.approx([np.nan], nan_ok=True)
