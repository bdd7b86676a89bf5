# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Packages of the distribution, fetched and not installed; read by ci/kernel and ci/headers.
#
# Newer kernels are in the distribution's security archive, which a minimal installation does not
# list: apt_security asks it, beside what apt is set up for, with lists of our own (no root needed).
# From then on apt_options name these lists.

apt_options=()

# Makes DIR with lists of main and security, and apt_options. Fails if they cannot be had.
apt_security() { # DIR
	local dir=$1 codename uri
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # apt's own variables
	uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Identifier: Packages' 2>/dev/null |
		awk -v c="$codename" '$2 == c && sub(/\/debian\/$/, "", $1) { print $1; exit }')
	[[ -n $uri ]] || return 1
	mkdir -p "$dir"/{lists/partial,cache/archives/partial} || return 1
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
		"$uri/debian" "$codename" "$uri/debian-security" "$codename-security" >"$dir/sources.list"
	apt_options=(-o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache" -o APT::Sandbox::User=root)
	timeout 120 apt-get "${apt_options[@]}" -q -o Acquire::http::Timeout=30 update >/dev/null 2>&1
}

# Fetches a package into DIR, which holds no other; prints the file, or why there is none.
apt_fetch() { # DIR PACKAGE VERSION
	(cd "$1" && timeout 600 apt-get "${apt_options[@]}" -q -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
		download "$2=$3" >log 2>&1) && rm -f "$1/log" && echo "$1"/*.deb && return
	grep '^E:' "$1/log" | head -n 1 | grep . || echo 'no answer'
	return 1
}
