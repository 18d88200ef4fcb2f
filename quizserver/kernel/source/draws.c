/* What quizserver/kernel/draws.py calls: draws of many seeds, in arrays with a row a seed. */
#include "exports.h"

#define REAL double
#define REAL_BITS 64
#include "draws.h"

/* numbers (seeds, count): number first, first + 1, … of the stream of each seed. Returns how many. */
EXPORT word fill_uniform_numbers(const uint64_t *seeds, word seed_count, word stream, word first, word count,
                                 double *numbers) {
    for (word s = 0; s < seed_count; s++)
        fill_uniform(seeds[s], (uint32_t)stream, (uint64_t)first, count, numbers + s * count);
    return seed_count * count;
}

/* The same as standard normal numbers. */
EXPORT word fill_normal_numbers(const uint64_t *seeds, word seed_count, word stream, word first, word count,
                                double *numbers) {
    for (word s = 0; s < seed_count; s++)
        fill_normal(seeds[s], (uint32_t)stream, (uint64_t)first, count, numbers + s * count);
    return seed_count * count;
}

/* orders (seeds, epochs, examples). Returns how many orders. */
EXPORT word fill_example_orders(const uint64_t *seeds, word seed_count, word examples, word first_epoch, word epochs,
                                int32_t *orders) {
    for (word s = 0; s < seed_count; s++)
        for (word e = 0; e < epochs; e++)
            fill_order(seeds[s], (uint32_t)examples, (uint32_t)(first_epoch + e), orders + (s * epochs + e) * examples);
    return seed_count * epochs;
}

/* The same, each example drawn from all of them. */
EXPORT word fill_example_choices(const uint64_t *seeds, word seed_count, word examples, word first_epoch, word epochs,
                                 int32_t *choices) {
    for (word s = 0; s < seed_count; s++)
        for (word e = 0; e < epochs; e++)
            fill_choices(seeds[s], (uint32_t)examples, (uint32_t)(first_epoch + e),
                         choices + (s * epochs + e) * examples);
    return seed_count * epochs;
}
