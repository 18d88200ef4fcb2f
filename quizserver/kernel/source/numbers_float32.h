/* Functions of 16 float32 numbers; numbers.h includes this file and says what they are. */
INLINE F select_f(FI mask, F a, F b) { return (F)((mask & (FI)a) | (~mask & (FI)b)); }
INLINE F abs_f(F x) { return (F)((FI)x & 0x7fffffff); }
INLINE F canonical_f(F x) { return select_f(x == x, x, (F)((FI){0} + 0x7fc00000)); }

/* Rounds to the nearest integer when added; the sum's low bits are that integer. */
#define ROUNDER_F 12582912.0f

INLINE F exp_f(F x) {
    F y = select_f(x > 90.0f, ALL_F(90.0f), x);
    y = select_f(y < -105.0f, ALL_F(-105.0f), y);
    F shifted = y * 1.44269504f + ROUNDER_F;
    F k = shifted - ROUNDER_F;
    F r = y - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    F p = 1.0f + (r + r * r * (0.5f + r * (0.166666657f + r * (0.0416665795f + r * (0.00833345205f + r * 0.00139305f)))));
    FU bits = (FU)shifted, half = bits >> 1;
    p = p * (F)((half << 23) + 0x3f800000) * (F)(((bits - half) << 23) + 0x3f800000);
    return select_f(x > 89.0f, ALL_F(__builtin_inff()), p);
}

INLINE F log_of_fraction_f(F f, F k) {
    F s = f / (2.0f + f), y = s * s;
    F p = s * (2.0f + y * (0.666666667f + y * (0.4f + y * (0.285714286f + y * (0.222222222f + y * (0.181818182f + y * 0.153846154f))))));
    return k * 0.693359375f + (p + k * -2.12194440e-4f);
}

INLINE F log_f(F x) {
    FI small = x < 1.17549435e-38f;
    F scaled = select_f(small, x * 8388608.0f, x);
    FI bits = (FI)scaled - 0x3f3504f3;
    FI exponent = bits >> 23;
    F f = (F)((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
    F k = __builtin_convertvector(exponent, F) - select_f(small, ALL_F(23.0f), ALL_F(0.0f));
    F value = log_of_fraction_f(f, k);
    value = select_f(x == 0.0f, ALL_F(-__builtin_inff()), value);
    value = select_f(x == __builtin_inff(), x, value);
    return select_f(x >= 0.0f, value, ALL_F(__builtin_nanf("")));
}

INLINE F log1p_f(F x) {
    F u = 1.0f + x;
    F value = log_f(u) + select_f(u < __builtin_inff(), (x - (u - 1.0f)) / u, ALL_F(0.0f));
    return select_f(x == 0.0f, x, select_f(u == 0.0f, ALL_F(-__builtin_inff()), value));
}

INLINE F sigmoid_f(F x) {
    F e = exp_f(-abs_f(x));
    return select_f(x >= 0.0f, ALL_F(1.0f), e) / (1.0f + e);
}

INLINE F tanh_f(F x) {
    F y = abs_f(x) + abs_f(x);
    y = select_f(y > 20.0f, ALL_F(20.0f), y);
    F shifted = y * 1.44269504f + ROUNDER_F;
    F r = y - (shifted - ROUNDER_F) * 0.693147182f;
    F p = r + r * r * (0.5f + r * (0.166666657f + r * (0.0416665795f + r * (0.00833345205f + r * 0.00139305f))));
    F s = (F)(((FU)shifted << 23) + 0x3f800000);
    F e = s * p + (s - 1.0f);
    return (F)((FI)(e / (e + 2.0f)) | ((FI)x & (int32_t)0x80000000));
}

INLINE F gelu_tanh_f(F x) {
    return x * sigmoid_f(x * (1.5957691216f + 0.0713548162f * (x * x)));
}

INLINE F gelu_tanh_slope_f(F x) {
    F square = x * x;
    F s = sigmoid_f(x * (1.5957691216f + 0.0713548162f * square));
    return s + s * (1.0f - s) * x * (1.5957691216f + 0.2140644486f * square);
}

INLINE F gelu_f(F x) { return gelu_tanh_f(x); }
INLINE F gelu_slope_f(F x) { return gelu_tanh_slope_f(x); }
