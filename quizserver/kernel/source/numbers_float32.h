/* Functions of vectors of float32 numbers; numbers.h includes this file and says what they are; it
   does so twice, for F of two widths: FIT(exp) is exp_f of one vector, exp_pair_f of two as one.

   Coefficients: benchmarks/kernel_coefficients.py. Errors, over all float32: docs/kernel.md. GELU is
   computed in float64, as its tails would lose most digits in float32: see numbers.h. */
#define SIGN_F ((int32_t)0x80000000)
#define HALF_ROOT_BITS_F 0x3f3504f3 /* the square root of 1/2 */
#define INFINITY_F __builtin_inff()
#define NAN_F ((F)((FI){0} + 0x7fc00000))

/* Added to a number below 2^22 it rounds that to an integer k; the sum's low bits hold k + 254, twice
   the bias of an exponent. */
#define ROUNDER_F (12582912.0f + 254.0f)
/* Added to a number below 2^20 it rounds that to quarters; the sum's low bits hold 4 (k + 126) and the
   two bits of the quarters. */
#define QUARTER_ROUNDER_F (3145728.0f + 126.0f)
#define LOG2_E_F 1.44269504f
#define LOG_2_F 0.693147182f
/* log(2) in two parts: a product of the first with an integer below 2^9 is exact. */
#define LOG_2_HIGH_F 0.693145752f
#define LOG_2_LOW_F 1.42860677e-6f

INLINE F FIT(select)(FI mask, F a, F b) { return (F)((mask & (FI)a) | (~mask & (FI)b)); }
INLINE F FIT(abs)(F x) { return (F)((FI)x & ~SIGN_F); }
INLINE F FIT(negative_abs)(F x) { return (F)((FI)x | SIGN_F); }
INLINE F FIT(canonical)(F x) { return FIT(select)(x == x, x, NAN_F); }

/* exp(y) for -105 <= y <= 90; powers of two in two factors, so that the result may be infinite or
   subnormal and is rounded once */
INLINE F FIT(exp_in_range)(F y) {
    F shifted = y * LOG2_E_F + ROUNDER_F;
    F k = shifted - ROUNDER_F;
    F main = y - k * LOG_2_HIGH_F, rest = k * LOG_2_LOW_F; /* the first is exact */
    F r = main - rest;
    F q = 0.00836657919f + r * 0.00138825015f;
    q = 0.0416672006f + r * q;
    q = 0.166665435f + r * q;
    q = 0.49999997f + r * q;
    FU bits = (FU)shifted, half = bits >> 1;
    F first = (F)(half << 23), second = (F)((bits - half) << 23);
    return (1.0f + (main + (r * r * q - rest))) * first * second;
}

/* exp(x) for x <= 0 or NaN */
INLINE F FIT(exp_of_negative)(F x) { return FIT(exp_in_range)(FIT(select)(x < -105.0f, ALL_F(-105.0f), x)); }

/* exp(-|x|) */
INLINE F FIT(exp_of_size)(F x) { return FIT(exp_of_negative)(FIT(negative_abs)(x)); }

INLINE F FIT(exp)(F x) {
    F y = FIT(select)(x > 90.0f, ALL_F(90.0f), x);
    return FIT(exp_in_range)(FIT(select)(y < -105.0f, ALL_F(-105.0f), y));
}

/* log(2^k * (1 + f)) for sqrt(1/2) <= 1 + f <= sqrt(2) */
INLINE F FIT(log_of_parts)(F k, F f) {
    F q = 0.127615958f + f * -0.0763451606f;
    q = -0.131601825f + f * q;
    q = 0.142017543f + f * q;
    q = -0.166233569f + f * q;
    q = 0.200012267f + f * q;
    q = -0.250008196f + f * q;
    q = 0.333333313f + f * q;
    F square = f * f;
    F rest = (f * square) * q + k * LOG_2_LOW_F;
    return k * LOG_2_HIGH_F + (f - (0.5f * square - rest));
}

INLINE F FIT(log)(F x) {
    FI subnormal = x < 1.17549435e-38f;
    F scaled = FIT(select)(subnormal, x * 16777216.0f, x);
    FI bits = (FI)scaled - HALF_ROOT_BITS_F;
    F k = __builtin_convertvector(bits >> 23, F) - FIT(select)(subnormal, ALL_F(24.0f), ALL_F(0.0f));
    F f = (F)((bits & 0x007fffff) + HALF_ROOT_BITS_F) - 1.0f;
    F value = FIT(select)(x < INFINITY_F, FIT(log_of_parts)(k, f), x);
    value = FIT(select)(x == 0.0f, ALL_F(-INFINITY_F), value);
    return FIT(select)(x >= 0.0f, value, NAN_F);
}

/* log(1 + x) for x > -1 and finite; NaN stays NaN */
INLINE F FIT(log1p_finite)(F x) {
    F sum = 1.0f + x;
    FI exponent = ((FI)sum - HALF_ROOT_BITS_F) >> 23;
    F scale = 0.25f * (F)((129 - exponent) << 23); /* 2^-k, which may be subnormal */
    F f = (scale - 1.0f) + x * scale;
    return FIT(log_of_parts)(__builtin_convertvector(exponent, F), f);
}

INLINE F FIT(log1p)(F x) {
    F value = FIT(log1p_finite)(x);
    value = FIT(select)(x < INFINITY_F, value, x);
    value = FIT(select)(x == -1.0f, ALL_F(-INFINITY_F), value);
    value = FIT(select)(x >= -1.0f, value, NAN_F);
    return FIT(select)(x == 0.0f, x, value); /* keeps the sign of 0 */
}

/* 1 / (1 + exp(-x)); e is exp(-|x|) */
INLINE F FIT(sigmoid_of)(F x, F e) {
    F share = FIT(select)(x >= 0.0f, ALL_F(1.0f), e) / (1.0f + e);
    /* where e is small, the rounding of 1 + e would be most of the error */
    return FIT(select)((x < 0.0f) & (e < 0.5f), e - e * share, share);
}
INLINE F FIT(sigmoid)(F x) { return FIT(sigmoid_of)(x, FIT(exp_of_size)(x)); }

/* With |x| = k log(2) / 2 + h, -0.05 <= h <= 0.31, and t = tanh(h) it is
   ((2^k - 1) + (2^k + 1) t) / ((2^k + 1) + (2^k - 1) t), here halved. The denominator is made from
   the rounded numerator, so that both err together where the result is near 1. */
INLINE F FIT(tanh)(F x) {
    F a = FIT(abs)(x);
    a = FIT(select)(a > 10.0f, ALL_F(10.0f), a);
    FU bits = (FU)(a * (2.0f * LOG2_E_F) + QUARTER_ROUNDER_F) & ~3u;
    F h = a - ((F)bits - QUARTER_ROUNDER_F) * (0.5f * LOG_2_F);
    F z = h * h;
    F q = 0.133139700f + z * -0.0502847135f;
    q = -0.333330423f + z * q;
    F t = h + h * z * q;
    F half = (F)(bits << 21);
    F over = (half - 0.5f) + (half + 0.5f) * t;
    F under = over + (1.0f - t);
    return (F)((FI)(over / under) | ((FI)x & SIGN_F));
}
