/* How a plan lies in memory. quizserver/kernel/layout.py writes it, in the same order of fields.

   The memory of a training is one piece. It begins with a Plan; every offset in it is in bytes. What
   all replicas share comes first, then the scratch that one block at a time uses, then the blocks:
   LANES replicas each, all of the same size, one after another. Offsets named block_… count from the
   beginning of a block, all others from the beginning of the memory.

   Nothing here is checked: quizserver/kernel/plan_checks.py has checked every index and size. */
#ifndef QUIZSERVER_PLAN_H
#define QUIZSERVER_PLAN_H

#include "numbers.h"

enum LayerKind { DENSE, TANH, SIGMOID, RELU, LEAKY_RELU, GELU, GELU_TANH, DROPOUT };
enum LossKind { MSE, BINARY_CROSS_ENTROPY_WITH_LOGITS, CROSS_ENTROPY };
enum OptimiserKind { SGD, ADAM, ADAMW, RMSPROP };
enum RateKind { CONSTANT, STEP_DOWN, EXPONENTIAL, COSINE, WARM_UP, GEOMETRIC, CHANGE_AT };
enum OperationCode {
    STEP, STEP_BATCH, LOSS, GRADIENT_NORMS, WEIGHT_NORMS, ALIVE, UNEXPLAINED, PREDICT, WIDE_LOSS,
    DERIVE
};

/* Examples that go through the network together; their activations lie side by side. */
#define TOGETHER 4

typedef struct {
    int32_t layer_count, tensor_count, rate_count, parameter_count;
    int32_t features, width, target_width, loss;
    int32_t optimiser, nesterov, centered, moment_count;
    int32_t momentum, beta1, beta2, alpha, max_norm; /* slots; max_norm is -1 where nothing clips */
    int32_t layers, tensors, rates, datasets, operations, constants;
    /* scratch: vectors */
    int32_t activations, first_slope, second_slope, targets, gradients, rate_values, wide_rates;
    int32_t batch_inputs, batch_targets, residuals, alive, wide_first, wide_second;
    int32_t blocks, block_size;
    int32_t block_state, block_seeds, block_slots, block_parameters, block_moments, block_orders;
} Plan;

/* ``weight`` and ``bias`` are the first of the layer's parameters, bias -1 where there is none.
   ``input``, ``output`` and ``factor`` are places among the activations. ``number`` is the slot of
   dropout's rate, or the place of a leaky ReLU's slope among the constants. ``alive`` is where the
   layer's units are noted by the recorder ALIVE. */
typedef struct {
    int32_t kind, inputs, outputs, weight, bias, input, output, factor, number, alive;
} Layer;

/* Where one tensor's parameters are among all, its rate, the slot of its weight decay, and where it
   starts: float64 numbers in the memory, or in each block where replicas differ; ``scale`` is a
   slot or -1. */
typedef struct {
    int32_t first, count, is_weight, rate, weight_decay, start, start_differs, scale;
} Tensor;

/* A schedule of slots; the base of a warm-up is a row above it. */
typedef struct {
    int32_t kind, first, second, third;
} Rate;

/* REAL numbers in the memory, or vectors in each block where replicas differ. */
typedef struct {
    int32_t examples, inputs, inputs_differ, targets, targets_differ;
} Dataset;

typedef struct {
    int32_t code, fields[7];
} Operation;

/* What a block remembers between two calls, besides its parameters and moments. ``order_examples``
   is 0 as long as no order of examples has been drawn, ``order_replace`` whether they were drawn with
   replacement. */
typedef struct {
    int64_t steps, dropout_position;
    int32_t order_epoch, order_examples, order_replace;
} State;

/* The plan and one block of replicas, with addresses instead of offsets. */
typedef struct {
    const Plan *plan;
    const Layer *layers;
    const Tensor *tensors;
    const Rate *rates;
    const Dataset *datasets;
    const double *constants;
    char *memory, *block;
    State *state;
    const uint64_t *seeds;
    const D *slots;
    V *parameters, *moments, *gradients, *activations, *first_slope, *second_slope, *targets;
    V *batch_inputs, *batch_targets, *residuals, *alive, *rate_values;
    D *wide_rates, *wide_first, *wide_second;
    int32_t *orders;
    double *outputs;
    int64_t output_stride;
} Training;

#if REAL_BITS == 32
INLINE V to_real(D x) { return __builtin_convertvector(x, V); }
INLINE D to_wide(V x) { return __builtin_convertvector(x, D); }
#else
INLINE V to_real(D x) { return x; }
INLINE D to_wide(V x) { return x; }
#endif

INLINE V slot_v(const Training *t, int32_t slot) { return to_real(t->slots[slot]); }

/* Notes one number a replica; every NaN has the same bits. */
INLINE void record_wide(const Training *t, int32_t output, D value) {
    *(D *)(t->outputs + output * t->output_stride) = canonical_d(value);
}
INLINE void record(const Training *t, int32_t output, V value) {
    record_wide(t, output, to_wide(canonical_v(value)));
}

#endif
