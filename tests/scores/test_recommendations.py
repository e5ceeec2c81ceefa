"""Which advice the evidence supports, and in which order."""

import pandas as pd
import pytest

from spi_analysis.params import RecommendationRules
from spi_analysis.scores import applicable


def rule(code: str, kind: str, measure: str, threshold: float, certainty: float = 0.9) -> dict:
    words = {"id": code, "en": code}
    when = {"kind": kind, "measure": measure, "threshold": threshold, "certainty": certainty}
    return {"code": code, "audience": "internal", "when": when, "title": words, "text": words, "reference": "none"}


def rules(*listed: dict) -> RecommendationRules:
    return RecommendationRules.model_validate({"source": "a toy", "as_of": "2024-01-01", "rules": list(listed)})


def score(dimension: str, estimate: float, se: float, status: str = "shown", source: str = "internal") -> dict:
    where = {"measure": "dimension_score", "source": source, "part": dimension, "denominator": None, "status": status}
    limits = {"ci_low": estimate - 2 * se, "ci_high": estimate + 2 * se}
    return {**where, "estimate": estimate, "se": se, **limits, "df_design": 30.0, "n": 40}


def rate(item: str, denominator: str, estimate: float, se: float) -> dict:
    return score(item, estimate, se) | {"measure": "experience_rate", "denominator": denominator}


ESTIMATES = pd.DataFrame(
    [
        score("hr", 65.0, 2.0),
        score("budget", 70.0, 1.0),
        score("awareness", 72.0, 2.0),
        score("secret", 10.0, 1.0, status="suppressed"),
        score("hr", 10.0, 1.0, source="external"),
        rate("asked", "respondents", 40.0, 2.0),
        rate("asked", "contacts", 12.0, 2.0),
    ]
)


def codes(*listed: dict, most: int = 5) -> list[str]:
    return applicable(ESTIMATES, rules(*listed), most)["code"].tolist()


def test_strongest_evidence_first() -> None:
    """Standard errors beyond 73: hr (73-65)/2 = 4, budget (73-70)/1 = 3; awareness only 0.5."""
    listed = [rule(c, "score_below", c, 73) for c in ("awareness", "budget", "hr")]
    table = applicable(ESTIMATES, rules(*listed), 5)
    assert table["code"].tolist() == ["hr", "budget"], "half a standard error is no evidence at 90 % certainty"
    assert table["strength"].tolist() == [4, 3]
    assert table["certainty"][0] == pytest.approx(0.99981, abs=1e-5), "t with 30 df at 4"


def test_only_so_many_are_given() -> None:
    assert codes(rule("a", "score_below", "hr", 73), rule("b", "score_below", "budget", 73), most=1) == ["a"]


def test_certainty_is_the_rule_s_own() -> None:
    assert codes(rule("a", "score_below", "awareness", 73, certainty=0.6)) == ["a"], "t at 0.5 with 30 df is 0.69"


def test_a_rate_is_that_of_those_with_contact() -> None:
    assert codes(rule("a", "rate_above", "asked", 5)) == ["a"]
    assert codes(rule("a", "rate_above", "asked", 20)) == [], "40 % of respondents is the wrong denominator"


def test_hidden_figures_give_no_advice() -> None:
    assert codes(rule("a", "score_below", "secret", 73)) == []


def test_other_source_s_figure_is_not_evidence() -> None:
    table = applicable(ESTIMATES, rules(rule("a", "score_below", "hr", 73)), 5)
    assert table["estimate"].tolist() == [65.0]


@pytest.mark.parametrize(("estimate", "given"), [(72.9, True), (73.0, False), (73.1, False)])
def test_a_certain_figure_is_beyond_or_it_is_not(estimate: float, given: bool) -> None:
    certain = pd.DataFrame([score("hr", estimate, 0.0)])
    assert (len(applicable(certain, rules(rule("a", "score_below", "hr", 73)), 5)) == 1) is given


def test_ties_go_by_code() -> None:
    assert codes(rule("b", "score_below", "hr", 73), rule("a", "score_below", "hr", 73)) == ["a", "b"]


def test_a_rate_is_no_surer_than_its_number_of_answers() -> None:
    """12 % of 40 answers: SE 5.14 if drawn one by one, so (12 - 5)/5.14 = 1.36 and t with 30 df says 0.908; with the
    design's own SE of 1 it would be certain.
    """
    sure = pd.DataFrame([rate("asked", "contacts", 12.0, 1.0)])
    assert len(applicable(sure, rules(rule("a", "rate_above", "asked", 5, certainty=0.95)), 5)) == 0
    table = applicable(sure, rules(rule("a", "rate_above", "asked", 5, certainty=0.9)), 5)
    assert table["strength"].tolist() == [pytest.approx(1.3623, abs=1e-4)]
    assert table["certainty"].tolist() == [pytest.approx(0.9084, abs=1e-4)]


def test_a_score_is_held_against_the_peers_and_a_rate_against_its_rule() -> None:
    """Of the two figures of the table, 5 points above what peers reach is no advice; 5 points below it is."""
    listed = rules(rule("a", "score_below", "hr", 73))
    row = ESTIMATES[(ESTIMATES["measure"] == "dimension_score") & (ESTIMATES["part"] == "hr")].iloc[0]
    low, high = row["estimate"] - 50, row["estimate"] + 50
    assert applicable(ESTIMATES, listed, 5, {("internal", "hr"): low}).empty
    found = applicable(ESTIMATES, listed, 5, {("internal", "hr"): high})
    assert found["threshold"].tolist() == [high]
