import csv
import datetime as dt
import shutil
import stat
from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.errors import InputError, VaultError
from spi_analysis.fieldwork.reminders import prepare_reminders
from spi_analysis.tables.end_of_life import forget, people_in
from spi_analysis.tables.files import write_parquet
from spi_analysis.tables.identity import answer_tokens, link_tokens
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.frame import import_frame
from spi_analysis.tables.importing.responses import import_responses
from spi_analysis.tables.invitations import issue_invitations, prepare_invitations, redirect_files, write_invitations
from spi_analysis.tables.store import Store
from tests.tables.lists import users

CITY = "kota-mojokerto"


@pytest.fixture
def drawn(setup, store, vault, write_xlsx, employees, draw_everyone):
    employees[2][1] = "@SUM(1)"
    import_frame([write_xlsx(f"{CITY}__internal.xlsx", employees)], setup, store, vault)
    return draw_everyone(CITY)


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_everyone_sampled_gets_a_line_and_nobodys_code_is_in_it(drawn, setup, store, vault):
    (path,) = write_invitations(setup, store, vault, CITY)
    assert path == store.root / "invitations" / f"{CITY}__internal.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = read(path)
    assert list(rows[0]) == ["token", "name", "phone", "email", "language"]
    expected = link_tokens(drawn["person_id"], "spi_2024", CITY, "internal", vault.secret("link_token"))
    assert sorted(row["token"] for row in rows) == sorted(expected)
    assert not any(person in path.read_text(encoding="utf-8") for person in drawn["person_id"])
    assert {row["phone"] for row in rows} == {"+6281200000001", "+6281200000002", ""}
    assert {row["language"] for row in rows} == {"id"}
    assert "'@SUM(1)" in {row["name"] for row in rows}, "no cell begins a formula, and nothing of a name is lost"


def test_the_same_sample_gives_the_same_bytes(drawn, setup, store, vault):
    (path,) = write_invitations(setup, store, vault, CITY)
    before = path.read_bytes()
    write_invitations(setup, store, vault, CITY)
    assert path.read_bytes() == before


def test_someone_without_contacts_is_an_error_and_nothing_is_written(drawn, setup, store, vault):
    contacts = vault.read_contacts("spi_2024", CITY, "internal")
    vault.write_contacts("spi_2024", CITY, "internal", contacts.iloc[1:])
    with pytest.raises(VaultError, match="1 of 3 people without contacts"):
        write_invitations(setup, store, vault, CITY)
    assert not (store.root / "invitations").exists()


def happened(store, person, event, source="internal", institution=CITY):
    """One contact event of a person, added to the round's log."""
    row = {"institution_id": institution, "person_id": person, "source": source, "event": event,
           "at": pd.Timestamp("2024-08-01 09:00"), "channel": "whatsapp"}  # fmt: skip
    earlier = store.read_if_there("events", institution)
    store.write("events", institution, pd.concat([*([] if earlier is None else [earlier]), pd.DataFrame([row])]))


def answered(store, person, sent_off=True, source="internal"):
    at = pd.Timestamp("2024-08-02 10:00")
    row = {"institution_id": CITY, "person_id": person, "source": source, "started_at": at,
           "completed_at": at if sent_off else pd.NaT}  # fmt: skip
    store.write("responses", CITY, pd.DataFrame([row]))


@pytest.fixture
def invited(setup, store, vault):
    """The person codes in the files, by the name of the file."""

    def invited(setup=setup, store=store):
        found = {}
        for path in write_invitations(setup, store, vault, CITY):
            source = path.stem.split("__")[1]
            people = store.read("sample", CITY).query("source == @source")["person_id"]
            secret = vault.secret("link_token")
            tokens = link_tokens(people, setup.round.round_id, CITY, source, secret)
            given = {row["token"] for row in read(path)}
            assert given <= set(tokens)
            found[path.stem] = {person for token, person in zip(tokens, people, strict=True) if token in given}
        return found

    return invited


@pytest.mark.parametrize(
    ("event", "stays", "rationale"),
    [
        ("sent", True, "nothing has come back yet"),
        ("read", True, "who has only read it is invited again"),
        ("started", True, "no answer has come in"),
        ("invalid_number", True, "there may be an e-mail address"),
        ("opted_out", False, "an objection is honoured"),
        ("completed", False, "the log knows of the answer before it is imported"),
        ("refused", False, "a refusal is final in a round"),
        ("ineligible", False, "nobody asks whom the survey is not about"),
    ],
)
def test_a_file_written_again_holds_whom_one_may_still_invite(drawn, store, invited, event, stays, rationale):
    everyone = set(drawn["person_id"])
    first, *_ = sorted(everyone)
    assert invited() == {f"{CITY}__internal": everyone}
    happened(store, first, event)
    sample = store.path("sample", CITY).read_bytes()
    assert invited() == {f"{CITY}__internal": everyone if stays else everyone - {first}}, rationale
    assert store.path("sample", CITY).read_bytes() == sample, "draw and probabilities are as they were"


@pytest.mark.parametrize("sent_off", [True, False])
def test_who_answered_is_not_invited_again_and_who_broke_off_as_the_round_says(
    drawn, setup, store, vault, invited, sent_off
):
    first, *others = sorted(drawn["person_id"])
    answered(store, first, sent_off)
    assert invited() == {f"{CITY}__internal": set(others)}
    left_out = prepare_invitations(setup, store, vault, CITY).left_out
    assert left_out.to_numpy().tolist() == [[f"{CITY}__internal.csv", "answered" if sent_off else "broken_off", 1]]
    fieldwork = setup.round.fieldwork.model_copy(update={"no_invitation_after": ["refused", "ineligible"]})
    again = replace(setup, round=setup.round.model_copy(update={"fieldwork": fieldwork}))
    expected = set(others) if sent_off else {first, *others}
    assert invited(setup=again) == {f"{CITY}__internal": expected}, "an answer counts whatever the round says"


def test_an_objection_holds_in_later_rounds_and_everywhere(drawn, setup, store, invited):
    """Asked to be left alone last year, by another institution's message: the same person, whoever lists him."""
    first, *others = sorted(drawn["person_id"])
    last_year = Store(store.root.with_name("spi_2023"))
    happened(last_year, first, "opted_out", source="external", institution="kota-bengkulu")
    happened(last_year, others[0], "refused")
    happened(last_year, others[0], "completed")
    assert invited() == {f"{CITY}__internal": set(others)}, "a refusal or an answer of last year is no objection"


def test_an_objection_holds_for_the_number_it_came_from(drawn, setup, store, vault, write_xlsx, draw_everyone, invited):
    """Budi is an employee by his NIP and a service user by his telephone: two codes, one telephone."""
    rows = users(("Satu", "081200000001", "01/05/2024"), ("Dua", "081200000009", "02/05/2024"))
    store.path("sample", CITY).unlink()
    import_frame([write_xlsx(f"{CITY}__external.xlsx", rows)], setup, store, vault)
    sample = draw_everyone(CITY)
    by_source = sample.groupby("source")["person_id"].agg(set)
    phones = vault.read_contacts("spi_2024", CITY, "internal").set_index("phone")["person_id"]
    assert phones["+6281200000001"] not in by_source["external"], "another code"
    happened(store, phones["+6281200000001"], "opted_out")
    assert {name: len(people) for name, people in invited().items()} == {
        f"{CITY}__internal": 2, f"{CITY}__external": 1,
    }  # fmt: skip


def test_the_command_says_how_many_are_left_out_and_why(drawn, setup, store, vault):
    first, second, third = sorted(drawn["person_id"])
    happened(store, first, "opted_out")
    happened(store, first, "refused")
    answered(store, second)
    invitations = prepare_invitations(setup, store, vault, CITY)
    said = invitations.said_of(f"{CITY}__internal.csv")
    assert said == "1 invited; left out: 1 asked not to be contacted (in this round or another); 1 answered"
    happened(store, third, "opted_out")
    (path,) = write_invitations(setup, store, vault, CITY)
    assert path.read_text(encoding="utf-8-sig") == "token,name,phone,email,language\n", "nobody is left: no old names"


def test_who_is_left_out_needs_no_contact(drawn, setup, store, vault, invited):
    """Somebody whose contacts were erased on request holds up nobody else."""
    contacts = vault.read_contacts("spi_2024", CITY, "internal")
    vault.write_contacts("spi_2024", CITY, "internal", contacts.iloc[1:])
    happened(store, contacts["person_id"].iloc[0], "opted_out")
    assert invited() == {f"{CITY}__internal": set(contacts["person_id"].iloc[1:])}


def with_tokens(setup, tokens):
    """The round with one token, as rounds were before, or with two."""
    fieldwork = setup.round.fieldwork.model_copy(update={"tokens": tokens})
    return replace(setup, round=setup.round.model_copy(update={"fieldwork": fieldwork}))


def test_participants_as_limesurvey_takes_them_in(drawn, setup, store, vault):
    setup = with_tokens(setup, "one")
    _, (path,) = issue_invitations(setup, store, vault, CITY, "limesurvey")
    assert path.name == f"{CITY}__internal__limesurvey.csv"
    rows = read(path)
    assert list(rows[0]) == ["firstname", "lastname", "email", "token", "language", "attribute_1"]
    assert {(row["firstname"], row["email"]) for row in rows} >= {("Budi Contoh", "budi@contoh.id")}
    assert {row["token"] for row in rows} == {
        row["token"] for row in read(write_invitations(setup, store, vault, CITY)[0])
    }


def test_template_of_a_whatsapp_message(drawn, setup, store, vault):
    _, (path,) = issue_invitations(setup, store, vault, CITY, "whatsapp", "https://survei.example/?t={token}")
    rows = read(path)
    assert list(rows[0]) == ["phone_number", "customer_name", "body_variable1", "body_variable2"]
    assert {row["phone_number"] for row in rows} == {"6281200000001", "6281200000002"}, "one person has no number"
    assert all(row["body_variable2"].startswith("https://survei.example/?t=") for row in rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_link_in_the_place_of_the_token(drawn, setup, store, vault):
    tokens = {row["token"] for row in read(write_invitations(setup, store, vault, CITY)[0])}
    _, (path,) = issue_invitations(setup, store, vault, CITY, "", "https://survei.example/{token}/id")
    rows = read(path)
    assert list(rows[0]) == ["link", "name", "phone", "email", "language"]
    assert {row["link"] for row in rows} == {f"https://survei.example/{token}/id" for token in tokens}


@pytest.mark.parametrize(
    ("shape", "link", "said"),
    [("whatsap", "", "unknown platform"), ("", "https://survei.example", "no place for the token")],
)
def test_a_shape_or_address_that_cannot_be(drawn, setup, store, vault, shape, link, said):
    with pytest.raises(InputError, match=said):
        issue_invitations(setup, store, vault, CITY, shape, link)


def test_who_is_forgotten_is_in_no_shape(drawn, setup, store, vault, workspace, frame_words):
    for shape in ("", "limesurvey", "whatsapp"):
        issue_invitations(with_tokens(setup, "one"), store, vault, CITY, shape)
    forget(workspace, vault, "081200000001", frame_words.phones, dt.date(2024, 9, 1))
    left = [path.read_text(encoding="utf-8") for path in sorted((store.root / "invitations").glob("*.csv"))]
    assert len(left) == 3
    assert not [text for text in left if "81200000001" in text or "budi@contoh.id" in text]


def test_invitations_and_answers_are_joined_by_the_redirects_alone(drawn, setup, store, vault, write_csv):
    """The sender's file, what the platform gives back, and the table that only the survey's owner has."""
    (invited,) = write_invitations(setup, store, vault, CITY)
    (redirects,) = redirect_files(store, CITY)
    led, people = read(redirects), read(invited)
    assert list(led[0]) == ["token", "answer_token"]
    assert {row["token"] for row in led} == {row["token"] for row in people}
    assert stat.S_IMODE(redirects.stat().st_mode) == 0o600
    answers = write_csv("a.csv", [["token", "int_tra_1"], *([row["answer_token"], 4] for row in led)])
    text = invited.read_text(encoding="utf-8-sig")
    assert [row for row in led if row["answer_token"] in text] == [], "142 of 142 with one token"
    assert not [row for row in people if row["token"] in answers.read_text()]
    done = import_responses([answers], setup, store, vault)
    assert done.counts["accepted"].sum() == 3
    assert "answered_under_senders_token" not in set(done.problems["code"])
    assert set(store.read("responses", CITY)["person_id"]) == set(drawn["person_id"])


def test_answers_to_which_no_redirect_led_are_kept_and_it_is_said(drawn, setup, store, vault, write_csv):
    (invited,) = write_invitations(setup, store, vault, CITY)
    answers = write_csv("a.csv", [["token", "int_tra_1"], *([row["token"], 4] for row in read(invited))])
    done = import_responses([answers], setup, store, vault)
    assert done.counts["accepted"].sum() == 3
    (said,) = done.problems.loc[done.problems["code"] == "answered_under_senders_token", "reason_en"]
    assert said.startswith("3 answers (this one first) carry the token of the invitation's sender")


@pytest.mark.parametrize("by", ["token", "answer_token"])
def test_events_come_from_the_sender_and_from_the_platform(drawn, setup, store, vault, write_csv, by):
    write_invitations(setup, store, vault, CITY)
    rows = [[row[by], "sent", "2024-08-01 10:00"] for row in read(*redirect_files(store, CITY))]
    done = import_events([write_csv("log.csv", [["token", "event", "waktu"], *rows])], setup, store, vault)
    assert done.counts["accepted"].sum() == 3


def test_a_round_of_one_token_goes_on_as_it_was(drawn, setup, store, vault, write_csv):
    before = write_invitations(setup, store, vault, CITY)[0].read_bytes()
    one = with_tokens(setup, "one")
    shutil.rmtree(store.root / "redirects")
    (invited,) = write_invitations(one, store, vault, CITY)
    assert invited.read_bytes() == before, "the sender's file is the same"
    assert redirect_files(store, CITY) == []
    answers = write_csv("a.csv", [["token", "int_tra_1"], *([row["token"], 4] for row in read(invited))])
    done = import_responses([answers], one, store, vault)
    assert done.counts["accepted"].sum() == 3
    assert set(done.problems["code"]) <= {"item_missing"}, "nothing is said of tokens"
    given = setup.round.fieldwork.model_dump(exclude={"tokens"})
    assert type(setup.round.fieldwork)(**given).tokens == "one", "a file that says nothing is of such a round"


def test_redirects_lead_to_an_address_and_limesurvey_gets_no_contact(drawn, setup, store, vault):
    address = "https://survei.example/index.php/1?token={token}"
    _, (sender,) = issue_invitations(setup, store, vault, CITY, "limesurvey", "", address)
    assert list(read(sender)[0]) == ["token", "name", "phone", "email", "language"], "the sender's own columns"
    folder = store.root / "redirects"
    participants = read(folder / f"{CITY}__internal__limesurvey.csv")
    assert {(row["firstname"], row["lastname"], row["email"]) for row in participants} == {("", "", "")}
    targets = {row["target"] for row in read(folder / f"{CITY}__internal.csv")}
    assert targets == {address.replace("{token}", row["token"]) for row in participants}
    assert [row["token"] for row in participants] == sorted(row["token"] for row in participants)
    with pytest.raises(InputError, match="no place for the token"):
        issue_invitations(setup, store, vault, CITY, "", "", "https://survei.example")


def test_the_link_of_who_is_forgotten_leads_nowhere(drawn, setup, store, vault, workspace, frame_words):
    address = "https://survei.example/{token}"
    issue_invitations(setup, store, vault, CITY, "limesurvey", "", address)
    before = {path.name: read(path) for path in sorted((store.root / "redirects").glob("*.csv"))}
    forget(workspace, vault, "081200000001", frame_words.phones, dt.date(2024, 9, 1))
    (person,) = set(drawn["person_id"]) - set(store.read("sample", CITY)["person_id"])
    (theirs,) = answer_tokens([person], "spi_2024", CITY, "internal", vault.secret("link_token"))
    for name, rows in before.items():
        left = read(store.root / "redirects" / name)
        assert left == [row for row in rows if theirs not in "".join(row.values())]
        assert len(left) == 2
    assert people_in(vault, [theirs], frame_words.phones).empty


def test_a_leaked_token_of_the_questionnaire_is_led_back_to_its_person(drawn, setup, store, vault, frame_words):
    """By us, who hold the vault; nobody else can."""
    write_invitations(setup, store, vault, CITY)
    tokens = [row["answer_token"] for row in read(*redirect_files(store, CITY))]
    found = people_in(vault, tokens, frame_words.phones)
    assert (len(found), set(found["fields"])) == (3, {"link"})


@pytest.fixture
def with_arms(drawn, store):
    """The same sample, with an arm for everybody."""
    arms = ["list_short", "list_long", "crosswise"]
    write_parquet(store.root / "sample" / f"{CITY}.parquet", drawn.assign(arm=arms))
    return drawn.assign(arm=arms).set_index("person_id")["arm"]


def test_the_arm_is_told_by_the_redirects_alone(with_arms, setup, store, vault):
    """Of two tokens the sender's file says nothing of it; LimeSurvey and the address of the questionnaire do."""
    address = "https://survei.example/{token}?d[arm]={arm}"
    _, (sender,) = issue_invitations(setup, store, vault, CITY, "limesurvey", "", address)
    assert list(read(sender)[0]) == ["token", "name", "phone", "email", "language"]
    by_token = dict(zip(answer_tokens(pd.Series(with_arms.index), "spi_2024", CITY, "internal",
                                      vault.secret("link_token")), with_arms, strict=True))  # fmt: skip
    participants = read(store.root / "redirects" / f"{CITY}__internal__limesurvey.csv")
    assert {row["token"]: row["attribute_2"] for row in participants} == by_token
    targets = {row["target"] for row in read(store.root / "redirects" / f"{CITY}__internal.csv")}
    assert targets == {f"https://survei.example/{token}?d[arm]={arm}" for token, arm in by_token.items()}


def test_with_one_token_the_arm_stands_in_the_invitation(with_arms, setup, store, vault):
    one = with_tokens(setup, "one")
    (path,) = write_invitations(one, store, vault, CITY)
    assert sorted(row["arm"] for row in read(path)) == sorted(with_arms)
    _, (shaped,) = issue_invitations(one, store, vault, CITY, "limesurvey")
    assert sorted(row["attribute_2"] for row in read(shaped)) == sorted(with_arms)


@pytest.fixture
def with_forms(drawn, store):
    """The same sample, with a form for everybody."""
    forms = ["usual", "reversed", "reversed"]
    write_parquet(store.root / "sample" / f"{CITY}.parquet", drawn.assign(form=forms))
    return drawn.assign(form=forms).set_index("person_id")["form"]


def test_every_form_is_a_survey_of_its_own_at_limesurvey(with_forms, setup, store, vault):
    address = "https://survei.example/{form}/{token}"
    _, (sender,) = issue_invitations(setup, store, vault, CITY, "limesurvey", "", address)
    assert "form" not in read(sender)[0], "no business of the sender's"
    tokens = answer_tokens(pd.Series(with_forms.index), "spi_2024", CITY, "internal", vault.secret("link_token"))
    by_token = dict(zip(tokens, with_forms, strict=True))
    folder = store.root / "redirects"
    parts = {form: read(folder / f"{CITY}__internal__limesurvey{ending}.csv")
             for form, ending in (("usual", ""), ("reversed", "__reversed"))}  # fmt: skip
    assert {row["token"]: form for form, rows in parts.items() for row in rows} == by_token
    targets = {row["target"] for row in read(folder / f"{CITY}__internal.csv")}
    assert targets == {f"https://survei.example/{form}/{token}" for token, form in by_token.items()}
    assert [path.name for path in redirect_files(store, CITY)] == [f"{CITY}__internal.csv"]


def test_with_one_token_the_address_leads_to_the_form(with_forms, setup, store, vault):
    one = with_tokens(setup, "one")
    _, (path,) = issue_invitations(one, store, vault, CITY, "", "https://survei.example/{form}?t={token}")
    links = [(row["link"].split("/")[3].split("?")[0], row["form"]) for row in read(path)]
    assert sorted(links) == [("reversed", "reversed"), ("reversed", "reversed"), ("usual", "usual")]
    _, paths = issue_invitations(one, store, vault, CITY, "limesurvey")
    assert sorted(len(read(path)) for path in paths) == [1, 2]


def test_who_has_no_form_gets_the_usual_one(drawn, setup, store, vault):
    one = with_tokens(setup, "one")
    _, (path,) = issue_invitations(one, store, vault, CITY, "", "https://survei.example/{form}?t={token}")
    assert {row["link"].split("/")[3].split("?")[0] for row in read(path)} == {"usual"}


@pytest.mark.parametrize("tokens", ["one", "two"])
def test_reminders_lead_to_the_same_form(with_forms, setup, store, vault, tokens):
    """With two tokens the address that is sent has no place for it, and the file no column: the redirects have."""
    asked = with_tokens(setup, tokens)
    events = store.read("sample", CITY)[["institution_id", "source", "person_id"]]
    sent = events.assign(event="sent", at=pd.Timestamp("2024-07-29"), channel="whatsapp")
    store.write("events", CITY, sent)
    reminders = prepare_reminders(asked, store, vault, CITY, dt.date(2024, 8, 14))
    if tokens == "two":
        assert "form" not in reminders.people["whatsapp"]
        with pytest.raises(InputError, match="more than the token"):
            reminders.shaped("", "https://survei.example/{form}?t={token}")
        return
    people = reminders.shaped("", "https://survei.example/{form}?t={token}")["whatsapp"]
    links = [
        (link.split("/")[3].split("?")[0], form) for link, form in zip(people["link"], people["form"], strict=True)
    ]
    assert [led for led, _ in links] == [form for _, form in links]
    assert len(links) == 2, "one has no number"


def test_the_senders_address_tells_no_form_where_there_are_two_tokens(with_forms, setup, store, vault):
    with pytest.raises(InputError, match="more than the token"):
        issue_invitations(setup, store, vault, CITY, "", "https://survei.example/{form}?t={token}")
