"""The warm-up of the fork server before any notebook: import the modules that notebooks need, and use them once."""

from __future__ import annotations

import importlib
from pathlib import Path

import forked_papermill
from forked_papermill import Profile
from spi_analysis.threads import SINGLE_THREAD, skip_grammars

# Never add modules that start threads of their own when they are used (duckdb, polars, torch).
MODULES = (
    "papermill",
    "nbclient",
    "nbconvert.exporters.templateexporter",
    "encodings.utf_8_sig",
    "docx",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "scipy.stats",
    "statsmodels.api",
    "formulaic",
    "spi_analysis.reporting.analyst.fieldwork_progress",
    "spi_analysis.reporting.analyst.list_quality",
    "spi_analysis.reporting.analyst.nonresponse_weighting",
    "spi_analysis.reporting.analyst.sampling_design",
    "spi_analysis.reporting.analyst.score_analysis",
    "spi_analysis.reporting.analyst.sensitivity_ranges",
    "spi_analysis.reporting.institution",
    "spi_analysis.reporting.institution.first_screen",
    "spi_analysis.reporting.institution.sensitivity_section",
    "spi_analysis.reporting.institution.views",
    "spi_analysis.reporting.method_checks",
    "spi_analysis.reporting.national",
    "spi_analysis.runner.execute",
    "spi_analysis.runner.forks.engines",
    "spi_analysis.runner.pool",
    "spi_analysis.stages.overview",
    "spi_analysis.stages.report",
    "spi_analysis.stages.research",
    "spi_analysis.stages.score",
    "spi_analysis.stages.sensitivity",
    "spi_analysis.stages.weight",
    "spi_analysis.survey.weighting.assertions",
    "spi_analysis.survey.weighting.calibration_steps",
    "spi_analysis.survey.weighting.propensity",
    "spi_analysis.survey.weighting.trimming_steps",
)


def warm_up() -> None:
    """Import and exercise; without pyplot figures, files of the round, connections or threads."""
    skip_grammars()
    for name in MODULES:
        importlib.import_module(name)
    _draw_and_tabulate()
    _validate_and_export()
    _read_parameters()


def _draw_and_tabulate() -> None:
    import pandas as pd

    from spi_analysis.reporting import chart, figures, html_table, intervals, languages, text, words

    rows = pd.DataFrame({"label": ["a", "b"], "estimate": [1.0, 2.0], "ci_low": [0.5, 1.5], "ci_high": [1.5, 2.5]})
    picture = chart(intervals, rows, "warm", "warm", x_label="x")
    for language in languages():
        say = words(language)
        picture.html(say)
        html_table([text("a", rows["label"]), figures("b", ["1", "2"])], "warm", "warm")


def _validate_and_export() -> None:
    import io

    import nbformat
    import pandas as pd
    import pandera.pandas as pandera
    from nbformat.v4 import new_code_cell, new_notebook

    from spi_analysis.reporting import warm_exporter

    nbformat.validate(new_notebook(cells=[new_code_cell("1")]))
    warm_exporter()
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    pandera.DataFrameSchema({"a": pandera.Column(float, pandera.Check.ge(0)), "b": pandera.Column(str)}).validate(rows)
    rows.groupby("b", observed=True)["a"].sum().reset_index().merge(rows, on="b").to_csv(io.StringIO())
    rows.pivot_table(index="b", values="a").to_dict()


def _read_parameters() -> None:
    from spi_analysis.params import build_models

    build_models()


# The workbench's settings of forked processes (``forked_papermill.Profile``).

# In a child of a fork server: the server's folder.
PLACE = "SPI_FORK_SERVER"
# In a spawned worker and all that it starts: its folder.
MARK = "SPI_WORKER"
SEED = "SPI_SEED"
# Names the file that a kernel writes its peak memory to; without it, none is written.
PEAK = "SPI_PEAK"
PROVISIONER = "spi-fork"
# Libraries that write a date write this one.
DATE = {"SOURCE_DATE_EPOCH": "1704067200"}

SPI = Profile(
    place="spi_analysis.runner.forks.warm:SPI",
    provisioner=PROVISIONER,
    server_variable=PLACE,
    warm_up="spi_analysis.runner.forks.warm:warm_up",
    prepare="spi_analysis.runner.forks.process_environment:prepare",
    code_digest="spi_analysis.runner.digests:package_digest",
    kinds={"worker": "spi_analysis.runner.pool:forked_worker"},
    # The workbench's own words between its processes.
    allowed=frozenset({MARK, SEED, PEAK}),
    fixed=SINGLE_THREAD | DATE,
)


def fixed_environment(folder: Path) -> dict[str, str]:
    """The environment of workers, fork servers and their kernels; ``folder`` stands in for home and settings."""
    return forked_papermill.fixed_environment(folder, SPI)
