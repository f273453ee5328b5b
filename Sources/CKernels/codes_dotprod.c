// Scans of byte codes with NEON and sdot.
#if defined(__aarch64__)
#define CK_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define CODES_SCAN ck_scan_codes_dotprod
#define NEON_SDOT
#include "codes_neon.h"
#endif
