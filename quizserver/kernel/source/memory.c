/* The three functions that a compiler may call by itself wherever memory is cleared or copied.

   The kernel is linked with no C library, so that one file serves every Linux. */
typedef __SIZE_TYPE__ size;

void *memset(void *to, int value, size count) {
  unsigned char *bytes = to;
  for (size i = 0; i < count; i++) bytes[i] = (unsigned char)value;
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size count) {
  unsigned char *restrict bytes = to;
  const unsigned char *restrict source = from;
  for (size i = 0; i < count; i++) bytes[i] = source[i];
  return to;
}

void *memmove(void *to, const void *from, size count) {
  unsigned char *bytes = to;
  const unsigned char *source = from;
  if (bytes < source)
    for (size i = 0; i < count; i++) bytes[i] = source[i];
  else
    for (size i = count; i-- > 0;) bytes[i] = source[i];
  return to;
}
