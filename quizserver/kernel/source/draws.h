/* Seeded draws: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), which turns a key and a counter
   into four words of 32 bits with nothing to remember between them, so that number i of a seed can be
   computed anywhere and alone.

   key = (seed's low 32 bits, its high 32 bits); counter = (block's low 32 bits, its high 32 bits,
   stream, extra), where extra is 0 but for orders. Number i of a stream is made of the words
   2 (i mod 2) and 2 (i mod 2) + 1 of block i / 2. */
#ifndef QUIZSERVER_DRAWS_H
#define QUIZSERVER_DRAWS_H

#include "numbers.h"

/* What a stream's numbers are for; streams of one seed have nothing to do with each other. */
enum { INIT_STREAM = 0, DATA_STREAM = 1, DROPOUT_STREAM = 2, ORDER_STREAM = 3, CHOICE_STREAM = 4 };

#define PHILOX_ROUNDS 10
#define PHILOX_FACTOR_0 0xD2511F53u
#define PHILOX_FACTOR_2 0xCD9E8D57u
#define PHILOX_STEP_0 0x9E3779B9u
#define PHILOX_STEP_1 0xBB67AE85u
#define LOW_WORD 0xFFFFFFFFu

/* the four words of one counter, in place of it */
INLINE void philox4x32(uint64_t seed, uint32_t counter[4]) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t left = (uint64_t)counter[0] * PHILOX_FACTOR_0;
        uint64_t right = (uint64_t)counter[2] * PHILOX_FACTOR_2;
        counter[0] = (uint32_t)(right >> 32) ^ counter[1] ^ key0;
        counter[2] = (uint32_t)(left >> 32) ^ counter[3] ^ key1;
        counter[1] = (uint32_t)right;
        counter[3] = (uint32_t)left;
        key0 += PHILOX_STEP_0;
        key1 += PHILOX_STEP_1;
    }
}

/* The same for LANES counters of one seed; a lane of 64 bits holds one word. */
INLINE void philox_counters(uint64_t seed, LU counters[4]) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        LU left = (counters[0] & LOW_WORD) * PHILOX_FACTOR_0, right = (counters[2] & LOW_WORD) * PHILOX_FACTOR_2;
        counters[0] = (right >> 32) ^ counters[1] ^ key0;
        counters[2] = (left >> 32) ^ counters[3] ^ key1;
        counters[1] = right & LOW_WORD;
        counters[3] = left & LOW_WORD;
        key0 += PHILOX_STEP_0;
        key1 += PHILOX_STEP_1;
    }
}

/* The numbers made of two words each, multiples of 2^-53 in [0, 1): 27 bits of the first and 26 of the
   second. Both parts and their sum are exact. */
INLINE D uniform_from_words(LU first, LU second) {
    const uint64_t bits = 0x4330000000000000; /* 2^52, whose last digit is 1 */
    D high = (D)((first >> 5) | bits) - 0x1p52, low = (D)((second >> 6) | bits) - 0x1p52;
    return high * 0x1p-27 + low * 0x1p-53;
}

INLINE D rational_d(D x, const double over[8], const double under[8]) {
    D p = ALL_D(over[7]), q = ALL_D(under[7]);
    for (int i = 6; i >= 0; i--) {
        p = p * x + over[i];
        q = q * x + under[i];
    }
    return p / q;
}

/* The standard normal numbers below which a share of x + 2^-54 of the distribution lies, x as above:
   Wichura's PPND16 (algorithm AS 241, 1988), good to 16 digits. The middle of each of the 2^53 equal
   parts is taken, so that the normal numbers are symmetric and finite; both q and the share beyond,
   0.5 - |q|, are exact. */
INLINE D normal_from_uniform(D x) {
    static const double middle_over[8] = {
        3.3871328727963666080,   133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
        45921.953931549871457,   67265.770927008700853, 33430.575583588128105, 2509.0809287301226727};
    static const double middle_under[8] = {
        1.0,                   42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
        21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610};
    static const double tail_over[8] = {
        1.42343711074968357734,  4.63033784615654529590,     5.76949722146069140550,    3.64784832476320460504,
        1.27045825245236838258,  2.41780725177450611770e-1,  2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double tail_under[8] = {
        1.0,                        2.05319162663775882187,    1.67638483018380384940,    6.89767334985100004550e-1,
        1.48103976427480074590e-1,  1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9};
    static const double end_over[8] = {
        6.65790464350110377720,    5.46378491116411436990,    1.78482653991729133580,    2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double end_under[8] = {
        1.0,                       5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15};
    D q = (x - 0.5) + 0x1p-54, beyond = 0.5 - abs_d(q);
    D depth = __builtin_elementwise_sqrt(-log_d(beyond));
    D tail = select_d(depth <= 5.0, rational_d(depth - 1.6, tail_over, tail_under),
                      rational_d(depth - 5.0, end_over, end_under));
    D middle = q * rational_d(0.180625 - q * q, middle_over, middle_under);
    return select_d(abs_d(q) <= 0.425, middle, select_d(q < 0.0, -tail, tail));
}

/* numbers 2 LANES part and those that follow, 2 LANES of them, of one seed's stream, as uniform or as
   normal numbers */
INLINE void fill_part(uint64_t seed, uint32_t stream, int normal, uint64_t part, double numbers[2 * LANES]) {
    LU blocks;
    for (int lane = 0; lane < LANES; lane++) blocks[lane] = part * LANES + (uint64_t)lane;
    LU words[4] = {blocks & LOW_WORD, blocks >> 32, (LU){0} + stream, {0}};
    philox_counters(seed, words);
    D even = uniform_from_words(words[0], words[1]), odd = uniform_from_words(words[2], words[3]);
    if (normal) {
        even = normal_from_uniform(even);
        odd = normal_from_uniform(odd);
    }
    for (int lane = 0; lane < LANES; lane++) {
        numbers[2 * lane] = even[lane];
        numbers[2 * lane + 1] = odd[lane];
    }
}

INLINE void fill_numbers(uint64_t seed, uint32_t stream, int normal, uint64_t first, int64_t count, double *numbers) {
    double part[2 * LANES];
    uint64_t end = first + (uint64_t)count;
    for (uint64_t i = first; i < end;) {
        fill_part(seed, stream, normal, i / (2 * LANES), part);
        for (uint64_t place = i % (2 * LANES); place < 2 * LANES && i < end; place++, i++)
            numbers[i - first] = part[place];
    }
}

/* numbers first … first + count - 1 of one seed's stream, in [0, 1) */
INLINE void fill_uniform(uint64_t seed, uint32_t stream, uint64_t first, int64_t count, double *numbers) {
    fill_numbers(seed, stream, 0, first, count, numbers);
}

/* the same as standard normal numbers */
INLINE void fill_normal(uint64_t seed, uint32_t stream, uint64_t first, int64_t count, double *numbers) {
    fill_numbers(seed, stream, 1, first, count, numbers);
}

/* The examples 0 … examples - 1 in the order of one epoch: Fisher-Yates from the end. The k-th draw is
   word k mod 4 of the counter (k / 4, epoch, 3, examples), times the number of places left, divided by
   2^32: one place is likelier than another by less than examples / 2^32. */
INLINE void fill_order(uint64_t seed, uint32_t examples, uint32_t epoch, int32_t *order) {
    uint32_t words[4];
    for (uint32_t i = 0; i < examples; i++) order[i] = (int32_t)i;
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

/* As many examples, each drawn from all of them: the k-th is word k mod 4 of the counter (k / 4,
   epoch, 4, examples), times their number, divided by 2^32. */
INLINE void fill_choices(uint64_t seed, uint32_t examples, uint32_t epoch, int32_t *choices) {
    uint32_t words[4];
    for (uint32_t k = 0; k < examples; k++) {
        if (k % 4 == 0) {
            words[0] = k / 4, words[1] = epoch, words[2] = CHOICE_STREAM, words[3] = examples;
            philox4x32(seed, words);
        }
        choices[k] = (int32_t)(((uint64_t)words[k % 4] * examples) >> 32);
    }
}

#endif
