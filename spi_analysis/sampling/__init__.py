"""Sampling design and draw, for any survey: sizes, allocation, selection, and a record that can be checked."""

from spi_analysis.sampling.allocation import allocate
from spi_analysis.sampling.draw import Difference, draw_record, verify_draw
from spi_analysis.sampling.prn import commitment, permanent_random_numbers, shift_of, shifted
from spi_analysis.sampling.selection import select_srs
from spi_analysis.sampling.sizes import SampleSize, margin_of_error, sample_size, sample_size_mean
from spi_analysis.sampling.strata import cell_labels, merge_thin_cells

__all__ = [
    "Difference",
    "SampleSize",
    "allocate",
    "cell_labels",
    "commitment",
    "draw_record",
    "margin_of_error",
    "merge_thin_cells",
    "permanent_random_numbers",
    "sample_size",
    "sample_size_mean",
    "select_srs",
    "shift_of",
    "shifted",
    "verify_draw",
]
