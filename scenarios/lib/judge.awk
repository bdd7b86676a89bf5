# SPDX-License-Identifier: MIT
#
# From the known failures and one scenario's TAP to its verdict: one tab-separated row, and JSON.
#
#	awk -v scenario= -v kernel= -v status= -v ms= -v known=KNOWN-FAILURES -v modules= -v json=FILE \
#		-f judge.awk KNOWN-FAILURES TAP
#
# A test passes, fails, is skipped, or is known to fail; one that is known to fail and passes is a
# failure, unless the kernel had modules other than its own, of which that is said. What is no test - machine hurt, time up, set-up failed, plan missing - is the
# test "(machine): REASON".

function glob(pattern) { # a shell pattern with * and ? as a regular expression
	gsub(/[][\\.+^$(){}|]/, "\\\\&", pattern)
	gsub(/\*/, ".*", pattern)
	gsub(/\?/, ".", pattern)
	return "^" pattern "$"
}

function quote(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/"/, "\\\"", text)
	gsub(/\t/, " ", text)
	gsub(/[\001-\037]/, "", text)
	return "\"" text "\""
}

function trim(text) {
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

function report(description, verdict, why) {
	count[verdict]++
	if (verdict == "fail" && first == "")
		first = why != "" ? description ": " why : description
	tests = tests (tests == "" ? "" : ",\n") "    {\"test\": " quote(description) ", \"verdict\": " \
		quote(verdict) (why == "" ? "" : ", \"reason\": " quote(why)) "}"
}

function judge(description, ok, directive,   i) {
	for (i = 1; i <= entries && !(description ~ test[i]); i++)
		;
	if (directive != "") {
		report(description, "skip", directive)
	} else if (ok) {
		passed[i]++
		report(description, "pass", "")
	} else if (i <= entries) {
		failed[i]++
		report(description, "known", reason[i])
	} else {
		report(description, "fail", "")
	}
}

# A known failure must fail, or else it is no longer one. Those of the kernel's own modules may pass
# with others, which is what a patch is for.
function judge_known(   i) {
	for (i = 1; i <= entries; i++)
		if (!strict[i] || !passed[i] || failed[i])
			continue
		else if (modules != "")
			gone = gone (gone == "" ? "no longer fails with these modules: " : "; ") name[i]
		else
			report(name[i], "fail", "passes, but is a known failure: " reason[i])
}

function machine() {
	if (status == 124)
		return "time was up"
	if (status == 125)
		return "the kernel was hurt"
	if (bail != "")
		return "set-up failed: " bail
	if (status == 77 && skip_all != "")
		return ""
	if (plan == "")
		return "it ended early, exit status " status
	if (plan != seen)
		return plan " tests announced, " seen " reported"
	if (status != 0 && !(status == 1 && bad) && status != 77)
		return "exit status " status
	return ""
}

# "SCENARIO | TEST | KERNEL | REASON | EVIDENCE", the first three with * and ?. A KERNEL that ends in
# "~" means that the test sometimes passes.
FILENAME == known {
	if ($0 ~ /^[ \t]*(#|$)/)
		next
	n = split($0, field, "|")
	if (n != 5) {
		print "scenarios/known-failures:" FNR ": expected 5 fields, found " n >"/dev/stderr"
		next
	}
	loose = sub(/~[ \t]*$/, "", field[3])
	if (scenario ~ glob(trim(field[1])) && kernel ~ glob(trim(field[3]))) {
		name[++entries] = trim(field[2])
		test[entries] = glob(name[entries])
		strict[entries] = !loose
		reason[entries] = trim(field[4])
	}
	next
}

{ sub(/\r$/, "") }
/^(not )?ok [0-9]+/ {
	seen++
	ok = $1 == "ok"
	bad += !ok
	directive = ""
	if ((at = index($0, " # SKIP")) > 0) {
		directive = trim(substr($0, at + 7))
		if (directive == "")
			directive = "no reason given"
		$0 = substr($0, 1, at - 1)
	}
	sub(/^(not )?ok [0-9]+ (- )?/, "")
	judge($0, ok, directive)
}
/^1\.\.[0-9]+/ {
	plan = substr($1, 4)
	if ((at = index($0, "# SKIP")) > 0)
		skip_all = trim(substr($0, at + 6))
}
/^Bail out!/ && bail == "" { bail = substr($0, 11) }

END {
	problem = machine()
	if (problem != "")
		judge("(machine): " problem, 0, "")
	for (i = 1; i <= entries; i++)
		passed[i] += problem == "" && status != 77 && name[i] ~ /^\(machine\): /
	judge_known()
	if (problem != "" && count["fail"] > 0)
		first = problem
	ran = count["pass"] + count["fail"] + count["known"]
	verdict = count["fail"] ? "FAIL" : ran && status != 77 ? "ok" : "skip"
	if (verdict == "skip")
		first = skip_all
	if (verdict == "ok")
		first = gone
	printf "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", scenario, kernel, verdict, count["pass"], count["fail"],
		count["known"], count["skip"], ms, first
	printf "{\n  \"scenario\": %s,\n  \"kernel\": %s,\n  \"verdict\": %s,\n  \"status\": %d,\n  \"ms\": %d,\n" \
		"  \"reason\": %s,\n  \"tests\": [\n%s\n  ]\n}\n", quote(scenario), quote(kernel), quote(verdict),
		status, ms, quote(first), tests >json
}
