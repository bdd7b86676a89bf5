/* SPDX-License-Identifier: MIT */
/*
 * What configfs has beside a device's own attributes: wwn/, alua/ and the logical unit groups.
 *
 * The target core keeps most of it for itself: no command of a TCMU device's handler is changed by
 * it but the unit serial number, which handlers read. What is written is checked as the kernel
 * does, and kept. What differs, on purpose: no further ALUA groups can be made; wwn/ can
 * be written while there is a SCSI node, because tools do that once a device is enabled.
 */
#include "trees.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* --- alua/default_tg_pt_gp ---------------------------------------------------------------------
 */

static const char *const access_types[] = { "None", "Implicit", "Explicit",
					    "Implicit and Explicit" };
static const char *const access_statuses[] = { "None", "Altered by Explicit STPG",
					       "Altered by Implicit ALUA" };

/* In the order of the attributes. @text: what the numbers are called; @fixed: may not be written */
static const struct {
	uint16_t value, max;
	const char *const *text;
	bool fixed;
} alua[CONFIGFS_ALUA] = {
	{ 0, 0, NULL, true },	       { 0, 2, access_statuses, false },
	{ 3, 3, access_types, false }, { 1, 1, NULL, false },
	{ 1, 1, NULL, false },	       { 0, 0, NULL, true },
	{ 1, 1, NULL, false },	       { 1, 1, NULL, false },
	{ 1, 1, NULL, false },	       { 1, 1, NULL, false },
	{ 0, 1, NULL, false },	       { 0, 255, NULL, false },
	{ 100, 10000, NULL, false },   { 0, 1, NULL, false },
	{ 0, 0, NULL, true },	       { 0, 30000, NULL, false },
};

static int show_alua(const struct tree_node *n, char *buf)
{
	const struct configfs_device *c = n->ctx;
	size_t i = n->attr->arg;

	if (alua[i].text)
		return tree_text(buf, "%s", alua[i].text[c->alua[i]]);
	return tree_text(buf, "%u", c->alua[i]);
}

static int store_alua(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct configfs_device *c = n->ctx;
	size_t i = n->attr->arg;
	int64_t v;

	(void)len;
	(void)wait;
	if (alua[i].fixed || tree_number(text, 0, 0, alua[i].max, &v))
		return -EINVAL;
	c->alua[i] = (uint16_t)v;
	return 0;
}

/* There is but one state; what is not configured has none (KRN-149). */
static int store_state(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	const struct configfs_device *c = n->ctx;

	return c->d->configured ? store_alua(n, text, len, wait) : -ENODEV;
}

static int show_nothing(const struct tree_node *n, char *buf)
{
	(void)n;
	(void)buf;
	return 0;
}

static int store_invalid(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	(void)n;
	(void)text;
	(void)len;
	(void)wait;
	return -EINVAL;
}

#define ALUA(i, name)                                \
	{                                            \
		name, 0644, show_alua, store_alua, i \
	}
static const struct tree_attr alua_attrs[] = {
	{ "alua_access_state", 0644, show_alua, store_state, 0 },
	ALUA(1, "alua_access_status"),
	ALUA(2, "alua_access_type"),
	ALUA(3, "alua_support_active_nonoptimized"),
	ALUA(4, "alua_support_active_optimized"),
	ALUA(5, "alua_support_lba_dependent"),
	ALUA(6, "alua_support_offline"),
	ALUA(7, "alua_support_standby"),
	ALUA(8, "alua_support_transitioning"),
	ALUA(9, "alua_support_unavailable"),
	ALUA(10, "alua_write_metadata"),
	ALUA(11, "implicit_trans_secs"),
	ALUA(12, "nonop_delay_msecs"),
	ALUA(13, "preferred"),
	ALUA(14, "tg_pt_gp_id"),
	ALUA(15, "trans_delay_msecs"),
	{ .name = "members", .mode = 0444, .show = show_nothing },
};

/* --- wwn ---------------------------------------------------------------------------------------
 */

static int show_serial(const struct tree_node *n, char *buf)
{
	const struct configfs_device *c = n->ctx;

	return tree_text(buf, "T10 VPD Unit Serial Number: %s", c->d->serial);
}

static char *strip(char *text)
{
	size_t len;

	text += strspn(text, " \t\n");
	len = strlen(text);
	while (len && strchr(" \t\n", text[len - 1]))
		text[--len] = 0;
	return text;
}

static int store_serial(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct world_device *d = ((struct configfs_device *)n->ctx)->d;

	(void)wait;
	if (len > 253)
		return -EOVERFLOW;
	strcpy(d->serial, strip(text));
	return 0;
}

static int show_company(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "0x%06x", ((struct configfs_device *)n->ctx)->company);
}

static int store_company(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct configfs_device *c = n->ctx;
	int64_t v;
	int rc = tree_number(text, 0, 0, UINT32_MAX, &v);

	(void)len;
	(void)wait;
	if (!rc && v > 0xffffff)
		rc = -EOVERFLOW;
	if (!rc)
		c->company = (uint32_t)v;
	return rc;
}

/* vendor_id, product_id, revision: as long as INQUIRY has room for. */
static char *inquiry_field(struct configfs_device *c, uintptr_t room)
{
	return room == sizeof(c->vendor) - 1	? c->vendor
	       : room == sizeof(c->product) - 1 ? c->product
						: c->revision;
}

static int show_field(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "%s", inquiry_field(n->ctx, n->attr->arg));
}

static int store_field(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct configfs_device *c = n->ctx;

	(void)len;
	(void)wait;
	text = strip(text);
	if (strlen(text) > n->attr->arg)
		return -EOVERFLOW;
	strcpy(inquiry_field(c, n->attr->arg), text);
	return 0;
}

static const struct tree_attr wwn_attrs[] = {
	{ .name = "vpd_unit_serial", .mode = 0644, .show = show_serial, .store = store_serial },
	{ .name = "company_id", .mode = 0644, .show = show_company, .store = store_company },
	{ "vendor_id", 0644, show_field, store_field, 8 },
	{ "product_id", 0644, show_field, store_field, 16 },
	{ "revision", 0644, show_field, store_field, 4 },
	{ .name = "vpd_assoc_logical_unit", .mode = 0444, .show = show_nothing },
	{ .name = "vpd_assoc_target_port", .mode = 0444, .show = show_nothing },
	{ .name = "vpd_assoc_scsi_target_device", .mode = 0444, .show = show_nothing },
	{ .name = "vpd_protocol_identifier", .mode = 0444, .show = show_nothing },
};

/* --- attrib: what only the target core minds ----------------------------------------------------
 */

static bool *core_flag(struct configfs_device *c, uintptr_t isids)
{
	return isids ? &c->enforce_pr_isids : &c->force_pr_aptpl;
}

static int show_flag(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "%d", *core_flag(n->ctx, n->attr->arg));
}

static int store_flag(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct configfs_device *c = n->ctx;
	bool v;
	int rc = tree_flag(text, &v);

	(void)len;
	(void)wait;
	if (!rc && !n->attr->arg && c->d->configured)
		rc = -EINVAL;
	if (!rc)
		*core_flag(c, n->attr->arg) = v;
	return rc;
}

static int show_submit(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "%u", ((struct configfs_device *)n->ctx)->submit_type);
}

static int store_submit(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	struct configfs_device *c = n->ctx;
	int64_t v;
	int rc = tree_number(text, 0, 0, UINT8_MAX, &v);

	(void)len;
	(void)wait;
	if (rc || v > 2)
		return rc ? rc : -EINVAL;
	c->submit_type = (uint8_t)v;
	return 0;
}

static const struct tree_attr core_attrs[] = {
	{ "force_pr_aptpl", 0644, show_flag, store_flag, 0 },
	{ "enforce_pr_isids", 0644, show_flag, store_flag, 1 },
	{ .name = "submit_type", .mode = 0644, .show = show_submit, .store = store_submit },
};

/* --- logical unit groups ------------------------------------------------------------------------
 */

/* A device that is not configured is in no group, whatever is written. */
static int show_lu_gp(const struct tree_node *n, char *buf)
{
	if (!((struct configfs_device *)n->ctx)->d->configured)
		return 0;
	return tree_text(buf, "LU Group Alias: default_lu_gp\nLU Group ID: 0");
}

static int store_lu_gp(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	bool configured = ((struct configfs_device *)n->ctx)->d->configured;

	(void)len;
	(void)wait;
	return configured && strcmp(strip(text), "default_lu_gp") != 0 ? -ENODEV : 0;
}

static int show_lu_gp_id(const struct tree_node *n, char *buf)
{
	(void)n;
	return tree_text(buf, "0");
}

static int show_members(const struct tree_node *n, char *buf)
{
	const struct world *w = n->ctx;
	int used = 0;

	for (const struct world_device *d = w->devices; d; d = d->next) {
		if (!d->configured)
			continue;
		if (used + (int)strlen(d->name) + 24 > TREE_PAGE)
			break;
		used += sprintf(buf + used, "user_%u/%s\n", d->hba, d->name);
	}
	return used;
}

static const struct tree_attr device_attrs[] = {
	{ .name = "alua_lu_gp", .mode = 0644, .show = show_lu_gp, .store = store_lu_gp },
	{ .name = "lba_map", .mode = 0644, .show = show_nothing, .store = store_invalid },
};

static const struct tree_attr lu_gp_attrs[] = {
	{ .name = "lu_gp_id", .mode = 0644, .show = show_lu_gp_id, .store = store_invalid },
	{ .name = "members", .mode = 0444, .show = show_members },
};

void configfs_groups(struct configfs_device *c)
{
	struct tree_node *attrib = tree_find(c->dir, "attrib");
	struct tree_node *tpg = tree_dir(tree_dir(c->dir, "alua", NULL, c), "default_tg_pt_gp",
					 NULL, c);

	c->company = 0x001405;
	strcpy(c->vendor, "LIO-ORG");
	c->enforce_pr_isids = true;
	for (size_t i = 0; i < COUNT(alua); i++)
		c->alua[i] = alua[i].value;
	tree_files(c->dir, device_attrs, COUNT(device_attrs), c);
	tree_files(attrib, core_attrs, COUNT(core_attrs), c);
	tree_files(tpg, alua_attrs, COUNT(alua_attrs), c);
	tree_files(tree_dir(c->dir, "wwn", NULL, c), wwn_attrs, COUNT(wwn_attrs), c);
	configfs_pr(tree_dir(c->dir, "pr", NULL, c), c->d);
}

void configfs_core_groups(struct tree_node *core, struct world *w)
{
	tree_files(tree_path_dir(core, "alua/lu_gps/default_lu_gp"), lu_gp_attrs,
		   COUNT(lu_gp_attrs), w);
}
