/* Calls the kernel's functions for another program, over standard input and output.

   It runs under an emulator of another processor and has no C library: three system calls are all
   that it needs. A call comes as a Call and the memory that it works on; its answer is the result and
   the memory. exports.inc lists the functions: EXPORTED(number, name). */
typedef long word;
typedef unsigned long size;

#define EXPORTED(number, name) extern word name(word, word, word, word, word, word, word, word);
#include "exports.inc"
#undef EXPORTED

#define WORDS 8
typedef struct {
  word function, memory_size, addresses, words[WORDS]; /* bit i: words[i] counts from the memory */
} Call;

enum { READ = 63, WRITE = 64, EXIT = 93, MMAP = 222 };

static word system_call(word number, word a, word b, word c, word d, word e, word f) {
#if defined(__aarch64__)
  register word x8 __asm__("x8") = number;
  register word x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  register word x3 __asm__("x3") = d;
  register word x4 __asm__("x4") = e;
  register word x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#elif defined(__riscv)
  register word a7 __asm__("a7") = number;
  register word a0 __asm__("a0") = a;
  register word a1 __asm__("a1") = b;
  register word a2 __asm__("a2") = c;
  register word a3 __asm__("a3") = d;
  register word a4 __asm__("a4") = e;
  register word a5 __asm__("a5") = f;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
  return a0;
#endif
}

static void leave(word code) {
  for (;;) system_call(EXIT, code, 0, 0, 0, 0, 0);
}

/* All bytes or none: at the end of the input the program ends. */
static void transfer(word number, word file, char *bytes, size count) {
  while (count) {
    word done = system_call(number, file, (word)bytes, (word)count, 0, 0, 0);
    if (done <= 0) leave(done < 0 || number == WRITE);
    bytes += done;
    count -= (size)done;
  }
}

static word call_function(const Call *call, const word *w) {
  switch (call->function) {
#define EXPORTED(number, name) \
  case number: return name(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
#include "exports.inc"
  }
  leave(2);
  return 0;
}

void _start(void) {
  char *memory = 0;
  size memory_size = 0;
  for (;;) {
    Call call;
    transfer(READ, 0, (char *)&call, sizeof call);
    if ((size)call.memory_size > memory_size) {
      memory_size = (size)call.memory_size;
      /* to read and to write; private and anonymous */
      memory = (char *)system_call(MMAP, 0, call.memory_size, 3, 0x22, -1, 0);
      if ((size)memory > (size)-4096) leave(3);
    }
    transfer(READ, 0, memory, (size)call.memory_size);
    word words[WORDS];
    for (int i = 0; i < WORDS; i++)
      words[i] = call.words[i] + (call.addresses >> i & 1 ? (word)memory : 0);
    word result = call_function(&call, words);
    transfer(WRITE, 1, (char *)&result, sizeof result);
    transfer(WRITE, 1, memory, (size)call.memory_size);
  }
}
