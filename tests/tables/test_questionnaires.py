"""The questionnaire out to survey platforms, checked by the platform's own converter, and its answers back in."""

from __future__ import annotations

import csv

import openpyxl
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.identity import answer_tokens
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from spi_analysis.tables.questionnaires import write_questionnaire

CITY = "kota-mojokerto"


@pytest.fixture
def write(setup, tmp_path):
    return lambda kind, source="expert": write_questionnaire(
        setup.instrument, source, ["id", "en"], kind, tmp_path / "q"
    )


def rows_of(path):
    book = openpyxl.load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def test_xlsform(write):
    sheets = rows_of(write("xlsform"))
    header, *survey = sheets["survey"]
    assert header == ["type", "name", "label::Indonesian (id)", "label::English (en)", "required"]
    assert [row[:2] for row in survey[:4]] == [
        ["start", "start"], ["end", "end"], ["hidden", "token"], ["begin_group", "part_1"],
    ]  # fmt: skip
    assert survey[4] == [
        "select_one agree",
        "exp_ins_1",
        "Pimpinan instansi ini memberi teladan dalam menjaga integritas.",
        "The leaders of this institution set an example of integrity.",
        "yes",
    ]
    agree = [row[1:3] for row in sheets["choices"] if row[0] == "agree"]
    assert agree[0] == [1, "Sangat tidak setuju"]
    assert agree[-2:] == [[8, "Tidak tahu"], [9, "Tidak bersedia menjawab"]], "the codes are those of the scale"
    assert sheets["settings"][1][:2] == ["Kuesioner integritas", "spi_2024_expert"]


def test_xlsform_passes_the_platforms_converter(write):
    convert = pytest.importorskip("pyxform.xls2xform").convert
    made = convert(str(write("xlsform", "internal")))
    assert made.warnings == []
    assert '<bind nodeset="/data/part_1/int_tra_1" type="string" required="true()"/>' in made.xform


def limesurvey_rows(path):
    assert path.read_bytes()[:3] == b"\xef\xbb\xbf", "LimeSurvey wants the mark of UTF-8"
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter="\t"))


def test_limesurvey(write):
    rows = limesurvey_rows(write("limesurvey"))
    assert {row["name"]: row["text"] for row in rows if row["class"] == "S"} == {
        "language": "id", "additional_languages": "en", "anonymized": "N", "datestamp": "Y",
    }  # fmt: skip
    questions = [row for row in rows if row["class"] == "Q"]
    assert [row["name"] for row in questions[:2]] == ["EXPINS1", "EXPINS2"]
    assert {(row["type/scale"], row["mandatory"]) for row in questions} == {("L", "Y")}
    scored = [row for row in questions if row["random_group"]]
    assert {row["random_group"] for row in scored} == {"part1"}, "scored items come in a random order inside their part"
    first = rows.index(questions[0])
    answers = [row["name"] for row in rows[first + 1 : first + 9]]
    assert answers == ["1", "2", "3", "4", "5", "6", "8", "9"]
    by_language = [
        [(r["class"], r["name"]) for r in rows if r["language"] == lang and r["class"] in "QA"] for lang in ("id", "en")
    ]
    assert by_language[0] == by_language[1], "every language has all questions and answers, in one order"


def test_the_reversed_form_turns_scored_questions_and_their_answers_round(write, setup, tmp_path):
    """Same codes, other places: what cannot be said stays at the end, contacts and experiences stay as they are."""

    def shown(kind, form):
        path = write_questionnaire(setup.instrument, "internal", ["id", "en"], kind, tmp_path / "f", form)
        if kind == "limesurvey":
            rows = [row for row in limesurvey_rows(path) if row["language"] == "id" and row["class"] in "QA"]
            return path.name, [row["name"] for row in rows if row["class"] == "Q"], [
                row["name"] for row in rows if row["class"] == "A"][:8]  # fmt: skip
        sheets = rows_of(path)
        asked = [row[1] for row in sheets["survey"] if str(row[0]).startswith("select_one")]
        return path.name, asked, [row[1] for row in sheets["choices"] if row[0] == "agree"]

    scored = [item.code for item in setup.instrument.items("internal")]
    for kind, ending in (("limesurvey", "txt"), ("xlsform", "xlsx")):
        name, usual, answers = shown(kind, "usual")
        other, turned, turned_answers = shown(kind, "reversed")
        assert (name, other) == (f"spi_2024__internal.{ending}", f"spi_2024__internal__reversed.{ending}")
        assert sorted(usual) == sorted(turned)
        n = len(scored)
        assert usual[n:] == turned[n:], "contacts and experiences"
        of_first = [item.code for item in setup.instrument.sources["internal"].dimensions[0].items]
        assert turned[: len(of_first)] == usual[: len(of_first)][::-1]
        assert [str(code) for code in answers] == ["1", "2", "3", "4", "5", "6", "8", "9"]
        assert [str(code) for code in turned_answers] == ["6", "5", "4", "3", "2", "1", "8", "9"]
    settings = rows_of(tmp_path / "f" / "spi_2024__internal__reversed.xlsx")["settings"]
    assert settings[1][1] == "spi_2024_internal_reversed"


def test_codes_that_a_platform_does_not_take(setup, tmp_path):
    part = setup.instrument.sources["expert"]
    item = part.dimensions[0].indicators[0].items[0]
    twin = item.model_copy(update={"code": "exp_ins1"})
    indicator = part.dimensions[0].indicators[0].model_copy(update={"items": [item, twin]})
    dimension = part.dimensions[0].model_copy(update={"indicators": [indicator]})
    sources = {"expert": part.model_copy(update={"dimensions": [dimension]})}
    instrument = setup.instrument.model_copy(update={"sources": sources})
    instrument.__dict__.pop("questions", None)
    with pytest.raises(InputError, match="none that LimeSurvey takes") as error:
        write_questionnaire(instrument, "expert", ["id"], "limesurvey", tmp_path)
    assert "exp_ins_1, exp_ins1" in str(error.value)


@pytest.mark.parametrize(("kind", "source"), [("lime", "expert"), ("xlsform", "experts")])
def test_unknown_platform_or_source(setup, tmp_path, kind, source):
    with pytest.raises(InputError, match="unknown"):
        write_questionnaire(setup.instrument, source, ["id"], kind, tmp_path)


@pytest.mark.parametrize("kind", ["xlsform", "limesurvey"])
def test_answers_come_back_as_they_were_given(kind, write, setup, store, vault, write_csv, employees, draw_everyone):
    """Each item gets the next code of its scale; the export has the headings and codes that the file gave away."""
    import_frame([write_csv(f"{CITY}__internal.csv", employees)], setup, store, vault)
    person = draw_everyone(CITY)["person_id"].iloc[0]
    (token,) = answer_tokens([person], "spi_2024", CITY, "internal", vault.secret("link_token"))
    if kind == "xlsform":
        survey, part, items = rows_of(write(kind, "internal"))["survey"], "", []
        for type_, name, *_ in survey:
            part = name if type_ == "begin_group" else part
            items += [f"{part}/{name}"] if type_.startswith("select_one") else []
        own = {
            "start": "2024-08-01T10:00:00+07:00",
            "end": "2024-08-01T10:20:00+07:00",
            "token": token,
            "_submission_time": "",
        }
    else:
        rows = limesurvey_rows(write(kind, "internal"))
        items = [row["name"] for row in rows if row["class"] == "Q" and row["language"] == "id"]
        own = {"id": "1", "submitdate": "2024-08-01 10:20:00", "lastpage": "3", "startlanguage": "id", "token": token}
    given = {item: str(n % 2) if n >= 29 else str(n % 6 + 1) for n, item in enumerate(items)}
    result = import_responses(
        [write_csv("back.csv", [[*own, *given], [*own.values(), *given.values()]], ",")], setup, store, vault
    )
    assert result.counts["accepted"].sum() == 1
    assert len(items) == 33
    stored = store.read("responses", CITY).iloc[0]
    assert [stored[code] for code in setup.instrument.codes("internal")] == [float(code) for code in given.values()]
    assert "item_missing" not in result.problems["code"].tolist()


def test_a_module_is_shown_to_its_arm_alone(write):
    """XLSForm: a hidden field and a condition; LimeSurvey: an attribute of the participant."""
    header, *survey = rows_of(write("xlsform", "external"))["survey"]
    assert header[-1] == "relevant"
    assert ["hidden", "arm"] in [row[:2] for row in survey]
    conditions = {row[1]: row[-1] for row in survey if row[0].startswith("select_one")}
    assert conditions["ext_exp_1"] is None
    assert conditions["ext_lst_long"] == "${arm} = 'list_long'"
    assert conditions["ext_clm_fear"] == "${arm} != ''"
    asked = {row["name"]: row for row in limesurvey_rows(write("limesurvey", "external")) if row["class"] == "Q"}
    assert asked["EXTEXP1"]["relevance"] == "1"
    assert asked["EXTCROSS"]["relevance"] == 'TOKEN:ATTRIBUTE_2 == "crosswise"'
    assert "<br />- Was asked by an officer" in asked["EXTLSTLONG"]["text"]
