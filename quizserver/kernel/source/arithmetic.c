/* The arithmetic that everything else is made of, alone, so that it can be checked before a training:
   a library that was loaded beside this one may have changed how the processor rounds. */
#include "exports.h"

#define LANES 16
typedef REAL vector __attribute__((vector_size(sizeof(REAL) * LANES)));

/* Adds up ``count`` products in the order of their index, each lane by itself, and each product
   rounded before it is added. Returns ``count``. */
EXPORT word REAL_NAME(add_products)(const vector *first, const vector *second, word count,
                                    vector *sums) {
  vector sum = {0};
  for (word i = 0; i < count; i++) sum += first[i] * second[i];
  *sums = sum;
  return count;
}
