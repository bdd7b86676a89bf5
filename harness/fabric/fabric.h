/* SPDX-License-Identifier: MIT */
/*
 * `tcmu-harness fabric`: a new fabric module for the kernel's target core, made from templates and
 * from the function table of the kernel that it is for.
 *
 * The kernel's header says which callbacks there are and what they take and return; the templates
 * say what ours do. Both meet in generate.c: a callback gets the header's signature and the
 * template's body, and one that the kernel does not have is left out. So nothing here knows kernel
 * versions.
 *
 * Errors are one line, "FILE:LINE: expected ..., found ...", in a buffer of the caller's.
 */
#ifndef HARNESS_FABRIC_H
#define HARNESS_FABRIC_H

#include <stdbool.h>
#include <stddef.h>

enum {
	FABRIC_ERROR_SIZE = 1024,
	FABRIC_NAME_SIZE = 64,	  /* of identifiers in the header, with the NUL */
	FABRIC_TYPE_SIZE = 96,	  /* of types */
	FABRIC_MAX_PARAMS = 8,	  /* of a callback */
	FABRIC_MAX_MEMBERS = 128, /* of the table; Linux 6.12 has 58 */
	FABRIC_MODULE_MAX = 31,	  /* the target core's limit for a fabric's name */
};

/* A member of the table. */
struct fabric_member {
	char name[FABRIC_NAME_SIZE];
	char type[FABRIC_TYPE_SIZE]; /* of a field; what a callback returns */
	int line;		     /* in the header */
	bool callback;
	int params; /* of a callback */
	char param[FABRIC_MAX_PARAMS][FABRIC_TYPE_SIZE];
	char param_name[FABRIC_MAX_PARAMS][FABRIC_NAME_SIZE]; /* "" where it has none */
};

struct fabric_table {
	char path[384]; /* of the header, for messages */
	int members;
	struct fabric_member member[FABRIC_MAX_MEMBERS];
	char *text; /* the header without comments and directives */
};

/**
 * fabric_table_parse() - read struct target_core_fabric_ops from the text of a header.
 * @path: for messages.
 * Return: 0, or -EINVAL with @error set: no such structure, or something in it that is no plain
 * field and no pointer to a function. fabric_table_free() in either case.
 */
int fabric_table_parse(struct fabric_table *table, const char *path, const char *text,
		       char error[FABRIC_ERROR_SIZE]);

/**
 * fabric_signature_parse() - "u16 tpg_get_tag(struct se_portal_group *se_tpg)", as templates have
 * it.
 * @path, @line: for messages.
 * Return: 0, or -EINVAL with @error set.
 */
int fabric_signature_parse(struct fabric_member *member, const char *path, int line,
			   const char *text, char error[FABRIC_ERROR_SIZE]);

/**
 * fabric_table_read() - the same for the headers of a kernel.
 * @kdir: where modules for it are built: include/target/target_core_fabric.h is there, below
 *	  source/, or in the tree that its Makefile names.
 * Return: 0, or -errno with @error set.
 */
int fabric_table_read(struct fabric_table *table, const char *kdir, char error[FABRIC_ERROR_SIZE]);

void fabric_table_free(struct fabric_table *table);

/** fabric_table_find() - a member by name; NULL if this kernel has none. */
const struct fabric_member *fabric_table_find(const struct fabric_table *table, const char *name);

/** fabric_table_declares() - whether the header declares a function. */
bool fabric_table_declares(const struct fabric_table *table, const char *function);

/** fabric_kernel_release() - what kernel @kdir is for, "" if it does not say. */
void fabric_kernel_release(const char *kdir, char *out, size_t size);

/* A SCSI transport protocol: T10's identifier, and how its ports are called. */
struct fabric_protocol {
	const char *name;  /* on the command line */
	const char *title; /* in texts */
	const char *id;	   /* of SPC-4, an expression in C for the kernel */
	const char *flags; /* for the templates, separated by blanks */
	const char *names; /* what names look like, in words */
	const char *target;
	const char *initiator;	   /* for a session */
	const char *initiator_acl; /* for an ACL: the same but for iSCSI */
	const char *transport_id;  /* the TransportID of an initiator port, in words */
};

/** fabric_protocol_find() - by name, in whatever case; NULL if unknown. */
const struct fabric_protocol *fabric_protocol_find(const char *name);
/** fabric_protocol_at() - the Nth, NULL behind the last. */
const struct fabric_protocol *fabric_protocol_at(size_t n);

/* What is to be generated. */
struct fabric_order {
	const char *name; /* of the module */
	const struct fabric_protocol *protocol;
	const struct fabric_table *table;
	const char *release; /* of the kernel, "" if unknown */
};

/** fabric_name_check() - whether a module can be called so; 0, or -EINVAL with @error set. */
int fabric_name_check(const char *name, char error[FABRIC_ERROR_SIZE]);

/* One file of a module. */
struct fabric_file {
	char name[FABRIC_MODULE_MAX + 16];
	char *text;
};

enum { FABRIC_FILES = 7 };

/**
 * fabric_generate() - all files of a module, in memory.
 * Return: 0, or -EINVAL with @error set if the header and the templates do not fit each other, or
 * -ENOMEM. Then there are no files; else fabric_files_free().
 */
int fabric_generate(const struct fabric_order *order, struct fabric_file files[FABRIC_FILES],
		    char error[FABRIC_ERROR_SIZE]);
void fabric_files_free(struct fabric_file files[FABRIC_FILES]);

/* What was made of a member of the table. */
struct fabric_use {
	const char *template; /* that a callback's body is from; NULL if there is none */
	char note[160];	      /* what is to be filled in, for the README; "" if nothing is */
};

/**
 * fabric_expand() - one template; see expand.c for the language.
 * @name, @text: of the template. @name must outlive @use.
 * @use: one for each member of the table. Callbacks that this template makes are put in; what
 *	 tells of all callbacks tells of those that are there already.
 * Return: 0 with *@out to be freed, or -errno with @error set.
 */
int fabric_expand(const struct fabric_order *order, const char *name, const char *text,
		  struct fabric_use *use, char **out, char error[FABRIC_ERROR_SIZE]);

/** verb_fabric() - `tcmu-harness fabric`; returns an exit status. */
int verb_fabric(int argc, char **argv);

#endif
