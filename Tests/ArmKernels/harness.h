// What the checks of the kernels share: numbers, guarded memory, comparison, a digest.
#ifndef HARNESS_H
#define HARNESS_H

#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"

/// SplitMix64: the same numbers on every machine.
typedef struct {
  uint64_t state;
} numbers;

uint64_t next(numbers *n);
/// An integer in 0 ..< limit.
size_t below(numbers *n, size_t limit);
/// A float in -1 ... 1.
float unit(numbers *n);

/// `bytes` bytes (at most 8 MiB) that end at a page nobody may touch, so that a kernel that reads or
/// writes past them stops the program. Each of the places 0 ..< 16 is reused by the next call.
void *place(int index, size_t bytes);

/// Floats and more, compared bit by bit; one NaN is as good as another. What the scalar kernels give
/// also goes into the digest, which must be the same on every machine.
void compare_floats(const float *expected, const float *found, size_t count, const char *format, ...);
void compare_bytes(const void *expected, const void *found, size_t count, const char *format, ...);
void digest_floats(const float *values, size_t count);
void digest_bytes(const void *bytes, size_t count);
/// While 1, the digest stays as it is.
void pause_digest(int pause);

/// Adds a table that was checked to the list of names: after a comma, or after a slash where it is the
/// first of its kind.
void saw(const char *name, int is_first);

void check_products(void);
void check_searches(void);
void check_eight(void);
void check_floats(void);
void check_attention(void);

#endif
