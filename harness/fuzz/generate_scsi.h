/* SPDX-License-Identifier: MIT */
/* Commands of the generator, one function for each kind; all of them submit one. */
#ifndef HARNESS_FUZZ_GENERATE_SCSI_H
#define HARNESS_FUZZ_GENERATE_SCSI_H

#include "generate_impl.h"

#include <ringsim/device.h>

/** gen_put_be() - big-endian, @bytes long. */
void gen_put_be(uint8_t *p, uint64_t value, uint32_t bytes);
/** gen_cdb() - submit @cdb, of the length that its opcode says; @dir only if there is data. */
struct fuzz_op *gen_cdb(struct gen *g, const uint8_t *cdb, enum ringsim_dir dir, uint64_t len);
/** gen_remember() - come back to this range now and then. */
void gen_remember(struct gen *g, uint64_t lba, uint32_t blocks);
/** gen_range() - blocks to go to: in range mostly. */
struct gen_range gen_range(struct gen *g);
/** gen_direction() - of a buffer that comes with this opcode. */
enum ringsim_dir gen_direction(struct gen *g, uint8_t opcode);
/** gen_spoil() - as often as the profile wants it, one thing about a finished command is wrong. */
void gen_spoil(struct gen *g, struct fuzz_op *op);

void gen_read_write(struct gen *g, bool write);
/** gen_verify() - VERIFY, or WRITE AND VERIFY if @write. */
void gen_verify(struct gen *g, bool write);
void gen_compare_and_write(struct gen *g);
void gen_synchronize_cache(struct gen *g);
void gen_bidirectional(struct gen *g);
void gen_write_same(struct gen *g);
void gen_unmap(struct gen *g);
/** gen_unmap_pair() - UNMAP of two ranges, all of it right. */
void gen_unmap_pair(struct gen *g, struct gen_range a, struct gen_range b);
void gen_inquiry(struct gen *g);
void gen_mode_sense(struct gen *g);
void gen_mode_select(struct gen *g);
void gen_request_sense(struct gen *g);
void gen_capacity(struct gen *g);
void gen_report_opcodes(struct gen *g);
void gen_no_data(struct gen *g);
void gen_any_opcode(struct gen *g);

#endif
