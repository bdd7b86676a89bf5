#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Everything that can be said about the sources without running them: ci/lint.sh
# All checks run; exit status 1 if any of them found something. A long file is only a warning.

set -u
cd "$(dirname "$0")/.." || exit 2
max_lines=600

# The project's files: what git knows or would add; all of them in a tree that is not a checkout.
files() {
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard -- "$@"
	else
		local name args=()
		for name; do args+=(-o -name "${name##*/}"); done
		find . \( -name .git -o -name 'build*' \) -prune -o -type f \( "${args[@]:1}" \) -print
	fi | while read -r file; do [[ -f $file ]] && echo "$file"; done
}

failures=0
check() { # TITLE COMMAND…
	local title=$1 start=$SECONDS
	shift
	if ! command -v "$1" >/dev/null; then
		echo "lint: $title: $1 is not installed; ci/setup.sh installs it"
	elif "$@"; then
		echo "lint: $title: ok ($((SECONDS - start)) s)"
		return
	fi
	echo "lint: $title: FAILED"
	((failures++))
}

mapfile -t sources < <(files '*.c')
mapfile -t headers < <(files '*.h')
# The kernel's macros are not for it to know.
mapfile -t programs < <(files '*.c' | grep -v '^\(\./\)\?harness/probe/[^/]*$')
# Shell scripts have a shebang, whatever they are called.
mapfile -t scripts < <(files '*' | xargs -d '\n' grep -lIE -m 1 '^#!/bin/(busybox sh|bash|sh)$')
mapfile -t texts < <({
	printf '%s\n' "${scripts[@]}"
	files '*.c' '*.h' '*.md' '*.[17]' '*.py' '*.awk' '*.mutant' '*.txt' 'Makefile'
} | grep -v '^\(\./\)\?results/\(traces\|clients\)/.*\.txt$' | sort -u)

check format clang-format --dry-run -Werror --ferror-limit=1 "${sources[@]}" "${headers[@]}"
check shell shellcheck "${scripts[@]}"
# Escapes in strings are no letters.
check spelling codespell --ignore-regex '\\[nt]' -L fo,inflight,nd "${texts[@]}"
check analysis cppcheck -q -j "$(nproc)" --std=c11 --enable=warning,performance,portability \
	--inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 -D_GNU_SOURCE= \
	-Iringsim/include "${programs[@]}"

for file in "${sources[@]}" "${headers[@]}"; do
	lines=$(wc -l <"$file")
	((lines <= max_lines)) || echo "lint: warning: $file: $lines lines, more than $max_lines"
done

((failures == 0))
