/* The functions of numbers.h as functions of arrays, and a comparison of those of float32 with those of
   float64 over a range of float32. Compiled with the kernel's own flags by functions.py. A count is of
   groups of 16 numbers, however many a vector holds. */
#include "exports.h"
#include "numbers.h"

#define VECTORS(groups) ((groups) * (16 / LANES))

#define OF_ARRAYS(name)                                                                            \
    EXPORT word REAL_NAME(name)(const V *values, word count, V *results) {                         \
        for (word i = 0; i < VECTORS(count); i++) results[i] = name##_v(values[i]);                         \
        return count;                                                                              \
    }
OF_ARRAYS(exp)
OF_ARRAYS(log)
OF_ARRAYS(log1p)
OF_ARRAYS(tanh)
OF_ARRAYS(sigmoid)
OF_ARRAYS(softplus)
OF_ARRAYS(gelu)
OF_ARRAYS(gelu_slope)
OF_ARRAYS(gelu_tanh)
OF_ARRAYS(gelu_tanh_slope)
OF_ARRAYS(sqrt)
OF_ARRAYS(canonical)

#if REAL_BITS == 64
EXPORT word cos_float64(const D *values, word count, D *results) {
    for (word i = 0; i < VECTORS(count); i++) results[i] = cos_d(values[i]);
    return count;
}

EXPORT word pow_float64(const D *bases, const D *exponents, word count, D *results) {
    for (word i = 0; i < VECTORS(count); i++) results[i] = pow_d(bases[i], exponents[i]);
    return count;
}
#else
/* |value - exact| in units in the last place of a float32 at ``exact``; beyond the largest float32 both
   count as 2^128. One NaN without the other gives infinity. */
INLINE D units_off(F value, D exact) {
    D near = __builtin_convertvector(value, D), end = ALL_D(0x1p128);
    near = select_d(abs_d(near) > end, select_d(near > 0.0, end, -end), near);
    exact = select_d(abs_d(exact) > end, select_d(exact > 0.0, end, -end), exact);
    D size = abs_d(exact);
    size = select_d(size < 0x1p-126, ALL_D(0x1p-126), size);
    D unit = (D)((L)size & 0x7ff0000000000000) * 0x1p-23;
    L one = near == near, other = exact == exact;
    return select_d(one & other, abs_d(near - exact) / unit,
                    select_d(one | other, ALL_D(INFINITY_D), ALL_D(0.0)));
}

/* Over ``count`` times 16 float32 whose bits follow each other from 16 ``first`` on: the largest error of a
   lane, and the bits of a float32 where it was. */
#define SWEEP(name)                                                                                \
    EXPORT word sweep_##name(word first, word count, D *largest, LU *places) {                     \
        FU lane;                                                                                   \
        for (int i = 0; i < LANES; i++) lane[i] = (uint32_t)i;                                     \
        for (word i = 0; i < VECTORS(count); i++) {                                                         \
            FU bits = lane + ((uint32_t)first * 16 + (uint32_t)i * LANES);                         \
            D off = units_off(name##_f((F)bits), name##_d(__builtin_convertvector((F)bits, D)));   \
            L worse = off > *largest;                                                              \
            *largest = select_d(worse, off, *largest);                                             \
            *places = (LU)select_d(worse, (D)__builtin_convertvector(bits, LU), (D)*places);       \
        }                                                                                          \
        return count;                                                                              \
    }
SWEEP(exp)
SWEEP(log)
SWEEP(log1p)
SWEEP(tanh)
SWEEP(sigmoid)
#endif
