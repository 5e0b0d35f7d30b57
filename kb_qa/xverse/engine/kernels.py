"""Triton kernels for the steps that torch has no fast operator for.

A step of one text waits for the weights on their way from memory, so each
kernel reads its weights once, at the full width of the memory, and does on the
way what else there is to do: the norm before, the rotation, the activation or
the sum after. The order in which a product is summed does not depend on how
many rows there are, so that checking guesses gives the bits that plain
generation gives.

All run on any card since Ampere.
"""

# mypy: ignore-errors
# A kernel's parameters are addresses and numbers, which Triton takes without annotations.

import triton
import triton.language as tl

ADD, MIX, FEED, PLAIN = "add", "mix", "feed", "plain"
"""What a linear kernel does with its product: adds it to the outputs; turns it into queries, keys
and values; silu(gate) x up; nothing."""


def _unpacking(arithmetic, unit, one):
    """Four nibbles of each of two words as weights, in PTX.

    A nibble is first the last bits of a number whose unit they are, 128 + n in
    bfloat16 and 1024 + n in float16; adding the least value less that makes it
    a step, the step's size a weight.

    Source: E. Frantar et al., "Marlin", arXiv:2408.11743, for the first step.
    """
    lines = ["{ .reg .b32 words, n, one, nothing;", "mov.b32 words, $4;"]
    lines += [f"mov.b32 one, {one};", "mov.b32 nothing, 0x80008000;"]
    for plane in range(4):
        lines += [
            f"lop3.b32 n, words, 0x000F000F, {unit}, 0xEA;",
            f"fma.rn.{arithmetic} n, n, one, ${5 + plane};",
            f"fma.rn.{arithmetic} ${plane}, n, ${9 + plane}, nothing;",
            "shr.b32 words, words, 4;",
        ]
    return tl.constexpr(" ".join([*lines, "}"]))


BFLOAT16_UNPACKING = _unpacking("bf16x2", "0x43004300", "0x3F803F80")
FLOAT16_UNPACKING = _unpacking("f16x2", "0x64006400", "0x3C003C00")


@triton.jit
def step_of(scales, at, outputs_count, first, there, dtype: tl.constexpr):
    """The least value and the size of a step, of the group that an input is in."""
    both = tl.load(scales + at // 128 * outputs_count + first, mask=there, other=0)
    unit: tl.constexpr = 128.0 if dtype == tl.bfloat16 else 1024.0
    low = (both << 16).to(tl.float32, bitcast=True) - unit
    size = (both & -65536).to(tl.float32, bitcast=True)
    return low.to(dtype)[:, None], size.to(dtype)[:, None]


@triton.jit
def linear_kernel(
    inputs,
    squares,
    weight,
    scales,
    outputs,
    gain,
    next_inputs,
    next_squares,
    angles,
    positions,
    places,
    keys,
    values,
    parts,
    arrivals,
    rows,
    outputs_count,
    epsilon,
    angle_positions,
    INPUTS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_OUTPUTS: tl.constexpr,
    BLOCK_INPUTS: tl.constexpr,
    SPLITS: tl.constexpr,
    BITS: tl.constexpr,
    PARTS: tl.constexpr,
    NEXT_PARTS: tl.constexpr,
    ENDING: tl.constexpr,
    HEADS: tl.constexpr,
    CACHED_HEADS: tl.constexpr,
    HEAD_SIZE: tl.constexpr,
    BLOCK_TOKENS: tl.constexpr,
):
    """A linear layer of a few rows, (rows, INPUTS) to (rows, outputs).

    A norm is split: whoever makes the inputs multiplies them by its gain and
    leaves the squares of each part of a row in `squares`, (ROWS, PARTS); here
    the product is divided by their root.

    A program computes BLOCK_OUTPUTS outputs. Where they end in pairs (the two
    halves of a head, or gate and up) the first half of its rows of the weight
    holds the first of each pair, the second half the second.
    """
    program = tl.program_id(0)
    HALF: tl.constexpr = BLOCK_OUTPUTS // 2
    half_head: tl.constexpr = HEAD_SIZE // 2
    index = tl.arange(0, BLOCK_OUTPUTS)
    pair = program * HALF
    if ENDING == "add" or ENDING == "plain":
        first = program * BLOCK_OUTPUTS + index
    elif ENDING == "feed":
        first = pair + index % HALF + (index // HALF) * (outputs_count // 2)
    else:
        first = (pair // half_head) * HEAD_SIZE + pair % half_head
        first = first + index % HALF + (index // HALF) * half_head
    first = first.to(tl.int64)
    there = first < outputs_count
    row = tl.arange(0, ROWS)
    dtype = inputs.dtype.element_ty

    # What the end needs is on its way while the weights come.
    stored = row < rows
    spot = row[None, :] * outputs_count + first[:, None]
    mask = there[:, None] & stored[None, :]
    if PARTS > 0:
        part = tl.arange(0, PARTS)
        pieces = tl.load(
            squares + row[:, None] * PARTS + part[None, :], mask=stored[:, None], other=0
        )
    if BITS == 8:
        size = tl.load(scales + first, mask=there, other=0)
    if ENDING == "add":
        before = tl.load(outputs + spot, mask=mask, other=0)
        factor = tl.load(gain + first, mask=there, other=0)
    if ENDING == "mix":
        head = pair // half_head
        head_at = pair % half_head + tl.arange(0, HALF)
        place = tl.load(places + row, mask=stored, other=0).to(tl.int64)
        turned = head < HEADS + CACHED_HEADS
        turn = tl.load(positions + row, mask=stored, other=0)[None, :] * half_head
        turn += head_at[:, None]
        turning = turned & stored[None, :]
        cosine = tl.load(angles + turn, mask=turning, other=1.0)
        sine = tl.load(angles + angle_positions * half_head + turn, mask=turning, other=0.0)

    product = tl.zeros([BLOCK_OUTPUTS, ROWS], tl.float32)
    column = tl.arange(0, BLOCK_INPUTS)
    LENGTH: tl.constexpr = INPUTS // 4 if BITS == 4 else INPUTS
    share: tl.constexpr = tl.cdiv(tl.cdiv(LENGTH, BLOCK_INPUTS), SPLITS) * BLOCK_INPUTS
    begin = tl.program_id(1) * share
    end = tl.minimum(begin + share, LENGTH)
    if BITS == 4:
        for start in tl.range(begin, end, BLOCK_INPUTS):
            words = tl.load(
                weight + first[:, None] * LENGTH + (start + column)[None, :],
                mask=there[:, None],
                other=0,
            )
            low_0, size_0 = step_of(scales, start, outputs_count, first, there, dtype)
            low_1, size_1 = step_of(scales, LENGTH + start, outputs_count, first, there, dtype)
            low_2, size_2 = step_of(scales, 2 * LENGTH + start, outputs_count, first, there, dtype)
            low_3, size_3 = step_of(scales, 3 * LENGTH + start, outputs_count, first, there, dtype)
            planes = tl.inline_asm_elementwise(
                BFLOAT16_UNPACKING if dtype == tl.bfloat16 else FLOAT16_UNPACKING,
                "=r,=r,=r,=r,r,r,r,r,r,r,r,r,r",
                [words, low_0, low_1, low_2, low_3, size_0, size_1, size_2, size_3],
                dtype=(dtype, dtype, dtype, dtype),
                is_pure=True,
                pack=2,
            )
            for plane in tl.static_range(4):
                at = plane * LENGTH + start + column
                given = tl.load(
                    inputs + row[:, None] * INPUTS + at[None, :], mask=stored[:, None], other=0
                )
                product = tl.dot(planes[plane], tl.trans(given), product)
    else:
        for start in tl.range(begin, end, BLOCK_INPUTS):
            at = start + column
            inside = at < INPUTS
            read = tl.load(
                weight + first[:, None] * INPUTS + at[None, :],
                mask=there[:, None] & inside[None, :],
                other=0,
                eviction_policy="evict_first",
            )
            given = tl.load(
                inputs + row[:, None] * INPUTS + at[None, :],
                mask=stored[:, None] & inside[None, :],
                other=0,
            )
            product = tl.dot(read.to(dtype), tl.trans(given), product)
        if BITS == 8:
            product *= size[:, None]

    if SPLITS > 1:
        # The last program to come here joins the parts, always in the same order.
        whole = BLOCK_OUTPUTS * ROWS
        piece = tl.arange(0, BLOCK_OUTPUTS)[:, None] * ROWS + row[None, :]
        base = parts + program * SPLITS * whole + piece
        tl.store(base + tl.program_id(1) * whole, product)
        tl.debug_barrier()
        arrived = tl.atomic_add(arrivals + program, 1, sem="acq_rel", scope="gpu")
        if arrived < SPLITS - 1:
            return
        tl.debug_barrier()
        product = tl.zeros([BLOCK_OUTPUTS, ROWS], tl.float32)
        for each in tl.static_range(SPLITS):
            product += tl.load(base + each * whole, cache_modifier=".cg")
        tl.store(arrivals + program, 0)

    if PARTS > 0:
        product *= (1 / tl.sqrt(tl.sum(pieces, axis=1) / INPUTS + epsilon))[None, :]
    if ENDING == "add":
        result = (before.to(tl.float32) + product).to(dtype)
        tl.store(outputs + spot, result, mask=mask)
        exact = result.to(tl.float32)
        ready = exact * factor.to(tl.float32)[:, None]
        tl.store(next_inputs + spot, ready.to(dtype), mask=mask)
        sums = tl.sum(tl.where(mask, exact * exact, 0.0), axis=0)
        tl.store(next_squares + row * NEXT_PARTS + program, sums, mask=stored)
    elif ENDING == "plain":
        tl.store(outputs + spot, product.to(dtype), mask=mask)
    else:
        pairs = tl.reshape(product, (2, HALF, ROWS))
        one, other = tl.split(tl.permute(pairs, (1, 2, 0)))
        if ENDING == "feed":
            fed_at = pair + tl.arange(0, HALF)
            wide = outputs_count // 2
            fed = one / (1 + tl.exp(-one)) * other
            fed_spot = outputs + row[None, :] * wide + fed_at[:, None]
            tl.store(fed_spot, fed.to(dtype), mask=(fed_at[:, None] < wide) & stored[None, :])
        else:
            # Rounded before it is turned, as the reference does.
            one, other = one.to(dtype).to(tl.float32), other.to(dtype).to(tl.float32)
            left = (one * cosine - other * sine).to(dtype)
            right = (other * cosine + one * sine).to(dtype)
            if head < HEADS:
                to = outputs + (row[None, :] * HEADS + head) * HEAD_SIZE + head_at[:, None]
                tl.store(to, left, mask=stored[None, :])
                tl.store(to + half_head, right, mask=stored[None, :])
            else:
                block, offset = place // BLOCK_TOKENS, place % BLOCK_TOKENS
                cached = (head - HEADS) % CACHED_HEADS
                at_cache = (block * CACHED_HEADS + cached) * BLOCK_TOKENS + offset
                cache = keys if turned else values
                to_cache = cache + at_cache[None, :] * HEAD_SIZE + head_at[:, None]
                tl.store(to_cache, left, mask=stored[None, :])
                tl.store(to_cache + half_head, right, mask=stored[None, :])


@triton.jit
def attend_kernel(
    queries,
    keys,
    values,
    tables,
    starts,
    lengths,
    outputs,
    partial_sums,
    partial_scales,
    arrivals,
    scale,
    table_width,
    QUERIES: tl.constexpr,
    HEADS: tl.constexpr,
    CACHED_HEADS: tl.constexpr,
    HEAD_SIZE: tl.constexpr,
    BLOCK_TOKENS: tl.constexpr,
    SPAN: tl.constexpr,
    TILE: tl.constexpr,
    MOST_SPLITS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Attention of QUERIES rows of each sequence to all its tokens in the cache.

    Each program reads SPAN tokens of one head of the cache, TILE at a time;
    the last of a head to end joins the parts. The parts' size is fixed, so
    that a row's result does not depend on what else is computed.
    """
    split, cached, sequence = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    GROUP: tl.constexpr = HEADS // CACHED_HEADS
    REAL: tl.constexpr = QUERIES * GROUP
    # All these are on their way at once; which are of use is known when they are there.
    length = tl.load(lengths + sequence)
    start = tl.load(starts + sequence)
    TILES: tl.constexpr = SPAN // TILE
    tile = tl.arange(0, TILES)
    page = (split * SPAN + tile * TILE) // BLOCK_TOKENS
    blocks = tl.load(tables + sequence * table_width + page, mask=page < table_width, other=0)
    row = tl.arange(0, ROWS)
    query, within = row // GROUP, row % GROUP
    line = (sequence * QUERIES + query) * HEADS + cached * GROUP + within
    part = tl.arange(0, HEAD_SIZE)
    asked = tl.load(
        queries + line[:, None] * HEAD_SIZE + part[None, :], mask=row[:, None] < REAL, other=0
    )
    splits = tl.cdiv(length, SPAN)
    if split < splits:
        dtype = asked.dtype
        greatest = tl.full([ROWS], -float("inf"), tl.float32)
        mass = tl.zeros([ROWS], tl.float32)
        found = tl.zeros([ROWS, HEAD_SIZE], tl.float32)
        column = tl.arange(0, TILE)
        end = tl.minimum(length, (split + 1) * SPAN)
        for token in tl.range(split * SPAN, end, TILE):
            position = token + column
            there = position < length
            # A tile is within one block, so that one number says where it is.
            reached = (token - split * SPAN) // TILE
            block = tl.sum(tl.where(tile == reached, blocks, 0), axis=0).to(tl.int64)
            base = (
                (block * CACHED_HEADS + cached) * BLOCK_TOKENS + token % BLOCK_TOKENS
            ) * HEAD_SIZE
            spot = base + column[:, None] * HEAD_SIZE + part[None, :]
            key = tl.load(keys + spot, mask=there[:, None], other=0)
            value = tl.load(values + spot, mask=there[:, None], other=0)
            scores = tl.dot(asked, tl.trans(key)) * scale
            seen = (position[None, :] <= (start + query)[:, None]) & there[None, :]
            scores = tl.where(seen, scores, -float("inf"))
            higher = tl.maximum(greatest, tl.max(scores, axis=1))
            # A row that has seen nothing yet has no greatest score to take off.
            safe = tl.where(higher == -float("inf"), 0.0, higher)
            kept = tl.exp2(greatest - safe)
            weights = tl.exp2(scores - safe[:, None])
            mass = mass * kept + tl.sum(weights, axis=1)
            found = found * kept[:, None] + tl.dot(weights.to(dtype), value)
            greatest = higher
        real = row < REAL
        if splits == 1:
            result = found / tl.where(mass == 0, 1.0, mass)[:, None]
            whole = outputs + line[:, None] * HEAD_SIZE + part[None, :]
            tl.store(whole, result.to(dtype), mask=real[:, None])
        else:
            piece = line * MOST_SPLITS + split
            sums_at = partial_sums + piece[:, None] * HEAD_SIZE + part[None, :]
            tl.store(sums_at, found, mask=real[:, None])
            tl.store(partial_scales + piece * 2, greatest, mask=real)
            tl.store(partial_scales + piece * 2 + 1, mass, mask=real)
            tl.debug_barrier()
            counter = arrivals + sequence * CACHED_HEADS + cached
            arrived = tl.atomic_add(counter, 1, sem="acq_rel", scope="gpu")
            if arrived == splits - 1:
                tl.debug_barrier()
                one = tl.arange(0, MOST_SPLITS)
                for each in tl.static_range(REAL):
                    at = (
                        (sequence * QUERIES + each // GROUP) * HEADS + cached * GROUP + each % GROUP
                    )
                    spots = at * MOST_SPLITS + one
                    done = one < splits
                    tops = tl.load(
                        partial_scales + spots * 2,
                        mask=done,
                        other=-float("inf"),
                        cache_modifier=".cg",
                    )
                    masses = tl.load(
                        partial_scales + spots * 2 + 1, mask=done, other=0.0, cache_modifier=".cg"
                    )
                    sums = tl.load(
                        partial_sums + spots[:, None] * HEAD_SIZE + part[None, :],
                        mask=done[:, None],
                        other=0.0,
                        cache_modifier=".cg",
                    )
                    top = tl.max(tops, axis=0)
                    shares = tl.exp2(tops - top)
                    total = tl.sum(shares * masses, axis=0)
                    joined = tl.sum(shares[:, None] * sums, axis=0) / total
                    tl.store(outputs + at * HEAD_SIZE + part, joined.to(dtype))
                tl.store(counter, 0)


@triton.jit
def norm_kernel(
    hidden,
    gain,
    outputs,
    squares,
    epsilon,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
    PARTS: tl.constexpr,
):
    """Root mean square norm of each row; with PARTS, only its gain, and the squares aside."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < SIZE
    factor = tl.load(gain + column, mask=inside, other=0).to(tl.float32)
    given = tl.load(hidden + row * SIZE + column, mask=inside, other=0).to(tl.float32)
    total = tl.sum(given * given, axis=0)
    if PARTS > 0:
        part = tl.arange(0, PARTS)
        tl.store(squares + row * PARTS + part, tl.where(part == 0, total, 0.0))
        tl.store(outputs + row * SIZE + column, given * factor, mask=inside)
    else:
        size = 1 / tl.sqrt(total / SIZE + epsilon)
        tl.store(outputs + row * SIZE + column, given * size * factor, mask=inside)


@triton.jit
def rotate_kernel(
    mixed,
    angles,
    positions,
    places,
    keys,
    values,
    angle_positions,
    HEADS: tl.constexpr,
    CACHED_HEADS: tl.constexpr,
    HEAD_SIZE: tl.constexpr,
    BLOCK_TOKENS: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
):
    """Turn BLOCK_HEADS heads of a row where they are; put keys and values into the cache."""
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_HEADS + tl.arange(0, BLOCK_HEADS)
    HALF: tl.constexpr = HEAD_SIZE // 2
    part = tl.arange(0, HALF)
    turn = tl.load(positions + row) * HALF + part
    cosine = tl.load(angles + turn)[None, :]
    sine = tl.load(angles + angle_positions * HALF + turn)[None, :]
    place = tl.load(places + row).to(tl.int64)
    there = (head < HEADS + 2 * CACHED_HEADS)[:, None]
    spot = (row * (HEADS + 2 * CACHED_HEADS) + head[:, None]) * HEAD_SIZE + part[None, :]
    one = tl.load(mixed + spot, mask=there, other=0)
    other = tl.load(mixed + spot + HALF, mask=there, other=0)
    left, right = one.to(tl.float32), other.to(tl.float32)
    turned = (head < HEADS + CACHED_HEADS)[:, None]
    one = tl.where(turned, (left * cosine - right * sine).to(one.dtype), one)
    other = tl.where(turned, (right * cosine + left * sine).to(other.dtype), other)
    tl.store(mixed + spot, one, mask=turned)
    tl.store(mixed + spot + HALF, other, mask=turned)
    block, offset = place // BLOCK_TOKENS, place % BLOCK_TOKENS
    cached = (head - HEADS) % CACHED_HEADS
    at = ((block * CACHED_HEADS + cached) * BLOCK_TOKENS + offset) * HEAD_SIZE
    to = at[:, None] + part[None, :]
    is_key = (head >= HEADS)[:, None] & turned
    tl.store(keys + to, one, mask=is_key)
    tl.store(keys + to + HALF, other, mask=is_key)
    is_value = there & (head >= HEADS + CACHED_HEADS)[:, None]
    tl.store(values + to, one, mask=is_value)
    tl.store(values + to + HALF, other, mask=is_value)


@triton.jit
def gather_kernel(
    keys,
    values,
    tables,
    ends,
    gathered_keys,
    gathered_values,
    table_width,
    CACHED_HEADS: tl.constexpr,
    HEAD_SIZE: tl.constexpr,
    BLOCK_TOKENS: tl.constexpr,
):
    """Copy the keys and values of each sequence from its blocks to (tokens, heads, head size).

    A program copies one head of one block; `ends` says where each sequence's tokens go.
    """
    column, head, sequence = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    begin, end = tl.load(ends + sequence), tl.load(ends + sequence + 1)
    offset, part = tl.arange(0, BLOCK_TOKENS), tl.arange(0, HEAD_SIZE)
    token = begin + column * BLOCK_TOKENS + offset
    mask = (token < end)[:, None]
    block = tl.load(tables + sequence * table_width + column).to(tl.int64)
    row = (block * CACHED_HEADS + head) * BLOCK_TOKENS + offset
    to_row = token.to(tl.int64) * CACHED_HEADS + head
    source = row[:, None] * HEAD_SIZE + part[None, :]
    target = to_row[:, None] * HEAD_SIZE + part[None, :]
    tl.store(gathered_keys + target, tl.load(keys + source, mask=mask), mask=mask)
    tl.store(gathered_values + target, tl.load(values + source, mask=mask), mask=mask)


@triton.jit
def feed_kernel(mixed, outputs, SIZE: tl.constexpr, BLOCK: tl.constexpr):
    """silu(gate) x up of each row, the two side by side."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < SIZE
    gate = tl.load(mixed + row * 2 * SIZE + column, mask=inside, other=0).to(tl.float32)
    up = tl.load(mixed + row * 2 * SIZE + SIZE + column, mask=inside, other=0).to(tl.float32)
    tl.store(outputs + row * SIZE + column, gate / (1 + tl.exp(-gate)) * up, mask=inside)


@triton.jit
def whole_kernel(
    weight,
    scales,
    outputs,
    count,
    outputs_count,
    INPUTS: tl.constexpr,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """A quantized weight in a type to multiply with, BLOCK elements a program."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    row = at // INPUTS
    if BITS == 8:
        steps = tl.load(weight + at, mask=inside, other=0).to(tl.float32)
        exact = steps * tl.load(scales + row, mask=inside, other=0)
    else:
        within = at % INPUTS
        word = tl.load(weight + row * (INPUTS // 4) + within % (INPUTS // 4), mask=inside, other=0)
        steps = ((word >> (4 * (within // (INPUTS // 4))).to(tl.int16)) & 15).to(tl.float32)
        both = tl.load(scales + at % INPUTS // 128 * outputs_count + row, mask=inside, other=0)
        low = (both << 16).to(tl.float32, bitcast=True)
        exact = (steps + low) * (both & -65536).to(tl.float32, bitcast=True)
    tl.store(outputs + at, exact, mask=inside)


@triton.jit
def likeliest_kernel(
    logits,
    chosen,
    tops,
    indices,
    arrivals,
    count,
    PROGRAMS: tl.constexpr,
    SHARE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The first of the greatest logits of each row: of shares of it, then of these."""
    program, row = tl.program_id(0), tl.program_id(1)
    column = program * SHARE + tl.arange(0, BLOCK)
    mine = (tl.arange(0, BLOCK) < SHARE) & (column < count)
    given = tl.load(logits + row.to(tl.int64) * count + column, mask=mine, other=-float("inf"))
    top, index = tl.max(given.to(tl.float32), axis=0, return_indices=True)
    tl.store(tops + row * PROGRAMS + program, top)
    tl.store(indices + row * PROGRAMS + program, program * SHARE + index)
    tl.debug_barrier()
    arrived = tl.atomic_add(arrivals + row, 1, sem="acq_rel", scope="gpu")
    if arrived == PROGRAMS - 1:
        tl.debug_barrier()
        each = tl.arange(0, PROGRAMS)
        all_tops = tl.load(tops + row * PROGRAMS + each, cache_modifier=".cg")
        _, best = tl.max(all_tops, axis=0, return_indices=True)
        tl.store(
            chosen + row,
            tl.load(indices + row * PROGRAMS + best, cache_modifier=".cg").to(tl.int64),
        )
        tl.store(arrivals + row, 0)
