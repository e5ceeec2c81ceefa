"""Every outside figure that we can compute today: id -> how we compute it.

A case gives numbers in the order of the figure's ``names``. What is not here stands in
``scope.py`` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from spi_analysis.survey.estimation import (
    Estimate,
    contrast,
    estimate_mean,
    estimate_proportion,
    estimate_ratio,
    estimate_total,
    estimate_variance,
)
from spi_analysis.survey.estimation.result import t_interval
from spi_analysis.survey.sampling import allocate, sample_size, sample_size_mean
from spi_analysis.survey.weighting import adjust_nonresponse, adjust_unknown_eligibility, kish_deff, trim_weights
from tests.reference.bench import TOTALS, TYPES, Bench

Case = Callable[[Bench], Any]
CASES: dict[str, Case] = {}

# Figures after calibration are compared to 1e-6, others to 1e-9 (estimates) and 1e-7 (standard errors).
CALIBRATED = ("calib.greg", "calib.poststrat", "calib.rake", "trim", "cascade.simple")
# R's glm stops when the deviance changes by less than 1e-8, and keeps the working weights of the step before. Told to
# go on (glm.control(epsilon = 1e-15); R 4.2.2, survey 4.1, 2026-11-21) it gives our standard errors to 13 digits.
STOPPED_EARLY = ("nr.svylogit.se", "nr.svylogit.t_p", "nr.svylogit.ci")


def tolerance(figure_id: str, group: str) -> float:
    """Relative tolerance of a figure, as the reference's README sets it."""
    if group in CALIBRATED:
        return 1e-6
    if figure_id in STOPPED_EARLY:
        return 2e-5
    uncertain = ("se", "vcov", "ci", "ci95", "ci_t", "ci90_t", "cv", "deff", "deff_replace", "t", "total_se", "jkn_se")
    last = figure_id.split(".")[-1]
    return 1e-7 if last in uncertain or last.startswith("ciprop") or last.endswith("deff") else 1e-9


def both(name: str, make: Callable[[Bench], Estimate]) -> None:
    """The two figures ``<name>.est`` and ``<name>.se``."""
    CASES[f"{name}.est"] = lambda b: make(b).table["estimate"]
    CASES[f"{name}.se"] = lambda b: make(b).table["se"]


def only(figure_id: str, make: Callable[[Bench], Estimate], column: str) -> None:
    CASES[figure_id] = lambda b: make(b).table[column]


def limits(estimate: Estimate) -> np.ndarray:
    return estimate.table[["ci_low", "ci_high"]].to_numpy()


def normal_limits(estimate: Estimate, level: float = 0.95) -> np.ndarray:
    """R's confint() without df: the t interval with infinite degrees of freedom."""
    values, se = (estimate.table[c].to_numpy() for c in ("estimate", "se"))
    return np.column_stack(t_interval(values, se, np.full(len(se), np.inf), level))


def summary(weights: Iterable[float]) -> dict[str, Any]:
    """What the figures say of a weight vector: respondents only."""
    w = np.asarray(weights, dtype=float)
    w = w[w > 0]
    ends = {"first5": w[:5], "last5": w[-5:]}
    return {"sum": w.sum(), "sumsq": (w**2).sum(), "min": w.min(), "max": w.max(), "n": len(w), **ends}


def span(ratio: np.ndarray | pd.Series) -> list[float]:
    return [float(np.min(ratio)), float(np.max(ratio))]


# --- Taylor, stratified with fpc

FIVE = ["api00", "api99", "enroll", "meals", "ell"]
SCHOOLS = ["enroll", "api.stu"]
both("strat.mean", lambda b: estimate_mean(b.strat, FIVE))
both("strat.total", lambda b: estimate_total(b.strat, SCHOOLS))
CASES["strat.mean.vcov"] = lambda b: estimate_mean(b.strat, FIVE).covariance
CASES["strat.total.vcov"] = lambda b: estimate_total(b.strat, SCHOOLS).covariance
CASES["strat.mean.ci95"] = lambda b: normal_limits(estimate_mean(b.strat, FIVE))
CASES["strat.total.ci95"] = lambda b: normal_limits(estimate_total(b.strat, SCHOOLS))
CASES["strat.mean.ci_t"] = lambda b: limits(estimate_mean(b.strat, "api00"))
CASES["strat.mean.ci90_t"] = lambda b: limits(estimate_mean(b.strat, "api00", level=0.9))
CASES["strat.mean.cv"] = lambda b: relative_error(estimate_mean(b.strat, ["api00", "enroll"]))
CASES["strat.total.cv"] = lambda b: relative_error(estimate_total(b.strat, "enroll"))
only("strat.mean.deff", lambda b: estimate_mean(b.strat, ["api00", "enroll"], deff=True), "deff")
only("strat.mean.deff_replace", lambda b: estimate_mean(b.strat, ["api00", "enroll"], deff="replace"), "deff")
only("strat.total.deff", lambda b: estimate_total(b.strat, "enroll", deff=True), "deff")
CASES["strat.degf"] = lambda b: b.strat.df()
both("strat.ratio", lambda b: estimate_ratio(b.strat, "api.stu", "enroll"))
both("strat.ratio_multi", lambda b: estimate_ratio(b.strat, ["api.stu", "api00"], ["enroll", "api99"]))
both("strat.factor_mean", lambda b: estimate_proportion(b.strat, ["stype", "sch.wide"]))
both("strat.factor_total", lambda b: category_totals(b.strat, ["sch.wide", "awards"]))
both("strat.interaction_mean", lambda b: interaction_shares(b))
CASES["strat.varmat"] = lambda b: covariance_between(b.strat, ["api00", "api99", "meals"])
CASES["strat.sd"] = lambda b: np.sqrt(estimate_variance(b.strat, "api00").table["estimate"])

for method in ("logit", "beta", "wilson"):
    CASES[f"strat.ciprop_{method}"] = lambda b, method=method: wide_limits(b, method)
CASES["strat.ciprop_xlogit"] = lambda b: wide_limits(b, "logit")
CASES["strat.ciprop_mean"] = lambda b: wide_limits(b, "wald")
CASES["strat.ciprop_beta_rare"] = lambda b: limits(estimate_proportion(b.strat, "rare", interval="beta"))[1]


def wide_limits(b: Bench, method: str) -> np.ndarray:
    return limits(estimate_proportion(b.strat, "sch.wide", interval=method))[1]


def relative_error(estimate: Estimate) -> pd.Series:
    return estimate.table["se"] / estimate.table["estimate"]


def category_totals(design: Any, names: list[str]) -> Estimate:
    """Totals of 0/1 columns, one per category."""
    dummies = pd.concat([pd.get_dummies(design.data[name], prefix=name, dtype=float) for name in names], axis=1)
    return estimate_total(design.with_columns(dummies), list(dummies.columns))


def interaction_shares(b: Bench) -> Estimate:
    """R orders levels by the second factor first."""
    joint = pd.DataFrame({"joint": b.apistrat["comp.imp"] + "." + b.apistrat["stype"]})
    return estimate_proportion(b.strat.with_columns(joint), "joint")


def covariance_between(design: Any, names: list[str]) -> list[float]:
    x, w = design.data[names].to_numpy(dtype=float), design.weights
    centred, n = x - w @ x / w.sum(), len(x)
    products = {f"{i} {j}": n / (n - 1) * centred[:, i] * centred[:, j] for i in range(3) for j in range(3)}
    return list(estimate_mean(design.with_columns(pd.DataFrame(products)), list(products)).table["estimate"])


# --- Taylor, simple random sampling and clusters

both("srs.mean", lambda b: estimate_mean(b.srs, ["api00", "enroll"]))
both("srs.total", lambda b: estimate_total(b.srs, "enroll"))
both("srs.growth", lambda b: estimate_mean(b.srs, "growth"))
both("srs.mean_nofpc", lambda b: estimate_mean(b.srs_nofpc, "api00"))

both("clus1.mean", lambda b: estimate_mean(b.clus1, ["api00", "api99"]))
CASES["clus1.mean.vcov"] = lambda b: estimate_mean(b.clus1, ["api00", "api99"]).covariance
both("clus1.total", lambda b: estimate_total(b.clus1, "enroll"))
both("clus1.ratio", lambda b: estimate_ratio(b.clus1, "api.stu", "enroll"))
only("clus1.deff", lambda b: estimate_mean(b.clus1, "api00", deff=True), "deff")
CASES["clus1.degf"] = lambda b: b.clus1.df()
both("clus1.dom", lambda b: estimate_mean(b.clus1, "api00", by="stype"))
both("clus1.factor", lambda b: estimate_proportion(b.clus1, "stype"))
both("clus1.factor_tot", lambda b: category_totals(b.clus1, ["stype"]))
both("clus1.nofpc.mean", lambda b: estimate_mean(b.clus1_nofpc, "api00"))

only("lonely.remove.se", lambda b: estimate_mean(b.lonely("certainty"), "api00"), "se")
only("lonely.certainty.total_se", lambda b: estimate_total(b.lonely("certainty"), "enroll"), "se")
only("lonely.adjust.se", lambda b: estimate_mean(b.lonely("adjust"), "api00"), "se")
only("lonely.average.total_se", lambda b: estimate_total(b.lonely("average"), "enroll"), "se")

# --- domains

only("dom.stype.mean.est", lambda b: estimate_mean(b.strat, ["api99", "api00"], by="stype"), "estimate")
only("dom.award.mean.est", lambda b: estimate_mean(b.strat, "api00", by="awards"), "estimate")
CASES["dom.award.vcov"] = lambda b: estimate_mean(b.strat, "api00", by="awards").covariance
AWARDS: dict[str, Callable[[Bench], Estimate]] = {
    "difference": lambda b: contrast(estimate_mean(b.strat, "api00", by="awards"), {1: 1.0, 0: -1.0})
}
only("dom.award.diff.se", AWARDS["difference"], "se")
only("dom.award.diff_named.se", AWARDS["difference"], "se")
only("dom.two.mean.se", lambda b: estimate_mean(b.strat, "api00", by=["sch.wide", "stype"]), "se")
only("dom.total.se", lambda b: estimate_total(b.strat, "enroll", by="sch.wide"), "se")
only("dom.ratio.se", lambda b: estimate_ratio(b.strat, "api.stu", "enroll", by="stype"), "se")
only("dom.prop.se", lambda b: estimate_proportion(b.strat, "over700", by="stype"), "se")
only("dom.subset.mean.est", lambda b: estimate_mean(improved(b), "api00"), "estimate")
only("dom.subset.total.est", lambda b: estimate_total(improved(b), "enroll"), "estimate")
CASES["dom.subset.degf"] = lambda b: b.strat.subset(b.apistrat["stype"] != "H").df()
only("dom.subset.missing.se", lambda b: estimate_mean(b.strat, "acs.k3"), "se")


def improved(b: Bench) -> Any:
    return b.strat.subset(b.apistrat["comp.imp"] == "Yes")


# --- linear contrasts

both("contrast.change", lambda b: contrast(estimate_mean(b.strat, ["api00", "api99", "meals"]), {0: 1.0, 1: -1.0}))
both(
    "contrast.composite_lin",
    lambda b: contrast(estimate_mean(b.strat, ["api00", "api99", "meals"]), {0: 0.5, 1: 0.3, 2: 0.2}),
)
both("contrast.paired_diff", lambda b: estimate_mean(b.strat, "growth1"))
both(
    "contrast.three_groups",
    lambda b: contrast(estimate_mean(b.strat, "api00", by="stype"), {0: 0.5, 1: 0.2, 2: 0.3}),
)
only("ttest.two.diff", AWARDS["difference"], "estimate")
CASES["ttest.two.t"] = lambda b: 1 / relative_error(AWARDS["difference"](b))
CASES["ttest.paired.t"] = lambda b: 1 / relative_error(estimate_mean(b.strat, "growth1"))
CASES["table.counts"] = lambda b: table_of(b)
CASES["table.props"] = lambda b: table_of(b) / table_of(b).sum()


def table_of(b: Bench) -> np.ndarray:
    return estimate_total(b.strat, "one", by=["stype", "awards"]).table["estimate"].to_numpy().reshape(3, 2)


# --- replicates

both("jkn.mean", lambda b: estimate_mean(b.jkn(), ["api00", "api99"]))
CASES["jkn.mean.vcov"] = lambda b: estimate_mean(b.jkn(), ["api00", "api99"]).covariance
both("jkn.total", lambda b: estimate_total(b.jkn(), "enroll"))
both("jkn.ratio", lambda b: estimate_ratio(b.jkn(), "api.stu", "enroll"))
both("jkn.dom", lambda b: estimate_mean(b.jkn(), "api00", by="awards"))
CASES["jkn.degf"] = lambda b: b.jkn().df()
both("jkn.withReplicates_median_like", lambda b: estimate_ratio(b.jkn(), "api00", "api99"))
both("jkn.mse.ratio", lambda b: estimate_ratio(b.jkn(mse=True), "api.stu", "enroll"))

both("subboot.mean", lambda b: estimate_mean(b.subboot(), ["api00", "api99"]))
CASES["subboot.mean.vcov"] = lambda b: estimate_mean(b.subboot(), ["api00", "api99"]).covariance
both("subboot.total", lambda b: estimate_total(b.subboot(), "enroll"))
both("subboot.ratio", lambda b: estimate_ratio(b.subboot(), "api.stu", "enroll"))
both("subboot.dom", lambda b: estimate_mean(b.subboot(), "api00", by="awards"))
CASES["subboot.scale"] = lambda b: b.subboot().scale
CASES["subboot.rscales_unique"] = lambda b: np.unique(b.subboot().rscales)
both("subboot.mse.ratio", lambda b: estimate_ratio(b.subboot(mse=True), "api.stu", "enroll"))

# --- post-stratification, raking, calibration

CASES["pop.stype"] = lambda b: b.apipop.groupby("stype").size()
CASES["greg.pop"] = lambda b: [len(b.apipop), *b.apipop.groupby("stype").size()[["H", "M"]], b.apipop["api99"].sum()]

for name, attribute in {
    "ps": "ps",
    "rake": "raked",
    "greg": "greg",
    "calrake": "calrake",
    "callogit": "callogit",
}.items():
    variables = ["api00", "api99"] if name == "rake" else "api00"
    both(f"{name}.mean", lambda b, a=attribute, v=variables: estimate_mean(getattr(b, a), v))
    both(f"{name}.total", lambda b, a=attribute: estimate_total(getattr(b, a), "enroll"))
    CASES[f"{name}.wsum"] = lambda b, a=attribute: summary(getattr(b, a).weights)
    CASES[f"{name}.g_range"] = lambda b, a=attribute: span(getattr(b, a).weights / b.clus1.weights)
    if not name.startswith("cal"):
        both(f"{name}.ratio", lambda b, a=attribute: estimate_ratio(getattr(b, a), "api.stu", "enroll"))
both("ps.dom", lambda b: estimate_mean(b.ps, "api00", by="awards"))
both("rake.dom", lambda b: estimate_mean(b.raked, "api00", by="stype"))
both("greg.dom", lambda b: estimate_mean(b.greg, "api00", by="stype"))
both("greg.median_dom_award", lambda b: estimate_mean(b.greg, "api00", by="awards"))
both("ps.stype_total", lambda b: category_totals(b.ps, ["stype"]))
both("ps.rep.mean", lambda b: estimate_mean(b.ps_rep, "api00"))
both("ps.rep.total", lambda b: estimate_total(b.ps_rep, "enroll"))
both("rake.rep.mean", lambda b: estimate_mean(b.rake_rep, "api00"))
both("rake.rep.total", lambda b: estimate_total(b.rake_rep, "enroll"))
for name, attribute in {"ps2": "ps2", "ps.strat": "ps_strat"}.items():
    both(f"{name}.mean", lambda b, a=attribute: estimate_mean(getattr(b, a), "api00"))
    both(f"{name}.total", lambda b, a=attribute: estimate_total(getattr(b, a), "enroll"))
for low, high in ((0.43, 1.8), (0.45, 1.75)):
    name = f"greg.bounded_{low}_{high}"
    both(f"{name}.mean", lambda b, l=low, h=high: estimate_mean(b.bounded(l, h), "api00"))  # noqa: E741
    CASES[f"{name}.g_range"] = lambda b, l=low, h=high: span(b.bounded(l, h).weights / b.clus1.weights)  # noqa: E741
    CASES[f"{name}.sumsq"] = lambda b, l=low, h=high: (b.bounded(l, h).weights ** 2).sum()  # noqa: E741

# --- trimming (limits are not in the file: they are what the figures' own smallest and largest weights say)

CASES["trim.nonstrict.wsum"] = lambda b: summary(trim_weights(b.greg_weights, upper=60, strict=False))
CASES["trim.strict.wsum"] = lambda b: summary(trim_weights(b.greg_weights, upper=40))
CASES["trim.rake60.wsum"] = lambda b: summary(trim_weights(b.raked_weights, upper=60))
CASES["trim.strat40.wsum"] = lambda b: summary(trim_weights(b.apistrat["pw"], upper=40))
CASES["trim.strict.mean.est"] = lambda b: np.average(
    b.apiclus1["api00"], weights=trim_weights(b.greg_weights, upper=40)
)
CASES["calib.trim.wsum"] = lambda b: summary(half_to_double(b))
CASES["calib.trim.g_range"] = lambda b: span(half_to_double(b) / b.apiclus1["pw"])


def half_to_double(b: Bench) -> pd.Series:
    base = b.apiclus1["pw"].iloc[0]
    return trim_weights(b.greg_weights, lower=0.5 * base, upper=2 * base)


# --- nonresponse

CASES["nr.rate_unwtd"] = lambda b: b.nhis["answered"].mean()
CASES["nr.rate_wtd"] = lambda b: np.average(b.nhis["answered"], weights=b.nhis["svywt"])
CASES["nr.class.rate_wtd"] = lambda b: class_rates(b)
CASES["nr.class_adj.wsum"] = lambda b: summary(class_adjusted(b))
CASES["nr.class_adj.mean_age"] = lambda b: np.average(b.nhis["age"], weights=class_adjusted(b))
CASES["nr.unknown_elig"] = lambda b: unknown_then_nonresponse()


def class_adjusted(b: Bench) -> pd.Series:
    return adjust_nonresponse(b.nhis, "of_class", weight="svywt", status="answered")


def class_rates(b: Bench) -> pd.Series:
    """What the adjustment undid: old over new weight of the respondents of each class (R's factor order)."""
    people = b.nhis.assign(rate=b.nhis["svywt"] / class_adjusted(b))
    rates = people[people["answered"]].groupby("of_class")["rate"].first()
    return rates[["FALSE.1", "TRUE.1", "FALSE.2", "TRUE.2", "FALSE.3", "TRUE.3"]]


def unknown_then_nonresponse() -> list[float]:
    status = np.repeat(["respondent", "nonrespondent", "ineligible", "unknown"], [600, 200, 50, 150])
    people = pd.DataFrame({"w": np.tile([10.0, 20.0], 500), "status": status, "all": "all"})
    known = adjust_unknown_eligibility(people, "all", weight="w", status="status")
    final = adjust_nonresponse(people.assign(known=known), "all", weight="known", status="status")
    answered = people["status"] == "respondent"
    return [known[0] / people["w"][0], final[0] / known[0], final[answered].sum()]


# --- the whole cascade, every step repeated in every jackknife replicate

CASES["cascade.simple.wsum"] = lambda b: summary(b.cascade.weight)
CASES["cascade.simple.stage_sums"] = lambda b: b.cascade.columns.sum()
CASES["cascade.simple.stage_kish_deff"] = lambda b: [kish_deff(b.cascade.columns[c]) for c in b.cascade.columns]
CASES["cascade.simple.mean_income"] = lambda b: estimate_mean(b.cascade_design, "income").table["estimate"]
CASES["cascade.simple.jackknife_mean_income"] = lambda b: cascade_jackknife(b, estimate_mean, "income")
CASES["cascade.simple.jackknife_mean_employed"] = lambda b: cascade_jackknife(b, estimate_mean, "employed")
CASES["cascade.simple.jackknife_total_employed"] = lambda b: cascade_jackknife(b, estimate_total, "employed")


def cascade_jackknife(b: Bench, estimator: Callable[..., Estimate], name: str) -> list[float]:
    """Our replicate estimates; weightflow squares their distance to the mean of their own stratum, R and we do not.

    (Around the estimate itself the error comes out larger by 1e-5 of itself.)
    """
    result = estimator(b.cascade_design, name)
    assert result.replicates is not None
    regions = b.cascade_sample.drop_duplicates(["region", "psu"]).sort_values(["region", "psu"])["region"].to_numpy()
    values = pd.Series(result.replicates[:, 0])
    squares = (values - values.groupby(regions).transform("mean")) ** 2
    value, se = float(result.table["estimate"].iloc[0]), float(np.sqrt(b.cascade_design.rscales @ squares))
    half = norm.ppf(0.975) * se
    return [value, se, value - half, value + half]


# --- allocation and sample size

CASES["alloc.Nh"] = lambda b: b.school_strata["N"]
CASES["alloc.Yb"] = lambda b: b.school_strata["mean"]
CASES["alloc.neyman200"] = lambda b: allocate(b.school_strata, 200, "neyman", integer=False)
CASES["alloc.cost1000"] = lambda b: allocate(b.school_strata, method="cost", cost="cost", budget=1000, integer=False)
CASES["alloc.power_bankier_q05"] = lambda b: allocate(b.school_strata, 200, "power", mean="mean", integer=False)
CASES["alloc.sqrt200"] = lambda b: allocate(b.school_strata, 200, "power", integer=False)
CASES["alloc.opt_upper"] = lambda b: allocate(b.school_strata, 1200, "neyman", max_n="most", integer=False)

CASES["size.nCont_CV"] = lambda b: sample_size_mean(2, cv=0.05, mean=1, population=5000).exact
CASES["size.nCont_CV_inf"] = lambda b: sample_size_mean(2, cv=0.05, mean=1).exact
CASES["size.nCont_V0"] = lambda b: sample_size_mean(30, cv=2, mean=1, population=2000).exact
CASES["size.nContMoe_abs"] = lambda b: sample_size_mean(20, margin=1.5, population=3000).exact
CASES["size.nContMoe_rel"] = lambda b: sample_size_mean(0.4, margin=0.03, population=3000).exact
CASES["size.nProp"] = lambda b: sample_size(norm.ppf(0.975) * 0.05 * 0.3, p=0.3, population=10000).exact
CASES["size.nPropMoe_abs"] = lambda b: sample_size(0.05, population=1200).exact
CASES["size.nPropMoe_abs_inf"] = lambda b: sample_size(0.03).exact
CASES["size.nPropMoe_rel"] = lambda b: sample_size(0.1 * 0.2, p=0.2, population=50000).exact

# --- a real survey: ANES 2020, strata and PSUs

AGE_GROUPS = ["18-29", "30-39", "40-49", "50-59", "60-69", "70 or older"]
RACES = ["White", "Black", "Hispanic", "Asian, NH/PI", "AI/AN", "Other/multiple race"]
TRUST_ORDER = ["Always", "Most of the time", "About half the time", "Some of the time", "Never"]
INTERESTS = ["Very much interested", "Somewhat interested", "Not much interested"]


def ordered(estimate: Estimate, column: str, levels: list[str]) -> Estimate:
    """Rows in the order in which R lists the levels."""
    return Estimate(estimate.table.set_index(column).loc[levels].reset_index(), estimate.covariance, estimate.level)


both("anes.trustgov.prop", lambda b: ordered(estimate_proportion(b.anes, "TrustGovernment"), "category", TRUST_ORDER))
both("anes.trustpeople.prop", lambda b: ordered(estimate_proportion(b.anes, "TrustPeople"), "category", TRUST_ORDER))
both("anes.age.mean", lambda b: estimate_mean(b.anes, "Age"))
CASES["anes.age.df.est"] = lambda b: b.anes.df()
CASES["anes.age.ci.est"] = lambda b: limits(estimate_mean(b.anes, "Age"))
both("anes.age.by.gender", lambda b: ordered(estimate_mean(b.anes, "Age", by="Gender"), "Gender", ["Male", "Female"]))
both("anes.trustscore.mean", lambda b: estimate_mean(b.anes, "score"))
both(
    "anes.trustscore.by.agegroup",
    lambda b: ordered(estimate_mean(b.anes, "score", by="AgeGroup"), "AgeGroup", AGE_GROUPS),
)
both("anes.trustscore.by.raceeth", lambda b: ordered(estimate_mean(b.anes, "score", by="RaceEth"), "RaceEth", RACES))
both("anes.campaign.total", lambda b: campaign_totals(b))


def campaign_totals(b: Bench) -> Estimate:
    totals = category_totals(b.anes, ["CampaignInterest"])
    return ordered(totals, "variable", [f"CampaignInterest_{level}" for level in INTERESTS])


__all__ = ["CASES", "TOTALS", "TYPES", "tolerance"]
