# SPDX-License-Identifier: MIT
#
# Apply one mutant to its source: awk -f mutate.awk NAME.mutant >changed.c
#
# A mutant describes one line of difference in a handler:
#
#	clause: HND-013
#	file: harness/consumer/ring.c
#	why: what the author of such a handler had in mind
#	nth: 2				(optional: which occurrence; else there must be exactly one)
#	-the line as it stands, blanks around it ignored
#	+what stands there instead; may be empty, may be several lines
#
# Anything that does not fit (the line is gone, or is there twice) is one line on stderr and exit
# status 1: a mutant that no longer changes anything must not pass for a handler that was caught.

function trim(s)
{
	gsub(/^[ \t]+|[ \t\r]+$/, "", s)
	return s
}

function fail(what)
{
	printf "%s: %s\n", FILENAME, what | "cat >&2"
	close("cat >&2")
	failed = 1
	exit 1
}

/^-/ {
	if (has_old)
		fail("line " FNR ": a second '-' line; a mutant changes one line")
	old = trim(substr($0, 2))
	has_old = 1
	next
}

/^\+/ {
	if (!has_old)
		fail("line " FNR ": '+' before '-'")
	new[++new_count] = trim(substr($0, 2))
	next
}

/^(clause|file|why|nth):/ {
	key = substr($0, 1, index($0, ":") - 1)
	if (has_old || key in header)
		fail("line " FNR ": header '" key "' twice, or after the change")
	header[key] = trim(substr($0, index($0, ":") + 1))
	next
}

!/^[ \t]*(#.*)?$/ {
	fail("line " FNR ": expected 'clause:', 'file:', 'why:', 'nth:', '-' or '+', found '" $0 "'")
}

END {
	if (failed)
		exit 1
	if (header["clause"] == "" || header["file"] == "" || header["why"] == "")
		fail("needs 'clause:', 'file:' and 'why:'")
	if (old == "" || !new_count)
		fail("needs one '-' line and at least one '+' line")
	if (new_count == 1 && new[1] == old)
		fail("changes nothing")
	if ("nth" in header && header["nth"] !~ /^[1-9][0-9]*$/)
		fail("nth: expected a number from 1, found '" header["nth"] "'")
	src = header["file"]
	if (src !~ /^harness\/(consumer|handlers)\/[^\/]+\.c$/ || src == "harness/handlers/main.c")
		fail("file: expected a .c of harness/consumer or harness/handlers, found '" src "'")

	while ((status = (getline text <src)) > 0) {
		line[++line_count] = text
		if (trim(text) == old)
			at[++hits] = line_count
	}
	if (status < 0)
		fail("cannot read " src)
	if (!("nth" in header) && hits != 1)
		fail(sprintf("expected once in %s, found %d times: %s", src, hits, old))
	nth = "nth" in header ? header["nth"] + 0 : 1
	if (nth > hits)
		fail(sprintf("nth: expected 1 to %d in %s, found %d: %s", hits, src, nth, old))

	for (i = 1; i <= line_count; i++) {
		if (i != at[nth]) {
			print line[i]
			continue
		}
		match(line[i], /^[ \t]*/)
		for (j = 1; j <= new_count; j++)
			print substr(line[i], 1, RLENGTH) new[j]
	}
}
