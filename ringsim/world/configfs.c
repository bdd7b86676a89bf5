/* SPDX-License-Identifier: MIT */
/*
 * /sys/kernel/config/target: HBAs and devices that programs make, configure, enable and remove.
 *
 * Names, modes, texts, limits and errors are those of Linux 6.12, and of 6.1 but for submit_type
 * (KRN-110 to KRN-112, KRN-130, KRN-131, KRN-135, KRN-149). A device has a SCSI node from the
 * moment it is configured, so it counts as exported from then on, too.
 *
 * What differs, on purpose: other backends than "user" are not there (EINVAL); no statistics/;
 * hw_block_size and hw_max_sectors have their defaults before enable and keep their values after
 * it; data_pages_per_blk=0, over which a kernel falls, is refused.
 */
#include "trees.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* --- enable, info ------------------------------------------------------------------------------
 */

static void ended(void *ctx, int rc)
{
	tree_answer(ctx, rc);
}

static int show_enable(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "%d", ((struct world_device *)n->ctx)->configured);
}

static int store_enable(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	(void)len;
	if (!strchr(text, '1'))
		return -EINVAL;
	device_enable(n->ctx, ended, wait);
	return TREE_WAITS;
}

static int show_info(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	return tree_text(buf,
			 "Status: %s  Max Queue Depth: 0  SectorSize: %u  HwMaxSectors: %u\n"
			 "        Config: %s Size: %llu MaxDataAreaMB: %u DataPagesPerBlk: %u "
			 "CmdRingSizeMB: %u",
			 d->configured ? "ACTIVATED" : "DEACTIVATED",
			 d->configured ? d->block_size : 0,
			 d->configured ? configfs_max_sectors(d) : 0,
			 d->config[0] ? d->config : "NULL", (unsigned long long)d->size_bytes,
			 configfs_area_mb(d), configfs_pages_per_blk(d), configfs_ring_mb(d));
}

static int show_line(const char *line, char *buf)
{
	return line[0] ? tree_text(buf, "%s", line) : 0;
}

static int store_line(char *line, size_t room, char *text, size_t len)
{
	if (len >= room)
		return -EINVAL;
	if (len && text[len - 1] == '\n')
		text[len - 1] = 0;
	strcpy(line, text);
	return 0;
}

static int show_alias(const struct tree_node *n, char *buf)
{
	return show_line(((struct world_device *)n->ctx)->alias, buf);
}

static int store_alias(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;

	(void)wait;
	return store_line(d->alias, sizeof(d->alias), text, len);
}

static int show_udev(const struct tree_node *n, char *buf)
{
	return show_line(((struct world_device *)n->ctx)->udev_path, buf);
}

static int store_udev(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;

	(void)wait;
	return store_line(d->udev_path, sizeof(d->udev_path), text, len);
}

static const struct tree_attr device_attrs[] = {
	{ .name = "control", .mode = 0200, .store = configfs_control },
	{ .name = "enable", .mode = 0644, .show = show_enable, .store = store_enable },
	{ .name = "info", .mode = 0444, .show = show_info },
	{ .name = "alias", .mode = 0644, .show = show_alias, .store = store_alias },
	{ .name = "udev_path", .mode = 0644, .show = show_udev, .store = store_udev },
};

/* --- action ------------------------------------------------------------------------------------
 */

static int action_number(const struct tree_node *n, const char *text, int64_t max, int64_t *v)
{
	const struct world_device *d = n->ctx;

	return d->configured ? tree_number(text, 0, 0, max, v) : -EINVAL;
}

static int show_block(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;
	struct ringsim_stats st = { 0 };

	if (d->dev)
		ringsim_stats(d->dev, &st);
	return tree_text(buf, "%s", st.blocked ? "blocked" : "unblocked");
}

static int store_block(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	const struct world_device *d = n->ctx;
	int64_t v;
	int rc = action_number(n, text, UINT8_MAX, &v);

	(void)len;
	(void)wait;
	if (rc || v > 1)
		return rc ? rc : -EINVAL;
	ringsim_block(d->dev, v);
	return 0;
}

static int store_reset(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	const struct world_device *d = n->ctx;
	int64_t v;
	int rc = action_number(n, text, UINT8_MAX, &v);

	(void)len;
	(void)wait;
	return rc ? rc : ringsim_reset(d->dev, (unsigned int)v);
}

static int store_free(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	const struct world_device *d = n->ctx;
	int64_t v;
	int rc = action_number(n, text, UINT16_MAX, &v);

	(void)len;
	(void)wait;
	return rc ? rc : ringsim_free_kept(d->dev, (uint32_t)v);
}

static const struct tree_attr action_attrs[] = {
	{ .name = "block_dev", .mode = 0644, .show = show_block, .store = store_block },
	{ .name = "free_kept_buf", .mode = 0200, .store = store_free },
	{ .name = "reset_ring", .mode = 0200, .store = store_reset },
};

/* --- directories -------------------------------------------------------------------------------
 */

static void device_gone(void *ctx)
{
	tree_answer(ctx, 0);
}

static int device_rmdir(struct tree_node *dir, struct tree_wait *wait)
{
	world_device_remove(dir->ctx, device_gone, wait);
	return TREE_WAITS;
}

static const struct tree_dir_ops device_ops = { .rmdir = device_rmdir };

static int hba_mkdir(struct tree_node *dir, const char *name)
{
	struct world *w = dir->tree->w;
	struct trees *t = w->tree;
	const struct world_device *d;

	if (strlen(name) >= sizeof(d->name))
		return -ENAMETOOLONG;
	t->making = dir;
	d = device_new(w, (uint32_t)(uintptr_t)dir->ctx, name);
	t->making = NULL;
	return d ? 0 : -ENOMEM;
}

static int hba_rmdir(struct tree_node *dir, struct tree_wait *wait)
{
	(void)wait;
	for (const struct tree_node *c = dir->child; c; c = c->next)
		if (S_ISDIR(c->mode))
			return -ENOTEMPTY;
	tree_remove(dir);
	return 0;
}

static const struct tree_dir_ops hba_ops = { .mkdir = hba_mkdir, .rmdir = hba_rmdir };

static int show_hba_info(const struct tree_node *n, char *buf)
{
	int index = 1; /* the kernel's own RAM disk HBA is 0 */

	for (const struct tree_node *c = n->parent->parent->child; c != n->parent; c = c->next)
		index += c->dir == &hba_ops;
	return tree_text(buf, "HBA Index: %d plugin: user version: v5.0", index);
}

static int show_hba_mode(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "0");
}

static int store_hba_mode(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	(void)n;
	(void)text;
	(void)len;
	(void)wait;
	return -EINVAL;
}

static const struct tree_attr hba_attrs[] = {
	{ .name = "hba_info", .mode = 0444, .show = show_hba_info },
	{ .name = "hba_mode", .mode = 0644, .show = show_hba_mode, .store = store_hba_mode },
};

static struct tree_node *hba_dir(struct tree_node *core, const char *name, uint32_t id)
{
	struct tree_node *dir = tree_dir(core, name, &hba_ops, (void *)(uintptr_t)id);

	tree_files(dir, hba_attrs, COUNT(hba_attrs), NULL);
	return dir;
}

/* "user_N": any number that kstrtoul() reads, of which the driver keeps 32 bits. */
static int core_mkdir(struct tree_node *dir, const char *name)
{
	int64_t id;

	if (strlen(name) >= 64)
		return -ENAMETOOLONG;
	if (strncmp(name, "user_", 5) != 0 || tree_number(name + 5, 0, 0, INT64_MAX, &id))
		return -EINVAL;
	return hba_dir(dir, name, (uint32_t)id) ? 0 : -ENOMEM;
}

static const struct tree_dir_ops core_ops = { .mkdir = core_mkdir };

static struct tree_node *core_dir(struct trees *t)
{
	return tree_walk(t->tree[TREES_CONFIGFS].root, "target/core");
}

void configfs_added(struct trees *t, struct world_device *d)
{
	struct configfs_device *c = calloc(1, sizeof(*c));
	struct tree_node *dir = t->making;
	char name[32];

	if (!c) {
		t->tree[TREES_CONFIGFS].failed = true;
		return;
	}
	if (!dir) {
		snprintf(name, sizeof(name), "user_%u", d->hba);
		dir = hba_dir(core_dir(t), name, d->hba);
	}
	dir = tree_dir(dir, d->name, &device_ops, d);
	d->configfs = c;
	*c = (struct configfs_device){ .d = d, .dir = dir };
	tree_files(dir, device_attrs, COUNT(device_attrs), d);
	configfs_attrib(tree_dir(dir, "attrib", NULL, d), d);
	tree_files(tree_dir(dir, "action", NULL, d), action_attrs, COUNT(action_attrs), d);
	configfs_groups(c);
}

void configfs_removed(struct trees *t, struct world_device *d)
{
	struct configfs_device *c = d->configfs;

	(void)t;
	if (c)
		tree_remove(c->dir);
	free(c);
	d->configfs = NULL;
}

/* --- target ------------------------------------------------------------------------------------
 */

static int show_version(const struct tree_node *n, char *buf)
{
	struct utsname u;

	(void)n;
	if (uname(&u))
		return -errno;
	return tree_text(buf, "Target Engine Core ConfigFS Infrastructure v5.0 on %s/%s on %s",
			 u.sysname, u.machine, u.release);
}

static int show_dbroot(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "%s", ((struct trees *)n->ctx)->dbroot);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Any directory of the host: nothing is ever written there. */
static int store_dbroot(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct trees *t = n->ctx;

	(void)wait;
	text[strcspn(text, "\n")] = 0;
	if (len >= sizeof(t->dbroot) || !is_directory(text))
		return -EINVAL;
	strcpy(t->dbroot, text);
	return 0;
}

static const struct tree_attr target_attrs[] = {
	{ .name = "version", .mode = 0444, .show = show_version },
	{ .name = "dbroot", .mode = 0644, .show = show_dbroot, .store = store_dbroot },
};

/* Fabrics: none is there. */
static int target_mkdir(struct tree_node *dir, const char *name)
{
	(void)dir;
	(void)name;
	return -EINVAL;
}

static const struct tree_dir_ops target_ops = { .mkdir = target_mkdir };

void configfs_start(struct trees *t)
{
	struct tree_node *target = tree_dir(t->tree[TREES_CONFIGFS].root, "target", &target_ops,
					    NULL);
	struct tree_node *core = tree_dir(target, "core", &core_ops, NULL);

	strcpy(t->dbroot, is_directory("/etc/target") ? "/etc/target" : "/var/target");
	tree_files(target, target_attrs, COUNT(target_attrs), t);
	configfs_core_groups(core, t->w);
}
