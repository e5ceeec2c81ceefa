"""Outside figures of quantiles, variances, smooth contrasts, tests and regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spi_analysis.survey.estimation import (
    Estimate,
    SurveyDesign,
    chi_square,
    estimate_mean,
    estimate_proportion,
    estimate_quantile,
    estimate_regression,
    estimate_variance,
    smooth_contrast,
    t_test,
)
from spi_analysis.survey.weighting import trim_weights
from tests.reference.bench import Bench

CASES: dict[str, Callable[[Bench], Any]] = {}

# --- quantiles

QUANTILE_COLUMNS = ["estimate", "ci_low", "ci_high", "se"]
DECILES = [0.1, 0.25, 0.5, 0.75, 0.9]
QUARTILES = [0.25, 0.5, 0.75]

for rule in ("math", "school", "shahvaish", *(f"hf{i}" for i in range(1, 10))):
    CASES[f"strat.quantile.{rule}"] = lambda b, r=rule: estimate_quantile(b.strat, "api00", DECILES, rule=r).table[
        QUANTILE_COLUMNS
    ]
for kind in ("mean", "beta", "xlogit"):
    CASES[f"strat.quantile_ci.{kind}"] = lambda b, k=kind: estimate_quantile(
        b.strat, "enroll", QUARTILES, interval=k
    ).table[QUANTILE_COLUMNS]
CASES["strat.oldquantile"] = lambda b: estimate_quantile(b.strat, "api00", QUARTILES, rule="hf4").table["estimate"]
CASES["dom.median.se"] = lambda b: estimate_quantile(b.strat, "api00", 0.5, by="sch.wide").table["se"]
CASES["subboot.quantile"] = lambda b: estimate_quantile(b.subboot(), "api00", QUARTILES, interval="quantile").table[
    ["estimate", "se"]
]
CASES["anes.age.quantiles.est"] = lambda b: estimate_quantile(b.anes, "Age", QUARTILES).table["estimate"]
CASES["anes.age.quantiles.se"] = lambda b: estimate_quantile(b.anes, "Age", QUARTILES).table["se"]

# --- variances, intervals, trimmed designs

CASES["jkn.var.est"] = lambda b: estimate_variance(b.jkn(), "api00").table["estimate"]
CASES["jkn.var.se"] = lambda b: estimate_variance(b.jkn(), "api00").table["se"]
CASES["strat.var.est"] = lambda b: estimate_variance(b.strat, "api00").table["estimate"]
CASES["strat.var.se"] = lambda b: estimate_variance(b.strat, "api00").table["se"]
CASES["strat.ciprop_asin"] = lambda b: estimate_proportion(b.strat, "sch.wide", interval="asin").table.loc[
    1, ["ci_low", "ci_high"]
]
CASES["trim.strict.mean.se"] = lambda b: estimate_mean(
    b.greg.with_weights(trim_weights(b.greg_weights, upper=40)), "api00"
).table["se"]

# --- smooth contrasts

COMPOSITE = ["api00", "api99", "meals"]
FUNCTIONS: dict[str, Callable[[np.ndarray], float]] = {
    "pct_change": lambda m: 100 * (m[0] / m[1] - 1),
    "composite_geo": lambda m: np.exp(0.5 * np.log(m[0]) + 0.3 * np.log(m[1]) + 0.2 * np.log(m[2])),
    "log_ratio": lambda m: np.log(m[0]) - np.log(m[1]),
}


def both(name: str, make: Callable[[Bench], Estimate]) -> None:
    """The two figures ``<name>.est`` and ``<name>.se``."""
    CASES[f"{name}.est"] = lambda b: make(b).table["estimate"]
    CASES[f"{name}.se"] = lambda b: make(b).table["se"]


for name, function in FUNCTIONS.items():
    both(f"contrast.{name}", lambda b, f=function: smooth_contrast(estimate_mean(b.strat, COMPOSITE), f))
both(
    "contrast.three_groups_prod",
    lambda b: smooth_contrast(estimate_mean(b.strat, "api00", by="stype"), lambda m: (m[0] * m[1] * m[2]) ** (1 / 3)),
)
GEOMETRIC = FUNCTIONS["composite_geo"]
both("jkn.contrast_geo", lambda b: smooth_contrast(estimate_mean(b.jkn(), COMPOSITE), GEOMETRIC))
both("jkn.contrast_geo_returnreps", lambda b: smooth_contrast(estimate_mean(b.jkn(), COMPOSITE), GEOMETRIC, b.jkn()))

# --- tests

CASES["ttest.two.p"] = lambda b: t_test(b.strat, "api00", by="awards").p_value
CASES["ttest.two.df"] = lambda b: t_test(b.strat, "api00", by="awards").df
CASES["ttest.two.ci"] = lambda b: [getattr(t_test(b.strat, "api00", by="awards"), end) for end in ("ci_low", "ci_high")]
CASES["ttest.paired.p"] = lambda b: t_test(b.strat, "growth1").p_value
CASES["ttest.paired.df"] = lambda b: t_test(b.strat, "growth1").df


def chi(b: Bench, rows: str, statistic: str) -> dict[str, Any]:
    result = chi_square(b.strat, rows, "awards", statistic)
    return {"stat": result.statistic, "p": result.p_value, "df": result.df}


for statistic in ("F", "Chisq", "Wald", "adjWald"):
    CASES[f"chisq.{statistic}"] = lambda b, s=statistic: chi(b, "sch.wide", s)
CASES["chisq.3x2.F"] = lambda b: chi(b, "stype", "F")

# --- regression


def regressed(name: str, make: Callable[[Bench], Estimate]) -> None:
    columns = {"coef": "estimate", "se": "se", "t_p": ["t", "p_value"], "ci": ["ci_low", "ci_high"]}
    for figure, column in columns.items():
        CASES[f"{name}.{figure}"] = lambda b, c=column: make(b).table[c]
    CASES[f"{name}.df_residual"] = lambda b: make(b).table["df_design"].iloc[0]


LINEAR = "api00 ~ ell + meals"
for name, attribute in {"clus1": "clus1", "rake": "raked", "greg": "greg"}.items():
    regressed(f"{name}.glm", lambda b, a=attribute: estimate_regression(getattr(b, a), LINEAR))
regressed("jkn.glm", lambda b: estimate_regression(b.jkn(), LINEAR))
regressed("subboot.glm", lambda b: estimate_regression(b.subboot(), LINEAR))


def health_survey_logit(b: Bench) -> Estimate:
    """R lists terms in the order of the formula, we those of categories first."""
    design = SurveyDesign(b.nhis, "svywt", stratum="stratum", psu="psu", nest=True)
    fit = estimate_regression(design, "resp ~ age + C(hisp) + C(race) + C(parents_r) + C(educ_r)", family="binomial")
    order = [0, len(fit.table) - 1, *range(1, len(fit.table) - 1)]
    return Estimate(fit.table.iloc[order], fit.covariance[np.ix_(order, order)], fit.level)


regressed("nr.svylogit", health_survey_logit)
