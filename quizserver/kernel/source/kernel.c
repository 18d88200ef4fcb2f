/* The sums of sixteen lanes at once, compiled once for each number format. */
#include "exports.h"

#define LANES 16
typedef REAL vector __attribute__((vector_size(sizeof(REAL) * LANES)));

/* Adds up ``count`` vectors in the order of their index, each lane by itself. Returns ``count``. */
EXPORT word REAL_NAME(sum_lanes)(const vector *values, word count, vector *sums) {
  vector sum = {0};
  for (word i = 0; i < count; i++) sum += values[i];
  *sums = sum;
  return count;
}
