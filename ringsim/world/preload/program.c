/* SPDX-License-Identifier: MIT */
/* The owner's source once more: what is preloaded is compiled without instruments. */
#include "../program.c"
