# The face of this package: each name and the module that defines it; loaded on first use.
from .estimation import (
    RESULT_COLUMNS as RESULT_COLUMNS,
)
from .estimation import (
    Calibration as Calibration,
)
from .estimation import (
    Crosstab as Crosstab,
)
from .estimation import (
    Domains as Domains,
)
from .estimation import (
    Estimate as Estimate,
)
from .estimation import (
    FayHerriot as FayHerriot,
)
from .estimation import (
    Linearised as Linearised,
)
from .estimation import (
    Regression as Regression,
)
from .estimation import (
    ReplicateDesign as ReplicateDesign,
)
from .estimation import (
    SameSampleWarning as SameSampleWarning,
)
from .estimation import (
    SeparationWarning as SeparationWarning,
)
from .estimation import (
    SurveyDesign as SurveyDesign,
)
from .estimation import (
    TestResult as TestResult,
)
from .estimation import (
    UnitModel as UnitModel,
)
from .estimation import (
    bootstrap_means as bootstrap_means,
)
from .estimation import (
    capped_se as capped_se,
)
from .estimation import (
    chi_square as chi_square,
)
from .estimation import (
    clear_gap as clear_gap,
)
from .estimation import (
    contrast as contrast,
)
from .estimation import (
    coverage_summary as coverage_summary,
)
from .estimation import (
    crosstab as crosstab,
)
from .estimation import (
    crosswise as crosswise,
)
from .estimation import (
    delta_adjusted_mean as delta_adjusted_mean,
)
from .estimation import (
    detectable_gap as detectable_gap,
)
from .estimation import (
    difference as difference,
)
from .estimation import (
    domains_of as domains_of,
)
from .estimation import (
    estimate_mean as estimate_mean,
)
from .estimation import (
    estimate_proportion as estimate_proportion,
)
from .estimation import (
    estimate_quantile as estimate_quantile,
)
from .estimation import (
    estimate_ratio as estimate_ratio,
)
from .estimation import (
    estimate_regression as estimate_regression,
)
from .estimation import (
    estimate_total as estimate_total,
)
from .estimation import (
    estimate_variance as estimate_variance,
)
from .estimation import (
    fay_herriot as fay_herriot,
)
from .estimation import (
    list_checks as list_checks,
)
from .estimation import (
    list_experiment as list_experiment,
)
from .estimation import (
    logit_interval as logit_interval,
)
from .estimation import (
    make_table as make_table,
)
from .estimation import (
    model_estimate as model_estimate,
)
from .estimation import (
    overlap_covariance as overlap_covariance,
)
from .estimation import (
    proportion_interval as proportion_interval,
)
from .estimation import (
    range_summary as range_summary,
)
from .estimation import (
    regression_proxy as regression_proxy,
)
from .estimation import (
    satterthwaite_df as satterthwaite_df,
)
from .estimation import (
    sensitivity as sensitivity,
)
from .estimation import (
    smooth_contrast as smooth_contrast,
)
from .estimation import (
    smooth_variances as smooth_variances,
)
from .estimation import (
    t_interval as t_interval,
)
from .estimation import (
    t_test as t_test,
)
from .estimation import (
    tilted_means as tilted_means,
)
from .estimation import (
    tipping_delta as tipping_delta,
)
from .estimation import (
    unit_model as unit_model,
)
from .groups import (
    SEPARATOR as SEPARATOR,
)
from .groups import (
    UNKNOWN_LEVEL as UNKNOWN_LEVEL,
)
from .groups import (
    cell_labels as cell_labels,
)
from .groups import (
    effective_n as effective_n,
)
from .groups import (
    group_counts as group_counts,
)
from .groups import (
    group_sums as group_sums,
)
from .groups import (
    merge_thin_cells as merge_thin_cells,
)
from .groups import (
    require_columns as require_columns,
)
from .groups import (
    response_tendency as response_tendency,
)
from .groups import (
    with_unknown_level as with_unknown_level,
)
from .sampling import (
    ComparisonSize as ComparisonSize,
)
from .sampling import (
    Difference as Difference,
)
from .sampling import (
    DrawDesign as DrawDesign,
)
from .sampling import (
    SampleSize as SampleSize,
)
from .sampling import (
    StratumBoundaries as StratumBoundaries,
)
from .sampling import (
    Total as Total,
)
from .sampling import (
    achieved_cv as achieved_cv,
)
from .sampling import (
    activate_waves as activate_waves,
)
from .sampling import (
    allocate as allocate,
)
from .sampling import (
    allocation_of as allocation_of,
)
from .sampling import (
    assign_waves as assign_waves,
)
from .sampling import (
    bethel as bethel,
)
from .sampling import (
    canonical as canonical,
)
from .sampling import (
    commitment as commitment,
)
from .sampling import (
    compared_allocations as compared_allocations,
)
from .sampling import (
    coverage as coverage,
)
from .sampling import (
    cumulative_root_f as cumulative_root_f,
)
from .sampling import (
    design_of as design_of,
)
from .sampling import (
    detectable_difference as detectable_difference,
)
from .sampling import (
    detectable_two_means as detectable_two_means,
)
from .sampling import (
    difference_variance as difference_variance,
)
from .sampling import (
    draw_record as draw_record,
)
from .sampling import (
    draw_sample as draw_sample,
)
from .sampling import (
    expected_overlap as expected_overlap,
)
from .sampling import (
    from_start as from_start,
)
from .sampling import (
    horvitz_thompson as horvitz_thompson,
)
from .sampling import (
    inclusion_probabilities as inclusion_probabilities,
)
from .sampling import (
    invitations_by as invitations_by,
)
from .sampling import (
    invitations_for as invitations_for,
)
from .sampling import (
    joint_inclusion as joint_inclusion,
)
from .sampling import (
    lavallee_hidiroglou as lavallee_hidiroglou,
)
from .sampling import (
    list_quality as list_quality,
)
from .sampling import (
    lists_shared as lists_shared,
)
from .sampling import (
    margin_of_error as margin_of_error,
)
from .sampling import (
    other_version as other_version,
)
from .sampling import (
    overlap as overlap,
)
from .sampling import (
    permanent_random_numbers as permanent_random_numbers,
)
from .sampling import (
    prior_strength as prior_strength,
)
from .sampling import (
    private_digest as private_digest,
)
from .sampling import (
    proportion_correlation as proportion_correlation,
)
from .sampling import (
    random_arms as random_arms,
)
from .sampling import (
    record_differences as record_differences,
)
from .sampling import (
    register_allocation as register_allocation,
)
from .sampling import (
    rotated_start as rotated_start,
)
from .sampling import (
    rotation_for as rotation_for,
)
from .sampling import (
    rounds_of_rest as rounds_of_rest,
)
from .sampling import (
    safe_count as safe_count,
)
from .sampling import (
    sample_size as sample_size,
)
from .sampling import (
    sample_size_change as sample_size_change,
)
from .sampling import (
    sample_size_mean as sample_size_mean,
)
from .sampling import (
    sample_size_two_means as sample_size_two_means,
)
from .sampling import (
    sample_size_two_proportions as sample_size_two_proportions,
)
from .sampling import (
    select_pps as select_pps,
)
from .sampling import (
    select_srs as select_srs,
)
from .sampling import (
    select_systematic as select_systematic,
)
from .sampling import (
    select_two_stage as select_two_stage,
)
from .sampling import (
    shown_counts as shown_counts,
)
from .sampling import (
    shrunken_rates as shrunken_rates,
)
from .sampling import (
    size_for_domain as size_for_domain,
)
from .sampling import (
    size_for_interval as size_for_interval,
)
from .sampling import (
    start_of as start_of,
)
from .sampling import (
    stratified_margin as stratified_margin,
)
from .sampling import (
    stratum_of as stratum_of,
)
from .sampling import (
    verify_draw as verify_draw,
)
from .sampling import (
    wave_sizes as wave_sizes,
)
from .sampling import (
    with_reserves as with_reserves,
)
from .simulation import (
    LEAST_ANSWERS as LEAST_ANSWERS,
)
from .simulation import (
    Allocation as Allocation,
)
from .simulation import (
    Answered as Answered,
)
from .simulation import (
    Cells as Cells,
)
from .simulation import (
    Design as Design,
)
from .simulation import (
    Population as Population,
)
from .simulation import (
    ResponseModel as ResponseModel,
)
from .simulation import (
    Settings as Settings,
)
from .simulation import (
    Waves as Waves,
)
from .simulation import (
    Weighting as Weighting,
)
from .simulation import (
    WeightingCells as WeightingCells,
)
from .simulation import (
    bias_of_respondents as bias_of_respondents,
)
from .simulation import (
    compare_designs as compare_designs,
)
from .simulation import (
    on_all_cores as on_all_cores,
)
from .simulation import (
    run_designs as run_designs,
)
from .simulation import (
    summarise as summarise,
)
from .simulation import (
    weighted_means as weighted_means,
)
from .weighting import (
    Assert as Assert,
)
from .weighting import (
    Auxiliary as Auxiliary,
)
from .weighting import (
    BootstrapReplicates as BootstrapReplicates,
)
from .weighting import (
    Calibrate as Calibrate,
)
from .weighting import (
    DropIneligible as DropIneligible,
)
from .weighting import (
    Merged as Merged,
)
from .weighting import (
    PostStratify as PostStratify,
)
from .weighting import (
    Potter as Potter,
)
from .weighting import (
    Propensity as Propensity,
)
from .weighting import (
    Rake as Rake,
)
from .weighting import (
    ReplicateWeights as ReplicateWeights,
)
from .weighting import (
    RIndicator as RIndicator,
)
from .weighting import (
    Step as Step,
)
from .weighting import (
    Totals as Totals,
)
from .weighting import (
    Trim as Trim,
)
from .weighting import (
    TrimFixed as TrimFixed,
)
from .weighting import (
    TrimRatio as TrimRatio,
)
from .weighting import (
    UnknownEligibility as UnknownEligibility,
)
from .weighting import (
    Weighted as Weighted,
)
from .weighting import (
    WeightingClasses as WeightingClasses,
)
from .weighting import (
    WeightingReport as WeightingReport,
)
from .weighting import (
    WeightingRun as WeightingRun,
)
from .weighting import (
    adjust_nonresponse as adjust_nonresponse,
)
from .weighting import (
    adjust_unknown_eligibility as adjust_unknown_eligibility,
)
from .weighting import (
    apply_recipe as apply_recipe,
)
from .weighting import (
    auxiliary_of as auxiliary_of,
)
from .weighting import (
    balance as balance,
)
from .weighting import (
    begin_recipe as begin_recipe,
)
from .weighting import (
    bootstrap_plan as bootstrap_plan,
)
from .weighting import (
    bootstrap_replicates as bootstrap_replicates,
)
from .weighting import (
    brr_replicates as brr_replicates,
)
from .weighting import (
    calibrate as calibrate,
)
from .weighting import (
    calibration_factors as calibration_factors,
)
from .weighting import (
    fit_propensity as fit_propensity,
)
from .weighting import (
    jackknife_replicates as jackknife_replicates,
)
from .weighting import (
    kish_deff as kish_deff,
)
from .weighting import (
    multilevel_calibrate as multilevel_calibrate,
)
from .weighting import (
    observed_fraction as observed_fraction,
)
from .weighting import (
    post_stratify as post_stratify,
)
from .weighting import (
    post_stratum_cells as post_stratum_cells,
)
from .weighting import (
    propensity_classes as propensity_classes,
)
from .weighting import (
    r_indicator as r_indicator,
)
from .weighting import (
    rake as rake,
)
from .weighting import (
    rake_columns as rake_columns,
)
from .weighting import (
    raked_replicates as raked_replicates,
)
from .weighting import (
    recipe_of as recipe_of,
)
from .weighting import (
    register_step as register_step,
)
from .weighting import (
    replicate_sums as replicate_sums,
)
from .weighting import (
    response_classes as response_classes,
)
from .weighting import (
    response_propensity as response_propensity,
)
from .weighting import (
    step_of as step_of,
)
from .weighting import (
    trim_weights as trim_weights,
)
from .weighting import (
    two_phase_replicates as two_phase_replicates,
)
from .weighting import (
    weighting_classes as weighting_classes,
)
