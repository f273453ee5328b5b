// Scans of byte codes with NEON. Included by codes_neon.c and codes_dotprod.c, which define CK_TARGET,
// CODES_SCAN and, with sdot, NEON_SDOT.
//
// A code is stored with an offset of 128: without its highest bit turned over it would be no signed
// byte. So the sums are those of the signed codes, of which the query's offset is taken off already.
#include "codes_internal.h"
#include "neon.h"

/// Sums of what was looked at, by lanes.
typedef struct {
  int64x2_t sum, squares;
  int32x4_t count;
} lanes;

/// A block's rows, four to a vector.
CK_INLINE_TARGET void finish(
  const float *facts, const int32x4_t sums[4], const ck_code_query *q, uint32_t first, uint32_t mask,
  ck_code_hit *hits, uint32_t *count, lanes *spread
) {
  static const uint32_t bits[16] = {1,   2,   4,    8,    16,   32,   64,    128,
                                    256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  float32x4_t lower[4], upper[4];
  uint32x4_t reaches[4];
  for (int i = 0; i < 4; i++) {
    const uint32x4_t chosen = vtstq_u32(vdupq_n_u32(mask), vld1q_u32(bits + 4 * i));
    const float32x4_t error = vld1q_f32(facts + 32 + 4 * i);
    const float32x4_t product = vmulq_n_f32(
      vmulq_f32(vcvtq_f32_s32(sums[i]), vld1q_f32(facts + 4 * i)), q->scale);
    const float32x4_t bound = vfmaq_f32(
      vmulq_n_f32(error, q->error_factor), vld1q_f32(facts + 16 + 4 * i),
      vdupq_n_f32(q->norm_factor));
    lower[i] = vsubq_f32(product, bound);
    upper[i] = vaddq_f32(product, bound);
    reaches[i] = vandq_u32(vcgeq_f32(upper[i], vdupq_n_f32(q->threshold)), chosen);
    if (spread) {
      const uint32x4_t real = vandq_u32(vcgezq_f32(error), chosen);
      const float32x4_t cut =
        vminnmq_f32(vmaxnmq_f32(product, vdupq_n_f32(-1.5f)), vdupq_n_f32(1.5f));
      const int32x4_t units = vandq_s32(
        vcvtnq_s32_f32(vmulq_n_f32(cut, 32768.0f)), vreinterpretq_s32_u32(real));
      spread->sum = vpadalq_s32(spread->sum, units);
      spread->squares = vmlal_s32(spread->squares, vget_low_s32(units), vget_low_s32(units));
      spread->squares = vmlal_high_s32(spread->squares, units, units);
      spread->count = vsubq_s32(spread->count, vreinterpretq_s32_u32(real));
    }
  }
  const uint32x4_t any =
    vorrq_u32(vorrq_u32(reaches[0], reaches[1]), vorrq_u32(reaches[2], reaches[3]));
  if (__builtin_expect(vmaxvq_u32(any) == 0, 1)) return;
  for (uint32_t i = 0; i < 4; i++) {
    float lowers[4], uppers[4];
    uint32_t found[4];
    vst1q_f32(lowers, lower[i]);
    vst1q_f32(uppers, upper[i]);
    vst1q_u32(found, reaches[i]);
    for (uint32_t row = 0; row < 4; row++) {
      if (found[row]) {
        hits[(*count)++] = (ck_code_hit){lowers[row], uppers[row], first + 4 * i + row};
      }
    }
  }
}

/// One block for `queries` (a constant, up to four) queries.
CK_INLINE_TARGET void tile(
  const ck_code_rows *rows, size_t block, const ck_code_query *query, const int queries,
  const uint16_t *mask, ck_code_hit *hits, size_t stride, uint32_t *counts, lanes *spreads
) {
  const uint8_t *codes = rows->codes + block * rows->groups * 64;
  int32x4_t sums[4][4];
  CK_UNROLL for (int n = 0; n < queries; n++) {
    CK_UNROLL for (int i = 0; i < 4; i++) sums[n][i] = vdupq_n_s32(0);
  }
  for (size_t group = 0; group < rows->groups; group++) {
    int32x4_t four[4];
    CK_UNROLL for (int i = 0; i < 4; i++) {
      four[i] = vreinterpretq_s32_u8(
        veorq_u8(vld1q_u8(codes + group * 64 + 16 * (size_t)i), vdupq_n_u8(0x80)));
    }
    CK_UNROLL for (int n = 0; n < queries; n++) {
      const int32x4_t all = vdupq_n_s32((int32_t)ck_load32(query[n].values + group * 4));
      CK_UNROLL for (int i = 0; i < 4; i++) sums[n][i] = neon_dot(sums[n][i], four[i], all);
    }
  }
  CK_UNROLL for (int n = 0; n < queries; n++) {
    finish(
      rows->facts + block * CK_CODE_FACTS, sums[n], query + n, (uint32_t)block * CK_CODE_ROWS,
      mask ? mask[block] : 0xffff, hits + (size_t)n * stride, counts + n, spreads ? spreads + n : 0);
  }
}

CK_INLINE_TARGET void scan_group(
  const ck_code_rows *rows, size_t begin, size_t end, const ck_code_query *query, const int queries,
  const uint16_t *mask, ck_code_hit *hits, size_t stride, uint32_t *counts, ck_code_spread *spreads
) {
  lanes sums[4];
  for (int n = 0; n < queries; n++) {
    counts[n] = 0;
    sums[n] = (lanes){vdupq_n_s64(0), vdupq_n_s64(0), vdupq_n_s32(0)};
  }
  for (size_t block = begin; block < end; block++) {
    tile(rows, block, query, queries, mask, hits, stride, counts, spreads ? sums : 0);
  }
  for (int n = 0; spreads && n < queries; n++) {
    spreads[n].sum += vaddvq_s64(sums[n].sum);
    spreads[n].squares += vaddvq_s64(sums[n].squares);
    spreads[n].count += vaddvq_s32(sums[n].count);
  }
}

CK_TARGET CK_SCAN(CODES_SCAN) {
  size_t n = 0;
  for (; n + 4 <= queries; n += 4) {
    scan_group(
      rows, begin, end, query + n, 4, mask, hits + n * stride, stride, counts + n,
      spreads ? spreads + n : 0);
  }
  for (; n < queries; n++) {
    scan_group(
      rows, begin, end, query + n, 1, mask, hits + n * stride, stride, counts + n,
      spreads ? spreads + n : 0);
  }
}
