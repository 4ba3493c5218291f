"""The untouched originals, taken before anything is replaced. A leaf: imports nothing of simcore."""

import _queue
import _random
import _thread
import gc
import os
import signal
import time

allocate_lock = _thread.allocate_lock
RLock = _thread.RLock
SimpleQueue = _queue.SimpleQueue
get_ident = _thread.get_ident
get_native_id = _thread.get_native_id
local = _thread._local
random = _random.Random

monotonic = time.monotonic
monotonic_ns = time.monotonic_ns
sleep = time.sleep
getpid = os.getpid
getppid = os.getppid
kill = os.kill
fork = os.fork
waitpid = os.waitpid
exit_now = os._exit
urandom = os.urandom
write = os.write
pwrite = os.pwrite
collect = gc.collect
signal_signal = signal.signal
signal_getsignal = signal.getsignal
signal_set_wakeup_fd = signal.set_wakeup_fd
