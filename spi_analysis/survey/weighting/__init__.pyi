# The face of this package: each name and the module that defines it; loaded on first use.
from .assertions import (
    Assert as Assert,
)
from .bootstrap import (
    BootstrapReplicates as BootstrapReplicates,
)
from .bootstrap import (
    bootstrap_plan as bootstrap_plan,
)
from .bootstrap import (
    bootstrap_replicates as bootstrap_replicates,
)
from .bootstrap import (
    observed_fraction as observed_fraction,
)
from .bootstrap import (
    two_phase_replicates as two_phase_replicates,
)
from .bootstrap_sums import (
    raked_replicates as raked_replicates,
)
from .bootstrap_sums import (
    replicate_sums as replicate_sums,
)
from .calibration import (
    calibrate as calibrate,
)
from .calibration import (
    calibration_factors as calibration_factors,
)
from .calibration import (
    post_stratify as post_stratify,
)
from .calibration import (
    post_stratum_cells as post_stratum_cells,
)
from .calibration_steps import (
    Calibrate as Calibrate,
)
from .calibration_steps import (
    PostStratify as PostStratify,
)
from .calibration_steps import (
    Rake as Rake,
)
from .diagnostics import (
    WeightingReport as WeightingReport,
)
from .diagnostics import (
    balance as balance,
)
from .diagnostics import (
    kish_deff as kish_deff,
)
from .glm import (
    fit_columns as fit_columns,
)
from .glm import (
    link_of as link_of,
)
from .glm import (
    working_response as working_response,
)
from .inputs import (
    ReplicateWeights as ReplicateWeights,
)
from .model_matrix import (
    dense_design as dense_design,
)
from .nonresponse import (
    DropIneligible as DropIneligible,
)
from .nonresponse import (
    Rates as Rates,
)
from .nonresponse import (
    UnknownEligibility as UnknownEligibility,
)
from .nonresponse import (
    WeightingClasses as WeightingClasses,
)
from .nonresponse import (
    adjust_nonresponse as adjust_nonresponse,
)
from .nonresponse import (
    adjust_unknown_eligibility as adjust_unknown_eligibility,
)
from .nonresponse import (
    weighting_classes as weighting_classes,
)
from .propensity import (
    Propensity as Propensity,
)
from .propensity import (
    fit_propensity as fit_propensity,
)
from .propensity import (
    propensity_classes as propensity_classes,
)
from .propensity import (
    response_propensity as response_propensity,
)
from .raking import (
    multilevel_calibrate as multilevel_calibrate,
)
from .raking import (
    rake as rake,
)
from .raking import (
    rake_columns as rake_columns,
)
from .recipe import (
    CALIBRATION as CALIBRATION,
)
from .recipe import (
    ELIGIBILITY as ELIGIBILITY,
)
from .recipe import (
    NONRESPONSE as NONRESPONSE,
)
from .recipe import (
    Merged as Merged,
)
from .recipe import (
    Step as Step,
)
from .recipe import (
    Weighted as Weighted,
)
from .recipe import (
    WeightingRun as WeightingRun,
)
from .recipe import (
    apply_recipe as apply_recipe,
)
from .recipe import (
    begin_recipe as begin_recipe,
)
from .recipe import (
    recipe_of as recipe_of,
)
from .recipe import (
    register_step as register_step,
)
from .recipe import (
    response_classes as response_classes,
)
from .recipe import (
    step_of as step_of,
)
from .replicates import (
    brr_replicates as brr_replicates,
)
from .replicates import (
    jackknife_replicates as jackknife_replicates,
)
from .representativity import (
    RIndicator as RIndicator,
)
from .representativity import (
    r_indicator as r_indicator,
)
from .totals import (
    Auxiliary as Auxiliary,
)
from .totals import (
    Fitted as Fitted,
)
from .totals import (
    Margin as Margin,
)
from .totals import (
    Totals as Totals,
)
from .totals import (
    auxiliary_of as auxiliary_of,
)
from .trimming import (
    trim_weights as trim_weights,
)
from .trimming_steps import (
    Potter as Potter,
)
from .trimming_steps import (
    Trim as Trim,
)
from .trimming_steps import (
    TrimFixed as TrimFixed,
)
from .trimming_steps import (
    TrimRatio as TrimRatio,
)
