"""What identifies an estimate: one meaning per column, declared by measure; and the first form of the table."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_analysis.columns import LABELS, MEASURES, PUBLISHED_SOURCES, VALUES
from spi_analysis.errors import InputError
from spi_analysis.tables import ESTIMATE_KEYS, checked, estimates_from_schema_1, with_kinds

KEYS = ["source", "part_kind", "part", "domain_kind", "domain", "denominator", "reference_year"]
REST = {"institution_id": "kota-x", "estimate": 1.5, "se": 0.5, "ci_low": 1.0, "ci_high": 2.0, "level": 0.95,
        "df_design": 9.0, "n": 10.0, "effective_n": 8.0, "status": "shown"}  # fmt: skip
# Measure, then source, dimension and domain as they were stored first, then the columns of today.
# Measures of answers to single items: none in the first form of the table.
ITEMS = {"item_favourable", "item_neutral", "item_unfavourable"}
# Nor of experts drawn from a list.
OF_LISTS = {"index_panel_reading", "nominator_difference"}
# Nor what indirect questions tell, nor changes of single parts.
OF_QUESTIONS = {"list_rate", "list_gap", "crosswise_rate", "crosswise_gap", "climate_rate"}
OF_PARTS = {"dimension_change", "item_change"}
BOTH = [
    ("index", (None, None, None), (None, "whole", None, "all", None, None, None)),
    ("index_without_panel_variance", (None, None, None), (None, "whole", None, "all", None, None, None)),
    ("index_part", (None, "expert", None), (None, "source", "expert", "all", None, None, None)),
    ("index_part", (None, "correction_facts", None), (None, "correction", "correction_facts", "all", None, None, None)),
    ("index_variance_share", ("internal", None, None), (None, "source", "internal", "all", None, None, None)),
    ("index_variance_share", ("correction_conduct", None, None),
     (None, "correction", "correction_conduct", "all", None, None, None)),
    ("index_change", (None, None, "2023"), (None, "whole", None, "all", None, None, 2023)),
    ("index_previous", (None, None, "2023"), (None, "whole", None, "all", None, None, 2023)),
    ("index_previous_noise", (None, "model", "2022"), (None, "assumption", "model", "all", None, None, 2022)),
    ("change_source", ("internal", None, "2023"), (None, "source", "internal", "all", None, None, 2023)),
    ("change_dimension", ("internal", "budget", "2023"),
     ("internal", "dimension", "budget", "all", None, None, 2023)),
    ("change_weights", (None, "weights", "2023"), (None, "contribution", "weights", "all", None, None, 2023)),
    ("change_correction", (None, "correction_other", "2023"),
     (None, "correction", "correction_other", "all", None, None, 2023)),
    ("change_unexplained", (None, "unexplained", "2023"),
     (None, "contribution", "unexplained", "all", None, None, 2023)),
    ("category_probability", (None, None, "terjaga"), (None, "category", "terjaga", "all", None, None, None)),
    ("target_probability", (None, None, "local_2"), (None, "target", "local_2", "all", None, None, None)),
    ("change_probability", (None, None, "2023"), (None, "whole", None, "all", None, None, 2023)),
    ("index_repeated", (None, None, None), (None, "whole", None, "all", None, None, None)),
    ("source_score", ("expert", None, None), ("expert", "whole", None, "all", None, None, None)),
    ("dimension_score", ("internal", "budget", None), ("internal", "dimension", "budget", "all", None, None, None)),
    ("unit_score", ("external", None, "Puskesmas"), ("external", "whole", None, "unit", "Puskesmas", None, None)),
    ("unit_difference", ("external", None, "2023"), ("external", "whole", None, "unit", "2023", None, None)),
    ("unit_score_model", ("internal", None, "Kecamatan"), ("internal", "whole", None, "unit", "Kecamatan", None, None)),
    ("class_score", ("internal", None, "staff"), ("internal", "whole", None, "position_class", "staff", None, None)),
    ("class_difference", ("internal", None, "staff"),
     ("internal", "whole", None, "position_class", "staff", None, None)),
    ("experience_rate", ("external", "ext_exp_1", "contacts"),
     ("external", "item", "ext_exp_1", "all", None, "contacts", None)),
]  # fmt: skip


def new_table() -> pd.DataFrame:
    rows = [{"measure": measure, **dict(zip(KEYS, today, strict=True)), **REST} for measure, _, today in BOTH]
    return checked("estimates", pd.DataFrame(rows).astype({"reference_year": "Int64"}))


def first_table() -> pd.DataFrame:
    names = ("source", "dimension", "domain")
    return pd.DataFrame([{"measure": m, **dict(zip(names, then, strict=True)), **REST} for m, then, _ in BOTH])


def test_every_measure_is_declared_and_has_words_with_its_kinds() -> None:
    """There were no components and no answers to single items in the first form of the table."""
    assert (
        set(MEASURES)
        == set(VALUES["measure"])
        == {measure for measure, _, _ in BOTH} | {"change_component", *ITEMS, *OF_LISTS, *OF_QUESTIONS, *OF_PARTS}
    )
    assert {kind for measure in MEASURES.values() for kind in measure.parts} == set(VALUES["part_kind"])
    assert {measure.domain for measure in MEASURES.values()} == set(VALUES["domain_kind"])
    assert set(ESTIMATE_KEYS) <= set(LABELS)


def test_writers_name_the_part_and_get_its_kind() -> None:
    """Of the parts of the index two kinds are told apart by their codes; what no row has is a column all the same."""
    rows = pd.DataFrame({"measure": ["index_part", "index_part"], "part": ["expert", "correction_facts"], "n": 1.0})
    table = with_kinds(rows)
    assert table["part_kind"].tolist() == ["source", "correction"]
    assert table["domain_kind"].tolist() == ["all", "all"]
    assert list(table.columns) == [*ESTIMATE_KEYS, "n"]
    assert table[["source", "domain", "denominator", "reference_year"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("measure", "column", "value", "said"),
    [
        ("index", "measure", "indeks", "did you mean 'index'"),
        ("index", "source", "internal", "nothing"),
        ("source_score", "source", None, "internal, external, expert"),
        ("source_score", "part", "budget", "nothing"),
        ("dimension_score", "part", None, "some value"),
        ("dimension_score", "part_kind", "item", "dimension"),
        ("index_part", "part", "budget", "expected: internal, external, expert"),
        ("change_weights", "part", "unexplaned", "did you mean 'unexplained'"),
        ("target_probability", "part", "regional", "national, national_2, local, local_2"),
        ("unit_score", "domain", None, "some value"),
        ("unit_score", "domain_kind", "position_class", "unit"),
        ("category_probability", "domain", "terjaga", "nothing"),
        ("experience_rate", "denominator", "everybody", "respondents, contacts"),
        ("unit_score", "denominator", "contacts", "nothing"),
        ("index_change", "reference_year", None, "some value"),
        ("index", "reference_year", 2023, "nothing"),
        ("index_change", "reference_year", 23, "2000"),
    ],
)
def test_a_column_with_another_meaning_is_refused(measure: str, column: str, value: object, said: str) -> None:
    table = new_table()
    first = table.index[table["measure"] == measure][0]
    table.loc[first, column] = value
    with pytest.raises(InputError) as refused:
        checked("estimates", table, sources=PUBLISHED_SOURCES)
    (problem,) = refused.value.problems
    assert (problem.column, problem.row) == (column, first + 1)
    assert said in str(refused.value)


def test_the_first_form_in_the_columns_of_today() -> None:
    first = first_table()
    before = first.copy()
    pd.testing.assert_frame_equal(checked("estimates", estimates_from_schema_1(first)), new_table())
    pd.testing.assert_frame_equal(first, before)


def test_a_table_without_the_columns_of_the_first_form_is_refused() -> None:
    with pytest.raises(InputError, match="column dimension"):
        estimates_from_schema_1(new_table())
    with pytest.raises(InputError, match="did you mean 'index'"):
        estimates_from_schema_1(first_table().replace({"measure": {"index": "indeks"}}))
