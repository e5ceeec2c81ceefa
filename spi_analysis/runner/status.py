"""The status of a round: tables and pages of every institution."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params import RoundSetup
from spi_analysis.runner.fingerprint import Staleness, stale_steps, staleness
from spi_analysis.runner.ledger import Entry, Key, Selection, is_running, read_entries, read_runs, selected_steps
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS, plan_steps
from spi_analysis.tables import WRITTEN_BY, Store, demo_is_whole, demo_seed, national_mark
from spi_analysis.threads import pd

# The name of the national notebook among institutions.
OVERVIEW = "overview"
# A notebook that succeeded, but with other inputs than the current ones.
OUT_OF_DATE = "out of date"


def round_status(setup: RoundSetup) -> list[dict[str, str]]:
    """One row per institution: which tables are written, and which pages are made.

    Returns
    -------
    list of dict: institution_id, one entry per table ("yes" or ""), pages ("8 of 10"), last_run (what did not go
    through, and pages that are stale for it), next (the command that goes on). No table: this loads no pandas.
    """
    entries = _entries(setup)
    stale = {step.key for step in stale_steps(setup, entries)}
    store = Store(setup.workspace.data / setup.round.round_id)
    by_institution: dict[str, list[Entry]] = defaultdict(list)
    for key, entry in sorted(entries.items()):
        by_institution[key[1]].append(entry)
    rows = []
    for institution_id in setup.institution_ids:
        folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
        pages = [k.page.format(language=lang) for k in INSTITUTION_NOTEBOOKS for lang in setup.round.languages]
        made = sum((folder / page).exists() for page in pages)
        tables = {table: "yes" if store.has(table, institution_id) else "" for table in WRITTEN_BY}
        missing = next((WRITTEN_BY[table] for table, there in tables.items() if not there), "")
        next_step = "spi run" if missing.startswith("spi run") or (not missing and made < len(pages)) else missing
        last_run = _last_run(by_institution[institution_id], stale)
        next_step = next_step or _next(last_run)
        counts = {"pages": f"{made} of {len(pages)}", "last_run": last_run, "next": next_step}
        rows.append({"institution_id": institution_id, **tables, **counts})
    return rows


def _entries(setup: RoundSetup) -> dict[Key, Entry]:
    """The entries of the ledger; steps of a run that was killed or had no disk space count as interrupted."""
    entries, going = read_entries(setup), is_running(setup)
    return {
        key: replace(entry, state="interrupted") if entry.state == "running" and not going else entry
        for key, entry in entries.items()
    }


def _next(last_run: str) -> str:
    """The command that goes on, where all tables and pages are there."""
    if last_run in ("", "done"):
        return ""
    return "spi run" if all(mark.endswith(OUT_OF_DATE) for mark in last_run.split("; ")) else "spi run --only-failed"


def _last_run(own: Sequence[Entry], stale: set[Key]) -> str:
    """ "done", or the notebooks in every other state: "10, 20 out of date; 40 failed (stale)"."""
    marks: dict[str, list[str]] = {}
    for entry in own:
        if entry.state != "done" or entry.key in stale:
            state = OUT_OF_DATE if entry.state == "done" else _state(entry, stale)
            marks.setdefault(state, []).append(entry.number)
    in_words = [f"{', '.join(numbers)} {state}" for state, numbers in marks.items()]
    return "; ".join(in_words) if marks else "done" if own else ""


def _state(entry: Entry, stale: set[Key]) -> str:
    return f"{entry.state} (stale)" if entry.key in stale else entry.state


def why_table(setup: RoundSetup, whose: str) -> pd.DataFrame:
    """Every notebook of an institution ("overview": the national one) and why it is, or is not, up to date.

    Returns
    -------
    DataFrame: notebook, state (of the last attempt), made (when its outputs were), what (to be done, and why).
    """
    if whose not in (OVERVIEW, *setup.institution_ids):
        names = [OVERVIEW, *setup.institution_ids]
        raise ParameterError("there is no such institution in this round", got=whose, hint=nearest(whose, names))
    codes = [] if whose == OVERVIEW else [whose]
    entries = read_entries(setup)
    steps = [step for step in plan_steps(codes) if bool(step.institution_id) == bool(codes)]
    return pd.DataFrame(
        {
            "notebook": step.notebook.name,
            "state": entries[step.key].state if step.key in entries else "",
            "made": entries[step.key].made[:19] if step.key in entries else "",
            "what": staleness(setup, step, entries).in_words,
        }
        for step in steps
    )


def plan_table(setup: RoundSetup, selection: Selection, force: bool = False) -> pd.DataFrame:
    """What a run of this selection would do now: institution_id, notebook, what.

    A notebook that builds on one that is to be run is named too; whether it has to run is decided then.
    """
    entries, pending, rows = read_entries(setup), set[Key](), []
    for step in selected_steps(setup, selection):
        found = Staleness(("asked for",)) if force else staleness(setup, step, entries)
        before = sorted({number for number, _ in (key for key in step.after if key in pending)})
        if not found.is_up_to_date or before:
            pending.add(step.key)
        what = (
            f"after {', '.join(before)}: run if anything changes" if found.is_up_to_date and before else found.in_words
        )
        rows.append({"institution_id": step.institution_id or OVERVIEW, "notebook": step.notebook.name, "what": what})
    return pd.DataFrame(rows, columns=["institution_id", "notebook", "what"])


def ledger_facts(setup: RoundSetup) -> dict[str, Any]:
    """All that the ledger has, for programs: round_id, running, the last run, counts of states, steps."""
    entries = _entries(setup)
    stale = {step.key for step in stale_steps(setup, entries)}
    runs = read_runs(setup)
    return {
        "round_id": setup.round.round_id,
        "running": is_running(setup),
        "last_run": runs[-1] if runs else None,
        "states": _states(entries),
        "steps": [asdict(entry) | {"stale": key in stale} for key, entry in sorted(entries.items())],
    }


def run_line(setup: RoundSetup) -> str:
    """One line about the run that is going on."""
    entries, runs = read_entries(setup), read_runs(setup)
    going = [f"{entry.institution_id or OVERVIEW} {entry.number}" for entry in entries.values()
             if entry.state == "running"]  # fmt: skip
    planned = runs[-1]["planned"] if runs else 0
    ended = sum(bool(runs) and entry.run == runs[-1]["run"] and entry.state != "running" for entry in entries.values())
    return f"{ended} of {planned} notebooks ended; running: {', '.join(sorted(going)) or 'none'}"


def _states(entries: Mapping[Key, Entry]) -> dict[str, int]:
    return dict(Counter(entry.state for entry in entries.values()).most_common())


def origin(setup: RoundSetup) -> str:
    """What the round's data are: the demo's, real, or not there yet."""
    national = national_mark(setup.workspace)
    if national:
        return f"generated national round (seed {national['seed']}, scale {national['scale']})"
    seed = demo_seed(setup.workspace)
    if seed is not None:
        return f"generated data of the demo (seed {seed})" + ("" if demo_is_whole(setup.workspace) else ", incomplete")
    return "no data yet" if not (setup.workspace.data / setup.round.round_id).exists() else "a round that is no demo"
