// SPDX-License-Identifier: MIT

// Filedisk is a TCMU handler in Go, standard library only: it serves every device of one subtype
// from a file, those that are there and those that come, until they go or it is told to stop.
//
//	CGO_ENABLED=0 go build && ./filedisk -subtype file
//
// main.go finds devices and follows the kernel's announcements; netlink.go is how they are heard,
// ring.go the ring of one device, disk.go the SCSI disk behind it. A device has a goroutine, in
// which all of its commands are carried out in order, one after the other.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	uioDir  = "/sys/class/uio/"
	coreDir = "/sys/kernel/config/target/core/"
)

// A name is what a device is called in sysfs: "tcm-user/HBA/DEVICE/SUBTYPE/PATH". The path may
// hold anything, slashes too, and be empty.
type name struct {
	hba, device, subtype, path string
}

func parseName(text string) (n name, ok bool) {
	part := strings.SplitN(strings.TrimRight(text, "\n"), "/", 5)
	if len(part) < 4 || part[0] != "tcm-user" || part[2] == "" || part[3] == "" {
		return n, false
	}
	if _, err := strconv.ParseUint(part[1], 10, 32); err != nil {
		return n, false
	}
	n = name{hba: part[1], device: part[2], subtype: part[3]}
	if len(part) == 5 {
		n.path = part[4]
	}
	return n, true
}

func (n name) configfs() string {
	return coreDir + "user_" + n.hba + "/" + n.device + "/"
}

// A handler has the devices that it serves by their minors.
type handler struct {
	subtype string
	events  *netlink
	sync.Mutex
	units   map[uint32]*ring
	running sync.WaitGroup
}

// Open serves uioN if it is ours. Names alone are looked at before that: opening a device of
// another handler would keep that one from it.
func (h *handler) open(minor uint32) error {
	uio := fmt.Sprintf("uio%d", minor)
	text, err := os.ReadFile(uioDir + uio + "/name")
	if err != nil {
		return err
	}
	n, ok := parseName(string(text))
	if !ok || n.subtype != h.subtype {
		return nil
	}
	h.Lock()
	defer h.Unlock()
	if h.units[minor] != nil {
		return nil
	}
	d, err := openDisk(n)
	if err != nil {
		return err
	}
	r, err := openRing(uio, d)
	if err != nil {
		d.file.Close()
		return err
	}
	h.units[minor] = r
	h.running.Add(1)
	go func() {
		defer h.running.Done()
		err := r.serve()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			fmt.Fprintf(os.Stderr, "filedisk: %s is gone: %v\n", uio, err)
		}
		h.Lock()
		if h.units[minor] == r {
			delete(h.units, minor)
		}
		h.Unlock()
		r.close()
	}()
	return nil
}

func (h *handler) unit(minor uint32) *ring {
	h.Lock()
	defer h.Unlock()
	return h.units[minor]
}

// Scan looks at every UIO device.
func (h *handler) scan() {
	entries, _ := os.ReadDir(uioDir)
	for _, e := range entries {
		minor, err := strconv.ParseUint(strings.TrimPrefix(e.Name(), "uio"), 10, 32)
		if err != nil {
			continue
		}
		if err := h.open(uint32(minor)); err != nil {
			fmt.Fprintf(os.Stderr, "filedisk: %s: %v\n", e.Name(), err)
		}
	}
}

// OnEvent deals with an announcement; what it returns is our answer. A device that was added is
// served by then, one that is being removed is closed.
func (h *handler) onEvent(ev event) error {
	switch ev.cmd {
	case addedDevice:
		return h.open(ev.minor)
	case removedDevice:
		if r := h.unit(ev.minor); r != nil {
			r.stop()
			<-r.closed
		}
		return nil
	}
	r := h.unit(ev.minor)
	switch {
	case r == nil:
		return syscall.ENODEV
	case ev.size != nil:
		return r.disk.resize(*ev.size)
	case ev.writeCache != nil:
		r.disk.writeCache.Store(*ev.writeCache)
		return nil
	}
	return syscall.EOPNOTSUPP // another file
}

func (h *handler) listen() {
	for {
		ev, err := h.events.receive()
		if err == syscall.ENOBUFS { // some were lost
			h.scan()
			continue
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "filedisk: netlink:", err)
			return
		}
		if n, ok := parseName(ev.name); !ok || n.subtype != h.subtype {
			continue // whose device it is answers, and nobody else
		}
		err = h.onEvent(ev)
		if err != nil {
			fmt.Fprintf(os.Stderr, "filedisk: uio%d: %v\n", ev.minor, err)
		}
		h.events.reply(ev, err)
	}
}

func main() {
	h := handler{units: map[uint32]*ring{}}
	flag.StringVar(&h.subtype, "subtype", "file", "serve devices whose dev_config is `NAME`/FILE")
	flag.Parse()
	if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	var err error
	// Join first, scan then: nothing that comes in between is missed.
	if h.events, err = openNetlink(); err != nil {
		fmt.Fprintln(os.Stderr, "filedisk: netlink family TCM-USER:", err)
		os.Exit(2)
	}
	h.scan()
	go h.listen()
	<-stop
	h.Lock()
	for _, r := range h.units {
		r.stop()
	}
	h.Unlock()
	h.running.Wait()
}

// Retry calls open until the device's last holder has let go of it, two seconds at most.
func retry(open func() (*os.File, error)) (f *os.File, err error) {
	for i := 0; i < 40; i++ {
		if f, err = open(); !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return f, err
}
