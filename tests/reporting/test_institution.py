"""The report: what it says is what the figures say, in words and in the files beside it."""

import dataclasses
import datetime
import re
from html import unescape

import pandas as pd
import pytest

from spi_analysis.columns import VALUES
from spi_analysis.params import Target, Targets
from spi_analysis.reporting.institution import (
    change_view,
    composition_view,
    dimensions_view,
    experiences_view,
    first_screen_view,
    groups_view,
    index_chart,
    opening,
    quality_view,
    questions_view,
    questions_views,
    recommendations_view,
    save_tables,
    sources_view,
    units_view,
    who_answered_view,
)
from spi_analysis.reporting.institution.targets import target_sentences
from spi_analysis.reporting.institution.views import _lowest
from spi_analysis.reporting.names import question_label
from spi_analysis.reporting.wording import words
from spi_analysis.stages.peers import Peers


def _said(shown, language="id"):
    """The words of a view, without markup and pictures."""
    return unescape(
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<svg.*?</svg>", "", shown.to_html(language))))
    )


def _rows(html):
    """Cells of every body row."""
    body = re.search(r"(?s)<tbody.*?</tbody>", html).group()
    rows = re.findall(r"(?s)<tr.*?</tr>", body)
    return [
        [unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"(?s)<t[hd].*?</t[hd]>", row)] for row in rows
    ]


def _target_rows(page):
    return _rows(change_view(page).to_html("en").split('id="table-targets"')[1])


def test_the_page_says_whether_the_target_is_reached_and_with_what_chance(page):
    assert page.figure("index")["estimate"] < 74, "random answers score about 50"
    chances = page.rows("target_probability").set_index("part")["estimate"].map(words("en").chance)
    said = _said(index_chart(page), "en")
    source, other = "RPJMN, KPK quoted in the press", "KPK's own page of the launch of SPI 2024"
    reached = "the chance that the true index reaches it"
    assert f"below the national target of 76.00 ({source}); {reached}: {chances['national']}." in said
    assert f"below the national target of 74.00 ({other}); {reached}: {chances['national_2']}." in said


@pytest.mark.parametrize(
    ("estimate", "limits", "said"),
    [
        (80.0, (76.5, 83.5), "The index reaches the national target of 76.00 ("),
        (
            77.0,
            (73.5, 80.5),
            "The index lies above the national target of 76.00 ({source}), which its interval includes. The chance",
        ),
        (
            75.0,
            (71.5, 78.5),
            "The index lies below the national target of 76.00 ({source}), which its interval includes. The chance",
        ),
        (72.0, (68.5, 75.5), "The index lies below the national target of 76.00 ({source}); the chance"),
        (76.0, (72.5, 79.5), "The index reaches the national target of 76.00 ("),
    ],
)
def test_a_target_inside_the_interval_is_neither_reached_nor_missed(page, estimate, limits, said):
    figures, source = page.figures.copy(), "RPJMN, KPK quoted in the press"
    figures.loc[figures["measure"] == "index", ["estimate", "ci_low", "ci_high"]] = [estimate, *limits]
    own = dataclasses.replace(page, figures=figures)
    assert said.format(source=source) in " ".join(target_sentences(own, words("en")))


def test_two_sources_that_contradict_each_other_on_a_target_are_both_named(page):
    conflict = "contradict each other on the national target of 2024: 76.00 (RPJMN, KPK quoted in the press); 74.00 "
    assert f"{conflict}(KPK's own page of the launch of SPI 2024)." in _said(index_chart(page), "en")
    assert [row[:3] for row in _target_rows(page)] == [
        ["2021", "national", "70.00"],
        ["2022", "national", "72.00"],
        ["2023", "national", "74.00"],
        ["2024", "national", "76.00"],
        ["2024", "national", "74.00"],
    ]


def test_an_institution_s_own_targets_are_a_series_beside_the_nation_s(page):
    """Own targets of two years, one of them from a second source too; without targets nothing is compared."""
    rows = [
        Target(institution_id=who, year=year, target=target, source_id=source, as_of="2024-01-31")
        for who, year, target, source in [
            ("kota-mojokerto", 2023, 72.4, "RPJMD"),
            ("kota-mojokerto", 2024, 40, "RPJMD"),
            ("kota-mojokerto", 2024, 99, "Renstra"),
            ("kota-bengkulu", 2024, 1, "RPJMD"),
        ]
    ]
    figures = page.figures.assign(part=page.figures["part"].replace({"national": "local", "national_2": "local_2"}))
    setup = dataclasses.replace(page.setup, targets=Targets(rows=tuple(rows)))
    own = dataclasses.replace(page, setup=setup, figures=figures)
    said = _said(index_chart(own), "en")
    assert "The index reaches the local target of 40.00 (RPJMD)" in said
    assert "The index lies below the local target of 99.00 (Renstra)" in said
    assert "contradict each other on the local target of 2024: 40.00 (RPJMD); 99.00 (Renstra)." in said
    assert "Local target 72.40" in change_view(own).to_html("en"), "a decimal is not rounded away"
    assert [row[:3] for row in _target_rows(own)] == [
        ["2023", "local", "72.40"], ["2024", "local", "40.00"], ["2024", "local", "99.00"],
    ]  # fmt: skip
    none = dataclasses.replace(page, setup=dataclasses.replace(page.setup, targets=Targets()))
    assert "target" not in _said(index_chart(none), "en").lower()
    assert "Whose target" not in change_view(none).to_html("en")


def test_the_opening_gives_the_dates_of_fieldwork_and_data(page):
    said = _said(opening(page))
    assert "Pengumpulan jawaban: 29 Juli 2024 sampai 20 Oktober 2024." in said
    assert "bertanggal 1 Agustus 2024" in said


def test_generated_figures_are_marked_where_published_ones_stand_beside_them(page, generated_page):
    for view in (opening, change_view):
        assert "(data buatan)" in _said(view(generated_page))
        assert "buatan" not in _said(view(page))
    assert "(generated data)" in _said(change_view(generated_page), "en")
    assert _said(change_view(generated_page)).count("diterbitkan KPK") >= 3


def test_where_everybody_was_invited_nobody_was_drawn_at_random(page):
    who = page.who.set_index("source")
    said = _said(quality_view(page))
    assert "Eksper (narasumber ahli): seluruh panel diundang." in said
    assert _rows(who_answered_view(page).to_html("id"))[-1][1:] == ["–", "–", "14", "–", "–"], "n, as beside the score"
    internal = (
        f"Internal (pegawai): {who.loc['internal', 'invited']:.0f} dari {who.loc['internal', 'eligible']:.0f} orang"
    )
    assert f"{internal} yang dapat terpilih dipilih secara acak." in said
    census = page.who.assign(invited=page.who["eligible"])
    assert "acak" not in _said(quality_view(dataclasses.replace(page, who=census))).replace(
        "secara acak dari semua", ""
    )


def test_the_change_stands_in_table_and_file_with_its_interval(page, tmp_path):
    change, say = page.figure("index_change"), words("id")
    last = _rows(change_view(page).to_html("id"))[-1]
    assert last[0] == "Perubahan 2023 ke 2024"
    assert last[1:3] == [say.signed(change["estimate"]), say.interval(change["ci_low"], change["ci_high"])]
    save_tables(page, tmp_path)
    written = pd.read_csv(tmp_path / "history.csv")
    assert written["year"].tolist() == [2021, 2022, 2023, 2024, 2024]
    assert written["measure"].tolist() == ["index"] * 4 + ["index_change"]
    assert written["ci_low"].iloc[-1] == round(change["ci_low"], 2), "rounded as the page is"
    assert len(written) == len(_rows(change_view(page).to_html("id")))


def test_the_change_has_its_own_number_of_answers(page, tmp_path):
    """A change from two rounds rests on the year with fewer answers, not on this year's."""
    figures = page.figures.copy()
    figures.loc[figures["measure"] == "index_change", "n"] = 77
    other = dataclasses.replace(page, figures=figures)
    assert page.figure("index")["n"] != 77
    assert _rows(change_view(other).to_html("id"))[-1][3] == "77"
    save_tables(other, tmp_path)
    assert pd.read_csv(tmp_path / "history.csv")["n"].iloc[-1] == 77


def test_the_history_file_says_in_codes_what_a_figure_is(page, generated_page, tmp_path):
    for shown, own in ((page, "this_round"), (generated_page, "this_round_generated")):
        save_tables(shown, tmp_path)
        bases = pd.read_csv(tmp_path / "history.csv")["basis"].tolist()
        assert bases == ["published"] * 3 + [own, "minus_published"]
        assert set(bases) <= set(VALUES["basis"])


def test_the_composition_ends_with_the_index_its_interval_and_n(page):
    index, say = page.figure("index"), words("id")
    last = _rows(composition_view(page).to_html("id"))[-1]
    assert last[0] == "Indeks"
    assert last[3:] == [
        say.number(index["estimate"]),
        say.interval(index["ci_low"], index["ci_high"]),
        say.number(index["n"], 0),
    ]


def test_hidden_units_stand_in_one_sentence_and_in_no_row(page):
    rows = page.rows("unit_score", source="internal")
    hidden = rows["status"] != "shown"
    assert not hidden.any() or hidden.sum() >= 2
    some = page.figures.copy()
    unit = (some["measure"] == "unit_score") & some["domain"].isin(["Dinas Tiga", "Kecamatan"])
    some.loc[unit, ["estimate", "ci_low", "ci_high", "n"]] = float("nan")
    some.loc[unit, "status"] = "suppressed"
    html = units_view(dataclasses.replace(page, figures=some), "internal").to_html("id")
    assert [row[0] for row in _rows(html)].count("Kecamatan") == 0
    assert "Tidak ditampilkan (2)" in html
    assert "Dinas Tiga; Kecamatan." in html


def test_where_no_unit_can_be_shown_no_sentence_speaks_of_a_line(page):
    some = page.figures.copy()
    unit = some["measure"] == "unit_score"
    some.loc[unit, ["estimate", "ci_low", "ci_high", "n"]] = float("nan")
    some.loc[unit, "status"] = "suppressed"
    said = _said(units_view(dataclasses.replace(page, figures=some), "internal"))
    assert "tidak ada skor unit yang dapat ditampilkan" in said
    assert "putus-putus" not in said


def test_rates_carry_percent_and_the_question_behind_with_contact(page):
    html = experiences_view(page).to_html("id")
    for row in _rows(html):
        assert re.fullmatch(r"[\d,]+%", row[2])
        assert re.fullmatch(r"[\d,]+% sampai [\d,]+%", row[3])
    said = _said(experiences_view(page))
    assert "apakah Anda ikut dalam kegiatan pengadaan" in said
    assert "berhubungan langsung dengan petugas" in said
    assert "Internal: Melihat pegawai menerima pemberian" in unescape(html), "the chart tells the sources apart"


def test_recommendations_state_their_rule_unit_and_denominator(page):
    said = _said(recommendations_view(page))
    assert "tingkat kepercayaan (satu sisi) sedikitnya 90%" in said
    codes = {rule.code: rule for rule in page.setup.rules.rules}
    kinds = [codes[row.code].when.kind for row in page.recommendations.itertuples()]
    for kind, evidence in zip(kinds, re.findall(r"Bukti: .*?Dasar", said), strict=True):
        if kind == "rate_above":
            assert "dari yang pernah berurusan" in evidence
            assert re.search(r"di atas ambang \d+%", evidence)
        else:
            assert re.search(r"di bawah ambang \d+, tingkat kepercayaan", evidence)


def test_files_hold_the_rows_of_the_page_in_its_order_with_whole_counts(page, tmp_path):
    save_tables(page, tmp_path)
    who = pd.read_csv(tmp_path / "who_answered.csv", dtype=str)
    assert who.columns[0] == "source"
    assert "least" not in who
    assert [row[3] for row in _rows(who_answered_view(page).to_html("en"))] == who["answered"].tolist()
    units = pd.read_csv(tmp_path / "units_internal.csv", dtype=str)
    shown = units[units["status"] == "shown"]
    assert shown["domain"].tolist() == [row[0] for row in _rows(units_view(page, "internal").to_html("id"))]
    assert shown["n"].str.fullmatch(r"\d+").all()
    index = pd.read_csv(tmp_path / "index.csv")
    assert index["effective_n"].isna().all()


def test_no_file_says_more_than_the_page(page, tmp_path):
    """Every figure with at most the decimals of its column on the page: one for scores, four for p values."""
    most = {**dict.fromkeys(("p_value", "p_adjusted", "level"), 4), "RR1": 3, "RR3": 3, "index_variance_share": 3}
    one = ("dimensions", "experience_rates", "weak_sides", "recommendations", "units_internal", "units_external")
    figures = 0
    for name in save_tables(page, tmp_path):
        table = pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False)
        scores = 1 if name.removesuffix(".csv") in one else 2
        for column in table:
            score = re.fullmatch(r"(model_)?(estimate|se|ci_low|ci_high)|score|difference", column)
            places = most.get(column, scores if score else 0 if column in ("effective_n", "n") else 2)
            decimals = table[column].str.extract(r"^-?\d+\.(\d+)$")[0].dropna().str.len()
            figures += len(decimals)
            assert (decimals <= max(places, 0)).all(), (name, column, table[column].tolist())
    assert figures > 100


def test_the_file_says_what_the_page_says(page, tmp_path):
    """Cell by cell: score, interval and count of every dimension."""
    save_tables(page, tmp_path)
    written = pd.read_csv(tmp_path / "dimensions.csv")
    shown, say = _rows(dimensions_view(page).to_html("id")), words("id")
    assert [row[1] for row in shown] == [say.number(x, 1) for x in written["estimate"]]
    limits = zip(written["ci_low"], written["ci_high"], strict=True)
    assert [row[2] for row in shown] == [say.interval(low, high, 1) for low, high in limits]


def test_without_an_index_nothing_speaks_of_one(page_without_index):
    assert index_chart(page_without_index).html == {"id": "", "en": ""}
    said = _said(opening(page_without_index))
    assert "tidak ditampilkan: belum ada jawaban, atau terlalu sedikit, dari Eksper" in said
    assert "Perubahan tidak dicantumkan" in said, "there is a published year before, so this must not be denied"
    assert "target" not in said
    years = [row[0] for row in _rows(change_view(page_without_index).to_html("id"))]
    assert years == ["2021", "2022", "2023"]


def test_a_page_without_an_index_can_be_saved(page_without_index, tmp_path):
    names = save_tables(page_without_index, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


# Peers: the town is a kota of Jawa Timur; twelve others of its kind, a tenth of which is one too few.


def _with_peers(page, kotas=12):
    """The page beside peers with an index of 60, 61 ... and internal scores ten points higher; one is a kabupaten."""
    own = page.institution
    rows = [
        {"measure": measure, "source": source, "part": None, "type": kind, "value": 60.0 + more + i,
         "size_class": own.size_class, "province_code": own.province_code}
        for i, kind in enumerate([own.type] * kotas + ["kabupaten"])
        for measure, source, more in (("index", None, 0), ("source_score", "internal", 10))
    ]  # fmt: skip
    table = pd.DataFrame(rows).assign(institution_id="other", as_of="2024-12-20", basis="round")
    return dataclasses.replace(page, peers=Peers(own, table, 10, datetime.date(2024, 12, 20), "round"))


def test_peers_are_told_by_median_and_top_quartile_of_groups_of_ten(page):
    """Of 60 to 71 the median is 65.5 and the upper quartile 68.25 (R: quantile(60:71, c(.5, .75)))."""
    rows = _rows(groups_view(_with_peers(page)).to_html("en"))
    assert rows[0][1:] == ["65.50", "68.25", "12"]
    assert rows[-1] == ["province East Java", "66.00", "69.00", "13"], "with the kabupaten, of 72"
    few = _with_peers(page, kotas=9)
    assert [row[3] for row in _rows(groups_view(few).to_html("en"))] == ["10"], (
        "nine of a type are too few; ten are not"
    )
    assert "20 December 2024" in _said(groups_view(few), "en")


def test_scores_stand_beside_those_of_peers_and_what_is_not_known_has_no_column(page):
    rows = {row[0]: row for row in _rows(sources_view(_with_peers(page)).to_html("en"))}
    assert rows["Index"][3:5] == ["65.50", "68.25"]
    assert rows["Internal"][3:5] == ["75.50", "78.25"]
    assert rows["External"][3:5] == ["–", "–"]
    alone = dataclasses.replace(page, peers=dataclasses.replace(_with_peers(page).peers, least=99))
    assert "Peers" not in _said(sources_view(alone), "en")
    assert _said(groups_view(alone), "en").strip() == ""


def test_the_first_screen_gives_index_category_change_response_and_three_actions(page):
    index, say = page.figure("index"), words("en")
    html, said = first_screen_view(_with_peers(page)).to_html("en"), _said(first_screen_view(_with_peers(page)), "en")
    assert said.strip().startswith(say.number(index["estimate"]))
    assert "Median of 12 peers" in unescape(html)
    assert "Response rate (RR1): Internal" in said
    assert re.search(r"(Up|Down) .* in 2023|No clear change.* on 2023", said)
    assert html.count("<li>") == min(3, len(page.recommendations))
    for row in page.recommendations.head(3).itertuples():
        assert f"({say.number(row.ci_low, 1)}" in html, "a figure has its interval"
        assert f"n = {say.number(row.n, 0)})" in html


def test_a_figure_is_given_with_plus_minus_only_where_both_halves_agree():
    assert words("id").give_or_take(77.04, 74.58, 79.5) == "77,04 (± 2,46)"
    # 70.90 less 3.25 is 67.65, and 67.66 stands in the table: both halves round to 3.25.
    assert words("en").give_or_take(70.904, 67.656, 74.152) == "70.90 (67.66 to 74.15)"
    assert words("id").give_or_take(90.0, 87.0, 92.5) == "90,00 (87,00 sampai 92,50)"


def test_without_an_index_the_first_screen_says_why_and_advises_nothing(page_without_index):
    html = first_screen_view(page_without_index).to_html("en")
    assert "is not shown" in html
    assert "<li>" not in html


def test_every_score_item_stands_with_n_and_interval_or_with_a_reason(page):
    instrument = page.setup.instrument
    for source in page.setup.round.sources:
        html = unescape(questions_view(page, source).to_html("en"))
        rows = {row[0]: row for row in _rows(html)} if "<tbody" in html else {}
        reasons = html.split("hidden-figures")[-1]
        for item in instrument.items(source):
            label = question_label(instrument, source, item.code, words("en"))
            assert label.startswith(item.text.en.removesuffix("."))
            if label in rows:
                assert re.fullmatch(r"[\d.]+% to [\d.]+%", rows[label][2])
                assert int(rows[label][3]) >= 10
            else:
                assert label in reasons, item.code
        if rows:
            shares = [float(row[i].rstrip("%")) for row in rows.values() for i in (1, 4, 5)]
            assert sum(shares) == pytest.approx(100 * len(rows), abs=0.2 * len(rows))


def test_answers_to_questions_stand_in_the_file_in_the_units_of_the_page(page, tmp_path):
    save_tables(page, tmp_path)
    written = pd.read_csv(tmp_path / "questions_internal.csv")
    assert len(written) == len(page.setup.instrument.items("internal"))
    shown = written[written["status"] == "shown"]
    assert (shown["estimate"] == shown["estimate"].round(1)).all()
    assert (shown[["estimate", "neutral", "unfavourable"]].sum(axis=1) - 100).abs().max() < 0.16


def _finding(shown, language="en"):
    """The bold first sentence of a section."""
    found = re.search(r'<p class="finding"><strong>(.*?)</strong>', shown.to_html(language))
    return unescape(found[1]) if found else ""


def test_a_section_begins_with_what_it_found(page):
    rows = page.rows("dimension_score").query("status == 'shown'").sort_values("estimate")
    lowest, others = rows.iloc[0], rows.iloc[1:]
    near = int((others["ci_low"] <= lowest["ci_high"]).sum())
    assert near, "random answers: the intervals of a small town touch"
    said = _finding(dimensions_view(page))
    score = words("en").give_or_take(*lowest[["estimate", "ci_low", "ci_high"]], 1)
    assert f", {score}; the intervals of {near} others overlap with its own." in said
    items = page.rows("item_favourable").query("status == 'shown'").sort_values("estimate")
    near = int((items["ci_low"].iloc[1:] <= items["ci_high"].iloc[0]).sum())
    share = f"{items['estimate'].iloc[0]:.1f}% ({words('en').interval(*items[['ci_low', 'ci_high']].iloc[0], 1, '%')})"
    assert f", {share}; the intervals of {near} more overlap with its own." in _finding(questions_views(page))
    assert "persentase jawaban baik terendah" in _finding(questions_views(page), "id")


def test_the_one_whose_interval_overlaps_is_named():
    rows = pd.DataFrame({"label": ["Pay", "Budget", "Office"], "estimate": [60.0, 62.0, 80.0], "status": "shown"})
    rows = rows.assign(ci_low=rows["estimate"] - 3, ci_high=rows["estimate"] + 3)
    assert _lowest(rows, 1, words("en")) == "Lowest: Pay, 60.0 (± 3.0); the interval of Budget overlaps with its own."
    assert _lowest(rows, 1, words("id")) == (
        "Paling rendah: Pay, 60,0 (± 3,0); rentang Budget bertumpang tindih dengan rentangnya."
    )


def test_a_dimension_far_below_all_others_is_said_to_be_so(page):
    figures = page.figures.copy()
    rows = figures.index[(figures["measure"] == "dimension_score") & (figures["status"] == "shown")]
    figures.loc[rows[0], ["estimate", "ci_low", "ci_high"]] = [5.0, 3.0, 7.0]
    said = _finding(dimensions_view(dataclasses.replace(page, figures=figures)))
    assert said.startswith("Lowest: ")
    assert said.endswith(", 5.0 (± 2.0), clearly below all others.")


def test_where_nothing_is_shown_no_section_finds_anything(page_without_index):
    figures = page_without_index.figures.assign(status="suppressed", estimate=float("nan"))
    hidden = dataclasses.replace(page_without_index, figures=figures)
    shown = [dimensions_view(hidden), questions_views(hidden), experiences_view(hidden), index_chart(hidden)]
    assert [_finding(one) for one in shown] == [""] * 4
