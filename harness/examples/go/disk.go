// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Buffers are what a command's iovs describe, in the shared region itself.
type buffers [][]byte

func (b buffers) len() (n uint64) {
	for _, part := range b {
		n += uint64(len(part))
	}
	return n
}

// Put is Data-In: data, then zeros, for what the buffers held before is not the initiator's.
func (b buffers) put(data []byte) sense {
	for _, part := range b {
		n := copy(part, data)
		data = data[n:]
		for i := range part[n:] {
			part[n+i] = 0
		}
	}
	return good
}

// Within is put with an allocation length.
func (b buffers) within(alloc uint64, data []byte) sense {
	if uint64(len(data)) > alloc {
		data = data[:alloc]
	}
	return b.put(data)
}

// Sense is what a command ends with: key, additional code and qualifier, a byte each.
type sense uint32

const (
	good            sense = 0
	readError       sense = 0x31100
	writeError      sense = 0x30c00
	listLength      sense = 0x51a00
	invalidOpcode   sense = 0x52000
	outOfRange      sense = 0x52100
	invalidField    sense = 0x52400
	invalidList     sense = 0x52600
	noSavedPages    sense = 0x53900
	capacityChanged sense = 0x62a09
	miscompare      sense = 0xe1d00
)

// Fixed makes sense data of fixed format in zeroed bytes.
func (s sense) fixed(p []byte) {
	p[0], p[2], p[7], p[12], p[13] = 0x70, byte(s>>16), 10, byte(s>>8), byte(s)
}

// A disk is a file as the administrator configured it. What he may change while it is served comes
// from another goroutine.
type disk struct {
	file       *os.File
	blockSize  uint64
	serial     string
	blocks     atomic.Uint64
	writeCache atomic.Bool
	attention  atomic.Uint32
}

func openDisk(n name) (*disk, error) {
	attr := func(file string) string {
		text, _ := os.ReadFile(n.configfs() + file)
		return strings.TrimSpace(string(text))
	}
	number := func(file string) uint64 {
		v, _ := strconv.ParseUint(attr(file), 10, 64)
		return v
	}
	d := &disk{blockSize: number("attrib/hw_block_size")}
	d.writeCache.Store(number("attrib/emulate_write_cache") != 0)
	if _, serial, ok := strings.Cut(attr("wwn/vpd_unit_serial"), "Number: "); ok && len(serial) < 200 {
		d.serial = serial
	}
	if err := d.setSize(number("attrib/dev_size")); err != nil {
		return nil, err
	}
	var err error
	d.file, err = os.OpenFile(n.path, os.O_RDWR|os.O_CREATE, 0o600)
	return d, err
}

func (d *disk) setSize(size uint64) error {
	if d.blockSize == 0 || size < d.blockSize {
		return syscall.EINVAL
	}
	d.blocks.Store(size / d.blockSize)
	return nil
}

// Resize changes a disk that is in use: the kernel tells nobody, so the next command does.
func (d *disk) resize(size uint64) error {
	err := d.setSize(size)
	if err == nil {
		d.attention.Store(uint32(capacityChanged))
	}
	return err
}

func (d *disk) flush() sense {
	if d.file.Sync() != nil {
		return writeError
	}
	return good
}

// Extent is where a command begins and how many blocks it has, by the length of its CDB.
func extent(cdb []byte) (lba, n uint64) {
	be := binary.BigEndian
	switch cdb[0] >> 5 {
	case 0:
		n = uint64(cdb[4])
		if n == 0 {
			n = 256
		}
		return uint64(be.Uint32(cdb) & 0x1fffff), n
	case 4:
		return be.Uint64(cdb[2:]), uint64(be.Uint32(cdb[10:]))
	case 5:
		return uint64(be.Uint32(cdb[2:])), uint64(be.Uint32(cdb[6:]))
	}
	return uint64(be.Uint32(cdb[2:])), uint64(be.Uint16(cdb[7:]))
}

// Check comes before any access; lba+n could overflow.
func (d *disk) check(cdb []byte, data buffers, hasData bool) sense {
	lba, n := extent(cdb)
	blocks := d.blocks.Load()
	switch {
	case cdb[0]>>5 != 0 && cdb[1]>>5 != 0: // protection
		return invalidField
	case lba > blocks || n > blocks-lba:
		return outOfRange
	case hasData && data.len() != n*d.blockSize: // CDB and transport do not agree
		return invalidField
	}
	return good
}

// Read reads into p; a file that is shorter than its disk ends in zeros.
func (d *disk) read(p []byte, at uint64) sense {
	n, err := d.file.ReadAt(p, int64(at))
	if err != nil && err != io.EOF {
		return readError
	}
	for i := range p[n:] {
		p[n+i] = 0
	}
	return good
}

func (d *disk) readWrite(cdb []byte, data buffers, write, durable bool) sense {
	lba, _ := extent(cdb)
	at := lba * d.blockSize
	s := d.check(cdb, data, true)
	for _, part := range data {
		if s != good {
			return s
		}
		if write {
			if _, err := d.file.WriteAt(part, int64(at)); err != nil {
				s = writeError
			}
		} else {
			s = d.read(part, at)
		}
		at += uint64(len(part))
	}
	if s == good && write && durable {
		s = d.flush()
	}
	return s
}

// Verify: BYTCHK 1 compares with Data-Out, 0 is content if the medium can be read.
func (d *disk) verify(cdb []byte, data buffers, write bool) sense {
	bytchk := cdb[1] >> 1 & 3
	if bytchk > 1 {
		return invalidField
	}
	s := d.check(cdb, data, write || bytchk == 1)
	if write && s == good {
		s = d.readWrite(cdb, data, true, true)
	}
	lba, n := extent(cdb)
	at, end := lba*d.blockSize, (lba+n)*d.blockSize
	var found [65536]byte
	if !write && bytchk == 0 {
		for ; s == good && at < end; at += uint64(len(found)) {
			s = d.read(found[:], at)
		}
		if s == good {
			data.put(nil)
		}
		return s
	}
	for _, part := range data {
		for len(part) > 0 && s == good {
			m := len(part)
			if m > len(found) {
				m = len(found)
			}
			s = d.read(found[:m], at)
			if s == good && !bytes.Equal(found[:m], part[:m]) {
				s = miscompare
			}
			part = part[m:]
			at += uint64(m)
		}
	}
	return s
}

func (d *disk) vitalProductData(page byte) []byte {
	p := []byte{0, page, 0, 0}
	switch page {
	case 0x00:
		p = append(p, 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2)
	case 0x80:
		p = append(p, d.serial...)
	case 0x83: // one designator: ASCII, of the logical unit, vendor and serial number
		p = append(p, 0x02, 0x01, 0, byte(8+len(d.serial)))
		p = append(append(p, "EXAMPLE "...), d.serial...)
	case 0xb0: // no limits, no UNMAP, no WRITE SAME
		p = append(p, make([]byte, 0x3c)...)
	case 0xb1: // does not rotate
		p = append(p, make([]byte, 0x3c)...)
		p[5] = 1
	case 0xb2: // fully provisioned
		p = append(p, 0, 0, 0, 0)
	default:
		return nil
	}
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)-4))
	return p
}

func (d *disk) inquiry(cdb []byte, data buffers) sense {
	alloc := uint64(binary.BigEndian.Uint16(cdb[3:]))
	if cdb[1] == 1 {
		if page := d.vitalProductData(cdb[2]); page != nil {
			return data.within(alloc, page)
		}
		return invalidField
	}
	if cdb[1] != 0 || cdb[2] != 0 {
		return invalidField
	}
	return data.within(alloc, append([]byte{0, 0, 6, 2, 31, 0, 0, 2}, "EXAMPLE filedisk in Go  0001"...))
}

func (d *disk) capacity(cdb []byte, data buffers) sense {
	last := d.blocks.Load() - 1
	if lba, _ := extent(cdb); lba != 0 { // is for the obsolete PMI bit
		return invalidField
	}
	be := binary.BigEndian
	if cdb[0] == 0x25 {
		if last > 0xffffffff {
			last = 0xffffffff
		}
		return data.put(be.AppendUint32(be.AppendUint32(nil, uint32(last)), uint32(d.blockSize)))
	}
	p := be.AppendUint32(be.AppendUint64(nil, last), uint32(d.blockSize))
	return data.within(uint64(be.Uint32(cdb[10:])), append(p, make([]byte, 20)...))
}

// ModePages: nothing can be changed, so the mask of changeable bits shows page headers alone.
func (d *disk) modePages(code byte, mask bool) (p []byte) {
	caching := byte(0)
	if d.writeCache.Load() {
		caching = 4
	}
	for _, page := range [][]byte{{0x01, 10, 0, 0}, {0x08, 18, caching, 0}, {0x0a, 10, 2, 0x10}} {
		if code != page[0] && code != 0x3f {
			continue
		}
		if mask {
			page[2], page[3] = 0, 0
		}
		p = append(append(p, page...), make([]byte, page[1]-2)...)
	}
	return p
}

func (d *disk) modeSense(cdb []byte, data buffers) sense {
	if cdb[2]>>6 == 3 {
		return noSavedPages
	}
	pages := d.modePages(cdb[2]&0x3f, cdb[2]>>6 == 1)
	if pages == nil || cdb[3] != 0 && cdb[3] != 0xff {
		return invalidField
	}
	be := binary.BigEndian
	var descriptor []byte
	if cdb[1]&8 == 0 {
		blocks := d.blocks.Load()
		if blocks > 0xffffffff {
			blocks = 0xffffffff
		}
		descriptor = be.AppendUint32(be.AppendUint32(nil, uint32(blocks)), uint32(d.blockSize))
	}
	body := append(descriptor, pages...)
	const dpoFua = 0x10
	if cdb[0] == 0x1a {
		header := []byte{byte(3 + len(body)), 0, dpoFua, byte(len(descriptor))}
		return data.within(uint64(cdb[4]), append(header, body...))
	}
	header := []byte{0, byte(6 + len(body)), 0, dpoFua, 0, 0, 0, byte(len(descriptor))}
	return data.within(uint64(be.Uint16(cdb[7:])), append(header, body...))
}

// ModeSelect: as nothing can be changed, a list is good if it says what is.
func (d *disk) modeSelect(cdb []byte, data buffers) sense {
	be := binary.BigEndian
	length, header := int(cdb[4]), 4
	if cdb[0] == 0x55 {
		length, header = int(be.Uint16(cdb[7:])), 8
	}
	if cdb[1]&0x11 != 0x10 {
		return invalidField // pages of the standard's format, none of them saved
	}
	if length == 0 {
		return data.put(nil)
	}
	list := bytes.Join(data, nil)
	if length < header || length > len(list) {
		return listLength
	}
	list = list[:length]
	descriptor := int(list[3])
	if header == 8 {
		descriptor = int(be.Uint16(list[6:]))
	}
	if list = list[header:]; descriptor > len(list) {
		return listLength
	}
	if descriptor != 0 {
		blocks := uint64(be.Uint32(list))
		if descriptor != 8 || uint64(be.Uint32(list[4:])&0xffffff) != d.blockSize ||
			blocks != 0 && blocks != 0xffffffff && blocks != d.blocks.Load() {
			return invalidList
		}
	}
	for list = list[descriptor:]; len(list) > 0; {
		now := d.modePages(list[0]&0x7f, false)
		switch {
		case len(list) < 2:
			return listLength
		case now == nil || list[0]&0x3f == 0x3f || int(list[1]) != len(now)-2:
			return invalidList
		case len(list) < len(now):
			return listLength
		case !bytes.Equal(list[2:len(now)], now[2:]):
			return invalidList
		}
		list = list[len(now):]
	}
	return good
}

// Naca: ACA is not supported; the control byte is the last of the CDB.
func naca(cdb []byte) bool {
	last := [8]int{5, 9, 9, 11, 15, 11, 9, 9}[cdb[0]>>5]
	return cdb[0] != 0x7f && cdb[last]&4 != 0
}

// Execute carries out one command; cdb has 16 bytes, zeros behind a shorter one.
func (d *disk) execute(cdb []byte, data buffers) sense {
	op := cdb[0]
	if naca(cdb) {
		return invalidField
	}
	if op != 0x12 && op != 0x03 {
		if s := sense(d.attention.Swap(0)); s != good {
			return s
		}
	}
	durable := !d.writeCache.Load() || op != 0x0a && cdb[1]&8 != 0 // no cache, or FUA
	switch op {
	case 0x00: // TEST UNIT READY
		return data.put(nil)
	case 0x03: // REQUEST SENSE
		p := make([]byte, 18)
		s := sense(d.attention.Swap(0))
		if s.fixed(p); cdb[1]&1 != 0 { // descriptor format
			p = []byte{0x72, byte(s >> 16), byte(s >> 8), byte(s), 0, 0, 0, 0}
		}
		return data.within(uint64(cdb[4]), p)
	case 0x08, 0x28, 0xa8, 0x88:
		return d.readWrite(cdb, data, false, false)
	case 0x0a, 0x2a, 0xaa, 0x8a:
		return d.readWrite(cdb, data, true, durable)
	case 0x12:
		return d.inquiry(cdb, data)
	case 0x15, 0x55:
		return d.modeSelect(cdb, data)
	case 0x1a, 0x5a:
		return d.modeSense(cdb, data)
	case 0x1b: // START STOP UNIT: there is nothing to eject, or to put to sleep
		if cdb[4]&0xf2 != 0 {
			return invalidField
		}
		data.put(nil)
		return d.flush()
	case 0x25:
		return d.capacity(cdb, data)
	case 0x2e, 0xae, 0x8e, 0x2f, 0xaf, 0x8f: // WRITE AND VERIFY, VERIFY
		return d.verify(cdb, data, op&1 == 0)
	case 0x35, 0x91: // SYNCHRONIZE CACHE; of 0 blocks: to the end
		if s := d.check(cdb, data, false); s != good {
			return s
		}
		data.put(nil)
		return d.flush()
	case 0x9e: // SERVICE ACTION IN(16)
		if cdb[1]&0x1f == 0x10 {
			return d.capacity(cdb, data)
		}
		return invalidField
	}
	return invalidOpcode // the ring's UNKNOWN_OP is for opcodes of the ring, not of SCSI
}
