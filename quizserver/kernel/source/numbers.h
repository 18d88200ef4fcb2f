/* Numbers of the kernel: vectors of replicas and the functions of them that it needs.

   Compile with -DREAL=float or -DREAL=double: V is a vector of LANES numbers of that type, one a
   replica, I the vector of integers of the same width (what a comparison gives: -1 or 0 a lane).
   D and L are the same in float64 and int64, whatever REAL is: schedules and draws are float64.

   Every function is made of + - * / and sqrt, of comparisons and of the bits of numbers, all of
   which IEEE 754 defines to the last bit; nothing is taken from a mathematical library, and the
   compiler may not fuse a product with a sum (-ffp-contract=off). So every processor and every
   width of vector gives the same bits. The only freedom that IEEE 754 leaves is which NaN: what
   is written where somebody can see it passes through canonical_v first. */
#ifndef QUIZSERVER_NUMBERS_H
#define QUIZSERVER_NUMBERS_H

#include <stdint.h>

#ifndef REAL
#error "compile with -DREAL=float or -DREAL=double"
#endif

/* Replicas in a vector: as many float32 numbers as a register of the processor holds, so that what a
   tile of a dense layer works on stays in the first cache. What a lane computes does not depend on it. */
#ifndef LANES
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#endif
#define INLINE static inline __attribute__((always_inline))
#ifndef REAL_BITS
#define BITS_OF_float 32
#define BITS_OF_double 64
#define JOIN_AGAIN(left, right) left##right
#define JOIN(left, right) JOIN_AGAIN(left, right)
#define REAL_BITS JOIN(BITS_OF_, REAL)
#endif

/* Aligned to their size, and to 64 bytes at most: that is what the arena gives. */
#define ALIGNMENT_OF(size) ((size) < 64 ? (size) : 64)
#define LANES_OF(type)                                                                             \
    __attribute__((vector_size(LANES * sizeof(type)), aligned(ALIGNMENT_OF(LANES * sizeof(type)))))
#define PAIR_OF(type)                                                                              \
    __attribute__((vector_size(2 * LANES * sizeof(type)),                                          \
                   aligned(ALIGNMENT_OF(LANES * sizeof(type))), may_alias))
typedef float OneF LANES_OF(float);
typedef int32_t OneFI LANES_OF(int32_t);
typedef uint32_t OneFU LANES_OF(uint32_t);
typedef float PairF PAIR_OF(float);
typedef int32_t PairFI PAIR_OF(int32_t);
typedef uint32_t PairFU PAIR_OF(uint32_t);
typedef double D LANES_OF(double);
typedef int64_t L LANES_OF(int64_t);
typedef uint64_t LU LANES_OF(uint64_t);

/* W is two vectors that follow each other, as one. A function is a long chain, in which each operation
   waits for the one before; two chains side by side take little longer than one. A vector of float64
   numbers is two registers by itself. */
#if REAL_BITS == 32
typedef OneF V;
typedef OneFI I;
typedef PairF W;
#else
typedef D V;
typedef L I;
typedef D W;
#endif
#define VECTORS_OF_W ((int)(sizeof(W) / sizeof(V)))

#define ALL_F(number) ((F){0} + (float)(number))
#define ALL_D(number) ((D){0} + (double)(number))
#define ALL(number) ((V){0} + (REAL)(number))

#define F PairF
#define FI PairFI
#define FU PairFU
#define FIT(name) name##_pair_f
#include "numbers_float32.h"
#undef F
#undef FI
#undef FU
#undef FIT
#define F OneF
#define FI OneFI
#define FU OneFU
#define FIT(name) name##_f
#include "numbers_float32.h"
#include "numbers_float64.h"

#if REAL_BITS == 32
#define OF_REAL(name) name##_f
#define OF_W(name) name##_pair_f
#else
#define OF_REAL(name) name##_d
#define OF_W(name) name##_d
#endif
/* a function of float64, rounded to REAL */
#define IN_FLOAT64(name, x) __builtin_convertvector(name(__builtin_convertvector(x, D)), V)

/* a where the mask is -1, b where it is 0 */
INLINE V select_v(I mask, V a, V b) { return OF_REAL(select)(mask, a, b); }
INLINE V abs_v(V x) { return OF_REAL(abs)(x); }
INLINE V sqrt_v(V x) { return __builtin_elementwise_sqrt(x); }
/* the same, but every NaN has the same bits */
INLINE V canonical_v(V x) { return OF_REAL(canonical)(x); }
INLINE V exp_v(V x) { return OF_REAL(exp)(x); }
INLINE V log_v(V x) { return OF_REAL(log)(x); }
INLINE V log1p_v(V x) { return OF_REAL(log1p)(x); }
INLINE V tanh_v(V x) { return OF_REAL(tanh)(x); }
/* 1 / (1 + exp(-x)) */
INLINE V sigmoid_v(V x) { return OF_REAL(sigmoid)(x); }
/* log(1 + exp(-|x|)) */
INLINE V softplus_v(V x) { return OF_REAL(log1p_finite)(OF_REAL(exp_of_size)(x)); }
/* x * (share of the standard normal distribution below x), and its derivative */
INLINE V gelu_v(V x) { return IN_FLOAT64(gelu_d, x); }
INLINE V gelu_slope_v(V x) { return IN_FLOAT64(gelu_slope_d, x); }
/* x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x * x * x)), and its derivative */
INLINE V gelu_tanh_v(V x) { return IN_FLOAT64(gelu_tanh_d, x); }
INLINE V gelu_tanh_slope_v(V x) { return IN_FLOAT64(gelu_tanh_slope_d, x); }

/* The same of two vectors at once. */
INLINE W tanh_w(W x) { return OF_W(tanh)(x); }
INLINE W sigmoid_w(W x) { return OF_W(sigmoid)(x); }
/* exp(-|z|), of which the next two are made */
INLINE W exp_of_size_w(W z) { return OF_W(exp_of_size)(z); }
/* 1 / (1 + exp(-z)) */
INLINE W sigmoid_of_w(W z, W e) { return OF_W(sigmoid_of)(z, e); }
/* Binary cross entropy at a logit z and a target y in [0, 1] */
INLINE W binary_cross_entropy_w(W z, W e, W y) {
    return OF_W(select)(z <= 0, (W){0}, z) - z * y + OF_W(log1p_finite)(e);
}

/* One number of float64: for what is computed once a step. */
INLINE double exp_s(double x) { return exp_d(ALL_D(x))[0]; }
INLINE double log_s(double x) { return log_d(ALL_D(x))[0]; }
/* base to the power of exponent, for base >= 0 */
INLINE double pow_s(double base, double exponent) { return pow_d(ALL_D(base), ALL_D(exponent))[0]; }
/* cosine of an angle in [0, pi] */
INLINE double cos_s(double x) { return cos_d(ALL_D(x))[0]; }
INLINE double sqrt_s(double x) { return __builtin_elementwise_sqrt(ALL_D(x))[0]; }

#endif
