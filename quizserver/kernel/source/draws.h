/* Seeded draws: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), which turns a key and a counter
   into four words of 32 bits with nothing to remember between them, so that the i-th number of a
   seed can be computed anywhere and alone.

   key = (seed's low 32 bits, its high 32 bits); counter = (block's low 32 bits, its high 32 bits,
   stream, extra). Number i of a stream is made of the words 2 (i mod 2) and 2 (i mod 2) + 1 of
   block i / 2. */
#ifndef QUIZSERVER_DRAWS_H
#define QUIZSERVER_DRAWS_H

#include "numbers.h"

/* What a stream's numbers are for; streams of one seed have nothing to do with each other. */
enum { INIT_STREAM = 0, DATA_STREAM = 1, DROPOUT_STREAM = 2, ORDER_STREAM = 3 };

/* the four words of one counter, in place of it */
INLINE void philox4x32(uint64_t seed, uint32_t counter[4]) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t left = (uint64_t)counter[0] * 0xD2511F53u, right = (uint64_t)counter[2] * 0xCD9E8D57u;
        uint32_t second = counter[1], fourth = counter[3];
        counter[0] = (uint32_t)(right >> 32) ^ second ^ key0;
        counter[1] = (uint32_t)right;
        counter[2] = (uint32_t)(left >> 32) ^ fourth ^ key1;
        counter[3] = (uint32_t)left;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

/* number ``index`` of a stream, a multiple of 2^-53 in [0, 1) */
INLINE double uniform_number(uint64_t seed, uint32_t stream, uint32_t extra, uint64_t index) {
    uint64_t block = index >> 1;
    uint32_t words[4] = {(uint32_t)block, (uint32_t)(block >> 32), stream, extra};
    philox4x32(seed, words);
    uint32_t a = words[2 * (index & 1)], b = words[2 * (index & 1) + 1];
    return (double)((uint64_t)(a >> 5) << 26 | b >> 6) * 0x1p-53;
}

/* the standard normal number below which a share of x + 2^-54 of the distribution lies, x as above */
INLINE double normal_from_uniform(double x) {
    /* inexact for now: a sum of logistic shape */
    double q = (x - 0.5) + 0x1p-54, r = 0.5 - (q < 0 ? -q : q), value = -log_s(r / (1.0 - r)) / 1.702;
    return q < 0 ? -value : value;
}

/* Number ``index`` of the streams of 16 seeds, one a lane. */
INLINE D uniform_lanes(const uint64_t seeds[LANES], uint32_t stream, uint32_t extra, uint64_t index) {
    D numbers;
    for (int lane = 0; lane < LANES; lane++)
        numbers[lane] = uniform_number(seeds[lane], stream, extra, index);
    return numbers;
}

/* numbers first, first + 1, … of one seed's stream */
INLINE void fill_uniform(uint64_t seed, uint32_t stream, uint32_t extra, uint64_t first, int64_t count,
                         double *numbers) {
    for (int64_t i = 0; i < count; i++)
        numbers[i] = uniform_number(seed, stream, extra, first + (uint64_t)i);
}

/* the same as standard normal numbers */
INLINE void fill_normal(uint64_t seed, uint32_t stream, uint32_t extra, uint64_t first, int64_t count,
                        double *numbers) {
    for (int64_t i = 0; i < count; i++)
        numbers[i] = normal_from_uniform(uniform_number(seed, stream, extra, first + (uint64_t)i));
}

/* the examples 0 … examples - 1 in the order of one epoch: Fisher-Yates from the end, whose k-th draw
   is word k mod 4 of the block k / 4 of counters (k / 4, epoch, 3, examples) */
INLINE void fill_order(uint64_t seed, uint32_t examples, uint32_t epoch, int32_t *order) {
    for (uint32_t i = 0; i < examples; i++) order[i] = (int32_t)i;
    uint32_t words[4];
    for (uint32_t k = 0; k + 1 < examples; k++) {
        if (k % 4 == 0) {
            words[0] = k / 4, words[1] = epoch, words[2] = ORDER_STREAM, words[3] = examples;
            philox4x32(seed, words);
        }
        uint32_t last = examples - 1 - k;
        uint32_t chosen = (uint32_t)(((uint64_t)words[k % 4] * (last + 1)) >> 32);
        int32_t kept = order[last];
        order[last] = order[chosen];
        order[chosen] = kept;
    }
}

#endif
