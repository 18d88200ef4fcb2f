/* Which sources the library was built from, so that a loaded library can be asked. */
#include "exports.h"

/* The address of a text that ends in a zero byte. */
EXPORT const char *kernel_version(void) { return "quizserver-kernel:" KERNEL_VERSION; }
