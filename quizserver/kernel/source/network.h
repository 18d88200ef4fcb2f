/* A chain of layers: forwards, the loss, and backwards, for a few examples at a time. */
#ifndef QUIZSERVER_NETWORK_H
#define QUIZSERVER_NETWORK_H

#include "dense.h"
#include "lane_draws.h"

/* The examples of a step or of a recorder, and what is wanted of them. Recorders are the operations
   from ``first_recorder`` on, up to ``last_recorder``: all of them look at the same examples. */
typedef struct {
    const void *inputs, *targets;
    int inputs_differ, targets_differ, count;
    int training; /* whether dropout drops */
    int backward;
    int wants_loss, wants_residuals;
    const Operation *first_recorder, *last_recorder;
    int64_t dropout_first; /* the dropout layer's place in its stream, before this batch */
} Batch;

/* ``E`` examples from ``first`` on, as [number][example] */
INLINE void load_examples(const void *from, int differ, int numbers, int first, int E, V *to) {
    for (int e = 0; e < E; e++)
        for (int i = 0; i < numbers; i++) {
            int place = (first + e) * numbers + i;
            to[i * E + e] = differ ? ((const V *)from)[place] : ALL(((const REAL *)from)[place]);
        }
}

/* ``count`` vectors as W; an odd one takes along what follows it, which lies among the same numbers:
   they are TOGETHER examples long. */
INLINE int pairs_of(int count) { return (count + VECTORS_OF_W - 1) / VECTORS_OF_W; }

WIDE_FUNCTION static void activate(const Training *t, const Layer *layer, int count) {
    const V *in = t->activations + layer->input;
    V *out = t->activations + layer->output;
    switch (layer->kind) {
    case TANH:
        for (int k = 0; k < pairs_of(count); k++) ((W *)out)[k] = tanh_w(((const W *)in)[k]);
        break;
    case SIGMOID:
        for (int k = 0; k < pairs_of(count); k++) ((W *)out)[k] = sigmoid_w(((const W *)in)[k]);
        break;
    case RELU: /* as torch, NaN stays NaN */
        for (int k = 0; k < count; k++) out[k] = select_v(in[k] <= 0, ALL(0), in[k]);
        break;
    case LEAKY_RELU: {
        V slope = ALL(t->constants[layer->number]);
        for (int k = 0; k < count; k++) out[k] = select_v(in[k] > 0, in[k], in[k] * slope);
        break;
    }
    case GELU:
        for (int k = 0; k < count; k++) out[k] = gelu_v(in[k]);
        break;
    case GELU_TANH:
        for (int k = 0; k < count; k++) out[k] = gelu_tanh_v(in[k]);
        break;
    }
}

/* The slope of the loss by an activation's input, in place of that by its output. */
WIDE_FUNCTION static void activate_back(const Training *t, const Layer *layer, V *slope, int count) {
    const V *in = t->activations + layer->input, *out = t->activations + layer->output;
    switch (layer->kind) {
    case TANH:
        for (int k = 0; k < count; k++) slope[k] = slope[k] * (1 - out[k] * out[k]);
        break;
    case SIGMOID:
        for (int k = 0; k < count; k++) slope[k] = slope[k] * ((1 - out[k]) * out[k]);
        break;
    case RELU:
        for (int k = 0; k < count; k++) slope[k] = select_v(out[k] <= 0, ALL(0), slope[k]);
        break;
    case LEAKY_RELU: { /* a slope of at least 0 leaves the sign, also where input and output are one */
        V below = ALL(t->constants[layer->number]);
        for (int k = 0; k < count; k++) slope[k] = select_v(out[k] > 0, slope[k], slope[k] * below);
        break;
    }
    case GELU:
        for (int k = 0; k < count; k++) slope[k] = slope[k] * gelu_slope_v(in[k]);
        break;
    case GELU_TANH:
        for (int k = 0; k < count; k++) slope[k] = slope[k] * gelu_tanh_slope_v(in[k]);
        break;
    }
}

/* Inverted dropout: example e's unit u has number first + e * units + u of the dropout stream. */
WIDE_FUNCTION static void drop(const Training *t, const Layer *layer, int64_t first, int E) {
    const V *in = t->activations + layer->input;
    V *out = t->activations + layer->output, *factor = t->activations + layer->factor;
    int units = layer->inputs;
    V rate = slot_v(t, layer->number);
    V kept = select_v(rate < 1, 1 / (1 - rate), ALL(0));
    D pair[2] = {{0}, {0}};
    int64_t drawn = -1;
    for (int e = 0; e < E; e++)
        for (int u = 0; u < units; u++) {
            int64_t index = first + (int64_t)e * units + u;
            if (index >> 1 != drawn) {
                drawn = index >> 1;
                uniform_pair(t->seeds, DROPOUT_STREAM, (uint64_t)drawn, pair);
            }
            int k = u * E + e;
            /* a product and not a choice: what is not finite stays so, as in torch */
            factor[k] = select_v(to_real(pair[index & 1]) >= rate, ALL(1), ALL(0)) * kept;
            out[k] = in[k] * factor[k];
        }
}

/* Notes which units were above 0 in one of the examples, and whether all of them were finite. */
static void note_alive(const Training *t, const Layer *layer, int E) {
    const V *out = t->activations + layer->output;
    I *alive = (I *)(t->alive + layer->alive), *finite = alive + layer->outputs;
    for (int u = 0; u < layer->outputs; u++)
        for (int e = 0; e < E; e++) {
            V value = out[u * E + e];
            alive[u] |= value > 0;
            *finite &= abs_v(value) < (REAL)__builtin_inf();
        }
}

WIDE_FUNCTION static void forward(const Training *t, const Batch *batch, int first, int E) {
    const Plan *plan = t->plan;
    int64_t dropout_first = batch->dropout_first;
    load_examples(batch->inputs, batch->inputs_differ, plan->features, first, E, t->activations);
    for (int number = 0; number < plan->layer_count; number++) {
        const Layer *layer = t->layers + number;
        const V *in = t->activations + layer->input;
        V *out = t->activations + layer->output;
        if (layer->kind == DENSE) {
            const V *weight = t->parameters + layer->weight;
            const V *bias = layer->bias < 0 ? 0 : t->parameters + layer->bias;
            if (E == TOGETHER)
                dense_forward(weight, bias, in, out, layer->inputs, layer->outputs, TOGETHER);
            else
                dense_forward(weight, bias, in, out, layer->inputs, layer->outputs, 1);
        } else if (layer->kind != DROPOUT) {
            activate(t, layer, layer->inputs * E);
        } else if (batch->training) {
            drop(t, layer, dropout_first + (int64_t)first * layer->inputs, E);
            dropout_first += (int64_t)batch->count * layer->inputs;
        } else {
            for (int k = 0; k < layer->inputs * E; k++) out[k] = in[k];
        }
        for (const Operation *o = batch->first_recorder; o < batch->last_recorder; o++)
            if (o->code == ALIVE && o->fields[1] == number) {
                note_alive(t, layer, E);
                break;
            }
    }
}

WIDE_FUNCTION static void backward(const Training *t, const Batch *batch, int first, int E) {
    const Plan *plan = t->plan;
    V *slope = t->first_slope, *other = t->second_slope;
    for (int number = plan->layer_count - 1; number >= 0; number--) {
        const Layer *layer = t->layers + number;
        if (layer->kind == DENSE) {
            const V *in = t->activations + layer->input, *weight = t->parameters + layer->weight;
            V *gradient = t->gradients + layer->weight;
            V *bias = layer->bias < 0 ? 0 : t->gradients + layer->bias;
            int inputs = layer->inputs, outputs = layer->outputs;
            if (E == TOGETHER)
                dense_gradient(gradient, bias, in, slope, inputs, outputs, first == 0, TOGETHER);
            else
                dense_gradient(gradient, bias, in, slope, inputs, outputs, first == 0, 1);
            if (layer->weight == 0) return; /* nobody asks for the slope of the data */
            if (E == TOGETHER)
                dense_slope(weight, slope, other, inputs, outputs, TOGETHER);
            else
                dense_slope(weight, slope, other, inputs, outputs, 1);
            V *kept = slope;
            slope = other;
            other = kept;
        } else if (layer->kind == DROPOUT) {
            if (!batch->training) continue;
            const V *factor = t->activations + layer->factor;
            for (int k = 0; k < layer->inputs * E; k++) slope[k] = slope[k] * factor[k];
        } else {
            activate_back(t, layer, slope, layer->inputs * E);
        }
    }
}

/* Cross entropy of one example, and its slope in place of nothing. */
INLINE V class_loss(const V *logits, V class, V *slope, int width, int E, V share) {
    V largest = logits[0], chosen = ALL(0), sum = ALL(0);
    for (int k = 1; k < width; k++)
        largest = select_v(logits[k * E] > largest, logits[k * E], largest);
    /* as in torch: what is infinite is not subtracted from itself */
    largest = select_v(abs_v(largest) < (REAL)__builtin_inf(), largest,
                       select_v(largest == largest, ALL(0), largest));
    for (int k = 0; k < width; k++) {
        V moved = logits[k * E] - largest;
        slope[k * E] = exp_v(moved);
        sum = sum + slope[k * E];
        chosen = select_v(class == (REAL)k, moved, chosen);
    }
    for (int k = 0; k < width; k++) {
        V wanted = select_v(class == (REAL)k, ALL(1), ALL(0));
        slope[k * E] = (slope[k * E] / sum - wanted) * share;
    }
    return log_v(sum) - chosen;
}

/* Binary cross entropy of ``count`` logits: the slopes of its mean and, in place of the targets, its
   terms. */
INLINE void binary_losses(const V *logits, V *targets, V *slopes, int count, REAL share, int wants_loss) {
    for (int k = 0; k < pairs_of(count); k++) {
        W z = ((const W *)logits)[k], y = ((const W *)targets)[k], e = exp_of_size_w(z);
        ((W *)slopes)[k] = (sigmoid_of_w(z, e) - y) * share;
        if (wants_loss) ((W *)targets)[k] = binary_cross_entropy_w(z, e, y);
    }
}

/* The same of the squared error, whose slope is ``twice`` the difference. */
INLINE void squared_losses(const V *outputs, V *targets, V *slopes, int count, REAL twice) {
    for (int k = 0; k < count; k++) {
        V difference = outputs[k] - targets[k];
        slopes[k] = difference * twice;
        targets[k] = difference * difference;
    }
}

/* The sum of the losses of these examples added to ``total``, and the slope of their mean. */
WIDE_FUNCTION static void add_loss(const Training *t, const Batch *batch, int first, int E, D *total) {
    const Plan *plan = t->plan;
    int width = plan->width, count = width * E;
    const V *out = t->activations + t->layers[plan->layer_count - 1].output;
    V *slope = t->first_slope, *targets = t->targets;
    load_examples(batch->targets, batch->targets_differ, plan->target_width, first, E, targets);
    double share = 1.0 / ((double)batch->count * (plan->loss == CROSS_ENTROPY ? 1 : width));
    D sum = *total;
    if (plan->loss == CROSS_ENTROPY) {
        for (int e = 0; e < E; e++)
            sum = sum +
                  to_wide(class_loss(out + e, targets[e], slope + e, width, E, ALL(share)));
        *total = sum;
        return;
    }
    for (int k = 0; batch->wants_residuals && k < count; k++)
        t->residuals[(first + k % E) * width + k / E] = out[k] - targets[k];
    if (plan->loss == MSE)
        squared_losses(out, targets, slope, count, (REAL)(2 * share));
    else
        binary_losses(out, targets, slope, count, (REAL)share, batch->wants_loss);
    for (int e = 0; e < E; e++)
        for (int o = 0; o < width; o++) sum = sum + to_wide(targets[o * E + e]);
    *total = sum;
}

static void note_predictions(const Training *t, const Batch *batch, int first, int E) {
    int width = t->plan->width;
    const V *out = t->activations + t->layers[t->plan->layer_count - 1].output;
    for (const Operation *o = batch->first_recorder; o < batch->last_recorder; o++)
        for (int k = 0; o->code == PREDICT && k < width * E; k++)
            record(t, o->fields[1] + (first + k % E) * width + k / E, out[k]);
}

/* All examples of a batch, in order; returns the mean of their losses. */
WIDE_FUNCTION static V pass_batch(const Training *t, const Batch *batch) {
    D total = {0};
    for (int first = 0; first < batch->count;) {
        int E = batch->count - first >= TOGETHER ? TOGETHER : 1;
        forward(t, batch, first, E);
        add_loss(t, batch, first, E, &total);
        if (batch->backward) backward(t, batch, first, E);
        note_predictions(t, batch, first, E);
        first += E;
    }
    int numbers = t->plan->loss == CROSS_ENTROPY ? 1 : t->plan->width;
    return to_real(total / ((double)batch->count * numbers));
}

#endif
