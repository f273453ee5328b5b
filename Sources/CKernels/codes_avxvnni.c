// Scans of byte codes with AVX-VNNI.
#if defined(__x86_64__)
#define CODES_TARGET __attribute__((target("avx,avx2,fma,avxvnni")))
#define CODES_SCAN ck_scan_codes_avxvnni
#define CODES_ADD(sums, codes, values) sums = _mm256_dpbusd_avx_epi32(sums, codes, values)
#include "codes_avx2.h"
#endif
