// SPDX-License-Identifier: MIT

package main

import (
	"encoding/binary"
	"syscall"
	"unsafe"
)

// Generic netlink and the family TCM-USER: see <linux/genetlink.h>, <linux/target_core_user.h>.
const (
	netlinkGeneric = 16
	solNetlink     = 270
	addMembership  = 1

	ctrl, ctrlGetFamily                        = 16, 3
	ctrlFamilyID, ctrlFamilyName, ctrlGroups   = 1, 2, 7
	ctrlGroupName, ctrlGroupID                 = 1, 2
	addedDevice, removedDevice                 = 1, 2
	doneOffset                                 = 3 // from an event to its answer
	attrDevice, attrMinor, attrSize, attrCache = 1, 2, 5, 6
	attrStatus, attrDeviceID                   = 7, 8
	familyName, groupName                      = "TCM-USER", "config"
)

// Native is the byte order of this machine, which is netlink's.
var native = func() binary.ByteOrder {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}()

// A netlink is a socket that hears the kernel's announcements.
type netlink struct {
	fd     int
	family uint16
	queue  []syscall.NetlinkMessage
}

// An event is about one device; size and writeCache are set in a reconfiguration.
type event struct {
	cmd        byte
	name       string
	minor, id  uint32
	size       *uint64
	writeCache *bool
}

// Attrs takes attributes apart, by their types.
func attrs(p []byte) map[uint16][]byte {
	found := map[uint16][]byte{}
	for len(p) >= 4 {
		n := int(native.Uint16(p))
		if n < 4 || n > len(p) {
			break
		}
		found[native.Uint16(p[2:])&0x3fff] = p[4:n]
		if n = (n + 3) &^ 3; n > len(p) {
			break
		}
		p = p[n:]
	}
	return found
}

func text(p []byte) string {
	for i, c := range p {
		if c == 0 {
			return string(p[:i])
		}
	}
	return string(p)
}

func number(p []byte) uint32 {
	if len(p) < 4 {
		return 0
	}
	return native.Uint32(p)
}

// Send sends one request with attributes given as type, value, type, value.
func (nl *netlink) send(family uint16, cmd, version byte, pairs ...any) error {
	m := make([]byte, 20)
	for i := 0; i < len(pairs); i += 2 {
		var value []byte
		switch v := pairs[i+1].(type) {
		case string:
			value = append([]byte(v), 0)
		case uint32:
			value = make([]byte, 4)
			native.PutUint32(value, v)
		}
		head := make([]byte, 4)
		native.PutUint16(head, uint16(4+len(value)))
		native.PutUint16(head[2:], uint16(pairs[i].(int)))
		m = append(append(m, head...), value...)
		m = append(m, make([]byte, -len(m)&3)...)
	}
	native.PutUint32(m, uint32(len(m)))
	native.PutUint16(m[4:], family)
	native.PutUint16(m[6:], syscall.NLM_F_REQUEST)
	m[16], m[17] = cmd, version
	return syscall.Sendto(nl.fd, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
}

// Next returns the kernel's next message of a family: its command and its attributes.
func (nl *netlink) next(family uint16) (cmd byte, found map[uint16][]byte, err error) {
	buf := make([]byte, 1<<16)
	for {
		for len(nl.queue) > 0 {
			m := nl.queue[0]
			nl.queue = nl.queue[1:]
			if m.Header.Type == family && len(m.Data) >= 4 {
				return m.Data[0], attrs(m.Data[4:]), nil
			}
			// The kernel refuses an answer that it does not wait for: nobody does, then.
			if m.Header.Type == syscall.NLMSG_ERROR && family == ctrl && len(m.Data) >= 4 {
				return 0, nil, syscall.Errno(-int32(native.Uint32(m.Data)))
			}
		}
		n, from, err := syscall.Recvfrom(nl.fd, buf, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		// Port 0 is the kernel; any process can send to ours.
		if sa, ok := from.(*syscall.SockaddrNetlink); !ok || sa.Pid != 0 {
			continue
		}
		if nl.queue, err = syscall.ParseNetlinkMessage(buf[:n]); err != nil {
			return 0, nil, err
		}
	}
}

// OpenNetlink looks the family up and joins its group.
func openNetlink() (*netlink, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkGeneric)
	if err != nil {
		return nil, err
	}
	nl := &netlink{fd: fd}
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return nil, err
	}
	if err := nl.send(ctrl, ctrlGetFamily, 1, ctrlFamilyName, familyName); err != nil {
		return nil, err
	}
	_, found, err := nl.next(ctrl)
	if err != nil {
		return nil, err
	}
	if id := found[ctrlFamilyID]; len(id) == 2 {
		nl.family = native.Uint16(id)
	}
	for _, p := range attrs(found[ctrlGroups]) {
		group := attrs(p)
		if text(group[ctrlGroupName]) == groupName {
			return nl, syscall.SetsockoptInt(fd, solNetlink, addMembership, int(number(group[ctrlGroupID])))
		}
	}
	return nil, syscall.ENOENT
}

func (nl *netlink) receive() (ev event, err error) {
	cmd, found, err := nl.next(nl.family)
	ev = event{cmd: cmd, name: text(found[attrDevice]), minor: number(found[attrMinor]), id: number(found[attrDeviceID])}
	if p := found[attrSize]; len(p) == 8 {
		size := native.Uint64(p)
		ev.size = &size
	}
	if p := found[attrCache]; len(p) == 1 {
		on := p[0] != 0
		ev.writeCache = &on
	}
	return ev, err
}

// Reply answers an event. We do not ask the kernel to wait for answers (SET_FEATURES), since then
// every event of every device would need one, and if we died configfs would hang. But another
// daemon may have asked, and of our devices nobody else can tell.
func (nl *netlink) reply(ev event, result error) {
	status := int32(0)
	if result != nil {
		status = -int32(syscall.EIO)
		if errno, ok := result.(syscall.Errno); ok {
			status = -int32(errno)
		}
	}
	nl.send(nl.family, ev.cmd+doneOffset, 2, attrDeviceID, ev.id, attrStatus, uint32(status))
}
