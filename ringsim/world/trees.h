/* SPDX-License-Identifier: MIT */
/*
 * The file systems of a world, and where they are shown; trees.c, mounts.c, files.c.
 */
#ifndef RINGSIM_WORLD_TREES_H
#define RINGSIM_WORLD_TREES_H

#include "internal.h"
#include "tree.h"

enum { TREES_SYS, TREES_CONFIGFS, TREES_DEV, TREES_MODULES, TREES };

/**
 * struct trees - what world.tree points to
 * @tree:    those without a root are not shown in this world
 * @fuse:    their sessions; NULL where plain files below @files stand for them
 * @files:   directory with the plain files, one directory for each tree; "" = none
 * @ns_fd, @root_fd: the programs' mount namespace and its "/"; -1 = the host's
 * @making:  directory of the HBA in which a program is making a device, or NULL
 * @dbroot:  where the target core would keep its files, as somebody said
 * @modules: what programs open instead of /lib/modules where nothing can be mounted, or ""
 */
struct trees {
	struct world *w;
	struct tree tree[TREES];
	struct fuse_front *fuse[TREES];
	struct files *file[TREES];
	char files[300], modules[320], dbroot[256];
	struct tree_node *making;
	int ns_fd, root_fd;
};

/** trees_place() - "/sys" and so on; trees_name() - what it is called in /proc/mounts. */
const char *trees_place(int which);
const char *trees_name(int which);

/**
 * mounts_show() - a mount namespace for programs, with every tree in its place
 * Serves the FUSE sessions while it waits for their mounts, at most some seconds.
 */
int mounts_show(struct trees *t, char *err, size_t err_len);
/**
 * mounts_host() - what the host has at @path, to be mounted into @dir beside what is there
 * Only names; mounts_show() mounts. Links are copied. @except: fnmatch patterns, NULL-terminated
 */
void mounts_host(struct tree_node *dir, const char *path, const char *const *except);

/** sysfs.c, modules.c, configfs.c: fill in. */
void sysfs_start(struct trees *t);
void sysfs_enabled(struct trees *t, struct world_device *d);
void sysfs_configured(struct trees *t, struct world_device *d);
void sysfs_disabled(struct trees *t, struct world_device *d);
void modules_start(struct trees *t);
void configfs_start(struct trees *t);
void configfs_added(struct trees *t, struct world_device *d);
void configfs_removed(struct trees *t, struct world_device *d);

#define CONFIGFS_ALUA 16
/**
 * struct configfs_device - what configfs keeps of a device beside struct world_device
 * @alua: values of alua/default_tg_pt_gp/, in the order of the table in configfs_groups.c
 */
struct configfs_device {
	struct world_device *d;
	struct tree_node *dir;
	uint32_t company;
	char vendor[9], product[17], revision[5];
	uint16_t alua[CONFIGFS_ALUA];
	uint8_t submit_type;
	bool enforce_pr_isids, force_pr_aptpl;
};

/** configfs_attrib() - attrib/; configfs_control() - the store of control. */
void configfs_attrib(struct tree_node *dir, struct world_device *d);
int configfs_control(struct tree_node *n, char *text, size_t len, struct tree_wait *wait);
/** Geometry as configured, in the units of configfs, and hw_max_sectors in whole pages. */
uint32_t configfs_area_mb(const struct world_device *d);
uint32_t configfs_pages_per_blk(const struct world_device *d);
uint32_t configfs_ring_mb(const struct world_device *d);
uint32_t configfs_max_sectors(const struct world_device *d);
/** configfs_groups() - wwn, alua and the like; configfs_pr() - pr/; configfs_core_groups() -
 * core/alua. */
void configfs_groups(struct configfs_device *c);
void configfs_pr(struct tree_node *dir, struct world_device *d);
void configfs_core_groups(struct tree_node *core, struct world *w);

/**
 * files_start() - write the tree as plain files into @dir, and act on what is written there
 * files_refresh() - make them say again what is so now
 */
int files_start(struct files **out, struct tree *t, const char *dir);
void files_refresh(struct files *f);
void files_stop(struct files *f);

#endif
