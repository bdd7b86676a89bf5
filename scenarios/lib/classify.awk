# SPDX-License-Identifier: MIT
#
# From a kernel's console to the class of what hurt it: a kind and a function, in one line.
#
#	awk -f classify.awk console.log
#
# The first trouble counts; what follows is mostly its consequence. Numbers, addresses and process
# names of a run are left out, so that one bug has one class: for what went wrong at one place, that
# function; for what does not come to an end, the first function of TCMU in the trace.

function name(text) { # of "RIP: 0010:tcmu_handle_completions+0x1b/0x2c0 [target_core_user]" and the like
	sub(/^.*(RIP: [0-9a-f]+:| at [^ ]+ )/, "", text)
	sub(/^ +/, "", text)
	sub(/[+].*/, "", text)
	return text
}

function say(text) {
	if (!done)
		print kind " " text
	done = 1
}

{ sub(/\r$/, ""); sub(/^\[ *[0-9.]+\] /, "") }

done { next }

/WARNING: CPU: / { kind = "WARN"; say(name($0)) }
kind == "" && /kernel BUG at / { kind = "BUG" }
kind == "" && /(soft lockup - CPU|hard LOCKUP)/ { kind = "lockup" }
kind == "" && /rcu: .*(detected|self-detected)/ { kind = "stall" }
kind == "" && /([Uu]nable to handle|general protection fault|divide error|Oops:)/ { kind = "oops" }
kind == "" && /(refcount_t:|list_(add|del) corruption)/ { kind = "corruption" }
kind == "" && /blocked for more than/ { kind = "hung" }
kind ~ /^(BUG|oops|corruption)$/ && /RIP: [0-9a-f]+:/ { say(name($0)) }
kind ~ /^(lockup|stall|hung)$/ && /^( +|.*RIP: [0-9a-f]+:)[a-z_0-9.]+[+]0x.*\[(target_core_|tcm_loop|iscsi_target|uio)/ { say(name($0)) }
# Of a panic without all that, its words are the class.
/Kernel panic - not syncing/ {
	if (kind == "")
		kind = "panic"
	sub(/^.*not syncing: /, "")
	say($0)
}
END { if (!done && kind != "") say("unknown") }
