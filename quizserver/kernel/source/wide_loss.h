/* The loss in float64 of the weights and examples as they are: what a training in float32 has
   reached, seen without the rounding of the look. */
#ifndef QUIZSERVER_WIDE_LOSS_H
#define QUIZSERVER_WIDE_LOSS_H

#include "dense.h"

/* Number ``place`` of examples that lie as in a data set. */
INLINE D wide_number(const void *numbers, int differ, int place) {
    return to_wide(differ ? ((const V *)numbers)[place] : ALL(((const REAL *)numbers)[place]));
}

WIDE_FUNCTION static void wide_dense(const Training *t, const Layer *layer, const D *in, D *out) {
    const V *weight = t->parameters + layer->weight;
    for (int o = 0; o < layer->outputs; o++) {
        D sum = layer->bias < 0 ? ALL_D(0) : to_wide(t->parameters[layer->bias + o]);
        for (int i = 0; i < layer->inputs; i++)
            sum = sum + in[i] * to_wide(weight[i * layer->outputs + o]);
        out[o] = sum;
    }
}

/* An activation of ``count`` numbers, in place; recorders drop nothing. */
WIDE_FUNCTION static void wide_activate(const Training *t, const Layer *layer, D *x, int count) {
    D below = layer->kind == LEAKY_RELU ? ALL_D(t->constants[layer->number]) : ALL_D(0);
    for (int k = 0; k < count; k++) switch (layer->kind) {
        case TANH: x[k] = tanh_d(x[k]); break;
        case SIGMOID: x[k] = sigmoid_d(x[k]); break;
        case RELU: x[k] = select_d(x[k] <= 0, ALL_D(0), x[k]); break;
        case LEAKY_RELU: x[k] = select_d(x[k] > 0, x[k], x[k] * below); break;
        case GELU: x[k] = gelu_d(x[k]); break;
        case GELU_TANH: x[k] = gelu_tanh_d(x[k]); break;
        }
}

/* What the network answers to example ``number`` of a data set. */
WIDE_FUNCTION static const D *wide_forward(const Training *t, const Dataset *data, int number) {
    const char *inputs = (data->inputs_differ ? t->block : t->memory) + data->inputs;
    D *values = t->wide_first, *next = t->wide_second;
    int features = t->plan->features;
    for (int i = 0; i < features; i++)
        values[i] = wide_number(inputs, data->inputs_differ, number * features + i);
    for (int place = 0; place < t->plan->layer_count; place++) {
        const Layer *layer = t->layers + place;
        if (layer->kind != DENSE) {
            wide_activate(t, layer, values, layer->inputs);
            continue;
        }
        wide_dense(t, layer, values, next);
        D *kept = values;
        values = next;
        next = kept;
    }
    return values;
}

WIDE_FUNCTION static D wide_class_loss(const D *logits, D class, int width) {
    D largest = logits[0], chosen = ALL_D(0), sum = ALL_D(0);
    for (int k = 1; k < width; k++)
        largest = select_d(logits[k] > largest, logits[k], largest);
    largest = select_d(abs_d(largest) < INFINITY_D, largest,
                       select_d(largest == largest, ALL_D(0), largest));
    for (int k = 0; k < width; k++) {
        D moved = logits[k] - largest;
        sum = sum + exp_d(moved);
        chosen = select_d(class == (double)k, moved, chosen);
    }
    return log_d(sum) - chosen;
}

/* The mean of the losses of a data set: example by example, output by output. */
WIDE_FUNCTION static D wide_loss(const Training *t, const Dataset *data) {
    const Plan *plan = t->plan;
    const char *targets = (data->targets_differ ? t->block : t->memory) + data->targets;
    int width = plan->loss == CROSS_ENTROPY ? 1 : plan->width;
    D sum = {0};
    for (int e = 0; e < data->examples; e++) {
        const D *out = wide_forward(t, data, e);
        for (int o = 0; o < width; o++) {
            D z = out[o], y = wide_number(targets, data->targets_differ, e * width + o);
            if (plan->loss == MSE)
                sum = sum + (z - y) * (z - y);
            else if (plan->loss == CROSS_ENTROPY)
                sum = sum + wide_class_loss(out, y, plan->width);
            else
                sum = sum + (select_d(z <= 0, ALL_D(0), z) - z * y +
                             log1p_d(exp_of_negative_d(negative_abs_d(z))));
        }
    }
    return sum / ((double)data->examples * width);
}

#endif
