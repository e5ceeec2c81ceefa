"""The data and designs that the outside figures name, built with our own functions.

The R calls that made the figures stand in their provenance (``Figures[id].provenance``).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.survey.weighting import (
    Rake,
    ReplicateWeights,
    UnknownEligibility,
    Weighted,
    WeightingClasses,
    apply_recipe,
    calibrate,
    jackknife_replicates,
    rake,
)
from tests.reference.figures import Figures

# Population counts of California's schools 2000 (apipop.csv); ``test_population_totals`` counts them again.
TYPES = {"E": 4421, "H": 755, "M": 1018}
WIDE = {"No": 1072, "Yes": 5122}
TOTALS = {"(intercept)": 6194, "stype": TYPES, "api99": 3914069}
# How ANES weights are scaled, and what a trust answer scores (meta of anes_figures.json).
ADULTS = 231034125
TRUST = {"Always": 100, "Most of the time": 75, "About half the time": 50, "Some of the time": 25, "Never": 0}


class Bench:
    """Every data set and design, made once when first asked for."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    @cached_property
    def apistrat(self) -> pd.DataFrame:
        data = self.figures.data("apistrat")
        return data.assign(
            one=1.0, growth1=data["api00"] - data["api99"], over700=data["api00"] > 700, rare=data["api00"] > 880
        )

    @cached_property
    def apiclus1(self) -> pd.DataFrame:
        return self.figures.data("apiclus1")

    @cached_property
    def apipop(self) -> pd.DataFrame:
        return self.figures.data("apipop")

    @cached_property
    def strat(self) -> SurveyDesign:
        return SurveyDesign(self.apistrat, "pw", stratum="stype", pop_size="fpc")

    @cached_property
    def srs(self) -> SurveyDesign:
        return SurveyDesign(self.figures.data("apisrs"), "pw", pop_size="fpc")

    @cached_property
    def srs_nofpc(self) -> SurveyDesign:
        return SurveyDesign(self.figures.data("apisrs"), "pw")

    @cached_property
    def clus1(self) -> SurveyDesign:
        return SurveyDesign(self.apiclus1, "pw", psu="dnum", pop_size="fpc")

    @cached_property
    def clus1_nofpc(self) -> SurveyDesign:
        return SurveyDesign(self.apiclus1, "pw", psu="dnum")

    def lonely(self, rule: str) -> SurveyDesign:
        return SurveyDesign(self.apiclus1, "pw", stratum="dnum", lonely_psu=rule)

    # replicates

    @cached_property
    def jkn_weights(self) -> ReplicateWeights:
        return jackknife_replicates(self.apistrat, "pw", stratum="stype", pop_size="fpc")

    def jkn(self, mse: bool = False) -> ReplicateDesign:
        made = self.jkn_weights
        return ReplicateDesign(self.apistrat, "pw", made.values, "jkn", scale=made.scale, rscales=made.rscales, mse=mse)

    def subboot(self, mse: bool = False) -> ReplicateDesign:
        values = self.figures.data("rep_apistrat_subboot").to_numpy(dtype=float)
        return ReplicateDesign(self.apistrat, "pw", values, "bootstrap", mse=mse)

    @cached_property
    def clus1_jackknife(self) -> ReplicateDesign:
        """JK1 of the cluster sample."""
        made = jackknife_replicates(self.apiclus1, "pw", psu="dnum", pop_size="fpc")
        return ReplicateDesign(
            self.apiclus1, "pw", made.values, "jk1", scale=made.scale, rscales=made.rscales, mse=False
        )

    # calibration

    @cached_property
    def ps(self) -> SurveyDesign:
        return self.clus1.post_stratified("stype", TYPES)

    @cached_property
    def ps2(self) -> SurveyDesign:
        return self.clus1.post_stratified(["stype", "sch.wide"], self.apipop.groupby(["stype", "sch.wide"]).size())

    @cached_property
    def ps_strat(self) -> SurveyDesign:
        return self.strat.post_stratified("awards", self.apipop.groupby("awards").size())

    @cached_property
    def ps_rep(self) -> ReplicateDesign:
        return self.clus1_jackknife.post_stratified("stype", TYPES)

    @cached_property
    def raked(self) -> SurveyDesign:
        return self.clus1.calibrated({"stype": TYPES, "sch.wide": WIDE}, method="raking")

    @cached_property
    def raked_weights(self) -> pd.Series:
        return rake(self.apiclus1, "pw", {"stype": TYPES, "sch.wide": WIDE})

    @cached_property
    def rake_rep(self) -> ReplicateDesign:
        return self.clus1_jackknife.calibrated({"stype": TYPES, "sch.wide": WIDE}, method="raking")

    @cached_property
    def greg(self) -> SurveyDesign:
        return self.clus1.calibrated(TOTALS)

    @cached_property
    def greg_weights(self) -> pd.Series:
        return calibrate(self.apiclus1, "pw", TOTALS)

    def bounded(self, low: float, high: float) -> SurveyDesign:
        return self.clus1.calibrated(TOTALS, bounds=(low, high))

    @cached_property
    def calrake(self) -> SurveyDesign:
        return self.clus1.calibrated(TOTALS, method="raking")

    @cached_property
    def callogit(self) -> SurveyDesign:
        return self.clus1.calibrated(TOTALS, method="logit", bounds=(0.4, 2.5))

    # nonresponse and allocation

    @cached_property
    def nhis(self) -> pd.DataFrame:
        data = self.figures.data("practools_nhis")
        return data.assign(
            answered=data["resp"] == 1,
            weight=data["svywt"],
            of_class=(data["hisp"] > 1).map({False: "FALSE", True: "TRUE"}) + "." + data["race"].astype(str),
        )

    @cached_property
    def school_strata(self) -> pd.DataFrame:
        grouped = self.apipop.groupby("stype")["api00"]
        # Costs 1, 2, 4 are not in the file: they are what the figure alloc.cost1000 itself implies.
        table = pd.DataFrame({"N": grouped.size(), "sd": grouped.std(), "mean": grouped.mean()})
        return table.assign(cost=[1.0, 2.0, 4.0], most=[500, 755, 400])

    # weightflow's cascade

    @cached_property
    def cascade_sample(self) -> pd.DataFrame:
        data = self.figures.data("weightflow_sample_survey")
        status = np.where(data["responded"] == 1, "respondent", "nonrespondent")
        return data.assign(status=np.where(data["unknown_elig"] == 1, "unknown", status))

    @cached_property
    def cascade(self) -> Weighted:
        population = self.figures.data("weightflow_population")
        margins = {name: population[name].value_counts().astype(float).to_dict() for name in ("region", "sex")}
        return apply_recipe(
            self.cascade_sample,
            [UnknownEligibility("region"), WeightingClasses("region"), Rake(margins)],
            weight="pw",
            status="status",
            replicates=jackknife_replicates(self.cascade_sample, "pw", stratum="region", psu="psu"),
        )

    @cached_property
    def cascade_design(self) -> ReplicateDesign:
        made = self.cascade.replicates
        assert made is not None
        data = self.cascade_sample.assign(w=self.cascade.weight)
        return ReplicateDesign(data, "w", made.values, "jkn", scale=made.scale, rscales=made.rscales)

    # ANES

    @cached_property
    def anes(self) -> SurveyDesign:
        data = self.figures.data("anes_2020")
        data["w"] = data["Weight"] / data["Weight"].sum() * ADULTS
        data["score"] = data["TrustGovernment"].map(TRUST).astype(float)
        return SurveyDesign(data, "w", stratum="Stratum", psu="VarUnit", nest=True)
