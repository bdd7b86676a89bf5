#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install what ci/packages.txt names and this machine lacks: ci/setup.sh
# As root, or through sudo. Does nothing, quickly, when nothing is missing. Exit status 2 and one
# line when it cannot.

set -u
here=$(dirname "$0")

die() {
	echo "ci/setup.sh: $*" >&2
	exit 2
}

# apt-get, without questions, waiting for another apt-get, giving up on a dead mirror
apt() {
	${sudo:-} env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
		-o Dpkg::Use-Pty=0 "$@"
}

wanted=$(sed 's/#.*//' "$here/packages.txt") || die "cannot read $here/packages.txt"
command -v apt-get >/dev/null ||
	die "not a Debian system (no apt-get): install the like of what ci/packages.txt names by hand"

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
missing=
for package in $wanted; do
	echo "$installed" | grep -qxF "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	sudo -n true 2>/dev/null || die "needs root, or sudo without a password, to install:$missing"
	sudo='sudo -n'
fi

log=$(mktemp) || die "cannot make a temporary file"
trap 'rm -f "$log"' EXIT
echo "ci/setup.sh: installing$missing"
for try in 1 2 3; do
	# shellcheck disable=SC2086 # a list of words
	apt update >"$log" 2>&1 && apt install --no-install-recommends $missing >"$log" 2>&1 && exit 0
	[ "$try" -eq 3 ] || sleep $((try * 5))
done
grep -E '^(E|W):' "$log" >&2 || tail -n 5 "$log" >&2
die "could not install:$missing"
