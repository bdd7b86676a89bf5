/* SPDX-License-Identifier: MIT */
/*
 * pr/: who holds a unit, as the target core keeps it (pr.c), in the words of Linux 6.12.
 *
 * The world has one initiator, the loopback host; its ports have names made from the host's number.
 */
#include "lu.h"
#include "trees.h"

#include <errno.h>

static const char nobody[] = "No SPC-3 Reservation holder";

/* Of a unit that is not there: nothing is reserved. */
static struct pr pr_of(const struct tree_node *n)
{
	const struct world_device *d = n->ctx;

	return d->lu ? d->lu->pr : (struct pr){ 0 };
}

static int show_active(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	if (!d->core.emulate_pr || !d->core.pgr_support)
		return 0;
	return tree_text(buf, "APTPL Bit Status: %s", pr_of(n).aptpl ? "Activated" : "Disabled");
}

static int show_metadata(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	if (!d->core.emulate_pr || !d->core.pgr_support)
		return 0;
	return tree_text(buf, "Ready to process PR APTPL metadata..");
}

/* Nothing was kept anywhere, so nothing is taken back. */
static int store_metadata(struct tree_node *n, char *text, size_t len, struct tree_wait *wait)
{
	const struct world_device *d = n->ctx;

	(void)text;
	(void)len;
	(void)wait;
	return d->core.emulate_pr && d->core.pgr_support ? -EINVAL : 0;
}

static int show_holder(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;
	struct pr pr = pr_of(n);

	if (!d->core.emulate_pr)
		return tree_text(buf, "SPC_RESERVATIONS_DISABLED");
	if (!d->core.pgr_support)
		return tree_text(buf, "Passthrough");
	if (!pr.reserved && !pr.type)
		return tree_text(buf, "%s", nobody);
	return tree_text(buf, "SPC-%d Reservation: loopback Initiator: naa.60014060%08x",
			 pr.reserved ? 2 : 3, lu_host(d->minor));
}

static int show_ports(const struct tree_node *n, char *buf)
{
	struct pr pr = pr_of(n);

	if (!pr.type)
		return tree_text(buf, "%s", nobody);
	return tree_text(buf, "SPC-3 Reservation: %s registration",
			 pr.all_ports ? "All Target Ports" : "Single Target Port");
}

static int show_generation(const struct tree_node *n, char *buf)
{
	return tree_text(buf, "0x%08x", pr_of(n).generation);
}

static int show_port(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	if (!pr_of(n).type)
		return tree_text(buf, "%s", nobody);
	return tree_text(buf,
			 "SPC-3 Reservation: loopback Target Node Endpoint: naa.60014050%08x\n"
			 "SPC-3 Reservation: Relative Port Identifier Tag: 0 loopback Portal Group "
			 "Tag: 1 loopback Logical Unit: 0",
			 lu_host(d->minor));
}

static int show_registered(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;
	struct pr pr = pr_of(n);

	if (!pr.registered)
		return tree_text(buf, "SPC-3 PR Registrations:\nNone");
	return tree_text(buf,
			 "SPC-3 PR Registrations:\n"
			 "loopback Node: naa.60014060%08x Key: 0x%016llx PRgen: 0x%08x",
			 lu_host(d->minor), (unsigned long long)pr.key, pr.generation - 1);
}

static int show_type(const struct tree_node *n, char *buf)
{
	static const char *const types[] = {
		[1] = "Write Exclusive Access",
		[3] = "Exclusive Access",
		[5] = "Write Exclusive Access, Registrants Only",
		[6] = "Exclusive Access, Registrants Only",
		[7] = "Write Exclusive Access, All Registrants",
		[8] = "Exclusive Access, All Registrants",
	};
	uint8_t type = pr_of(n).type;

	if (!type || type >= sizeof(types) / sizeof(*types) || !types[type])
		return tree_text(buf, "%s", nobody);
	return tree_text(buf, "SPC-3 Reservation Type: %s", types[type]);
}

static int show_kind(const struct tree_node *n, char *buf)
{
	const struct world_device *d = n->ctx;

	if (!d->core.emulate_pr)
		return tree_text(buf, "SPC_RESERVATIONS_DISABLED");
	if (!d->core.pgr_support)
		return tree_text(buf, "SPC_PASSTHROUGH");
	return tree_text(buf, "%s",
			 pr_of(n).reserved ? "SPC2_RESERVATIONS" : "SPC3_PERSISTENT_RESERVATIONS");
}

static const struct tree_attr attrs[] = {
	{ .name = "res_aptpl_active", .mode = 0444, .show = show_active },
	{ .name = "res_aptpl_metadata",
	  .mode = 0644,
	  .show = show_metadata,
	  .store = store_metadata },
	{ .name = "res_holder", .mode = 0444, .show = show_holder },
	{ .name = "res_pr_all_tgt_pts", .mode = 0444, .show = show_ports },
	{ .name = "res_pr_generation", .mode = 0444, .show = show_generation },
	{ .name = "res_pr_holder_tg_port", .mode = 0444, .show = show_port },
	{ .name = "res_pr_registered_i_pts", .mode = 0444, .show = show_registered },
	{ .name = "res_pr_type", .mode = 0444, .show = show_type },
	{ .name = "res_type", .mode = 0444, .show = show_kind },
};

void configfs_pr(struct tree_node *dir, struct world_device *d)
{
	tree_files(dir, attrs, sizeof(attrs) / sizeof(*attrs), d);
}
