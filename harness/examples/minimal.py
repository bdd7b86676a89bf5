#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A TCMU handler in Python, standard library only: attach, serve a disk in memory.

tcmu-harness check --exec harness/examples/minimal.py --case 'hnd.*'

Offsets are those of <linux/target_core_user.h>; minimal.c says why things are done in this order,
which x86 keeps for us. Words that both sides use are stored through a memoryview cast to 32 bits:
one store each, where struct.pack_into() would clear the bytes first.
"""
import mmap
import os
import socket
import struct

HEAD, TAIL = 12 // 4, 64 // 4
NORESERVE = 0x4000  # memory only for what is written: the mmap module has no name for it yet
BAD_OPCODE, BAD_LBA, BAD_FIELD = (5, 0x20), (5, 0x21), (5, 0x24)

ctl = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
ctl.connect(os.environ["TCMU_ATTACH"])
ctl.send(b"TCMU-ATTACH 1")
line, fds, _, _ = socket.recv_fds(ctl, 1024, 2)
if not line.startswith(b"OK 1 "):
    raise SystemExit("minimal.py: " + line.decode())
told = dict(word.split("=", 1) for word in line.decode()[5:].split(" ", 3))
io_fd, block = fds[0], int(told["block_size"])
region = mmap.mmap(fds[1], int(told["map0"]))
words = memoryview(region).cast("I")
disk = mmap.mmap(-1, int(told["size"]), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
version, _, cmdr_off, cmdr_size = struct.unpack_from("=HHII", region)
if version != 2 or not told["name"].startswith("tcm-user/"):
    raise SystemExit("minimal.py: no TCMU device of version 2")


def put_data(iovs, data):
    """Data-In, then zeros: what the buffers held before is not for the initiator."""
    for base, size in iovs:
        region[base : base + size] = data[:size].ljust(size, b"\0")
        data = data[size:]


def read_write(write, lba, count, iovs):
    start, end = lba * block, (lba + count) * block
    if end > len(disk):
        return BAD_LBA
    if end - start != sum(size for _, size in iovs):
        return BAD_FIELD
    if write:
        disk[start:end] = b"".join(region[base : base + size] for base, size in iovs)
    else:
        put_data(iovs, disk[start:end])


def execute(cdb, iovs):
    """Carries out one command; returns its sense, or None for GOOD."""
    op, write, last = cdb[0], cdb[0] & 2, len(disk) // block - 1
    if op == 0x00:  # TEST UNIT READY
        return put_data(iovs, b"")
    if op == 0x12:  # INQUIRY
        data = bytes((0, 0, 6, 2, 31, 0, 0, 2)) + b"EXAMPLE minimal.py      0001"
        return BAD_FIELD if cdb[1] & 1 or cdb[2] else put_data(iovs, data[: cdb[3] << 8 | cdb[4]])
    if op == 0x25:  # READ CAPACITY(10)
        return put_data(iovs, struct.pack(">II", min(last, 0xFFFFFFFF), block))
    if op == 0x9E and cdb[1] & 0x1F == 0x10:  # READ CAPACITY(16)
        data = struct.pack(">QI20x", last, block)
        return put_data(iovs, data[: struct.unpack_from(">I", cdb, 10)[0]])
    if op in (0x08, 0x0A):  # READ and WRITE of 6, 10, 12 and 16 bytes
        return read_write(write, int.from_bytes(cdb[1:4], "big") & 0x1FFFFF, cdb[4] or 256, iovs)
    if op in (0x28, 0x2A):
        return read_write(write, *struct.unpack_from(">IxH", cdb, 2), iovs)
    if op in (0xA8, 0xAA):
        return read_write(write, *struct.unpack_from(">II", cdb, 2), iovs)
    if op in (0x88, 0x8A):
        return read_write(write, *struct.unpack_from(">QI", cdb, 2), iovs)
    return BAD_FIELD if op == 0x9E else BAD_OPCODE


while True:
    while words[TAIL] != words[HEAD]:
        at = cmdr_off + words[TAIL]
        (len_op,) = struct.unpack_from("=I", region, at)
        if len_op & 7 == 1:  # a command; PAD (0) and TMR (2) are passed over
            count, bidi, _, cdb_off = struct.unpack_from("=IIIxxxxQ", region, at + 8)
            both = range(at + 48, at + 48 + 16 * (count + bidi), 16)
            iovs = [struct.unpack_from("=QQ", region, iov) for iov in both]
            put_data(iovs[count:], b"")  # no command here answers through a second list
            # Not 16 bytes always: behind a short CDB the ring may end (HND-018).
            sense = execute(region[cdb_off : min(cdb_off + 16, at + (len_op & ~7))], iovs[:count])
            if sense:
                fixed = struct.pack("BxB4xB4xB83x", 0x70, sense[0], 10, sense[1])
                region[at + 16 : at + 112] = fixed
            region[at + 8] = 2 if sense else 0
            region[at + 7] = 0
        elif len_op & 7 > 2:
            region[at + 7] |= 1  # UNKNOWN_OP
        words[TAIL] = (words[TAIL] + (len_op & ~7)) % cmdr_size
    os.write(io_fd, bytes(4))
    if len(os.read(io_fd, 4)) != 4:
        break  # the device is gone
