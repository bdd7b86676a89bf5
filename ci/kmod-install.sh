# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what ci/kmod sets
#
# How modules that ci/kmod built get into a system: packages, and --install and --remove; read by ci/kmod.
#
# All three put the same files there, modules below extra/ and a line for depmod for each, after which
# modprobe takes these; without them it takes the kernel's own again.

# --- packages --------------------------------------------------------------------------------------

# The name of the packages.
package_name() {
	tr 'A-Z_' 'a-z-' <<<"tcmu-kmod-$release"
}

make_deb() {
	local tree=$work/deb name
	name=$(package_name)
	mkdir -p "$tree/DEBIAN" "$tree/usr/share/doc/$name" && cp -r "$work/tree/lib" "$tree/" &&
		cp "$work/record" "$tree/usr/share/doc/$name/record.txt" || die "cannot write $work"
	cat >"$tree/DEBIAN/control" <<-EOT
		Package: $name
		Version: $package_version
		Architecture: $(dpkg --print-architecture)
		Maintainer: tcmu-harness <root@localhost>
		Section: kernel
		Priority: optional
		Depends: kmod
		Description: SCSI target modules for Linux $release
		 Built out of the kernel's tree; they take the place of the modules of the same names that
		 the kernel came with, until this package is removed.
	EOT
	printf '#!/bin/sh\nset -e\n[ ! -e /lib/modules/%s/modules.order ] || depmod %s\n' "$release" "$release" >"$tree/DEBIAN/postinst"
	cp "$tree/DEBIAN/postinst" "$tree/DEBIAN/postrm" && chmod 755 "$tree"/DEBIAN/post*
	dpkg-deb --root-owner-group -b "$tree" "$out" >"$work/log" 2>&1 || die "dpkg-deb: $(head -n 1 "$work/log")"
}

make_rpm() {
	local name spec=$work/kmod.spec
	name=$(package_name)
	cat >"$spec" <<-EOT
		Name: $name
		Version: $package_version
		Release: 1
		Summary: SCSI target modules for Linux $release
		License: GPL-2.0-only
		AutoReqProv: no
		Requires(post): kmod
		%description
		Built out of the kernel's tree; they take the place of the modules of the same names that
		the kernel came with, until this package is removed.
		%install
		mkdir -p %{buildroot}/usr/share/doc/$name
		cp -r $work/tree/lib %{buildroot}/
		cp $work/record %{buildroot}/usr/share/doc/$name/record.txt
		%post
		[ ! -e /lib/modules/$release/modules.order ] || depmod $release
		%postun
		[ ! -e /lib/modules/$release/modules.order ] || depmod $release
		%files
		/lib/modules/$release/extra
		/lib/depmod.d/*.conf
		/usr/share/doc/$name
	EOT
	HOME=$work timeout -k 5 120 rpmbuild -bb --quiet --define "_topdir $work/rpm" --define "_rpmdir $out" \
		--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define 'debug_package %{nil}' \
		--define '__os_install_post %{nil}' --define '_build_id_links none' "$spec" >"$work/log" 2>&1 </dev/null ||
		die "rpmbuild: $(grep -m 1 . "$work/log")"
}

# --- installing ------------------------------------------------------------------------------------

# What --install put there: the names in its line for depmod, which is the last to come and to go.
installed() {
	sed -n 's/^override \([A-Za-z0-9_-]*\) .*/\1/p' "$conf" 2>/dev/null
}

can_install() { # OPTION
	# rpm makes a database where there is none, so it is asked only about this system, if it has one.
	local owner file=/lib/depmod.d/tcmu-kmod-$release.conf
	dir=$root/lib/modules/$release conf=$root$file
	[[ -d $dir ]] || die "$1: no kernel $release in ${root:-this system} (expected $dir)"
	[[ -w $dir ]] || die "$1: cannot write $dir"
	owner=$(dpkg-query --admindir="$root/var/lib/dpkg" -S "$file" 2>/dev/null) ||
		owner=$([[ -z $root && -d /var/lib/rpm || -z $root && -d /usr/lib/sysimage/rpm ]] && rpm -qf "$file" 2>/dev/null) ||
		return 0
	die "$1: expected no package with modules of its own there, found ${owner%%: *}"
}

# With the system's own rules, and none of this machine's for another.
run_depmod() {
	if [[ $root ]]; then
		depmod -b "$root" -C "$([[ -d $root/lib/depmod.d ]] && echo "$root/lib/depmod.d" || echo /dev/null)" "$release"
	else
		depmod "$release"
	fi
}

taken() { # NAME: the file that modprobe would take
	modinfo -F filename -b "${root:-/}" -k "$release" "$1" 2>/dev/null
}

take_away() {
	local name
	for name in $(installed); do
		rm -f "$dir/extra/$name.ko" || return
	done
	rm -f "$conf" || return
	rmdir "$dir/extra" "$root/lib/depmod.d" 2>/dev/null
	run_depmod
}

put_in() {
	local name
	mkdir -p "$dir/extra" "$root/lib/depmod.d" && install -m 644 "$work/tree/lib/depmod.d"/*.conf "$conf" &&
		install -m 644 "$extra"/*.ko "$dir/extra/" && run_depmod || return
	for name in "${built[@]}"; do
		[[ $(taken "$name") == */extra/$name.ko ]] ||
			{ echo "modprobe would take $(taken "$name" | grep . || echo nothing) for $name, expected extra/$name.ko" && return 1; }
	done
}

install_modules() {
	local name why
	for name in "${built[@]}"; do
		[[ ! -e $dir/extra/$name.ko ]] || installed | grep -qx "$name" ||
			die "--install: expected no $dir/extra/$name.ko, found one of somebody else's"
	done
	why=$(take_away 2>&1 && put_in 2>&1) && return
	take_away 2>/dev/null
	die "--install: ${why%%$'\n'*}"
}

remove_modules() {
	local names why
	names=$(installed | xargs)
	[[ $names ]] || die "--remove: expected what --install put there, found no $conf"
	why=$(take_away 2>&1) || die "--remove: ${why%%$'\n'*}"
	echo "${root:-this system}: no longer $names for $release"
}
