/* Functions of 16 float64 numbers; numbers.h includes this file and says what they are. */
INLINE D select_d(L mask, D a, D b) { return (D)((mask & (L)a) | (~mask & (L)b)); }
INLINE D abs_d(D x) { return (D)((L)x & 0x7fffffffffffffff); }
INLINE D canonical_d(D x) { return select_d(x == x, x, (D)((L){0} + 0x7ff8000000000000)); }

/* Rounds to the nearest integer when added; the sum's low bits are that integer. */
#define ROUNDER_D 6755399441055744.0

INLINE D exp_d(D x) {
    D y = select_d(x > 710.0, ALL_D(710.0), x);
    y = select_d(y < -746.0, ALL_D(-746.0), y);
    D shifted = y * 1.4426950408889634 + ROUNDER_D;
    D k = shifted - ROUNDER_D;
    D r = y - k * 0.693147180369123816490;
    r = r - k * 1.90821492927058770002e-10;
    D p = ALL_D(1.0);
    for (int i = 14; i > 0; i--) p = 1.0 + p * r / (double)i;
    LU bits = (LU)shifted, half = bits >> 1;
    p = p * (D)((half << 52) + 0x3ff0000000000000) * (D)(((bits - half) << 52) + 0x3ff0000000000000);
    return select_d(x > 709.79, ALL_D(__builtin_inf()), p);
}

INLINE D log_d(D x) {
    L small = x < 2.2250738585072014e-308;
    D scaled = select_d(small, x * 4503599627370496.0, x);
    L bits = (L)scaled - 0x3fe6a09e667f3bcd;
    L exponent = bits >> 52;
    D f = (D)((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd) - 1.0;
    D k = __builtin_convertvector(exponent, D) - select_d(small, ALL_D(52.0), ALL_D(0.0));
    D s = f / (2.0 + f), y = s * s, p = ALL_D(0.0);
    for (int i = 25; i > 0; i -= 2) p = 2.0 / i + p * y;
    D value = k * 0.693147180369123816490 + (p * s + k * 1.90821492927058770002e-10);
    value = select_d(x == 0.0, ALL_D(-__builtin_inf()), value);
    value = select_d(x == __builtin_inf(), x, value);
    return select_d(x >= 0.0, value, ALL_D(__builtin_nan("")));
}

INLINE D log1p_d(D x) {
    D u = 1.0 + x;
    D value = log_d(u) + select_d(u < __builtin_inf(), (x - (u - 1.0)) / u, ALL_D(0.0));
    return select_d(x == 0.0, x, select_d(u == 0.0, ALL_D(-__builtin_inf()), value));
}

INLINE D sigmoid_d(D x) {
    D e = exp_d(-abs_d(x));
    return select_d(x >= 0.0, ALL_D(1.0), e) / (1.0 + e);
}

INLINE D tanh_d(D x) {
    D y = abs_d(x) + abs_d(x);
    y = select_d(y > 40.0, ALL_D(40.0), y);
    D e = exp_d(y) - 1.0;
    return (D)((L)(e / (e + 2.0)) | ((L)x & (int64_t)0x8000000000000000));
}

INLINE D gelu_tanh_d(D x) {
    return x * sigmoid_d(x * (1.5957691216057308 + 0.07135481627159987 * (x * x)));
}

INLINE D gelu_tanh_slope_d(D x) {
    D square = x * x;
    D s = sigmoid_d(x * (1.5957691216057308 + 0.07135481627159987 * square));
    return s + s * (1.0 - s) * x * (1.5957691216057308 + 0.2140644488147996 * square);
}

INLINE D gelu_d(D x) { return gelu_tanh_d(x); }
INLINE D gelu_slope_d(D x) { return gelu_tanh_slope_d(x); }

INLINE D pow_d(D base, D exponent) {
    return select_d(exponent == 0.0, ALL_D(1.0), exp_d(exponent * log_d(base)));
}

INLINE D cos_d(D x) {
    D square = x * x, p = ALL_D(1.0);
    for (int i = 26; i > 0; i -= 2) p = 1.0 - p * square / (double)(i * (i - 1));
    return p;
}
