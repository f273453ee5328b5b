// Scans of byte codes, what encodes them, CRC-32C and SHA-256.
#include "harness.h"

#include <math.h>
#include <string.h>

enum { ROWS = 0, CODES = 1, FACTS = 2, VALUES = 3, HITS = 4, KNOWN = 5, QUERIES = 9 };

/// Rows of floats: ordinary, all alike (the largest sums), or with large values here and there.
static void fill(float *x, size_t count, numbers *n, int kind) {
  for (size_t i = 0; i < count; i++) x[i] = kind == 1 ? 0.125f : unit(n);
  if (kind == 2) x[below(n, count)] = 1e5f;
}

static void check_scan(numbers *n, size_t rows, size_t columns, size_t queries, int kind) {
  const size_t blocks = (rows + CK_CODE_ROWS - 1) / CK_CODE_ROWS, groups = (columns + 3) / 4;
  float *x = place(ROWS, rows * columns * sizeof *x);
  fill(x, rows * columns, n, kind);
  uint8_t *codes = place(CODES, blocks * groups * 64), expected_codes[64 * 100];
  float *facts = place(FACTS, blocks * CK_CODE_FACTS * sizeof *facts), expected_facts[CK_CODE_FACTS];
  for (size_t b = 0; b < blocks; b++) {
    const size_t here = rows - b * CK_CODE_ROWS < CK_CODE_ROWS ? rows - b * CK_CODE_ROWS : CK_CODE_ROWS;
    const float *from = x + b * CK_CODE_ROWS * columns;
    ck_encode_block(from, here, columns, codes + b * groups * 64, facts + b * CK_CODE_FACTS);
    ck_encode_block_ref(from, here, columns, expected_codes, expected_facts);
    compare_bytes(expected_codes, codes + b * groups * 64, groups * 64, "codes");
    compare_floats(expected_facts, facts + b * CK_CODE_FACTS, CK_CODE_FACTS, "facts");
  }
  digest_bytes(codes, blocks * groups * 64);
  digest_floats(facts, blocks * CK_CODE_FACTS);
  ck_code_query query[QUERIES];
  int8_t *values = place(VALUES, queries * groups * 4);
  for (size_t q = 0; q < queries; q++) {
    float own[400];
    fill(own, columns, n, kind == 2 ? 0 : kind);
    ck_encode_query(own, columns, values + q * groups * 4, &query[q]);
    if (next(n) % 2) query[q].threshold = unit(n);
  }
  uint16_t mask[64];
  for (size_t b = 0; b < blocks; b++) mask[b] = (uint16_t)next(n);
  const uint16_t *shown = next(n) % 2 ? mask : 0;
  const ck_code_rows coded = {codes, facts, groups};
  const size_t begin = next(n) % 2 ? blocks / 2 : 0;
  const int with_spreads = next(n) % 3 > 0;
  const ck_code_kernels *kernels;
  uint32_t known_counts[QUERIES];
  ck_code_spread known_spreads[QUERIES];
  ck_code_hit *known = 0;
  for (size_t i = 0; (kernels = ck_code_kernels_at(i)); i++) {
    uint32_t counts[QUERIES];
    ck_code_spread spreads[QUERIES];
    memset(spreads, 1, sizeof spreads);
    ck_code_hit *hits = place(i ? HITS : KNOWN, queries * rows * sizeof *hits);
    memset(hits, 0, queries * rows * sizeof *hits);
    kernels->scan(
      &coded, begin, blocks, query, queries, shown, hits, rows, counts, with_spreads ? spreads : 0);
    if (i == 0) {
      known = hits;
      memcpy(known_counts, counts, sizeof counts);
      memcpy(known_spreads, spreads, sizeof spreads);
      digest_bytes(hits, queries * rows * sizeof *hits);
      digest_bytes(spreads, queries * sizeof *spreads);
      continue;
    }
    const char *format = "%s: scan of %zu rows, %zu columns, %zu queries, data %d";
    compare_bytes(
      known_counts, counts, queries * sizeof *counts, format, kernels->name, rows, columns, queries, kind);
    compare_bytes(
      known, hits, queries * rows * sizeof *hits, format, kernels->name, rows, columns, queries, kind);
    compare_bytes(
      known_spreads, spreads, queries * sizeof *spreads, format, kernels->name, rows, columns, queries,
      kind);
  }
}

/// FIPS 180-4's examples: the padded message of 56 letters, in two blocks.
static void check_sha256(void) {
  static const uint32_t known[8] = {0x248d6a61, 0xd20638b8, 0xe5c02693, 0x0c3e6039,
                                    0xa33ce459, 0x64ff2167, 0xf6ecedd4, 0x19db06c1};
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t *message = place(ROWS, 128);
  memset(message, 0, 128);
  memcpy(message, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
  message[56] = 0x80;
  message[126] = 56 * 8 >> 8;
  message[127] = 56 * 8 & 255;
  const int done = ck_sha256(state, message, 2);
  if (done) compare_bytes(known, state, sizeof known, "SHA-256");
  if (done != ck_cpu().sha) compare_bytes("1", "0", 1, "SHA-256 was to be done by instructions");
}

void check_searches(void) {
  const ck_code_kernels *kernels;
  for (size_t i = 0; (kernels = ck_code_kernels_at(i)); i++) saw(kernels->name, i == 0);
  numbers n = {2};
  for (size_t columns = 1; columns <= 12; columns++) {
    for (size_t queries = 1; queries <= QUERIES; queries++) {
      check_scan(&n, 1 + below(&n, 70), columns, queries, (int)(queries % 3));
    }
  }
  for (size_t columns = 383; columns <= 386; columns++) {
    for (int kind = 0; kind < 3; kind++) check_scan(&n, 200, columns, 5, kind);
  }
  for (size_t count = 0; count < 100; count++) {
    uint8_t *bytes = place(ROWS, count);
    for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)next(&n);
    const uint32_t start = (uint32_t)next(&n), known = ck_crc32c_ref(start, bytes, count);
    const uint32_t found = ck_crc32c(start, bytes, count);
    compare_bytes(&known, &found, 4, "CRC-32C of %zu bytes", count);
    digest_bytes(&known, 4);
  }
  check_sha256();
}
