/* SPDX-License-Identifier: MIT */
/*
 * Sockets, transfers, ioctls and mappings that may be about a stand-in.
 *
 * What runs often costs a comparison: a doorbell has 4 bytes, an asynchronous SCSI command is a
 * struct sg_io_hdr, a netlink socket has a descriptor of a certain range.
 */
#include "../internal.h"
#include "next.h"

#include <linux/netlink.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#define SG_IO_HDR_LEN 88

/* glibc's checked variants, whose declarations come with _FORTIFY_SOURCE alone */
ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_len);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_len, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_len, int flags,
		       struct sockaddr *from, socklen_t *n);

/* True: *@rc is the result. */
static bool asked(int nr, int fd, const uint64_t arg[6], bool interruptible, int64_t *rc)
{
	uint64_t ino = preload_state()->root_len ? ask_socket(fd) : 0;

	return ino && ask(nr, ino, arg, interruptible, rc) == ASK_DONE;
}

/* Netlink sockets have numbers of their own; what else has one of them, the owner tells apart. */
static bool reserved(int fd)
{
	return fd >= RESERVED_FD_FIRST && fd <= RESERVED_FD_LAST;
}

EXPORT int socket(int domain, int type, int protocol)
{
	uint64_t arg[6] = { (unsigned int)domain, (unsigned int)type, (unsigned int)protocol };
	int64_t rc;

	if (domain == AF_NETLINK && protocol == NETLINK_GENERIC && preload_state()->root_len &&
	    ask(SYS_socket, 0, arg, false, &rc) == ASK_DONE)
		return (int)rc;
	return NEXT(socket)(domain, type, protocol);
}

/* A function that is a system call of the same arguments, of which we want those on sockets of
 * ours. */
#define V(x) ((uint64_t)(uintptr_t)(x))
#define SOCKET_CALL(type, name, nr, decl, pass, ...)                 \
	EXPORT type name decl                                        \
	{                                                            \
		uint64_t arg[6] = { (unsigned int)fd, __VA_ARGS__ }; \
		int64_t rc;                                          \
                                                                     \
		if (reserved(fd) && asked(nr, fd, arg, true, &rc))   \
			return (type)rc;                             \
		return NEXT(name) pass;                              \
	}

SOCKET_CALL(ssize_t, sendto, SYS_sendto,
	    (int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	     socklen_t n),
	    (fd, buf, len, flags, to, n), V(buf), len, (unsigned int)flags, V(to), n)
SOCKET_CALL(ssize_t, send, SYS_sendto, (int fd, const void *buf, size_t len, int flags),
	    (fd, buf, len, flags), V(buf), len, (unsigned int)flags)
SOCKET_CALL(ssize_t, sendmsg, SYS_sendmsg, (int fd, const struct msghdr *msg, int flags),
	    (fd, msg, flags), V(msg), (unsigned int)flags)
SOCKET_CALL(int, sendmmsg, SYS_sendmmsg, (int fd, struct mmsghdr *msg, unsigned int n, int flags),
	    (fd, msg, n, flags), V(msg), n, (unsigned int)flags)
SOCKET_CALL(ssize_t, recvfrom, SYS_recvfrom,
	    (int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *n),
	    (fd, buf, len, flags, from, n), V(buf), len, (unsigned int)flags, V(from), V(n))
SOCKET_CALL(ssize_t, recv, SYS_recvfrom, (int fd, void *buf, size_t len, int flags),
	    (fd, buf, len, flags), V(buf), len, (unsigned int)flags)
SOCKET_CALL(ssize_t, recvmsg, SYS_recvmsg, (int fd, struct msghdr *msg, int flags),
	    (fd, msg, flags), V(msg), (unsigned int)flags)
SOCKET_CALL(int, recvmmsg, SYS_recvmmsg,
	    (int fd, struct mmsghdr *msg, unsigned int n, int flags, struct timespec *timeout),
	    (fd, msg, n, flags, timeout), V(msg), n, (unsigned int)flags, V(timeout))
SOCKET_CALL(ssize_t, writev, SYS_writev, (int fd, const struct iovec *iov, int n), (fd, iov, n),
	    V(iov), (unsigned int)n)
SOCKET_CALL(ssize_t, readv, SYS_readv, (int fd, const struct iovec *iov, int n), (fd, iov, n),
	    V(iov), (unsigned int)n)
SOCKET_CALL(int, bind, SYS_bind, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n),
	    V(to), n)
SOCKET_CALL(int, connect, SYS_connect, (int fd, const struct sockaddr *to, socklen_t n),
	    (fd, to, n), V(to), n)
SOCKET_CALL(int, getsockname, SYS_getsockname, (int fd, struct sockaddr *name, socklen_t *n),
	    (fd, name, n), V(name), V(n))
SOCKET_CALL(int, getsockopt, SYS_getsockopt,
	    (int fd, int level, int option, void *value, socklen_t *n),
	    (fd, level, option, value, n), (unsigned int)level, (unsigned int)option, V(value),
	    V(n))
SOCKET_CALL(int, setsockopt, SYS_setsockopt,
	    (int fd, int level, int option, const void *value, socklen_t n),
	    (fd, level, option, value, n), (unsigned int)level, (unsigned int)option, V(value), n)

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t buf_len, int flags)
{
	return recv(fd, buf, len < buf_len ? len : buf_len, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t buf_len, int flags,
			      struct sockaddr *from, socklen_t *n)
{
	return recvfrom(fd, buf, len < buf_len ? len : buf_len, flags, from, n);
}

EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	uint64_t arg[6] = { (unsigned int)fd, V(buf), len };
	int64_t rc;

	if ((len == SG_IO_HDR_LEN || reserved(fd)) && asked(SYS_read, fd, arg, true, &rc))
		return rc;
	return NEXT(read)(fd, buf, len);
}

EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t buf_len)
{
	return read(fd, buf, len < buf_len ? len : buf_len);
}

EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	uint64_t arg[6] = { (unsigned int)fd, V(buf), len };
	int64_t rc;

	if ((len == SG_IO_HDR_LEN || reserved(fd)) && asked(SYS_write, fd, arg, true, &rc))
		return rc;
	return NEXT(write)(fd, buf, len);
}

/* SG_*, SCSI_IOCTL_* and CDROM*, BLK* */
static bool is_scsi(unsigned long nr)
{
	unsigned int type = nr >> 8 & 0xff;

	return type == 0x22 || type == 0x53 || type == 0x12 || !(nr & 0xfff8);
}

EXPORT int ioctl(int fd, unsigned long nr, ...)
{
	uint64_t arg[6] = { (unsigned int)fd, nr };
	int64_t rc;
	va_list ap;
	void *p;

	va_start(ap, nr);
	p = va_arg(ap, void *);
	va_end(ap);
	arg[2] = (uintptr_t)p;
	if (is_scsi(nr) && asked(SYS_ioctl, fd, arg, true, &rc))
		return (int)rc;
	return NEXT(ioctl)(fd, nr, p);
}

static bool mapped(const uint64_t arg[6], void **out)
{
	int64_t rc;

	if ((int)arg[4] < 0 || arg[3] & MAP_ANONYMOUS ||
	    !asked(SYS_mmap, (int)arg[4], arg, false, &rc))
		return false;
	*out = rc == -1 ? MAP_FAILED : (void *)(uintptr_t)rc;
	return true;
}

EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	uint64_t arg[6] = { (uintptr_t)addr,	len,
			    (unsigned int)prot, (unsigned int)flags,
			    (unsigned int)fd,	(uint64_t)offset };
	void *out;

	return mapped(arg, &out) ? out : NEXT(mmap)(addr, len, prot, flags, fd, offset);
}

EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	uint64_t arg[6] = { (uintptr_t)addr,	len,
			    (unsigned int)prot, (unsigned int)flags,
			    (unsigned int)fd,	(uint64_t)offset };
	void *out;

	return mapped(arg, &out) ? out : NEXT(mmap64)(addr, len, prot, flags, fd, offset);
}

/* Would fill what is mapped of a region, which a kernel leaves alone. */
EXPORT int mlockall(int flags)
{
	if (flags && flags != MCL_ONFAULT && !(flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return 0;
	errno = EINVAL;
	return -1;
}
