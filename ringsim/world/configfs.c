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

/* --- numbers -----------------------------------------------------------------------------------
 */

static uint32_t area_mb(const struct world_device *d)
{
	return d->sim.geo.data_area_mb ? d->sim.geo.data_area_mb : 1024;
}

static uint32_t pages_per_blk(const struct world_device *d)
{
	return d->sim.geo.pages_per_blk ? d->sim.geo.pages_per_blk : 1;
}

static uint32_t ring_mb(const struct world_device *d)
{
	return d->sim.geo.ring_mb ? d->sim.geo.ring_mb : 8;
}

/* Target core wants whole pages. */
static uint32_t max_sectors(const struct world_device *d)
{
	uint32_t per_page = d->block_size && d->block_size < 4096 ? 4096 / d->block_size : 1;

	return d->enabled ? d->max_sectors / per_page * per_page : d->max_sectors;
}

/* --- control -----------------------------------------------------------------------------------
 */

static int set_config(struct world_device *d, const char *text)
{
	snprintf(d->config, sizeof(d->config), "%s", text);
	return 0;
}

static int set_size(struct world_device *d, const char *text)
{
	int64_t size;
	int rc = tree_number(text, 0, 0, INT64_MAX, &size);

	if (!rc)
		d->size_bytes = (uint64_t)size;
	return rc;
}

static int set_block_size(struct world_device *d, int64_t v)
{
	if (v > 0 && !d->enabled)
		d->block_size = (uint32_t)v;
	return v > 0 ? 0 : -EINVAL;
}

static int set_max_sectors(struct world_device *d, int64_t v)
{
	if (v > 0)
		d->max_sectors = (uint32_t)v;
	return v > 0 ? 0 : -EINVAL;
}

static int set_nl_reply(struct world_device *d, int64_t v)
{
	d->nl_reply_supported = (int)v;
	return 0;
}

static int set_area(struct world_device *d, int64_t v)
{
	uint64_t limit = d->w->global_max_data_area_mb;

	if (v <= 0 || d->enabled)
		return -EINVAL;
	if ((uint64_t)v > limit)
		v = (int64_t)limit;
	if ((uint64_t)v * 256 < pages_per_blk(d))
		return -EINVAL;
	d->sim.geo.data_area_mb = (uint32_t)v;
	return 0;
}

static int set_pages(struct world_device *d, int64_t v)
{
	if (v <= 0 || d->enabled || (uint64_t)v > area_mb(d) * 256ull)
		return -EINVAL;
	d->sim.geo.pages_per_blk = (uint32_t)v;
	return 0;
}

static int set_ring(struct world_device *d, int64_t v)
{
	if (v <= 0 || d->enabled)
		return -EINVAL;
	d->sim.geo.ring_mb = v > 8 ? 8 : (uint32_t)v;
	return 0;
}

static const struct {
	const char *key;
	int (*text)(struct world_device *d, const char *text);
	int (*number)(struct world_device *d, int64_t v);
} keys[] = {
	{ "dev_config=", set_config, NULL },	       { "dev_size=", set_size, NULL },
	{ "hw_block_size=", NULL, set_block_size },    { "hw_max_sectors=", NULL, set_max_sectors },
	{ "nl_reply_supported=", NULL, set_nl_reply }, { "max_data_area_mb=", NULL, set_area },
	{ "data_pages_per_blk=", NULL, set_pages },    { "cmd_ring_size_mb=", NULL, set_ring },
};

/* A key without a value, or without a number where one belongs, is no key that anybody knows. */
static int set_key(struct world_device *d, const char *word)
{
	int64_t v;
	int rc;

	for (size_t i = 0; i < COUNT(keys); i++) {
		size_t len = strlen(keys[i].key);

		if (strncmp(word, keys[i].key, len) != 0 || !word[len])
			continue;
		if (keys[i].text)
			return keys[i].text(d, word + len);
		rc = tree_number(word + len, 0, INT32_MIN, INT32_MAX, &v);
		return rc ? (rc == -EINVAL ? 0 : rc) : keys[i].number(d, v);
	}
	return 0;
}

static int store_control(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	char *rest, *word;
	int rc = 0;

	(void)len;
	(void)wait;
	for (word = strtok_r(text, ",\n", &rest); word && !rc; word = strtok_r(NULL, ",\n", &rest))
		rc = set_key(n->ctx, word);
	return rc;
}

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
			 d->configured ? d->block_size : 0, d->configured ? max_sectors(d) : 0,
			 d->config[0] ? d->config : "NULL", (unsigned long long)d->size_bytes,
			 area_mb(d), pages_per_blk(d), ring_mb(d));
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
	{ .name = "control", .mode = 0200, .store = store_control },
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

/* --- attrib ------------------------------------------------------------------------------------
 */

enum attrib {
	CMD_TIME_OUT,
	QFULL_TIME_OUT,
	DEV_CONFIG,
	DEV_SIZE,
	WRITE_CACHE,
	TMR_NOTIFICATION,
	NL_REPLY,
	EMULATE_PR,
	ALUA_SUPPORT,
	PGR_SUPPORT,
	AREA,
	PAGES,
	RING,
	BLOCK_SIZE,
	MAX_SECTORS,
	QUEUE_DEPTH,
	PI_PROT_TYPE,
};

static int64_t attrib_value(const struct world_device *d, enum attrib what)
{
	switch (what) {
	case CMD_TIME_OUT:
		return d->sim.cmd_time_out_s;
	case QFULL_TIME_OUT:
		return d->sim.qfull_time_out_s;
	case DEV_SIZE:
		return (int64_t)d->size_bytes;
	case WRITE_CACHE:
		return d->write_cache;
	case TMR_NOTIFICATION:
		return d->sim.tmr_notification;
	case NL_REPLY:
		return d->nl_reply_supported;
	case EMULATE_PR:
		return d->core.emulate_pr;
	case ALUA_SUPPORT:
		return d->core.alua_support;
	case PGR_SUPPORT:
		return d->core.pgr_support;
	case AREA:
		return area_mb(d);
	case PAGES:
		return pages_per_blk(d);
	case RING:
		return ring_mb(d);
	case BLOCK_SIZE:
		return d->block_size;
	case MAX_SECTORS:
		return max_sectors(d);
	case QUEUE_DEPTH:
		return d->configured ? 128 : 0;
	default:
		return 0;
	}
}

static int show_attrib(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	if (n->attr->arg == DEV_CONFIG)
		return tree_text(buf, "%s", d->config);
	return tree_text(buf, "%lld", (long long)attrib_value(d, n->attr->arg));
}

static int store_config(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;

	if (!len || len >= sizeof(d->config))
		return -EINVAL;
	world_device_reconfig(d, WORLD_DEV_CONFIG, text, 0, ended, wait);
	return TREE_WAITS;
}

static int store_size(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	int64_t v;
	int rc = tree_number(text, 0, 0, INT64_MAX, &v);

	(void)len;
	if (rc)
		return rc;
	world_device_reconfig(n->ctx, WORLD_DEV_SIZE, NULL, (uint64_t)v, ended, wait);
	return TREE_WAITS;
}

static int store_cache(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	int64_t v;
	int rc = tree_number(text, 0, 0, UINT8_MAX, &v);

	(void)len;
	if (rc)
		return rc;
	world_device_reconfig(n->ctx, WORLD_WRITE_CACHE, NULL, v != 0, ended, wait);
	return TREE_WAITS;
}

static int store_cmd_time_out(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;
	int64_t v;
	int rc = d->configured ? -EINVAL : tree_number(text, 0, 0, UINT32_MAX, &v);

	(void)len;
	(void)wait;
	if (!rc)
		d->sim.cmd_time_out_s = (uint32_t)v;
	return rc;
}

static int store_qfull_time_out(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;
	int64_t v;
	int rc = tree_number(text, 0, INT32_MIN, INT32_MAX, &v);

	(void)len;
	(void)wait;
	if (rc || v < -1)
		return rc ? rc : -EINVAL;
	d->sim.qfull_time_out_s = (int32_t)v;
	return d->dev ? ringsim_set_qfull_time_out(d->dev, (int32_t)v) : 0;
}

static int store_tmr(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;
	int64_t v;
	int rc = tree_number(text, 0, 0, UINT8_MAX, &v);

	(void)len;
	(void)wait;
	if (rc || v > 1)
		return rc ? rc : -EINVAL;
	d->sim.tmr_notification = v;
	return 0;
}

static int store_nl_reply(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;
	int64_t v;
	int rc = tree_number(text, 0, INT8_MIN, INT8_MAX, &v);

	(void)len;
	(void)wait;
	if (!rc)
		d->nl_reply_supported = (int)v;
	return rc;
}

static int store_flag(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = n->ctx;
	bool v;
	int rc = tree_flag(text, &v);

	(void)len;
	(void)wait;
	if (rc)
		return rc;
	if (n->attr->arg == EMULATE_PR)
		d->core.emulate_pr = v;
	else if (n->attr->arg == ALUA_SUPPORT)
		d->core.alua_support = v;
	else
		d->core.pgr_support = v;
	return 0;
}

#define READ_ONLY(name, what)                       \
	{                                           \
		name, 0444, show_attrib, NULL, what \
	}
#define WRITABLE(name, what, store)                  \
	{                                            \
		name, 0644, show_attrib, store, what \
	}
static const struct tree_attr attrib_attrs[] = {
	WRITABLE("cmd_time_out", CMD_TIME_OUT, store_cmd_time_out),
	WRITABLE("qfull_time_out", QFULL_TIME_OUT, store_qfull_time_out),
	WRITABLE("dev_config", DEV_CONFIG, store_config),
	WRITABLE("dev_size", DEV_SIZE, store_size),
	WRITABLE("emulate_write_cache", WRITE_CACHE, store_cache),
	WRITABLE("tmr_notification", TMR_NOTIFICATION, store_tmr),
	WRITABLE("nl_reply_supported", NL_REPLY, store_nl_reply),
	WRITABLE("emulate_pr", EMULATE_PR, store_flag),
	WRITABLE("alua_support", ALUA_SUPPORT, store_flag),
	WRITABLE("pgr_support", PGR_SUPPORT, store_flag),
	READ_ONLY("max_data_area_mb", AREA),
	READ_ONLY("data_pages_per_blk", PAGES),
	READ_ONLY("cmd_ring_size_mb", RING),
	READ_ONLY("hw_block_size", BLOCK_SIZE),
	READ_ONLY("hw_max_sectors", MAX_SECTORS),
	READ_ONLY("hw_queue_depth", QUEUE_DEPTH),
	READ_ONLY("hw_pi_prot_type", PI_PROT_TYPE),
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
	int index = 0;

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
	tree_files(tree_dir(dir, "attrib", NULL, d), attrib_attrs, COUNT(attrib_attrs), d);
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
	(void)n;
	return tree_text(buf, "/var/target");
}

/* It cannot be changed once a backend is there, and one is. */
static int store_dbroot(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	(void)n;
	(void)text;
	(void)len;
	(void)wait;
	return -EINVAL;
}

static const struct tree_attr target_attrs[] = {
	{ .name = "version", .mode = 0444, .show = show_version },
	{ .name = "dbroot", .mode = 0644, .show = show_dbroot, .store = store_dbroot },
};

void configfs_start(struct trees *t)
{
	struct tree_node *target = tree_path_dir(t->tree[TREES_CONFIGFS].root, "target");
	struct tree_node *core = tree_dir(target, "core", &core_ops, NULL);

	tree_files(target, target_attrs, COUNT(target_attrs), NULL);
	configfs_core_groups(core, t->w);
}
