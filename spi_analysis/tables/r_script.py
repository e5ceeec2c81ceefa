"""The R script that goes with an exported file: read, label, and declare the designs for the package survey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spi_analysis.tables.codebook import Meaning

_HEAD = """\
# {title}
# Written by the SPI workbench. Put this script, {data} and {replicates} in one folder.
# Needs R and its package survey. In `data` the items are numbers, "no answer" codes are NA;
# in `labelled` they are factors with the words of the questionnaire, "no answer" included.
library(survey)
options(survey.lonely.psu = "adjust")

labelled <- read.csv("{data}", fileEncoding = "UTF-8-BOM", na.strings = "", stringsAsFactors = FALSE)
# In the file an apostrophe stands before what a spreadsheet would take for a formula; here it goes.
formula <- "(^[[:space:]\\"]*|[;,|\\t\\r\\n]\\"*)'(?='*[-=+@])"
labelled[] <- lapply(labelled, function(x) if (is.character(x)) gsub(formula, "\\\\1", x, perl = TRUE) else x)
data <- labelled

# codes and their words
"""
_DESIGNS = """
# Respondents with a final weight. No finite population correction: whoever was sampled, who answers is chance, too.
# The strata are those of the sample; prefer the replicate weights, which repeat every step of the weighting.
# A source with a single respondent has no variance, and so no design.
respondents <- subset(data, !is.na(weight) & weight > 0)
several <- Filter(function(part) nrow(part) > 1, split(respondents, respondents$source))
designs <- lapply(several, function(part)
  svydesign(ids = ~1, strata = ~stratum, weights = ~weight, data = part))
"""
_REPLICATES = """
# Bootstrap replicates of the probability sources: every replicate went through all weighting steps.
replicates <- read.csv("{replicates}", fileEncoding = "UTF-8-BOM", na.strings = "", stringsAsFactors = FALSE)
columns <- setdiff(names(replicates), c("source", "person_id"))
replicate_designs <- lapply(split(replicates, replicates$source), function(part) {{
  used <- columns[colSums(is.na(part[columns])) == 0]
  joined <- merge(respondents[respondents$source == part$source[1], ], part, by = c("source", "person_id"))
  svrepdesign(data = joined[setdiff(names(joined), columns)], repweights = joined[used], weights = joined$weight,
              type = "bootstrap", combined.weights = TRUE, scale = 1 / length(used), rscales = rep(1, length(used)),
              mse = TRUE)
}})
"""
_TAIL = """
# for instance: svymean(~{item}, {designs}${source}, na.rm = TRUE)
"""


def r_script(
    title: str, data: str, replicates: str, words: Mapping[str, Meaning], has_replicates: bool, items: Iterable[str]
) -> str:
    """The text of the script.

    Parameters
    ----------
    data, replicates : str   file names of the CSV files beside the script
    words : dict             meaning of every column
    items : list of str      item codes of the first source, for the example
    """
    parts = [_HEAD.format(title=title, data=data, replicates=replicates)]
    parts += [_factor(column, meaning) for column, meaning in words.items() if meaning.values]
    parts.append(_DESIGNS)
    if has_replicates:
        parts.append(_REPLICATES.format(replicates=replicates))
    designs = "replicate_designs" if has_replicates else "designs"
    parts.append(_TAIL.format(item=next(iter(items)), designs=designs, source=next(iter(words["source"].values))))
    return "".join(parts)


def _factor(column: str, meaning: Meaning) -> str:
    """Factor with labels; "no answer" codes become NA in the numbers."""
    levels = ", ".join(_quoted(value) if isinstance(value, str) else str(value) for value in meaning.values)
    labels = ", ".join(_quoted(text) for text in meaning.values.values())
    missing = ", ".join(str(value) for value in meaning.missing)
    lines = [f"labelled${column} <- factor(labelled${column}, levels = c({levels}), labels = c({labels}))"]
    lines += [f"data${column}[data${column} %in% c({missing})] <- NA"] if missing else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
