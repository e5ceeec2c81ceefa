"""An institution's answers with design and weights, for other programs: CSV, XLSX, SPSS, Stata and R."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pandas as pd
import pyreadstat
from openpyxl.cell import WriteOnlyCell

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.params import Language, Workspace, load_setup
from spi_analysis.tables.codebook import Meaning, codebook, meanings
from spi_analysis.tables.files import whole_file, write_bytes, write_csv, write_text
from spi_analysis.tables.importing import filled, workbook_bytes
from spi_analysis.tables.round_data import replicate_values, workspace_of
from spi_analysis.tables.store import Store

FORMATS = ("csv", "xlsx", "sav", "dta", "r")
WHO = ["institution_id", "person_id", "source"]
# With the public shift of a coming round, a permanent number would tell who is drawn next.
KEPT_INSIDE = ("prn",)
STATA_LABEL = 80
# Both formats write the hour into their header; a fixed one keeps the same content the same bytes.
SAV_HOUR, SAV_FIXED = slice(92, 109), b"01 Jan 0000:00:00"
DTA_HOUR, DTA_FIXED = re.compile(rb"(<timestamp>\x11).{17}"), rb"\g<1>01 Jan 2000 00:00"


@dataclass(frozen=True)
class _Export:
    """One analysis file with everything its writers need."""

    stem: Path
    title: str
    data: pd.DataFrame
    replicates: pd.DataFrame | None
    words: dict[str, Meaning]
    codes: pd.DataFrame
    items: list[str]
    answers: list[str]


def export_round(
    round_id: str,
    institution_id: str,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    workspace: Workspace | Path | None = None,
    language: Language = "id",
    without: Sequence[str] = (),
    least: int = 1,
) -> list[Path]:
    """Write the analysis file of one institution: one row per respondent, never a contact.

    Beside the answers it holds what the list says (unit, sex, age group ...), the design and all weights. It is
    microdata of people: for analysis inside the house, not for publication. How many people are like nobody else in it
    (``uniqueness``) is found first, and written beside it.

    Parameters
    ----------
    folder : where to write          files are named <round>_<institution>...
    formats : of csv, xlsx, sav, dta, r   "csv" brings a codebook, "r" brings the CSV and the replicate weights
    language : one of the round      of variable and value labels
    without : columns left out       such as unit, so that more people are alike
    least : int                      so many people must be alike, or nothing is written

    Raises
    ------
    InputError   a format, the language or a column is not one of these; fewer than ``least`` people are alike.
    StoreError   there are no answers or no weights yet.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        hint = nearest(unknown[0], FORMATS)
        raise InputError("unknown format", got=", ".join(unknown), expected=", ".join(FORMATS), hint=hint)
    export = _prepared(round_id, institution_id, Path(folder), workspace, language, without)
    found = uniqueness(export.data, export.answers)
    _require_alike(found, least)
    wanted = [name for name in FORMATS if name in formats or (name == "csv" and "r" in formats)]
    paths = [path for name in wanted for path in _WRITERS[name](export)]
    return [*paths, write_csv(_beside(export, "_uniqueness.csv"), found)]


def uniqueness(data: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    """Per source how far people can be told apart by what is known of them (every column of words, and yes or no).

    ``k``: people in the smallest group of those who are alike in all of these; ``alone``: people like nobody else;
    ``l``: the fewest different answers that a group gave to an item (Sweeney 2002; Machanavajjhala et al. 2007).
    Weights, times and answers are not counted as known, though some of them may be.
    """
    rows = []
    for source, people in data.groupby("source", sort=False):
        told = [name for name in people if name not in (*WHO, *items) and _tells(people[name])]
        group = people.groupby(told, dropna=False).ngroup() if told else pd.Series(0, people.index)
        sizes, asked = group.map(group.value_counts()), [name for name in items if people[name].notna().any()]
        variety = people[asked].groupby(group).nunique(dropna=False).min(axis=None) if asked else 0
        rows.append((source, len(people), int(sizes.min()), int((sizes == 1).sum()), int(variety)))
    return pd.DataFrame(rows, columns=["source", "people", "k", "alone", "l"])


def _tells(column: pd.Series) -> bool:
    words = not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column))
    return words or pd.api.types.is_bool_dtype(column)


def _require_alike(found: pd.DataFrame, least: int) -> None:
    if (few := found[found["k"] < least]).empty:
        return
    raise InputError(
        *(
            Problem(
                "people can be told apart, and nothing was written", key=str(one.source),
                got=f"k = {one.k}: {one.alone} of {one.people} people are like nobody else",
                expected=f"at least {least} people who are alike",
                hint="leave columns out, such as --without unit,stratum",
            )
            for one in few.itertuples()
        )
    )  # fmt: skip


def _prepared(
    round_id: str, institution_id: str, folder: Path, workspace: Workspace | Path | None, language: Language,
    without: Sequence[str],
) -> _Export:  # fmt: skip
    place = workspace_of(workspace, "export_round(round_id, institution_id, folder, workspace=...)")
    setup = load_setup(place, round_id)
    known = setup.round.languages
    if language not in known:
        hint = nearest(language, known)
        raise InputError("unknown language", got=str(language), expected=", ".join(known), hint=hint)
    store = Store(place.data / round_id)
    institution = setup.roster[setup.require(institution_id)]
    data = _analysis_table(store, institution_id, list(setup.round.sources))
    if unknown := [name for name in without if name not in data or name in WHO]:
        raise InputError("no such column to leave out", got=", ".join(unknown), hint=nearest(unknown[0], data.columns))
    data = data.drop(columns=list(without))
    words = meanings(
        data.columns, setup.instrument, language, {code: one.label for code, one in setup.round.sources.items()}
    )
    return _Export(
        stem=folder / f"{round_id}_{institution_id}",
        title=f"{setup.round.title[language]}: {institution.name}",
        data=data,
        replicates=store.read_if_there("replicates", institution_id),
        words=words,
        codes=codebook(words),
        items=setup.instrument.codes(next(iter(setup.round.sources))),
        answers=[name for name in data if any(name in setup.instrument.codes(one) for one in setup.round.sources)],
    )


def _analysis_table(store: Store, institution_id: str, sources: list[str]) -> pd.DataFrame:
    """Answers with what the list, the sample and the weighting say of each respondent, in a fixed order."""
    data = store.read("responses", institution_id)
    answers = [column for column in data.columns if column not in WHO]
    for table in ("weights", "sample", "frame"):
        other = store.read(table, institution_id)
        new = [column for column in other.columns if column not in (*data.columns, *KEPT_INSIDE)]
        data = data.merge(other[["source", "person_id", *new]], on=["source", "person_id"], how="left", validate="1:1")
    data = data[[*WHO, *(c for c in data.columns if c not in (*WHO, *answers)), *answers]]
    rank = {source: i for i, source in enumerate(sources)}
    by = ["source", "person_id"]
    return data.sort_values(by, key=lambda c: c.map(rank) if c.name == "source" else c, ignore_index=True)


def _beside(export: _Export, ending: str) -> Path:
    return export.stem.with_name(export.stem.name + ending)


def _write_csv(export: _Export) -> list[Path]:
    codes = [column for column, meaning in export.words.items() if meaning.values and not meaning.in_words]
    data = export.data.assign(**{column: export.data[column].astype("Float64").astype("Int64") for column in codes})
    paths = [write_csv(_beside(export, ".csv"), data), write_csv(_beside(export, "_codebook.csv"), export.codes)]
    if export.replicates is not None:
        paths.append(write_csv(_beside(export, "_replicates.csv"), _in_columns(export.replicates)))
    return paths


def _in_columns(replicates: pd.DataFrame) -> pd.DataFrame:
    """One column per replicate, as other programs want them."""
    values = replicate_values(replicates)
    names = [f"r{number:04d}" for number in range(1, values.shape[1] + 1)]
    who = replicates[["source", "person_id", "variance_factor"]].reset_index(drop=True)
    return pd.concat([who, pd.DataFrame(values, columns=names)], axis=1)


def _write_xlsx(export: _Export) -> list[Path]:
    book = openpyxl.Workbook(write_only=True)
    for name, table in (("data", export.data), ("codebook", export.codes)):
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.append(list(table.columns))
        for row in _with_none(table).itertuples(index=False):
            sheet.append([filled(WriteOnlyCell(sheet), v) if isinstance(v, str) else v for v in row])
    return [write_bytes(_beside(export, ".xlsx"), workbook_bytes(book))]


def _with_none(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).where(table.notna(), None)


def _for_statistics(export: _Export) -> tuple[pd.DataFrame, dict[str, dict[int, str]]]:
    """Data and value labels as SPSS and Stata know them: numbers, text, times in nanoseconds; words become numbers."""
    columns, labels = {}, {column: meaning.values for column, meaning in export.words.items() if meaning.values}
    for name, column in export.data.items():
        meaning = export.words[name]
        if meaning.in_words:
            columns[name] = column.map({code: i for i, code in enumerate(meaning.values, start=1)}).astype(float)
            labels[name] = dict(enumerate(meaning.values.values(), start=1))
        elif pd.api.types.is_datetime64_any_dtype(column):
            columns[name] = column.astype("datetime64[ns]")
        elif pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            columns[name] = column.astype("Float64").astype(float)
        else:
            columns[name] = column.astype(object).where(column.notna(), None)
    return pd.DataFrame(columns), labels


def _write_sav(export: _Export) -> list[Path]:
    path, (data, labels) = _beside(export, ".sav"), _for_statistics(export)
    with whole_file(path) as beside:
        pyreadstat.write_sav(
            data,
            str(beside),
            file_label=export.title[:64],
            column_labels={column: meaning.label for column, meaning in export.words.items()},
            variable_value_labels=labels,
            missing_ranges={column: list(m.missing) for column, m in export.words.items() if m.missing},
        )
        content = bytearray(beside.read_bytes())
        content[SAV_HOUR] = SAV_FIXED
        beside.write_bytes(content)
    return [path]


def _write_dta(export: _Export) -> list[Path]:
    """Stata keeps "no answer" apart as .a, .b ...; the codebook says which code each was."""
    path, (data, labels), missing = _beside(export, ".dta"), _for_statistics(export), {}
    for column in [column for column, meaning in export.words.items() if meaning.missing]:
        letters = {code: chr(ord("a") + i) for i, code in enumerate(export.words[column].missing)}
        labels[column] = {letters.get(code, code): text for code, text in labels[column].items()}
        missing[column] = list(letters.values())
        data[column] = _with_letters(data[column], letters)
    with whole_file(path) as beside:
        pyreadstat.write_dta(
            data,
            str(beside),
            file_label=export.title[:STATA_LABEL],
            column_labels={column: _cut(meaning.label) for column, meaning in export.words.items()},
            variable_value_labels=labels,
            missing_user_values=missing,
        )
        beside.write_bytes(DTA_HOUR.sub(DTA_FIXED, beside.read_bytes(), count=1))
    return [path]


def _with_letters(column: pd.Series, letters: dict[int, str]) -> pd.Categorical:
    """Codes of "no answer" as letters. Fixed categories tell the writer that the column mixes numbers and letters."""
    values = [letters.get(value, value) for value in column]
    numbers = sorted({value for value in values if isinstance(value, float) and value == value})
    return pd.Categorical(values, categories=[*numbers, *letters.values()])


def _cut(label: str) -> str:
    """Stata's labels have at most 80 letters; the whole question stands in the codebook."""
    return label if len(label) <= STATA_LABEL else label[: STATA_LABEL - 3] + "..."


def _write_r(export: _Export) -> list[Path]:
    names = (_beside(export, ".csv").name, _beside(export, "_replicates.csv").name)
    script = r_script(export.title, *names, export.words, export.replicates is not None, export.items)
    return [write_text(_beside(export, ".R"), script)]


_WRITERS: dict[str, Callable[[_Export], list[Path]]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "sav": _write_sav,
    "dta": _write_dta,
    "r": _write_r,
}


# The R script that goes with an exported file: read, label, and declare the designs for the package survey.

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
# Bootstrap replicates of the probability sources: every replicate went through all weighting steps. Their variance is
# multiplied by n / (n - p), for n people were fitted to p totals: the column variance_factor.
replicates <- read.csv("{replicates}", fileEncoding = "UTF-8-BOM", na.strings = "", stringsAsFactors = FALSE)
columns <- setdiff(names(replicates), c("source", "person_id", "variance_factor"))
replicate_designs <- lapply(split(replicates, replicates$source), function(part) {{
  used <- columns[colSums(is.na(part[columns])) == 0]
  joined <- merge(respondents[respondents$source == part$source[1], ], part, by = c("source", "person_id"))
  svrepdesign(data = joined[setdiff(names(joined), columns)], repweights = joined[used], weights = joined$weight,
              type = "bootstrap", combined.weights = TRUE, scale = part$variance_factor[1] / length(used),
              rscales = rep(1, length(used)), mse = TRUE)
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
