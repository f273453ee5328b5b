/// CPU features and the system calls worker threads park with.
#ifndef CK_SYSTEM_H
#define CK_SYSTEM_H

#include <stdint.h>

/// What the CPU and the operating system allow; 1 or 0.
typedef struct {
  int avx2;      // AVX2, FMA, F16C
  int avx_vnni;  // VEX-encoded vpdpbusd
  int avx512;    // F, BW, DQ, VL, VNNI
  int avx512_bf16;
  int sha;       // SHA-256 rounds
  // NEON itself, with fused multiply-add and half floats, is part of arm64.
  int neon_dot;   // sdot (FEAT_DotProd)
  int neon_i8mm;  // smmla (FEAT_I8MM), and sdot
  int crc32;      // CRC-32C of arm64
} ck_cpu_features;

ck_cpu_features ck_cpu(void);

/// Sleeps while *word == expected. Returns after a wake, a signal or a change of the word.
void ck_futex_wait(const uint32_t *word, uint32_t expected);
/// Wakes up to `count` threads that sleep on `word`.
void ck_futex_wake(const uint32_t *word, uint32_t count);

/// Spins (politely, never longer than `nanoseconds`) while *word == value. 1 when it changed.
int ck_spin_while_equal(const uint32_t *word, uint32_t value, uint32_t nanoseconds);

/// Operations on a counter, sequentially consistent unless said. `ck_atomic_add` returns the old value.
static inline uint32_t ck_atomic_load(const uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
static inline void ck_atomic_store(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}
/// Orders what was written before it, and nothing after: the CPU need not wait for the word.
static inline void ck_atomic_release(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint32_t ck_atomic_add(uint32_t *word, uint32_t value) {
  return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}
/// Takes one off a counter unless it is zero; returns what it was.
static inline uint32_t ck_atomic_take_one(uint32_t *word) {
  uint32_t value = ck_atomic_load(word);
  while (value > 0 &&
         !__atomic_compare_exchange_n(word, &value, value - 1, 1, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
  return value;
}

/// CPUs this process may run on (sched_getaffinity); 0 when unknown.
int ck_affinity_count(void);
/// 1 when this process may run on that CPU.
int ck_affinity_has(int cpu);

// Gives memory that was freed back to the system, where the C library can.
void ck_release_free_memory(void);

/// A pointer each thread keeps for itself: the worker pool it is working for.
const void *ck_thread_mark(void);
void ck_set_thread_mark(const void *mark);

#endif
