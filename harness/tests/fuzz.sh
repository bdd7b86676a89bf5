#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tcmu-harness fuzz and replay: what they make of their options; that a run is its seed's; that what
# is found is saved, shrunk and replayed; and the programs kept in harness/fuzz/regress: the
# reference handlers pass them, the mutants that they name do not. TAP.

set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=harness/tests/programs.bash
. harness/tests/programs.bash
limit_s=120
export NO_COLOR=1

# good TITLE STATUS PATTERN COMMAND…: ends so, with PATTERN on standard output.
good() {
	local title=$1 problem pattern=$3
	problem=$(run "$2" "${@:4}")
	[[ -z $problem ]] && ! grep -q -e "$pattern" "$dir/out" &&
		problem="expected '$pattern' on standard output"
	verdict "$title" "$problem"
}

mutants=$build/mutants
# The mutant NAME, built if need be: `make test` has built those of kept programs.
need_mutant() {
	[[ -f $mutants/$1.so ]] || make -s BUILD="${build#"$PWD"/}" "${build#"$PWD"/}/mutants/$1.so" \
		>"$dir/make" 2>&1
}

echo "TAP version 14"

# The command line.
bad "fuzz: unknown option" "'--frob'" "$harness" fuzz --frob
bad "fuzz: option without its value" "'--seed'" "$harness" fuzz --seed
bad "fuzz: an argument" "'x'" "$harness" fuzz x
for seed in -1 1x 18446744073709551616 ''; do
	bad "fuzz: seed '$seed'" "'$seed'" "$harness" fuzz --seed "$seed"
done
for time in 0 5d 1.5s m 5mm 9999999h; do
	bad "fuzz: time '$time'" "'$time'" "$harness" fuzz --time "$time"
done
for shard in 0/2 3/2 1 1/0 /2 a/b; do
	bad "fuzz: shard '$shard'" "'$shard'" "$harness" fuzz --shard "$shard"
done
bad "fuzz: no jobs" "'0'" "$harness" fuzz --jobs 0
bad "fuzz: no runs" "'0'" "$harness" fuzz --runs 0
bad "fuzz: unknown profile" "'frob'" "$harness" fuzz --profile frob
bad "fuzz: unknown oracle" "'disk,frob'" "$harness" fuzz --oracles disk,frob
bad "fuzz: unknown handler" "'frob'" "$harness" fuzz --handler memory,frob
bad "fuzz: unknown mutant" "'frob'" "$harness" fuzz --mutant frob
bad "fuzz: two handlers" "only one of" "$harness" fuzz --handler memory --exec true
bad "fuzz: a handler among mutants" "only one of" "$harness" fuzz --handler memory --mutants x
bad "fuzz: no mutants" "No such file" "$harness" fuzz --mutants "$dir/none"
bad "fuzz: the bench of another handler" "memory" "$harness" fuzz --bench --handler psync
bad "fuzz: the record of a handler" "--record" "$harness" fuzz --record x --handler memory
bad "fuzz: a record into nowhere" "$dir/none/x" "$harness" fuzz --record "$dir/none/x"
bad "fuzz: a kernel without a record" "only with --record" "$harness" fuzz --target kernel
bad "fuzz: unknown target" "'frob'" "$harness" fuzz --record x --target frob
bad "fuzz: a world without a program" "expected --exec" "$harness" fuzz --attach uio
bad "fuzz: no such program" "none" "$harness" fuzz --exec "$dir/none" --runs 1
: >"$dir/file"
bad "fuzz: findings into a file" "not a directory" "$harness" fuzz --save "$dir/file"
bad "fuzz: a corpus in a file" "not a directory" "$harness" fuzz --corpus "$dir/file"
bad "fuzz: a report into nowhere" "$dir/none/x" "$harness" fuzz --runs 1 --json "$dir/none/x"
bad "replay: nothing" "nothing" "$harness" replay
bad "replay: two" "'2'" "$harness" replay 1 2
bad "replay: no such file" "$dir/none" "$harness" replay "$dir/none"
bad "replay: a directory" "$dir" "$harness" replay "$dir"
echo "frobnicate" >"$dir/odd.fuzz"
bad "replay: no program" "frobnicate" "$harness" replay "$dir/odd.fuzz"
bad "replay: a name that is none" "'../x'" "$harness" replay 1 --keep ../x

# A run is its seed's.
runs() { # what is the same each time
	"$harness" fuzz --runs 300 --seed 7 --no-shrink --json - "$@" 2>/dev/null </dev/null |
		sed -e '/"findings"/,$d' | grep -v -e '"ms"' -e '"commands_per_second"'
}
same() { # TITLE A B
	local problem=
	[[ -s $2 ]] && cmp -s "$2" "$3" || problem="$(diff "$2" "$3" | head -n 5)"
	verdict "$1" "$problem"
}
runs >"$dir/one"
runs >"$dir/again"
same "the same seed does the same" "$dir/one" "$dir/again"
runs --jobs 3 >"$dir/jobs"
same "on one process or on three" "$dir/one" "$dir/jobs"
counts() { # programs and commands of all the files
	cat "$@" | awk -F '[:,]' '/"programs"/ { p += $2 } /"commands"/ { c += $2 } END { print p, c }'
}
"$harness" fuzz --runs 150 --seed 7 --no-shrink --shard 1/2 --json "$dir/a" >"$dir/out" 2>&1 </dev/null
"$harness" fuzz --runs 150 --seed 7 --no-shrink --shard 2/2 --json "$dir/b" >"$dir/out" 2>&1 </dev/null
counts "$dir/one" >"$dir/whole"
counts "$dir/a" "$dir/b" >"$dir/halves"
same "two shards are the whole" "$dir/whole" "$dir/halves"

# What is found.
need_mutant pad-cleared
good "a mutant is found" 1 "^finding [0-9]*: HND-013" "$harness" fuzz --mutant pad-cleared --seed 2 --runs 3000 \
	--profile ring --save "$dir/found"
saved=$(find "$dir/found" -name 'HND-013-*.fuzz' | head -n 1)
good "what was saved shows it again" 1 "FAILS: HND-013" \
	"$harness" replay "${saved:-none}" --mutant pad-cleared
good "and not with the unbroken handler" 0 "memory: passes" "$harness" replay "${saved:-none}"
verdict "it was shrunk" "$(awk '!/^#/ && NF { n++ } END {
	if (n < 1 || n > 12) print "expected at most 12 lines, found " n + 0 }' "${saved:-/dev/null}")"
seed=$(sed -n 's/^# seed: //p' "${saved:-/dev/null}")
good "its seed shows it, too" 1 "FAILS: HND-013" \
	"$harness" replay "${seed:-none}" --mutant pad-cleared --profile ring

# A corpus grows by what is new, and then no more.
mkdir "$dir/corpus"
good "a corpus is begun" 0 "programs added" \
	"$harness" fuzz --oracles none --runs 200 --corpus "$dir/corpus"
good "a corpus is gone on with" 0 " 0 findings" \
	"$harness" fuzz --oracles none --runs 100 --corpus "$dir/corpus"
problem=
for file in "$dir"/corpus/*.fuzz; do
	[[ -s $file ]] || problem="there is none"
done
verdict "it is made of programs" "$problem"

mkdir "$dir/committed" && cp harness/fuzz/corpus/*.fuzz "$dir/committed"
good "the programs of our own corpus pass" 0 " 0 findings" "$harness" fuzz \
	--handler memory,psync --corpus "$dir/committed" \
	--runs "$(find harness/fuzz/corpus -name '*.fuzz' | wc -l)"

# Whether a handler's store survives it is not asked for: both are right.
printf '%s\n' 'submit 2a000000000800000400 out=2048' settle kill restart settle >"$dir/restart.fuzz"
truncate -s 1M "$dir/disk"
for store in "file:$dir/disk" memory:1M; do
	good "a store that dies with its handler, or not: ${store%%:*}" 0 "passes" \
		"$harness" replay "$dir/restart.fuzz" --exec "exec '$handler' --store '$store'"
done
good "one that is said not to, and does" 1 "FAILS: SCS-030" "$harness" replay "$dir/restart.fuzz" \
	--persistent --exec "exec '$handler' --store memory:1M"

echo frobnicate >"$dir/corpus/odd.fuzz"
problem=$(run 0 "$harness" fuzz --runs 10 --corpus "$dir/corpus")
verdict "what is no program is left out, and told" "$problem$(says err "odd.fuzz: .*'frobnicate'.*1 in all")"

# A disk that is full: no part of a program is left, which would be another one.
if unshare -m true 2>/dev/null; then
	mkdir "$dir/full"
	# shellcheck disable=SC2016 # it is for the inner shell
	as=(unshare -m sh -c 'mount -t tmpfs -o size=64k full "$0" && head -c 1m /dev/zero >"$0/fill" 2>/dev/null
		"$@"; rc=$?; ls "$0/found"; exit $rc' "$dir/full")
	problem=$(run 1 "$harness" fuzz --mutant pad-cleared --seed 2 --runs 1000 --profile ring --save "$dir/full/found")
	verdict "findings on a full disk" "$problem$(says err 'cannot write .*No space')$(
		tail -n 1 "$dir/out" | grep -x '.*\.fuzz')"
	as=()
else
	skip "findings on a full disk" "no mount namespace here"
fi

# Programs kept for ever.
shopt -s nullglob
for file in harness/fuzz/regress/*.fuzz; do
	name=$(basename "$file" .fuzz)
	mutant=$(sed -n 's/^# mutant: *//p' "$file")
	clause=$(sed -n 's/^# clause: *//p' "$file")
	good "kept: $name: the reference handlers pass" 0 "passes" \
		"$harness" replay "$file" --handler memory,psync,libaio,io_uring
	[[ -z $mutant ]] && continue
	need_mutant "$mutant"
	good "kept: $name: $mutant breaks $clause" 1 "FAILS: $clause" \
		"$harness" replay "$file" --mutant "$mutant"
done

good "fuzz: a record" 0 '^end 1 status=' "$harness" fuzz --record - --runs 8

# The clauses that are said to be watched for are those that the oracles name.
"$harness" fuzz --clauses | awk 'NR > 1 { print $1 }' | sort -u >"$dir/said"
sed 's|/\*.*||' harness/fuzz/{exec,expect,disk}*.c harness/target/{target,inproc}.c \
	ringsim/{sanitizer,shadow,sweep,uio}.c | grep -oE '"(HND|KRN|SCS)-[0-9]{3}"' | tr -d '"' |
	sort -u >"$dir/named"
same "fuzz --clauses (harness/fuzz/judged.c) lists what the oracles name" "$dir/named" "$dir/said"

echo "1..$count"
((failed == 0))
