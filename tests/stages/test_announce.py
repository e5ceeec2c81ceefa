"""A draw is bound before it can be known: announced once, drawn as announced, and what differs is named."""

import base64
import datetime as dt
import hashlib
import json
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from spi_analysis.errors import SamplingError, StoreError
from spi_analysis.params import RoundSetup, Text
from spi_analysis.params.sources import DrawParams, ValueForm
from spi_analysis.reporting.analyst.announcement_page import announcement_page, write_announcement
from spi_analysis.stages.announce import announce_institution, excluded_people
from spi_analysis.stages.announcement_log import (
    announcements,
    draws,
    entry_digest,
    entry_text,
    is_signed,
    log_entries,
    time_stamp,
)
from spi_analysis.stages.draw import draw_institution
from spi_analysis.stages.verify import check_record, verify_institution
from spi_analysis.survey.sampling import commitment
from spi_analysis.tables.store import Store
from tests.kills import kill_after, numbered, times_of
from tests.stages.town import SECRET, TOWN, draw_announced, keep_announced

MORNING = dt.datetime(2024, 7, 15, 9, tzinfo=dt.UTC)
NAME = Text(id="harga penutupan", en="closing price")


def with_draw(setup: RoundSetup, **changes: object) -> RoundSetup:
    draw = setup.round.draw.model_copy(update={"public_value_name": NAME, "public_value": "", **changes})
    return replace(setup, round=setup.round.model_copy(update={"draw": draw}))


def said(differences) -> list[str]:
    return [str(one) for found in differences.values() for one in found]


def test_nothing_is_drawn_that_was_not_announced_before_the_value(store: Store, setup: RoundSetup) -> None:
    """The value of 2024 is that of 22 July: announced on the 15th it may be drawn from the 22nd on."""
    with pytest.raises(SamplingError, match="was not announced"):
        draw_institution(setup, store, TOWN, SECRET)
    keep_announced(setup, store, TOWN, SECRET)
    with pytest.raises(SamplingError, match="day of the public value has not come"):
        draw_institution(setup, store, TOWN, SECRET, dt.date(2024, 7, 21))
    assert not store.has("sample", TOWN)
    draw_institution(setup, store, TOWN, SECRET, dt.date(2024, 7, 22))
    assert [entry["kind"] for entry in log_entries(store, TOWN)] == ["announced", "drawn"]
    assert said(verify_institution(setup, store, TOWN, SECRET)) == []


@pytest.mark.parametrize("day", [dt.date(2024, 7, 22), dt.date(2024, 8, 1)])
def test_an_announcement_that_is_not_older_than_the_value_binds_nothing(store: Store, setup: RoundSetup, day) -> None:
    keep_announced(setup, store, TOWN, SECRET, day)
    with pytest.raises(SamplingError, match="not older than the public value"):
        draw_institution(setup, store, TOWN, SECRET)


def test_another_secret_or_list_than_the_announced_one_is_refused(store: Store, setup: RoundSetup) -> None:
    """Sixty-four fresh secrets would keep five named people out; none of them is the one that was announced."""
    keep_announced(setup, store, TOWN, SECRET)
    with pytest.raises(SamplingError, match="secret_commitment is not what was announced"):
        draw_institution(setup, store, TOWN, b"a fresh secret that suits better")
    frame = store.read("frame", TOWN)
    row = frame.index[(frame["source"] == "internal") & frame["is_eligible"]][0]
    store.write("frame", TOWN, frame.assign(is_eligible=frame["is_eligible"].where(frame.index != row, False)))
    with pytest.raises(SamplingError, match="the eligible people, or their data") as caught:
        draw_institution(setup, store, TOWN, SECRET)
    assert "the excluded people, or their data, are not those that were announced (reason not_eligible)" in str(
        caught.value
    )
    store.write("frame", TOWN, frame)
    draw_institution(setup, store, TOWN, SECRET)


def test_excluded_people_who_are_removed_or_changed_afterwards_are_seen(store: Store, setup: RoundSetup) -> None:
    """The town has two internal people who are not eligible, and two external ones who registered themselves."""
    frame = store.read("frame", TOWN)
    reasons = {
        source: excluded_people(frame, source)["reason"].value_counts().to_dict() for source in setup.round.sources
    }
    assert reasons == {"internal": {"not_eligible": 2}, "external": {"self_registered": 2}, "expert": {}}
    draw_announced(setup, store, TOWN, SECRET)
    gone = frame.index[(frame["source"] == "internal") & ~frame["is_eligible"]][0]
    store.write("frame", TOWN, frame.drop(index=gone).reset_index(drop=True))
    for secret in (SECRET, None):
        assert said(verify_institution(setup, store, TOWN, secret)) == [
            "internal: the excluded people, or their data, are not those that were announced (reason not_eligible): "
            "recorded 2 people, found 1 people"
        ]


def test_rules_that_exclude_somebody_are_the_reason(store: Store, setup: RoundSetup) -> None:
    frame = store.read("frame", TOWN)
    out = (frame["source"] == "internal") & ~frame["is_eligible"]
    told = frame.assign(
        frame_problem=frame["frame_problem"].where(~out, "no_email; ineligible_tenure; ineligible_position")
    )
    assert set(excluded_people(told, "internal")["reason"]) == {"ineligible_tenure"}, "counted once"


def test_a_real_draw_is_announced_before_its_value_stands_anywhere(store: Store, setup: RoundSetup) -> None:
    for changes, words in (
        ({"public_value": "4711"}, "stands in the parameters before"),
        ({"public_value_form": None}, "has no form"),
        ({"public_value_name": Text(id="x", en="demonstration value")}, "has no name yet"),
        ({"public_value_date": dt.date(2024, 7, 15)}, "may be known already"),
    ):
        with pytest.raises(SamplingError, match=words):
            announce_institution(with_draw(setup, **changes), store, TOWN, SECRET, MORNING)
    assert log_entries(store, TOWN) == []
    entry = announce_institution(with_draw(setup), store, TOWN, SECRET, MORNING)
    assert entry["secret_commitment"] == commitment(SECRET)
    assert sum(one["people"] for one in entry["sources"]["internal"]["eligible"].values()) == 198
    assert announce_institution(with_draw(setup), store, TOWN, SECRET, MORNING) == entry, "the same twice is once"
    draw_institution(with_draw(setup, public_value="4711"), store, TOWN, SECRET)
    with pytest.raises(StoreError, match="already drawn"):
        announce_institution(with_draw(setup), store, TOWN, SECRET, MORNING)


def test_a_list_that_was_put_right_is_announced_anew_and_counted(store: Store, setup: RoundSetup) -> None:
    told, frame = with_draw(setup), store.read("frame", TOWN)
    first = announce_institution(told, store, TOWN, SECRET, MORNING)
    store.write("frame", TOWN, frame.assign(sex="female"))
    with pytest.raises(SamplingError, match="readers will ask why"):
        announce_institution(told, store, TOWN, SECRET, MORNING + dt.timedelta(days=1))
    why = {"reason": " a list came late "}
    second = announce_institution(told, store, TOWN, SECRET, MORNING + dt.timedelta(days=1), **why)
    assert second["reason"] == "a list came late"
    assert "reason" not in first
    assert (first["number"], second["number"]) == (1, 2)
    assert second["previous"] == entry_digest(first)
    (store.root / "announcements" / f"{TOWN}.json").unlink()
    third = announce_institution(told, store, TOWN, SECRET, MORNING, counted=2, **why)
    assert third["number"] == 3, "the vault remembers"


def test_a_second_draw_stays_on_record(store: Store, setup: RoundSetup) -> None:
    """Somebody draws, removes sample and record, and draws again with another value of the same form."""
    draw_announced(setup, store, TOWN, SECRET)
    for path in (store.path("sample", TOWN), store.root / "draw" / f"{TOWN}.json"):
        path.unlink()
    draw_institution(with_value(setup, "4711"), store, TOWN, SECRET)
    assert [entry["number"] for entry in draws(log_entries(store, TOWN))] == [1, 2]
    assert "announcements: not drawn once: recorded 2 draws, found 1 draw" in said(check_record(store, TOWN))


def with_value(setup: RoundSetup, value: str) -> RoundSetup:
    draw = setup.round.draw.model_copy(update={"public_value": value})
    return replace(setup, round=setup.round.model_copy(update={"draw": draw}))


def test_a_draw_that_was_cut_short_is_finished_and_counted_once(store: Store, setup: RoundSetup) -> None:
    record = draw_announced(setup, store, TOWN, SECRET)
    store.path("sample", TOWN).unlink()
    assert draw_institution(setup, store, TOWN, SECRET) == record
    assert len(draws(log_entries(store, TOWN))) == 1
    assert said(verify_institution(setup, store, TOWN, SECRET)) == []


def test_anybody_sees_a_log_that_was_changed(store: Store, setup: RoundSetup) -> None:
    draw_announced(setup, store, TOWN, SECRET)
    entries = log_entries(store, TOWN)
    assert all(map(is_signed, entries))
    entries[0]["at"] = "2024-07-01T09:00:00+00:00"
    store.write_record("announcements", TOWN, {"institution_id": TOWN, "entries": entries})
    words = said(check_record(store, TOWN))
    assert "announcements: entry 1 was changed, or does not follow the one before it" in words
    assert "the announcement that the record names is not in the log" in words
    store.write_record("announcements", TOWN, {"institution_id": TOWN, "entries": []})
    assert "announcements: not drawn once: recorded 0 draws, found 1 draw" in said(check_record(store, TOWN))


SPELLINGS = ["7,214.17", "7.214,17", "7214,17", "07214.17", "7214.170", "7214.2", "7214", "7 214.17", "+7214.17",
             "7214.17 ", "Rp7214.17", "7.21417e3"]  # fmt: skip


def test_one_number_has_one_spelling(setup: RoundSetup) -> None:
    form = ValueForm(decimals=2)
    assert form.fits("7214.17")
    assert [text for text in SPELLINGS if form.fits(text)] == []
    assert [text for text in ("0042", "42", "042", "00042", "0042.0") if ValueForm(digits=4).fits(text)] == ["0042"]
    given = setup.round.draw.model_dump() | {"public_value_form": {"decimals": 2}}
    with pytest.raises(Exception, match="not written in its one form"):
        DrawParams(**given | {"public_value": "7214,17"})
    assert DrawParams(**given | {"public_value": "7214.17"}).public_value == "7214.17"


def test_a_generated_round_takes_the_time_of_its_parameters_and_says_so(store: Store, setup: RoundSetup) -> None:
    store.mark_synthetic(1)
    entry = announce_institution(setup, store, TOWN, SECRET)
    assert (entry["at"], entry["time_from"]) == ("2024-07-21T00:00:00+00:00", "parameters")
    text = (store.root / "announcements" / f"{TOWN}.json").read_bytes()
    other = Store(store.root.parent / "again")
    other.write("frame", TOWN, store.read("frame", TOWN))
    other.mark_synthetic(1)
    announce_institution(setup, other, TOWN, SECRET)
    assert (other.root / "announcements" / f"{TOWN}.json").read_bytes() == text
    assert "Data buatan untuk peragaan: waktu pengumuman" in announcement_page(setup, TOWN, entry, "id")
    draw_institution(setup, store, TOWN, SECRET, dt.date(2024, 1, 1))


def test_the_page_holds_one_sheet_and_its_fingerprint_can_be_recomputed(
    store: Store, setup: RoundSetup, tmp_path, monkeypatch
) -> None:
    told = with_draw(setup)
    entry = announce_institution(told, store, TOWN, SECRET, MORNING)
    monkeypatch.setattr(type(told.workspace), "institution_outputs", lambda self, round_id, code: tmp_path / code)
    written = {path.name: path for path in write_announcement(told, TOWN, entry)}
    assert set(written) == {"announcement.id.html", "announcement.en.html", "announcement.json"}
    page = written["announcement.id.html"].read_text()
    assert hashlib.sha256(written["announcement.json"].read_bytes()).hexdigest() in page
    assert json.loads(written["announcement.json"].read_text())["secret_commitment"] in page
    for words in ("Pengumuman undian", "harga penutupan", "22 Juli 2024", "15 Juli 2024", "Siapa dapat memeriksa apa",
                  "kurang dari 10", ">198<"):  # fmt: skip
        assert words in page, words
    assert ">14<" not in page, "a panel has no size"
    assert len(page) < 8000, "a sheet of A4"


class _Stamps(BaseHTTPRequestHandler):
    """Answers as a time-stamping service, by the outside program openssl."""

    folder = None

    def do_POST(self) -> None:
        (self.folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        done = subprocess.run(
            ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply"],
            cwd=self.folder, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.send_response(200)
        self.end_headers()
        self.wfile.write((self.folder / "reply").read_bytes())

    def log_message(self, *_: object) -> None:
        pass


CONFIG = """
[req]
distinguished_name = dn
x509_extensions = ext
prompt = no
[dn]
CN = stamps for a test
[ext]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = CA:TRUE
[tsa_default]
serial = serial
crypto_device = builtin
signer_cert = cert.pem
signer_key = key.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_chain = no
[tsa]
default_tsa = tsa_default
"""


@pytest.fixture
def server(tmp_path):
    (tmp_path / "tsa.cnf").write_text(CONFIG)
    (tmp_path / "serial").write_text("01")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-config", "tsa.cnf", "-days", "30"], cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    handler = type("Stamps", (_Stamps,), {"folder": tmp_path})
    service = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}/"
    service.shutdown()


def test_a_time_stamp_is_one_that_an_outside_program_accepts(store: Store, setup: RoundSetup, server, tmp_path) -> None:
    """OpenSSL (openssl ts) makes and verifies the stamp."""
    told = with_draw(setup, timestamp_server=server)
    entry = announce_institution(told, store, TOWN, SECRET, MORNING)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "announcement.json").write_bytes(entry_text(entry))
    (folder / "announcement.tsr").write_bytes(base64.b64decode(entry["stamp"]["token"]))
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-data", "announcement.json", "-in", "announcement.tsr", "-CAfile",
         str(tmp_path / "cert.pem")], cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    assert b"Verification: OK" in done.stdout + done.stderr, done.stderr
    assert announcements(log_entries(store, TOWN))[-1]["stamp"]["server"] == server
    with pytest.raises(StoreError, match="no time stamp was given"):
        time_stamp(entry_digest(entry), "http://127.0.0.1:9/")


@pytest.mark.slow
@pytest.mark.long
def test_announce_and_draw_killed_at_ten_moments_leave_nothing_half(store: Store, setup: RoundSetup, tmp_path) -> None:
    """Kill -9: what is there can be read, and the same commands once more end in one announcement and one draw."""
    told, frame = with_draw(setup), store.read("frame", TOWN)

    def work(where: Store) -> None:
        announce_institution(told, where, TOWN, SECRET, MORNING)
        draw_institution(with_draw(setup, public_value="4711"), where, TOWN, SECRET)

    for name, moment in numbered(times_of(lambda: work(store))):
        other = Store(tmp_path / name / "spi_2024")
        other.write("frame", TOWN, frame)
        kill_after(moment, lambda where=other: work(where))
        if not other.has("sample", TOWN):
            announce = [entry["kind"] for entry in log_entries(other, TOWN)]
            assert announce in ([], ["announced"], ["announced", "drawn"])
            if "drawn" not in announce:
                announce_institution(told, other, TOWN, SECRET, MORNING)
            draw_institution(with_draw(setup, public_value="4711"), other, TOWN, SECRET)
        assert [entry["kind"] for entry in log_entries(other, TOWN)] == ["announced", "drawn"]
        assert said(verify_institution(with_draw(setup, public_value="4711"), other, TOWN, SECRET)) == []
