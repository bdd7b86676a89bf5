/* SPDX-License-Identifier: MIT */
/*
 * Following the kernel's announcements.
 *
 * Invariants: the group is joined before sysfs is read, and a device that both show is taken once
 * (HND-080); only devices of our subtype are opened or answered for, so that another daemon's are
 * its own (HND-005, HND-082); an answer is the last thing that happens to an event: a device that
 * was added is served by then, one that was removed is closed (HND-083, HND-084).
 * A device is known by its minor and by what its name is made of in configfs; the rest of the name
 * changes with the configuration.
 */
#include "hotplug.h"
#include "serve.h"

#include <ringsim/abi.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SYSFS_UIO /* a test has one of its own */
#define SYSFS_UIO "/sys/class/uio"
#endif

static void complain(const char *line)
{
	fprintf(stderr, "tcmu-handler: %s\n", line);
}

static struct unit **find(struct hotplug *h, const char *uio)
{
	struct unit **at = &h->units;

	while (*at != NULL && strcmp((*at)->uio, uio) != 0)
		at = &(*at)->next;
	return at;
}

static bool same_device(const struct uio_name *a, const struct uio_name *b)
{
	return a->hba == b->hba && a->device_len == b->device_len &&
	       memcmp(a->device, b->device, a->device_len) == 0;
}

static void drop(struct unit **at)
{
	struct unit *u = *at;

	*at = u->next;
	if (u->stuck) /* what its store still writes to stays where it is */
		return;
	unit_close(u);
	free(u);
}

/* Serve @uio; 0, or -errno after a complaint. */
static int add(struct hotplug *h, const char *uio, bool fresh)
{
	struct unit *u = calloc(1, sizeof(*u));
	char err[1024] = "";
	int rc;

	if (u == NULL)
		return -ENOMEM;
	u->cli = h->cli;
	u->ended_fd = h->ended_fd;
	u->seats = &h->seats;
	snprintf(u->uio, sizeof(u->uio), "%s", uio);
	rc = unit_open(u, err, sizeof(err));
	if (rc == 0)
		rc = unit_attach(u, fresh, err, sizeof(err));
	if (rc == 0 && (rc = unit_start(u)) != 0)
		snprintf(err, sizeof(err), "%s: no thread", uio);
	if (rc != 0) {
		complain(err);
		unit_close(u);
		free(u);
		return rc;
	}
	if (h->cli->verbose)
		fprintf(stderr, "tcmu-handler: %s: serving %s from %s (%s order)\n", uio,
			u->dev.name, u->spec, u->in_order ? "in" : "out of");
	u->next = h->units;
	h->units = u;
	return 0;
}

/* By sysfs alone: nothing of another daemon's device is touched. */
static bool is_ours(const struct hotplug *h, const char *uio)
{
	struct device dev = { .uio = uio };
	struct uio_name name;
	char err[256];

	return device_find(&dev, err, sizeof(err)) == 0 && uio_name_parse(dev.name, &name) == 0 &&
	       uio_name_match(&name, h->cli->subtype);
}

static int scan(struct hotplug *h, char *err, size_t err_len)
{
	struct dirent *d;
	DIR *dir = opendir(SYSFS_UIO);

	if (dir == NULL) {
		snprintf(err, err_len, "%s: %s", SYSFS_UIO, strerror(errno));
		return -errno;
	}
	while ((d = readdir(dir)) != NULL) {
		if (strlen(d->d_name) < sizeof(((struct unit *)0)->uio) && d->d_name[0] != '.' &&
		    *find(h, d->d_name) == NULL && is_ours(h, d->d_name))
			add(h, d->d_name, false);
	}
	closedir(dir);
	return 0;
}

static int on_added(struct hotplug *h, const char *uio)
{
	if (*find(h, uio) != NULL)
		return 0; /* the scan was first */
	return add(h, uio, true);
}

static int on_removed(struct hotplug *h, const char *uio, const struct uio_name *name)
{
	struct unit **at = find(h, uio);

	if (*at == NULL || !same_device(&(*at)->name, name))
		return 0;
	if (h->cli->verbose)
		fprintf(stderr, "tcmu-handler: %s: removed\n", uio);
	drop(at);
	return 0;
}

static int on_reconfig(struct hotplug *h, const char *uio, const struct uio_name *name,
		       const struct netlink_event *ev)
{
	struct unit *u = *find(h, uio);
	char err[1024] = "";
	int rc;

	if (u == NULL || !same_device(&u->name, name))
		return -ENODEV;
	if (ev->config == NULL && !ev->has_size && !ev->has_wce)
		return -EOPNOTSUPP;
	if (ev->has_size && ev->size_bytes == 0)
		return -EINVAL;
	rc = unit_reconfigure(u, ev->config, ev->has_size ? ev->size_bytes : 0,
			      ev->has_wce ? &ev->wce : NULL, err, sizeof(err));
	if (rc != 0)
		complain(err);
	else if (h->cli->verbose)
		fprintf(stderr, "tcmu-handler: %s: reconfigured\n", uio);
	return rc;
}

static void on_event(void *ctx, const struct netlink_event *ev)
{
	struct hotplug *h = ctx;
	struct uio_name name;
	char uio[16];
	int rc;

	if (uio_name_parse(ev->name, &name) != 0 || !uio_name_match(&name, h->cli->subtype))
		return;
	snprintf(uio, sizeof(uio), "uio%u", ev->minor);
	if (ev->cmd == TCMU_CMD_ADDED_DEVICE)
		rc = on_added(h, uio);
	else if (ev->cmd == TCMU_CMD_REMOVED_DEVICE)
		rc = on_removed(h, uio, &name);
	else if (ev->cmd == TCMU_CMD_RECONFIG_DEVICE)
		rc = on_reconfig(h, uio, &name, ev);
	else
		return;
	if (!h->cli->replies)
		return;
	rc = netlink_reply(h->nl, ev, rc);
	/* Nobody waits: the device was made before answers were promised. */
	if (rc != 0 && rc != -ENODEV)
		fprintf(stderr, "tcmu-handler: %s: the kernel refused our answer: %s\n", uio,
			strerror(-rc));
}

int hotplug_open(struct hotplug *h, const struct cli *cli, int ended_fd, char *err, size_t err_len)
{
	int rc;

	*h = (struct hotplug){ .cli = cli, .ended_fd = ended_fd };
	serve_seats(&h->seats);
	rc = netlink_open(&h->nl, err, err_len);
	if (rc != 0)
		return rc;
	rc = scan(h, err, err_len);
	if (rc != 0 || !cli->replies)
		return rc;
	/*
	 * From here on somebody answers: us (HND-081). Not earlier: whoever removes a device holds
	 * locks of configfs until we answer, and the scan looks up names there.
	 */
	rc = netlink_set_replies(h->nl, true);
	if (rc != 0)
		snprintf(err, err_len, "netlink: SET_FEATURES: %s", strerror(-rc));
	return rc;
}

int hotplug_events(struct hotplug *h)
{
	int rc = netlink_receive(h->nl, on_event, h);
	char err[256];

	if (rc != -ENOBUFS)
		return rc;
	complain("netlink: announcements were lost; looking for devices again");
	return scan(h, err, sizeof(err));
}

void hotplug_reap(struct hotplug *h)
{
	struct unit **at = &h->units;
	char err[256];
	uint64_t ends;
	bool any = false;

	if (read(h->ended_fd, &ends, sizeof(ends)) < 0)
		return;
	/* Usually the announcement is there, too, and says more. */
	hotplug_events(h);
	at = &h->units;
	while (*at != NULL) {
		if (!__atomic_load_n(&(*at)->ended, __ATOMIC_ACQUIRE)) {
			at = &(*at)->next;
			continue;
		}
		fprintf(stderr, "tcmu-handler: %s is gone: %s\n", (*at)->uio,
			strerror(-(*at)->result));
		drop(at);
		any = true;
	}
	if (any) /* another one may have taken its number */
		scan(h, err, sizeof(err));
}

int hotplug_close(struct hotplug *h)
{
	char err[1024] = "";
	int rc = 0;

	/* Nobody will answer any more; those who wait already are answered. */
	if (h->nl != NULL && h->cli->replies) {
		netlink_set_replies(h->nl, false);
		hotplug_events(h);
	}
	while (h->units != NULL) {
		int rc_unit = unit_shut_down(h->units, err, sizeof(err));

		if (rc_unit != 0) {
			complain(err);
			rc = rc_unit;
		}
		drop(&h->units);
	}
	netlink_close(h->nl);
	return rc;
}
