"""Sampling design and draw, for any survey: sizes, allocation, selection, and a record that can be checked."""

from spi_analysis.sampling.allocation import allocate
from spi_analysis.sampling.anticipated import (
    compared_allocations,
    invitations_by,
    invitations_for,
    prior_strength,
    shrunken_rates,
    stratified_margin,
)
from spi_analysis.sampling.bethel import achieved_cv, bethel
from spi_analysis.sampling.boundaries import (
    StratumBoundaries,
    cumulative_root_f,
    lavallee_hidiroglou,
    stratum_of,
)
from spi_analysis.sampling.comparisons import (
    ComparisonSize,
    detectable_difference,
    difference_variance,
    proportion_correlation,
    sample_size_change,
    sample_size_two_means,
    sample_size_two_proportions,
)
from spi_analysis.sampling.coordination import expected_overlap, overlap, rounds_of_rest, turn_for, turned_shift
from spi_analysis.sampling.draw import draw_record
from spi_analysis.sampling.frame_audit import coverage, list_quality, lists_shared, shown_counts
from spi_analysis.sampling.horvitz_thompson import Total, horvitz_thompson
from spi_analysis.sampling.inclusion import inclusion_probabilities
from spi_analysis.sampling.joint import (
    joint_inclusion_elimination,
    joint_inclusion_hajek,
    joint_inclusion_pareto,
    joint_inclusion_systematic,
)
from spi_analysis.sampling.methods import DrawDesign, draw_sample
from spi_analysis.sampling.pps import select_pps
from spi_analysis.sampling.prn import commitment, permanent_random_numbers, shift_of, shifted
from spi_analysis.sampling.selection import select_srs
from spi_analysis.sampling.sizes import SampleSize, margin_of_error, sample_size, sample_size_mean
from spi_analysis.sampling.sizes_special import size_for_domain, size_for_interval
from spi_analysis.sampling.strata import UNKNOWN_LEVEL, cell_labels, known_levels, merge_thin_cells
from spi_analysis.sampling.systematic import select_systematic
from spi_analysis.sampling.two_stage import select_two_stage
from spi_analysis.sampling.verify import Difference, other_version, record_differences, verify_draw
from spi_analysis.sampling.waves import assign_waves, release, wave_sizes, with_reserves

__all__ = [
    "UNKNOWN_LEVEL",
    "ComparisonSize",
    "Difference",
    "DrawDesign",
    "SampleSize",
    "StratumBoundaries",
    "Total",
    "achieved_cv",
    "allocate",
    "assign_waves",
    "bethel",
    "cell_labels",
    "commitment",
    "compared_allocations",
    "coverage",
    "cumulative_root_f",
    "detectable_difference",
    "difference_variance",
    "draw_record",
    "draw_sample",
    "expected_overlap",
    "horvitz_thompson",
    "inclusion_probabilities",
    "invitations_by",
    "invitations_for",
    "joint_inclusion_elimination",
    "joint_inclusion_hajek",
    "joint_inclusion_pareto",
    "joint_inclusion_systematic",
    "known_levels",
    "lavallee_hidiroglou",
    "list_quality",
    "lists_shared",
    "margin_of_error",
    "merge_thin_cells",
    "other_version",
    "overlap",
    "permanent_random_numbers",
    "prior_strength",
    "proportion_correlation",
    "record_differences",
    "release",
    "rounds_of_rest",
    "sample_size",
    "sample_size_change",
    "sample_size_mean",
    "sample_size_two_means",
    "sample_size_two_proportions",
    "select_pps",
    "select_srs",
    "select_systematic",
    "select_two_stage",
    "shift_of",
    "shifted",
    "shown_counts",
    "shrunken_rates",
    "size_for_domain",
    "size_for_interval",
    "stratified_margin",
    "stratum_of",
    "turn_for",
    "turned_shift",
    "verify_draw",
    "wave_sizes",
    "with_reserves",
]
