"""Aligning two sequences of numbers, and measuring how far one is out of order.

`align` is Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations", Algorithmica 1986). Its effort is bounded:
sequences that differ too much for it are cut at anchors as in patience diff (numbers that occur once in each) and searched
piece by piece, and what lies past the budget is paired place by place.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from math import isqrt
from typing import NamedTuple

_DEAD = -(1 << 60)
_ITEM = array("I").itemsize


class Block(NamedTuple):
    """A run of `length` equal numbers, at `a` in the first sequence and at `b` in the second."""

    a: int
    b: int
    length: int


class Budget:
    """How many steps of search are left to an alignment. A million take about a second."""

    def __init__(self, steps: int) -> None:
        self.steps = steps


class _Pair:
    """The two sequences, as arrays for looking at one number and as bytes for comparing runs at the speed of memcmp."""

    def __init__(self, a: array[int], b: array[int]) -> None:
        self.a, self.b = a, b
        self.raw_a, self.raw_b = a.tobytes(), b.tobytes()

    def run(self, x: int, y: int, limit: int) -> int:
        """How many numbers are equal from a[x] and b[y] on, at most `limit`."""
        a, b = self.raw_a, self.raw_b
        done, stride = 0, 8
        while done < limit:
            stride = min(stride, limit - done)
            i, j, size = (x + done) * _ITEM, (y + done) * _ITEM, stride * _ITEM
            if a[i : i + size] == b[j : j + size]:
                done += stride
                stride *= 4
            elif stride == 1:
                break
            else:
                stride = max(stride // 8, 1)
                limit = min(limit, done + stride * 8 + 7)
        return done

    def run_back(self, x: int, y: int, limit: int) -> int:
        """How many numbers are equal before a[x] and b[y], at most `limit`."""
        a, b = self.raw_a, self.raw_b
        done, stride = 0, 8
        while done < limit:
            stride = min(stride, limit - done)
            i, j, size = (x - done) * _ITEM, (y - done) * _ITEM, stride * _ITEM
            if a[i - size : i] == b[j - size : j]:
                done += stride
                stride *= 4
            elif stride == 1:
                break
            else:
                stride = max(stride // 8, 1)
        return done


def align(a: array[int], b: array[int], budget: Budget) -> tuple[list[Block], bool]:
    """The equal runs of two sequences in order, and whether the budget sufficed to find the most that can be equal."""
    pair = _Pair(a, b)
    head = pair.run(0, 0, min(len(a), len(b)))
    tail = pair.run_back(len(a), len(b), min(len(a), len(b)) - head)
    end_a, end_b = len(a) - tail, len(b) - tail
    blocks = [Block(0, 0, head)]
    exact = True
    if head < end_a and head < end_b:
        found: list[Block] = []
        exact = _reach(pair, head, head, end_a, end_b, found, budget) == (end_a, end_b)
        blocks += found if exact else _pieces(pair, head, end_a, end_b, budget)
    blocks.append(Block(end_a, end_b, tail))
    return _joined(blocks), exact


def _joined(blocks: list[Block]) -> list[Block]:
    """The blocks without empty ones, neighbours made one."""
    result: list[Block] = []
    for block in blocks:
        if not block.length:
            continue
        last = result[-1] if result else None
        if last and last.a + last.length == block.a and last.b + last.length == block.b:
            result[-1] = Block(last.a, last.b, last.length + block.length)
        else:
            result.append(block)
    return result


def _pieces(pair: _Pair, start: int, end_a: int, end_b: int, budget: Budget) -> list[Block]:
    """Equal runs of sequences that are too different to be searched as a whole."""
    blocks: list[Block] = []
    x, y = start, start
    for next_x, next_y in [*_anchors(pair.a, pair.b, start, end_a, end_b), (end_a, end_b)]:
        while x < next_x and y < next_y:
            if budget.steps > 0:
                x, y = _reach(pair, x, y, next_x, next_y, blocks, budget)
            else:
                _place_by_place(pair, x, y, min(next_x - x, next_y - y), blocks)
                break
        x, y = next_x, next_y
    return blocks


def _anchors(a: array[int], b: array[int], start: int, end_a: int, end_b: int) -> list[tuple[int, int]]:
    """Places that surely belong together: numbers that occur once in each middle part, as far as their order agrees."""
    count_a, count_b = Counter(islice(a, start, end_a)), Counter(islice(b, start, end_b))
    place_b = {number: y for y, number in enumerate(islice(b, start, end_b), start) if count_b[number] == 1}
    both = [(x, place_b[n]) for x, n in enumerate(islice(a, start, end_a), start) if count_a[n] == 1 and n in place_b]
    return [both[index] for index in increasing([y for _, y in both])]


def _place_by_place(pair: _Pair, x: int, y: int, length: int, blocks: list[Block]) -> None:
    """Append the runs that are equal where both sequences stand as they are."""
    done = 0
    while done < length:
        run = 0
        if pair.a[x + done] == pair.b[y + done]:
            run = pair.run(x + done, y + done, length - done)
            blocks.append(Block(x + done, y + done, run))
        done += run + 1


def _reach(pair: _Pair, x0: int, y0: int, x1: int, y1: int, blocks: list[Block], budget: Budget) -> tuple[int, int]:
    """One search from (x0, y0): to the end, or as far as this part of the budget goes.

    Appends the equal runs that it found. Returns: where it stopped.
    """
    a, b, run = pair.a, pair.b, pair.run
    n, m = x1 - x0, y1 - y0
    most = max(16, isqrt(budget.steps))
    base = most + 2
    reach = [_DEAD] * (2 * base + 1)
    reach[base + 1] = 0
    trail: list[list[int]] = []
    best = (0, 0, 0)  # x + y, edits, diagonal
    steps = 0
    for edits in range(most + 1):
        low, high = -(edits - 2 * max(0, edits - m)), edits - 2 * max(0, edits - n)
        for k in range(low, high + 1, 2):
            down, right = reach[base + k + 1], reach[base + k - 1] + 1
            if down - k > m:
                down = _DEAD
            if right > n:
                right = _DEAD
            x = right if right > down else down  # no call of max() on the hottest line
            if x < 0:
                reach[base + k] = _DEAD
                continue
            y = x - k
            if x < n and y < m and a[x0 + x] == b[y0 + y]:
                length = run(x0 + x, y0 + y, min(n - x, m - y))
                x += length
                steps += length >> 8
            reach[base + k] = x
            if x + x - k > best[0]:
                best = (x + x - k, edits, k)
        trail.append(reach[base - edits - 1 : base + edits + 2])
        steps += 1 + (high - low) // 2
        if best[0] == n + m:
            break
    budget.steps -= steps
    _, edits, k = best
    x = trail[edits][edits + 1 + k]
    stopped = (x0 + x, x0 + x - k - x0 + y0)
    found: list[Block] = []
    while edits:
        before = trail[edits - 1]
        # The row before has its diagonal j at index j + edits; both neighbours were judged as above.
        down = before[k + 1 + edits] if k + 1 <= edits - 1 else _DEAD
        right = before[k - 1 + edits] + 1 if k - 1 >= -(edits - 1) else _DEAD
        if down - k > m:
            down = _DEAD
        if right > n:
            right = _DEAD
        start = max(down, right)
        found.append(Block(x0 + start, y0 + start - k, x - start))
        if down >= right:
            k, x = k + 1, down
        else:
            k, x = k - 1, right - 1
        edits -= 1
    found.append(Block(x0, y0, x))
    blocks.extend(reversed(found))
    return stopped


def increasing(numbers: Sequence[int]) -> list[int]:
    """Indexes of a longest strictly increasing subsequence (patience sorting: Aldous and Diaconis, Bull. AMS 1999)."""
    tops: list[int] = []
    top_index: list[int] = []
    before = [-1] * len(numbers)
    for index, number in enumerate(numbers):
        pile = bisect_left(tops, number) if tops and number <= tops[-1] else len(tops)
        if pile:
            before[index] = top_index[pile - 1]
        if pile == len(tops):
            tops.append(number)
            top_index.append(index)
        else:
            tops[pile], top_index[pile] = number, index
    result = []
    index = top_index[-1] if top_index else -1
    while index >= 0:
        result.append(index)
        index = before[index]
    return result[::-1]


def out_of_place(numbers: Sequence[int]) -> int:
    """The fewest numbers that would have to move for the sequence to increase."""
    tops: list[int] = []
    last = _DEAD
    for number in numbers:
        if number > last:
            tops.append(number)
            last = number
        else:
            tops[bisect_left(tops, number)] = number
            last = tops[-1]
    return len(numbers) - len(tops)
