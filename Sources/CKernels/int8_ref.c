// Weights and activations as bytes: packing, the scalar definition, and the choice of kernels.
#include "int8.h"

static void ck_i8_multiply_ref(
  const ck_i8_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end
) {
  const size_t stride = ck_i8_stride(p->columns), sections = ck_i8_sections(p->columns);
  for (; panel < panel_end; panel++) {
    const int8_t *w = p->weights + panel * CK_I8_ROWS * stride;
    const float *scales = p->weight_scales + panel * CK_I8_ROWS * sections;
    for (size_t i = 0; i < CK_I8_ROWS && panel * CK_I8_ROWS + i < p->rows; i++) {
      const size_t row = panel * CK_I8_ROWS + i;
      for (size_t t = token; t < token_end; t++) {
        const int8_t *x = p->x + t * stride;
        float *out = p->out + t * p->out_stride + row;
        float sum = p->adds ? *out : p->bias ? p->bias[row] : 0;
        for (size_t s = 0; s < sections; s++) {
          int32_t dot = 0;
          const size_t end = ck_i8_section_end(s * CK_I8_SECTION, p->columns);
          for (size_t k = s * CK_I8_SECTION; k < end; k++) {
            dot += (int32_t)w[(k / 4 * CK_I8_ROWS + i) * 4 + k % 4] * (int32_t)x[k];
          }
          sum = fmaf(
            (float)dot * scales[s * CK_I8_ROWS + i], p->x_facts[t * sections + s].scale, sum);
        }
        *out = sum;
      }
    }
  }
}

void ck_i8_quantize(
  const ck_vector_kernels *vectors, const float *x, size_t columns, int8_t *levels,
  ck_i8_facts *facts
) {
  for (size_t begin = 0; begin < columns; begin += CK_I8_SECTION, facts++) {
    int32_t sum;
    const size_t count = ck_i8_section_end(begin, columns) - begin;
    facts->scale = vectors->rotate_q8(x + begin, count, levels + begin, &sum);
    facts->n128 = -128 * sum;
  }
  memset(levels + columns, 0, ck_i8_stride(columns) - columns);
}

void ck_i8_pack(
  const ck_vector_kernels *vectors, const float *weights, size_t row_stride, size_t rows,
  size_t columns, int8_t *panel, float *scales
) {
  const size_t sections = ck_i8_sections(columns);
  memset(panel, 0, CK_I8_ROWS * ck_i8_stride(columns));
  memset(scales, 0, CK_I8_ROWS * sections * sizeof(float));
  for (size_t r = 0; r < rows; r++) {
    for (size_t s = 0; s < sections; s++) {
      const size_t begin = s * CK_I8_SECTION;
      const size_t count = ck_i8_section_end(begin, columns) - begin;
      int8_t levels[CK_I8_SECTION] = {0};
      int32_t sum;
      // H times itself is the size of the runs that were rotated: a power of two.
      const float factor = 1 / (float)ck_rotated_run(count);
      scales[s * CK_I8_ROWS + r] =
        factor * vectors->rotate_q8(weights + r * row_stride + begin, count, levels, &sum);
      int8_t *out = panel + (begin / 4 * CK_I8_ROWS + r) * 4;
      for (size_t k = 0; k < count; k += 4, out += 4 * CK_I8_ROWS) memcpy(out, levels + k, 4);
    }
  }
}

void ck_i8_subtract(
  const ck_vector_kernels *vectors, const int8_t *panel, const float *scales, size_t rows,
  size_t columns, float *weights, size_t row_stride
) {
  for (size_t r = 0; r < rows; r++) {
    for (size_t begin = 0; begin < columns; begin += CK_I8_SECTION) {
      const size_t end = ck_i8_section_end(begin, columns);
      const float scale = scales[begin / CK_I8_SECTION * CK_I8_ROWS + r];
      float known[CK_I8_SECTION];
      for (size_t k = begin; k < end; k++) {
        known[k - begin] = scale * (float)panel[(k / 4 * CK_I8_ROWS + r) * 4 + k % 4];
      }
      vectors->hadamard(known, end - begin, 1);
      for (size_t k = begin; k < end; k++) weights[r * row_stride + k] -= known[k - begin];
    }
  }
}

static const ck_i8_kernels reference = {.name = "scalar", .multiply = ck_i8_multiply_ref};

#if defined(__x86_64__)
static const ck_i8_kernels avx2 = {.name = "avx2", .multiply = ck_i8_multiply_avx2};
static const ck_i8_kernels avxvnni = {.name = "avxvnni", .multiply = ck_i8_multiply_avxvnni};
static const ck_i8_kernels avx512 = {.name = "avx512", .multiply = ck_i8_multiply_avx512};
#elif defined(__aarch64__)
static const ck_i8_kernels neon = {.name = "neon", .multiply = ck_i8_multiply_neon};
static const ck_i8_kernels dotprod = {.name = "dotprod", .multiply = ck_i8_multiply_dotprod};
#endif

const ck_i8_kernels *ck_i8_kernels_at(size_t index) {
  const ck_i8_kernels *sets[4];
  size_t count = 0;
  const ck_cpu_features cpu = ck_cpu();
  sets[count++] = &reference;
#if defined(__x86_64__)
  if (cpu.avx2) sets[count++] = &avx2;
  if (cpu.avx_vnni) sets[count++] = &avxvnni;
  if (cpu.avx512) sets[count++] = &avx512;
#elif defined(__aarch64__)
  sets[count++] = &neon;
  if (cpu.neon_dot) sets[count++] = &dotprod;
#endif
  return index < count ? sets[index] : 0;
}
