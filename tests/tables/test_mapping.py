import pytest
import yaml

from spi_analysis.errors import ParameterError
from spi_analysis.params.mapping import codes_by_word, frame_mapping, load_mapping, normalised


def test_plain_text_has_no_case_accent_or_punctuation():
    assert normalised("  No. H.P. (Aktif)/WA ") == "no h p aktif wa"
    assert normalised("Désa") == "desa"


@pytest.mark.parametrize("kind", ["frame", "events", "responses"])
def test_the_defaults_are_valid(workspace, kind):
    assert load_mapping(workspace, kind).source


def overlay(folder, name, content):
    path = folder / name
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_file_laid_over_adds_words_and_takes_them_from_others(workspace, tmp_path):
    given = overlay(tmp_path, "other.yaml", {"fields": {"unit": ["Perangkat Induk"], "ignored": ["OPD"]}})
    words = frame_mapping(workspace, "kota-mojokerto", given)
    assert words.fields["unit"][0] == "Perangkat Induk", "what is given comes first"
    assert "unit kerja" in words.fields["unit"], "the default words stay"
    assert "opd" not in words.fields["unit"], "a word given another meaning loses the old one"
    assert words.phones == frame_mapping(workspace, "kota-mojokerto").phones


def test_an_institution_can_have_a_mapping_of_its_own(workspace):
    overlay(workspace.params / "mappings", "kota-bengkulu.yaml", {"fields": {"phone": ["Hubungi"]}})
    assert "Hubungi" in frame_mapping(workspace, "kota-bengkulu").fields["phone"]
    assert "Hubungi" not in frame_mapping(workspace, "kota-mojokerto").fields["phone"]


def test_a_changed_file_is_read_again(workspace, tmp_path):
    given = overlay(tmp_path, "other.yaml", {"position_otherwise": "staff"})
    assert frame_mapping(workspace, None, given).position_otherwise == "staff"
    overlay(tmp_path, "longer_name_so_that_nothing_is_shared.yaml", {"position_otherwise": "functional"}).rename(given)
    assert frame_mapping(workspace, None, given).position_otherwise == "functional"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"feilds": {}}, "unknown key"),
        ({"fields": {"unitt": ["opd baru"]}}, "not one of the allowed values"),
        ({"fields": {"unit": ["rumpun"], "service": ["Rumpun"]}}, "a word stands for two things"),
        ({"phones": {"mobile": "8["}}, "the pattern cannot be read"),
        ({"required": {"internal": [["nama"]]}}, "not one of the allowed values"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said(workspace, tmp_path, content, what):
    with pytest.raises(ParameterError) as caught:
        frame_mapping(workspace, None, overlay(tmp_path, "other.yaml", content))
    assert what in [problem.what for problem in caught.value.problems]
    assert "other.yaml" in caught.value.problems[0].file


def test_a_time_zone_must_exist(workspace, tmp_path):
    with pytest.raises(ParameterError, match="unknown time zone"):
        load_mapping(workspace, "events", overlay(tmp_path, "other.yaml", {"times": {"zone": "Asia/Mojokerto"}}))


def test_a_code_is_a_word_for_itself():
    assert codes_by_word({"top_official": ("kadis",)}) == {"top official": "top_official", "kadis": "top_official"}
