// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Offsets in the mailbox, in an entry and in a command's request and response, which lie on top of
// each other: see <linux/target_core_user.h>.
const (
	mbVersion, mbCmdrOff, mbCmdrSize, mbHead, mbTail = 0, 4, 8, 12, 64
	entUflags                                        = 7
	reqIovCnt, reqBidiCnt, reqCdbOff, reqIov         = 8, 12, 24, 48
	rspStatus, rspSense, rspEnd                      = 8, 16, 112

	opPad, opCmd, opTmr = 0, 1, 2
	unknownOp           = 1
	checkCondition      = 2
)

// A ring is a device that we have open: its region, mapped, and the file for doorbells and events.
type ring struct {
	uio    *os.File
	region []byte
	disk   *disk
	closed chan struct{}
}

func (r *ring) word(off uint32) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.region[off]))
}

func (r *ring) long(off uint32) uint64 {
	return *(*uint64)(unsafe.Pointer(&r.region[off]))
}

func openRing(uio string, d *disk) (*ring, error) {
	text, err := os.ReadFile(uioDir + uio + "/maps/map0/size")
	if err != nil {
		return nil, err
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(text)), 0, 63)
	if err != nil {
		return nil, err
	}
	// Go opens files with O_CLOEXEC, and has its runtime wait for those that can be polled.
	f, err := retry(func() (*os.File, error) {
		return os.OpenFile("/dev/"+uio, os.O_RDWR|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, err
	}
	r := &ring{uio: f, disk: d, closed: make(chan struct{})}
	raw, err := f.SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) {
			r.region, err = syscall.Mmap(int(fd), 0, int(size),
				syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		})
	}
	// Before anything else of the region is believed, or written.
	if err == nil && *r.word(mbVersion)&0xffff != 2 {
		err = fmt.Errorf("expected a mailbox of version 2, found %d", *r.word(mbVersion)&0xffff)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) close() {
	if r.region != nil {
		syscall.Munmap(r.region)
	}
	r.uio.Close()
	r.disk.file.Close()
	close(r.closed)
}

// Stop ends serve when it is about to sleep: no command is cut in two, no doorbell is left out.
func (r *ring) stop() {
	r.uio.SetReadDeadline(time.Now())
}

// Serve drains the ring, rings the doorbell and sleeps, over and over. It does not begin by
// sleeping: events from before the open are not reported. That first doorbell is for a predecessor
// that died just before its own. The error says why it ended.
func (r *ring) serve() error {
	var word [4]byte
	for {
		r.drain()
		if _, err := r.uio.Write(word[:]); err != nil {
			return err
		}
		n, err := r.uio.Read(word[:])
		if err != nil {
			return err
		}
		if n != len(word) {
			return io.ErrUnexpectedEOF
		}
	}
}

// Drain carries out everything from tail to head, which moves on meanwhile. The store of the tail
// gives an entry and its buffers back, so it comes last; Go's atomic operations keep that order.
func (r *ring) drain() {
	tail := atomic.LoadUint32(r.word(mbTail)) // a predecessor may have left it anywhere
	for tail != atomic.LoadUint32(r.word(mbHead)) {
		at := *r.word(mbCmdrOff) + tail
		lenOp := *r.word(at)
		length := lenOp &^ 7
		switch lenOp & 7 {
		case opCmd:
			r.command(at, length)
		case opPad: // what is left of the ring before it starts over
		case opTmr: // commands were aborted: they want their answers all the same
		default:
			r.region[at+entUflags] |= unknownOp
		}
		tail = (tail + length) % *r.word(mbCmdrSize)
		atomic.StoreUint32(r.word(mbTail), tail)
	}
}

// Iovs returns the buffers that n iovs at off describe; a base is an offset, no pointer.
func (r *ring) iovs(off, n uint32) buffers {
	var b buffers
	for ; n > 0; n-- {
		base, size := r.long(off), r.long(off+8)
		b = append(b, r.region[base:base+size])
		off += 16
	}
	return b
}

func (r *ring) command(at, length uint32) {
	count, bidi := *r.word(at + reqIovCnt), *r.word(at + reqBidiCnt)
	data := r.iovs(at+reqIov, count)
	// No command here answers through the second list that a BIDI command has.
	r.iovs(at+reqIov+16*count, bidi).put(nil)

	// A copy, no longer than the entry: the data area may begin right behind it.
	var cdb [16]byte
	copy(cdb[:], r.region[r.long(at+reqCdbOff):at+length])
	s := r.disk.execute(cdb[:], data)

	// From here on the request is gone: the response lies on top of it.
	status := byte(0)
	if s != good {
		status = checkCondition
		sense := r.region[at+rspSense : at+rspEnd]
		for i := range sense {
			sense[i] = 0
		}
		s.fixed(sense)
	}
	r.region[at+rspStatus] = status
	r.region[at+entUflags] = 0
}
