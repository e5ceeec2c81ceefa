"""Nobody's name, number or address outside the vault and the invitation files: every file of the demo is searched."""

import re
import zipfile

import nbformat
import pandas as pd
import pytest

from spi_analysis.synthetic import make_city
from tests.demo import SEED

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.slow]
WORD = re.compile(r"[^\W\d_]+")
DIGITS = re.compile(r"\d[\d\s.\-()]{7,}\d")
LONGEST = 100
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class People:
    """What must not be found: full names, telephone numbers without their prefix, e-mail addresses, NIP."""

    def __init__(self, setup):
        people = pd.concat([make_city(setup, i, SEED).people for i in setup.institution_ids])
        self.names = {tuple(WORD.findall(name.lower())) for name in people["name"].dropna()}
        self.names = {name for name in self.names if len(name) > 1}
        self.first = {name[0] for name in self.names}
        self.lengths = sorted({len(name) for name in self.names})
        self.numbers = {self.subscriber(phone) for phone in people["phone"].dropna()}
        self.numbers |= {re.sub(r"\D", "", number) for number in people["employee_number"].dropna()}
        self.emails = {email.lower() for email in people["email"].dropna()}
        assert max(map(len, self.emails)) < LONGEST

    @staticmethod
    def subscriber(text: str) -> str:
        """The number without +, 62 or 0 in front."""
        return re.sub(r"^(?:62|0)", "", re.sub(r"\D", "", text))

    def found_in(self, text: str) -> list[str]:
        words = WORD.findall(text.lower())
        begun = [at for at, word in enumerate(words) if word in self.first]
        grams = {tuple(words[at : at + n]) for at in begun for n in self.lengths}
        runs = {match for run in DIGITS.findall(text) for match in (self.subscriber(run), re.sub(r"\D", "", run))}
        # Around every @: tried from each letter of a picture's text, the pattern would take most of the time.
        near = (text[max(at.start() - LONGEST, 0) : at.end() + LONGEST] for at in re.finditer("@", text))
        emails = {email.lower() for part in near for email in EMAIL.findall(part)}
        return (
            [" ".join(name) for name in grams & self.names] + sorted(runs & self.numbers) + sorted(emails & self.emails)
        )


@pytest.fixture(scope="module")
def people(demo):
    return People(demo.setup)


def _texts(path):
    """All text of a file, whatever its format."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        texts = table.select_dtypes(exclude="floating").astype(object).fillna("").map(str).to_numpy().ravel()
        return "\n".join([*table.columns, *pd.unique(texts)])
    if path.suffix in {".xlsx", ".zip"}:
        with zipfile.ZipFile(path) as archive:
            return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    return path.read_bytes().decode("utf-8", "replace")


def _is_open(path, workspace):
    """Files that may be passed on: all but the vault, the invitations, and the lists as received."""
    inside = path.relative_to(workspace.root).parts
    closed = inside[:2] == ("data", "vault") or "invitations" in inside
    return path.is_file() and not closed and inside[0] in {"data", "outputs"}


def test_the_search_itself_finds_people(demo, people):
    """Positive control: in an invitation file nearly everybody is found, by name and by number."""
    path = demo.store.root / "invitations" / "kota-mojokerto__internal.csv"
    invited = pd.read_csv(path, dtype=str)
    found = people.found_in(path.read_text())
    assert len(found) > 1.5 * len(invited)


def test_nothing_personal_in_any_output_notebook_record_or_table(demo, people):
    files = [path for path in demo.workspace.root.rglob("*") if _is_open(path, demo.workspace)]
    assert len(files) > 150
    leaks = {str(path.relative_to(demo.workspace.root)): people.found_in(_texts(path))[:3] for path in files}
    assert {path: found for path, found in leaks.items() if found} == {}


def test_nothing_personal_is_printed(demo, people):
    assert people.found_in(demo.printed) == []


def test_the_vault_is_unreadable_without_its_key(demo, people):
    files = [path for path in (demo.workspace.data / "vault").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert people.found_in(path.read_bytes().decode("latin-1")) == []


def test_invitations_carry_tokens_and_never_person_codes(demo):
    codes = set(demo.store.query("select distinct person_id from sample")["person_id"])
    for path in (demo.store.root / "invitations").glob("*.csv"):
        table = pd.read_csv(path, dtype=str)
        assert not codes & set(table.to_numpy().ravel())
        assert table["token"].is_unique


def test_what_sender_and_platform_hold_cannot_be_joined(demo):
    """The invitation files against the answers as delivered: no value of a column stands in both but languages."""
    invited = [pd.read_csv(path, dtype=str) for path in (demo.store.root / "invitations").glob("*.csv")]
    tokens = {token for table in invited for token in table["token"]}
    delivered = sorted(demo.workspace.root.glob("build/demo/vendor/jawaban_*.csv"))
    answered = {token for path in delivered for token in pd.read_csv(path, sep=";", dtype=str)["token"]}
    assert len(answered) > 100
    assert not tokens & answered
    redirects = pd.concat(pd.read_csv(path, dtype=str) for path in (demo.store.root / "redirects").glob("*.csv"))
    assert answered <= set(redirects["answer_token"]), "the table of redirects joins them, and holds no contact"
    assert set(redirects) <= {"token", "answer_token", "arm", "form"}, "and what is to be shown"


def test_executed_notebooks_hold_no_machine_path(demo):
    for path in demo.workspace.outputs.rglob("*.ipynb"):
        text = nbformat.writes(nbformat.read(path, as_version=4))
        assert str(demo.workspace.root) not in text, path.name
