"""Small programs, one for each of the twenty differences between start methods; each is without any other that matters much."""

HEAD = """
import multiprocessing as mp

"""

MAIN = """
def start(target, *args, n=2):
    children = [mp.Process(target=target, args=args) for _ in range(n)]
    for child in children:
        child.start()
    for child in children:
        child.join()


if __name__ == "__main__":
"""

PLAIN = """
import multiprocessing as mp
import random

LIMIT = 10


def work(number, lock, done):
    with lock:
        done.value += number % LIMIT
    random.random()


def square(number):
    return number * number


if __name__ == "__main__":
    lock, done = mp.Lock(), mp.Value("i", 0, lock=False)
    children = [mp.Process(target=work, args=(number, lock, done)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    reader, writer = mp.Pipe()
    with mp.Pool(2) as pool:
        print(sum(pool.map(square, range(4))), done.value)
"""


def _program(top: str, main: str) -> str:
    return HEAD + top.strip("\n") + "\n\n" + MAIN + "".join(f"    {line}\n" for line in main.strip("\n").splitlines())


PROGRAMS = {
    1: _program("", "local = lambda: None\nstart(local)"),
    2: _program("import threading\ndef work(lock): pass", "start(work, threading.Lock())"),
    3: HEAD + "def work(): pass\nchild = mp.Process(target=work)\nchild.start()\nchild.join()\n",
    4: _program("print('loading the model')\ndef work(): pass", "start(work)"),
    5: _program("CONFIG = {'quality': 50}\ndef work(): return CONFIG['quality']", "CONFIG['quality'] = 90\nstart(work)"),
    6: _program(
        """
import codecs, time
from unittest import mock
def work(): return time.strftime("%Y")
""",
        """
codecs.register(lambda name: None)
with mock.patch("time.strftime", lambda *_: "patched"):
    start(work)
""",
    ),
    7: _program("import random\nRNG = random.Random()\ndef work(): return RNG.random()", "RNG.seed(42)\nstart(work, n=3)"),
    8: _program(
        """
import threading
GATE = threading.Lock()
def hold(held, over):
    with GATE:
        held.set()
        over.wait()
def work(): return GATE.acquire(timeout=0.05)
""",
        """
held, over = threading.Event(), threading.Event()
thread = threading.Thread(target=hold, args=(held, over), name="holder")
thread.start()
held.wait()
start(work)
over.set()
thread.join()
""",
    ),
    9: _program(
        """
import queue, threading
JOBS = queue.Queue()
def serve():
    while JOBS.get() is not None: pass
def work(): JOBS.put(1)
""",
        """
thread = threading.Thread(target=serve, name="flusher")
thread.start()
start(work)
JOBS.put(None)
thread.join()
""",
    ),
    10: _program(
        """
FILE = None
def work():
    if FILE: FILE.flush()
""",
        """
FILE = open("notes.txt", "w")
FILE.write("header")
start(work)
FILE.close()
""",
    ),
    11: _program(
        "import socket\ndef work(): pass",
        """
server = socket.create_server(("127.0.0.1", 0))
files = [open(__file__) for _ in range(5)]
start(work)
server.close()
for file in files: file.close()
""",
    ),
    12: _program(
        """
import socket
LINE = None
def work():
    if LINE: LINE.send(b"x")
""",
        """
LINE, other = socket.socketpair()
start(work)
LINE.close()
other.close()
""",
    ),
    13: _program("import atexit\ndef bye(): pass\ndef work(): atexit.register(bye)", "start(work)"),
    14: _program("import signal\ndef on_user(*_): pass\ndef work(): pass", "signal.signal(signal.SIGUSR1, on_user)\nstart(work)"),
    15: _program(
        "import logging, sys\ndef work(): logging.getLogger('work').info('hello')",
        "logging.basicConfig(level=logging.INFO)\nsys.setrecursionlimit(5000)\nstart(work)",
    ),
    16: _program(
        "import os\ndef work(): return os.environ.get('LATE_SETTING')",
        "start(work, n=1)\nos.environ['LATE_SETTING'] = 'hush-hush'\nos.umask(0o77)\nstart(work, n=1)",
    ),
    17: _program(
        """
import contextvars, decimal, threading
REQUEST = contextvars.ContextVar("REQUEST", default=0)
LOCAL = threading.local()
def work(): return REQUEST.get(), decimal.getcontext().prec, getattr(LOCAL, "user", None)
""",
        """
REQUEST.set(7)
LOCAL.user = 1
decimal.getcontext().prec = 5
start(work)
""",
    ),
    18: _program("def work(lock): pass", "start(work, mp.get_context('fork').Lock())"),
    19: _program("def work(): pass", "start(work)"),
    20: _program("import os\ndef work(): return os.getppid()", "start(work)"),
}
"""By the number of the row. That of row 19 is run as `python -c`."""
