/// The compression function of SHA-256 (FIPS 180-4) with the CPU's own instructions.
#ifndef CK_SHA256_H
#define CK_SHA256_H

#include <stddef.h>
#include <stdint.h>

/// Mixes `blocks` blocks of 64 bytes into `state` (eight words). 0 when this CPU has no instructions for
/// it; then nothing was done.
int ck_sha256(uint32_t *state, const uint8_t *bytes, size_t blocks);

#endif
