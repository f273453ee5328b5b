// Hadamard transforms, and activations in bytes after one; vector_kernels.c includes this for each
// instruction set.

/// One stage within sixteen lanes: each lane with the one `step` away.
#define CK_HADAMARD_STAGE(v, step, ...)                                                           \
  do {                                                                                            \
    const v16 other = __builtin_shufflevector(v, v, __VA_ARGS__);                                 \
    const v16i upper = (lanes & step) != 0;                                                       \
    v = CK_FMA(v, CK_SELECT(upper, CK_SPLAT(-1), CK_SPLAT(1)), other);                            \
  } while (0)

/// The first four stages: runs of 16.
CK_INLINE void CK_(hadamard16)(v16 *p) {
  const v16i lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  v16 v = *p;
  CK_HADAMARD_STAGE(v, 1, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  CK_HADAMARD_STAGE(v, 2, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  CK_HADAMARD_STAGE(v, 4, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  CK_HADAMARD_STAGE(v, 8, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  *p = v;
}

static void CK_(hadamard)(float *x, size_t n, float factor) {
  if (n % 16) return;
  const size_t run = ck_rotated_run(n);
  for (size_t i = 0; i < n; i += 16) {
    v16 v = CK_LOAD(x + i);
    CK_(hadamard16)(&v);
    v = v * CK_SPLAT(factor);
    CK_STORE(x + i, v);
  }
  for (size_t step = 16; step < run; step *= 2) {
    for (size_t i = 0; i < n; i += 2 * step) {
      for (size_t j = i; j < i + step; j += 16) {
        const v16 a = CK_LOAD(x + j), b = CK_LOAD(x + j + step);
        CK_STORE(x + j, a + b);
        CK_STORE(x + j + step, a - b);
      }
    }
  }
}

/// 128 values that have been rotated, as `store_q8` would store them.
CK_INLINE float CK_(bytes_of)(const v16 *v, int8_t *out, int32_t *sum) {
  v16i top = (v16i)CK_SPLAT(0), levels = top;
  _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_ROTATED / 16; i++) {
    const v16i size = (v16i)v[i] & 0x7fffffff;
    top = __builtin_elementwise_max(size, top);
  }
  const int32_t bits = __builtin_reduce_max(top);
  float most;
  memcpy(&most, &bits, sizeof most);
  const bool finite = bits < 0x7f800000;
  *sum = 0;
  if (!finite || most < 1e-30f) {
    memset(out, 0, CK_ROTATED);
    return finite ? 0 : NAN;
  }
  // Adding 1.5 · 2^23 rounds to an integer, whose low byte then is the sum's.
  const v16 inverse = CK_SPLAT(127 / most), magic = CK_SPLAT(12582912.0f);
  _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_ROTATED / 16; i++) {
    const v16i a = (v16i)CK_FMA(v[i], inverse, magic) - (v16i)magic;
    const v16c bytes = __builtin_convertvector(a, v16c);
    memcpy(out + 16 * i, &bytes, sizeof bytes);
    levels += a;
  }
  *sum = __builtin_reduce_add(levels);
  return most / 127;
}

static float CK_(rotate_q8)(const float *x, size_t n, int8_t *out, int32_t *sum) {
  v16 v[CK_ROTATED / 16];
  if (n == CK_ROTATED) {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_ROTATED / 16; i++) {
      v[i] = CK_LOAD(x + 16 * i);
      CK_(hadamard16)(&v[i]);
    }
    _Pragma("clang loop unroll(full)") for (int step = 1; step < CK_ROTATED / 16; step *= 2) {
      _Pragma("clang loop unroll(full)") for (int i = 0; i < CK_ROTATED / 16; i++) {
        if (i & step) continue;
        const v16 a = v[i], b = v[i + step];
        v[i] = a + b, v[i + step] = a - b;
      }
    }
    return CK_(bytes_of)(v, out, sum);
  }
  float rotated[CK_ROTATED] = {0};
  int8_t levels[CK_ROTATED];
  memcpy(rotated, x, n * sizeof(float));
  CK_(hadamard)(rotated, n, 1);
  for (int i = 0; i < CK_ROTATED / 16; i++) v[i] = CK_LOAD(rotated + 16 * i);
  const float scale = CK_(bytes_of)(v, levels, sum);
  memcpy(out, levels, n);
  return scale;
}
