// Which kernels this CPU can run.
#include "internal.h"

static const ck_kernels reference = {
  .name = "scalar",
  .quantize_q8 = ck_quantize_q8_ref,
  .quantize_q16 = ck_quantize_q16_ref,
  .dequantize_row = ck_dequantize_row_ref,
  .multiply_q8 = ck_multiply_q8_ref,
  .multiply_coarse = ck_multiply_coarse_ref,
  .multiply_f32 = ck_multiply_f32_ref,
};

#if defined(__x86_64__)
static const ck_kernels avx2 = {
  .name = "avx2",
  .quantize_q8 = ck_quantize_q8_avx2,
  .quantize_q16 = ck_quantize_q16_avx2,
  .dequantize_row = ck_dequantize_row_avx2,
  .multiply_q8 = ck_multiply_q8_avx2,
  .multiply_coarse = ck_multiply_coarse_avx2,
  .multiply_f32 = ck_multiply_f32_avx2,
};
static const ck_kernels avxvnni = {
  .name = "avxvnni",
  .quantize_q8 = ck_quantize_q8_avx2,
  .quantize_q16 = ck_quantize_q16_avx2,
  .dequantize_row = ck_dequantize_row_avx2,
  .multiply_q8 = ck_multiply_q8_avxvnni,
  .multiply_coarse = ck_multiply_coarse_avxvnni,
  .multiply_f32 = ck_multiply_f32_avx2,
};
static const ck_kernels avx512 = {
  .name = "avx512",
  .quantize_q8 = ck_quantize_q8_avx512,
  .quantize_q16 = ck_quantize_q16_avx512,
  .dequantize_row = ck_dequantize_row_avx512,
  .multiply_q8 = ck_multiply_q8_avx512,
  .multiply_coarse = ck_multiply_coarse_avx512,
  .multiply_f32 = ck_multiply_f32_avx512,
};
#elif defined(__aarch64__)
static const ck_kernels neon = {
  .name = "neon",
  .quantize_q8 = ck_quantize_q8_neon,
  .quantize_q16 = ck_quantize_q16_neon,
  .dequantize_row = ck_dequantize_row_neon,
  .multiply_q8 = ck_multiply_q8_neon,
  .multiply_coarse = ck_multiply_coarse_neon,
  .multiply_f32 = ck_multiply_f32_neon,
};
static const ck_kernels dotprod = {
  .name = "dotprod",
  .quantize_q8 = ck_quantize_q8_neon,
  .quantize_q16 = ck_quantize_q16_neon,
  .dequantize_row = ck_dequantize_row_neon,
  .multiply_q8 = ck_multiply_q8_dotprod,
  .multiply_coarse = ck_multiply_coarse_dotprod,
  .multiply_f32 = ck_multiply_f32_neon,
};
static const ck_kernels i8mm = {
  .name = "i8mm",
  .quantize_q8 = ck_quantize_q8_neon,
  .quantize_q16 = ck_quantize_q16_neon,
  .dequantize_row = ck_dequantize_row_neon,
  .multiply_q8 = ck_multiply_q8_i8mm,
  .multiply_coarse = ck_multiply_coarse_i8mm,
  .multiply_f32 = ck_multiply_f32_neon,
};
#endif

const ck_kernels *ck_kernels_ref(void) { return &reference; }

const ck_kernels *ck_kernels_at(size_t index) {
  const ck_kernels *sets[8];
  size_t count = 0;
  sets[count++] = &reference;
#if defined(__x86_64__)
  const ck_cpu_features cpu = ck_cpu();
  if (cpu.avx2) sets[count++] = &avx2;
  if (cpu.avx_vnni) sets[count++] = &avxvnni;
  if (cpu.avx512) sets[count++] = &avx512;
#elif defined(__aarch64__)
  sets[count++] = &neon;
  const ck_cpu_features cpu = ck_cpu();
  if (cpu.neon_dot) sets[count++] = &dotprod;
  if (cpu.neon_i8mm) sets[count++] = &i8mm;
#endif
  return index < count ? sets[index] : 0;
}

const ck_kernels *ck_kernels_best(void) {
  const ck_kernels *best = &reference;
  for (size_t i = 0; ck_kernels_at(i); i++) best = ck_kernels_at(i);
  return best;
}

size_t ck_scratch_bytes(size_t columns) {
  const size_t padded = (columns + 63) / 64 * 64;
  const size_t floats = CK_FLOAT_ROWS * padded * sizeof(float);
  const size_t panel = 256 * 1024;
  return floats > panel ? floats : panel;
}
