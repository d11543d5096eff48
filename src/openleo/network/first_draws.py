"""The first number of very many generators, without making them.

Failures ask a generator of its own for every satellite, and of each for one number alone. Making a thousand of them
takes longer than all else of reading a scenario, so what NumPy does there is done here for all of them at once: its
SeedSequence mixes a seed with the words of a name, PCG64 begins with what comes of it, and gives one number. NumPy
promises that neither changes (NEP 19), and the tests hold that both give the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

POOL = 4  # words that a SeedSequence mixes into
INIT_A, MULT_A = 0x43B0D7E5, 0x931E8875
INIT_B, MULT_B = 0x8B51F9DD, 0x58F38DED
MIX_LEFT, MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
SHIFT = np.uint32(16)
WORD = 1 << 32

PCG_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645  # O'Neill 2014, of 128 bits
BITS_64, BITS_128 = (1 << 64) - 1, (1 << 128) - 1


def first_random(seed: int, keys: Words) -> NDArray[np.float64]:
    """What `default_rng(SeedSequence(seed, spawn_key=key)).random()` is for each key; keys: axes (generator, word).

    >>> first_random(7, np.array([[1, 2], [3, 4]], np.uint32)).round(6).tolist()
    [0.478895, 0.533318]
    """
    state = _state(_pool(seed, np.ascontiguousarray(keys.T)))
    return np.array([_first(*words) for words in zip(*(row.tolist() for row in state), strict=True)])


def _pool(seed: int, keys: Words) -> list[Words]:
    """A pool for each key: the seed's own words, made up to as many as a pool has, and then the key's, mixed."""
    count = max(POOL, -(-seed.bit_length() // 32))
    own = [np.full(keys.shape[1], seed >> (32 * k) & (WORD - 1), np.uint32) for k in range(count)]
    constant = INIT_A

    def hashed(word: Words) -> Words:
        nonlocal constant
        word = word ^ np.uint32(constant)
        constant = constant * MULT_A % WORD
        word = word * np.uint32(constant)
        return word ^ (word >> SHIFT)

    pool = [hashed(word) for word in own[:POOL]]
    for source in range(POOL):
        for into in range(POOL):
            if source != into:
                pool[into] = _mixed(pool[into], hashed(pool[source]))
    for word in [*own[POOL:], *keys]:
        pool = [_mixed(one, hashed(word)) for one in pool]
    return pool


def _mixed(one: Words, other: Words) -> Words:
    both: Words = MIX_LEFT * one - MIX_RIGHT * other
    return both ^ (both >> SHIFT)


def _state(pool: list[Words]) -> list[NDArray[np.uint64]]:
    """The four words of 64 bits that a generator begins with."""
    constant, words = INIT_B, []
    for k in range(2 * POOL):
        word = pool[k % POOL] ^ np.uint32(constant)
        constant = constant * MULT_B % WORD
        word = word * np.uint32(constant)
        words.append((word ^ (word >> SHIFT)).astype(np.uint64))
    return [low | high << np.uint64(32) for low, high in zip(words[::2], words[1::2], strict=True)]


def _first(high: int, low: int, stream_high: int, stream_low: int) -> float:
    """PCG64 seeded, moved on once, and its output as a number in [0, 1)."""
    increment = ((stream_high << 64 | stream_low) << 1 | 1) & BITS_128
    state = (increment + (high << 64 | low)) * PCG_MULTIPLIER + increment
    state = (state * PCG_MULTIPLIER + increment) & BITS_128
    folded, turn = (state >> 64) ^ (state & BITS_64), state >> 122
    output = (folded >> turn | folded << (64 - turn)) & BITS_64
    return (output >> 11) / 2.0**53
