/* Functions of vectors of float64 numbers; numbers.h includes this file and says what they are.

   Coefficients: benchmarks/kernel_coefficients.py. Errors: docs/kernel.md. The same methods as in
   numbers_float32.h, but for the logarithm, where a division costs less than a longer polynomial. */
#define SIGN_D ((int64_t)0x8000000000000000)
#define ONE_BITS_D 0x3ff0000000000000
#define HALF_ROOT_BITS_D 0x3fe6a09e667f3bcd /* the square root of 1/2 */
#define INFINITY_D __builtin_inf()
#define NAN_D ((D)((L){0} + 0x7ff8000000000000))

/* Added to a number below 2^51 it rounds that to an integer k; the sum's low bits hold k + 2046, twice
   the bias of an exponent. */
#define ROUNDER_D (6755399441055744.0 + 2046.0)
/* Added to a number below 2^49 it rounds that to quarters; the sum's low bits hold 4 (k + 1022) and the
   two bits of the quarters. */
#define QUARTER_ROUNDER_D (1688849860263936.0 + 1022.0)
#define LOG2_E_D 1.4426950408889634
#define LOG_2_D 0.6931471805599453
/* log(2) in two parts: a product of the first with an integer below 2^12 is exact. */
#define LOG_2_HIGH_D 0.693147180559663
#define LOG_2_LOW_D 2.8235290563031577e-13

INLINE D select_d(L mask, D a, D b) { return (D)((mask & (L)a) | (~mask & (L)b)); }
INLINE D abs_d(D x) { return (D)((L)x & ~SIGN_D); }
INLINE D negative_abs_d(D x) { return (D)((L)x | SIGN_D); }
INLINE D canonical_d(D x) { return select_d(x == x, x, NAN_D); }
/* x with 26 digits, so that products of two such numbers are exact */
INLINE D short_d(D x) { return (D)((L)x & (int64_t)0xfffffffff8000000); }

/* exp(y + low) for -746 <= y <= 710 and a low that is tiny beside y; powers of two in two factors, so
   that the result may be infinite or subnormal and is rounded once */
INLINE D exp_of_sum_d(D y, D low) {
    D shifted = y * LOG2_E_D + ROUNDER_D;
    D k = shifted - ROUNDER_D;
    D main = y - k * LOG_2_HIGH_D, rest = k * LOG_2_LOW_D - low; /* the first is exact */
    D r = main - rest;
    D q = 2.762615786878233e-07 + r * 2.505375335809437e-08;
    q = 2.755740791995925e-06 + r * q;
    q = 2.4801504987587782e-05 + r * q;
    q = 0.00019841269718300978 + r * q;
    q = 0.0013888888931787929 + r * q;
    q = 0.008333333333389968 + r * q;
    q = 0.04166666666657613 + r * q;
    q = 0.16666666666666588 + r * q;
    q = 0.5000000000000006 + r * q;
    LU bits = (LU)shifted, half = bits >> 1;
    D first = (D)(half << 52), second = (D)((bits - half) << 52);
    return (1.0 + (main + (r * r * q - rest))) * first * second;
}

/* exp(x) for x <= 0 or NaN */
INLINE D exp_of_negative_d(D x) {
    return exp_of_sum_d(select_d(x < -746.0, ALL_D(-746.0), x), ALL_D(0.0));
}

/* exp(-|x|) */
INLINE D exp_of_size_d(D x) { return exp_of_negative_d(negative_abs_d(x)); }

INLINE D exp_d(D x) {
    D y = select_d(x > 710.0, ALL_D(710.0), x);
    return exp_of_sum_d(select_d(y < -746.0, ALL_D(-746.0), y), ALL_D(0.0));
}

/* log(2^k * (1 + f)) for sqrt(1/2) <= 1 + f <= sqrt(2); with s = f / (2 + f) it is
   2 * s = f - s * f, and s * f = f * f / 2 - s * f * f / 2, so that f itself enters exactly */
INLINE D log_of_parts_d(D k, D f) {
    D s = f / (2.0 + f), z = s * s, half_square = 0.5 * f * f;
    D q = 0.1531405065918185 + z * 0.14795948652427435;
    q = 0.18183564322035392 + z * q;
    q = 0.22222198573255358 + z * q;
    q = 0.285714287423871 + z * q;
    q = 0.3999999999941468 + z * q;
    q = 0.6666666666666734 + z * q;
    D rest = s * (half_square + z * q) + k * LOG_2_LOW_D;
    return k * LOG_2_HIGH_D + (f - (half_square - rest));
}

/* The exponent k of a positive normal x = 2^k * (1 + f), and f. */
INLINE D exponent_d(D x, D *f) {
    LU bits = (LU)x - HALF_ROOT_BITS_D + ONE_BITS_D;
    *f = (D)((bits & 0x000fffffffffffff) + HALF_ROOT_BITS_D) - 1.0;
    /* its 11 bits into the low ones of a large float: what has no instruction is no conversion */
    return (D)((bits >> 52) | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
}

INLINE D log_d(D x) {
    L subnormal = x < 2.2250738585072014e-308;
    D f, k = exponent_d(select_d(subnormal, x * 18014398509481984.0, x), &f);
    k = k - select_d(subnormal, ALL_D(54.0), ALL_D(0.0));
    D value = select_d(x < INFINITY_D, log_of_parts_d(k, f), x);
    value = select_d(x == 0.0, ALL_D(-INFINITY_D), value);
    return select_d(x >= 0.0, value, NAN_D);
}

/* log(1 + x) for x > -1 and finite; NaN stays NaN */
INLINE D log1p_finite_d(D x) {
    D sum = 1.0 + x, unused, k = exponent_d(sum, &unused);
    D scale = 0.25 * (D)((LU)(1025.0 - k + 4503599627370496.0) << 52); /* 2^-k, maybe subnormal */
    return log_of_parts_d(k, (scale - 1.0) + x * scale);
}

INLINE D log1p_d(D x) {
    D value = log1p_finite_d(x);
    value = select_d(x < INFINITY_D, value, x);
    value = select_d(x == -1.0, ALL_D(-INFINITY_D), value);
    value = select_d(x >= -1.0, value, NAN_D);
    return select_d(x == 0.0, x, value); /* keeps the sign of 0 */
}

/* 1 / (1 + exp(-x)); e is exp(-|x|) */
INLINE D sigmoid_of_d(D x, D e) {
    D share = select_d(x >= 0.0, ALL_D(1.0), e) / (1.0 + e);
    /* where e is small, the rounding of 1 + e would be most of the error */
    return select_d((x < 0.0) & (e < 0.5), e - e * share, share);
}
INLINE D sigmoid_d(D x) { return sigmoid_of_d(x, exp_of_size_d(x)); }

/* With |x| = k log(2) / 2 + h, -0.05 <= h <= 0.31, and t = tanh(h) it is
   ((2^k - 1) + (2^k + 1) t) / ((2^k + 1) + (2^k - 1) t), here halved. The denominator is made from
   the rounded numerator, so that both err together where the result is near 1. */
INLINE D tanh_d(D x) {
    D a = abs_d(x);
    a = select_d(a > 20.0, ALL_D(20.0), a);
    LU bits = (LU)(a * (2.0 * LOG2_E_D) + QUARTER_ROUNDER_D) & ~(uint64_t)3;
    D h = a - ((D)bits - QUARTER_ROUNDER_D) * (0.5 * LOG_2_D);
    D z = h * h;
    D q = -0.0014410148927960973 + z * 0.0005005627254829157;
    q = 0.0035907865259719157 + z * q;
    q = -0.008863164621547593 + z * q;
    q = 0.021869486344787695 + z * q;
    q = -0.05396825393071509 + z * q;
    q = 0.13333333333302194 + z * q;
    q = -0.3333333333333324 + z * q;
    D t = h + h * z * q;
    D half = (D)(bits << 50);
    D over = (half - 0.5) + (half + 0.5) * t;
    D under = over + (1.0 - t);
    return (D)((L)(over / under) | ((L)x & SIGN_D));
}

/* The share of the standard normal distribution above |x|; exp(-x^2 / 2) is left in ``bell``. */
INLINE D normal_tail_d(D x, D *bell) {
    D a = abs_d(x);
    a = select_d(a > 39.0, ALL_D(39.0), a);
    D high = short_d(a);
    *bell = exp_of_sum_d(select_d(a > 38.6, ALL_D(-746.0), -0.5 * (high * high)), -0.5 * ((a - high) * (a + high)));
    const double over[] = {1.3858139316148699e-06, 3.725659512184675e-05, 0.0004904433184315213, 0.004089487357487242,
                           0.023623217577783916,   0.09770185791069555,   0.28933803125113555,   0.5940535537990221,
                           0.7748787538927114,     0.5};
    const double under[] = {3.473720384373693e-06, 9.338843474676599e-05, 0.0012328328096679368, 0.010344213062586335,
                            0.06043703719193768,   0.254966275576749,     0.7820537782580302,    1.7144019451084078,
                            2.561254468416256,     2.347642068588278,     1.0};
    D p = ALL_D(over[0]), q = ALL_D(under[0]);
    for (int i = 1; i < 10; i++) p = over[i] + a * p;
    for (int i = 1; i < 11; i++) q = under[i] + a * q;
    return *bell * (p / q);
}

INLINE D gelu_d(D x) {
    D bell, tail = normal_tail_d(x, &bell);
    return x * select_d(x >= 0.0, 1.0 - tail, tail);
}

INLINE D gelu_slope_d(D x) {
    D bell, tail = normal_tail_d(x, &bell);
    return select_d(x >= 0.0, 1.0 - tail, tail) + x * (0.3989422804014327 * bell);
}

INLINE D gelu_tanh_d(D x) {
    return x * sigmoid_d(x * (1.5957691216057308 + 0.07135481627260025 * (x * x)));
}

INLINE D gelu_tanh_slope_d(D x) {
    D y = select_d(x > 40.0, ALL_D(40.0), x); /* where the slope is 1 already, or 0 */
    y = select_d(y < -40.0, ALL_D(-40.0), y);
    D square = y * y;
    D share = sigmoid_d(y * (1.5957691216057308 + 0.07135481627260025 * square));
    return share + share * (1.0 - share) * (y * (1.5957691216057308 + 0.21406444881780073 * square));
}

/* What a product lost to rounding (Dekker 1971); the factors lie below 2^990. */
INLINE D product_rest_d(D a, D b, D product) {
    D a_high = short_d(a), a_low = a - a_high, b_high = short_d(b), b_low = b - b_high;
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
}

/* log(x) of a positive finite x in two parts, the second what the first lost to rounding, so that
   powers with large exponents are exact too. */
INLINE D log_in_two_parts_d(D x, D *low) {
    L subnormal = x < 2.2250738585072014e-308;
    D f, k = exponent_d(select_d(subnormal, x * 18014398509481984.0, x), &f);
    k = k - select_d(subnormal, ALL_D(54.0), ALL_D(0.0));
    /* s + s_low = f / (2 + f) */
    D below = 2.0 + f, below_low = f - (below - 2.0), s = f / below, product = s * below;
    D s_low = (((f - product) - product_rest_d(s, below, product)) - s * below_low) / below;
    /* the cube, and two thirds of it */
    D z = s * s, z_low = product_rest_d(s, s, z) + 2.0 * s * s_low;
    D cube = z * s, cube_low = product_rest_d(z, s, cube) + (z * s_low + z_low * s);
    D third = cube * 0.6666666666666666;
    D third_low = product_rest_d(cube, ALL_D(0.6666666666666666), third)
                  + (cube * 3.700743415417188e-17 + cube_low * 0.6666666666666666);
    D q = 0.1167483692359069 + z * 0.11988859386729657;
    q = 0.1333631651473396 + z * q;
    q = 0.15384556894403445 + z * q;
    q = 0.1818181886997352 + z * q;
    q = 0.22222222217539223 + z * q;
    q = 0.285714285714451 + z * q;
    q = 0.3999999999999998 + z * q;
    D rest = cube * z * q; /* from the fifth power on */
    /* the parts, from the largest to the smallest: k log(2), 2 s, two thirds of the cube, the rest */
    D twice = s + s, sum = twice + third, sum_low = third - (sum - twice);
    D high = k * LOG_2_HIGH_D, all = high + sum, all_low = select_d(k == 0.0, ALL_D(0.0), sum - (all - high));
    D small = (k * LOG_2_LOW_D + rest) + ((sum_low + all_low) + (third_low + 2.0 * s_low));
    D value = all + small;
    *low = small - (value - all);
    return value;
}

INLINE D pow_d(D base, D exponent) {
    const double huge = 0x1p70; /* to which no base but 1 has a finite power above 0 */
    D y = select_d(exponent > huge, ALL_D(huge), exponent);
    y = select_d(y < -huge, ALL_D(-huge), y);
    L is_normal = (base > 0.0) & (base < INFINITY_D);
    D low, high = log_in_two_parts_d(select_d(is_normal, base, ALL_D(1.0)), &low);
    D product = y * high, rest = product_rest_d(y, high, product) + y * low;
    D bounded = select_d(product > 710.0, ALL_D(710.0), product);
    bounded = select_d(bounded < -746.0, ALL_D(-746.0), bounded);
    D value = exp_of_sum_d(bounded, select_d(bounded == product, rest, ALL_D(0.0)));
    L gives_zero = ((base == 0.0) & (exponent > 0.0)) | ((base == INFINITY_D) & (exponent < 0.0));
    L gives_infinity = ((base == 0.0) & (exponent < 0.0)) | ((base == INFINITY_D) & (exponent > 0.0));
    value = select_d(gives_zero, ALL_D(0.0), select_d(gives_infinity, ALL_D(INFINITY_D), value));
    value = select_d((base >= 0.0) & (exponent == exponent), value, NAN_D);
    return select_d((exponent == 0.0) | (base == 1.0), ALL_D(1.0), value);
}

INLINE D cos_d(D x) {
    D a = abs_d(x);
    D in_range = select_d(a < 1048576.0, a, NAN_D);
    D shifted = in_range * 0.6366197723675814 + ROUNDER_D; /* quarters of a turn */
    D k = shifted - ROUNDER_D;
    /* y + low = a - k * pi / 2; the first two products are exact */
    D near = a - k * 1.5707963267341256, part = k * 6.077100506303966e-11, y = near - part;
    D low = ((near - y) - part) - k * 2.0222662487959506e-21;
    y = y + low;
    D z = y * y;
    D c = 2.0875723681186555e-09 + z * -1.135966967286036e-11;
    c = -2.7557314355222556e-07 + z * c;
    c = 2.480158728949178e-05 + z * c;
    c = -0.0013888888888874138 + z * c;
    c = 0.0416666666666666 + z * c;
    D cosine = 1.0 - (0.5 * z - z * z * c);
    D s = -2.5050758643157516e-08 + z * 1.5896827337533822e-10;
    s = 2.755731369516337e-06 + z * s;
    s = -0.00019841269829816777 + z * s;
    s = 0.008333333333322424 + z * s;
    s = -0.16666666666666632 + z * s;
    D sine = y + y * z * s;
    LU quarter = ((LU)shifted + 2) & 3; /* as 2046 is 2 more than a multiple of 4 */
    D value = select_d((L)((quarter & 1) == 0), cosine, sine);
    LU negative = ((quarter + 1) & 2) << 62; /* quarters 1 and 2: -sin(y), -cos(y) */
    return (D)((LU)value ^ negative);
}
