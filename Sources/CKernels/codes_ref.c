// Scalar scan of byte codes, double-precision products, CRC-32C: the definitions.
#include <math.h>

#include "codes_internal.h"

static void finish(const float *facts, const int32_t *sums, const ck_code_query *q, uint32_t first,
                   uint32_t mask, ck_code_hit *hits, uint32_t *count, ck_code_spread *spread) {
  for (uint32_t row = 0; row < CK_CODE_ROWS; row++) {
    if (!(mask >> row & 1)) continue;
    const float product = (float)(sums[row] - q->offset) * facts[row] * q->scale;
    const float bound = fmaf(q->norm_factor, facts[16 + row], q->error_factor * facts[32 + row]);
    const float upper = product + bound;
    if (upper >= q->threshold)
      hits[(*count)++] = (ck_code_hit){product - bound, upper, first + row};
    if (spread && facts[32 + row] >= 0) {
      const float cut = fminf(fmaxf(product, -1.5f), 1.5f);
      const int64_t units = (int64_t)rintf(cut * 32768.0f);
      spread->sum += units;
      spread->squares += units * units;
      spread->count++;
    }
  }
}

void ck_scan_codes_ref(const ck_code_rows *rows, size_t begin, size_t end, const ck_code_query *query,
                       size_t queries, const uint16_t *mask, ck_code_hit *hits, size_t stride,
                       uint32_t *counts, ck_code_spread *spreads) {
  for (size_t n = 0; n < queries; n++) {
    counts[n] = 0;
    for (size_t block = begin; block < end; block++) {
      const uint8_t *codes = rows->codes + block * rows->groups * 64;
      int32_t sums[CK_CODE_ROWS] = {0};
      for (size_t group = 0; group < rows->groups; group++)
        for (size_t row = 0; row < CK_CODE_ROWS; row++)
          for (size_t i = 0; i < 4; i++)
            sums[row] += codes[group * 64 + row * 4 + i] * query[n].values[group * 4 + i];
      finish(rows->facts + block * CK_CODE_FACTS, sums, query + n, (uint32_t)block * CK_CODE_ROWS,
             mask ? mask[block] : 0xffff, hits + n * stride, counts + n, spreads ? spreads + n : 0);
    }
  }
}

uint32_t ck_crc32c_ref(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *byte = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; i++) {
    crc ^= byte[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82f63b78u & -(crc & 1));
  }
  return ~crc;
}
