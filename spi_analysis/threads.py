"""How a process is kept to one thread: to be set before numpy is loaded."""

# Threads of the linear algebra libraries, which get in each other's way where several processes run.
SINGLE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
