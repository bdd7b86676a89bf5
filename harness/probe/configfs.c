// SPDX-License-Identifier: GPL-2.0
/*
 * tcmu_probe: targets and portal groups, by names of SAS ports.
 *
 * There is one spelling of a name: the target core compares them byte by byte, and makes
 * TransportIDs for persistent reservations of them.
 */
#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_proto.h>
#include "module.h"

static LIST_HEAD(tpgs);
static DEFINE_MUTEX(tpgs_lock);

static struct probe_tpg *tpg_of(struct se_portal_group *se_tpg)
{
	return container_of(se_tpg, struct probe_tpg, se_tpg);
}

bool probe_name_is_good(const char *name)
{
	return !strncmp(name, "naa.", 4) && strlen(name + 4) == 16 &&
	       strspn(name + 4, "0123456789abcdef") == 16;
}

struct se_wwn *probe_make_wwn(struct target_fabric_configfs *tf, struct config_group *group,
			      const char *name)
{
	struct probe_wwn *wwn;

	if (!probe_name_is_good(name)) {
		pr_err("tcmu_probe: expected naa. and 16 digits as a target's name, found %s\n",
		       name);
		return ERR_PTR(-EINVAL);
	}
	wwn = kzalloc(sizeof(*wwn), GFP_KERNEL);
	if (!wwn)
		return ERR_PTR(-ENOMEM);
	strscpy(wwn->name, name, sizeof(wwn->name));
	return &wwn->se_wwn;
}

void probe_drop_wwn(struct se_wwn *se_wwn)
{
	kfree(container_of(se_wwn, struct probe_wwn, se_wwn));
}

/* N as numbers are written, so that no two directories are the same group. */
static int parse_tag(const char *name, u16 *tag)
{
	if (strncmp(name, "tpgt_", 5) || !isdigit(name[5]) || (name[5] == '0' && name[6]))
		return -EINVAL;
	return kstrtou16(name + 5, 10, tag);
}

struct se_portal_group *probe_make_tpg(struct se_wwn *se_wwn, const char *name)
{
	struct probe_tpg *tpg;
	u16 tag;
	int rc = parse_tag(name, &tag);

	if (rc) {
		pr_err("tcmu_probe: expected tpgt_0 to tpgt_65535, found %s\n", name);
		return ERR_PTR(rc);
	}
	tpg = kzalloc(sizeof(*tpg), GFP_KERNEL);
	if (!tpg)
		return ERR_PTR(-ENOMEM);
	tpg->wwn = container_of(se_wwn, struct probe_wwn, se_wwn);
	tpg->tag = tag;
	rc = core_tpg_register(se_wwn, &tpg->se_tpg, SCSI_PROTOCOL_SAS);
	if (rc) {
		kfree(tpg);
		return ERR_PTR(rc);
	}
	mutex_lock(&tpgs_lock);
	list_add_tail(&tpg->entry, &tpgs);
	mutex_unlock(&tpgs_lock);
	return &tpg->se_tpg;
}

/* Nobody has a session with it: that would hold its directory. */
void probe_drop_tpg(struct se_portal_group *se_tpg)
{
	struct probe_tpg *tpg = tpg_of(se_tpg);

	mutex_lock(&tpgs_lock);
	list_del(&tpg->entry);
	mutex_unlock(&tpgs_lock);
	core_tpg_deregister(se_tpg);
	kfree(tpg);
}

int probe_enable_tpg(struct se_portal_group *se_tpg, bool enable)
{
	struct probe_tpg *tpg = tpg_of(se_tpg);
	int rc = 0;

	mutex_lock(&tpgs_lock);
	if (!enable && tpg->holders)
		rc = -EBUSY;
	else
		tpg->enabled = enable;
	mutex_unlock(&tpgs_lock);
	return rc;
}

/* The lock keeps it from being freed; one whose directory is going already cannot be held. */
struct probe_tpg *probe_tpg_get(const char *target, u16 tag)
{
	struct probe_tpg *tpg, *found = ERR_PTR(-ENOENT);
	int rc;

	mutex_lock(&tpgs_lock);
	list_for_each_entry(tpg, &tpgs, entry) {
		if (tpg->tag == tag && !strcmp(tpg->wwn->name, target))
			found = tpg;
	}
	if (!IS_ERR(found) && !found->enabled)
		found = ERR_PTR(-ENOTCONN);
	if (!IS_ERR(found)) {
		rc = target_depend_item(&found->se_tpg.tpg_group.cg_item);
		if (rc)
			found = ERR_PTR(rc);
		else
			found->holders++;
	}
	mutex_unlock(&tpgs_lock);
	return found;
}

void probe_tpg_put(struct probe_tpg *tpg)
{
	mutex_lock(&tpgs_lock);
	tpg->holders--;
	mutex_unlock(&tpgs_lock);
	target_undepend_item(&tpg->se_tpg.tpg_group.cg_item);
}

int probe_init_nodeacl(struct se_node_acl *se_nacl, const char *name)
{
	if (probe_name_is_good(name))
		return 0;
	pr_err("tcmu_probe: expected naa. and 16 digits as an initiator's name, found %s\n", name);
	return -EINVAL;
}

char *probe_get_wwn(struct se_portal_group *se_tpg)
{
	return tpg_of(se_tpg)->wwn->name;
}

u16 probe_get_tag(struct se_portal_group *se_tpg)
{
	return tpg_of(se_tpg)->tag;
}
