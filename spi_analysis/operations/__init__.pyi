# The face of this package: each name and the module that defines it; loaded on first use.
from .coverage import (
    save_designs as save_designs,
)
from .coverage import (
    save_simulation as save_simulation,
)
from .coverage import (
    simulate_conducts as simulate_conducts,
)
from .coverage import (
    simulate_means as simulate_means,
)
from .coverage import (
    simulate_rounds as simulate_rounds,
)
from .demo import (
    make_demo_round as make_demo_round,
)
from .demo import (
    pack_workspace as pack_workspace,
)
from .many import (
    Imported as Imported,
)
from .many import (
    RoundContext as RoundContext,
)
from .many import (
    announce_all as announce_all,
)
from .many import (
    by_institution as by_institution,
)
from .many import (
    count_progress as count_progress,
)
from .many import (
    draw_all as draw_all,
)
from .many import (
    import_lists as import_lists,
)
from .many import (
    import_logs as import_logs,
)
from .many import (
    problems_of as problems_of,
)
from .many import (
    weight_all as weight_all,
)
from .national import (
    Recipe as Recipe,
)
from .national import (
    make_national_round as make_national_round,
)
from .publication import (
    publish as publish,
)
from .workspaces import (
    NewRound as NewRound,
)
from .workspaces import (
    make_workspace as make_workspace,
)
from .workspaces import (
    new_round as new_round,
)
