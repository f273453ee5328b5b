// The element-wise kernels, written once; elementwise.c includes this for each instruction set.

/// Runs `body` on v16 values `a` (from x), `b` (from y), leaving the result in `a`, stored to out.
#define CK_MAP2(x, y, out, n, body)            \
  for (size_t i = 0; i < (n); i += 16) {       \
    v16 a, b;                                  \
    size_t left = (n) - i;                     \
    if (left >= 16) {                          \
      a = CK_LOAD((x) + i), b = CK_LOAD((y) + i); \
      body;                                    \
      CK_STORE((out) + i, a);                  \
    } else {                                   \
      CK_(load_part)(&a, (x) + i, left);       \
      CK_(load_part)(&b, (y) + i, left);       \
      body;                                    \
      CK_(store_part)(&a, (out) + i, left);    \
    }                                          \
  }
#define CK_MAP1(x, out, n, body) CK_MAP2(x, x, out, n, (void)b; body)

static void CK_(rms_norm)(const float *x, const float *weight, float *out, size_t n,
                          float epsilon) {
  v16 sum = CK_SPLAT(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    v16 a = CK_LOAD(x + i);
    sum = CK_FMA(a, a, sum);
  }
  if (i < n) {
    v16 a;
    CK_(load_part)(&a, x + i, n - i);
    sum = CK_FMA(a, a, sum);
  }
  float scale = 1.0f / sqrtf(CK_(sum16)(&sum) / (float)n + epsilon);
  CK_MAP2(x, weight, out, n, a = (a * CK_SPLAT(scale)) * b)
}

static void CK_(layer_norm)(const float *x, const float *weight, const float *bias, float *out,
                            size_t n, float epsilon) {
  v16 sum = CK_SPLAT(0), squares = CK_SPLAT(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) sum = sum + CK_LOAD(x + i);
  if (i < n) {
    v16 a;
    CK_(load_part)(&a, x + i, n - i);
    sum = sum + a;
  }
  float mean = CK_(sum16)(&sum) / (float)n;
  for (i = 0; i + 16 <= n; i += 16) {
    v16 a = CK_LOAD(x + i) - CK_SPLAT(mean);
    squares = CK_FMA(a, a, squares);
  }
  for (; i < n; i++) squares[i % 16] = fmaf(x[i] - mean, x[i] - mean, squares[i % 16]);
  float scale = 1.0f / sqrtf(CK_(sum16)(&squares) / (float)n + epsilon);
  for (i = 0; i < n; i += 16) {
    size_t left = n - i;
    v16 a, w, b;
    if (left >= 16) {
      a = CK_LOAD(x + i), w = CK_LOAD(weight + i), b = CK_LOAD(bias + i);
      a = CK_FMA((a - CK_SPLAT(mean)) * CK_SPLAT(scale), w, b);
      CK_STORE(out + i, a);
    } else {
      CK_(load_part)(&a, x + i, left);
      CK_(load_part)(&w, weight + i, left);
      CK_(load_part)(&b, bias + i, left);
      a = CK_FMA((a - CK_SPLAT(mean)) * CK_SPLAT(scale), w, b);
      CK_(store_part)(&a, out + i, left);
    }
  }
}

static void CK_(add)(const float *x, float *out, size_t n) { CK_MAP2(out, x, out, n, a = a + b) }

static void CK_(add_scaled)(const float *x, float factor, float *out, size_t n) {
  CK_MAP2(out, x, out, n, a = CK_FMA(b, CK_SPLAT(factor), a))
}

static void CK_(scale)(float factor, float *out, size_t n) {
  CK_MAP1(out, out, n, a = a * CK_SPLAT(factor))
}

/// *p = 1 / (1 + exp(−*p))
CK_INLINE void CK_(sigmoid16)(v16 *p) {
  v16 e = -*p;
  CK_(exp16)(&e);
  *p = CK_SPLAT(1) / (CK_SPLAT(1) + e);
}

static void CK_(silu_multiply)(float *gate, const float *up, size_t n) {
  CK_MAP2(gate, up, gate, n, v16 s = a; CK_(sigmoid16)(&s); a = (a * s) * b)
}

static void CK_(gelu_tanh_multiply)(float *gate, const float *up, size_t n) {
  // 0.5 (1 + tanh u) = sigmoid(2u), u = sqrt(2/π) (x + 0.044715 x³)
  const v16 c = CK_SPLAT(2 * 0.7978845608028654f), k = CK_SPLAT(0.044715f);
  CK_MAP2(gate, up, gate, n, v16 s = c * (a * CK_FMA(k * a, a, CK_SPLAT(1)));
          CK_(sigmoid16)(&s); a = (a * s) * b)
}

static void CK_(clamped_swiglu)(float *gate, const float *up, const float *gate_bias,
                                const float *up_bias, size_t n, float alpha, float limit) {
  const v16 high = CK_SPLAT(limit), low = CK_SPLAT(-limit);
  for (size_t i = 0; i < n; i += 16) {
    size_t left = n - i < 16 ? n - i : 16;
    v16 g, u, gb = CK_SPLAT(0), ub = CK_SPLAT(0);
    if (left == 16) {
      g = CK_LOAD(gate + i), u = CK_LOAD(up + i);
      if (gate_bias) gb = CK_LOAD(gate_bias + i);
      if (up_bias) ub = CK_LOAD(up_bias + i);
    } else {
      CK_(load_part)(&g, gate + i, left);
      CK_(load_part)(&u, up + i, left);
      if (gate_bias) CK_(load_part)(&gb, gate_bias + i, left);
      if (up_bias) CK_(load_part)(&ub, up_bias + i, left);
    }
    g = g + gb, u = u + ub;
    g = CK_MIN(high, g);
    u = CK_MIN(high, u);
    u = CK_MAX(low, u);
    v16 s = CK_SPLAT(alpha) * g;
    CK_(sigmoid16)(&s);
    g = (g * s) * (u + CK_SPLAT(1));
    if (left == 16) CK_STORE(gate + i, g);
    else CK_(store_part)(&g, gate + i, left);
  }
}

static void CK_(gelu_erf)(float *x, size_t n) {
  // erf by Abramowitz and Stegun 7.1.26, absolute error at most 1.5e-7.
  const v16i sign = (v16i)(int32_t)0x80000000;
  CK_MAP1(x, x, n, v16 z = a * CK_SPLAT(0.70710678f); v16i s = (v16i)z & sign;
          z = (v16)((v16i)z & ~sign);
          v16 t = CK_SPLAT(1) / CK_FMA(z, CK_SPLAT(0.3275911f), CK_SPLAT(1));
          v16 y = CK_FMA(t, CK_SPLAT(1.061405429f), CK_SPLAT(-1.453152027f));
          y = CK_FMA(y, t, CK_SPLAT(1.421413741f)); y = CK_FMA(y, t, CK_SPLAT(-0.284496736f));
          y = CK_FMA(y, t, CK_SPLAT(0.254829592f)); y = y * t; v16 e = -(z * z);
          CK_(exp16)(&e); y = CK_SPLAT(1) - y * e; y = (v16)((v16i)y | s);
          a = (CK_SPLAT(0.5f) * a) * (CK_SPLAT(1) + y))
}

static void CK_(soft_cap)(float *x, size_t n, float cap) {
  // tanh u = 2 sigmoid(2u) − 1
  CK_MAP1(x, x, n, v16 s = a * CK_SPLAT(2 / cap); CK_(sigmoid16)(&s);
          a = CK_SPLAT(cap) * CK_FMA(s, CK_SPLAT(2), CK_SPLAT(-1)))
}

static void CK_(exp)(const float *x, float *out, size_t n) {
  CK_MAP1(x, out, n, CK_(exp16)(&a))
}

static float CK_(dot)(const float *a, const float *b, size_t n) {
  v16 sum = CK_SPLAT(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) sum = CK_FMA(CK_LOAD(a + i), CK_LOAD(b + i), sum);
  if (i < n) {
    v16 x, y;
    CK_(load_part)(&x, a + i, n - i);
    CK_(load_part)(&y, b + i, n - i);
    sum = CK_FMA(x, y, sum);
  }
  return CK_(sum16)(&sum);
}

static void CK_(rope_neighbours)(float *x, const float *cos, const float *sin, size_t pairs) {
  for (size_t i = 0; i < pairs; i++) {
    float a = x[2 * i], b = x[2 * i + 1];
    float t = b * sin[i], u = b * cos[i];
    x[2 * i] = fmaf(a, cos[i], -t);
    x[2 * i + 1] = fmaf(a, sin[i], u);
  }
}

static void CK_(rope_halves)(float *x, const float *cos, const float *sin, size_t pairs) {
  float *restrict low = x, *restrict high = x + pairs;
  for (size_t i = 0; i < pairs; i++) {
    float a = low[i], b = high[i];
    float t = b * sin[i], u = b * cos[i];
    low[i] = fmaf(a, cos[i], -t);
    high[i] = fmaf(a, sin[i], u);
  }
}

/// One step of a transposition: the squares off the diagonal of each 2 · step rows change places.
#define CK_TRANSPOSE_STEP(v, step, low, high)                                                     \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) {                               \
    if (i & step) continue;                                                                       \
    const v16 a = v[i], b = v[i + step];                                                          \
    v[i] = __builtin_shufflevector(a, b, low);                                                    \
    v[i + step] = __builtin_shufflevector(a, b, high);                                            \
  }
#define CK_LIST(...) __VA_ARGS__

static void CK_(transpose)(const float *x, size_t x_stride, size_t rows, size_t n, float *out,
                           size_t out_stride) {
  size_t row = 0, column = 0;
  for (; row + 16 <= rows; row += 16) {
    for (column = 0; column + 16 <= n; column += 16) {
      v16 v[16];
      for (int i = 0; i < 16; i++) v[i] = CK_LOAD(x + (row + i) * x_stride + column);
      CK_TRANSPOSE_STEP(
        v, 8, CK_LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
        CK_LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
      CK_TRANSPOSE_STEP(
        v, 4, CK_LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
        CK_LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
      CK_TRANSPOSE_STEP(
        v, 2, CK_LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
        CK_LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
      CK_TRANSPOSE_STEP(
        v, 1, CK_LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
        CK_LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
      for (int i = 0; i < 16; i++) CK_STORE(out + (column + i) * out_stride + row, v[i]);
    }
    for (size_t i = row; i < row + 16; i++) {
      for (size_t j = column; j < n; j++) out[j * out_stride + i] = x[i * x_stride + j];
    }
  }
  for (; row < rows; row++) {
    for (size_t j = 0; j < n; j++) out[j * out_stride + row] = x[row * x_stride + j];
  }
}
