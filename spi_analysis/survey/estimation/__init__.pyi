# The face of this package: each name and the module that defines it; loaded on first use.
from .association import (
    Crosstab as Crosstab,
)
from .association import (
    TestResult as TestResult,
)
from .association import (
    chi_square as chi_square,
)
from .association import (
    crosstab as crosstab,
)
from .association import (
    t_test as t_test,
)
from .contrasts import (
    Linearised as Linearised,
)
from .contrasts import (
    SameSampleWarning as SameSampleWarning,
)
from .contrasts import (
    contrast as contrast,
)
from .contrasts import (
    difference as difference,
)
from .contrasts import (
    overlap_covariance as overlap_covariance,
)
from .contrasts import (
    smooth_contrast as smooth_contrast,
)
from .design import (
    Calibration as Calibration,
)
from .design import (
    SurveyDesign as SurveyDesign,
)
from .domains import (
    Domains as Domains,
)
from .domains import (
    domains_of as domains_of,
)
from .estimators import (
    estimate_mean as estimate_mean,
)
from .estimators import (
    estimate_proportion as estimate_proportion,
)
from .estimators import (
    estimate_ratio as estimate_ratio,
)
from .estimators import (
    estimate_total as estimate_total,
)
from .estimators import (
    estimate_variance as estimate_variance,
)
from .indirect_questions import (
    clear_gap as clear_gap,
)
from .indirect_questions import (
    crosswise as crosswise,
)
from .indirect_questions import (
    detectable_gap as detectable_gap,
)
from .indirect_questions import (
    list_checks as list_checks,
)
from .indirect_questions import (
    list_experiment as list_experiment,
)
from .interval_coverage import (
    coverage_summary as coverage_summary,
)
from .interval_coverage import (
    range_summary as range_summary,
)
from .pattern_mixture import (
    delta_adjusted_mean as delta_adjusted_mean,
)
from .pattern_mixture import (
    regression_proxy as regression_proxy,
)
from .pattern_mixture import (
    sensitivity as sensitivity,
)
from .pattern_mixture import (
    tilted_means as tilted_means,
)
from .pattern_mixture import (
    tipping_delta as tipping_delta,
)
from .quantiles import (
    estimate_quantile as estimate_quantile,
)
from .regression import (
    Regression as Regression,
)
from .regression import (
    SeparationWarning as SeparationWarning,
)
from .regression import (
    estimate_regression as estimate_regression,
)
from .regression_fit import (
    model_estimate as model_estimate,
)
from .replication import (
    ReplicateDesign as ReplicateDesign,
)
from .result import (
    RESULT_COLUMNS as RESULT_COLUMNS,
)
from .result import (
    Estimate as Estimate,
)
from .result import (
    capped_se as capped_se,
)
from .result import (
    logit_interval as logit_interval,
)
from .result import (
    make_table as make_table,
)
from .result import (
    proportion_interval as proportion_interval,
)
from .result import (
    t_interval as t_interval,
)
from .small_area import (
    FayHerriot as FayHerriot,
)
from .small_area import (
    fay_herriot as fay_herriot,
)
from .small_area import (
    smooth_variances as smooth_variances,
)
from .streamed_bootstrap import (
    bootstrap_means as bootstrap_means,
)
from .taylor import (
    satterthwaite_df as satterthwaite_df,
)
from .unit_level import (
    UnitModel as UnitModel,
)
from .unit_level import (
    unit_model as unit_model,
)
