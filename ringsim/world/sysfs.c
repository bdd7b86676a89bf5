/* SPDX-License-Identifier: MIT */
/*
 * /sys and /dev: UIO devices, SCSI generic nodes, and the parameters of the module.
 *
 * Names, modes and formats are those of Linux 6.1 and 6.12 (LAY-064, KRN-132, KRN-133). What is not
 * here, on purpose: power/ and the like; what a SCSI device would be asked for (vendor, model ...);
 * the module looks built in, so it has no initstate and the like. Host entries of the same kind are
 * hidden, so that no program takes a real device for one of ours.
 */
#include "lu.h"
#include "trees.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UIO_DIR	 "devices/tcm_user/uio"
#define LOOP_DIR "devices/tcm_loop_0"

/* --- /sys/class/uio/uioN -----------------------------------------------------------------------
 */

static int show_name(const struct tree_node *n, char *buf)
{
	char name[600];

	device_uio_name(n->ctx, name, sizeof(name));
	return tree_text(buf, "%s", name);
}

static int show_version(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "%d", TCMU_MAILBOX_VERSION);
}

static int show_event(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;
	struct ringsim_stats st;

	ringsim_stats(d->dev, &st);
	return tree_text(buf, "%u", st.events);
}

static int show_uio_dev(const struct tree_node *n, char *buf)
{
	dev_t rdev = UIO_RDEV(((struct world_device *)n->ctx)->minor);

	return tree_text(buf, "%u:%u", major(rdev), minor(rdev));
}

static int show_uio_uevent(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;
	dev_t rdev = UIO_RDEV(d->minor);

	return tree_text(buf, "MAJOR=%u\nMINOR=%u\nDEVNAME=uio%u", major(rdev), minor(rdev),
			 d->minor);
}

/* Nobody listens for what udev would be told again. */
static int store_uevent(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	(void)n;
	(void)text;
	(void)len;
	(void)wait;
	return 0;
}

static int show_map_name(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "tcm-user command & data buffer");
}

static int show_map_addr(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	return tree_text(buf, "0x%016llx", (unsigned long long)(uintptr_t)ringsim_region(d->dev));
}

static int show_map_size(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	return tree_text(buf, "0x%016llx", (unsigned long long)ringsim_layout(d->dev)->region_size);
}

static int show_map_offset(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "0x0");
}

static const struct tree_attr uio_attrs[] = {
	{ .name = "name", .mode = 0444, .show = show_name },
	{ .name = "version", .mode = 0444, .show = show_version },
	{ .name = "event", .mode = 0444, .show = show_event },
	{ .name = "dev", .mode = 0444, .show = show_uio_dev },
	{ .name = "uevent", .mode = 0644, .show = show_uio_uevent, .store = store_uevent },
};

static const struct tree_attr map_attrs[] = {
	{ .name = "name", .mode = 0444, .show = show_map_name },
	{ .name = "addr", .mode = 0444, .show = show_map_addr },
	{ .name = "size", .mode = 0444, .show = show_map_size },
	{ .name = "offset", .mode = 0444, .show = show_map_offset },
};

/* A link in a directory of links, @up levels deep, to @path. */
static void link_to(struct tree *t, const char *dir, const char *name, int up, const char *path)
{
	char target[300] = "";
	size_t used = 0;

	while (up--)
		used += (size_t)snprintf(target + used, sizeof(target) - used, "../");
	snprintf(target + used, sizeof(target) - used, "%s", path);
	tree_link(tree_path_dir(t->root, dir), name, target);
}

/* The class's link, the one by number, and the node itself. */
static void show_node(struct trees *t, const char *class, const char *name, const char *path,
		      mode_t mode, dev_t rdev)
{
	struct tree *sys = &t->tree[TREES_SYS];
	char number[32], dir[64];

	snprintf(dir, sizeof(dir), "class/%s", class);
	link_to(sys, dir, name, 2, path);
	snprintf(number, sizeof(number), "%u:%u", major(rdev), minor(rdev));
	link_to(sys, "dev/char", number, 2, path);
	tree_device(t->tree[TREES_DEV].root, name, S_IFCHR | mode, rdev);
}

static void hide_node(struct trees *t, const char *class, const char *name, dev_t rdev)
{
	struct tree_node *sys = t->tree[TREES_SYS].root;
	char path[80];

	snprintf(path, sizeof(path), "class/%s/%s", class, name);
	tree_remove(tree_walk(sys, path));
	snprintf(path, sizeof(path), "dev/char/%u:%u", major(rdev), minor(rdev));
	tree_remove(tree_walk(sys, path));
	tree_remove(tree_find(t->tree[TREES_DEV].root, name));
}

void sysfs_enabled(struct trees *t, struct world_device *d)
{
	struct tree_node *dir, *map;
	char name[16], path[80];

	snprintf(name, sizeof(name), "uio%u", d->minor);
	snprintf(path, sizeof(path), UIO_DIR "/%s", name);
	dir = tree_dir(tree_path_dir(t->tree[TREES_SYS].root, UIO_DIR), name, NULL, d);
	tree_files(dir, uio_attrs, sizeof(uio_attrs) / sizeof(*uio_attrs), d);
	map = tree_dir(tree_dir(dir, "maps", NULL, d), "map0", NULL, d);
	tree_files(map, map_attrs, sizeof(map_attrs) / sizeof(*map_attrs), d);
	tree_link(dir, "subsystem", "../../../../class/uio");
	tree_link(dir, "device", "../../../tcm_user");
	show_node(t, "uio", name, path, 0600, UIO_RDEV(d->minor));
}

/* --- /sys/class/scsi_generic/sgN ---------------------------------------------------------------
 */

static int show_sg_dev(const struct tree_node *n, char *buf)
{
	dev_t rdev = SG_RDEV(((struct world_device *)n->ctx)->minor);

	return tree_text(buf, "%u:%u", major(rdev), minor(rdev));
}

static int show_sg_uevent(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;
	dev_t rdev = SG_RDEV(d->minor);

	return tree_text(buf, "MAJOR=%u\nMINOR=%u\nDEVNAME=sg%u", major(rdev), minor(rdev),
			 d->minor);
}

static int show_type(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "0");
}

static int show_state(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "running");
}

static const struct tree_attr sg_attrs[] = {
	{ .name = "dev", .mode = 0444, .show = show_sg_dev },
	{ .name = "uevent", .mode = 0644, .show = show_sg_uevent, .store = store_uevent },
};

static const struct tree_attr scsi_attrs[] = {
	{ .name = "type", .mode = 0444, .show = show_type },
	{ .name = "state", .mode = 0444, .show = show_state },
};

/* Each device is the only one of a host of the loopback fabric, at 0:1:0 (lu.h). */
void sysfs_configured(struct trees *t, struct world_device *d)
{
	struct tree_node *dir = tree_path_dir(t->tree[TREES_SYS].root, LOOP_DIR);
	unsigned int host = lu_host(d->minor);
	char name[32], path[200], device[64];

	snprintf(path, sizeof(path), "tcm_loop_adapter_%u", host);
	dir = tree_dir(dir, path, NULL, d);
	snprintf(path, sizeof(path), "host%u", host);
	dir = tree_dir(dir, path, NULL, d);
	snprintf(path, sizeof(path), "target%u:0:1", host);
	dir = tree_dir(dir, path, NULL, d);
	snprintf(path, sizeof(path), "%u:0:1:0", host);
	dir = tree_dir(dir, path, NULL, d);
	tree_files(dir, scsi_attrs, sizeof(scsi_attrs) / sizeof(*scsi_attrs), d);
	snprintf(name, sizeof(name), "sg%u", d->minor);
	snprintf(path, sizeof(path), "scsi_generic/%s", name);
	tree_link(dir, "generic", path);
	dir = tree_dir(tree_dir(dir, "scsi_generic", NULL, d), name, NULL, d);
	tree_files(dir, sg_attrs, sizeof(sg_attrs) / sizeof(*sg_attrs), d);
	snprintf(device, sizeof(device), "../../../%u:0:1:0", host);
	tree_link(dir, "device", device);
	tree_link(dir, "subsystem", "../../../../../../../../class/scsi_generic");
	snprintf(path, sizeof(path),
		 LOOP_DIR "/tcm_loop_adapter_%u/host%u/target%u:0:1/%u:0:1:0/scsi_generic/%s", host,
		 host, host, host, name);
	show_node(t, "scsi_generic", name, path, 0600, SG_RDEV(d->minor));
}

void sysfs_disabled(struct trees *t, struct world_device *d)
{
	struct tree_node *sys = t->tree[TREES_SYS].root;
	char name[16], path[160];

	if (!d->enabled)
		return;
	snprintf(name, sizeof(name), "uio%u", d->minor);
	hide_node(t, "uio", name, UIO_RDEV(d->minor));
	snprintf(path, sizeof(path), UIO_DIR "/%s", name);
	tree_remove(tree_walk(sys, path));
	snprintf(name, sizeof(name), "sg%u", d->minor);
	hide_node(t, "scsi_generic", name, SG_RDEV(d->minor));
	snprintf(path, sizeof(path), LOOP_DIR "/tcm_loop_adapter_%u", lu_host(d->minor));
	tree_remove(tree_walk(sys, path));
}

/* --- /sys/module/target_core_user --------------------------------------------------------------
 */

static int show_area(const struct tree_node *n, char *buf)
{
	const struct world *w = n->ctx;

	return tree_text(buf, "%u", (unsigned int)w->global_max_data_area_mb);
}

static int store_area(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world *w = n->ctx;
	int64_t mb;
	int rc = tree_number(text, 10, INT32_MIN, INT32_MAX, &mb);

	(void)len;
	(void)wait;
	if (rc || mb <= 0)
		return rc ? rc : -EINVAL;
	w->global_max_data_area_mb = (uint64_t)mb;
	return 0;
}

static int show_block(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "%s", genl_is_blocked(n->ctx) ? "blocked" : "unblocked");
}

static int store_block(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	int64_t block;
	int rc = tree_number(text, 0, 0, UINT8_MAX, &block);

	(void)len;
	(void)wait;
	if (rc || block > 1)
		return rc ? rc : -EINVAL;
	return genl_block_netlink(n->ctx, block);
}

static int store_reset(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	int64_t one;
	int rc = tree_number(text, 0, 0, UINT8_MAX, &one);

	(void)len;
	(void)wait;
	if (rc || one != 1)
		return rc ? rc : -EINVAL;
	return genl_reset_netlink(n->ctx);
}

static const struct tree_attr parameters[] = {
	{ .name = "block_netlink", .mode = 0644, .show = show_block, .store = store_block },
	{ .name = "global_max_data_area_mb", .mode = 0644, .show = show_area, .store = store_area },
	{ .name = "reset_netlink", .mode = 0200, .store = store_reset },
};

/* --- what is around ----------------------------------------------------------------------------
 */

static const char *const no_uio[] = { "uio", "scsi_generic", "target_core_user", NULL };
static const char *const no_nodes[] = { "uio[0-9]*", "sg[0-9]*", NULL };
static const char *const no_numbers[] = { "21:*", NULL };
static const char *const no_devices[] = { "tcm_user", "tcm_loop_*", NULL };

/* Everything beside the host's first: what is there already is not the host's any more. */
void sysfs_start(struct trees *t)
{
	struct tree_node *sys = t->tree[TREES_SYS].root, *dev = t->tree[TREES_DEV].root;

	tree_path_dir(sys, "class/uio");
	tree_path_dir(sys, "class/scsi_generic");
	tree_path_dir(sys, UIO_DIR);
	tree_path_dir(sys, LOOP_DIR);
	tree_path_dir(sys, "kernel/config");
	tree_path_dir(sys, "dev/char");
	tree_link(tree_path_dir(sys, "devices/tcm_user"), "module",
		  "../../module/target_core_user");
	tree_files(tree_path_dir(sys, "module/target_core_user/parameters"), parameters,
		   sizeof(parameters) / sizeof(*parameters), t->w);
	mounts_host(sys, "/sys", NULL);
	mounts_host(tree_find(sys, "class"), "/sys/class", no_uio);
	mounts_host(tree_find(sys, "devices"), "/sys/devices", no_devices);
	mounts_host(tree_find(sys, "kernel"), "/sys/kernel", NULL);
	mounts_host(tree_find(sys, "module"), "/sys/module", no_uio);
	mounts_host(tree_find(sys, "dev"), "/sys/dev", NULL);
	mounts_host(tree_walk(sys, "dev/char"), "/sys/dev/char", no_numbers);
	mounts_host(dev, "/dev", no_nodes);
}
