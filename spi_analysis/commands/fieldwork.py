"""`spi invite`, `spi remind`, `spi opt-out`, `spi progress`: from the sample to answers."""

from __future__ import annotations

import datetime as dt
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from spi_analysis.commands.common import (
    MOST_INSTITUTIONS,
    Day,
    Institutions,
    KeyOption,
    Reporter,
    RoundOption,
    WorkersOption,
    WorkspaceOption,
    day_of,
    err,
    open_setup,
    open_store,
    open_vault,
    out,
    print_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from spi_analysis.params import RoundSetup

fieldwork = typer.Typer()
ONE_TOKEN = (
    "one token: whoever holds this file and the answers can tell who answered what (fieldwork.tokens: two, if your "
    "server can redirect)"
)


Shape = Annotated[
    str, typer.Option("--as", help="limesurvey (participants) or whatsapp (template); default: the sender's own.")
]
Link = Annotated[
    str, typer.Option(help="Address with {token} in it, to stand in the token's place: 'https://.../?t={token}'.")
]


class Scope(StrEnum):
    """For how long an objection holds."""

    all = "all"
    round = "round"


@fieldwork.command()
def invite(
    institutions: Institutions = None,
    shape: Shape = "",
    link: Link = "",
    questionnaire: Annotated[
        str, typer.Option(help="Address of the questionnaire with {token} in it, for the table of redirects.")
    ] = "",
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Write the invitation files from the vault (link tokens, never person codes).

    In a round of two tokens (fieldwork.tokens) the links lead to a server of your own: its table of redirects lies in
    data/<round>/redirects/ and goes neither to the sender nor to the platform of the questionnaire.

    A file holds only people who may still be invited: written again, it leaves out who has answered, refused or proved
    ineligible. Who asked not to be contacted, in whatever round, is never in it. All of them stay in the sample.

    Example: spi invite kota-mojokerto --as whatsapp --link 'https://survei.example/?token={token}'
    """
    from spi_analysis.stages import note_changes
    from spi_analysis.tables import REDIRECTS, issue_invitations

    setup, left_out = open_setup(workspace, round_id, institutions or None), 0
    store, vault = open_store(setup), open_vault(setup.workspace, key_file)
    for institution_id in institutions or setup.institution_ids:
        invitations, paths = issue_invitations(setup, store, vault, institution_id, shape, link, questionnaire)
        note_changes(setup, store, institution_id, vault.secret("prn"), dt.datetime.now().astimezone())
        left_out += int(invitations.left_out["people"].sum())
        for path, name in zip(paths, invitations.lists, strict=True):
            said = f"{path.relative_to(setup.workspace.root)}: {invitations.said_of(name)}"
            if without := len(invitations.lists[name]) - len(invitations.shaped(shape, link)[path.name]):
                said += f"; {without:,} without a number are not in this file"
            out.print(said, markup=False, highlight=False)
        for name in invitations.beside(shape, questionnaire):
            said = f"data/{setup.round.round_id}/{REDIRECTS}/{name}: no contacts; never to the sender"
            out.print(said, markup=False, highlight=False)
        if not invitations.redirects:
            out.print(ONE_TOKEN, style="yellow", markup=False, highlight=False)
    if left_out:
        out.print(f"{left_out:,} sampled people are not invited: they stay in the sample and in every denominator")


@fieldwork.command()
def remind(
    institutions: Institutions = None,
    week: Annotated[
        int | None, typer.Option(min=1, help="Week of the reminder (default: the next of the round's reminder weeks).")
    ] = None,
    shape: Shape = "",
    link: Link = "",
    date: Day = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Write who is reminded, a file for each channel; and the list of numbers that the institution should look up.

    Reminded is who was invited and has neither answered nor refused nor asked not to be contacted, by every channel
    that still works. Import the latest events and answers first. Every file is logged (data/<round>/reminders/). Say
    --as and --link as for the invitation: the sender then gets the same columns and the same addresses.

    Example: spi remind kota-mojokerto --week 2 --link 'https://survei.example/{token}'
    """
    from spi_analysis.fieldwork import prepare_reminders

    setup, day, messages = open_setup(workspace, round_id, institutions or None), day_of(date), 0
    store, vault = open_store(setup), open_vault(setup.workspace, key_file)
    sampled = [code for code in setup.institution_ids if store.has("sample", code) and store.has("events", code)]
    for institution_id in institutions or sampled:
        reminders = prepare_reminders(setup, store, vault, institution_id, day, week)
        for path in reminders.write(store, day, shape, link):
            out.print(f"written  {path.relative_to(setup.workspace.root)}", markup=False, highlight=False)
        channels = ", ".join(f"{len(people):,} by {channel}" for channel, people in reminders.people.items())
        said = f"{institution_id}, reminder {reminders.number} (week {reminders.week}): {channels}"
        out.print(f"{said}; not reminded: {reminders.said_of}", markup=False, highlight=False)
        messages += reminders.count
    if not messages:
        err.print("nobody is to be reminded", style="yellow")
        raise typer.Exit(1)


@fieldwork.command()
def poster(
    institution: Annotated[str, typer.Argument(help="Institution code.")],
    source: Annotated[str, typer.Option(help="Source whose people pass by there, such as external.")],
    place: Annotated[list[str], typer.Option(help="Where the poster hangs; may be given several times.")],
    link: Annotated[str, typer.Option(help="Address of the questionnaire with {token} in it.")],
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Posters with a QR code for whoever wishes to answer: a link for each place, known by a token of its own.

    Answers by these links are kept apart when they come in (spi import responses): they are in no estimate, and the
    report says how many they are. Give the links of earlier posters again at any time; they stay the same.

    Example: spi poster kota-mojokerto --source external --place "MPP, loket 1" --link 'https://survei.example/?t={token}'
    """
    from spi_analysis.reporting.analyst import write_posters
    from spi_analysis.tables import open_links

    setup = open_setup(workspace, round_id, [institution])
    store, vault = open_store(setup), open_vault(setup.workspace, key_file)
    links = open_links(setup, store, vault, institution, source, place, link)
    for path in write_posters(setup, institution, links):
        out.print(f"written  {path.relative_to(setup.workspace.root)}", markup=False, highlight=False)


@fieldwork.command("opt-out")
def opt_out_command(
    institution: Annotated[str, typer.Argument(help="Institution code.")],
    token: Annotated[
        str | None, typer.Option(help="Link token (default: asks for the token, number or address).")
    ] = None,
    scope: Annotated[Scope, typer.Option(help="Whether it holds for all rounds or for this one.")] = Scope.all,
    reported_by: Annotated[
        Reporter, typer.Option("--by", help="Who says so: person, institution, vendor or operator.")
    ] = Reporter.person,
    date: Day = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Enter an objection: the person gets no invitation and no reminder any more, and stays in the sample.

    A number or an address is asked for and not given as an argument: the shell would keep it.

    Example: spi opt-out kota-mojokerto
    """
    from spi_analysis.tables.importing import opt_out

    setup = open_setup(workspace, round_id, [institution])
    store, vault = open_store(setup), open_vault(setup.workspace, key_file)
    known_by = token or typer.prompt("Link token, phone number or e-mail address")
    new = opt_out(setup, store, vault, institution, known_by, scope=scope.value, reported_by=reported_by.value,
                  date=day_of(date))  # fmt: skip
    out.print(f"{new} entries in the register" if new else "the register holds this objection already")


# Seconds between two looks of --watch.
LOOK_AGAIN = 30.0
# What the terminal shows of a row; --json has all.
SHOWN = [
    "institution_id", "source", "invited", "reached", "answered", "aimed", "forecast", "outlook", "reason", "reserve"
]  # fmt: skip


@fieldwork.command()
def progress(
    institutions: Institutions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every institution and source, as JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every half minute, until Ctrl-C.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Make the page of national fieldwork, too.")] = False,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """How fieldwork stands: invited, reached, answered, expected at the end; who lags and why. Never who answered.

    Lists, events or answers that are not here yet count as none. Only institutions whose tables have changed are
    counted anew. Of many institutions the sums are shown, and those that lag.

    Example: spi progress --page
    """
    setup = open_setup(workspace, round_id, institutions or None)
    codes = [setup.require(code) for code in institutions or setup.institution_ids]
    while True:
        table = _progress_table(setup, codes, workers)
        if watch:
            out.clear()
        if as_json:
            typer.echo(table.to_json(orient="records", indent=1, double_precision=4))
        else:
            _print_progress(table)
        if not watch:
            break
        time.sleep(LOOK_AGAIN)
    if page:
        _make_page(setup)


def _progress_table(setup: RoundSetup, codes: list[str], workers: int | None) -> pd.DataFrame:
    from spi_analysis.stages import fieldwork_progress, progress_is_old, shown_progress

    store = open_store(setup)
    old = [code for code in codes if progress_is_old(setup, store, code)]
    if old:
        _count(setup, old, workers)
    counted, _ = fieldwork_progress(setup, store, codes)
    if counted.empty:
        err.print("no institution is drawn yet: there is no fieldwork to look at (run: spi draw)", style="yellow")
        raise typer.Exit(1)
    return shown_progress(counted, setup.round)


def _count(setup: RoundSetup, codes: list[str], workers: int | None) -> None:
    # Loaded only where something has to be counted: what runs many institutions takes seconds to load.
    from spi_analysis.operations import RoundContext, count_progress, problems_of

    for problem in problems_of(count_progress(RoundContext(setup), codes, workers, err)):
        err.print(str(problem), style="red", markup=False, highlight=False)


def _print_progress(table: pd.DataFrame) -> None:
    answered = table["answered"].map("{:,.0f}".format).where(table["answered"].notna(), table["bound"])
    rows = table.assign(answered=answered)[SHOWN]
    if table["institution_id"].nunique() > MOST_INSTITUTIONS:
        sums = table.groupby("source", sort=False)[["invited", "reached", "answered", "aimed"]].sum().reset_index()
        print_table("All institutions (only counts that may be shown)", sums, decimals=0)
        behind = table[table["outlook"] == "behind"]
        furthest = (behind["forecast"] / behind["aimed"]).sort_values(na_position="first", kind="stable")
        rows = rows.loc[furthest.index[:MOST_INSTITUTIONS]]
    print_table("Fieldwork", rows.fillna({"outlook": "", "reason": ""}), decimals=0)
    opened = table[table["open_link"] != 0]
    if len(opened):
        told = opened["open_link"].map("{:,.0f}".format).where(opened["open_link"].notna(), "few")
        counts = opened[["institution_id", "source"]].assign(open_link=told)
        print_table("Answers by open link (QR), in none of the counts above", counts)


def _make_page(setup: RoundSetup) -> None:
    from spi_analysis.runner import national_fieldwork_step, run_steps

    ((_, made),) = run_steps(setup, [national_fieldwork_step()], workers=1)
    for path in made.pages:
        out.print(f"page  {path}", markup=False, highlight=False)
    if not made.ok:
        err.print(made.error, style="red", markup=False, highlight=False)
        raise typer.Exit(1)
