/* Training by a plan: what the operations do, and the functions that the caller sees.

   docs/kernel.md writes down in which order everything is added up. */
#include "derived.h"
#include "exports.h"
#include "network.h"
#include "optimisers.h"
#if REAL_BITS == 32
#include "wide_loss.h"
#endif

/* The plan in ``memory`` with its block ``number``; ``outputs`` are float64 (outputs, replicas of
   all blocks), ``output_stride`` numbers from one output to the next. */
static Training open_block(char *memory, word number, double *outputs, word output_stride) {
    const Plan *plan = (const Plan *)memory;
    char *block = memory + plan->blocks + number * (word)plan->block_size;
    Training t = {
        .plan = plan,
        .layers = (const Layer *)(memory + plan->layers),
        .tensors = (const Tensor *)(memory + plan->tensors),
        .rates = (const Rate *)(memory + plan->rates),
        .datasets = (const Dataset *)(memory + plan->datasets),
        .constants = (const double *)(memory + plan->constants),
        .memory = memory,
        .block = block,
        .state = (State *)(block + plan->block_state),
        .seeds = (const uint64_t *)(block + plan->block_seeds),
        .slots = (const D *)(block + plan->block_slots),
        .parameters = (V *)(block + plan->block_parameters),
        .moments = (V *)(block + plan->block_moments),
        .orders = (int32_t *)(block + plan->block_orders),
        .gradients = (V *)(memory + plan->gradients),
        .activations = (V *)(memory + plan->activations),
        .first_slope = (V *)(memory + plan->first_slope),
        .second_slope = (V *)(memory + plan->second_slope),
        .targets = (V *)(memory + plan->targets),
        .batch_inputs = (V *)(memory + plan->batch_inputs),
        .batch_targets = (V *)(memory + plan->batch_targets),
        .residuals = (V *)(memory + plan->residuals),
        .alive = (V *)(memory + plan->alive),
        .rate_values = (V *)(memory + plan->rate_values),
        .wide_rates = (D *)(memory + plan->wide_rates),
        .wide_first = (D *)(memory + plan->wide_first),
        .wide_second = (D *)(memory + plan->wide_second),
        .outputs = outputs + number * LANES,
        .output_stride = output_stride,
    };
    return t;
}

/* All examples of a data set, in the order in which they are stored. */
static Batch whole_dataset(const Training *t, int number) {
    const Dataset *data = t->datasets + number;
    return (Batch){
        .inputs = (data->inputs_differ ? t->block : t->memory) + data->inputs,
        .targets = (data->targets_differ ? t->block : t->memory) + data->targets,
        .inputs_differ = data->inputs_differ,
        .targets_differ = data->targets_differ,
        .count = data->examples,
    };
}

/* ``count`` examples from place ``first`` of each lane's order, as [example][number]. */
static void gather(const Training *t, const void *from, int differ, int numbers, int examples,
                   int first, int count, V *to) {
    for (int e = 0; e < count; e++)
        for (int i = 0; i < numbers; i++) {
            REAL *lanes = (REAL *)(to + e * numbers + i);
            for (int lane = 0; lane < LANES; lane++) {
                int place = t->orders[lane * examples + first + e] * numbers + i;
                lanes[lane] = differ ? ((const REAL *)((const V *)from + place))[lane]
                                     : ((const REAL *)from)[place];
            }
        }
}

/* A mini-batch of an epoch's order, copied together. */
static Batch mini_batch(const Training *t, const Operation *o) {
    Batch batch = whole_dataset(t, o->fields[0]);
    const Plan *plan = t->plan;
    int examples = batch.count, epoch = o->fields[1], first = o->fields[2], count = o->fields[3];
    int replace = o->fields[5];
    State *state = t->state;
    if (state->order_examples != examples || state->order_epoch != epoch ||
        state->order_replace != replace) {
        if (replace)
            fill_lane_choices(t->seeds, (uint32_t)examples, (uint32_t)epoch, t->orders);
        else
            fill_orders(t->seeds, (uint32_t)examples, (uint32_t)epoch, t->orders);
        state->order_examples = examples;
        state->order_epoch = epoch;
        state->order_replace = replace;
    }
    gather(t, batch.inputs, batch.inputs_differ, plan->features, examples, first, count,
           t->batch_inputs);
    gather(t, batch.targets, batch.targets_differ, plan->target_width, examples, first, count,
           t->batch_targets);
    batch.inputs = t->batch_inputs;
    batch.targets = t->batch_targets;
    batch.inputs_differ = batch.targets_differ = 1;
    batch.count = count;
    return batch;
}

/* A step on a batch; ``output`` is where its loss goes, or -1. */
static void step_on(const Training *t, Batch batch, int output) {
    batch.training = batch.backward = 1;
    batch.wants_loss = output >= 0;
    batch.dropout_first = t->state->dropout_position;
    V loss = pass_batch(t, &batch);
    if (output >= 0) record(t, output, loss);
    for (int number = 0; number < t->plan->layer_count; number++)
        if (t->layers[number].kind == DROPOUT)
            t->state->dropout_position += (int64_t)batch.count * t->layers[number].inputs;
    take_step(t);
}

/* The norms of the dense layers' weights, or of their gradients. */
static void record_norms(const Training *t, const V *numbers, int output) {
    for (int number = 0; number < t->plan->tensor_count; number++) {
        const Tensor *tensor = t->tensors + number;
        if (tensor->is_weight)
            record(t, output++, sqrt_v(square_sum(numbers + tensor->first, tensor->count)));
    }
}

/* The variance, over all of one replica's numbers and corrected by one, in two passes. */
WIDE_FUNCTION static V variance(const void *numbers, int differ, int count) {
    D sum = {0}, squares = {0};
    for (int k = 0; k < count; k++)
        sum = sum + to_wide(differ ? ((const V *)numbers)[k] : ALL(((const REAL *)numbers)[k]));
    D mean = sum / (double)count;
    for (int k = 0; k < count; k++) {
        V number = differ ? ((const V *)numbers)[k] : ALL(((const REAL *)numbers)[k]);
        D distance = to_wide(number) - mean;
        squares = squares + distance * distance;
    }
    return to_real(squares / (double)(count - 1));
}

/* The share of a layer's units that were noted as above 0. */
static V share_alive(const Training *t, const Layer *layer) {
    const I *alive = (const I *)(t->alive + layer->alive), finite = alive[layer->outputs];
    V sum = ALL(0);
    for (int u = 0; u < layer->outputs; u++) sum = sum + select_v(alive[u], ALL(1), ALL(0));
    return select_v(finite, sum / (REAL)layer->outputs, ALL(__builtin_nan("")));
}

/* Whether an operation looks at the examples of a data set without changing anything. */
static int is_recorder(const Operation *o) {
    return o->code == LOSS || o->code == GRADIENT_NORMS || o->code == ALIVE ||
           o->code == UNEXPLAINED || o->code == PREDICT;
}

/* Recorders of one data set that follow each other: one pass over it serves them all. */
static void run_recorders(const Training *t, const Operation *first, const Operation *last) {
    Batch batch = whole_dataset(t, first->fields[0]);
    batch.first_recorder = first;
    batch.last_recorder = last;
    for (const Operation *o = first; o < last; o++) {
        batch.wants_loss |= o->code == LOSS;
        batch.backward |= o->code == GRADIENT_NORMS;
        batch.wants_residuals |= o->code == UNEXPLAINED;
        if (o->code == ALIVE) {
            const Layer *layer = t->layers + o->fields[1];
            I *alive = (I *)(t->alive + layer->alive);
            for (int u = 0; u < layer->outputs; u++) alive[u] = (I){0};
            alive[layer->outputs] = (I){0} == 0;
        }
    }
    V loss = pass_batch(t, &batch);
    int numbers = batch.count * t->plan->width;
    for (const Operation *o = first; o < last; o++) {
        if (o->code == LOSS) record(t, o->fields[1], loss);
        if (o->code == GRADIENT_NORMS) record_norms(t, t->gradients, o->fields[1]);
        if (o->code == ALIVE) record(t, o->fields[2], share_alive(t, t->layers + o->fields[1]));
        if (o->code == UNEXPLAINED)
            record(t, o->fields[1], variance(t->residuals, 1, numbers) /
                                        variance(batch.targets, batch.targets_differ, numbers));
    }
}

/* The operation after those that were done together. */
static const Operation *run_next(const Training *t, const Operation *o, const Operation *end) {
    if (o->code == STEP) {
        step_on(t, whole_dataset(t, o->fields[0]), o->fields[1]);
    } else if (o->code == STEP_BATCH) {
        step_on(t, mini_batch(t, o), o->fields[4]);
    } else if (o->code == WEIGHT_NORMS) {
        record_norms(t, t->parameters, o->fields[0]);
#if REAL_BITS == 32 /* in float64 it is LOSS */
    } else if (o->code == WIDE_LOSS) {
        record_wide(t, o->fields[1], wide_loss(t, t->datasets + o->fields[0]));
#endif
    } else if (o->code == DERIVE) {
        record_derived(t, o);
    } else {
        const Operation *last = o + 1;
        while (last < end && is_recorder(last) && last->fields[0] == o->fields[0]) last++;
        run_recorders(t, o, last);
        return last;
    }
    return o + 1;
}

/* How many replicas a block has. */
EXPORT word REAL_NAME(block_replicas)(void) { return LANES; }

/* Brings blocks [first_block, last_block) to where training starts: weights, moments, counts.
   ``memory`` holds a plan. Returns 0. */
EXPORT word REAL_NAME(start_training)(char *memory, word first_block, word last_block) {
    for (word number = first_block; number < last_block; number++) {
        Training t = open_block(memory, number, 0, 0);
        *t.state = (State){0};
        int moments = t.plan->moment_count * t.plan->parameter_count;
        for (int k = 0; k < moments; k++) t.moments[k] = ALL(0);
        for (int i = 0; i < t.plan->tensor_count; i++) {
            const Tensor *tensor = t.tensors + i;
            D scale = tensor->scale < 0 ? ALL_D(1) : t.slots[tensor->scale];
            const char *start = (tensor->start_differs ? t.block : t.memory) + tensor->start;
            for (int k = 0; k < tensor->count; k++) {
                D value = tensor->start_differs ? ((const D *)start)[k]
                                                : ALL_D(((const double *)start)[k]);
                t.parameters[tensor->first + k] = to_real(value * scale);
            }
        }
    }
    return 0;
}

/* Runs operations [first, last) for blocks [first_block, last_block), from wherever these are.
   ``outputs`` are float64 (outputs, ``output_stride``), a row of which has one number a replica of
   every block; ``memory`` holds a plan. Returns 0. */
EXPORT word REAL_NAME(run_operations)(char *memory, double *outputs, word output_stride, word first,
                                      word last, word first_block, word last_block) {
    for (word number = first_block; number < last_block; number++) {
        Training t = open_block(memory, number, outputs, output_stride);
        const Operation *operations = (const Operation *)(memory + t.plan->operations);
        set_rates(&t, 0);
        for (const Operation *o = operations + first; o < operations + last;)
            o = run_next(&t, o, operations + last);
    }
    return 0;
}
