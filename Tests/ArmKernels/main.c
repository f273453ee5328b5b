// Compares every kernel this CPU can run with its scalar reference, bit by bit, over enumerated shapes
// and random data that includes the extremes; ./run says how it is compiled and on which CPUs it runs.
//
//   kernels EXPECTED    where EXPECTED names the tables that must be there, or is "any":
//                       products/searches/products of bytes/floats, as "scalar,neon/scalar,neon/..."
//
// Prints how many values were compared, and a digest of what the scalar kernels gave: compiled for
// different machines it must be the same.
#define _GNU_SOURCE
#include "harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned long compared, failures;
static uint64_t digest = 0xcbf29ce484222325u;

uint64_t next(numbers *n) {
  uint64_t z = n->state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

size_t below(numbers *n, size_t limit) { return (size_t)(next(n) % limit); }

float unit(numbers *n) { return (float)(int32_t)(next(n) >> 32) * 0x1p-31f; }

void *place(int index, size_t bytes) {
  enum { MOST = 8 << 20 };
  static uint8_t *ends[16];
  if (index < 0 || index >= 16 || bytes > MOST) {
    fprintf(stderr, "kernels: %zu bytes do not fit place %d\n", bytes, index);
    exit(2);
  }
  if (!ends[index]) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory =
      mmap(0, MOST + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + MOST, page, PROT_NONE)) {
      perror("kernels: mmap");
      exit(2);
    }
    ends[index] = memory + MOST;
  }
  return ends[index] - bytes;
}

static uint32_t canonical(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return value != value ? 0x7fc00000u : bits;
}

static void fail(const char *format, va_list arguments, size_t index, uint32_t a, uint32_t b) {
  if (++failures > 20) return;
  fprintf(stderr, "differs: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, ", value %zu: expected %08x, found %08x\n", index, a, b);
}

void compare_floats(const float *expected, const float *found, size_t count, const char *format, ...) {
  compared += count;
  for (size_t i = 0; i < count; i++) {
    const uint32_t a = canonical(expected[i]), b = canonical(found[i]);
    if (a == b) continue;
    va_list arguments;
    va_start(arguments, format);
    fail(format, arguments, i, a, b);
    va_end(arguments);
    return;
  }
}

void compare_bytes(const void *expected, const void *found, size_t count, const char *format, ...) {
  const uint8_t *a = expected, *b = found;
  compared += count;
  for (size_t i = 0; i < count; i++) {
    if (a[i] == b[i]) continue;
    va_list arguments;
    va_start(arguments, format);
    fail(format, arguments, i, a[i], b[i]);
    va_end(arguments);
    return;
  }
}

static int paused;

void pause_digest(int pause) { paused = pause; }

static void mix(uint32_t word) {
  if (!paused) digest = (digest ^ word) * 0x100000001b3u;
}

void digest_floats(const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) mix(canonical(values[i]));
}

void digest_bytes(const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) mix(((const uint8_t *)bytes)[i]);
}

static char names[256];

void saw(const char *name, int is_first) {
  const size_t length = strlen(names);
  snprintf(
    names + length, sizeof names - length, "%s%s", length == 0 ? "" : is_first ? "/" : ",", name);
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: kernels TABLES (any: whatever there is)\n");
    return 2;
  }
  check_products();
  check_searches();
  check_eight();
  check_floats();
  check_attention();
  if (strcmp(arguments[1], "any") && strcmp(arguments[1], names)) {
    fprintf(stderr, "expected the tables %s, found %s\n", arguments[1], names);
    failures++;
  }
  printf(
    "%s: %lu values compared, %lu differ, digest %016llx\n", names, compared, failures,
    (unsigned long long)digest);
  return failures > 0;
}
