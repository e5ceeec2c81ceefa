"""`spi audit-frame`, `spi announce`, `spi draw`, `spi activate`, `spi verify-draw`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from spi_analysis.commands.common import (
    Institutions,
    KeyOption,
    RoundOption,
    WorkersOption,
    WorkspaceOption,
    day_of,
    err,
    finish,
    open_key,
    open_setup,
    open_store,
    open_vault,
    out,
    print_rows,
    print_table,
)
from spi_analysis.errors import Problem, SamplingError

if TYPE_CHECKING:
    from spi_analysis.params import RoundSetup
    from spi_analysis.tables import Store

sampling = typer.Typer()


@sampling.command("audit-frame")
def audit_frame_command(
    institutions: Institutions = None, workspace: WorkspaceOption = None, round_id: RoundOption = None,
) -> None:  # fmt: skip
    """What an institution should put right in its lists before the draw: what, where, how many people; nobody by name.

    Example: spi audit-frame kota-mojokerto
    """
    from spi_analysis.stages import audit_frame, save_audit

    setup = open_setup(workspace, round_id, institutions or None)
    for institution_id in institutions or setup.institution_ids:
        audit = audit_frame(setup, open_store(setup), institution_id)
        print_table(f"{institution_id}: what to put right", audit.tasks, decimals=0)
        finish([], save_audit(setup, institution_id, audit), setup.workspace)


@sampling.command()
def announce(
    institutions: Institutions = None,
    page: Annotated[bool, typer.Option("--page", help="Only write the page of the last announcement again.")] = False,
    reason: Annotated[
        str, typer.Option(help="Why a draw is announced once more; the report's register shows it.")
    ] = "",
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Bind the draws before they can be known: lists, plan and secret, as one page to be published.

    Before the day of the public value. Without codes: all institutions with a list and without a sample.

    Example: spi announce kota-mojokerto
    """
    from spi_analysis.operations import RoundContext, announce_all, problems_of
    from spi_analysis.params import left_over
    from spi_analysis.reporting.analyst import write_announcement
    from spi_analysis.stages import announcements, log_entries

    setup = open_setup(workspace, round_id, institutions or None)
    store = open_store(setup)
    codes = [setup.require(code) for code in institutions or _to_draw(setup, store)]
    problems: list[Problem] = []
    if page:
        found = {code: announcements(log_entries(store, code)) for code in codes}
        entries = {code: known[-1] for code, known in found.items() if known}
        problems = [
            Problem("nothing was announced", key=code, hint="spi announce") for code in codes if not found[code]
        ]
    else:
        if problems := left_over(setup):
            raise SamplingError(*problems)
        context = RoundContext(setup, open_key(setup.workspace, key_file))
        outcomes = announce_all(context, codes, dt.datetime.now().astimezone(), workers, out, reason)
        entries = {one.institution_id: one.value for one in outcomes if one.value is not None}
        problems = problems_of(outcomes)
    written = [path for code, entry in entries.items() for path in write_announcement(setup, code, entry)]
    if written:
        out.print("publish each page before the day of the public value, and keep a printed, dated copy")
    finish(problems, written, setup.workspace)


@sampling.command()
def draw(
    institutions: Institutions = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many would be drawn; draw nobody.")] = False,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Draw the samples, once, as announced; refuses to draw again, or with the demonstration's public value.

    Without codes: all institutions with a list and without a sample. One that cannot be drawn does not stop the others.

    Example: spi draw kota-mojokerto
    """
    import pandas as pd

    from spi_analysis.operations import RoundContext, draw_all, problems_of
    from spi_analysis.params import left_over
    from spi_analysis.tables import public_value_problem

    setup = open_setup(workspace, round_id, institutions or None)
    if dry_run:
        _print_plan(setup, institutions)
        return
    context = RoundContext(setup, open_key(setup.workspace, key_file))
    context.vault.secret("prn")
    problems = [*left_over(setup), *filter(None, [public_value_problem(setup)])]
    if problems:
        raise SamplingError(*problems)
    codes = institutions or _to_draw(setup, context.store)
    outcomes = draw_all(context, [setup.require(code) for code in codes], workers, out)
    # What was drawn before an error is drawn for good, and said.
    drawn = [outcome.value for outcome in outcomes if outcome.value is not None]
    if drawn:
        print_rows("Drawn", pd.concat(drawn, ignore_index=True))
        out.print(f"records to publish: data/{setup.round.round_id}/draw/<institution>.json (draw_private/ stays here)")
    finish(problems_of(outcomes), [], setup.workspace)


def _print_plan(setup: RoundSetup, institutions: list[str] | None) -> None:
    import pandas as pd

    from spi_analysis.stages import planned_table

    store = open_store(setup)
    codes = institutions or _to_draw(setup, store)
    print_rows("Would be drawn", pd.concat([planned_table(setup, store, code) for code in codes], ignore_index=True))
    out.print("nobody was drawn, and nothing was written")


def _to_draw(setup: RoundSetup, store: Store) -> list[str]:
    """The institutions that have no sample yet. Where all have one, all: the draw itself says that it is done once."""
    left = [code for code in setup.institution_ids if not store.has("sample", code)]
    listed = [code for code in left if store.has("frame", code)]
    return listed or left or setup.institution_ids


@sampling.command("activate")
def activate(
    institution_id: Annotated[str, typer.Argument(metavar="INSTITUTION", help="Institution code.")],
    reason: Annotated[str, typer.Option(help="Why, for the log of activations.")],
    source: Annotated[str, typer.Option(help="Source, such as external (the log knows it for --undo).")] = "",
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last activation back, if nobody of it was invited.")
    ] = False,
    stratum: Annotated[list[str] | None, typer.Option(help="Stratum (may be repeated; default: all).")] = None,
    date: Annotated[str | None, typer.Option(help="Day of the activation, YYYY-MM-DD (default: today).")] = None,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
) -> None:
    """Activate the next reserve of a source; probabilities and weights then refer to all that was activated.

    Example: spi activate kota-mojokerto --source external --reason "few answers by week 4"
    """
    from spi_analysis.stages import activate_reserve, activation_table, drawn_of, has_enough, log_of, undo_activation

    setup = open_setup(workspace, round_id, [institution_id])
    store = open_store(setup)
    if undo:
        entry = undo_activation(setup, store, institution_id, reason, day_of(date))
        out.print(f"activation {entry['undoes']} taken back: {entry['people']:,} people are in reserve again")
        return
    if has_enough(setup, store, institution_id, source):
        beyond = "this source is expected to reach its aim without a reserve; spi activate --undo takes it back"
        err.print(beyond, style="yellow")
    entry = activate_reserve(setup, store, institution_id, source, stratum, reason, day_of(date))
    out.print(
        f"activation {entry['number']}: {entry['people']:,} people of {source} may be invited now", highlight=False
    )
    print_table("Activated so far", activation_table(drawn_of(store, institution_id), log_of(store, institution_id)))
    out.print("an activated wave is worked to its end; go on with: spi invite " + institution_id, highlight=False)


@sampling.command("verify-draw")
def verify_draw_command(
    institutions: Institutions = None,
    without_secret: Annotated[
        bool, typer.Option("--without-secret", help="Record and frame only: finds another frame, not another sample.")
    ] = False,
    record_only: Annotated[
        bool, typer.Option("--record-only", help="The public record only: start and counts; anybody can check these.")
    ] = False,
    workspace: WorkspaceOption = None,
    round_id: RoundOption = None,
    key_file: KeyOption = None,
) -> None:
    """Repeat a draw from its record, the frame and the secret; names the stratum (and the row) that differs.

    Example: spi verify-draw kota-mojokerto
    """
    from spi_analysis.stages import announcements, check_record, draws, log_entries, verify_institution

    setup = open_setup(workspace, round_id, institutions or None)
    store, different = open_store(setup), False
    secret = None if without_secret or record_only else open_vault(setup.workspace, key_file).secret("prn")
    same = "sound record" if record_only else "same draw" if secret else "same frame"
    other = "unsound record" if record_only else "another draw"
    for institution_id in institutions or setup.institution_ids:
        setup.require(institution_id)
        found = (
            check_record(store, institution_id)
            if record_only
            else verify_institution(setup, store, institution_id, secret)
        )
        if entries := log_entries(store, institution_id, check=False):
            last = announcements(entries)[-1]
            said = f"announcement {last['number']} of {last['at'][:10]}, drawn {len(draws(entries))} times"
            out.print(f"{institution_id}: {said}", highlight=False)
        for source, differences in found.items():
            different |= bool(differences)
            out.print(f"{institution_id}, {source}: {other if differences else same}")
            for difference in differences:
                out.print(f"  {difference}", markup=False)
    raise typer.Exit(1 if different else 0)
