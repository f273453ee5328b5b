// What q8_levels.h and q8_kernels.h need of 128-bit vectors (4 rows in a tile), with NEON. Operations
// have the names of their counterparts on x86-64, so that the kernels are written once.
// The including file defines CK_TARGET (the target attribute, which may be empty) first.
#include "neon.h"

#define TILE 4           // rows in a vector
#define PANEL_BLOCKS 64  // blocks of a panel
#define PANEL_TILES 2    // tiles of a panel
#define SWEEP_TOKENS 4   // tokens swept over a panel at a time
#define GEMV_TOKENS 4    // tokens up to which weights are not unpacked first
#define VI(op) neon_##op
#define VBITS(op) neon_##op
#define CK_DOT neon_dot
#define SIGNED_LEVELS 1
#define PANELS_WITHOUT_OFFSETS 1

typedef int32x4_t vi;
typedef float32x4_t vf;
typedef int32x4_t lane;
#define LANE(...) vreinterpretq_s32_s8((int8x16_t){__VA_ARGS__})
#define load_lane(p) vreinterpretq_s32_s8(vld1q_s8((const int8_t *)(p)))

// --- Bits and integers.

CK_INLINE_TARGET vi neon_setzero(void) { return vdupq_n_s32(0); }
CK_INLINE_TARGET vi neon_set1_epi8(int v) { return vreinterpretq_s32_s8(vdupq_n_s8((int8_t)v)); }
CK_INLINE_TARGET vi neon_set1_epi32(int v) { return vdupq_n_s32(v); }
CK_INLINE_TARGET vi neon_load(const vi *p) { return vld1q_s32((const int32_t *)p); }
CK_INLINE_TARGET void neon_store(vi *p, vi v) { vst1q_s32((int32_t *)p, v); }
CK_INLINE_TARGET vi neon_and(vi a, vi b) { return vandq_s32(a, b); }
CK_INLINE_TARGET vi neon_or(vi a, vi b) { return vorrq_s32(a, b); }
CK_INLINE_TARGET vi neon_add_epi32(vi a, vi b) { return vaddq_s32(a, b); }
CK_INLINE_TARGET vi neon_sub_epi8(vi a, vi b) {
  return vreinterpretq_s32_s8(vsubq_s8(vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b)));
}
CK_INLINE_TARGET vi neon_sub_epi32(vi a, vi b) { return vsubq_s32(a, b); }
// The shifts that intrinsics have want literals.
CK_INLINE_TARGET vi neon_slli_epi16(vi v, int n) {
  return vreinterpretq_s32_u16(vreinterpretq_u16_s32(v) << (uint16_t)n);
}
CK_INLINE_TARGET vi neon_srli_epi16(vi v, int n) {
  return vreinterpretq_s32_u16(vreinterpretq_u16_s32(v) >> (uint16_t)n);
}
CK_INLINE_TARGET vi neon_slli_epi32(vi v, int n) {
  return vreinterpretq_s32_u32(vreinterpretq_u32_s32(v) << (uint32_t)n);
}
CK_INLINE_TARGET vi neon_srli_epi32(vi v, int n) {
  return vreinterpretq_s32_u32(vreinterpretq_u32_s32(v) >> (uint32_t)n);
}
CK_INLINE_TARGET vi neon_srai_epi32(vi v, int n) { return v >> n; }
CK_INLINE_TARGET vi neon_shuffle_epi8(vi table, vi index) {
  return vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(table), vreinterpretq_u8_s32(index)));
}
CK_INLINE_TARGET vi neon_unpacklo_epi32(vi a, vi b) { return vzip1q_s32(a, b); }
CK_INLINE_TARGET vi neon_unpackhi_epi32(vi a, vi b) { return vzip2q_s32(a, b); }
CK_INLINE_TARGET vi neon_unpacklo_epi64(vi a, vi b) {
  return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}
CK_INLINE_TARGET vi neon_unpackhi_epi64(vi a, vi b) {
  return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

// --- Floats.

CK_INLINE_TARGET vf neon_setzero_ps(void) { return vdupq_n_f32(0); }
CK_INLINE_TARGET vf neon_set1_ps(float v) { return vdupq_n_f32(v); }
CK_INLINE_TARGET vf neon_load_ps(const float *p) { return vld1q_f32(p); }
CK_INLINE_TARGET void neon_store_ps(float *p, vf v) { vst1q_f32(p, v); }
CK_INLINE_TARGET vf neon_add_ps(vf a, vf b) { return vaddq_f32(a, b); }
CK_INLINE_TARGET vf neon_mul_ps(vf a, vf b) { return vmulq_f32(a, b); }
CK_INLINE_TARGET vf neon_fmadd_ps(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
CK_INLINE_TARGET vf neon_sqrt_ps(vf v) { return vsqrtq_f32(v); }
CK_INLINE_TARGET vf neon_cvtepi32_ps(vi v) { return vcvtq_f32_s32(v); }
CK_INLINE_TARGET vf as_floats(vi v) { return vreinterpretq_f32_s32(v); }
CK_INLINE_TARGET vf neon_xor_ps(vf a, vf b) {
  return as_floats(veorq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}

// --- Rows of a tile.

/// The elements [skip, end) of a tile.
typedef struct {
  size_t skip, end;
} row_mask;

CK_INLINE_TARGET row_mask rows_of(size_t skip, size_t wanted) {
  return (row_mask){skip, skip + wanted};
}
// Parts of a tile are rare: they stay out of the loops.
static __attribute__((noinline)) vf load_some(const float *p, row_mask rows) {
  float v[TILE] = {0};
  for (size_t r = rows.skip; r < rows.end; r++) v[r] = p[r];
  return vld1q_f32(v);
}
static __attribute__((noinline)) void store_some(float *p, row_mask rows, vf sums) {
  float v[TILE];
  vst1q_f32(v, sums);
  for (size_t r = rows.skip; r < rows.end; r++) p[r] = v[r];
}
CK_INLINE_TARGET vf load_rows(const float *p, row_mask rows) {
  return rows.skip == 0 && rows.end == TILE ? vld1q_f32(p) : load_some(p, rows);
}
CK_INLINE_TARGET void store_rows(float *p, row_mask rows, vf sums) {
  if (rows.skip == 0 && rows.end == TILE) vst1q_f32(p, sums);
  else store_some(p, rows, sums);
}

CK_INLINE_TARGET vi every_lane(lane v) { return v; }

/// 4 bytes at p + 4 * index in every element: four of them are one load and become elements of sdot.
CK_INLINE_TARGET vi every_word(const int8_t *p, int index) {
  const vi four = load_lane(p + index / 4 * 16);
  switch (index % 4) {
  case 0: return vdupq_laneq_s32(four, 0);
  case 1: return vdupq_laneq_s32(four, 1);
  case 2: return vdupq_laneq_s32(four, 2);
  default: return vdupq_laneq_s32(four, 3);
  }
}

CK_INLINE_TARGET vi high_nibbles(vi v) {
  return vreinterpretq_s32_u8(vshrq_n_u8(vreinterpretq_u8_s32(v), 4));
}

/// 16 bytes at p: there is one lane.
CK_INLINE_TARGET vi lanes(const uint8_t *p, size_t stride) {
  (void)stride;
  return load_lane(p);
}

/// 4 bytes at p + {0, 1, 2, 3} * stride.
CK_INLINE_TARGET vi words(const uint8_t *p, size_t stride) {
  return (vi){
    (int32_t)ck_load32(p), (int32_t)ck_load32(p + stride), (int32_t)ck_load32(p + 2 * stride),
    (int32_t)ck_load32(p + 3 * stride)};
}

CK_INLINE_TARGET vi load_vector(const void *p) { return vld1q_s32((const int32_t *)p); }
/// The largest element; -infinity where none is a number.
CK_INLINE_TARGET float largest_row(vf v) {
  return vmaxnmvq_f32(vmaxnmq_f32(v, vdupq_n_f32(-INFINITY))) + 0.0f;
}
/// TILE bytes that lie side by side, as numbers 0 ... 255.
CK_INLINE_TARGET vf load_bytes(const uint8_t *p) {
  const uint8x8_t bytes = vreinterpret_u8_u32(vdup_n_u32(ck_load32(p)));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

CK_INLINE_TARGET vf low_halves(vi v) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(vreinterpretq_u32_s32(v))));
}
CK_INLINE_TARGET vf high_halves(vi v) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(vreinterpretq_u32_s32(v), 16)));
}

/// `value` in the bytes of v that have a bit of `bit`, which has one bit in each byte.
CK_INLINE_TARGET vi where_bit(vi v, vi bit, vi value) {
  const uint8x16_t has = vtstq_u8(vreinterpretq_u8_s32(v), vreinterpretq_u8_s32(bit));
  return vandq_s32(vreinterpretq_s32_u8(has), value);
}

/// 0x00200000 << e where e < 2, else `other`; e is not negative.
CK_INLINE_TARGET vi small_power(vi e, vi other) {
  const vi small = vshlq_s32(vdupq_n_s32(0x00200000), e);
  return vbslq_s32(vcltq_s32(e, vdupq_n_s32(2)), small, other);
}

/// The 4 partial sums of each row added up, rows in order.
CK_INLINE_TARGET vi row_sums(const vi v[4]) {
  return vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
}
