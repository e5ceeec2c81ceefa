"""Outside figures that we do not compute today, each with its reason.

A figure leaves this list when it becomes a case; ``test_figures.py`` sees to it that none is in both, or in neither.
"""

from __future__ import annotations

PROPENSITY = "response propensities: response_propensity is not built yet"
R_INDICATOR = "representativity: r_indicator is not built yet"
RANKS = "rank tests are outside the workbench: differences are shown with their intervals (contrast, t_test)"
MIXTURES = "the chi-square test has the corrections F, Chisq, Wald and adjWald; its mixture distributions are left out"

_BY_REASON: dict[str, list[str]] = {
    PROPENSITY: [
        *(f"nr.logit.{part}" for part in ("coef", "se", "loglik")),
        *(f"nr.{link}.coef" for link in ("logit_wtd", "probit", "cloglog")),
        *(f"nr.propensity.{part}" for part in ("quantiles", "sd")),
        *(f"nr.quintile.{part}" for part in ("n", "rate_unwtd", "rate_wtd", "mean_prop", "median_prop")),
        "nr.quintile_adj.wsum",
        "nr.ipw.wsum",
    ],
    R_INDICATOR: [
        *(f"rind.srs.{part}" for part in ("R", "SE", "CV_SE", "partial")),
        *(f"rind.linear.{part}" for part in ("R", "SE")),
        *(f"rind.strat.{part}" for part in ("R_unadj", "CV")),
        "cascade.simple.rindicator",
    ],
    RANKS: [f"ranktest.{kind}" for kind in ("wilcoxon", "vanderWaerden", "median", "KruskalWallis")],
    MIXTURES: ["chisq.lincom", "chisq.saddlepoint"],
    "R's score interval of a quantile turns shares back by the unweighted sample; its limits miss the estimate": [
        "strat.quantile_ci.score"
    ],
    "the superseded oldsvyquantile centres its interval at p instead of the estimated share": ["strat.oldquantile_se"],
    "the intervals of the workbench are wald, logit, wilson, beta and asin": ["strat.ciprop_likelihood"],
    "jackknife_replicates refuses a lonely primary unit and has no rule for it": [
        "lonely.remove.jkn_se",
        "lonely.adjust.jkn_se",
    ],
    "the population stands inside the R package stratallo and is not among the reference data": [
        "alloc.pop10_n800_M",
        "alloc.pop507_takeall",
        "alloc.pop507_round_oric",
    ],
    "labels of classes, not a number; nr.class.rate_wtd uses them in this order": ["nr.class.levels"],
}

NOT_COVERED: dict[str, str] = {figure_id: reason for reason, ids in _BY_REASON.items() for figure_id in ids}
