// Forgets what the *_body.h files and what they include define, so that they can be included again.
#undef CK_MAP1
#undef CK_MAP2
#undef CK_HADAMARD_STAGE
#undef CK_TRANSPOSE_STEP
#undef CK_LIST
#undef CK_ROWS
#undef CK_WIDE
#undef CK_BLOCK_CASE
#undef CK_NARROW_CASE
#undef CK_PAIR_CASE
#undef CK_PAIR_CASES
#undef CK_PAIRS
#undef CK_ALL
