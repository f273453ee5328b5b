// CPU features, futexes, affinity.
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

static ck_cpu_features look(void) {
  ck_cpu_features f = {0};
#if defined(__x86_64__)
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return f;
  const int fma = (c >> 12) & 1, osxsave = (c >> 27) & 1, avx = (c >> 28) & 1, f16c = (c >> 29) & 1;
  if (!osxsave || !avx) return f;
  const uint64_t state = xcr0();
  if ((state & 6) != 6) return f;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return f;
  const uint32_t leaves = a;
  f.avx2 = ((b >> 5) & 1) && fma && f16c;
  f.sha = f.avx2 && ((b >> 29) & 1);
  const uint32_t wanted = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  f.avx512 = f.avx2 && (b & wanted) == wanted && ((c >> 11) & 1) && (state & 0xe0) == 0xe0;
  if (leaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    f.avx_vnni = f.avx2 && ((a >> 4) & 1);
    f.avx512_bf16 = f.avx512 && ((a >> 5) & 1);
  }
#elif defined(__aarch64__) && defined(__linux__)
  // The bits' names came into <asm/hwcap.h> after some of the systems this compiles on.
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  f.sha = (first >> 6) & 1;
  f.crc32 = (first >> 7) & 1;
  f.neon_dot = (first >> 20) & 1;
  f.neon_i8mm = f.neon_dot && ((second >> 13) & 1);
#endif
  return f;
}

// The instruction that tells leaves a virtual machine and comes back, so it is asked once. Two threads
// that ask at the same time store the same.
static ck_cpu_features known;
static uint32_t is_known;

ck_cpu_features ck_cpu(void) {
  if (!ck_atomic_load(&is_known)) {
    const ck_cpu_features found = look();
    known = found;
    ck_atomic_store(&is_known, 1);
  }
  return known;
}

#if defined(__linux__)
void ck_futex_wait(const uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, 0, 0, 0);
}

void ck_futex_wake(const uint32_t *word, uint32_t count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, 0, 0, 0);
}

int ck_affinity_count(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) ? 0 : CPU_COUNT(&set);
}

int ck_affinity_has(int cpu) {
  cpu_set_t set;
  return cpu >= 0 && cpu < CPU_SETSIZE && !sched_getaffinity(0, sizeof set, &set) && CPU_ISSET(cpu, &set);
}
#else
// Without futexes threads look again every 50 microseconds.
void ck_futex_wait(const uint32_t *word, uint32_t expected) {
  if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected) return;
  const struct timespec pause = {0, 50000};
  nanosleep(&pause, 0);
}
void ck_futex_wake(const uint32_t *word, uint32_t count) { (void)word; (void)count; }
int ck_affinity_count(void) { return 0; }
int ck_affinity_has(int cpu) { (void)cpu; return 1; }
#endif

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int ck_spin_while_equal(const uint32_t *word, uint32_t value, uint32_t nanoseconds) {
  const uint64_t end = now() + nanoseconds;
  do {
    for (int i = 0; i < 16; i++) {
      if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) return 1;
      relax();
    }
  } while (now() < end);
  return __atomic_load_n(word, __ATOMIC_ACQUIRE) != value;
}

static _Thread_local const void *thread_mark;
const void *ck_thread_mark(void) { return thread_mark; }
void ck_set_thread_mark(const void *mark) { thread_mark = mark; }

void ck_release_free_memory(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}
