// Scans of byte codes with NEON as every arm64 CPU has it.
#if defined(__aarch64__)
#define CK_TARGET
#define CODES_SCAN ck_scan_codes_neon
#include "codes_neon.h"
#endif
