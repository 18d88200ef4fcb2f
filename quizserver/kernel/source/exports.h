/* What every source of the kernel shares: words, and how a function is made visible.

   The caller (quizserver/kernel/library.py, or a page's script) passes words: whole numbers and
   addresses of memory that it allocated. So every parameter of an exported function is a word or a
   pointer, and its result is a word. Numbers that are not whole lie in memory.

   Nothing here keeps anything between two calls: no variable of a file is ever written. */
#ifndef QUIZSERVER_EXPORTS_H
#define QUIZSERVER_EXPORTS_H

/* As wide as an address: 64 bits natively, 32 bits in WebAssembly. */
typedef __INTPTR_TYPE__ word;

#define EXPORT __attribute__((visibility("default"), used))

#ifdef REAL_BITS
/* A file that is compiled once for each number format (-DREAL=float -DREAL_BITS=32, and double, 64)
   gives its exported functions two names: REAL_NAME(train) is train_float32 and train_float64. */
#define QUIZSERVER_JOIN(name, bits) name##_float##bits
#define QUIZSERVER_JOIN_VALUE(name, bits) QUIZSERVER_JOIN(name, bits)
#define REAL_NAME(name) QUIZSERVER_JOIN_VALUE(name, REAL_BITS)
#endif

#endif
