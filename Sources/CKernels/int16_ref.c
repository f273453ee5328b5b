// Sixteen-bit weights and activations: packing, the scalar definition, and the choice of kernels.
#include "int16.h"

static void ck_i16_quantize_ref(const float *x, size_t columns, int16_t *levels, float *scales) {
  for (size_t begin = 0; begin < columns; begin += CK_I16_SECTION) {
    const size_t end = ck_i16_section_end(begin, columns);
    uint32_t magnitude = 0;
    for (size_t k = begin; k < end; k++) {
      const uint32_t m = ck_bits_from_float(x[k]) & 0x7fffffff;
      if (m > magnitude) magnitude = m;
    }
    float inverse;
    *scales++ = ck_i16_scale(magnitude, &inverse);
    for (size_t k = begin; k < end; k++) {
      levels[k] = inverse == 0 ? 0 : (int16_t)rintf(x[k] * inverse);
    }
  }
  if (columns % 2) levels[columns] = 0;
}

static void ck_i16_multiply_ref(
  const ck_i16_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end
) {
  const size_t stride = ck_i16_stride(p->columns), sections = ck_i16_sections(p->columns);
  for (; panel < panel_end; panel++) {
    const int16_t *w = p->weights + panel * CK_I16_ROWS * stride;
    const float *scales = p->weight_scales + panel * CK_I16_ROWS * sections;
    for (size_t i = 0; i < CK_I16_ROWS && panel * CK_I16_ROWS + i < p->rows; i++) {
      const size_t row = panel * CK_I16_ROWS + i;
      for (size_t t = token; t < token_end; t++) {
        const int16_t *x = p->x + t * stride;
        float sum = p->bias ? p->bias[row] : 0;
        for (size_t s = 0; s < sections; s++) {
          int32_t dot = 0;
          const size_t end = ck_i16_section_end(s * CK_I16_SECTION, p->columns);
          for (size_t k = s * CK_I16_SECTION; k < end; k++) {
            dot += (int32_t)w[(k / 2 * CK_I16_ROWS + i) * 2 + k % 2] * (int32_t)x[k];
          }
          sum = fmaf(
            (float)dot * scales[s * CK_I16_ROWS + i], p->x_scales[t * sections + s], sum);
        }
        p->out[t * p->out_stride + row] = sum;
      }
    }
  }
}

/// Levels of one section of one row; its scale. The magnitudes of the levels add up to at most
/// 130800 * (1 + 2^-10) + 192 < 2^17: half a level of rounding for each of 384 columns.
static float pack_section(const float *w, size_t columns, int16_t *levels) {
  float sums[16] = {0}, most[16] = {0};
  size_t k = 0;
  for (; k + 16 <= columns; k += 16) {
    for (size_t i = 0; i < 16; i++) {
      const float m = fabsf(w[k + i]);
      sums[i] += m;
      most[i] = m > most[i] ? m : most[i];
    }
  }
  for (; k < columns; k++) {
    const float m = fabsf(w[k]);
    sums[k % 16] += m;
    most[k % 16] = m > most[k % 16] ? m : most[k % 16];
  }
  float sum = 0, largest = 0;
  for (int i = 0; i < 16; i++) {
    sum += sums[i];
    largest = most[i] > largest ? most[i] : largest;
  }
  const int finite = sum <= 1e38f;  // false for NaN
  if (!finite || largest < 1e-30f) {
    memset(levels, 0, columns * sizeof(int16_t));
    return finite ? 0 : ck_float_from_bits(0x7fc00000);
  }
  const float all = sum / 130800.0f, one = largest / 32766.0f;
  const float scale = all > one ? all : one;
  const float inverse = 1 / scale;
  // 1.5 * 2^23: adding it rounds to an integer (half to even), which is then the low bits.
  for (k = 0; k < columns; k++) {
    const float v = w[k] * inverse;
    levels[k] = (int16_t)(uint16_t)ck_bits_from_float(v + 12582912.0f);
  }
  return scale;
}

void ck_i16_pack(
  const float *weights, size_t row_stride, size_t rows, size_t columns, int16_t *panel,
  float *scales
) {
  const size_t sections = ck_i16_sections(columns);
  memset(panel, 0, CK_I16_ROWS * ck_i16_stride(columns) * sizeof(int16_t));
  memset(scales, 0, CK_I16_ROWS * sections * sizeof(float));
  for (size_t r = 0; r < rows; r++) {
    for (size_t s = 0; s < sections; s++) {
      const size_t begin = s * CK_I16_SECTION;
      const size_t count = ck_i16_section_end(begin, columns) - begin;
      int16_t levels[CK_I16_SECTION + 1];
      levels[count] = 0;
      scales[s * CK_I16_ROWS + r] = pack_section(weights + r * row_stride + begin, count, levels);
      int16_t *out = panel + (begin / 2 * CK_I16_ROWS + r) * 2;
      for (size_t k = 0; k < count; k += 2, out += 2 * CK_I16_ROWS) memcpy(out, levels + k, 4);
    }
  }
}

static const ck_i16_kernels reference = {
  .name = "scalar", .quantize = ck_i16_quantize_ref, .multiply = ck_i16_multiply_ref};

#if defined(__x86_64__)
static const ck_i16_kernels avx2 = {
  .name = "avx2", .quantize = ck_i16_quantize_avx2, .multiply = ck_i16_multiply_avx2};
static const ck_i16_kernels avx512 = {
  .name = "avx512", .quantize = ck_i16_quantize_avx512, .multiply = ck_i16_multiply_avx512};
#elif defined(__aarch64__)
static const ck_i16_kernels neon = {
  .name = "neon", .quantize = ck_i16_quantize_neon, .multiply = ck_i16_multiply_neon};
#endif

const ck_i16_kernels *ck_i16_kernels_at(size_t index) {
  const ck_i16_kernels *sets[4];
  size_t count = 0;
  sets[count++] = &reference;
#if defined(__x86_64__)
  const ck_cpu_features cpu = ck_cpu();
  if (cpu.avx2) sets[count++] = &avx2;
  if (cpu.avx512) sets[count++] = &avx512;
#elif defined(__aarch64__)
  sets[count++] = &neon;
#endif
  return index < count ? sets[index] : 0;
}
