# The face of this package: each name and the module that defines it; loaded on first use.
from .allocation import (
    AllocationRule as AllocationRule,
)
from .allocation import (
    BethelAllocation as BethelAllocation,
)
from .allocation import allocate as allocate
from .allocation import (
    allocation_of as allocation_of,
)
from .allocation import (
    register_allocation as register_allocation,
)
from .bethel_allocation import (
    achieved_cv as achieved_cv,
)
from .bethel_allocation import (
    bethel as bethel,
)
from .boundaries import (
    StratumBoundaries as StratumBoundaries,
)
from .boundaries import (
    cumulative_root_f as cumulative_root_f,
)
from .boundaries import (
    lavallee_hidiroglou as lavallee_hidiroglou,
)
from .boundaries import (
    stratum_of as stratum_of,
)
from .comparison_sizes import (
    ComparisonSize as ComparisonSize,
)
from .comparison_sizes import (
    detectable_difference as detectable_difference,
)
from .comparison_sizes import (
    detectable_two_means as detectable_two_means,
)
from .comparison_sizes import (
    difference_variance as difference_variance,
)
from .comparison_sizes import (
    proportion_correlation as proportion_correlation,
)
from .comparison_sizes import (
    sample_size_change as sample_size_change,
)
from .comparison_sizes import (
    sample_size_two_means as sample_size_two_means,
)
from .comparison_sizes import (
    sample_size_two_proportions as sample_size_two_proportions,
)
from .comparison_sizes import (
    size_for_domain as size_for_domain,
)
from .comparison_sizes import (
    size_for_interval as size_for_interval,
)
from .draw import (
    DrawDesign as DrawDesign,
)
from .draw import (
    design_of as design_of,
)
from .draw import (
    draw_record as draw_record,
)
from .draw import (
    draw_sample as draw_sample,
)
from .draw import (
    group_digests as group_digests,
)
from .draw import (
    private_digest as private_digest,
)
from .frame_audit import (
    coverage as coverage,
)
from .frame_audit import (
    list_quality as list_quality,
)
from .frame_audit import (
    lists_shared as lists_shared,
)
from .frame_audit import (
    safe_count as safe_count,
)
from .frame_audit import (
    shown_counts as shown_counts,
)
from .inclusion import (
    inclusion_probabilities as inclusion_probabilities,
)
from .inclusion import (
    joint_inclusion as joint_inclusion,
)
from .pps import (
    Total as Total,
)
from .pps import (
    horvitz_thompson as horvitz_thompson,
)
from .pps import (
    select_pps as select_pps,
)
from .pps import (
    select_systematic as select_systematic,
)
from .pps import (
    select_two_stage as select_two_stage,
)
from .random_numbers import (
    canonical as canonical,
)
from .random_numbers import (
    commitment as commitment,
)
from .random_numbers import (
    expected_overlap as expected_overlap,
)
from .random_numbers import (
    from_start as from_start,
)
from .random_numbers import (
    overlap as overlap,
)
from .random_numbers import (
    permanent_random_numbers as permanent_random_numbers,
)
from .random_numbers import (
    random_arms as random_arms,
)
from .random_numbers import (
    rotated_start as rotated_start,
)
from .random_numbers import (
    rotation_for as rotation_for,
)
from .random_numbers import (
    rounds_of_rest as rounds_of_rest,
)
from .random_numbers import (
    start_of as start_of,
)
from .response import (
    compared_allocations as compared_allocations,
)
from .response import (
    invitations_by as invitations_by,
)
from .response import (
    invitations_for as invitations_for,
)
from .response import (
    prior_strength as prior_strength,
)
from .response import (
    shrunken_rates as shrunken_rates,
)
from .response import (
    stratified_margin as stratified_margin,
)
from .selection import select_srs as select_srs
from .size import (
    SampleSize as SampleSize,
)
from .size import (
    margin_of_error as margin_of_error,
)
from .size import (
    sample_size as sample_size,
)
from .size import (
    sample_size_mean as sample_size_mean,
)
from .verify import (
    Difference as Difference,
)
from .verify import (
    other_version as other_version,
)
from .verify import (
    record_differences as record_differences,
)
from .verify import (
    verify_draw as verify_draw,
)
from .waves import (
    activate_waves as activate_waves,
)
from .waves import (
    assign_waves as assign_waves,
)
from .waves import (
    wave_sizes as wave_sizes,
)
from .waves import (
    with_reserves as with_reserves,
)
