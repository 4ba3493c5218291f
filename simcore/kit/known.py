"""What is known to give another value in another run, by the names that it is called by: tables only."""

from __future__ import annotations

from typing import Final

ADDRESS, CLOCK, LISTING, CHANCE, NUMBER, OUTSIDE = "address", "clock", "listing", "chance", "number", "outside"

TYPED: Final = "what is typed is not in the trace"

FIXES: Final = {
    ADDRESS: "use a list or dict, or sort by a name; print a name or number instead of the object",
    CLOCK: "leave it out of the output and of decisions; let a parameter say how long",
    LISTING: "sort it: sorted(...)",
    CHANCE: "seed a generator of its own: random.Random(seed), with seed as a parameter",
    NUMBER: "leave it out of what is written; the names of threads and processes stay",
    OUTSIDE: "make it a parameter, or write the input into the pattern",
}

CALLS: Final = {
    "id": (ADDRESS, "id() is an address"),
    "object.__repr__": (ADDRESS, "its text has an address"),
    **{f"time.{name}": (CLOCK, f"time.{name} reads the clock") for name in (
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns"),
        *("thread_time", "thread_time_ns", "localtime", "gmtime", "ctime", "strftime", "asctime", "clock_gettime"),
    )},
    **{f"datetime.{name}": (CLOCK, f"datetime.{name} reads the clock") for name in ("now", "utcnow", "today")},
    "date.today": (CLOCK, "date.today reads the clock"),
    "getmtime": (CLOCK, "a file's time is of the wall clock"),
    "os.listdir": (LISTING, "os.listdir gives the names in no particular order"),
    "os.scandir": (LISTING, "os.scandir gives the entries in no particular order"),
    "os.walk": (LISTING, "os.walk gives the names in no particular order"),
    "glob.glob": (LISTING, "glob gives the names in no particular order"),
    "glob.iglob": (LISTING, "glob gives the names in no particular order"),
    "uuid.uuid1": (CHANCE, "uuid1 is made of the clock and the network card"),
    "uuid.uuid4": (CHANCE, "uuid4 is drawn by chance"),
    "os.urandom": (CHANCE, "os.urandom is chance"),
    **{f"random.{name}": (CHANCE, f"random.{name} is drawn from a generator that nobody seeded") for name in (
        *("random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "gauss", "getrandbits"),
        *("Random", "SystemRandom"),
    )},
    **{f"secrets.{name}": (CHANCE, "secrets draws by chance") for name in (
        *("token_hex", "token_bytes", "token_urlsafe", "randbelow", "choice", "randbits"),
    )},
    "os.getpid": (NUMBER, "a pid is another one in each run"),
    "os.getppid": (NUMBER, "a pid is another one in each run"),
    "get_ident": (NUMBER, "a thread's ident is another one in each run"),
    "get_native_id": (NUMBER, "a thread's id is another one in each run"),
    "open": (OUTSIDE, "a file is read again in replay, as it is by then"),
    "read_text": (OUTSIDE, "a file is read again in replay, as it is by then"),
    "read_bytes": (OUTSIDE, "a file is read again in replay, as it is by then"),
    "os.path.exists": (OUTSIDE, "a file is looked for again in replay"),
    "input": (OUTSIDE, TYPED),
    "os.getenv": (OUTSIDE, "the environment is another one elsewhere"),
    "os.getcwd": (OUTSIDE, "the folder is another one elsewhere"),
    "socket.socket": (OUTSIDE, "what a socket brings is not in the trace"),
    "socket.create_connection": (OUTSIDE, "what a socket brings is not in the trace"),
    "urlopen": (OUTSIDE, "what a socket brings is not in the trace"),
}  # fmt: skip

METHODS: Final = {
    "iterdir": (LISTING, "iterdir gives the entries in no particular order"),
    "rglob": (LISTING, "rglob gives the entries in no particular order"),
    "glob": (LISTING, "glob gives the entries in no particular order"),
    "st_mtime": (CLOCK, "a file's time is of the wall clock"),
    "st_mtime_ns": (CLOCK, "a file's time is of the wall clock"),
}

IN_THE_TRACE: Final = frozenset({"a pid is another one in each run"})
"""What a replay has from its trace: where it differs, something else is the reason."""

NAMES: Final = {
    "os.environ": (OUTSIDE, "the environment is another one elsewhere"),
    "sys.stdin": (OUTSIDE, TYPED),
}

INDIFFERENT: Final = frozenset({"sorted", "len", "set", "frozenset", "sum", "min", "max", "any", "all", "Counter"})
"""Calls whose result does not depend on the order of what they are given."""

FILLS: Final = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "put", "setdefault", "sort"})
"""Methods that put something into what a name stands for, or put it in order."""
