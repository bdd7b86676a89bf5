/* SPDX-License-Identifier: MIT */
/*
 * A device's configuration in configfs: the keys of control, the attributes in attrib/.
 *
 * Limits and errors: KRN-130, KRN-131, KRN-135. What differs, on purpose: hw_block_size and
 * hw_max_sectors have their defaults before enable, and hw_block_size keeps its value after it;
 * a dev_config written to control of an enabled device shows in its UIO name;
 * tmr_notification counts when the device is enabled; data_pages_per_blk=0, over which a kernel
 * falls, is refused.
 */
#include "trees.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* --- numbers -----------------------------------------------------------------------------------
 */

uint32_t configfs_area_mb(const struct world_device *d)
{
	return d->sim.geo.data_area_mb ? d->sim.geo.data_area_mb : 1024;
}

uint32_t configfs_pages_per_blk(const struct world_device *d)
{
	return d->sim.geo.pages_per_blk ? d->sim.geo.pages_per_blk : 1;
}

uint32_t configfs_ring_mb(const struct world_device *d)
{
	return d->sim.geo.ring_mb ? d->sim.geo.ring_mb : 8;
}

/* Target core wants whole pages. */
uint32_t configfs_max_sectors(const struct world_device *d)
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
	if ((uint64_t)v * 256 < configfs_pages_per_blk(d))
		return -EINVAL;
	d->sim.geo.data_area_mb = (uint32_t)v;
	return 0;
}

static int set_pages(struct world_device *d, int64_t v)
{
	if (v <= 0 || d->enabled || (uint64_t)v > configfs_area_mb(d) * 256ull)
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

int configfs_control(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	char *rest, *word;
	int rc = 0;

	(void)len;
	(void)wait;
	for (word = strtok_r(text, ",\n", &rest); word && !rc; word = strtok_r(NULL, ",\n", &rest))
		rc = set_key(n->ctx, word);
	return rc;
}

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
		return configfs_area_mb(d);
	case PAGES:
		return configfs_pages_per_blk(d);
	case RING:
		return configfs_ring_mb(d);
	case BLOCK_SIZE:
		return d->block_size;
	case MAX_SECTORS:
		return configfs_max_sectors(d);
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

static void ended(void *ctx, int rc)
{
	tree_answer(ctx, rc);
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
		d->sim.cmd_time_out_s = (uint32_t)v * 1000 / 1000; /* kept in ms, 32 bits */
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

void configfs_attrib(struct tree_node *dir, struct world_device *d)
{
	tree_files(dir, attrib_attrs, COUNT(attrib_attrs), d);
}
