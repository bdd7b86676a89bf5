#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `tcmu-harness fabric` from the outside: where it finds headers, what it writes, and that bad input gets
# one line and leaves nothing. That what it writes compiles and works is for scenarios/150-fabric-modules.
# TAP.
# shellcheck disable=SC2016 # $ is for sed and make

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash

# A kernel's headers, as little of them as a module needs.
tree=$dir/tree
header=$tree/include/target/target_core_fabric.h
mkdir -p "$tree/include/target" "$tree/include/generated"
echo '#define UTS_RELEASE "7.8.9-mine"' >"$tree/include/generated/utsrelease.h"
cat >"$header" <<'EOT'
struct target_core_fabric_ops {
	struct module *module;
	const char *fabric_name;
	int (*write_pending)(struct se_cmd *);
	int (*queue_data_in)(struct se_cmd *);
	int (*queue_status)(struct se_cmd *);
	void (*queue_tm_rsp)(struct se_cmd *);
	void (*aborted_task)(struct se_cmd *);
	void (*release_cmd)(struct se_cmd *);
	struct se_wwn *(*fabric_make_wwn)(struct target_fabric_configfs *,
				struct config_group *, const char *);
	void (*fabric_drop_wwn)(struct se_wwn *);
	struct se_portal_group *(*fabric_make_tpg)(struct se_wwn *, const char *);
	void (*fabric_drop_tpg)(struct se_portal_group *);
	struct configfs_attribute **tfc_tpg_base_attrs;
	struct configfs_attribute **tfc_tpg_attrib_attrs;
};
EOT
for function in target_register_template target_unregister_template target_init_cmd target_submit_prep \
	target_submit target_submit_tmr target_execute_cmd transport_generic_free_cmd core_tpg_register \
	core_tpg_deregister target_setup_session target_remove_session target_stop_session \
	target_wait_for_sess_cmds; do
	echo "int $function(void);"
done >>"$header"

fabric() { # ARG...: a module from those headers, unless they say otherwise
	"$harness" fabric -m mine -p sas -o "$dir/new" --headers "$tree" "$@"
}
export -f fabric
export harness dir tree

# good TITLE ARG...: writes all files of a module, says so, and takes them away again.
good() {
	local title=$1 problem
	shift
	problem=$(run 0 bash -c 'fabric "$@"' - "$@")
	[[ -n $problem ]] || problem=$(says out '^mine: a fabric module for ')
	if [[ -z $problem && $(cd "$dir/new" && echo *) != \
		'Kbuild Kconfig README.md mine.h mine_configfs.c mine_io.c mine_main.c' ]]; then
		problem="found $(cd "$dir/new" && echo *)"
	fi
	rm -rf "$dir/new"
	verdict "$title" "$problem"
}

# wrong TITLE PATTERN ARG...: refused, and no directory is there.
wrong() {
	local title=$1 pattern=$2
	shift 2
	bad "$title" "$pattern" bash -c 'fabric "$@"' - "$@"
	verdict "$title: nothing is left" "$(ls -d "$dir/new" 2>/dev/null)"
}

# edited TITLE PATTERN SED-SCRIPT: headers in which something is different.
edited() {
	rm -rf "$dir/edited"
	cp -a "$tree" "$dir/edited"
	sed -i "$3" "$dir/edited/${header#"$tree/"}"
	wrong "$1" "$2" --headers "$dir/edited"
}

echo "TAP version 14"

for protocol in FC SAS iSCSI SRP SBP ADT UAS loop fc ISCSI; do
	good "protocol $protocol" -p $protocol
done
mkdir "$dir/build" "$dir/build2" "$dir/build3"
ln -s "$tree" "$dir/build/source"
good "headers below source/" --headers "$dir/build"
printf '# one\ninclude %s/Makefile\n' "$tree" >"$dir/build2/Makefile"
good "headers where the Makefile leads" --headers "$dir/build2"
printf 'all:\n\t$(MAKE) -C %s O=$(CURDIR)\n' "$tree" >"$dir/build3/Makefile"
good "headers where the Makefile goes" --headers "$dir/build3"

problem=$(run 0 "$harness" fabric --list)
[[ -n $problem ]] || problem=$(says out '^iSCSI ')
verdict "the protocols" "$problem"

bad "no name" "expected -m" "$harness" fabric
bad "no protocol" "expected -p" "$harness" fabric -m mine
bad "no directory" "expected -o" "$harness" fabric -m mine -p SAS
bad "unknown option" "'--frob'" "$harness" fabric --frob
bad "option without its value" "'-m'" "$harness" fabric -m
wrong "unexpected argument" "'frob'" frob
wrong "unknown protocol" "one of FC, SAS, iSCSI, .*, found 'frob'" -p frob
for name in '' Mine mine-too 1mine ../mine core iscsi loopback aaaaaaaaaabbbbbbbbbbccccccccccdd; do
	wrong "name '$name'" "found '$name'" -m "$name"
done
wrong "no headers" "expected the headers of a kernel" --headers "$dir/none"
wrong "headers that are a file" "Not a directory" --headers "$header"
wrong "output below nothing" "new directory: No such file" -o "$dir/none/new"

mkdir "$dir/there"
echo kept >"$dir/there/mine.h"
wrong "a directory that exists" "$dir/there: expected a new directory" -o "$dir/there"
verdict "it is as it was" "$([[ $(cat "$dir"/there/*) == kept ]] || echo 'it is not')"

edited "headers without the structure" 'expected struct target_core_fabric_ops, found the end' \
	's/struct target_core_fabric_ops {/struct other {/'
edited "a header that ends early" "fabric.h:6: expected ')', found the end" '6,$d; 5s/).*//'
edited "a member that is missing" 'expected a member queue_status, found none' /queue_status/d
edited "a function that is missing" 'expected a function target_submit_tmr, found none' /target_submit_tmr/d
edited "a member of another type" "fabric.h:6: queue_status: expected a callback that returns 'int', found 'bool'" \
	'6s/int/bool/'
edited "a parameter that is missing" "fabric.h:6: queue_status: expected a parameter 'struct se_cmd \*', found u8" \
	'6s/struct se_cmd \*/u8/'
edited "a condition among the members" 'fabric.h:6: expected a type, found a preprocessor directive' '6i #if X'
head -c 2000000 /dev/zero | tr '\0' ' ' >>"$header"
wrong "a header without end" "File too large"

summary
