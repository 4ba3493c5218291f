"""Players who wait at a barrier until a game is full, and those for whom no game is left."""

import threading
import time

from simcore.api import pattern


def play(lobby: threading.Barrier, timeout_s: float, ends: list[str]) -> None:
    """Wait for a full game; thrown out by a reset, try once more with a timeout."""
    try:
        lobby.wait()
        ends.append("played")
    except threading.BrokenBarrierError:
        try:
            lobby.wait(timeout_s)
        except threading.BrokenBarrierError:
            ends.append("left over")
            print(f"{threading.current_thread().name} found no game\n", end="")


@pattern(section="1-6-7", title="players join a game in groups; some are left over", title_ja="バリア（Barrier）制御")
def barrier(players: int = 10, seats: int = 4, timeout_s: float = 0.02, witness: str = "") -> None:
    """Ten players, four seats a game: a Barrier lets them through in fours, and two are left over.

    Look at the last player of each group: he runs the action that starts the game, and only then do all four go on. `reset`
    throws the two who still wait out with BrokenBarrierError; they try again with a timeout, which breaks the barrier for both;
    after `abort`, which ends no thread, nobody gets in. Without these three they would wait for ever. `witness` names a file that
    lists the games.
    """
    games, left = divmod(players, seats)
    started = threading.Semaphore(0)

    def start_game() -> None:
        print(f"{threading.current_thread().name} completes a game of {seats}\n", end="")
        if witness:
            with open(witness, "a") as file:
                print(threading.current_thread().name, file=file)
        started.release()

    lobby = threading.Barrier(seats, action=start_game)
    ends: list[str] = []
    threads = [threading.Thread(target=play, args=(lobby, timeout_s, ends), name=f"player-{n + 1}") for n in range(players)]
    for thread in threads:
        thread.start()
    for _ in range(games):
        started.acquire()
    while lobby.n_waiting < left:
        time.sleep(0.001)
    lobby.reset()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["left over"] * left + ["played"] * (games * seats), f"the players ended as {ends}"
    assert lobby.broken == (left > 0), "only the timeout breaks the barrier"
    lobby.abort()
    try:
        lobby.wait()
        raise AssertionError("an aborted barrier let someone in")
    except threading.BrokenBarrierError:
        print(f"{games} games, {left} players left over, and the lobby is closed")
