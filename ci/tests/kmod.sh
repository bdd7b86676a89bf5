#!/bin/bash
# SPDX-License-Identifier: MIT
#
# That ci/kmod makes modules which are taken, and refuses what cannot work: TAP. KERNEL names the kernel
# (6.1), whose machine is booted three times: with its own driver, which has finding 005, with a patched
# one, which has not, and with all modules built anew but otherwise as they were. What becomes of the
# packages is for scenarios/160-packaged-modules.

set -u
cd "$(dirname "$0")/../.." || exit 2
kernel=${KERNEL:-6.1}
patch=results/findings/005-free-kept-buf-0.patch
# shellcheck source=ci/tests/tap.bash
. ci/tests/tap.bash

# run TITLE STATUS PATTERN COMMAND…: ends so and says what matches PATTERN, if any, for status 2 in one line,
# and leaves no temporary file.
run() {
	local title=$1 want=$2 pattern=$3 status why=''
	shift 3
	TMPDIR=$work/tmp timeout -k 5 900 "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	((status == want)) || why+="exit status: expected $want, found $status; "
	[[ -z $pattern ]] || cat "$work/out" "$work/err" | grep -qE -- "$pattern" || why+="expected /$pattern/; "
	((want != 2)) || (($(wc -l <"$work/err") == 1)) || why+="expected one line; "
	[[ -z $(ls -A "$work/tmp") ]] || why+="left $(ls -A "$work/tmp"); "
	verdict "$title" "$why"
}

refused() { # TITLE PATTERN ARG…: nothing is written either
	local title=$1 pattern=$2
	shift 2
	run "$title" 2 "$pattern" ci/kmod --out "$work/none" "$@"
	[[ ! -e $work/none ]] || verdict "$title: nothing is written" "$(echo "$work"/none/*)"
}

same() { # TITLE FOUND EXPECTED
	if [[ $2 == "$3" ]]; then verdict "$1" ''; else verdict "$1" "expected '$3', found '$2'"; fi
}

# --- what cannot work ------------------------------------------------------------------------------

tree=$(ci/headers "$kernel") || exit 2
release=$(sed -n 's/^release\t//p' "$tree/kernel.txt")
release_re=${release//[.+]/.} # for patterns

# Headers like the kernel's, but for what a test changes.
headers() { # DIR
	mkdir -p "$1" && cp -r "$tree/build/." "$1/" && rm -rf "$1/scripts" "$1/tools" &&
		ln -s "$(realpath "$tree/build/scripts")" "$1/scripts" && ln -s "$(realpath "$tree/build/tools")" "$1/tools"
}

refused 'a module nobody knows' 'target_core_nothing: no such module' target_core_nothing
refused 'an option nobody knows' "unknown option '--frob'" --frob
refused 'an option without its value' '--source needs a value' --source
refused 'a kernel that is not here' 'no headers for 9.9.9-none: expected /lib/modules/9.9.9-none/build' --kernel 9.9.9-none
refused 'no such directory of headers' "--build $work/nothing: no such directory" --build "$work/nothing"
refused 'a directory without headers' 'expected the headers of a kernel' --build "$work/tmp"
refused 'headers of another release' "expected headers of 9.9.9-none, found those of $release_re" --kernel 9.9.9-none --build "$tree/build"
export DPKG_ADMINDIR=$work/dpkg # so that this machine's packages are of no account
mkdir -p "$DPKG_ADMINDIR/info" && : >"$DPKG_ADMINDIR/status"
refused 'headers without a source' "no source for $release_re: expected --source" --build "$tree/build"
refused 'a source that is none' 'expected a kernel tree with drivers/target' --kernel "$kernel" --source "$work/tmp"

mkdir "$work/other" && cp -r "$tree/source/." "$work/other/" && sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 99/' "$work/other/Makefile"
refused 'a source of another version' 'expected [0-9]+\.[0-9]+ as the kernel .* is, found [0-9]+\.99\.' --kernel "$kernel" --source "$work/other"
refused 'a patch that is not there' '--patch .*/nothing: cannot read it' --patch "$work/nothing"
sed 's/cmd = xas_load/cmd = something_else/' "$patch" >"$work/stale.patch"
refused 'a patch for something else' 'stale.patch: does not fit' --kernel "$kernel" --patch "$work/stale.patch"
refused 'a module directory without Kbuild' '--also .*: expected a directory with a Kbuild' --also "$work/tmp"
refused 'nothing at all' 'none: expected no other' none
refused 'none and one' 'none: expected no other' none target_core_user
refused 'a kernel to install for that is not there' "--install: no kernel $release_re in $work/tmp" --kernel "$kernel" --install --root "$work/tmp"
refused 'a root without --install' '--root: only with --install or --remove' --root "$work/tmp"
refused 'a root that is not there' "--root $work/nothing: no such directory" --install --root "$work/nothing"
run 'what was never installed' 2 "--remove: no kernel $release_re in $work/tmp" ci/kmod --kernel "$kernel" --remove --root "$work/tmp"
refused 'removing and building' '--remove: expected --kernel, and nothing else' --remove --root "$work/tmp" target_core_user
: >"$work/file"
refused 'an output that is a file' "--out $work/file/modules: cannot write there" --kernel "$kernel" --out "$work/file/modules"
if ((EUID == 0)); then
	chmod 755 "$work" && cp ci/kmod ci/kmod-install.sh "$work/"
	for option in --install --remove; do
		run "$option without root" 2 "kmod: $option: needs root" setpriv --reuid 65534 --clear-groups bash "$work/kmod" \
			--kernel "$kernel" "$option"
	done
else
	refused '--install without root' '--install: needs root' --kernel "$kernel" --install
	run '--remove without root' 2 '--remove: needs root' ci/kmod --kernel "$kernel" --remove
fi

headers "$work/compiler" && sed -i 's/^CONFIG_CC_VERSION_TEXT=.*/CONFIG_CC_VERSION_TEXT="gcc-none (none) 99"/' "$work/compiler/.config"
refused 'a compiler that is not here' "needs gcc-none, with which $release_re was made" --build "$work/compiler" --source "$tree/source"
headers "$work/major" && sed -i 's/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=990200/' "$work/major/.config"
refused 'a compiler of another version' 'expected version 99, with which' --build "$work/major" --source "$tree/source"
headers "$work/builtin" && sed -i 's/^CONFIG_TCM_USER2=.*/CONFIG_TCM_USER2=y/' "$work/builtin/.config"
refused 'a driver that is built in' 'target_core_user: built into' --build "$work/builtin" --source "$tree/source"
headers "$work/magic" && sed -i 's/^#define CONFIG_MODVERSIONS 1$//' "$work/magic/include/generated/autoconf.h"
refused 'headers of another configuration' "expected vermagic '$release_re .*', found" \
	--kernel "$kernel" --build "$work/magic" target_core_user

rm -rf "$work/broken" && cp -rL "$tree/source" "$work/broken" && echo 'int x = ;' >>"$work/broken/drivers/target/target_core_user.c"
run 'a source that does not compile' 1 'target_core_user.c:[0-9]+:.*error: ' \
	ci/kmod --kernel "$kernel" --source "$work/broken" --out "$work/none" target_core_user

# A kernel of this machine's, as dpkg knows it: its source is the one that the package was built from.
printf '%s\n' "Package: linux-image-$release" 'Status: install ok installed' 'Architecture: amd64' 'Maintainer: nobody' \
	"Version: $(sed -n 's/^version\t//p' "$tree/kernel.txt")" 'Description: there' >"$DPKG_ADMINDIR/status"
run 'a kernel of this machine, of its package'\''s source' 0 "target_core_user for $release_re" ci/kmod --kernel "$release" \
	--build "$tree/build" --out "$work/here" target_core_user
same 'which the record names' "$(sed -n 's/^source\t//p' "$work/here/kmod-$release.txt")" "$(realpath "$tree/source")"
unset DPKG_ADMINDIR

cp -rL "$tree/source" "$work/lacks" && sed -i '/TCM_USER2/d' "$work/lacks/drivers/target/Makefile"
run 'a source without the module' 2 'target_core_user: .*/lacks has no such module' ci/kmod --kernel "$kernel" --source "$work/lacks" \
	--out "$work/none" target_core_user
run 'no such kernel' 2 "kernel '9.99': no such package known" ci/kmod --kernel 9.99 --out "$work/none"

# The source's headers count, not those that the kernel was packaged with.
cp -rL "$tree/source" "$work/header" && echo '#define ONLY_HERE 1' >>"$work/header/include/uapi/linux/target_core_user.h" &&
	printf '#ifndef ONLY_HERE\n#error another header\n#endif\n' >>"$work/header/drivers/target/target_core_user.c"
mkdir "$work/own" && echo 'obj-m := tcmu_own.o' >"$work/own/Kbuild" && cat >"$work/own/tcmu_own.c" <<-'EOT'
	#include <linux/module.h>
	#include <target/target_core_fabric.h>
	void *tcmu_own(void);
	void *tcmu_own(void) { return target_put_sess_cmd; }
	MODULE_LICENSE("GPL");
EOT
run 'its own headers, and a module of ours beside it' 0 "target_core_user tcmu_own for $release_re" ci/kmod --kernel "$kernel" \
	--source "$work/header" --also "$work/own" --out "$work/with" target_core_user
same 'which needs what it calls' "$(modinfo -F depends "$work/with/lib/modules/$release/extra/tcmu_own.ko")" target_core_mod

run 'ended in the middle' 124 '' timeout -s TERM 1 ci/kmod --kernel "$kernel" --out "$work/none"
same 'it wrote nothing' "$(echo "$work"/none*)" "$work/none*"

# --- what is made ----------------------------------------------------------------------------------

all='iscsi_target_mod target_core_file target_core_iblock target_core_mod target_core_user tcm_loop'
run 'all modules are built and packed' 0 "$all for $release_re" ci/kmod --kernel "$kernel" --out "$work/all" --deb --rpm
same 'they are there' "$(cd "$work/all/lib/modules/$release/extra" && echo *)" "${all// /.ko }.ko"
same 'of the source as it is' "$(sed -n 's/^source sha256\t//p' "$work/all/kmod-$release.txt" "$work/here/kmod-$release.txt" | uniq | wc -l)" 1
same 'each with a line in the record' "$(grep -c '^module' "$work/all/kmod-$release.txt")" 6
for key in release flavour compiler build source distribution CONFIG_TCM_USER2 CONFIG_MODVERSIONS; do
	grep -qP "^$key\t." "$work/all/kmod-$release.txt"
	same "the record says: $key" $? 0
done
files=$({
	echo "./lib/depmod.d/tcmu-kmod-$release.conf"
	for name in $all; do echo "./lib/modules/$release/extra/$name.ko"; done
} | sort)
same 'the .deb holds them' "$(dpkg-deb -c "$work/all"/*.deb | awk '$NF ~ /^.\/lib\/.*[^\/]$/ { print $NF }' | sort)" "$files"
same 'and so does the .rpm' "$(rpm -qpl "$work/all"/*.rpm | sed -n 's|^/lib/\(.*\.[a-z]*\)$|./lib/\1|p' | sort)" "$files"

# Nothing but the source counts: what the kernel was built from, by the compiler that it was built with,
# comes out as the kernel has it.
mkdir "$work/root" && kernel_dir=$(ci/kernel "$kernel") && (cd "$work/root" && cpio -id --quiet <"$kernel_dir/modules.cpio")

code() { # FILE.ko: of its code, data and versions of symbols
	objdump -dr "$1" | tail -n +4
	for section in .rodata .rodata.str1.1 .rodata.str1.8 .data __versions; do
		objdump -s -j "$section" "$1" 2>/dev/null | tail -n +4
	done
}
for name in $all; do
	code "$work/root/lib/modules/$release/kernel/$name.ko" >"$work/own.code"
	code "$work/all/lib/modules/$release/extra/$name.ko" >"$work/new.code"
	if [[ $(sed -n 's/^compiler\t//p' "$work/all/kmod-$release.txt") != "$(sed -n 's/^made with\t//p' "$work/all/kmod-$release.txt")" ]]; then
		((count++))
		echo "ok $count - $name is the kernel's own again # SKIP another compiler than the kernel's"
	else
		why=''
		(($(wc -l <"$work/own.code") > 1000)) || why='expected code'
		cmp -s "$work/own.code" "$work/new.code" || why="expected the same code, found other"
		verdict "$name is the kernel's own again" "$why"
	fi
done

# Into a system with that kernel, beside which its own modules stay.
before=$(cd "$work/root" && find . ! -name 'modules.*' | sort)
run 'they are installed' 0 "for $release_re" ci/kmod --kernel "$kernel" --source "$tree/source" --out "$work/installed" \
	--install --root "$work/root" target_core_user tcm_loop
run 'others are installed in their place' 0 "for $release_re" ci/kmod --kernel "$kernel" --out "$work/patched" --patch "$patch" \
	--install --root "$work/root" target_core_user
same 'of which there is no more' "$(cd "$work/root/lib/modules/$release/extra" && echo *)" target_core_user.ko
same 'modprobe takes them' "$(modprobe -d "$work/root" -S "$release" --show-depends target_core_user | sed -n 's|.*/\(.*/target_core_user.ko\).*|\1|p')" \
	extra/target_core_user.ko
same 'and the others as before' "$(modprobe -d "$work/root" -S "$release" --show-depends target_core_user | grep -c "/kernel/target_core_mod.ko")" 1
run 'they are removed' 0 "no longer target_core_user for $release_re" ci/kmod --kernel "$kernel" --remove --root "$work/root"
same 'modprobe takes the own one again' "$(modprobe -d "$work/root" -S "$release" --show-depends target_core_user | grep -c /kernel/target_core_user.ko)" 1
same 'and nothing is left' "$(cd "$work/root" && find . ! -name 'modules.*' | sort)" "$before"
run 'they are removed once' 2 '--remove: expected what --install put there, found no' ci/kmod --kernel "$kernel" --remove \
	--root "$work/root"
mkdir "$work/root/lib/modules/$release/extra" && : >"$work/root/lib/modules/$release/extra/tcm_loop.ko"
run 'a module of somebody else'\''s is not replaced' 2 '--install: expected no .*/extra/tcm_loop.ko, found' ci/kmod \
	--kernel "$kernel" --out "$work/installed" --install --root "$work/root" tcm_loop
same 'but left as it is' "$(stat -c %s "$work/root/lib/modules/$release/extra/tcm_loop.ko")" 0
rm -r "$work/root/lib/modules/$release/extra"
mkdir -p "$work/root/var/lib/dpkg/info" && printf '%s\n' "Package: tcmu-kmod" 'Status: install ok installed' 'Architecture: all' \
	'Maintainer: nobody' 'Version: 1' 'Description: there' >"$work/root/var/lib/dpkg/status" &&
	echo "/lib/depmod.d/tcmu-kmod-$release.conf" >"$work/root/var/lib/dpkg/info/tcmu-kmod.list"
for option in --install --remove; do
	run "nor is a package's: $option" 2 "$option: expected no package with modules of its own there, found tcmu-kmod" ci/kmod \
		--kernel "$kernel" "$option" --root "$work/root"
done

# --- what becomes of a finding ---------------------------------------------------------------------

scenario() { # TITLE STATUS PATTERN OPTION…
	local title=$1 status=$2 pattern=$3
	shift 3
	run "$title" "$status" "$pattern" scenarios/run --kernel "$kernel" --out "$work/scenarios" "$@"
}
scenario 'the finding is there with the kernel as it is' 1 'the kernel was hurt' --known /dev/null 525
scenario 'and gone with the patched driver, which is no failure' 0 \
	'^ok +525-hostile-005.*no longer fails with these modules: .machine.: the kernel was hurt' --modules "$work/patched" 525
same 'which the record of the machine names' "$(grep -cE '^extra (module|patch)' "$work"/scenarios/525*/kernel.txt)" 2
scenario 'all modules serve' 0 '^ok +100' --modules "$work/all" 100
mkdir -p "$work/wrong/lib/modules/9.9.9-none"
run 'modules of another release are refused' 2 "expected modules for $release_re, found 9.9.9-none" \
	ci/vm --kernel "$kernel" --modules "$work/wrong" -- true

summary
