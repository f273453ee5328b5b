// The kernels behind ck_codes.h, one of a kind for each instruction set.
#ifndef CODES_INTERNAL_H
#define CODES_INTERNAL_H

#include "ck_codes.h"

// A fused product would give other bits on CPUs that have it.
#pragma STDC FP_CONTRACT OFF

#define CK_SCAN(name)                                                                                \
  void name(const ck_code_rows *rows, size_t begin, size_t end, const ck_code_query *query,          \
            size_t queries, const uint16_t *mask, ck_code_hit *hits, size_t stride, uint32_t *counts, \
            ck_code_spread *spreads)

CK_SCAN(ck_scan_codes_ref);
CK_SCAN(ck_scan_codes_avx2);
CK_SCAN(ck_scan_codes_avxvnni);
CK_SCAN(ck_scan_codes_avx512);
CK_SCAN(ck_scan_codes_neon);
CK_SCAN(ck_scan_codes_dotprod);

#endif
