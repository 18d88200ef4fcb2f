/* Learning rates, clipping and the update rules of torch.optim, each in one pass over the weights. */
#ifndef QUIZSERVER_OPTIMISERS_H
#define QUIZSERVER_OPTIMISERS_H

#include "dense.h"

INLINE D smaller_d(D a, D b) { return select_d(a < b, a, b); }

/* The largest whole number up to x, for x >= 0. */
INLINE D floor_d(D x) {
    D near = (x + 0x1p52) - 0x1p52;
    D below = select_d(near > x, near - 1, near);
    return select_d(x < 0x1p52, below, x);
}

/* base to a whole power, by squaring */
INLINE D whole_power(D base, int64_t exponent) {
    D power = ALL_D(1);
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) power = power * base;
        base = base * base;
    }
    return power;
}

/* The rate of one row at a step, from the step and the base rate alone, never from another step. What
   is a power is computed in one place, as the code of a power is long. */
WIDE_FUNCTION static D rate_at(const Training *t, const Rate *rate, int64_t step) {
    const D *slots = t->slots;
    D now = ALL_D(step), base, exponent;
    switch (rate->kind) {
    case STEP_DOWN:
        base = slots[rate->third];
        exponent = floor_d(now / slots[rate->second]);
        break;
    case EXPONENTIAL:
        base = slots[rate->second];
        exponent = now;
        break;
    case GEOMETRIC:
        base = slots[rate->second];
        exponent = smaller_d(now / slots[rate->third], ALL_D(1));
        break;
    case COSINE: {
        D passed = smaller_d(now / slots[rate->second], ALL_D(1)), last = slots[rate->third];
        D share = (1 + cos_d(3.14159265358979323846 * passed)) / 2;
        return last + (slots[rate->first] - last) * share;
    }
    case WARM_UP:
        return t->wide_rates[rate->first] * smaller_d((now + 1) / slots[rate->second], ALL_D(1));
    case CHANGE_AT:
        return slots[rate->first] *
               select_d(now >= slots[rate->second], slots[rate->third], ALL_D(1));
    default:
        return slots[rate->first];
    }
    return slots[rate->first] * pow_d(base, exponent);
}

/* The rates of the step that comes now; schedules only, where the others have not changed. */
static void set_rates(const Training *t, int schedules_only) {
    for (int row = 0; row < t->plan->rate_count; row++) {
        if (schedules_only && t->rates[row].kind == CONSTANT) continue;
        t->wide_rates[row] = rate_at(t, t->rates + row, t->state->steps);
        t->rate_values[row] = to_real(t->wide_rates[row]);
    }
}

/* The sum of the squares, each rounded, summed in float64 and rounded at the end. */
WIDE_FUNCTION static V square_sum(const V *numbers, int count) {
    D sum = {0};
    for (int k = 0; k < count; k++) sum = sum + to_wide(numbers[k] * numbers[k]);
    return to_real(sum);
}

/* As torch.nn.utils.clip_grad_norm_, for each replica by itself. */
WIDE_FUNCTION static void clip_gradients(const Training *t) {
    V total = ALL(0);
    for (int number = 0; number < t->plan->tensor_count; number++) {
        const Tensor *tensor = t->tensors + number;
        total = total + square_sum(t->gradients + tensor->first, tensor->count);
    }
    V factor = slot_v(t, t->plan->max_norm) / (sqrt_v(total) + (REAL)1e-6);
    factor = select_v(factor > 1, ALL(1), factor);
    for (int k = 0; k < t->plan->parameter_count; k++) t->gradients[k] = t->gradients[k] * factor;
}

INLINE int any_but_zero(V x) {
    for (int lane = 0; lane < LANES; lane++)
        if (x[lane] != 0) return 1;
    return 0;
}

/* The running mean of what it is given; ``share`` is that of the new. As torch.lerp, which goes from
   whichever end is nearer. */
typedef struct {
    I near;
    V share;
} Mean;

INLINE Mean mean_of(D stays) {
    V share = to_real(1 - stays);
    I near = share < (REAL)0.5;
    return (Mean){near, select_v(near, share, -(1 - share))};
}
INLINE V next_mean(Mean mean, V before, V now) {
    return select_v(mean.near, before, now) + mean.share * (now - before);
}

/* Coupled decay: that of an L2 penalty. A replica without any is left alone, whatever its weight. */
INLINE V decayed(V gradient, V weight, V decay) {
    return select_v(decay == 0, gradient, gradient + weight * decay);
}

WIDE_FUNCTION static void update_sgd(const Training *t, const Tensor *tensor) {
    V *weights = t->parameters + tensor->first, *gradients = t->gradients + tensor->first;
    V *velocities = t->moments + tensor->first;
    V rate = t->rate_values[tensor->rate], decay = slot_v(t, tensor->weight_decay);
    V momentum = slot_v(t, t->plan->momentum);
    int moves_on = any_but_zero(momentum), nesterov = t->plan->nesterov;
    for (int k = 0; k < tensor->count; k++) {
        V gradient = decayed(gradients[k], weights[k], decay), direction = gradient;
        if (moves_on) {
            V velocity = select_v(momentum == 0, gradient, velocities[k] * momentum + gradient);
            velocities[k] = velocity;
            direction = nesterov ? gradient + velocity * momentum : velocity;
            /* as if it had no company with momentum */
            direction = select_v(momentum == 0, gradient, direction);
        }
        weights[k] = weights[k] - direction * rate;
    }
}

WIDE_FUNCTION static void update_adam(const Training *t, const Tensor *tensor) {
    const Plan *plan = t->plan;
    V *weights = t->parameters + tensor->first, *gradients = t->gradients + tensor->first;
    V *firsts = t->moments + tensor->first, *seconds = firsts + plan->parameter_count;
    V rate = t->rate_values[tensor->rate], decay = slot_v(t, tensor->weight_decay);
    V epsilon = ALL(t->constants[0]);
    int decoupled = plan->optimiser == ADAMW;
    D beta1 = t->slots[plan->beta1], beta2 = t->slots[plan->beta2];
    Mean mean = mean_of(beta1);
    V stays = to_real(beta2), joins = to_real(1 - beta2);
    int64_t steps = t->state->steps + 1;
    V first_share = to_real(1 - whole_power(beta1, steps));
    V second_share = to_real(1 - whole_power(beta2, steps));
    V step = rate / first_share, shrinks = 1 - rate * decay;
    for (int k = 0; k < tensor->count; k++) {
        V weight = weights[k], gradient = gradients[k];
        if (decoupled)
            weight = weight * shrinks;
        else
            gradient = decayed(gradient, weight, decay);
        V first = next_mean(mean, firsts[k], gradient);
        V second = seconds[k] * stays + joins * gradient * gradient;
        firsts[k] = first;
        seconds[k] = second;
        weights[k] = weight - step * (first / (sqrt_v(second / second_share) + epsilon));
    }
}

WIDE_FUNCTION static void update_rmsprop(const Training *t, const Tensor *tensor) {
    const Plan *plan = t->plan;
    V *weights = t->parameters + tensor->first, *gradients = t->gradients + tensor->first;
    V *squares = t->moments + tensor->first, *velocities = squares + plan->parameter_count;
    V *means = velocities + plan->parameter_count;
    V rate = t->rate_values[tensor->rate], decay = slot_v(t, tensor->weight_decay);
    V momentum = slot_v(t, plan->momentum), epsilon = ALL(t->constants[0]);
    int moves_on = any_but_zero(momentum), centered = plan->centered;
    D alpha = t->slots[plan->alpha];
    Mean mean = mean_of(alpha);
    V stays = to_real(alpha), joins = to_real(1 - alpha);
    for (int k = 0; k < tensor->count; k++) {
        V gradient = decayed(gradients[k], weights[k], decay);
        V square = squares[k] * stays + joins * gradient * gradient;
        squares[k] = square;
        if (centered) {
            means[k] = next_mean(mean, means[k], gradient);
            square = square - means[k] * means[k];
        }
        V direction = gradient / (sqrt_v(square) + epsilon);
        if (moves_on) {
            V velocity = velocities[k] * momentum + direction;
            direction = select_v(momentum == 0, direction, velocity);
            velocities[k] = direction;
        }
        weights[k] = weights[k] - direction * rate;
    }
}

/* One step of the optimiser by the gradients that are there. */
static void take_step(const Training *t) {
    if (t->plan->max_norm >= 0) clip_gradients(t);
    set_rates(t, 1);
    for (int number = 0; number < t->plan->tensor_count; number++) {
        const Tensor *tensor = t->tensors + number;
        if (t->plan->optimiser == SGD)
            update_sgd(t, tensor);
        else if (t->plan->optimiser == RMSPROP)
            update_rmsprop(t, tensor);
        else
            update_adam(t, tensor);
    }
    t->state->steps += 1;
}

#endif
