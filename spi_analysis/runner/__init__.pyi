# The face of this package: each name and the module that defines it; loaded on first use.
from .fingerprint import (
    Staleness as Staleness,
)
from .fingerprint import (
    inputs_digest as inputs_digest,
)
from .fingerprint import (
    is_done as is_done,
)
from .fingerprint import (
    keep_done as keep_done,
)
from .fingerprint import (
    page_paths as page_paths,
)
from .fingerprint import (
    staleness as staleness,
)
from .lab import (
    lab_command as lab_command,
)
from .lab import (
    lab_environment as lab_environment,
)
from .ledger import (
    Entry as Entry,
)
from .ledger import (
    Key as Key,
)
from .ledger import (
    Selection as Selection,
)
from .ledger import (
    batch_folder as batch_folder,
)
from .ledger import (
    is_running as is_running,
)
from .ledger import (
    one_run as one_run,
)
from .ledger import (
    read_entries as read_entries,
)
from .ledger import (
    read_shard as read_shard,
)
from .plan import (
    INSTITUTION_NOTEBOOKS as INSTITUTION_NOTEBOOKS,
)
from .plan import (
    MOST_PRINTED as MOST_PRINTED,
)
from .plan import (
    NATIONAL_NOTEBOOKS as NATIONAL_NOTEBOOKS,
)
from .plan import (
    WEIGHTS as WEIGHTS,
)
from .plan import (
    EngineName as EngineName,
)
from .plan import (
    Limits as Limits,
)
from .plan import (
    Outcome as Outcome,
)
from .plan import (
    Step as Step,
)
from .plan import (
    design_simulator_step as design_simulator_step,
)
from .plan import (
    failed as failed,
)
from .plan import (
    method_checks_step as method_checks_step,
)
from .plan import (
    national_fieldwork_step as national_fieldwork_step,
)
from .plan import (
    plan_steps as plan_steps,
)
from .plan import (
    step_of as step_of,
)
from .pool import (
    GRACE as GRACE,
)
from .pool import (
    OpenRunner as OpenRunner,
)
from .pool import (
    Pool as Pool,
)
from .pool import (
    WarmParent as WarmParent,
)
from .pool import (
    run_steps as run_steps,
)
from .rerender import (
    render_pages as render_pages,
)
from .run import (
    run_selection as run_selection,
)
from .status import (
    ledger_facts as ledger_facts,
)
from .status import (
    origin as origin,
)
from .status import (
    plan_table as plan_table,
)
from .status import (
    round_status as round_status,
)
from .status import (
    run_line as run_line,
)
from .status import (
    why_table as why_table,
)
