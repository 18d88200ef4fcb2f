/* The draws of draws.h for the seeds of a block at once, one a lane: the same numbers, several times
   as fast. */
#ifndef QUIZSERVER_LANE_DRAWS_H
#define QUIZSERVER_LANE_DRAWS_H

#include "draws.h"

INLINE FU low_words(LU x) { return __builtin_convertvector(x, FU); }
INLINE FU high_words(LU x) { return __builtin_convertvector(x >> 32, FU); }
INLINE LU long_words(FU x) { return __builtin_convertvector(x, LU); }
INLINE FU all_words(uint32_t x) { return (FU){0} + x; }

/* the four words of one counter that all lanes share, in place of it */
INLINE void philox_lanes(const uint64_t seeds[LANES], FU counter[4]) {
    LU seed = *(const LU *)seeds;
    FU key0 = low_words(seed), key1 = high_words(seed);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        LU left = long_words(counter[0]) * PHILOX_FACTOR_0;
        LU right = long_words(counter[2]) * PHILOX_FACTOR_2;
        FU second = counter[1], fourth = counter[3];
        counter[0] = high_words(right) ^ second ^ key0;
        counter[1] = low_words(right);
        counter[2] = high_words(left) ^ fourth ^ key1;
        counter[3] = low_words(left);
        key0 += PHILOX_STEP_0;
        key1 += PHILOX_STEP_1;
    }
}

/* Two uniform numbers of a stream, those with the indices 2 block and 2 block + 1. */
INLINE void uniform_pair(const uint64_t seeds[LANES], uint32_t stream, uint64_t block, D pair[2]) {
    FU words[4] = {all_words((uint32_t)block), all_words((uint32_t)(block >> 32)), all_words(stream),
                   all_words(0)};
    philox_lanes(seeds, words);
    pair[0] = uniform_from_words(long_words(words[0]), long_words(words[1]));
    pair[1] = uniform_from_words(long_words(words[2]), long_words(words[3]));
}

/* The order of the examples in one epoch, each lane's by itself: orders[lane * examples + place]. */
INLINE void fill_orders(const uint64_t seeds[LANES], uint32_t examples, uint32_t epoch,
                        int32_t *orders) {
    for (int lane = 0; lane < LANES; lane++)
        for (uint32_t i = 0; i < examples; i++) orders[lane * examples + i] = (int32_t)i;
    FU words[4];
    for (uint32_t k = 0; k + 1 < examples; k++) {
        if (k % 4 == 0) {
            words[0] = all_words(k / 4), words[1] = all_words(epoch);
            words[2] = all_words(ORDER_STREAM), words[3] = all_words(examples);
            philox_lanes(seeds, words);
        }
        uint32_t last = examples - 1 - k;
        union { /* read back one by one: quicker than taking a vector apart */
            FU lanes;
            uint32_t of[LANES];
        } chosen = {high_words(long_words(words[k % 4]) * (uint64_t)(last + 1))};
        for (int lane = 0; lane < LANES; lane++) {
            int32_t *order = orders + lane * examples;
            int32_t kept = order[last];
            order[last] = order[chosen.of[lane]];
            order[chosen.of[lane]] = kept;
        }
    }
}

/* As many examples, each drawn from all of them; laid out as the orders are. */
INLINE void fill_lane_choices(const uint64_t seeds[LANES], uint32_t examples, uint32_t epoch,
                              int32_t *choices) {
    for (int lane = 0; lane < LANES; lane++)
        fill_choices(seeds[lane], examples, epoch, choices + lane * examples);
}

#endif
