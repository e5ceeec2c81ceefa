# The face of this package: each name and the module that defines it; loaded on first use.
from .city import (
    SyntheticCity as SyntheticCity,
)
from .city import (
    clean_frame as clean_frame,
)
from .city import (
    generated_last_round as generated_last_round,
)
from .city import (
    make_city as make_city,
)
from .country import (
    example_inputs as example_inputs,
)
from .country import (
    example_institutions as example_institutions,
)
from .country import (
    generated_peers as generated_peers,
)
from .country import (
    generated_tracker as generated_tracker,
)
from .country import (
    scaled as scaled,
)
from .designs import (
    Trials as Trials,
)
from .designs import (
    own_rate as own_rate,
)
from .designs import (
    simulate_designs as simulate_designs,
)
from .fieldwork import (
    simulate_fieldwork as simulate_fieldwork,
)
from .lists import (
    LABEL as LABEL,
)
from .lists import (
    received_lists as received_lists,
)
from .profiles import (
    profile_of as profile_of,
)
from .randomness import (
    Streams as Streams,
)
from .residents import (
    draw_sizes as draw_sizes,
)
from .simulated_rounds import (
    ANSWERS as ANSWERS,
)
from .simulated_rounds import (
    CELL_COLUMNS as CELL_COLUMNS,
)
from .simulated_rounds import (
    CENSUS as CENSUS,
)
from .simulated_rounds import (
    GRID as GRID,
)
from .simulated_rounds import (
    OWN as OWN,
)
from .simulated_rounds import (
    SimulatedLists as SimulatedLists,
)
from .simulated_rounds import (
    compare_weightings as compare_weightings,
)
from .simulated_rounds import (
    rate_of as rate_of,
)
from .simulated_rounds import (
    simulate_cell as simulate_cell,
)
from .simulated_rounds import (
    simulate_conduct as simulate_conduct,
)
from .simulated_rounds import (
    simulate_institution as simulate_institution,
)
from .vendor import (
    vendor_files as vendor_files,
)
from .worlds import (
    ADDITIVE as ADDITIVE,
)
from .worlds import (
    WORLDS as WORLDS,
)
from .worlds import (
    World as World,
)
from .worlds import (
    world_named as world_named,
)
