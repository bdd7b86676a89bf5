/* SPDX-License-Identifier: MIT */
/*
 * Programs that start others: into these the library must get, too, or they would see the host
 * and its disks. An environment that lacks it is completed; a program that it cannot be loaded into
 * is not started.
 */
#include "../program.h"
#include "next.h"

#include <stdarg.h>
#include <string.h>

extern char **environ;

/* True: it must not be started; errno is set. */
static bool refused(const char *path)
{
	char why[80], line[256];

	if (!preload_state()->root_len || !path || !program_preloadable(path, why, sizeof(why)))
		return false;
	snprintf(line, sizeof(line),
		 "%s; only dynamically linked programs can run here (tcmu-harness env says why)",
		 why);
	complain(path, line);
	errno = EACCES;
	return true;
}

static bool refused_name(const char *name)
{
	char path[PATH_MAX];

	return name && refused(program_find(name, path));
}

static const char *variable(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/*
 * Room for what complete() writes: two variables, and one array of pointers. All of it on the
 * stack: what a child of vfork() allocates would stay in its parent.
 */
struct room {
	char dir[sizeof(PRELOAD_ENV) + 256];
	char preload[2 * PATH_MAX];
};

static size_t env_count(char *const *env)
{
	size_t n = 0;

	while (env && env[n])
		n++;
	return n;
}

/* @env itself if it has what the library needs; else @out, with that added. */
static char *const *complete(char *const *env, struct room *room, char **out)
{
	const struct preload_state *state = preload_state();
	const char *old = variable(env, "LD_PRELOAD"), *dir = variable(env, PRELOAD_ENV);
	size_t n = 0;

	if (!state->root_len || (old && strstr(old, state->library) && dir))
		return env;
	snprintf(room->dir, sizeof(room->dir), PRELOAD_ENV "=%s", state->dir);
	snprintf(room->preload, sizeof(room->preload), "LD_PRELOAD=%s%s%s", old ? old : "",
		 old && *old ? ":" : "", state->library);
	for (; env && *env; env++)
		if (strncmp(*env, "LD_PRELOAD=", 11) &&
		    strncmp(*env, PRELOAD_ENV "=", sizeof(PRELOAD_ENV)))
			out[n++] = *env;
	out[n++] = room->dir;
	out[n++] = room->preload;
	out[n] = NULL;
	return out;
}

#define COMPLETE(env)                                                           \
	struct room room_;                                                      \
	char **more_ = __builtin_alloca((env_count(env) + 3) * sizeof(char *)); \
	char *const *complete_ = complete(env, &room_, more_)

EXPORT int execve(const char *path, char *const argv[], char *const env[])
{
	COMPLETE(env);
	return refused(path) ? -1 : NEXT(execve)(path, argv, complete_);
}

EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

EXPORT int execvpe(const char *name, char *const argv[], char *const env[])
{
	COMPLETE(env);
	return refused_name(name) ? -1 : NEXT(execvpe)(name, argv, complete_);
}

EXPORT int execvp(const char *name, char *const argv[])
{
	return execvpe(name, argv, environ);
}

EXPORT int fexecve(int fd, char *const argv[], char *const env[])
{
	char path[32];
	COMPLETE(env);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return refused(path) ? -1 : NEXT(fexecve)(fd, argv, complete_);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	COMPLETE(env);
	return refused(path) ? EACCES
			     : NEXT(posix_spawn)(pid, path, actions, attr, argv, complete_);
}

EXPORT int posix_spawnp(pid_t *pid, const char *name, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	COMPLETE(env);
	return refused_name(name) ? EACCES
				  : NEXT(posix_spawnp)(pid, name, actions, attr, argv, complete_);
}

/* The arguments of an execl*() as an array; what follows them is next in @ap_. */
#define ARGUMENTS(first, argv)                              \
	va_list ap_;                                        \
	size_t n_ = 1, i_;                                  \
	char **argv;                                        \
	va_start(ap_, first);                               \
	while (va_arg(ap_, char *))                         \
		n_++;                                       \
	va_end(ap_);                                        \
	argv = __builtin_alloca((n_ + 1) * sizeof(char *)); \
	(argv)[0] = (char *)(uintptr_t)(first);             \
	va_start(ap_, first);                               \
	for (i_ = 1; i_ <= n_; i_++)                        \
	(argv)[i_] = va_arg(ap_, char *)

EXPORT int execl(const char *path, const char *arg, ...)
{
	ARGUMENTS(arg, argv);
	va_end(ap_);
	return execve(path, argv, environ);
}

EXPORT int execlp(const char *name, const char *arg, ...)
{
	ARGUMENTS(arg, argv);
	va_end(ap_);
	return execvpe(name, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char *const *env;

	ARGUMENTS(arg, argv);
	env = va_arg(ap_, char *const *);
	va_end(ap_);
	return execve(path, argv, env);
}
