#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tcmu-harness env: that text, JSON and results say the same of a machine, that it agrees with
# depmod about which file of a module would be loaded, and that nothing it may find does it harm. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
root=$dir/root
release=6.1.0-9-test
modules=$root/lib/modules/$release
name=target_core_user
export PATH=$PATH:/usr/sbin:/sbin

# field FILE EXPRESSION: a value in a JSON file, by Python; nothing if it is not there.
field() {
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
m = {x["name"]: x for x in r.get("env", r)["modules"]}
print(eval(sys.argv[2]))' "$1" "$2" 2>&1
}

# is WHAT FOUND EXPECTED: prints what is wrong.
is() {
	[[ $2 == "$3" ]] || echo "$1: expected '$3', found '$2'"
}

# module PATH MODINFO: a file that depmod takes for a module.
module() {
	mkdir -p "$modules/${1%/*}"
	printf '%b' "license=GPL\0name=$name\0$2" >"$dir/modinfo"
	echo >"$dir/empty.c"
	"${CC:-gcc}" -c -o "$dir/empty.o" "$dir/empty.c" &&
		objcopy --add-section .modinfo="$dir/modinfo" "$dir/empty.o" "$modules/$1"
}

# machine: an empty one.
machine() {
	rm -rf "$root"
	mkdir -p "$root"/{proc/sys/kernel,etc/depmod.d} "$modules"
	echo $release >"$root/proc/sys/kernel/osrelease"
	touch "$modules"/modules.{order,builtin}
}

echo "TAP version 14"

works=0
"$harness" env >/dev/null 2>&1 || works=1
problem=$(run $works "$harness" env --json "$dir/env.json")
problem+=$(says out '^world: (yes|no), ')$(says out "^kernel: $(uname -r), ")
problem+=$(says out '^missing')$(says out '^limits: NOFILE=')
problem+=$([[ $(tail -n 1 "$dir/out") == missing* ]] || echo "expected the last line to be about what is missing")
problem+=$(is release "$(field "$dir/env.json" 'r["kernel"]["release"]')" "$(uname -r)")
problem+=$(is taint "$(field "$dir/env.json" 'r["kernel"]["taint"]["value"]')" "$(</proc/sys/kernel/tainted)")
problem+=$(is works "$(field "$dir/env.json" 'r["works"], r["mechanism"] is not None')" \
	"$([[ $works -eq 0 ]] && echo '(True, True)' || echo '(False, False)')")
problem+=$(is limit "$(field "$dir/env.json" 'r["limits"]["NOFILE"]["soft"]')" "$(ulimit -Sn)")
verdict "this machine" "$problem"
problem=$(run $works prlimit --nofile=1500:2000 "$harness" env --json -)
problem+=$(is limits "$(field "$dir/out" 'r["limits"]["NOFILE"]')" "{'soft': 1500, 'hard': 2000}")
verdict "nothing but JSON on standard output" "$problem"

for what in 'check --handler memory --case hnd.001.version-2' 'fuzz --handler memory --time 1'; do
	read -ra command <<<"$what"
	problem=$(run 0 "$harness" "${command[@]}" --json "$dir/result.json")
	problem+=$(is env "$(field "$dir/result.json" '[r["env"][k] for k in ("kernel", "config", "modules", "mechanism")]')" \
		"$(field "$dir/env.json" '[r[k] for k in ("kernel", "config", "modules", "mechanism")]')")
	verdict "in the result of ${command[0]}" "$problem"
done

# Of several results in one, the machines of all that name theirs.
problem=$(run 0 "$harness" check --handler memory --case hnd.001.version-2 --json "$dir/check.json")
sed -z 's/\n"env":[^\n]*\n/\n/' "$dir/check.json" >"$dir/without.json"
problem+=$(run 0 "$harness" report --json "$dir/all.json" "here=$dir/check.json" $'th"ere\x9b='"$dir/check.json" \
	"old=$dir/without.json")
problem+=$(is machines "$(python3 -c 'import json, sys
one, all = [json.load(open(name)) for name in sys.argv[1:]]
print(list(all["envs"]), [env == one["env"] for env in all["envs"].values()], len(all["cases"]), "env" in all)' \
	"$dir/check.json" "$dir/all.json" 2>&1)" "['here', 'th\"ere\\\\x9b'] [True, True] 3 False")
verdict "in the report of several results" "$problem"
problem=$(run 0 "$harness" report --json "$dir/all.json" "$dir/without.json")
problem+=$(is envs "$(grep -c '"envs"' "$dir/all.json")" 0)
verdict "no machine in a report of none" "$problem"
sed -z 's/\n"env":[^\n]*\n/\n"env":[],\n/' "$dir/check.json" >"$dir/without.json"
bad "a machine that is none" "without.json: env: expected an object" "$harness" report "$dir/without.json"

bad "no file" "missing value for '--json'" "$harness" env --json
bad "no such root" "--root: cannot open '$dir/none': No such file" "$harness" env --root "$dir/none"
bad "a root that is a file" "Not a directory" "$harness" env --root "$dir/env.json"
bad "no place for the JSON" "--json: cannot write '$dir/none/x'" "$harness" env --json "$dir/none/x"
bad "a full disk" "No space" "$harness" env --json /dev/full
problem=$(timeout 20 "$harness" env 2>&1 >/dev/full </dev/null)
verdict "a full disk for the text" "$([[ $problem == *"No space"* ]] || echo "expected 'No space', found '$problem'")"

# agrees TITLE CONFIGURATION: our rules choose what depmod chooses, and tell when modules.dep is old.
agrees() {
	local title=$1 chosen problem rest
	printf '%b' "$2" >"$root/etc/depmod.d/test.conf"
	depmod -b "$root" -C "$root/etc/depmod.d" $release 2>"$dir/err" || echo "# depmod failed"
	chosen=$(sed -n "s/^\(.*$name\.ko\):.*/\1/p" "$modules/modules.dep")
	problem=$(run 0 "$harness" env --root "$root" --json "$dir/env.json")
	[[ -n $chosen ]] || problem+="depmod chose nothing; "
	problem+=$(is path "$(field "$dir/env.json" "m['$name']['path']")" "/lib/modules/$release/$chosen")
	problem+=$(is version "$(field "$dir/env.json" "m['$name']['version']")" "${chosen%%/*}")
	problem+=$(is stale "$(field "$dir/env.json" "m['$name'].get('stale')")" None)
	verdict "$title: depmod's choice, $chosen" "$problem"
	for rest in "$modules"/*/"$name.ko"; do
		rest=${rest#"$modules/"}
		[[ $rest == "$chosen" ]] && continue
		echo "$rest:" >"$modules/modules.dep"
		problem=$(run 0 "$harness" env --root "$root")
		problem+=$(says out "^module $name, file: .*but modules.dep is out of date, and depmod -a would choose $chosen")
		verdict "$title: not $rest" "$problem"
	done
}

if command -v depmod >/dev/null; then
	machine
	for place in kernel extra updates weak-updates; do
		module "$place/$name.ko" "version=$place\0"
	done
	agrees "search" 'search extra updates built-in weak-updates\n'
	agrees "another order" 'search updates extra weak-updates built-in\n'
	agrees "the release's own first" 'search built-in extra updates weak-updates\n'
	agrees "on several lines" '# x\nsearch weak-updates \\\n extra updates\nsearch built-in\n'
	agrees "override" "search updates extra weak-updates built-in\noverride $name * extra\n"
	agrees "override for another kernel" "search updates extra weak-updates built-in\noverride $name ^5 extra\n"
	agrees "two overrides" "search updates extra weak-updates built-in\noverride $name * extra\noverride $name 6.1.* weak-updates\n"
	rm -r "$modules"/{extra,weak-updates}
	agrees "no configuration" ''
else
	skip "which file of a module" "there is no depmod here (kmod)"
fi

# packed EXTENSION PROGRAM…: a module packed in that way is read.
packed() {
	local problem extension=$1
	shift
	if ! command -v "$1" >/dev/null; then
		skip "a module that $1 packed" "there is no $1 here"
		return
	fi
	machine
	module "kernel/$name.ko" 'supported=external\0'
	"$@" -c "$modules/kernel/$name.ko" >"$modules/kernel/$name.ko.$extension"
	rm "$modules/kernel/$name.ko"
	echo "kernel/$name.ko.$extension:" >"$modules/modules.dep"
	problem=$(run 0 "$harness" env --root "$root")
	problem+=$(says out "^module $name, says: supported: external: by a partner")
	verdict "a module that $1 packed" "$problem"
	head -c 100 "$modules/kernel/$name.ko.$extension" >"$dir/cut"
	cp "$dir/cut" "$modules/kernel/$name.ko.$extension"
	problem=$(run 0 "$harness" env --root "$root")
	problem+=$(says out "^unreadable: .*$name.ko.$extension: cannot be unpacked")
	verdict "and is cut off" "$problem"
	truncate -s 200M "$dir/huge" && "$@" -c "$dir/huge" >"$modules/kernel/$name.ko.$extension"
	problem=$(run 0 "$harness" env --root "$root")
	problem+=$(says out "^unreadable: .*$name.ko.$extension: expected at most 67108864 bytes")
	verdict "and is huge when unpacked" "$problem"
	problem=$(run 0 env PATH="$dir/none" "$harness" env --root "$root")
	problem+=$(says out "^unreadable: .*$name.ko.$extension: the program that unpacks it")
	verdict "and $1 is missing" "$problem"
}
packed gz gzip
packed xz xz -0
packed zst zstd -1

# What a kernel says of itself, as files of another machine.
machine
module "kernel/$name.ko" ''
printf 'none\0\0\2\0\0\0\0\0\0\0\0\4~Module signature appended~\n' >>"$modules/kernel/$name.ko"
echo "kernel/$name.ko:" >"$modules/modules.dep"
echo 12288 >"$root/proc/sys/kernel/tainted"
mkdir -p "$root"/sys/class/uio/uio0 "$root"/proc/{12,13}/fd "$root/sys/module/$name"
echo tcm-user/0/disk >"$root/sys/class/uio/uio0/name"
echo handler | tee "$root/proc/12/comm" >"$root/proc/13/comm"
ln -s /dev/uio0 "$root/proc/12/fd/7"
echo '7f0-7f1 rw-s 00000000 00:05 1 /dev/uio0' >"$root/proc/13/maps"
echo coming >"$root/sys/module/$name/initstate"
problem=$(run 0 "$harness" env --root "$root")
problem+=$(says out '^kernel taint: 12288: O \(an out-of-tree module was loaded\), E \(a module without a valid signature')
problem+=$(says out '^UIO device uio0: tcm-user/0/disk, .*open by process 12 handler \(descriptor\), 13 handler \(mapping\)$')
problem+=$(says out "^module $name, says: .*, signed, PKCS#7, ")
problem+=$(says out "^module $name: being loaded: ")
verdict "taint, a signature, a module on its way, holders of a device" "$problem"

if nobody_can; then
	machine
	module "kernel/$name.ko" 'supported=yes\0'
	echo "kernel/$name.ko:" >"$modules/modules.dep"
	chmod 700 "$modules/kernel" && chmod 600 "$root/proc/sys/kernel/osrelease"
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	problem=$(run 0 "$harness" env --root "$root")
	problem+=$(says out '^unreadable: /proc/sys/kernel/osrelease: Permission denied')
	verdict "an ordinary user: no release" "$problem"
	chmod 644 "$root/proc/sys/kernel/osrelease"
	problem=$(run 0 "$harness" env --root "$root")
	problem+=$(says out "^module $name, says: Permission denied")
	verdict "an ordinary user: no file" "$problem"
	problem=$(run $works "$harness" env)
	problem+=$(says out "^missing for check --target kernel.*: root's rights; sudo")
	verdict "an ordinary user: this machine" "$problem"
	as=()
else
	skip "an ordinary user" "there is no other user that may run this"
fi
summary
