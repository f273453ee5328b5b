// Which scans of byte codes this CPU can run; CRC-32C with the instruction where there is one.
#include "codes_internal.h"
#include "ck_system.h"

static const ck_code_kernels reference = {"scalar", ck_scan_codes_ref};

#if defined(__x86_64__)
#include <immintrin.h>

static const ck_code_kernels avx2 = {"avx2", ck_scan_codes_avx2};
static const ck_code_kernels avxvnni = {"avxvnni", ck_scan_codes_avxvnni};
static const ck_code_kernels avx512 = {"avx512", ck_scan_codes_avx512};

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *bytes,
                                                               size_t count) {
  uint64_t state = ~crc;
  for (; count >= 8; count -= 8, bytes += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    state = _mm_crc32_u64(state, word);
  }
  for (; count > 0; count--) state = _mm_crc32_u8((uint32_t)state, *bytes++);
  return ~(uint32_t)state;
}
#elif defined(__aarch64__)
#include <arm_acle.h>

static const ck_code_kernels neon = {"neon", ck_scan_codes_neon};
static const ck_code_kernels dotprod = {"dotprod", ck_scan_codes_dotprod};

__attribute__((target("arch=armv8-a+crc"))) static uint32_t crc32c_arm(uint32_t crc,
                                                                       const uint8_t *bytes,
                                                                       size_t count) {
  uint32_t state = ~crc;
  for (; count >= 8; count -= 8, bytes += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    state = __crc32cd(state, word);
  }
  for (; count > 0; count--) state = __crc32cb(state, *bytes++);
  return ~state;
}
#endif

const ck_code_kernels *ck_code_kernels_at(size_t index) {
  const ck_code_kernels *sets[4];
  size_t count = 0;
  sets[count++] = &reference;
#if defined(__x86_64__)
  const ck_cpu_features cpu = ck_cpu();
  if (cpu.avx2) sets[count++] = &avx2;
  if (cpu.avx_vnni) sets[count++] = &avxvnni;
  if (cpu.avx512) sets[count++] = &avx512;
#elif defined(__aarch64__)
  sets[count++] = &neon;
  if (ck_cpu().neon_dot) sets[count++] = &dotprod;
#endif
  return index < count ? sets[index] : 0;
}

uint32_t ck_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
  // Every CPU with AVX2 has the instruction.
  if (ck_cpu().avx2) return crc32c_sse42(crc, bytes, count);
#elif defined(__aarch64__)
  if (ck_cpu().crc32) return crc32c_arm(crc, bytes, count);
#endif
  return ck_crc32c_ref(crc, bytes, count);
}
