"""Outside figures that we do not compute today, each with its reason.

A figure leaves this list when it becomes a case; ``test_figures.py`` sees to it that none is in both, or in neither.
"""

from __future__ import annotations

RANKS = "rank tests are outside the workbench: differences are shown with their intervals (contrast, t_test)"
MIXTURES = "the chi-square test has the corrections F, Chisq, Wald and adjWald; its mixture distributions are left out"

_BY_REASON: dict[str, list[str]] = {
    RANKS: [f"ranktest.{kind}" for kind in ("wilcoxon", "vanderWaerden", "median", "KruskalWallis")],
    MIXTURES: ["chisq.lincom", "chisq.saddlepoint"],
    "R's score interval of a quantile turns shares back by the unweighted sample; its limits miss the estimate": [
        "strat.quantile_ci.score"
    ],
    "the superseded oldsvyquantile centres its interval at p instead of the estimated share": ["strat.oldquantile_se"],
    "the intervals of the workbench are wald, logit, wilson, beta and asin": ["strat.ciprop_likelihood"],
    "the population stands inside the R package stratallo and is not among the reference data": [
        "alloc.pop10_n800_M",
        "alloc.pop507_takeall",
        "alloc.pop507_round_oric",
    ],
    "labels of classes, not a number; nr.class.rate_wtd uses them in this order": ["nr.class.levels"],
}

NOT_COVERED: dict[str, str] = {figure_id: reason for reason, ids in _BY_REASON.items() for figure_id in ids}
