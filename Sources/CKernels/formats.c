// The stored formats, read one canonical block at a time. Layouts (all little-endian):
//
//   q4_0   18: f16 d, 16 bytes: low nibbles are weights 0..15, high nibbles 16..31; offset 8
//   q4_1   20: f16 d, f16 m, 16 bytes of nibbles
//   q5_0   22: f16 d, 32 fifth bits, 16 bytes of nibbles; offset 16
//   q5_1   24: f16 d, f16 m, 32 fifth bits, 16 bytes of nibbles
//   q8_0   34: f16 d, 32 signed bytes
//   mxfp4  17: e8m0 scale, 16 bytes of nibbles that index ck_mxfp4_levels
//   q3_K  110: 32 bytes of third bits (bit j of byte i: sub-block j, weight i; offset 4), 64 bytes of bit
//              pairs (each half of the block has 32: pair i of byte l is weight 32 * i + l), 12 bytes of
//              6-bit scales for sub-blocks of 16 (nibbles, then upper pairs; offset 32), f16 d
//   q4_K  144: f16 d, f16 dmin, 12 bytes of 6-bit scales and minimums for 8 sub-blocks of 32,
//              128 bytes: 32 bytes hold two sub-blocks, low nibbles and high nibbles
//   q5_K  176: as q4_K with 32 bytes of fifth bits (bit j of byte i: sub-block j, weight i) before
//              the nibbles
//   q6_K  210: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales for sub-blocks
//              of 16, f16 d; offset 32. Each half of the block (128 weights) has 64 + 32 bytes:
//              weight 32 * i + l has its nibble in byte 32 * (i & 1) + l (low for i < 2) and its
//              bit pair i in byte l.
//   iq4_nl 18: f16 d, 16 bytes of nibbles that index ck_iq4_levels
//   iq4_xs 136: f16 d, 8 upper pairs and 8 nibbles of scales for sub-blocks of 32 (offset 32), 128 bytes:
//              each 16 are a sub-block as in iq4_nl
#include "internal.h"

const int8_t ck_mxfp4_levels[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

const int8_t ck_iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

size_t ck_format_elements(int type) {
  switch (type) {
  case CK_F32: case CK_F16: case CK_BF16: return 1;
  case CK_Q4_0: case CK_Q4_1: case CK_Q5_0: case CK_Q5_1: case CK_Q8_0: case CK_IQ4_NL: case CK_MXFP4:
    return 32;
  case CK_Q3_K: case CK_Q4_K: case CK_Q5_K: case CK_Q6_K: case CK_IQ4_XS: return 256;
  default: return 0;
  }
}

size_t ck_format_bytes(int type) {
  switch (type) {
  case CK_F32: return 4;
  case CK_F16: case CK_BF16: return 2;
  case CK_Q4_0: return 18;
  case CK_Q4_1: return 20;
  case CK_Q5_0: return 22;
  case CK_Q5_1: return 24;
  case CK_Q8_0: return 34;
  case CK_MXFP4: return 17;
  case CK_Q3_K: return 110;
  case CK_Q4_K: return 144;
  case CK_Q5_K: return 176;
  case CK_Q6_K: return 210;
  case CK_IQ4_NL: return 18;
  case CK_IQ4_XS: return 136;
  default: return 0;
  }
}

int ck_format_is_quantized(int type) { return ck_format_elements(type) >= 32; }

static void set_scale(ck_weight_block *out, float scale, float minimum) {
  out->scale[0] = scale;
  out->scale[1] = scale;
  out->minimum = minimum;
}

static void nibbles(const uint8_t *q, int offset, ck_weight_block *out) {
  for (int i = 0; i < 16; i++) {
    out->level[i] = (int8_t)((q[i] & 15) - offset);
    out->level[i + 16] = (int8_t)((q[i] >> 4) - offset);
  }
}

static void nibbles_of_table(const uint8_t *q, const int8_t table[16], ck_weight_block *out) {
  for (int i = 0; i < 16; i++) {
    out->level[i] = table[q[i] & 15];
    out->level[i + 16] = table[q[i] >> 4];
  }
}

static void nibbles_and_fifth_bits(const uint8_t *q, uint32_t high, int offset, ck_weight_block *out) {
  for (int i = 0; i < 16; i++) {
    out->level[i] = (int8_t)(((q[i] & 15) | (((high >> i) & 1) << 4)) - offset);
    out->level[i + 16] = (int8_t)(((q[i] >> 4) | (((high >> (i + 16)) & 1) << 4)) - offset);
  }
}

void ck_unpack_block_ref(int type, const void *row, size_t index, ck_weight_block *out) {
  const size_t stored = ck_format_elements(type) / CK_BLOCK;  // canonical blocks in a stored one
  const uint8_t *b = (const uint8_t *)row + index / stored * ck_format_bytes(type);
  const int j = (int)(index % stored);
  switch (type) {
  case CK_Q4_0:
    set_scale(out, ck_float_from_half(ck_load16(b)), 0);
    nibbles(b + 2, 8, out);
    return;
  case CK_Q4_1:
    set_scale(out, ck_float_from_half(ck_load16(b)), ck_float_from_half(ck_load16(b + 2)));
    nibbles(b + 4, 0, out);
    return;
  case CK_Q5_0:
    set_scale(out, ck_float_from_half(ck_load16(b)), 0);
    nibbles_and_fifth_bits(b + 6, ck_load32(b + 2), 16, out);
    return;
  case CK_Q5_1:
    set_scale(out, ck_float_from_half(ck_load16(b)), ck_float_from_half(ck_load16(b + 2)));
    nibbles_and_fifth_bits(b + 8, ck_load32(b + 4), 0, out);
    return;
  case CK_Q8_0:
    set_scale(out, ck_float_from_half(ck_load16(b)), 0);
    memcpy(out->level, b + 2, 32);
    return;
  case CK_MXFP4:
    set_scale(out, ck_half_power_from_e8m0(b[0]), 0);
    nibbles_of_table(b + 1, ck_mxfp4_levels, out);
    return;
  case CK_IQ4_NL:
    set_scale(out, ck_float_from_half(ck_load16(b)), 0);
    nibbles_of_table(b + 2, ck_iq4_levels, out);
    return;
  case CK_IQ4_XS: {
    const int low = (b[4 + j / 2] >> (4 * (j & 1))) & 15, high = (ck_load16(b + 2) >> (2 * j)) & 3;
    set_scale(out, ck_float_from_half(ck_load16(b)) * (float)((low | high << 4) - 32), 0);
    nibbles_of_table(b + 8 + 16 * j, ck_iq4_levels, out);
    return;
  }
  case CK_Q3_K: {
    const float d = ck_float_from_half(ck_load16(b + 108));
    const uint8_t *scales = b + 96;
    for (int half = 0; half < 2; half++) {
      const int k = 2 * j + half;
      const int low = k < 8 ? scales[k] & 15 : scales[k - 8] >> 4;
      const int high = (scales[8 + k % 4] >> (2 * (k / 4))) & 3;
      out->scale[half] = d * (float)((low | high << 4) - 32);
    }
    out->minimum = 0;
    const uint8_t *pairs = b + 32 + 32 * (j / 4);
    for (int l = 0; l < 32; l++) {
      const int pair = (pairs[l] >> (2 * (j & 3))) & 3;
      out->level[l] = (int8_t)(pair - ((b[l] >> j) & 1 ? 0 : 4));
    }
    return;
  }
  case CK_Q4_K:
  case CK_Q5_K: {
    uint8_t scale, minimum;
    ck_k_scale(b + 4, j, &scale, &minimum);
    set_scale(
      out, ck_float_from_half(ck_load16(b)) * (float)scale,
      -(ck_float_from_half(ck_load16(b + 2)) * (float)minimum));
    const int five = type == CK_Q5_K;
    const uint8_t *q = b + (five ? 48 : 16) + 32 * (j / 2);
    for (int i = 0; i < 32; i++) {
      int level = j & 1 ? q[i] >> 4 : q[i] & 15;
      if (five) level |= ((b[16 + i] >> j) & 1) << 4;
      out->level[i] = (int8_t)level;
    }
    return;
  }
  case CK_Q6_K: {
    const float d = ck_float_from_half(ck_load16(b + 208));
    const int8_t *scales = (const int8_t *)b + 192;
    out->scale[0] = d * (float)scales[2 * j];
    out->scale[1] = d * (float)scales[2 * j + 1];
    out->minimum = 0;
    const int i = j & 3;
    const uint8_t *low = b + 64 * (j / 4) + 32 * (i & 1);
    const uint8_t *high = b + 128 + 32 * (j / 4);
    for (int l = 0; l < 32; l++) {
      const int nibble = i < 2 ? low[l] & 15 : low[l] >> 4;
      out->level[l] = (int8_t)((nibble | (((high[l] >> (2 * i)) & 3) << 4)) - 32);
    }
    return;
  }
  default:
    memset(out, 0, sizeof *out);
  }
}

static int has_minimum(int type) {
  return type == CK_Q4_1 || type == CK_Q5_1 || type == CK_Q4_K || type == CK_Q5_K;
}

void ck_dequantize_row_ref(int type, const void *row, size_t columns, float *out) {
  switch (type) {
  case CK_F32:
    memcpy(out, row, columns * 4);
    return;
  case CK_F16:
    for (size_t i = 0; i < columns; i++) {
      out[i] = ck_float_from_half(ck_load16((const uint8_t *)row + 2 * i));
    }
    return;
  case CK_BF16:
    for (size_t i = 0; i < columns; i++) {
      out[i] = ck_float_from_bits((uint32_t)ck_load16((const uint8_t *)row + 2 * i) << 16);
    }
    return;
  default:
    break;
  }
  const int minimum = has_minimum(type);
  for (size_t b = 0; b < columns / CK_BLOCK; b++) {
    ck_weight_block block;
    ck_unpack_block_ref(type, row, b, &block);
    for (int i = 0; i < CK_BLOCK; i++) {
      const float v = block.scale[i / 16] * (float)block.level[i];
      out[b * CK_BLOCK + (size_t)i] = minimum ? v + block.minimum : v;
    }
  }
}
