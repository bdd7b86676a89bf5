/* SPDX-License-Identifier: MIT */
/*
 * NEXT(): the function of that name that would have been called without us. All are looked up
 * before main(), since dlsym() is nothing for a signal handler; on the spot only if some other
 * library's constructor is earlier.
 */
#ifndef RINGSIM_WORLD_PRELOAD_NEXT_H
#define RINGSIM_WORLD_PRELOAD_NEXT_H

#include "preload.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* clang-format off */
#define NEXT_LIST(X) \
	X(openat) X(fopen) X(fopen64) X(freopen) X(freopen64) X(opendir) X(scandir) \
	X(scandir64) X(glob) X(glob64) X(fstat) X(fstatat) X(statx) X(access) X(eaccess) \
	X(faccessat) X(readlinkat) X(realpath) X(mkdirat) X(symlinkat) \
	X(unlinkat) X(chmod) X(chown) X(getxattr) X(lgetxattr) X(listxattr) X(llistxattr) \
	X(chdir) X(getcwd) X(truncate) X(truncate64) \
	X(socket) X(send) X(sendto) X(sendmsg) X(sendmmsg) X(recv) X(recvfrom) \
	X(recvmsg) X(recvmmsg) X(readv) X(writev) X(bind) X(connect) X(getsockname) \
	X(getsockopt) X(setsockopt) X(read) X(write) X(ioctl) X(mmap) X(mmap64) \
	X(execve) X(execvpe) X(fexecve) X(posix_spawn) X(posix_spawnp)
/* clang-format on */

struct next_table {
#define NEXT_FIELD(fn) __typeof__(&fn) fn;
	NEXT_LIST(NEXT_FIELD)
#undef NEXT_FIELD
};

/* Written once, by the constructor. */
extern struct next_table next_table;

#define NEXT(fn) (next_table.fn ? next_table.fn : (__typeof__(&fn))dlsym(RTLD_NEXT, #fn))

#endif
