#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A TCMU handler in Python, standard library only: serves every device of one subtype from a file,
those that are there and those that come, until they go or it is told to stop.

    filedisk.py [SUBTYPE]       serves devices whose dev_config is SUBTYPE/FILE (default: file)

One thread and one selector: the kernel's announcements (Netlink), each device's events (Ring), and
signals. A command is carried out at once and in order (Disk). Offsets are those of
<linux/target_core_user.h>.

Words that both sides use are read and stored through a memoryview cast to 32 bits: one access each,
where struct.pack_into() would clear the bytes first. That the tail is stored last is in the code;
that it is seen last is what x86 does, and elsewhere the system call of the doorbell behind it.
"""
import errno
import mmap
import os
import selectors
import signal
import socket
import struct
import sys
import time

UIO = "/sys/class/uio/"
CORE = "/sys/kernel/config/target/core/"
OP_CMD, OP_TMR = 1, 2
UNKNOWN_OP = 1
CHECK_CONDITION = 2


class Sense(Exception):
    """What a command ends with other than GOOD: key, additional code, qualifier."""

    @property
    def fixed(self):
        key, code, qualifier = self.args
        return struct.pack(">BxB4xB4xBB4x", 0x70, key, 10, code, qualifier)


READ_ERROR, WRITE_ERROR = (3, 0x11, 0), (3, 0x0C, 0)
LIST_LENGTH, BAD_LIST, NOT_SAVED = (5, 0x1A, 0), (5, 0x26, 0), (5, 0x39, 0)
BAD_OPCODE, BAD_LBA, BAD_FIELD = (5, 0x20, 0), (5, 0x21, 0), (5, 0x24, 0)
CAPACITY_CHANGED, MISCOMPARE = (6, 0x2A, 9), (0xE, 0x1D, 0)


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().rstrip("\n")


class Disk:
    """The SCSI disk: each command takes a CDB of 16 bytes and the buffers that the iovs describe,
    and returns Data-In (bytes that are copied out, or None if the buffers hold it) or raises."""

    def __init__(self, configfs, path):
        self.block = int(read(configfs + "/attrib/hw_block_size"))
        self.resize(int(read(configfs + "/attrib/dev_size")))
        self.write_cache = read(configfs + "/attrib/emulate_write_cache") != "0"
        self.serial = read(configfs + "/wwn/vpd_unit_serial").partition("Number: ")[2][:200].encode()
        self.attention = None  # of a disk that is new there is no news
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def __del__(self):
        if hasattr(self, "fd"):
            os.close(self.fd)

    def resize(self, size):
        if size < self.block:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self.blocks = size // self.block
        self.attention = CAPACITY_CHANGED  # the kernel tells nobody, so the next command does

    def extent(self, cdb, data=None):
        """Offset and length in bytes, checked; with data, its length has to agree."""
        group = cdb[0] >> 5
        if group == 0:
            lba, count = int.from_bytes(cdb[1:4], "big") & 0x1FFFFF, cdb[4] or 256
        else:
            form = {4: ">QI", 5: ">II"}.get(group, ">IxH")
            lba, count = struct.unpack_from(form, cdb, 2)
            if cdb[1] >> 5:  # protection
                raise Sense(*BAD_FIELD)
        if lba + count > self.blocks:
            raise Sense(*BAD_LBA)
        size = count * self.block
        if data is not None and sum(map(len, data)) != size:
            raise Sense(*BAD_FIELD)
        return lba * self.block, size

    def flush(self):
        try:
            os.fdatasync(self.fd)
        except OSError:
            raise Sense(*WRITE_ERROR) from None

    def fill(self, view, at):
        """Reads into view; a file that is shorter than its disk ends in zeros."""
        while view:
            try:
                n = os.preadv(self.fd, [view], at)
            except OSError:
                raise Sense(*READ_ERROR) from None
            if not n:
                view[:] = bytes(len(view))
                return
            view, at = view[n:], at + n

    def read(self, cdb, data):
        at, _ = self.extent(cdb, data)
        for view in data:
            self.fill(view, at)
            at += len(view)

    def write(self, cdb, data, durable=False):
        at, _ = self.extent(cdb, data)
        for view in data:
            while view:
                try:
                    n = os.pwritev(self.fd, [view], at)
                except OSError:
                    raise Sense(*WRITE_ERROR) from None
                view, at = view[n:], at + n
        if durable or not self.write_cache or (cdb[0] != 0x0A and cdb[1] & 8):  # FUA
            self.flush()

    def verify(self, cdb, data):
        """BYTCHK 1 compares with Data-Out, 0 is content if the medium can be read."""
        write, bytchk = not cdb[0] & 1, cdb[1] >> 1 & 3
        if bytchk > 1:
            raise Sense(*BAD_FIELD)
        at, size = self.extent(cdb, data if write or bytchk else None)
        if write:
            self.write(cdb, data, durable=True)
        if not write and not bytchk:
            for at in range(at, at + size, 1 << 20):
                self.fill(memoryview(bytearray(1 << 20)), at)
            return b""
        for view in data:
            found = bytearray(len(view))
            self.fill(memoryview(found), at)
            if found != view:
                raise Sense(*MISCOMPARE)
            at += len(view)

    def synchronize(self, cdb, data):
        self.extent(cdb)
        self.flush()
        return b""

    def inquiry(self, cdb, data):
        if cdb[1] == 1:
            answer = self.vital_product_data(cdb[2])
        elif cdb[1] or cdb[2]:
            raise Sense(*BAD_FIELD)
        else:
            answer = bytes((0, 0, 6, 2, 31, 0, 0, 2)) + b"EXAMPLE filedisk.py     0001"
        return answer[: cdb[3] << 8 | cdb[4]]

    def vital_product_data(self, page):
        pages = {
            0x80: self.serial,
            # one designator: ASCII, of the logical unit, vendor and serial number
            0x83: bytes((2, 1, 0, 8 + len(self.serial))) + b"EXAMPLE " + self.serial,
            0xB0: bytes(0x3C),  # no limits, no UNMAP, no WRITE SAME
            0xB1: bytes((0, 1)) + bytes(0x3A),  # does not rotate
            0xB2: bytes(4),  # fully provisioned
        }
        pages[0] = bytes((0, *pages))
        if page not in pages:
            raise Sense(*BAD_FIELD)
        return struct.pack(">BBH", 0, page, len(pages[page])) + pages[page]

    def capacity(self, cdb, data):
        if cdb[0] == 0x9E and cdb[1] & 0x1F != 0x10:
            raise Sense(*BAD_FIELD)
        if any(cdb[2:6] if cdb[0] == 0x25 else cdb[2:10]):  # is for the obsolete PMI bit
            raise Sense(*BAD_FIELD)
        if cdb[0] == 0x25:
            return struct.pack(">II", min(self.blocks - 1, 0xFFFFFFFF), self.block)
        answer = struct.pack(">QI20x", self.blocks - 1, self.block)
        return answer[: int.from_bytes(cdb[10:14], "big")]

    def mode_pages(self, code, mask=False):
        """Nothing can be changed, so the mask of changeable bits shows page headers alone."""
        pages = {
            0x01: bytes((0x01, 10)),
            0x08: bytes((0x08, 18, 4 * self.write_cache)),
            0x0A: bytes((0x0A, 10, 2, 0x10)),
        }
        wanted = pages if code == 0x3F else {code} & pages.keys()
        return b"".join(pages[c][: 2 if mask else 4].ljust(pages[c][1] + 2, b"\0") for c in wanted)

    def mode_sense(self, cdb, data):
        if cdb[2] >> 6 == 3:
            raise Sense(*NOT_SAVED)
        body = self.mode_pages(cdb[2] & 0x3F, cdb[2] >> 6 == 1)
        if not body or cdb[3] not in (0, 0xFF):
            raise Sense(*BAD_FIELD)
        described = 0 if cdb[1] & 8 else 8
        if described:
            body = struct.pack(">II", min(self.blocks, 0xFFFFFFFF), self.block) + body
        if cdb[0] == 0x1A:  # 0x10: DPO and FUA are understood
            return (struct.pack(">BBBB", len(body) + 3, 0, 0x10, described) + body)[: cdb[4]]
        answer = struct.pack(">HBBHH", len(body) + 6, 0, 0x10, 0, described) + body
        return answer[: int.from_bytes(cdb[7:9], "big")]

    def mode_select(self, cdb, data):
        """As nothing can be changed, a list is good if it says what is."""
        ten = cdb[0] == 0x55
        length = int.from_bytes(cdb[7:9], "big") if ten else cdb[4]
        items = b"".join(data)
        if cdb[1] & 0x11 != 0x10:  # pages of the standard's format, none of them saved
            raise Sense(*BAD_FIELD)
        if not length:
            return b""
        if not (8 if ten else 4) <= length <= len(items):
            raise Sense(*LIST_LENGTH)
        items, described = items[:length], int.from_bytes(items[6:8], "big") if ten else items[3]
        items = items[8 if ten else 4 :]
        if described > len(items):
            raise Sense(*LIST_LENGTH)
        if described:
            blocks, block = struct.unpack(">II", items[:8].ljust(8))
            if described != 8 or block & 0xFFFFFF != self.block:
                raise Sense(*BAD_LIST)
            if blocks not in (0, 0xFFFFFFFF, self.blocks):
                raise Sense(*BAD_LIST)
        items = items[described:]
        while items:
            now = b"" if items[0] & 0x3F == 0x3F else self.mode_pages(items[0] & 0x7F)
            if len(items) < 2:
                raise Sense(*LIST_LENGTH)
            if not now or items[1] != len(now) - 2:
                raise Sense(*BAD_LIST)
            if len(items) < len(now):
                raise Sense(*LIST_LENGTH)
            if items[2 : len(now)] != now[2:]:
                raise Sense(*BAD_LIST)
            items = items[len(now) :]

    def start_stop(self, cdb, data):
        if cdb[4] & 0xF2:  # there is nothing to eject, or to put to sleep
            raise Sense(*BAD_FIELD)
        self.flush()
        return b""

    def request_sense(self, cdb, data):
        sense, self.attention = self.attention or (0, 0, 0), None
        descriptor = struct.pack(">BBBB4x", 0x72, *sense)
        return (descriptor if cdb[1] & 1 else Sense(*sense).fixed)[: cdb[4]]

    def ready(self, cdb, data):
        return b""

    commands = {
        0x00: ready, 0x03: request_sense, 0x12: inquiry, 0x1B: start_stop,
        0x08: read, 0x28: read, 0xA8: read, 0x88: read,
        0x0A: write, 0x2A: write, 0xAA: write, 0x8A: write,
        0x2E: verify, 0xAE: verify, 0x8E: verify, 0x2F: verify, 0xAF: verify, 0x8F: verify,
        0x15: mode_select, 0x55: mode_select, 0x1A: mode_sense, 0x5A: mode_sense,
        0x25: capacity, 0x9E: capacity, 0x35: synchronize, 0x91: synchronize,
    }  # fmt: skip

    def execute(self, cdb, data):
        op = cdb[0]
        # NACA, in the last byte of the CDB: there is no ACA
        if op != 0x7F and cdb[(5, 9, 9, 11, 15, 11, 9, 9)[op >> 5]] & 4:
            raise Sense(*BAD_FIELD)
        if self.attention and op not in (0x03, 0x12):
            sense, self.attention = self.attention, None
            raise Sense(*sense)
        if op not in self.commands:  # the ring's UNKNOWN_OP is not for opcodes of SCSI
            raise Sense(*BAD_OPCODE)
        return self.commands[op](self, cdb, data)


def put(data, answer):
    """Data-In, then zeros: what the buffers held before is not for the initiator."""
    for view in data:
        view[:] = answer[: len(view)].ljust(len(view), b"\0")
        answer = answer[len(view) :]


def open_node(path):
    """A predecessor's last process may hold the device for a moment."""
    for pause in (0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 0.8):
        try:
            return os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            time.sleep(pause)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


class Ring:
    """A device that we have open. Whatever fails with OSError means that it is gone."""

    def __init__(self, uio, disk):
        self.disk = disk
        size = int(read(UIO + uio + "/maps/map0/size"), 16)
        self.fd = open_node("/dev/" + uio)
        try:
            self.map = mmap.mmap(self.fd, size)
        except OSError:
            os.close(self.fd)
            raise
        self.region = memoryview(self.map)
        self.words = self.region.cast("I")
        # Before anything else of the region is believed, or written.
        version, _, self.start, self.size = struct.unpack_from("=HHII", self.region)
        if version != 2:
            self.close()
            raise OSError(errno.EPROTO, f"expected a mailbox of version 2, found {version}")

    def close(self):
        self.words.release()
        self.region.release()
        self.map.close()
        os.close(self.fd)

    def serve(self):
        """Drains the ring and rings the doorbell; after attaching, and at each event."""
        region, words = self.region, self.words
        tail = words[16]  # a predecessor may have left it anywhere
        while tail != words[3]:  # cmd_head, which moves on meanwhile
            at = self.start + tail
            (len_op,) = struct.unpack_from("=I", region, at)
            length = len_op & ~7
            if len_op & 7 == OP_CMD:
                self.command(at, length)
            elif len_op & 7 > OP_TMR:  # PAD is 0; of TMR, aborted commands want an answer, too
                region[at + 7] |= UNKNOWN_OP
            tail = (tail + length) % self.size
            words[16] = tail  # gives the entry and its buffers back, so it comes last
        os.write(self.fd, bytes(4))

    def event(self):
        """Consume, then drain: what comes meanwhile wakes us again."""
        try:
            if len(os.read(self.fd, 4)) != 4:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        except BlockingIOError:
            pass
        self.serve()

    def command(self, at, length):
        region = self.region
        count, bidi, _, cdb_off = struct.unpack_from("=IIIxxxxQ", region, at + 8)
        both = struct.iter_unpack("=QQ", region[at + 48 : at + 48 + 16 * (count + bidi)])
        data = [region[base : base + size] for base, size in both]  # a base is an offset
        put(data[count:], b"")  # no command here answers through a second list
        # A copy, no longer than the entry: the data area may begin right behind it.
        cdb = bytes(region[cdb_off : min(cdb_off + 16, at + length)]).ljust(16, b"\0")
        status = 0
        try:
            answer = self.disk.execute(cdb, data[:count])
            if answer is not None:
                put(data[:count], answer)
        except Sense as sense:  # the response lies on top of the request, which is gone from here on
            status = CHECK_CONDITION
            region[at + 16 : at + 112] = sense.fixed.ljust(96, b"\0")
        region[at + 8] = status
        region[at + 7] = 0


class Netlink:
    """The family TCM-USER: what the kernel announces, and answers to that."""

    ADDED, REMOVED, RECONFIG = 1, 2, 3
    DEVICE, MINOR, SIZE, WRITE_CACHE, STATUS, ID = 1, 2, 5, 6, 7, 8

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)  # NETLINK_GENERIC
        self.socket.bind((0, 0))
        self.send(16, 3, 1, {2: b"TCM-USER\0"})  # CTRL_CMD_GETFAMILY
        _, found = next(self.messages(16))
        (self.family,) = struct.unpack("=H", found[1])
        for group in self.attributes(found[7]).values():
            group = self.attributes(group)
            if group[1] == b"config\0":
                self.socket.setsockopt(270, 1, struct.unpack("=I", group[2])[0])
        self.socket.setblocking(False)

    @staticmethod
    def attributes(data):
        found = {}
        while len(data) >= 4:
            size, kind = struct.unpack_from("=HH", data)
            if size < 4:
                break
            found[kind & 0x3FFF] = data[4:size]
            data = data[size + 3 & ~3 :]
        return found

    def send(self, family, command, version, attributes):
        body = struct.pack("=BBxx", command, version)
        for kind, value in attributes.items():
            body += struct.pack("=HH", len(value) + 4, kind) + value.ljust(len(value) + 3 & ~3, b"\0")
        self.socket.send(struct.pack("=IHHII", len(body) + 16, family, 1, 0, 0) + body)

    def messages(self, family):
        """Commands and attributes of one datagram. Only the kernel, port 0, is believed."""
        data, (port, _) = self.socket.recvfrom(1 << 16)
        while len(data) >= 16 and not port:
            size, kind = struct.unpack_from("=IH", data)
            if kind == family:
                yield data[16], self.attributes(data[20:size])
            data = data[max(size + 3 & ~3, 16) :]

    def reply(self, command, found, status):
        """We do not ask the kernel to wait for answers (SET_FEATURES): if we died then, configfs
        would hang. But another daemon may have asked. If nobody waits, the kernel refuses this,
        and that message is passed over with all others that are no events."""
        self.send(self.family, command + 3, 2, {self.ID: found[self.ID], self.STATUS: struct.pack("=i", status)})


class Handler:
    def __init__(self, subtype):
        self.subtype = subtype
        self.rings = {}
        self.selector = selectors.DefaultSelector()
        self.netlink = Netlink()  # join first, scan then: nothing is missed in between
        self.selector.register(self.netlink.socket, selectors.EVENT_READ, self.announced)
        for uio in os.listdir(UIO):
            self.open(uio)

    def parse(self, name):
        """tcm-user/HBA/DEVICE/SUBTYPE/PATH, where the path may hold anything, or be missing."""
        part = name.split("/", 4)
        if part[0] == "tcm-user" and len(part) >= 4 and part[1].isdecimal() and part[2]:
            if part[3] == self.subtype:
                return f"{CORE}user_{part[1]}/{part[2]}", part[4] if len(part) == 5 else ""
        return None

    def open(self, uio):
        """Serves a device if it is ours; names alone are looked at before that, since opening
        another handler's device would keep that one from it. Returns an errno or None."""
        try:
            ours = self.parse(read(UIO + uio + "/name"))
            if not ours or uio in self.rings:
                return None
            ring = self.rings[uio] = Ring(uio, Disk(*ours))
        except (OSError, ValueError) as error:
            print(f"filedisk.py: {uio}: {error}", file=sys.stderr)
            return getattr(error, "errno", None) or errno.EINVAL
        self.selector.register(ring.fd, selectors.EVENT_READ, lambda: self.attempt(uio, ring.event))
        self.attempt(uio, ring.serve)
        return None

    def attempt(self, uio, action):
        try:
            action()
        except OSError as error:
            print(f"filedisk.py: {uio} is gone: {error}", file=sys.stderr)
            self.close(uio)

    def close(self, uio):
        ring = self.rings.pop(uio, None)
        if ring:
            self.selector.unregister(ring.fd)
            ring.close()

    def announced(self):
        try:
            for command, found in self.netlink.messages(self.netlink.family):
                name = found[Netlink.DEVICE].rstrip(b"\n\0").decode("utf-8", "surrogateescape")
                if self.parse(name) and command in (1, 2, 3):  # whose device it is answers
                    uio = "uio%u" % struct.unpack("=I", found[Netlink.MINOR])
                    self.netlink.reply(command, found, -(self.change(command, uio, found) or 0))
        except OSError as error:
            if error.errno == errno.ENOBUFS:  # some were lost
                for uio in os.listdir(UIO):
                    self.open(uio)

    def change(self, command, uio, found):
        """What an announcement asks for; returns an errno or None."""
        if command == Netlink.ADDED:
            return self.open(uio)
        if command == Netlink.REMOVED:
            return self.close(uio)
        if uio not in self.rings:
            return errno.ENODEV
        disk = self.rings[uio].disk
        if Netlink.SIZE in found:
            try:
                disk.resize(struct.unpack("=Q", found[Netlink.SIZE])[0])
            except OSError as error:
                return error.errno
        elif Netlink.WRITE_CACHE in found:
            disk.write_cache = found[Netlink.WRITE_CACHE] != b"\0"
        else:
            return errno.EOPNOTSUPP  # another file
        return None

    def run(self):
        """Until SIGTERM or SIGINT, which are looked at between commands."""
        asked, signals = socket.socketpair()
        signals.setblocking(False)
        signal.set_wakeup_fd(signals.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self.selector.register(asked, selectors.EVENT_READ, None)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is asked:
                    return
                if key.fd in self.selector.get_map():  # not closed by one before it
                    key.data()


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[-1].startswith("-"):
        raise SystemExit("Usage: filedisk.py [SUBTYPE]")
    try:
        Handler(sys.argv[1] if len(sys.argv) == 2 else "file").run()
    except OSError as problem:
        print(f"filedisk.py: {problem}", file=sys.stderr)
        sys.exit(2)
