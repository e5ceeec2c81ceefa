"""What the fork server does once, before any notebook: import what notebooks need, and use it a first time."""

from __future__ import annotations

import importlib

from spi_analysis.threads import skip_grammars

# Not in this list, and never to be: what starts threads of its own when it is used (duckdb, polars, torch).
MODULES = (
    "papermill",
    "nbclient",
    "nbconvert.exporters.templateexporter",
    "encodings.utf_8_sig",
    "pyarrow.dataset",
    "scipy.stats",
    "statsmodels.api",
    "formulaic",
    "spi_analysis.runner.execute",
    "spi_analysis.runner.forks.engines",
    "spi_analysis.runner.pool",
    "spi_analysis.reporting.analyst.conduct_flags",
    "spi_analysis.reporting.analyst.fieldwork_progress",
    "spi_analysis.reporting.analyst.list_quality",
    "spi_analysis.reporting.analyst.score_analysis",
    "spi_analysis.reporting.analyst.sampling_design",
    "spi_analysis.reporting.analyst.score_analysis",
    "spi_analysis.reporting.analyst.sensitivity_ranges",
    "spi_analysis.reporting.analyst.nonresponse_weighting",
    "spi_analysis.reporting.method_checks",
    "spi_analysis.reporting.institution",
    "spi_analysis.reporting.institution.sensitivity_section",
    "spi_analysis.reporting.national",
    "spi_analysis.stages.overview",
    "spi_analysis.stages.report",
    "spi_analysis.stages.score",
    "spi_analysis.stages.sensitivity",
    "spi_analysis.stages.weight",
)


def warm_up() -> None:
    """Import and exercise; without pyplot figures, files of the round, connections or threads."""
    skip_grammars()
    for name in MODULES:
        importlib.import_module(name)
    _draw_and_tabulate()
    _validate_and_export()


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
