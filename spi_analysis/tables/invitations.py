"""The file for the sender of the invitations: who gets which link. The only place where contacts leave the vault.

In a round of two tokens the link leads to a server of the survey's owner. Only its table (``redirects/``, no contacts)
knows under which other token the questionnaire knows the same person: what the sender has and what the platform has
can be joined by neither of them, nor by both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

from spi_analysis.errors import InputError, Problem, VaultError, nearest
from spi_analysis.params import FieldworkParams, Form, RoundSetup
from spi_analysis.tables.files import PRIVATE, write_csv
from spi_analysis.tables.identity import answer_tokens, link_tokens, open_tokens
from spi_analysis.tables.store import Store
from spi_analysis.tables.vault import Vault
from spi_analysis.tables.writer_lock import one_writer
from spi_analysis.threads import pd

COLUMNS = ("token", "name", "phone", "email", "language")
# Of people to whom the draw gave an optional module, or a form of the questionnaire.
ARM, FORM, USUAL = "arm", "form", "usual"
# Where they stand in the address of the questionnaire, with what stands there for people who have none.
PLACES = {ARM: ("{arm}", ""), FORM: ("{form}", USUAL)}
# Where a person's token stands in the address that is sent to people.
PLACE = "{token}"
REDIRECTS = "redirects"
# Value of ``fieldwork.tokens``.
TWO = "two"


@dataclass(frozen=True)
class Invitations:
    """Who is invited, by the name of the file (token, name, phone, email, language), and who is left out.

    ``left_out``: one row per file and reason (a key of ``REASONS``) with the number of people. ``redirects``: of rounds
    with two tokens, by the name of the file, everyone sampled: token, answer_token, language. ``formed``: the files of
    people to whom the draw gave forms of the questionnaire.
    """

    lists: dict[str, pd.DataFrame]
    left_out: pd.DataFrame
    redirects: dict[str, pd.DataFrame]
    formed: frozenset[str] = frozenset()

    def write(self, store: Store, shape: str = "", link: str = "", questionnaire: str = "") -> list[Path]:
        """Write every file, in the place of an earlier one; one with nobody left to invite holds its header.

        Redirects are written beside them, in a folder of their own; the paths are those of the invitations.
        """
        folder, tables = store.root / "invitations", self.shaped(shape, link)
        beside = self.beside(shape, questionnaire)
        for name, table in beside.items():
            write_csv(store.root / REDIRECTS / name, table, PRIVATE)
        return [write_csv(folder / name, table, PRIVATE) for name, table in tables.items()]

    def beside(self, shape: str = "", questionnaire: str = "") -> dict[str, pd.DataFrame]:
        """What is not for the sender: redirects, and the participants of a platform that knows no names.

        ``questionnaire``: the address in which {token} stands for the questionnaire's token.

        Raises
        ------
        InputError   the address has no place for the token.
        """
        _require_place(questionnaire)
        found = {name: _redirects(people, questionnaire) for name, people in self.redirects.items()}
        if shape == LIMESURVEY:
            for name, people in self.redirects.items():
                found |= {file: _participants(part) for file, part in self._by_form(name, people).items()}
        return found

    def shaped(self, shape: str = "", link: str = "") -> dict[str, pd.DataFrame]:
        """The files by their names, as a platform of ``SHAPES`` takes them in ("": the sender's own columns).

        ``link``: the address in which {token} stands for a person's token; it takes the token's place.

        Raises
        ------
        InputError   the platform is not known, or the address has no place for the token.
        """
        if self.redirects and shape == LIMESURVEY:
            # The platform gets participants without contacts (``beside``), and sends nothing.
            shape = ""
        if shape == LIMESURVEY:
            parts = [self._by_form(name, people) for name, people in self.lists.items()]
            return {file: in_shape(people, shape, link) for part in parts for file, people in part.items()}
        return {
            f"{name.removesuffix('.csv')}__{shape}.csv" if shape else name: in_shape(people, shape, link)
            for name, people in self.lists.items()
        }

    def _by_form(self, name: str, people: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """LimeSurvey's participants by the name of their file: every form is a survey of its own there."""
        stem = f"{name.removesuffix('.csv')}__{LIMESURVEY}"
        if name not in self.formed:
            return {f"{stem}.csv": people}
        # Also a form of which nobody is left to invite: its earlier file would stay.
        names = {form: f"{stem}.csv" if form == USUAL else f"{stem}__{form}.csv" for form in get_args(Form)}
        return {file: people[people[FORM] == form] for form, file in names.items()}

    def said_of(self, name: str) -> str:
        """How many are in a file, and how many were left out, and why."""
        rows = self.left_out[self.left_out["file"] == name]
        reasons = "; ".join(
            f"{n:,} {REASONS[reason]}" for reason, n in zip(rows["reason"], rows["people"], strict=True)
        )
        return f"{len(self.lists[name]):,} invited" + (f"; left out: {reasons}" if reasons else "")


def in_shape(people: pd.DataFrame, shape: str, link: str, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """People to be written to, as a platform of ``SHAPES`` takes them in ("": the sender's own ``columns``).

    ``link``: the address in which {token} stands for a person's token; it takes the token's place.

    Raises
    ------
    InputError   the platform is not known, or the address has no place for the token.
    """
    require_shape(shape)
    _require_place(link)
    return SHAPES[shape](people, link) if shape else _plain(people, [*columns, *given_by_chance(people)], link)


def write_invitations(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> list[Path]:
    """Write ``data/<round>/invitations/<institution>__<source>.csv``, readable by its owner only.

    See ``prepare_invitations`` for who is in it.
    """
    return issue_invitations(setup, store, vault, institution_id)[1]


def issue_invitations(
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    institution_id: str,
    shape: str = "",
    link: str = "",
    questionnaire: str = "",
) -> tuple[Invitations, list[Path]]:
    """Write the files, and log the objections of people in the sample, to whom nothing is sent.

    ``shape``, ``link``: see ``Invitations.shaped``; ``questionnaire``: see ``Invitations.beside``.
    """
    with one_writer(store.root.parent):
        invitations = prepare_invitations(setup, store, vault, institution_id)
        paths = invitations.write(store, shape, link, questionnaire)
        record_objections(setup, store, vault, institution_id)
        return invitations, paths


def prepare_invitations(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> Invitations:
    """Everyone sampled who may still be invited (``invitable``), and how many may not.

    A reserve that was activated later has a file of its own (``...__wave2.csv``). A file written again holds only those
    who have not answered, refused or asked to be left alone meanwhile; they stay in the sample and in its denominators.

    The file carries the sender's token and never the person's code, nor the questionnaire's token where there are two.

    Raises
    ------
    VaultError   people to be invited without contacts, for all sources at once.
    """
    sample = store.read("sample", setup.require(institution_id))
    barred = barred_people(setup, store, vault, institution_id)
    lists, left_out, problems, sampled_of = {}, [], [], dict[str, list[pd.DataFrame]]()
    formed: set[str] = set()
    for (source, wave), sampled in sample.groupby(["source", "wave"]):
        people = with_tokens(setup, vault, institution_id, str(source), sampled)
        sampled_of.setdefault(f"{institution_id}__{source}.csv", []).append(people)
        reasons = barred.reasons(people, str(source))
        invited = people[reasons.isna()]
        missing = int(invited["name"].isna().sum())
        if missing:
            problems.append(_no_contacts(setup, institution_id, str(source), missing, len(invited)))
        name = f"{institution_id}__{source}__wave{wave}.csv" if wave > 1 else f"{institution_id}__{source}.csv"
        lists[name] = invited
        formed |= {name} if FORM in sampled and sampled[FORM].notna().any() else set()
        left_out += [(name, reason, int((reasons == reason).sum())) for reason in REASONS if (reasons == reason).any()]
    if problems:
        raise VaultError(*problems)
    two = setup.round_for(institution_id).fieldwork.tokens == TWO
    lists = {name: for_sender(setup, institution_id, people) for name, people in lists.items()}
    redirects = {name: pd.concat(parts).sort_values("token") for name, parts in sampled_of.items() if two}
    table = pd.DataFrame(left_out, columns=["file", "reason", "people"])
    return Invitations(lists, table, redirects, frozenset(formed))


def for_sender(setup: RoundSetup, institution_id: str, people: pd.DataFrame) -> pd.DataFrame:
    """The people without what is no business of the sender's: arm and form, where there are two tokens."""
    two = setup.round_for(institution_id).fieldwork.tokens == TWO
    return people.drop(columns=[*PLACES]) if two else people


def redirect_files(store: Store, institution_id: str) -> list[Path]:
    """The tables of redirects of an institution; none in a round of one token."""
    files = sorted((store.root / REDIRECTS).glob(f"{institution_id}__*.csv"))
    return [path for path in files if not path.stem.partition(f"__{LIMESURVEY}")[1]]


def with_tokens(
    setup: RoundSetup, vault: Vault, institution_id: str, source: str, sampled: pd.DataFrame
) -> pd.DataFrame:
    """The people with their contacts and both tokens, in the order of the sender's tokens: that of nobody."""
    people = with_contacts(setup, vault, institution_id, source, sampled)
    whose = (people["person_id"], setup.round.round_id, institution_id, source, vault.secret("link_token"))
    people = people.assign(token=link_tokens(*whose), answer_token=answer_tokens(*whose))
    given = {column: sampled[column].to_numpy() if column in sampled else None for column in PLACES}
    return people.assign(**given, language=setup.round.languages[0]).sort_values("token")


def _no_contacts(setup: RoundSetup, institution_id: str, source: str, missing: int, sampled: int) -> Problem:
    return Problem(
        "sampled people have no contacts in the vault",
        file=f"data/vault/{setup.round.round_id}/contacts/{institution_id}__{source}",
        got=f"{missing} of {sampled} people without contacts",
        expected="contacts of everyone who is to be invited",
        hint="restore the vault that was there when the sample was drawn",
    )


# Open links (QR posters): one token for each place where one hangs, the same for everybody who opens it there.

OPEN_LINKS = "open_links"


def open_places(store: Store, institution_id: str) -> dict[str, list[str]]:
    """The places of open links so far, by source."""
    return dict((store.read_record(OPEN_LINKS, institution_id) or {}).get("places", {}))


def open_links(
    setup: RoundSetup, store: Store, vault: Vault, institution_id: str, source: str, places: Sequence[str], link: str
) -> pd.DataFrame:
    """Keep the places of a source, and give the address that leads from each to the questionnaire.

    Returns
    -------
    DataFrame: source, place, token, link; one row per place, in their order. A place that is known keeps its token.

    Raises
    ------
    InputError   the source is none that is drawn, or the address has no place for the token.
    """
    require_open(setup, institution_id, source)
    _require_place(link)
    with one_writer(store.root.parent):
        known = open_places(store, institution_id)
        known[source] = list(dict.fromkeys([*known.get(source, []), *places]))
        store.write_record(OPEN_LINKS, institution_id, {"institution_id": institution_id, "places": known})
    secret = vault.secret("link_token")
    tokens = open_tokens(places, setup.round.round_id, institution_id, source, secret)
    made = pd.DataFrame({"source": source, "place": list(places), "token": tokens})
    return made.assign(link=_links(made, link))


def require_open(setup: RoundSetup, institution_id: str, source: str) -> None:
    """Refuse a source that may have no open link: nominated people are named, and nobody else speaks for them."""
    drawn = setup.round_for(setup.require(institution_id)).populations
    if source not in drawn:
        raise InputError(
            "answers by an open link are kept for sources that are drawn", key="--source", got=source,
            expected=", ".join(drawn), hint=nearest(source, drawn),
        )  # fmt: skip


# The columns that senders take in (docs/platforms.md). A telephone number keeps its +; a name that a spreadsheet would
# run gets an apostrophe.


def _links(people: pd.DataFrame, link: str) -> pd.Series:
    """What leads each person to the questionnaire: the address with the token in it, else the token."""
    return _addresses(people, people["token"], link) if link else people["token"]


def _addresses(people: pd.DataFrame, tokens: pd.Series, address: str) -> pd.Series:
    """The address with everybody's token, and arm and form where it has a place for them."""
    found = [address.replace(PLACE, token) for token in tokens]
    for column, (place, none) in PLACES.items():
        if place in address:
            if column not in people:
                hint = "the sender is told neither arm nor form: the questionnaire's address may have them"
                raise InputError("the sender's address has a place for more than the token", got=address, hint=hint)
            values = people[column].fillna(none)
            found = [one.replace(place, value) for one, value in zip(found, values, strict=True)]
    return pd.Series(found, people.index, dtype=object)


def _require_place(address: str) -> None:
    if address and PLACE not in address:
        raise InputError("the address has no place for the token", got=address, expected=f"an address with {PLACE}")


def _redirects(people: pd.DataFrame, questionnaire: str) -> pd.DataFrame:
    """Where the server of the survey's owner sends whoever opens a link: the sender's token, the questionnaire's."""
    table = people[["token", "answer_token", *given_by_chance(people)]]
    if not questionnaire:
        return table
    targets = _addresses(people, people["answer_token"], questionnaire)
    return table.assign(answer_token=targets).rename(columns={"answer_token": "target"})


def _participants(people: pd.DataFrame) -> pd.DataFrame:
    """LimeSurvey's participants without a contact; in the order of the questionnaire's tokens."""
    tokens = people.sort_values("answer_token")
    empty = dict.fromkeys(("firstname", "lastname", "email"), "")
    given = {"attribute_2": tokens[ARM]} if ARM in given_by_chance(people) else {}
    return pd.DataFrame({**empty, "token": tokens["answer_token"], "language": tokens["language"], **given})


def given_by_chance(people: pd.DataFrame) -> list[str]:
    """The columns that tell which optional module and which form to show, where the draw gave any."""
    return [column for column in PLACES if column in people and people[column].notna().any()]


def require_shape(shape: str) -> None:
    """Refuse a platform that is not known ("": none)."""
    if shape and shape not in SHAPES:
        raise InputError("unknown platform", got=shape, expected=", ".join(SHAPES), hint=nearest(shape, SHAPES))


def _plain(people: pd.DataFrame, columns: Sequence[str], link: str) -> pd.DataFrame:
    table = people.assign(token=_links(people, link))[[*columns]]
    return table.rename(columns={"token": "link"}) if link else table


def _limesurvey(people: pd.DataFrame, link: str) -> pd.DataFrame:
    """LimeSurvey's participants; the platform makes the address itself."""
    names = {"firstname": people["name"], "lastname": "", "email": people["email"]}
    arms = {"attribute_2": people[ARM]} if ARM in given_by_chance(people) else {}
    return pd.DataFrame(
        {**names, "token": people["token"], "language": people["language"], "attribute_1": people["phone"], **arms}
    )


def _whatsapp(people: pd.DataFrame, link: str) -> pd.DataFrame:
    """The variables of a message template (name, address), for everyone with a number; the number without its +."""
    reached = people[people["phone"].notna()]
    numbers = reached["phone"].str.removeprefix("+")
    return pd.DataFrame(
        {
            "phone_number": numbers,
            "customer_name": reached["name"],
            "body_variable1": reached["name"],
            "body_variable2": _links(reached, link),
        }
    )


LIMESURVEY = "limesurvey"
SHAPES: dict[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {LIMESURVEY: _limesurvey, "whatsapp": _whatsapp}


# Who may be contacted no more: whoever asked to be left alone, in any round; whoever has answered, refused or proved
# ineligible in this one. And the register of what changed after the draw: objections, new numbers, new addresses.

# Why somebody is left out, the weightiest reason first.
REASONS = {
    "opted_out": "asked not to be contacted (in this round or another)",
    "answered": "answered",
    "refused": "refused",
    "ineligible": "found ineligible",
    "broken_off": "began and broke off (to be reminded, not invited)",
}
OBJECTION = "opted_out"
REGISTER = "contact_events"
CONTACTS = ("phone", "phone_2", "email", "email_2")
WHO = ["source", "person_id"]


@dataclass(frozen=True)
class Barred:
    """``opted_out``: person codes; ``contacts``: their numbers and addresses; ``others``: source, person_id, reason."""

    opted_out: frozenset[str]
    contacts: frozenset[str]
    others: pd.DataFrame

    def reasons(self, people: pd.DataFrame, source: str) -> pd.Series:
        """Why each person of a source may not be contacted (a key of ``REASONS``); None where he or she may.

        ``people`` (n, ...): person_id, and phone and email where they are known.
        """
        own = self.others[self.others["source"] == source].set_index("person_id")["reason"]
        reasons = people["person_id"].map(own).astype(object)
        known = people.reindex(columns=["phone", "email"]).isin(self.contacts).any(axis=1)
        reasons = reasons.mask(people["person_id"].isin(self.opted_out) | known, OBJECTION)
        return reasons.where(reasons.notna(), None)


def barred_people(
    setup: RoundSetup, store: Store, vault: Vault, institution_id: str, final: tuple[str, ...] | None = None
) -> Barred:
    """All who may not be contacted in this round.

    An objection holds for every round, institution and source of the data folder, and for the number and the address
    it came from: it is about being contacted, not about one questionnaire. Only one that the register holds for its
    round alone ends with it. All else is said of one source of one round.

    ``final``: which reasons count beside answers and objections (None: those that keep somebody from an invitation).
    """
    opted_out = objectors(store)
    contacts = _contacts_of(opted_out, store, vault, institution_id) if opted_out else frozenset[str]()
    fieldwork: FieldworkParams = setup.round_for(institution_id).fieldwork
    kept = fieldwork.no_invitation_after if final is None else final
    return Barred(opted_out, contacts, _of_this_round(store, institution_id, kept))


# The register across rounds.


def objectors(store: Store) -> frozenset[str]:
    """Person codes of all who asked not to be contacted: in this round, or in another for all rounds."""
    rounds = {path.parent for table in ("events", REGISTER) for path in store.root.parent.glob(f"*/{table}")}
    return frozenset[str]().union(*(_objections(Store(root), root == store.root) for root in sorted(rounds)))


def _objections(round_: Store, this: bool) -> frozenset[str]:
    """Person codes of those who objected in a round; those who did so for that round alone, if it is this one."""
    logged = _who(round_, "events")
    for_all, for_one = _who(round_, REGISTER, "all"), _who(round_, REGISTER, "round")
    # Whoever wrote STOP and then said that this round is meant has said it.
    return (logged | for_all | for_one) if this else (logged - for_one) | for_all


def _who(round_: Store, table: str, scope: str = "") -> frozenset[str]:
    paths = [round_.path(table, code) for code in round_.institutions(table)]
    states = ((path, path.stat()) for path in paths)
    return frozenset[str]().union(*(_read(path, scope, at.st_mtime_ns, at.st_ino) for path, at in states))


@cache
def _read(path: Path, scope: str, changed: int, inode: int) -> frozenset[str]:
    """Read once for every state of the file: 640 institutions are invited one after another."""
    what = ["change", "scope"] if scope else ["event"]
    rows = Store(path.parents[1]).read(path.parent.name, path.stem, ["person_id", *what])
    meant = rows[what[0]].eq(OBJECTION) & (rows["scope"].eq(scope) if scope else True)
    return frozenset(rows.loc[meant, "person_id"])


def add_changes(store: Store, institution_id: str, changes: pd.DataFrame) -> Path:
    """Add rows to the register of an institution; a row that is there already stays once."""
    earlier = store.read_if_there(REGISTER, institution_id)
    rows = changes.assign(institution_id=institution_id, at=changes["at"].astype("datetime64[ns]"))
    if earlier is not None:
        rows = pd.concat([earlier.astype({"at": "datetime64[ns]"}), rows])
    rows = rows.drop_duplicates().sort_values(["at", *WHO, "change", "scope", "reported_by"], ignore_index=True)
    return store.write(REGISTER, institution_id, rows)


def record_objections(setup: RoundSetup, store: Store, vault: Vault, institution_id: str) -> pd.Series:
    """Log the objections of sampled people as events of this round, so that they count as refusals, not as noncontacts.

    Whoever objected before the round is never written to; without this nothing would be known of the person.

    Returns
    -------
    Series (sources): how many of the sampled people asked not to be contacted.
    """
    sample = store.read("sample", institution_id, ["institution_id", *WHO])
    barred = barred_people(setup, store, vault, institution_id)
    parts = []
    for source, people in sample.groupby("source"):
        known = with_contacts(setup, vault, institution_id, str(source), people)
        parts.append(people[(barred.reasons(known, str(source)) == OBJECTION).to_numpy()])
    objected = pd.concat(parts, ignore_index=True)
    start = pd.Timestamp(setup.round_for(institution_id).fieldwork.start)
    _log(store, institution_id, objected.assign(event=OBJECTION, at=start, channel="register"))
    return objected.groupby("source").size().reindex(sorted(sample["source"].unique()), fill_value=0)


def log_objections(store: Store, institution_id: str, objections: pd.DataFrame) -> None:
    """Log objections (source, person_id, at) of people who are in the sample."""
    sample = store.read_if_there("sample", institution_id)
    if sample is not None:
        theirs = sample[["institution_id", *WHO]].merge(objections[[*WHO, "at"]], on=WHO)
        _log(store, institution_id, theirs.assign(event=OBJECTION, channel="register"))


def _log(store: Store, institution_id: str, new: pd.DataFrame) -> None:
    """Add objections to the log of events; one that is there already, from whatever day, is not added."""
    events = store.read_if_there("events", institution_id)
    if events is not None:
        there = pd.MultiIndex.from_frame(events.loc[events["event"] == OBJECTION, WHO])
        new = new[~pd.MultiIndex.from_frame(new[WHO]).isin(there)]
    if len(new):
        new = new.astype({"at": "datetime64[ns]"})
        both = new if events is None else pd.concat([events.astype({"at": "datetime64[ns]"}), new])
        both = both.sort_values(["source", "person_id", "at", "event", "channel"], ignore_index=True)
        store.write("events", institution_id, both)


def with_contacts(
    setup: RoundSetup, vault: Vault, institution_id: str, source: str, people: pd.DataFrame
) -> pd.DataFrame:
    """The people (person_id) with name, phone and email as they are now; None where the vault does not know them."""
    round_id = setup.round.round_id
    contacts = pd.DataFrame(columns=["person_id", "name", "phone", "email"])
    if vault.has_contacts(round_id, institution_id, source):
        contacts = vault.current_contacts(round_id, institution_id, source)[list(contacts.columns)]
    return people[["person_id"]].merge(contacts, on="person_id", how="left", validate="1:1")


def _contacts_of(people: frozenset[str], store: Store, vault: Vault, institution_id: str) -> frozenset[str]:
    """Numbers and addresses under which these people are known to the institution, in any round that the vault keeps.

    Somebody may be listed with an employee number here and with a telephone there: two codes, one telephone.
    """
    found: set[str] = set()
    for folder in sorted(store.root.parent.glob("*/frame")):
        round_ = Store(folder.parent)
        for source in _sources(round_, institution_id):
            whose = (round_.root.name, institution_id, source)
            if vault.has_contacts(*whose):
                for known in (vault.read_contacts(*whose), vault.read_corrected(*whose)):
                    theirs = known[known["person_id"].isin(people)].reindex(columns=list(CONTACTS))
                    found.update(value for value in theirs.to_numpy().ravel() if isinstance(value, str) and value)
    return frozenset(found)


def _sources(store: Store, institution_id: str) -> list[str]:
    if not store.has("frame", institution_id):
        return []
    return sorted(store.read("frame", institution_id, ["source"])["source"].unique())


def _of_this_round(store: Store, institution_id: str, final: tuple[str, ...]) -> pd.DataFrame:
    """What this round's events and answers say against writing to somebody again: the weightiest reason of each."""
    found = pd.concat([_by_answers(store, institution_id), _by_events(store, institution_id)], ignore_index=True)
    found = found[found["reason"].isin(["answered", *final])]
    rank = {reason: i for i, reason in enumerate(REASONS)}
    return found.sort_values("reason", key=lambda c: c.map(rank), kind="stable").drop_duplicates(WHO)


def _by_answers(store: Store, institution_id: str) -> pd.DataFrame:
    answers = store.read_if_there("responses", institution_id)
    if answers is None:
        return pd.DataFrame(columns=["source", "person_id", "reason"], dtype=object)
    sent_off = answers["completed_at"].notna()
    return answers[["source", "person_id"]].assign(reason=sent_off.map({True: "answered", False: "broken_off"}))


def _by_events(store: Store, institution_id: str) -> pd.DataFrame:
    """The log may know of an answer that is not imported yet."""
    events = store.read_if_there("events", institution_id)
    if events is None:
        return pd.DataFrame(columns=["source", "person_id", "reason"], dtype=object)
    reasons = {"completed": "answered", "refused": "refused", "ineligible": "ineligible"}
    found = events[["source", "person_id"]].assign(reason=events["event"].map(reasons).astype(object))
    return found.dropna(subset=["reason"]).drop_duplicates()
